"""How a source is, from what its poller saw: pure."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.reading import Reading, SourceState, SourceStatus

LATE_S = 8.0  # connect 2 s and read 5 s are over by then: a poll that still runs is hung


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a poller knows of its source. *asking_since* is when the poll that runs now began."""

    name: str
    provider: str
    started_at: float
    stale_after_s: float
    reading: Reading | None = None
    error_state: SourceState | None = None
    message: str = ""
    hint: str = ""
    asking_since: float | None = None
    login: tuple[str, ...] = ()
    banner: str = ""
    calls_per_s: float = 0.0


def status_of(seen: Seen, now: float) -> SourceStatus:
    """The source's state now: a failure stands before age, age before problems of a part."""
    state, message, hint = _state(seen, now)
    fresh = seen.error_state is None and seen.reading is not None and now - seen.reading.at <= seen.stale_after_s
    return SourceStatus(
        name=seen.name,
        provider=seen.provider,
        state=state,
        read_at=seen.reading.at if seen.reading else None,
        message=message,
        hint=hint,
        login=seen.login,
        problems=seen.reading.problems if seen.reading else (),
        calls_per_s=seen.calls_per_s,
        partial=fresh and state is not SourceState.OK,
        banner=seen.banner,
    )


def _state(seen: Seen, now: float) -> tuple[SourceState, str, str]:
    if seen.error_state is not None:
        return seen.error_state, seen.message, seen.hint
    hung_s = now - seen.asking_since if seen.asking_since is not None else 0.0
    if seen.reading is None:
        if hung_s > LATE_S:
            return SourceState.OFFLINE, f"no answer for {hung_s:.0f} s", "check the network between here and there"
        return SourceState.WAITING, "not read yet", ""
    age = now - seen.reading.at
    if age > seen.stale_after_s:
        why = f"no answer for {hung_s:.0f} s" if hung_s > LATE_S else "its poll is late"
        return SourceState.STALE, why, "check the network between here and there"
    if not seen.reading.complete:
        return SourceState.WAITING, "still reading", ""
    if seen.reading.problems:
        first = seen.reading.problems[0]
        more = len(seen.reading.problems) - 1
        return first.state, f"{first.scope}: {first.message}" + (f" (+{more} more)" if more else ""), first.hint
    return SourceState.OK, "", ""
