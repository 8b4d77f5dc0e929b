"""The nodes of a configuration's file are kept for the next start, and change nothing of what is read from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from oncall_tui.config import files, kept_nodes, load
from oncall_tui.config.kept_nodes import KeptNodes, cache_folder
from oncall_tui.config.node import Node, NodeRow, from_rows, to_rows
from oncall_tui.config.nodes import Unreadable, compose
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers import registry

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(p for p in (ROOT / "config").glob("*.yaml") if "sources:" in p.read_text())
WITH_ALIASES = "a: &list [1, '2', {x: y}]\nb: *list\nc: !odd 3\nd: &self [*self]\n"


def composed(text: str, file: str, folder: Path) -> Node | None:
    """One start's reading of a file, whose configuration is right."""
    nodes = KeptNodes(folder)
    root = nodes.composed(text, file)
    nodes.keep()
    return root


def shape(node: Node) -> list[NodeRow]:
    return to_rows(node)


@pytest.fixture(autouse=True)
def folder_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "unsafe", lambda _place: "")  # a test's folder stands in one that everybody may write


@pytest.mark.parametrize("text", [p.read_text() for p in EXAMPLES] + [WITH_ALIASES], ids=lambda text: text[:20])
def test_nodes_are_the_same_from_the_file_and_from_what_was_kept(text: str, tmp_path: Path) -> None:
    fresh = compose(text, "c.yaml")
    assert fresh is not None
    first, second = composed(text, "c.yaml", tmp_path), composed(text, "c.yaml", tmp_path)
    assert first is not None
    assert second is not None
    assert shape(fresh) == shape(first) == shape(second) == shape(from_rows(to_rows(fresh)))


def test_an_alias_is_the_node_that_it_names() -> None:
    root = compose(WITH_ALIASES, "c.yaml")
    assert root is not None
    values = {name.value: value for name, value in from_rows(to_rows(root)).value}
    assert values["a"] is values["b"]
    assert values["d"].value == [values["d"]]


def test_yaml_is_not_read_again_for_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str, file: str) -> Node | None:
        read.append(text)
        return compose(text, file)

    monkeypatch.setattr(kept_nodes, "compose", counted)
    for text in ("a: 1", "a: 1", "a: 2", "a: 2", "a: 1"):
        composed(text, "c.yaml", tmp_path)
    assert read == ["a: 1", "a: 2", "a: 1"]


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"\xff\x00 no message",
        msgspec.msgpack.encode(["0.0.0", "a: 1", [["scalar", "t", "forged", "", 1, 1]]]),
        msgspec.msgpack.encode(["a", "b"]),
        msgspec.msgpack.encode([kept_nodes.__version__, "a: 1", [["mapping", "t", [[5, 6]], "", 1, 1]]]),
        msgspec.msgpack.encode([kept_nodes.__version__, "a: 1", [[1, 2]]]),
        msgspec.msgpack.encode([kept_nodes.__version__, "a: 1", []]),
    ],
    ids=["empty", "noise", "another version", "short", "a number too high", "half a row", "no row"],
)
def test_what_is_damaged_or_of_another_version_is_read_anew(held: bytes, tmp_path: Path) -> None:
    composed("a: 1", "c.yaml", tmp_path)
    (place,) = tmp_path.iterdir()
    place.write_bytes(held)
    root = composed("a: 1", "c.yaml", tmp_path)
    assert root is not None
    assert [(n.value, v.value) for n, v in root.value] == [("a", "1")]
    assert place.read_bytes() != held


def test_what_others_could_have_written_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composed("a: 1", "c.yaml", tmp_path)
    (place,) = tmp_path.iterdir()
    assert place.stat().st_mode & 0o777 == 0o600
    forged = [kept_nodes.__version__, "a: 1", [["scalar", "t", "forged", "", 1, 1]]]
    place.write_bytes(msgspec.msgpack.encode(forged))
    monkeypatch.setattr(files, "unsafe", lambda place: f"{place}, which others can write")
    root = composed("a: 1", "c.yaml", tmp_path)
    assert root is not None
    assert root.id == "mapping"


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert composed("a: 1", "c.yaml", blocked / "sub") is not None


def test_mistakes_have_their_places_on_the_second_start_too(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("sources:\n  - {name: a, provider: ecs, regoin: x}\nfoo: 1\n")
    said = []
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            load(registry.options_types(), str(config), kept=tmp_path / "kept")
        said.append(caught.value.mistakes)
    assert said[0] == said[1]
    assert any(":2:" in line for line in said[0])


def test_nothing_of_a_file_with_a_mistake_is_kept(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("sources:\n  - {name: pager, provider: pagerduty, token: not-really-a-token}\n")
    with pytest.raises(ConfigurationError):
        load(registry.options_types(), str(config), kept=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_what_is_no_yaml_is_said_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(Unreadable):
            composed("a: [", "c.yaml", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_the_users_own(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "oncall-tui"
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path("~/.cache/oncall-tui").expanduser()


def test_the_second_start_imports_no_yaml(tmp_path: Path) -> None:
    home = Path.home() / f".oncall-tui-test-{os.getpid()}"
    program = (
        "import sys; from oncall_tui import bootstrap; bootstrap.load_config(sys.argv[1]); print('yaml' in sys.modules)"
    )
    environ = {**os.environ, "XDG_CACHE_HOME": str(home)}
    try:
        said = [
            subprocess.run(
                [sys.executable, "-c", program, str(EXAMPLES[0])],
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(2)
        ]
    finally:
        for one in (home / "oncall-tui").glob("*"):
            one.unlink()
        for folder in (home / "oncall-tui", home):
            if folder.exists():
                folder.rmdir()
    assert said == ["True\n", "False\n"]
