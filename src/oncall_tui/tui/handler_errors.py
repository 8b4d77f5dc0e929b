"""The one door for a bug in what a key does: it is logged, the key is named, and the board goes on.

Textual ends the app at any error. That is right where the board cannot be drawn, because one that stands still lies; it
is wrong for one key of sixty. So the board survives an error in what a person did (a key, the mouse, a paste, and the
messages that widgets make of them), and a screen over the board that fails is closed. What draws or reads the board
ends it, as before.
"""

from __future__ import annotations

import logging
from typing import Protocol, runtime_checkable

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump

from oncall_tui.errors import OF_THE_MACHINE
from oncall_tui.runtime.secret import redact
from oncall_tui.text.cells import clean
from oncall_tui.tui.commands import COMMANDS, label

log = logging.getLogger(__name__)
THEN = "check its outcome before you press it again"
WHERE = "oncall-tui.log, beside the journal, has it"
_BY_HAND = (events.InputEvent, events.Paste)
_TEXTUALS_OWN = "textual.messages"  # drawing, callbacks: not of a person


@runtime_checkable
class Survivor(Protocol):
    """An app that goes on after an error in what a person did."""

    def survive(self, error: Exception) -> None:
        """Log it, and say which key failed."""


def name_of(key: str, action: str = "") -> str:
    """``R (roll back)``: the command of *action*, else the *key* that was pressed; ``the mouse`` where none was."""
    command = next((one for one in COMMANDS if one.call == action), None)
    return f"{label(command)} ({command.word})" if command is not None else key or "the mouse"


def words(name: str, error: Exception) -> str:
    """Word an error of the key *name*: what the machine lacks is no bug."""
    if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
        return f"{name} failed: {clean(error.strerror or str(error))} ({OF_THE_MACHINE[error.errno]}); {THEN}"
    said = clean(redact(str(error)))[:60]
    return f"{name} failed by a bug: {error.__class__.__name__}{f': {said}' if said else ''}; {THEN}; {WHERE}"


def note(name: str, error: Exception) -> None:
    """Write it to the log, with its traceback and without the values of variables."""
    log.error("%s failed", name, exc_info=error)


def by_hand(message: Message) -> bool:
    """Tell whether it is what a person did, or what a widget made of that."""
    if isinstance(message, events.Event):
        return isinstance(message, _BY_HAND)
    return type(message).__module__ != _TEXTUALS_OWN


def guard_handlers() -> None:
    """Let an app that is a ``Survivor`` survive what a person's messages raise, in whichever widget. Once a process.

    Textual ends a widget's own loop at an error, before the app hears of it, so that it has to be caught in there.
    """
    plain = MessagePump._dispatch_message
    if getattr(plain, "guarded", False):
        return

    async def dispatch(pump: MessagePump, message: Message) -> None:
        try:
            await plain(pump, message)
        except Exception as error:
            if not by_hand(message) or not isinstance(pump.app, Survivor):
                raise
            pump.app.survive(error)

    dispatch.guarded = True  # type: ignore[attr-defined]
    MessagePump._dispatch_message = dispatch  # type: ignore[assignment, method-assign]
