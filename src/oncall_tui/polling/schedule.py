"""When a source is asked next: pure arithmetic, so that it is tested with numbers alone."""

from __future__ import annotations

import random

from oncall_tui.errors import SourceError, Throttled

BACKOFF_FIRST_S = 2.0
BACKOFF_MOST_S = 60.0


class Schedule:
    """The next due time of one source (monotonic seconds). It never gives up; it only asks more seldom."""

    def __init__(self, interval_s: float, rng: random.Random) -> None:
        self.interval_s = interval_s
        self.failures = 0
        self._rng = rng

    def after_success(self, next_in_s: float | None) -> float:
        """Seconds until the next poll. A tenth of jitter keeps many engineers' polls from falling together."""
        self.failures = 0
        wait = self.interval_s if next_in_s is None else next_in_s
        return max(0.0, wait * self._rng.uniform(0.95, 1.05))

    def after_failure(self, error: BaseException) -> float:
        """Seconds until the next try: doubled each time up to a minute, with full jitter above a half.

        What the other side asks for (``Retry-After``) is honoured, up to five minutes.
        """
        self.failures += 1
        wait = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(self.failures - 1, 10))
        wait *= self._rng.uniform(0.5, 1.0)
        if isinstance(error, Throttled) and error.retry_after_s is not None:
            wait = max(wait, min(300.0, error.retry_after_s))
        if isinstance(error, SourceError) and error.state in ("expired", "no_credentials"):
            wait = min(wait, 15.0)  # a login is renewed by hand: be back soon after
        return wait
