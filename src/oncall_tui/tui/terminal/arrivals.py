"""Keys as they come in: a person's go on, and what arrives faster than a person types is one paste. Pure.

A terminal without bracketed paste (GNU screen) sends what is pasted like keys, and a terminal's own late answer looks
like keys too. Over a link with lag two or three keys of a person arrive in one read; a key that is held down repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from oncall_tui.text.cells import count
from oncall_tui.tui.key_names import MOVING

QUIET_S = 0.02  # nobody's next key comes sooner; so long a key waits for what belongs to it
TAIL_S = 0.1  # what comes so soon after a burst is its rest
TYPED = 3  # keys that a person may have typed before the link let them through
ERASES = frozenset({"backspace", "ctrl+h"})
LONGEST = 4096  # characters of a burst that are kept
MOVES = frozenset({*MOVING, "left", "right"})  # they act on nothing, so they may come as fast as they like
REST_S = 0.7  # who is still typing what was ignored in part pauses no longer
PAUSE = "pause, then press again"
TO_SHELL = ("f", "g", "enter")
TO_SHELL_S = 5.0  # within which each of them is no key of the board


class Arrivals:
    """Input that came and is not passed on yet. Times are seconds, monotonic."""

    def __init__(self) -> None:
        self._keys: list[events.Key] = []
        self._count = 0
        self._last = 0.0
        self._burst_ended = float("-inf")

    def add(self, key: events.Key, now: float) -> None:
        """A key came."""
        self._count += 1
        if len(self._keys) < LONGEST:
            self._keys.append(key)
        self._last = now

    def wait(self, now: float) -> float | None:
        """Seconds until what has come is to be passed on; None: nothing has."""
        if not self._keys:
            return None
        if self._plain(self._keys) and all(key.key in MOVES for key in self._keys) and not self._in_tail():
            return 0.0  # they act on nothing, and are not kept waiting
        return max(0.0, self._last + QUIET_S - now)

    def take(self, now: float) -> list[events.Key | events.Paste]:
        """Return the input to pass on: keys, or one paste; nothing while more may belong to it."""
        if self.wait(now) != 0.0:
            return []
        keys, self._keys, self._count = self._keys, [], 0
        if self._plain(keys) and not self._in_tail():
            return list(keys)
        self._burst_ended = self._last
        return _edited(keys)

    def _in_tail(self) -> bool:
        return self._last - self._burst_ended < TAIL_S

    def _plain(self, keys: Sequence[events.Key]) -> bool:
        """Return whether a person can have typed them. A run of one key that moves counts as one."""
        typed = sum(
            not (key.key in MOVES and at and keys[at - 1].key == key.key) for at, key in enumerate(keys[: LONGEST + 1])
        )
        return typed <= TYPED


class IgnoredInput:
    """Input that acted on nothing, and the rest of it, typed on: over a link that stalls, ``/pay`` of ``/payments``
    arrives at once, and ``ments`` must not be taken for keys; nor must ``ack`` of ``nack``, where ``n`` opened no line
    of text. Times are seconds, monotonic.
    """

    def __init__(self) -> None:
        self._count = 0
        self._why = ""  # why a key was not taken; empty: it was a burst
        self._typed_on = False
        self._last = float("-inf")
        self._to_shell: tuple[str, ...] = ()  # the keys that are still to come

    def burst(self, text: str, now: float) -> None:
        """Count a burst."""
        if self._why or now - self._last >= REST_S:
            self._count, self._typed_on = 0, False
        self._why = ""
        self._count += len(text)
        self._last = now

    def not_taken(self, why: str, now: float) -> None:
        """Note that a key that acts did nothing, for *why*: what is typed after it was meant for the same."""
        self._count, self._why, self._typed_on, self._last = 0, why, False, now

    def stopped(self, why: str, now: float) -> None:
        """Note a Ctrl+Z that stops nothing: who did not look yet types ``fg`` to the shell that is not there."""
        self.not_taken(why, now)
        self._to_shell = TO_SHELL

    def goes_on(self, key: str, now: float) -> bool:
        """Return whether *key* was typed so soon after ignored input that it belongs to it; then it is counted."""
        if self._to_shell and key == self._to_shell[0] and now - self._last < TO_SHELL_S:
            self._count, self._typed_on, self._last, self._to_shell = self._count + 1, True, now, self._to_shell[1:]
            return True
        self._to_shell = ()
        if key == "escape":
            self._count, self._typed_on = 0, False  # the engineer has read of it
        if now - self._last >= REST_S or key in MOVES or key == "escape":
            return False
        self._count, self._typed_on, self._last = self._count + 1, True, now
        return True

    @property
    def words(self) -> str:
        """Return words for the engineer: how much was ignored, and why."""
        if self._why:
            return f"{self._why}; ignored {count(self._count, 'key')} typed right after it: {PAUSE}"
        words = f"ignored {count(self._count, 'character')} that arrived at once (a paste?)"
        return f"{words}, and what followed: {PAUSE}" if self._typed_on else words


def _edited(keys: Sequence[events.Key]) -> list[events.Key | events.Paste]:
    """Return a burst as a text field would have it: keys that edit what stands there, then the text, edited."""
    edits: list[events.Key | events.Paste] = []
    text: list[str] = []
    for key in keys:
        if key.key == "ctrl+u":
            text.clear()
            edits.append(key)
        elif key.key not in ERASES:
            text.append(_text(key))
        elif text:
            text.pop()
        else:
            edits.append(key)
    return [*edits, *([events.Paste("".join(text))] if text else [])]


def _text(key: events.Key) -> str:
    """Return the text of a key."""
    if key.key in ("enter", "ctrl+j", "ctrl+m"):
        return "\n"
    return key.character or "·"
