"""How a source is, from what its poller saw: pure.

*now* is in seconds since the epoch, *monotonic* the same moment on the clock that nobody sets.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.text.time_format import span

SET_S = 2.0  # a clock that went so far apart from its other face was set
SAID_NOTHING = "it may ask something, and has no terminal here: run it by hand"
DOUBTED = "check its rule, the rule's target and the queue's policy; meanwhile all is read as without it"
WAITS_S = 3.0  # what a poll waits for beside its source is said from then on
LATE_S = 8.0  # connect 2 s and read 5 s are over by then: a call that still has no answer hangs


class PollState(msgspec.Struct, frozen=True, kw_only=True):
    """A poller's knowledge of its source. *asking_since* is when the poll that runs now began, *read_since* when the
    reading was true, *answered_at* when the poll that runs now got its last answer: all monotonic, so that a clock that
    is set makes nothing older or newer. *waits_for* names what the poll waits for beside its source (a credential
    command), *waits_since* when that began. *doubt* is why what it tells is not all, though it is read well; *note*
    what is not known of it. *handles* are the verbs that its provider has a handler for (None: it is
    not built yet).
    """

    name: str
    provider: str
    stale_after_s: float
    reading: Reading | None = None
    error_state: SourceState | None = None
    message: str = ""
    hint: str = ""
    read_since: float | None = None
    asking_since: float | None = None
    answered_at: float | None = None
    waits_for: str = ""
    waits_since: float = 0.0
    login: tuple[str, ...] = ()
    banner: str = ""
    calls_per_s: float = 0.0
    handles: frozenset[Verb] | None = None
    doubt: str = ""
    note: str = ""


def status_of(seen: PollState, now: float, monotonic: float) -> SourceStatus:
    """The source's state now: a failure stands before age, age before problems of a part."""
    state, message, hint = _state(seen, monotonic)
    age = _age(seen, monotonic)
    fresh = seen.error_state is None and age is not None and age <= seen.stale_after_s
    return SourceStatus(
        name=seen.name,
        provider=seen.provider,
        state=state,
        read_at=_read_at(seen, age, now),
        message=message,
        hint=hint,
        login=seen.login,
        problems=seen.reading.problems if seen.reading else (),
        calls_per_s=seen.calls_per_s,
        partial=fresh and state is not SourceState.OK,
        behind=seen.reading.behind if seen.reading else 0,
        clock_off_s=seen.reading.clock_off_s if seen.reading else 0.0,
        unexplained=seen.reading.unexplained if seen.reading else 0,
        complete=seen.reading.complete if seen.reading else True,
        waits=waits(seen, monotonic),
        banner=seen.banner,
    )


def _age(seen: PollState, monotonic: float) -> float | None:
    """Seconds since the reading was true; None: there is none."""
    return None if seen.reading is None or seen.read_since is None else monotonic - seen.read_since


def _read_at(seen: PollState, age: float | None, now: float) -> float | None:
    """When it was read, as the clock shows it now: a clock that was set since tells another time."""
    if seen.reading is None or age is None:
        return None
    told = now - age
    return seen.reading.at if abs(told - seen.reading.at) < SET_S else float(round(told))


def silence_s(seen: PollState, monotonic: float) -> float:
    """Seconds for which the poll that runs now got no answer; 0: none runs. A long list is no silence."""
    if seen.asking_since is None:
        return 0.0
    return monotonic - max(seen.asking_since, seen.answered_at or seen.asking_since)


def _going_on(seen: PollState, monotonic: float) -> str:
    """Say that the poll that runs now takes long, though answers come; empty: it does not."""
    asking_s = monotonic - seen.asking_since if seen.asking_since is not None else 0.0
    return "still reading: the list is long" if asking_s > LATE_S else ""


def _held_up(seen: PollState, monotonic: float, words: str) -> tuple[SourceState, str, str]:
    """The state of a source whose own answer is not waited for yet: the network to it is not to blame."""
    age = _age(seen, monotonic)
    if age is not None:
        return SourceState.STALE if age > seen.stale_after_s else _whole(seen)[0], words, SAID_NOTHING
    late = monotonic - seen.waits_since > LATE_S
    return SourceState.NO_CREDENTIALS if late else SourceState.WAITING, words, SAID_NOTHING


def waits(seen: PollState, monotonic: float) -> str:
    """``waiting for credential_process of profile prod (5 s)``; empty: for nothing, or not for long."""
    waited = monotonic - seen.waits_since
    return f"waiting for {seen.waits_for} ({waited:.0f} s)" if seen.waits_for and waited >= WAITS_S else ""


def _state(seen: PollState, monotonic: float) -> tuple[SourceState, str, str]:
    words = waits(seen, monotonic)
    if seen.error_state is not None:
        return seen.error_state, f"{seen.message}; {words}" if words else seen.message, seen.hint
    if words:
        return _held_up(seen, monotonic, words)
    hung_s = silence_s(seen, monotonic)
    age = _age(seen, monotonic)
    if seen.reading is None or age is None:
        if hung_s > LATE_S:
            return SourceState.OFFLINE, f"no answer for {hung_s:.0f} s", "check the network to the source"
        return SourceState.WAITING, _going_on(seen, monotonic) or "not read yet", ""
    if not seen.reading.complete and seen.asking_since is not None and hung_s <= LATE_S:
        return _whole(seen)  # its pages come, however many they are
    if age > seen.stale_after_s:
        why = f"no answer for {hung_s:.0f} s" if hung_s > LATE_S else _going_on(seen, monotonic) or "its poll is late"
        return SourceState.STALE, why, "check the network to the source"
    state, words, hint = _whole(seen)
    if seen.doubt and state is SourceState.OK:
        return SourceState.STALE, seen.doubt, DOUBTED
    return state, words or seen.note, hint


def _whole(seen: PollState) -> tuple[SourceState, str, str]:
    """The state by what the newest reading has and lacks."""
    assert seen.reading is not None
    if not seen.reading.complete:
        found = len(seen.reading.alerts) or len(seen.reading.services)
        return SourceState.WAITING, f"still reading: {found:,} so far" if found else "still reading", ""
    if seen.reading.problems:
        first = seen.reading.problems[0]
        more = len(seen.reading.problems) - 1
        return first.state, f"{first.scope}: {first.message}" + (f" (+{more} more)" if more else ""), first.hint
    behind = seen.reading.behind
    words = f"the deploys of {behind} service{'s' if behind > 1 else ''} are not read completely yet" if behind else ""
    words = words or seen.reading.pace
    off = seen.reading.clock_off_s
    if not off:
        return SourceState.OK, words, ""
    clock = (
        f"its clock is {span(abs(off))} {'ahead of' if off > 0 else 'behind'} this machine's: ages are off by as much"
    )
    return (
        SourceState.OK,
        f"{words}; {clock}" if words else clock,
        "set the clock of this machine (NTP), or the server's",
    )
