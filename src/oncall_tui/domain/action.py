"""The verbs that an engineer can do to a row."""

from __future__ import annotations

from enum import StrEnum


class Verb(StrEnum):
    """An action's verb. The value is the word in the journal and on screen."""

    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "un-acknowledge"
    SILENCE = "silence"
    NOTE = "note"
    ESCALATE = "escalate"
    ROLL_BACK = "roll back"
    UNDO_ROLLBACK = "undo rollback"  # redeploy what a rollback went back from
    CONTINUE = "continue the deploy"  # at a hook or a wait where it is paused
    RESTART = "restart"  # a forced new deploy of what runs
    END_SILENCE = "end the silence"  # by its own id: it may keep nothing quiet
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    REASSIGN = "reassign"
    MERGE = "merge"
    RUN = "run"  # a command of the configuration
    SHELL = "shell"  # in a container; the terminal is handed over, and what is typed there is nobody's plan
    TELL = "tell"  # others hear of an action that is followed; no key asks for it

    @property
    def past(self) -> str:
        """The word for what was done: ``acknowledged``."""
        return _PAST[self]

    @classmethod
    def _missing_(cls, value: object) -> Verb | None:
        """The words of older journals."""
        return cls.CONTINUE if value == "go on" else None


_KINDS = {
    "alertmanager": "Alertmanager alerts",
    "cloudwatch": "CloudWatch alarms",
    "datadog": "Datadog monitors",
    "ecs": "ECS services",
    "eventbridge": "EventBridge events",
    "mackerel": "Mackerel alerts",
    "pagerduty": "PagerDuty incidents",
    "rds": "RDS databases",
    "sentry": "Sentry issues",
}


LAPSES = "an acknowledgement lapses on its own"


def unsupported(verb: Verb, provider: str) -> str:
    """``CloudWatch alarms cannot be resolved here``: of a source whose provider has no such verb, or not now.

    ``PagerDuty incidents cannot be un-acknowledged: an acknowledgement lapses on its own``: no place has that verb.
    """
    kind = _KINDS.get(provider, f"{provider} alerts" if provider else "alerts of this source")
    done = "un-acknowledged" if verb is Verb.UNACKNOWLEDGE else verb.past
    if (verb, provider) == (Verb.UNACKNOWLEDGE, "pagerduty"):
        return f"{kind} cannot be {done}: {LAPSES}"
    return f"{kind} cannot be {done} here"


_PAST = {
    Verb.ACKNOWLEDGE: "acknowledged",
    Verb.UNACKNOWLEDGE: "no longer acknowledged",
    Verb.SILENCE: "silenced",
    Verb.NOTE: "noted",
    Verb.ESCALATE: "escalated",
    Verb.ROLL_BACK: "rolled back",
    Verb.UNDO_ROLLBACK: "undone",
    Verb.CONTINUE: "continued",
    Verb.RESTART: "restarted",
    Verb.END_SILENCE: "ended",
    Verb.RESOLVE: "resolved",
    Verb.SNOOZE: "snoozed",
    Verb.REASSIGN: "reassigned",
    Verb.MERGE: "merged",
    Verb.RUN: "run",
    Verb.SHELL: "opened",
    Verb.TELL: "told",
}


# What takes minutes and is followed to its end; the others are seen within seconds, or not.
FOLLOWED = frozenset({Verb.ROLL_BACK, Verb.UNDO_ROLLBACK, Verb.CONTINUE, Verb.RESTART})
# The same, and a command of the configuration: how long it is under way is said.
LASTING = FOLLOWED | {Verb.RUN}
