"""Whether an issue's assignee took it, or a rule assigned it. Pure.

Sentry assigns by rules too (ownership, code owners, suspect commits), and an issue that was resolved keeps its assignee
when it comes back: neither means that anybody works on it now. A single issue's ``activity`` tells ("Retrieve an
Issue"): that it regressed or began to escalate, and which rule assigned it (``data.integration``: getsentry/sentry,
ActivityIntegration). Who assigned it otherwise does not count: the token of an integration may act for a person.
"""

from __future__ import annotations

from enum import StrEnum

from oncall_tui.providers.lists import Items, usable
from oncall_tui.providers.sentry.schema import Activity, SentryIssue

_SETTLED = (None, "", "ongoing")  # a week after it came up: who has it has had time to look
_RETURNED = frozenset({"set_regression", "set_escalating"})
_RULES = ("projectOwnership", "codeowners", "suspectCommitter", "seer")


class AssignmentKind(StrEnum):
    """How an assigned issue is held; the value is what the row says of it."""

    TAKEN = ""
    GIVEN = "assigned by a rule, not by a person"
    STALE = "assigned before it came back"
    UNREAD = "assigned, by whom is not read yet"


def in_question(issue: SentryIssue) -> bool:
    """Return whether its activity has to be read to know."""
    return bool(
        issue.status == "unresolved"
        and issue.assignedTo is not None
        and issue.assignedTo.is_person
        and issue.substatus not in _SETTLED
    )


def holding(issue: SentryIssue) -> AssignmentKind:
    """How it is held, by its activity; what that does not tell is taken as Sentry shows it: assigned."""
    if not in_question(issue):
        return AssignmentKind.TAKEN
    return AssignmentKind.UNREAD if issue.activity is None else _newest(issue.activity)


def _newest(activity: Items[Activity]) -> AssignmentKind:
    """Return the kind by the newest entry that tells it (they come newest first)."""
    for entry in usable(activity, Activity):
        if entry.type == "assigned":
            return AssignmentKind.GIVEN if given_by_a_rule(entry) else AssignmentKind.TAKEN
        if entry.type in _RETURNED:
            return AssignmentKind.STALE
    return AssignmentKind.TAKEN


def given_by_a_rule(entry: Activity) -> bool:
    """Return whether a rule assigned it, not a person."""
    by = entry.data.get("integration") if isinstance(entry.data, dict) else ""
    return str(by or "").startswith(_RULES)
