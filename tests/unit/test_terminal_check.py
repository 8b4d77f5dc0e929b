"""Why the board cannot be drawn is said in words; and the environment does not steer Textual."""

from __future__ import annotations

import io
import sys

import pytest

from oncall_tui.cli.terminal_check import settle, why_no_board


class Stream(io.TextIOWrapper):
    """A standard stream that is a terminal, or is not."""

    def __init__(self, terminal: bool = True, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the standard streams terminals. Called by the test itself: pytest sets its own before each."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Stream())


GOOD = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
@pytest.mark.parametrize("stream", [None, Stream(terminal=False)])
def test_a_stream_that_is_no_terminal_is_named_and_so_is_status(
    monkeypatch: pytest.MonkeyPatch, name: str, stream: Stream | None
) -> None:
    terminals(monkeypatch)
    assert why_no_board(GOOD) is None
    monkeypatch.setattr(sys, name, stream)
    why = why_no_board(GOOD)
    assert why is not None
    assert f"{name} is not a terminal" in why[0]
    assert "`oncall-tui status`" in why[1]


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"TERM": "dumb"}, "TERM=dumb"),
        ({"TERM": ""}, "TERM is not set"),
        ({"TERM": "unknown"}, "TERM=unknown"),
        ({"LANG": "ja_JP.eucJP"}, "LANG is ja_JP.eucJP"),
        ({"LC_ALL": "ja_JP.eucJP"}, "LC_ALL is ja_JP.eucJP"),
        ({"LC_CTYPE": "de_DE.ISO-8859-15@euro"}, "LC_CTYPE is de_DE.ISO-8859-15@euro"),
        ({"LC_ALL": "ja_JP.SJIS", "LANG": "C.UTF-8"}, "LC_ALL is ja_JP.SJIS"),
    ],
)
def test_a_terminal_that_cannot_show_it_is_named(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], named: str
) -> None:
    terminals(monkeypatch)
    why = why_no_board({**GOOD, **environ})
    assert why is not None
    assert named in why[0]
    assert "`oncall-tui status`" in why[1]


@pytest.mark.parametrize("environ", [{"LC_ALL": "C.utf8"}, {"LANG": "C"}, {"LANG": ""}, {"LC_ALL": "en_US.UTF-8"}])
def test_a_locale_that_python_takes_for_utf8_is_none_to_complain_of(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    terminals(monkeypatch)
    assert why_no_board({**GOOD, **environ}) is None


def test_an_encoding_that_lacks_signs_is_named_with_the_variable_that_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminals(monkeypatch)
    monkeypatch.setattr(sys, "stderr", Stream(encoding="latin-1"))
    why = why_no_board({**GOOD, "LANG": "de_DE"})
    assert why is not None
    assert why[0].endswith("encoding is latin-1")
    assert "LANG=C.UTF-8" in why[1]
    why = why_no_board({**GOOD, "PYTHONIOENCODING": "latin-1"})
    assert why is not None
    assert "PYTHONIOENCODING is latin-1" in why[0]
    assert "unset PYTHONIOENCODING" in why[1]


def test_nothing_in_the_environment_steers_textual() -> None:
    environ = {
        "TEXTUAL": "headless",
        "TEXTUAL_PRESS": "a",
        "TEXTUAL_LOG": "/x",
        "COLUMNS": "9",
        "LINES": "9",
        "PATH": "",
    }
    settle(environ)
    assert environ == {"PATH": ""}
