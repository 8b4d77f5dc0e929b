"""The one door of the commands: nothing raises, one field is one line, every character has a form in every encoding."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oncall_tui import cli
from oncall_tui.cli import alert_commands as acting
from oncall_tui.cli import output
from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Actor, Plan

FORGED = "x\ndone: prod/api: rolled back\r\n\x1b[2Jdone\u2028done\x85done\tdone"


def written(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8") -> tuple[io.BytesIO, io.BytesIO]:
    held = io.BytesIO(), io.BytesIO()
    for name, stream in zip(("stdout", "stderr"), held, strict=True):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=encoding, errors="strict"))
    return held


def test_one_field_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = written(monkeypatch)
    output.put(FORGED, FORGED)
    output.put_fields("id", FORGED, "last")
    output.say(FORGED)
    plan = Plan(
        id="1",
        verb=Verb.NOTE,
        source="prom",
        target="prom/1",
        version="v",
        actor=Actor("Alice"),
        made_at=0.0,
        title=FORGED,
        lines=(("what", FORGED),),
        warnings=(FORGED,),
        affects=(FORGED,),
    )
    acting.show_plan(plan)
    said, told = out.getvalue().decode(), err.getvalue().decode()
    assert len(said.splitlines()) == 3
    assert said.splitlines()[2].count("\t") == 2
    assert len(told.splitlines()) == 1 + 4
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", said.replace("\n", "") + told.replace("\n", ""))


def test_a_plan_that_affects_its_own_target_names_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    plan = Plan(
        id="1",
        verb=Verb.SILENCE,
        source="alarms",
        target="alarms/1",
        version="v",
        actor=Actor("Alice"),
        made_at=0.0,
        title="mute",
        affects=("alarms/1", "alarms/2"),
    )
    acting.show_plan(plan, lambda *lines: bool(shown.extend(lines)))
    assert shown == ["mute", "  also affects: alarms/2"]
    assert plan.others == ("alarms/2",)


@pytest.mark.parametrize("encoding", ["ascii", "euc_jp", "latin-1", "utf-8"])
def test_every_character_has_a_form_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = written(monkeypatch, encoding)
    assert output.put(":41→:42 · 決済 … 🔥 \udce9")
    assert output.say(":41→:42 · 決済 … 🔥 \udce9")
    assert output.put_json({"title": "決済 🔥"})
    shown = out.getvalue().decode(encoding)
    assert shown.startswith(":41")
    assert "\\u2192" not in shown + err.getvalue().decode(encoding)


def test_each_way_in_which_a_stream_fails_is_kept_and_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "lost", "")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert not output.put("x")
        assert not output.put("x")
    assert output.lost == "No space left on device"
    monkeypatch.setattr(output, "lost", "")
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert not output.put("x")
    assert not output.say("x")
    assert not output.ask("Send it?")  # nobody can have read the question
    output.flush()


def test_a_stream_without_a_file_that_fails_leaves_none_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: str) -> int:
        raise OSError(28, "No space left on device")

    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "write", full)
        monkeypatch.setattr(sys, "stdout", stream)
        output.put("a line")
    assert len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_asked_where_the_question_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    written(monkeypatch)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert output.ask("Send it?")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    monkeypatch.setattr(sys, "stderr", None)
    assert not output.ask("Send it?")


class Bug(Exception):
    """Raised where nobody expects it."""


@pytest.mark.parametrize("how", [Bug("x"), SystemExit(1)])
@pytest.mark.parametrize("code", [0, 3])
def test_whatever_goes_wrong_after_something_was_sent_the_code_stays_the_outcomes(
    how: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(arguments: list[str] | None) -> int:
        cli.sent.code = code
        raise how

    monkeypatch.setattr(cli, "_run", run)
    monkeypatch.setattr(cli.sent, "code", None)
    monkeypatch.setattr(cli.signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as error:
        cli.main([])
    assert error.value.code == code


def test_a_bug_before_anything_was_sent_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: list[str] | None) -> int:
        raise Bug("x")

    monkeypatch.setattr(cli, "_run", run)
    monkeypatch.setattr(cli.sent, "code", None)
    with pytest.raises(Bug):
        cli.main([])


def test_a_configuration_that_was_written_is_not_told_as_failed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "oncall_tui", "init", str(tmp_path / "c.yaml")]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, stdout=full, check=False).returncode == 0
    assert (tmp_path / "c.yaml").exists()


def test_every_command_prints_through_the_door_alone() -> None:
    folder = Path(cli.__file__).parent
    wild = re.compile(r"click\.(echo|secho|confirm|prompt)|\bprint\(|sys\.std(out|err)\.(write|flush)")
    found = {p.name for p in folder.glob("*.py") if wild.search(p.read_text().replace("_print(", ""))}
    assert found <= {"board.py"}, found
