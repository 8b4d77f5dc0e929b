"""A shell's completion: the script, its answers from the kept names, and the file that keeps them."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import completion_table

from oncall_tui import cli
from oncall_tui.cli import completion, group
from oncall_tui.engine import kept_names
from oncall_tui.engine.kept_names import MOST_NAMES, keep, path_of, read
from oncall_tui.runtime.secret import keep_secret
from oncall_tui.tui.saved_view import Keep, SavedView

NAMES = {
    "sources": [("prod", "ecs"), ("prom", "alertmanager")],
    "alerts": [
        ("prom/898a55cb", "payments-api: 5xx"),
        ("alarms/api:5xx rate, high", "a name with signs"),
        ("evil/$(touch PWNED);x y'z\"", "from outside"),
        ("night/Foo bar é$(touch PWNED)", "no locale of C prints it"),
        ("night/plain", ""),
        ("tick/`touch PWNED`", ""),
    ],
    "services": [
        ("prod/prod-main/payments-api", "healthy"),
        ("prod/prod-main/auth", "healthy"),
        ("edge/edge-main/auth", "unhealthy"),
    ],
    "incidents": [("01JQ", "open: the night")],
    "destinations": [("ops", "")],
}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("ONCALL_TUI_CONFIG", raising=False)
    keep(path_of((), os.environ), NAMES)
    return tmp_path


def offered(line: str, shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv(cli.COMPLETE_VARIABLE, shell)
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == cli.DONE
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.splitlines()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("oncall-tui sta", ["plain,stats", "plain,status"]),
        ("oncall-tui rollback payments", ["plain,payments-api"]),
        ("oncall-tui rollback au", []),  # two services have the name
        ("oncall-tui rollback edge/", ["plain,edge/edge-main/auth"]),
        ("oncall-tui --read-only ack prom", ["plain,prom/898a55cb"]),
        ("oncall-tui ack alarms/api:5xx\\ ra", ["plain,alarms/api:5xx rate, high"]),
        ("oncall-tui handover --to ", ["plain,ops"]),
        ("oncall-tui handover --to=o", ["plain,ops"]),
        ("oncall-tui mark no", ["plain,noise"]),
        ("oncall-tui incident close 0", ["plain,01JQ"]),
        ("oncall-tui stats --by ho", ["plain,hour"]),
        ("oncall-tui deploys --wi", ["plain,--within"]),
        ("oncall-tui --config fi", ["file,fi"]),
        ("oncall-tui --config other.yaml ack prom", []),  # another configuration has other names
        ("oncall-tui man unac", ["plain,unack"]),
        ("oncall-tui note x/y ", []),
        ("oncall-tui status 'open", []),
    ],
)
def test_what_may_stand_at_the_cursor(
    line: str, found: list[str], state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered(line, "bash", monkeypatch, capsys) == found


def test_zsh_and_fish_are_told_what_it_is(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "oncall-tui import --source=prom"
    assert offered(line, "zsh", monkeypatch, capsys) == ["plain", "prom", "alertmanager"]
    assert offered(line, "fish", monkeypatch, capsys) == ["plain,--source=prom\talertmanager"]


def test_a_completion_imports_no_command_and_no_engine(state: Path) -> None:
    code = "import sys\nfrom oncall_tui.cli import main\ntry: main([])\nexcept SystemExit: print(*sys.modules)"
    env = {**os.environ, cli.COMPLETE_VARIABLE: "bash", "COMP_WORDS": "oncall-tui ack prom"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    first, modules = done.stdout.splitlines()
    assert first == "plain,prom/898a55cb"
    loaded = set(modules.split())
    assert loaded.isdisjoint({"msgspec", "yaml", "asyncio", "sqlite3", "textual", "botocore", "httpx"})
    assert {name for name in loaded if name.startswith("oncall_tui.cli.")} == {
        "oncall_tui.cli.completion",
        "oncall_tui.cli.completion_table",
        "oncall_tui.cli.output",
    }


def test_the_table_is_made_from_the_commands() -> None:
    assert completion_table.FILE.read_text() == completion_table.made(), "python -m tests.support.completion_table"


@pytest.mark.parametrize("shell", completion.SCRIPTS)
def test_each_script_is_one_of_its_shell(shell: str) -> None:
    result = CliRunner().invoke(group.cli, ["completion", shell])
    assert (result.exit_code, result.output) == (0, completion.SCRIPTS[shell])
    if found := shutil.which(shell):
        subprocess.run([found, "-n", "-c", result.output] if shell != "fish" else [found, "--version"], check=True)


BASH = """
eval "$(oncall-tui completion bash)" && COMP_LINE="$1" COMP_POINT=${#1} && _oncall_tui_completion oncall-tui
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("oncall-tui ack evil", "evil/\\$\\(touch\\ PWNED\\)\\;x\\ y\\'z\\\""),
        ('oncall-tui ack "evil', ""),
        ("oncall-tui ack alarms/api:5", "5xx\\ rate\\,\\ high"),  # bash completes from the last colon on
        ("oncall-tui ack alarms/api:5xx\\ r", "5xx\\ rate\\,\\ high"),
        ("oncall-tui rollback prod/prod-main/p", "prod/prod-main/payments-api"),
        ("oncall-tui ack night/F", "$'night/Foo bar \\303\\251$(touch PWNED)'"),
        ('oncall-tui ack "night/Foo b', ""),  # $'...' within it is run
        ('oncall-tui ack "night/', "night/plain"),
        ("oncall-tui mark noise 'x y' \"a 'b\" night/p", "night/plain"),
        ("oncall-tui mark noise 'x \"y' night/F", "$'night/Foo bar \\303\\251$(touch PWNED)'"),
        ('oncall-tui mark noise "x \\" night/F', ""),  # the quote is still open
        ('oncall-tui ack "$(x "night/F', ""),
        ("oncall-tui ack tick", ""),  # within `...` it would be run
    ],
)
def test_bash_inserts_what_it_does_not_run(line: str, inserted: str, state: Path) -> None:
    folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C"}
    words = ["bash", "--norc", "-c", BASH, "x", line]
    done = subprocess.run(words, cwd=state, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == inserted
    assert not (state / "PWNED").exists()


# --- the file that keeps the names ------------------------------------------------------------------------------------


def test_the_file_is_its_owners_alone_and_keeps_what_others_wrote(state: Path) -> None:
    path = path_of((), os.environ)
    assert path == state / "oncall-tui" / "names.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not keep(path, {"incidents": [("01JQ", "open: the night")]})  # nothing new: not written
    assert keep(path, {"incidents": [("01JR", "x")]})
    assert read(path) == {**NAMES, "incidents": [("01JR", "x")]}
    assert [file.name for file in path.parent.iterdir()] == ["names.json"]


def test_what_cannot_be_typed_is_left_out_and_the_rest_is_bounded(state: Path) -> None:
    path = path_of((), os.environ)
    many = [(f"prom/{n}", "t" * 500) for n in range(MOST_NAMES + 50)]
    keep(path, {"alerts": [("a\nb", ""), ("\x1b[2J", ""), ("x" * 300, ""), (" y", ""), ("z", "\x1b]0;t\x07"), *many]})
    found = read(path)["alerts"]
    assert len(found) == MOST_NAMES
    assert found[0] == ("z", " ]0;t ")
    assert len(found[1][1]) == kept_names.MOST_WORDS


def test_a_secret_in_a_title_is_not_kept(state: Path) -> None:
    keep_secret("xK7pQ9zLmW3vN8rT")
    keep(path_of((), os.environ), {"alerts": [("prom/1", "login failed: xK7pQ9zLmW3vN8rT")]})
    assert read(path_of((), os.environ))["alerts"] == [("prom/1", "login failed: •••")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"alerts": 5}', '{"alerts": [["a"]]}', '{"a": [[1, 2]]}', "[" * 9000])
def test_a_file_that_is_none_of_ours_completes_nothing(text: str, state: Path) -> None:
    path = path_of((), os.environ)
    path.write_text(text)
    assert not any(read(path).values())
    os.unlink(path)
    os.mkfifo(path)
    assert read(path) == {}


def test_each_configuration_has_a_file_and_the_oldest_go(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(state / "c"))
    own = state / "c" / "oncall-tui" / "config.yaml"
    assert path_of((own,), os.environ) == path_of((), os.environ)
    paths = [path_of((f"{n}.yaml",), os.environ) for n in range(20)]
    assert len(set(paths)) == 20
    for at, path in enumerate(paths):
        keep(path, {"alerts": [("a", "")]})
        os.utime(path, (at, at))
    left = {path for path in paths if path.exists()}
    assert len(left) == kept_names.MOST_FILES
    assert paths[-1] in left
    assert path_of((), os.environ).exists()


def test_a_disk_that_fails_stops_no_command(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"sources: [{{name: prom, provider: alertmanager, url: 'http://127.0.0.1:9'}}]\njournal: {state}/j.db\n"
    )
    run = CliRunner().invoke(group.cli, ["--config", str(config), "incident", "new", "A night"])
    assert run.exit_code == 0, run.output
    ((ident, words),) = read(path_of((config,), os.environ))["incidents"]
    assert words == "open: A night"
    assert ident in run.output

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept_names, "keep", full)
    assert CliRunner().invoke(group.cli, ["--config", str(config), "incident", "list"]).exit_code == 0


def test_status_keeps_the_names_and_leaves_those_of_what_it_could_not_read(state: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"sources: [{{name: edge, provider: alertmanager, url: 'http://127.0.0.1:9'}}]\njournal: {state}/j.db\n"
        "products: [{name: payments, owner: '#pay'}]\n"
    )
    path = path_of((config,), os.environ)
    keep(path, {"alerts": NAMES["alerts"]})
    assert CliRunner().invoke(group.cli, ["--config", str(config), "status"]).exit_code == 1
    assert read(path) == {
        "alerts": NAMES["alerts"],
        "sources": [("edge", "alertmanager")],
        "products": [("payments", "#pay")],
        "destinations": [],
        "own_commands": [],
    }


def test_the_boards_thread_for_what_outlives_a_session_keeps_them_too(tmp_path: Path) -> None:
    written: list[str] = []
    writer = Keep(tmp_path / "view.json")
    writer.put_job(lambda: written.append("names"))
    writer.put(SavedView(kept=1))
    writer.close(5.0)
    assert (tmp_path / "view.json").exists()
    assert written in ([], ["names"])  # a session that ends waits for its view, not for them
    assert not writer.worker.alive


# --- manual pages -----------------------------------------------------------------------------------------------------


def test_every_command_has_a_manual_page_with_the_text_of_its_help(tmp_path: Path) -> None:
    result = CliRunner().invoke(group.cli, ["man", "--into", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert {file.name for file in tmp_path.iterdir()} == {
        "oncall-tui.1",
        *(f"oncall-tui-{name}.1" for name in cli.COMMANDS),
    }
    text = (tmp_path / "oncall-tui-rollback.1").read_text().replace("\\-", "-")
    assert "Without --wait it ends once AWS has taken it" in text
    assert ".B --confirm NAME\nThe service's name: required" in text
    pages = [file.read_text() for file in tmp_path.iterdir()]
    assert not [line for page in pages for line in page.splitlines() if re.match(r"[.'](?![A-Z]{1,2} ?)", line)]
    assert CliRunner().invoke(group.cli, ["man", "nothing"]).exit_code == cli.WRONG_USE
    if found := shutil.which("mandoc"):
        for file in tmp_path.iterdir():
            subprocess.run([found, "-Tlint", "-W", "error", str(file)], check=True)


def test_checks_json_says_what_its_text_does(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"sources: [{{name: prom, provider: alertmanager, url: 'http://127.0.0.1:9'}}]\njournal: {tmp_path}/j.db\n"
    )
    run = CliRunner().invoke(group.cli, ["--config", str(config), "check", "--json"])
    found = json.loads(run.output)
    assert run.exit_code == 1
    assert (found["good"], found["sources"][0]["state"], found["files"]) == (False, "offline", [str(config)])
    assert found["sources"][0]["hints"]
