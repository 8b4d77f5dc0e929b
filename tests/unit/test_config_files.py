"""The files of the configuration: where they are looked for, how one is laid over another, and whose they may be."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.configuration import OPTIONS, SOURCE, write

from oncall_tui import config
from oncall_tui.cli import group
from oncall_tui.config import files
from oncall_tui.config.nodes import MAX_BYTES
from oncall_tui.errors import ConfigurationError

LITERAL = "xK7pQ9zLmW3vN8rT"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, dict[str, str]]:
    """The team's file, one's own, and an environment that leads to it."""
    team = tmp_path / "etc" / "config.yaml"
    monkeypatch.setattr(files, "TEAM_FILE", team)
    return team, tmp_path / "xdg/oncall-tui/config.yaml", {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}


def test_without_any_file_it_names_what_helps(places: tuple[Path, Path, dict[str, str]]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(OPTIONS, environ=places[2])
    assert "no configuration" in caught.value.message
    assert "oncall-tui demo" in caught.value.hint
    assert "oncall-tui init" in caught.value.hint


def test_the_argument_wins_then_the_environment_then_both_files(places: tuple[Path, Path, dict[str, str]]) -> None:
    team, own, environ = places
    write(team, "")
    assert config.find(environ=environ) == (team,)
    write(own, "")
    assert config.find(environ=environ) == (team, own)
    environ["ONCALL_TUI_CONFIG"] = "/other.yaml"
    assert config.find(environ=environ) == (Path("/other.yaml"),)
    assert config.find("/chosen.yaml", environ) == (Path("/chosen.yaml"),)


def test_ones_own_file_is_found_without_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    own = Path("/home/alice/.config/oncall-tui/config.yaml")
    assert files.own_file({}) == own
    assert files.own_file({"XDG_CONFIG_HOME": "not/absolute"}) == own


def test_ones_own_file_is_laid_over_the_teams(places: tuple[Path, Path, dict[str, str]]) -> None:
    team, own, environ = places
    write(
        team,
        f"""
timezone: UTC
read_only: true
sources:
  {SOURCE}}}
  {SOURCE.replace("one", "two")}}}
products: [{{name: pay, owner: team}}, {{name: web}}]
screen: {{mouse: true, theme: dark, keys: {{a: x, b: y}}}}
""",
    )
    write(
        own,
        f"""
me: {{name: Alice}}
timezone: Asia/Tokyo
sources:
  {SOURCE.replace("one", "three")}}}
  {SOURCE}, count: 7}}
products: [{{name: pay, owner: me}}]
screen: {{theme: light, keys: {{b: z}}, views: {{mine: pay}}}}
""",
    )
    loaded = config.load(OPTIONS, environ=environ)
    assert loaded.me == config.Me(name="Alice")
    assert loaded.timezone == "Asia/Tokyo"
    assert loaded.read_only is True
    assert [(source.name, getattr(source, "count", 0)) for source in loaded.sources] == [
        ("one", 7),
        ("two", 0),
        ("three", 0),
    ]
    assert [(product.name, product.owner) for product in loaded.products] == [("pay", "me"), ("web", "")]
    assert loaded.screen == config.Screen(mouse=True, theme="light", keys={"a": "x", "b": "z"}, views={"mine": "pay"})
    assert loaded.files == (str(team), str(own))


def test_mistakes_of_all_files_come_together(places: tuple[Path, Path, dict[str, str]]) -> None:
    team, own, environ = places
    write(team, "read_only: yes")
    write(own, "tiemzone: x")
    with pytest.raises(ConfigurationError) as caught:
        config.load(OPTIONS, environ=environ)
    assert [line.split(":")[0] for line in caught.value.mistakes] == [str(team), str(own)]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "latin").write_bytes(b"me: {name: A}\ntimezone: \xff\n")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    wanted = {
        "none": "expected a file, found none",
        "": "expected a file, found a folder",
        "pipe": "expected a file, found no regular file",
        "big": "expected at most 1000 kB, found more",
        "latin": "latin:2:11: expected text in UTF-8, found a byte that is not UTF-8",
        "loop": "expected a file that you can read, found ",
        "a\0b": "expected a file that you can read, found ",
        "latin/x": "expected a file that you can read, found not a directory",
    }
    for name, text in wanted.items():
        with pytest.raises(ConfigurationError) as caught:
            config.load_files([str(tmp_path / name) if name else tmp_path], OPTIONS)
        assert text in caught.value.mistakes[0], name


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_is_not_ours_to_read(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", "", 0o000)
    with pytest.raises(ConfigurationError, match="expected a file that you can read, found permission denied"):
        config.load_files([path], OPTIONS)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfread_only: true\r\n")
    assert config.load_files([path], OPTIONS).read_only


RUNS = [f"sources:\n  {SOURCE}, token: {{command: [a]}}}}", f"sources:\n  {SOURCE}, login: [a]}}"]


@pytest.mark.parametrize("text", RUNS)
@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "good"),
    [
        (0o600, 0o700, True),
        (0o644, 0o755, True),
        (0o664, 0o755, False),
        (0o646, 0o755, False),
        (0o600, 0o777, False),
        (0o600, 0o1777, True),
    ],
)
def test_a_file_that_runs_commands_is_ours_alone(
    tmp_path: Path, text: str, file_mode: int, folder_mode: int, good: bool
) -> None:
    path = write(tmp_path / "folder" / "c.yaml", text, file_mode)
    path.parent.chmod(folder_mode)
    if good:
        assert config.load_files([path], OPTIONS).sources
        return
    with pytest.raises(ConfigurationError) as caught:
        config.load_files([path], OPTIONS)
    culprit = path if file_mode & 0o022 else path.parent
    assert re.search(r":2:\d+: sources\[0\]\.(token|login): expected a file that only you", caught.value.mistakes[0])
    assert f"{culprit}, which others can write (chmod go-w {culprit})" in caught.value.mistakes[0]


HAS_SECRETS = ("{env: A}", "{file: /no/such}")


@pytest.mark.parametrize("secret", HAS_SECRETS)
def test_a_file_that_anybody_can_write_names_no_secrets(tmp_path: Path, secret: str) -> None:
    """Whoever writes it can have them sent to an address of theirs. A group that shares it is warned of."""
    path = write(tmp_path / "folder" / "c.yaml", f"sources:\n  {SOURCE}, token: {secret}}}", 0o666)
    with pytest.raises(ConfigurationError, match=r"because it says where a secret is sent, found .*others can write"):
        config.load_files([path], OPTIONS)
    path.chmod(0o660)
    (warning,) = config.load_files([path], OPTIONS).warnings
    assert f"{path}, which others can write (chmod go-w {path})" in warning
    path.chmod(0o600)
    path.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="where a secret is sent"):
        config.load_files([path], OPTIONS)
    path.parent.chmod(0o1777)
    assert config.load_files([path], OPTIONS).warnings == ()


@pytest.mark.parametrize("secret", [*HAS_SECRETS, "{command: [a]}"])
@pytest.mark.parametrize("far", [1, 2, 3])
def test_a_folder_above_the_files_folder_counts_too(tmp_path: Path, secret: str, far: int) -> None:
    """Its folder could be renamed there, and another one put in its place."""
    path = write(tmp_path / "a" / "b" / "c" / "c.yaml", f"sources:\n  {SOURCE}, token: {secret}}}")
    above = path.parents[far - 1]
    above.chmod(0o777)
    with pytest.raises(ConfigurationError, match=f"found {above}, which others can write"):
        config.load_files([path], OPTIONS)
    (tmp_path / "link.yaml").symlink_to(path)
    with pytest.raises(ConfigurationError, match=f"found {above}, which others can write"):
        config.load_files([tmp_path / "link.yaml"], OPTIONS)


def test_a_file_without_commands_and_secrets_may_be_shared(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", f"sources:\n  {SOURCE}}}", 0o666)
    assert config.load_files([path], OPTIONS).warnings == ()


def test_a_file_of_another_user_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "c.yaml", RUNS[0])
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigurationError, match=r"which another user owns \(chown it\)"):
        config.load_files([path], OPTIONS)


def test_a_link_is_followed_to_what_it_names(tmp_path: Path) -> None:
    write(tmp_path / "real" / "c.yaml", RUNS[0], 0o666)
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real" / "c.yaml")
    with pytest.raises(ConfigurationError, match="which others can write"):
        config.load_files([tmp_path / "link.yaml"], OPTIONS)


def test_a_secrets_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    secret = write(tmp_path / "token", LITERAL, 0o644)
    path = write(tmp_path / "c.yaml", f"sources:\n  {SOURCE}, token: {{file: ./token}}}}")
    loaded = config.load_files([path], OPTIONS)
    assert loaded.warnings == (f"{path}: sources[0].token: {secret} can be read by others (chmod go-rw {secret})",)
    secret.chmod(0o600)
    loaded = config.load_files([path], OPTIONS)
    assert loaded.warnings == ()
    assert loaded.sources[0].token.get() == LITERAL  # type: ignore[attr-defined]


def test_a_product_of_a_source_that_nobody_has_is_a_warning() -> None:
    text = f"sources:\n  {SOURCE}}}\nproducts: [{{name: pay, services: [onne/*/*, o*/*/*]}}]\n"
    assert config.load_text(text, OPTIONS).warnings == (
        'product pay: "onne/*/*" names no configured source; did you mean one?',
    )


# --- files that configure nothing to read -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# only words\n", "{}", "sources: []\n", "timezone: UTC\nme: {name: Alice}\n"])
def test_a_configuration_without_a_source_is_refused_and_says_what_to_do(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    write(file, text)
    with pytest.raises(ConfigurationError) as caught:
        config.load(OPTIONS, str(file))
    assert caught.value.message.startswith(f"no source is configured in {file}")
    assert f"`sources:` in {file}" in caught.value.hint
    assert "oncall-tui init" in caught.value.hint


def test_a_file_that_is_named_and_missing_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(OPTIONS, str(tmp_path / "none.yaml"))
    assert caught.value.message == f"{tmp_path}/none.yaml does not exist"
    assert caught.value.hint == f"`oncall-tui init {tmp_path}/none.yaml` writes one to fill in"


@pytest.mark.parametrize("command", ["board", "status", "check", "ack x/1", "oncall", "journal", "handover"])
def test_every_command_refuses_a_configuration_without_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    board = import_module("oncall_tui.cli.open_board")
    monkeypatch.setattr(board, "why_no_board", lambda: None)
    monkeypatch.setattr(board, "settle", lambda: None)
    file = tmp_path / "config.yaml"
    write(file, "")
    ended = CliRunner().invoke(group.cli, ["--config", str(file), *command.split()]).exception
    assert isinstance(ended, ConfigurationError)
    assert "no source is configured" in ended.message
