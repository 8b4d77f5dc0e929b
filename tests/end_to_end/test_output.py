"""Whether something can be printed never changes what happened: each writing command, with each stdout that fails, and
interrupted at each stage.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_commands import DONE, NOT_DONE, UNKNOWN, WRONG, Answer, Shell
from tests.end_to_end.test_destinations import API, SCENARIO
from tests.end_to_end.world import World, until, written

EUC = {"LANG": "ja_JP.eucJP", "LC_ALL": "ja_JP.eucJP", "PYTHONUTF8": "0", "PYTHONIOENCODING": "euc_jp"}
ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
LOCALES = {"eucJP": EUC, "C": ASCII}


@contextmanager
def _to(where: str) -> Iterator[Any]:
    """Something for stdout or stderr that takes nothing."""
    if where == "full":
        with Path("/dev/full").open("w") as stream:
            yield stream
        return
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def ended(shell: Acting, how: str, *arguments: str) -> tuple[int, str, str]:
    """Run a command with its output going to *how*: its exit code, and what could be read of both streams."""
    command = [sys.executable, "-m", "oncall_tui", "--config", str(shell.config), *arguments]
    env = {**shell.world.env, **LOCALES.get(how, {})}
    run: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": env, "timeout": 90}
    if how in LOCALES:
        done = subprocess.run(command, capture_output=True, **run)
    elif how == "closed":
        closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
        done = subprocess.run(closed, stderr=subprocess.PIPE, **run)
    elif how == "both closed":
        done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], **run)
    elif how == "both full":
        with _to("full") as full:
            done = subprocess.run(command, stdout=full, stderr=full, **run)
    else:
        with _to(how) as stream:
            done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, **run)
    out, err = ((held or b"").decode(env.get("PYTHONIOENCODING", "utf-8")) for held in (done.stdout, done.stderr))
    assert "Traceback" not in err, err
    assert "Exception ignored" not in err, err
    return done.returncode, out, err


class Acting(Shell):
    """A shell on the scenario's one alert."""

    @property
    def row(self) -> str:
        (found,) = self.world.state["alerts"]
        return f"prom/{found['fingerprint']}"


@pytest.fixture
def shell(make_world: Callable[..., World], tmp_path: Path) -> Acting:
    world = make_world("--scenario", written(tmp_path, SCENARIO))
    until(lambda: world.service(API)["task_definition"].endswith(":42"), "the bad deploy begins")
    return Acting(world)


@pytest.mark.parametrize(
    "how", ["C", *(pytest.param(how, marks=pytest.mark.everything) for how in ("full", "both closed", "pipe", "eucJP"))]
)
def test_what_was_done_is_told_by_the_exit_code_whatever_can_be_printed(shell: Acting, how: str) -> None:
    world, row = shell.world, shell.row

    def does(*arguments: str) -> str:
        code, out, err = ended(shell, how, *arguments)
        assert code == DONE, (arguments, code, out, err)
        return out + err

    def silences() -> list[str]:
        return [s["status"]["state"] for s in world.state["silences"]]

    said = does("note", row, "見ました → rolling back")
    assert [e.data["state"] for e in world.entries("outcome")][-1] == "done"
    if how == "full":
        does("ack", row)
        assert silences() == ["active"]
        does("unack", row)
        assert silences() == ["expired"]
    does("silence", row, "--for", "1h", "--reason", "調査中", "--yes")
    assert "active" in silences()
    if how == "C":
        assert said.startswith("done: ")
        assert "\\u" not in said
    if how == "pipe":
        assert "standard output" not in said  # its reader left because it had enough
    if how != "full":
        return
    assert "standard output: No space left on device" in said
    does("escalate", row, "--to", "send:chat", "--yes")
    does("handover", "--to", "chat", "--yes")
    assert len(world.state["told"]["chat"]) >= 2
    does("rollback", "shop-api", "--yes", "--confirm", "shop-api", "--wait", "--steady", "1")
    assert world.service(API)["task_definition"].endswith(":41")


@pytest.mark.everything
def test_what_only_prints_exits_1_where_it_could_not(shell: Acting) -> None:
    for how in ("full", "closed", "pipe", "both full"):
        for command in (["--help"], ["ack", "--help"], ["--version"], ["status", "--json"], ["journal"]):
            code, _, err = ended(shell, how, *command)
            assert code == NOT_DONE, (how, command, err)
            assert ("standard output" in err) is (how in ("full", "closed")), (how, command, err)


@pytest.mark.everything
def test_a_board_is_printed_in_every_locale(shell: Acting) -> None:
    for how in LOCALES:
        code, out, err = ended(shell, how, "status")
        assert code == DONE, err
        assert "SERVICES" in out
        code, out, err = ended(shell, how, "status", "--json")
        assert code == DONE, err
        assert out.startswith("{")


def test_what_is_no_text_is_not_sent(shell: Acting) -> None:
    row = shell.row
    command = [sys.executable, "-m", "oncall_tui", "--config", str(shell.config), "note", row, b"caf\xe9"]
    done = subprocess.run(command, env=shell.world.env, capture_output=True, timeout=60)
    assert done.returncode == WRONG
    assert b"encoding" in done.stderr
    assert not shell.world.entries("intent")


def test_following_ends_where_nobody_reads_it_any_more(shell: Acting) -> None:
    code, _, err = ended(shell, "pipe", "deploys", "--watch")
    assert code == NOT_DONE, err
    code, _, err = ended(shell, "pipe", "deploys", API, "--watch")
    assert code == UNKNOWN, err  # the deploy goes on, and nobody can tell how it ends


def test_following_that_is_interrupted_says_that_the_deploy_goes_on(shell: Acting) -> None:
    process = shell.start("deploys", "shop-api", "--watch")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    answer = Answer(process, 20)
    assert API in first
    assert answer.code == UNKNOWN, answer
    assert "interrupted: no longer followed, and the deploy goes on" in answer.err


# --- Ctrl+C -----------------------------------------------------------------------------------------------------------


def interrupted(shell: Acting, when: Callable[[], object], *arguments: str, number: int = signal.SIGINT) -> Answer:
    process = shell.start(*arguments)
    until(lambda: when() or process.poll() is not None, "the stage at which it is interrupted")
    process.send_signal(number)
    return Answer(process, 20)


def test_interrupted_before_anything_is_sent(shell: Acting) -> None:
    row = shell.row
    shell.world.fault("hang", "prom")
    calls = shell.world.calls()["prom"]
    answer = interrupted(shell, lambda: shell.world.calls()["prom"] > calls, "ack", row)
    assert answer.code == NOT_DONE
    assert "interrupted: nothing was sent" in answer.err
    assert shell.world.writes("prom") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_is_checked_nothing_goes_out(shell: Acting, number: int) -> None:
    """It reads once more just before it sends; what is taken back there is never sent."""
    service = shell.world.service(API)["task_definition"]
    process = shell.start("silence", shell.row, "--for", "1h", "--reason", "x", "--yes")
    journal = shell.world.journal
    asked = until(lambda: process.poll() is not None or journal.exists(), "it started")
    assert asked
    process.send_signal(number)
    answer = Answer(process, 20)
    states = [e.data["state"] for e in shell.world.entries("outcome")]
    if shell.world.writes("prom"):
        assert answer.code in (DONE, UNKNOWN), answer
    else:
        assert answer.code != DONE
        assert "done" not in states
    assert shell.world.service(API)["task_definition"] == service


@pytest.mark.parametrize("as_json", [False, True])
def test_interrupted_while_it_goes_on(shell: Acting, as_json: bool) -> None:
    world = shell.world
    more = ["--json"] if as_json else []
    answer = interrupted(
        shell,
        lambda: world.writes("prod"),
        *("rollback", API, "--yes", "--confirm", "shop-api", "--wait", "--steady", "600", *more),
    )
    assert answer.code == UNKNOWN, answer
    told = answer.json if as_json else {}
    words = told.get("message", "") + told.get("hint", "") or answer.out + answer.err
    assert "interrupted: it was sent and continues" in words
    assert f"oncall-tui deploys {API} --watch" in words
    assert "Aborted" not in answer.err
    until(lambda: world.service(API)["task_definition"].endswith(":41"), "it went on")


def test_interrupted_while_its_answer_hangs(shell: Acting) -> None:
    row = shell.row
    shell.world.fault("hang", "prom", writes_only=True, after_effect=True)
    answer = interrupted(shell, lambda: shell.world.writes("prom"), "ack", row)
    assert answer.code == UNKNOWN, answer
    assert answer.out.startswith(f"unknown: {row}: interrupted: it was sent")


def test_interrupted_while_a_handover_is_on_its_way(shell: Acting) -> None:
    shell.world.fault("hang", "chat")
    before = shell.world.control("GET", "calls")["sources"].get("chat", {})
    answer = interrupted(
        shell,
        lambda: shell.world.control("GET", "calls")["sources"].get("chat", {}) != before,
        *("handover", "--to", "chat", "--yes"),
    )
    assert answer.code == UNKNOWN, answer
    assert "it may have been sent to chat" in answer.err


def test_interrupted_again_and_again_at_its_end(shell: Acting) -> None:
    """From the send on an interrupt changes no exit code, also while others are notified and the end is said."""
    row = shell.row
    process = shell.start("ack", row)
    until(lambda: shell.world.writes("prom"), "it is sent")
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    answer = Answer(process, 20)
    assert answer.code in (DONE, UNKNOWN), answer
    assert answer.out.startswith(("done: ", "unknown: "))
