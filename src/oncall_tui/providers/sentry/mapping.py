"""Sentry's issues -> rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, ServiceHint
from oncall_tui.providers.http import severity, stamp
from oncall_tui.providers.sentry.assignee import AssignmentKind
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import SentryActor, SentryIssue

_STATES = {
    "unresolved": AlertState.FIRING,
    "reprocessing": AlertState.FIRING,
    "resolved": AlertState.RESOLVED,
    "resolvedInNextRelease": AlertState.RESOLVED,
    "ignored": AlertState.SILENCED,
    "muted": AlertState.SILENCED,
}
_USUAL = ("", "ongoing")  # substatuses that tell nothing to somebody who was woken
_ENDING = frozenset({Verb.RESOLVE, Verb.SILENCE})
_VERBS: Mapping[AlertState, frozenset[Verb]] = {
    AlertState.FIRING: _ENDING | {Verb.ACKNOWLEDGE},
    AlertState.UNKNOWN: _ENDING | {Verb.ACKNOWLEDGE},
    AlertState.ACKNOWLEDGED: _ENDING | {Verb.UNACKNOWLEDGE},
    AlertState.SILENCED: frozenset({Verb.RESOLVE}),
}


def row(
    options: SentryOptions, issue: SentryIssue, held: AssignmentKind = AssignmentKind.TAKEN, read_only: bool = False
) -> Alert:
    """One row. *began* is when it was first seen, *changed* when last. Raises ValueError where neither is a time."""
    changed = stamp(issue.lastSeen)
    began = stamp(issue.firstSeen)
    if began is None:
        began = changed
    if began is None:
        raise ValueError("firstSeen is not a time")
    state = state_of(issue, held)
    cluster, _, service = options.services.get(issue.slug, "").partition("/")
    return Alert(
        id=f"{options.name}/{issue.id}",
        source=options.name,
        provider="sentry",
        native_id=issue.id,
        state=state,
        severity=severity(issue.level or ""),
        title=issue.title or issue.shortId or issue.id,
        began=began,
        changed=changed,
        by=(issue.assignedTo.label,) if issue.assignedTo and state is AlertState.ACKNOWLEDGED else (),
        until=ignored_until(issue),
        comment=_comment(issue, held),
        assigned=(assignee(issue.assignedTo),) if issue.assignedTo else (),
        url=issue.permalink or "",
        labels=_labels(issue),
        annotations=_pairs({"culprit": issue.culprit, "issue": issue.shortId}),
        hint=ServiceHint(cluster=cluster, service=service),
        # Sentry's own integration pages with the short id as dedup key (sentry.integrations.pagerduty.client)
        keys=(f"dedup:{issue.shortId}",) if issue.shortId else (),
        count=max(1, _number(issue.count)),
        verbs=frozenset() if read_only else _VERBS.get(state, frozenset()),
    )


def state_of(issue: SentryIssue, held: AssignmentKind) -> AlertState:
    """Unresolved, and *held* by a person that it is assigned to, is acknowledged; a team is nobody yet."""
    state = _STATES.get(issue.status, AlertState.UNKNOWN)
    if state is AlertState.FIRING and held is AssignmentKind.TAKEN and issue.assignedTo and issue.assignedTo.is_person:
        return AlertState.ACKNOWLEDGED
    return state


def assignee(actor: SentryActor | None) -> str:
    """``Bob``, ``team payments``, ``nobody``."""
    if actor is None:
        return "nobody"
    return actor.label if actor.is_person else f"team {actor.label}"


def ignored_until(issue: SentryIssue) -> float | None:
    """When it stops being ignored, seconds since the epoch; None: not ignored, or not until a time."""
    ignored = _STATES.get(issue.status) is AlertState.SILENCED
    return stamp(issue.statusDetails.ignoreUntil) if ignored and issue.statusDetails else None


def _comment(issue: SentryIssue, held: AssignmentKind) -> str:
    if issue.status not in _STATES:
        return f"status {issue.status or 'missing'}"
    substatus = "" if (issue.substatus or "") in _USUAL else (issue.substatus or "").replace("_", " ")
    return "; ".join(part for part in (substatus, str(held)) if part)


def _labels(issue: SentryIssue) -> Pairs:
    return _pairs(
        {
            "category": issue.issueCategory,
            "level": issue.level,
            "platform": issue.platform,
            "priority": issue.priority,
            "project": issue.slug,
            "substatus": issue.substatus,
            "users": str(issue.userCount) if issue.userCount is not None else None,
        }
    )


def _pairs(values: Mapping[str, str | None]) -> Pairs:
    return tuple((name, value) for name, value in sorted(values.items()) if value)


def _number(count: str | int | None) -> int:
    try:
        return int(count or 0)
    except ValueError:
        return 0
