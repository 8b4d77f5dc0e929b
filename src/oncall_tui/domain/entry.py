"""A journal entry: one thing that was seen or done; and the id that it has on every machine.

An id is the entry's time, the file that it was written to first (its *origin*) and its number there:
``01KB7Q2M3X-7ZK4M2Q9W1XAB-000001A``. Ids sort by time. Two are never the same: an origin's name is 64 random bits, made
once with its file, and a file never gives a number twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class EntryKind(StrEnum):
    """An entry's kind; the value is the word in the database."""

    ALERT = "alert"  # an alert changed its state
    DEPLOY = "deploy"  # a deploy changed its state
    INTENT = "intent"  # an action is about to be sent
    OUTCOME = "outcome"  # what came of it
    REFUSED = "refused"  # an action that was not sent
    SEEN = "seen"  # somebody has seen an alert that cannot be acknowledged
    UNSEEN = "unseen"
    NOTE = "note"
    KEPT = "kept"  # an acknowledgement was extended
    SHELL = "shell"  # a shell in a container: about to be opened, and how it ended; never what was typed there
    WATCH = "watch"  # a board or a recorder began, watches on, or ended, and which sources it could not read
    TOLD = "told"  # a destination heard of an action, or could not be told
    MARK = "mark"  # an engineer's word on an episode: actionable, noise, or no word any more
    FOLLOW_UP = "follow-up"  # a follow-up as it is from then on: title, owner, state, alerts
    INCIDENT = "incident"  # an incident as it is from then on: title, lead, state, episodes, deploys, entries
    CHANGE = "change"  # something other than a deploy was changed, or that is over; `recorded_change` has its data
    TOLD_EPISODE = "episode"  # an alert's past that its source told afterwards; *at* is when it began
    TOLD_DEPLOY = "told-deploy"  # a deploy that its source told of afterwards; *at* is when it started


# What a source remembered and nobody here saw: history reads it; no report takes it for what was seen.
RETOLD = (EntryKind.TOLD_EPISODE, EntryKind.TOLD_DEPLOY)
BOARD, RECORDER = "board", "recorder"  # who watched: the subject of a WATCH
WATCH_GAP_S = 390.0  # whoever watches says so every five minutes; what is longer was not watched


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """*at* in seconds since the epoch, UTC; *subject* is a row's or a plan's id; *data* holds no secret.

    *seq* is its place in this machine's file, in the order of arrival; *origin* and *number* name it everywhere.
    """

    at: float
    kind: EntryKind
    subject: str
    actor: str = ""
    text: str = ""
    data: dict[str, Any] = {}
    seq: int = 0  # given by the journal, like the two below
    origin: str = ""
    number: int = 0

    @property
    def id(self) -> str:
        """The same text for this entry on every machine; empty before it is in a journal."""
        return entry_id(self.at, self.origin, self.number) if self.origin else ""


STEP_S = 0.001  # that ids tell apart


def next_at(now: float, before: float | None) -> float:
    """Return the time of an entry that is to stand behind one of *before* (None: there is none): *now*, where the clock
    was not set back since, and no other machine's is ahead. Seconds since the epoch, UTC.
    """
    return before + STEP_S if before is not None and now < before else now


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: in the order of ASCII, and no I, L, O, U
_TIME, _NAME, _NUMBER = 10, 13, 7  # digits
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def entry_id(at: float, origin: str, number: int) -> str:
    """The id of the entry *number* of *origin*, written at *at* (seconds since the epoch, UTC)."""
    return f"{_in_digits(int(at * 1000), _TIME)}-{origin}-{_in_digits(number, _NUMBER)}"


def named_by(text: str) -> tuple[str, int]:
    """Return the origin and the number that an id names. Raises ValueError for what is no id."""
    parts = text.strip().upper().split("-")
    if [len(part) for part in parts] != [_TIME, _NAME, _NUMBER] or not set("".join(parts)) <= _VALUES.keys():
        raise ValueError("expected an entry's id, like 01KB7Q2M3X-7ZK4M2Q9W1XAB-000001A")
    return parts[1], _value(parts[2])


def written_at(text: str) -> float:
    """Return the time that an id says (seconds since the epoch, UTC, to the millisecond). Raises ValueError for what
    is no id.
    """
    named_by(text)
    return _value(text.strip().upper().partition("-")[0]) / 1000


def origin_name(random_bits: int) -> str:
    """A name for a journal's file, of 64 random bits."""
    return _in_digits(random_bits & (1 << 64) - 1, _NAME)


def _in_digits(value: int, width: int) -> str:
    found = ""
    while value:
        value, digit = divmod(value, 32)
        found = _DIGITS[digit] + found
    return found.rjust(width, "0")


def _value(digits: str) -> int:
    found = 0
    for digit in digits:
        found = found * 32 + _VALUES[digit]
    return found
