"""Every command of the tree, however its output fails, and interrupted: an exit code, and no exception."""

from __future__ import annotations

import errno
import io
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from oncall_tui import bootstrap, cli
from oncall_tui.cli import COMMANDS, DONE, NOT_DONE, WRONG_USE, group, output

NAMES = [name for name in COMMANDS if name not in ("drill", "demo")]  # they start another program


class Failing(io.StringIO):
    """A stream that takes nothing."""

    encoding = "utf-8"

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


FAILING: dict[str, Callable[[], io.StringIO | None]] = {
    "closed": lambda: None,
    "full": lambda: Failing(OSError(errno.ENOSPC, "No space left on device")),
    "a pipe that nobody reads": lambda: Failing(BrokenPipeError(errno.EPIPE, "Broken pipe")),
    "an input/output error": lambda: Failing(OSError(errno.EIO, "Input/output error")),
    "closed by somebody": lambda: Failing(ValueError("I/O operation on closed file.")),
}


def arguments(name: str) -> list[str]:
    """Return what the command needs at least."""
    command = group.cli.get_command(click.Context(group.cli, obj={"config": "", "read_only": False}), name)
    assert command is not None
    needed = ["x/y"] * sum(isinstance(p, click.Argument) and p.required for p in command.params)
    needed += [word for p in command.params if isinstance(p, click.Option) and p.required for word in (p.opts[0], "1h")]
    return [name, *needed]


def ended(
    monkeypatch: pytest.MonkeyPatch, words: list[str], out: io.StringIO | None, err: io.StringIO | None
) -> object:
    monkeypatch.setattr(output, "lost", "")
    monkeypatch.setattr(cli.sent, "code", None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(output, "settle_streams", lambda: None)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    return end.value.code


@pytest.mark.parametrize("how", FAILING)
def test_no_command_fails_otherwise_because_it_cannot_print(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"journal: {tmp_path / 'journal.db'}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (name for name in NAMES if name != "record"):  # which runs on: tests/end_to_end/test_record.py
        for words in (["--help"], [name, "--help"], ["--config", str(path), *arguments(name)]):
            if words[-1] == "init":
                words = [*words, str(tmp_path / f"{how.replace('/', '')}.yaml")]
            codes = [
                ended(monkeypatch, words, *streams)
                for streams in ((io.StringIO(), io.StringIO()), (FAILING[how](), io.StringIO()))
            ]
            both = ended(monkeypatch, words, FAILING[how](), FAILING[how]())
            assert {*codes, both} <= {DONE, NOT_DONE, WRONG_USE}, (name, words)
            if words[-1] == "--help":
                assert (codes, both) == ([DONE, NOT_DONE], NOT_DONE), (name, words)
            elif codes[0] != DONE:  # what had failed anyway fails alike
                assert codes[1] == both == codes[0], (name, words)


@pytest.mark.parametrize("name", [*(name for name in NAMES if name not in ("init", "completion", "schema", "man")), ""])
def test_an_interrupt_before_anything_is_sent_is_said_by_every_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "load_config", interrupted)
    monkeypatch.setattr("oncall_tui.cli.open_board.why_no_board", lambda: None)
    err = io.StringIO()
    assert ended(monkeypatch, arguments(name) if name else [], io.StringIO(), err) == NOT_DONE
    assert err.getvalue() == "oncall-tui: interrupted: nothing was sent\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--read-only"],
        ["--config", "a.yaml"],
        ["--config", "a b", "--read-only"],
        ["--config", "a", "--config", "b"],
    ],
)
def test_the_board_without_click_takes_what_click_would(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, bool]] = []
    monkeypatch.setattr("oncall_tui.cli.board.open_board", lambda *given: opened.append(given) or DONE)
    with pytest.raises(SystemExit):
        group.run(words)
    assert cli.options_of_board(words) == opened[0]


@pytest.mark.parametrize("words", [["status"], ["--config"], ["--config", "--read-only"], ["-h"], ["board"], ["--x"]])
def test_what_is_not_plain_is_left_to_click(words: list[str]) -> None:
    assert cli.options_of_board(words) is None
