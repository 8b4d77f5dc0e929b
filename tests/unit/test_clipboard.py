"""A copy is claimed only where it may arrive, and the words say what has to be set for it."""

from __future__ import annotations

import pytest
from textual.app import App

from oncall_tui.tui.terminal.clipboard import SENT_TO, route
from oncall_tui.tui.terminal.sound import notification
from oncall_tui.tui.widgets import clean_text


@pytest.mark.parametrize(
    ("environ", "sends", "named"),
    [
        ({"TERM": "xterm-256color"}, True, ""),
        ({}, True, ""),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, True, "set -s set-clipboard on"),
        ({"TERM": "tmux-256color"}, True, "set -s set-clipboard on"),  # tmux runs on the engineer's own machine
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0.host"}, False, "GNU screen"),
        ({"TERM": "screen"}, True, "GNU screen never does"),
        ({"TERM": "linux"}, False, "Linux console"),
    ],
)
def test_what_can_be_said_of_a_copy(environ: dict[str, str], sends: bool, named: str) -> None:
    way = route(environ)
    assert way.sends is sends
    assert named in way.words
    assert way.words.startswith(SENT_TO if sends else "not copied")


@pytest.mark.parametrize("term", ["xterm", "linux"])
def test_a_copy_that_cannot_arrive_is_not_sent_nor_claimed(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", term)
    app: App[None] = App()
    words = clean_text.copy(app, "text")
    assert (app.clipboard, words.startswith("not copied")) == (("", True) if term == "linux" else ("text", False))


def test_the_linux_console_gets_the_bell_alone() -> None:
    assert notification("PAGE x", {"TERM": "linux"}) == "\a"
    assert "PAGE x" in notification("PAGE x", {"TERM": "xterm"})
