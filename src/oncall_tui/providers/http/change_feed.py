"""The changes that a source's system tells of, read beside its alerts: seldom, and never in their place.

What goes wrong with them is a partial failure of the scope ``changes``; the alerts stay, and the changes that were read
last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import msgspec

from oncall_tui import errors
from oncall_tui.domain.change import KEPT_S, SCOPE, Change, newest
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.network.limits import time_limit
from oncall_tui.runtime.secret import redact

EVERY_S = 60.0  # between two readings
FRESH_S = 8.0  # and where everything is asked for now: a new alert asks so for a minute
LONGEST_S = 2.0  # of one reading, all its pages together: the alerts wait for it
FAILED_S = 300.0  # what may not be read, or hangs, is not asked for again at once: it would hold up the alerts
OVERLAP_S = 3600.0  # what is told later than it happened
PAGES = 3  # of one reading: what has more says so

log = logging.getLogger(__name__)
Told = tuple[Iterable[Change], Sequence[PartialFailure]]


class ChangeFeed:
    """Reads with *ask*, which is given since when (seconds since the epoch) and raises SourceError."""

    def __init__(self, clock: Clock, ask: Callable[[float], Told]) -> None:
        self._clock, self._ask = clock, ask
        self._due = self._fresh_from = 0.0  # monotonic
        self._good_at: float | None = None
        self._kept: tuple[Change, ...] = ()
        self._problems: tuple[PartialFailure, ...] = ()

    def read(self, fresh: bool = False, may_ask: bool = True) -> tuple[tuple[Change, ...], tuple[PartialFailure, ...]]:
        """Return the changes, read anew where that is due, and what is wrong with them. A change that is told as before
        stays the same object. Unless it *may_ask*, those that were read last.
        """
        if may_ask and self._clock.monotonic() >= (self._fresh_from if fresh else self._due):
            self._again()
        return self._kept, self._problems

    def renew(self) -> None:
        """Ask again at the next poll: the login was renewed."""
        self._due = self._fresh_from = 0.0

    def _again(self) -> None:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        since = now - KEPT_S if self._good_at is None else max(now - KEPT_S, self._good_at - OVERLAP_S)
        try:
            with time_limit(LONGEST_S, self._clock.monotonic):
                told, problems = self._ask(since)
        except errors.SourceError as error:
            self._failed(
                PartialFailure(SourceState(error.state), SCOPE, error.message, error.hint),
                getattr(error, "retry_after_s", None),
            )
            return
        except Exception as error:  # a bug here must not take the alerts with it
            log.exception("bug while reading changes")
            text, hint = errors.unexpected(error, "bug in this provider")
            self._failed(PartialFailure(SourceState.MALFORMED, SCOPE, redact(text), hint), None)
            return
        self._due, self._fresh_from, self._good_at = monotonic + EVERY_S, monotonic + FRESH_S, now
        self._problems = tuple(msgspec.structs.replace(one, scope=SCOPE) for one in problems)
        known = {one.id: one for one in self._kept}
        known |= {one.id: known[one.id] if known.get(one.id) == one else one for one in told}
        kept = newest(tuple(known.values()), now)
        self._kept = self._kept if kept == self._kept else kept

    def _failed(self, problem: PartialFailure, retry_after_s: float | None) -> None:
        """Keep what was read last, and ask no earlier than this, however much is wanted now."""
        self._problems = (problem,)
        self._due = self._fresh_from = self._clock.monotonic() + (retry_after_s or FAILED_S)
