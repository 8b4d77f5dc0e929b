"""New since you last looked: what began since the engineer's last key, in a former session or before a pause. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from oncall_tui.text.time_format import moment

IDLE_S = 15 * 60.0  # this long without a key: nobody looked
LATE_S = 120.0  # sources tell late: what began just before the last key was not on screen yet
DAY_S = 20 * 3600.0


class LastSeen:
    """When the engineer last looked (*since*; None: no time that matters), and which rows were looked at since then.
    *key* is the last key of all sessions (0: not known); a session that had none yet is looked at since it began.
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self.key = 0.0
        self.last_key = 0.0
        self._seen: set[str] = set()

    def begin(self, former: float, now: float) -> None:
        """A session begins; *former* is the last key of the one before (0: not known)."""
        self.since = former or None
        self.key, self.last_key = former, now

    def passed(self, now: float) -> None:
        """Time went by; a pause that was long enough is one from whose beginning on all is new."""
        if now - self.last_key >= IDLE_S and self.since != self.last_key:
            self.since = self.last_key
            self._seen.clear()

    def pressed(self, now: float) -> None:
        """A key: somebody looks."""
        self.passed(now)
        self.key = self.last_key = now

    def saw(self, row_id: str) -> None:
        """The cursor was on this row and left it."""
        self._seen.add(row_id)

    def clear(self) -> None:
        """All of it was looked at."""
        self.since = None
        self._seen.clear()

    def new(self, rows: Iterable[tuple[str, float]]) -> frozenset[str]:
        """Of rows and when each began (seconds since the epoch), the ids of those that are new."""
        if self.since is None:
            return frozenset()
        since = self.since - LATE_S
        return frozenset(row_id for row_id, began in rows if began > since and row_id not in self._seen)

    def words(self, count: int, tz: tzinfo, now: float) -> str:
        """``3 new since 02:41``; empty where nothing is."""
        if self.since is None or not count:
            return ""
        if now - self.since >= DAY_S:
            return f"{count} new since {moment(self.since, tz, now, day=True)}"
        return f"{count} new since {datetime.fromtimestamp(self.since, tz):%H:%M}"
