"""An outcome: what came of an action. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from oncall_tui.domain.action import Verb


class OutcomeState(StrEnum):
    """How an action stands; the value is the word in the journal, on screen and in ``--json``."""

    PENDING = "pending"
    DONE = "done"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        return self not in (OutcomeState.PENDING, OutcomeState.UNKNOWN)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one action stands. *message* names the target and says what was seen; *hint* what to do now.

    *batch* is the same for all that were asked for in one go; empty: it was asked for alone. *did* is its plan's: the
    word for what is done where that is not what the verb says. *sent_at* is when it went out (0: it did
    not yet), by the wall clock as that stood at *at*: the difference is how long it has been under way.
    """

    plan_id: str
    verb: Verb
    target: str
    state: OutcomeState
    message: str
    at: float
    hint: str = ""
    batch: str = ""
    did: str = ""
    sent_at: float = 0.0

    @property
    def past(self) -> str:
        """The word for what was done: ``acknowledged``, ``marked as seen on this machine only``."""
        return self.did or self.verb.past


class Check(msgspec.Struct, frozen=True):
    """The result of a verify: *state* DONE, FAILED or PENDING (read again in *again_in_s* seconds), in words.

    SENT where the other side took it and nobody can confirm what came of it; UNKNOWN where nobody can ever read that.

    *evidence* is what must not change while a rollback proves steady (the deploy's id, its count of failed tasks).
    *since* is when the other side says that it ended so, with nothing failed since (seconds since the epoch; 0: it
    does not say): a later session need not wait anew for what has held all along.
    *data* is journalled with the outcome, as plain data (an exit code, the first lines of an output).
    *absent* is beside FAILED where only the time that has passed speaks against the effect: after a lost answer it may
    still come, so it is unknown and read on. Without it the other side says what excludes the effect.
    """

    state: OutcomeState
    message: str
    again_in_s: float = 1.0
    hint: str = ""
    evidence: str = ""
    since: float = 0.0
    data: dict[str, Any] = {}
    absent: bool = False
