"""Rate limits from an answer's headers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

EPOCH_S = 1e9  # from here on a number of seconds is a time, of 2001 or later


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, None where it is not said. *now* in seconds since the epoch, by the server's clock.

    From ``Retry-After`` (seconds or a date), ``ratelimit-reset`` (seconds: PagerDuty), ``X-RateLimit-Reset`` (seconds:
    Datadog's "Rate Limits"; since the epoch: GitHub's "Rate limits for the REST API"), or
    ``X-Sentry-Rate-Limit-Reset`` (seconds since the epoch: Sentry's "Rate Limits").
    """
    for name in ("retry-after", "ratelimit-reset", "x-ratelimit-reset"):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value)
            return min(max(0.0, seconds - now if seconds >= EPOCH_S else seconds), 3600.0)
        except ValueError:
            pass
        try:
            return min(max(0.0, parsedate_to_datetime(value).timestamp() - now), 3600.0)
        except (ValueError, TypeError, OverflowError):
            pass
    try:
        return min(max(0.0, float(headers.get("x-sentry-rate-limit-reset", "")) - now), 3600.0)
    except ValueError:
        return None


def used_up(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until there are calls again, where ``[x-]ratelimit-remaining`` says that none is left; else None.

    *now* as for ``retry_after``.
    """
    left = headers.get("ratelimit-remaining", headers.get("x-ratelimit-remaining", "")).strip()
    return retry_after(headers, now) if left == "0" else None
