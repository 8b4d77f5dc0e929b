"""An alert's assignees, the ones before, and its next escalation: one wording for rows, detail and commands.

Pure. Names come from outside: clean the words before they are shown. What counts down moves in steps (10 s below two
minutes, then minutes, always rounded down): a word that changes each second is a repaint each second.
"""

from __future__ import annotations

from oncall_tui.domain.alert import Alert, AlertState, Assignee
from oncall_tui.text.time_format import age, ago
from oncall_tui.triage.triager import TriagedAlert

STEPS_BELOW_S = 120.0  # below that in steps of ten seconds


def escalation(alert: Alert, now: float) -> str:
    """Return the row's words on escalation while it is unacknowledged; empty: it was not escalated, and will not be.

    ``escalates in 1m20s``, ``escalation is due``, then ``escalated to Bob (L2)``; ``assigned to Bob`` where others have
    it than had it first and no level above the first is known.
    """
    if not alert.state.asks:
        return ""
    if alert.moved and alert.assigned:
        return f"{'escalated' if alert.level > 1 else 'assigned'} to {people(alert)}"
    return _next(alert, now)


def assignment(alert: Alert, now: float) -> str:
    """All that is known of it, for a line of its own; empty: nobody is assigned.

    ``escalated to Bob (L2) 3m ago · before: Alice (L1) for 5m · escalates in 1m20s``.
    """
    if not alert.assigned:
        return ""
    words = [people(alert)]
    if alert.moved:
        how = "escalated" if alert.level > 1 else "assigned"
        since = f" {ago(now - alert.assigned_at)}" if alert.assigned_at is not None else ""
        words = [f"{how} to {people(alert)}{since}"]
    if before := had(alert):
        words.append(f"before: {before}")
    if alert.state.asks and (coming := _next(alert, now)):
        words.append(coming)
    return " · ".join(words)


def aftermath(row: TriagedAlert, now: float) -> str:
    """``pager resolved 2m ago (Alice had it), still firing at prom``; empty: no incident of it is over."""
    ended = row.ended
    if ended is None:
        return ""
    pager = ended.incident.source
    over = f"{pager} resolved {ago(now - ended.at)}" if ended.sure else f"{pager} no longer lists its incident"
    who = f" ({', '.join(ended.holders)} had it)" if ended.holders else ""
    firing = dict.fromkeys(m.source for m in row.members if m.state is not AlertState.RESOLVED)
    return f"{over}{who}, still {row.alert.state} at {', '.join(firing)}" if firing else f"{over}{who}"


def after(row: TriagedAlert) -> str:
    """The same in a cell's few words: ``pager resolved``."""
    if row.ended is None or not row.settles or not row.alert.state.asks:
        return ""
    return f"{row.ended.incident.source} {'resolved' if row.ended.sure else 'no longer lists it'}"


def people(alert: Alert) -> str:
    """``Bob (L2)``: who is assigned, with the level of the policy where it is known."""
    return ", ".join(alert.assigned) + (f" (L{alert.level})" if alert.level else "")


def had(alert: Alert) -> str:
    """``Alice (L1) for 5m``: who was assigned before, the latest first, as far as it was seen; empty: nobody."""
    ends = (*(one.since for one in alert.had), alert.assigned_at)[1:]
    return ", ".join(_had(one, end) for one, end in reversed(list(zip(alert.had, ends, strict=True))))


def left(until: float | None, now: float) -> str:
    """``9m left``: how long an acknowledgement, a snooze or a silence still lasts; empty: it has no end."""
    if until is None:
        return ""
    return "ends now" if until - now < 10 else f"{countdown(until - now)} left"


def countdown(seconds: float) -> str:
    """``50s``, ``1m20s``, ``9m``, ``2h``: what is left, rounded down to a step."""
    if 60 <= seconds < STEPS_BELOW_S:
        rest = int(seconds - 60) // 10 * 10
        return f"1m{rest}s" if rest else "1m"
    return age(max(10.0, seconds))


def _next(alert: Alert, now: float) -> str:
    """When it escalates by itself."""
    if alert.escalates_at is None:
        return ""
    seconds = alert.escalates_at - now
    if seconds <= 0:
        return "escalation is due"
    return f"escalates in {countdown(seconds)}" if seconds >= 10 else "escalates in <10s"


def _had(one: Assignee, end: float | None) -> str:
    level = f" (L{one.level})" if one.level else ""
    for_s = f" for {age(max(10.0, end - one.since))}" if one.since is not None and end is not None else ""
    return f"{one.name}{level}{for_s}"
