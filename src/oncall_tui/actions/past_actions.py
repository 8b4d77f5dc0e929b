"""Writes to services' deploys from this machine, as its journal tells: by any session, and by commands.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.domain.service_history import PastAction
from oncall_tui.errors import JournalError
from oncall_tui.journal import Journal

LOOK_BACK_S = 2 * 86_400.0  # the board keeps deploys of the last day
SAME_END_S = 120.0  # a source rounds a silence's end to its own minutes
OVERLAP_S = 60.0  # an entry may be written after one that is younger
_WITHIN = ("StopServiceDeployment", "ContinueServiceDeployment", "StopDeployment")
_NOT_SENT = (OutcomeState.REFUSED, OutcomeState.FAILED)


class PastSilence(msgspec.Struct, frozen=True, kw_only=True):
    """One silence that was asked for from this machine, until then (None: not told)."""

    plan: str
    by: str
    at: float
    reason: str
    until: float | None = None


class SentAction(Protocol):
    """The part of an action under way that is heard of: its plan, and whether the other side took it."""

    plan: Plan

    @property
    def receipt(self) -> object: ...


class PastActions:
    """Read on the board's thread; ``heard`` is called from queues. *current* has them by service."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._plans: dict[str, PastAction] = {}
        self._silences: dict[str, PastSilence] = {}  # the newest, by alert
        self._none: set[str] = set()  # plans that were not sent, or were refused
        self._from = 0.0
        self.version = 0  # moves where more is known of actions, or what was known is not so any more
        self.current: Mapping[str, tuple[PastAction, ...]] = {}

    def read(self, now: float) -> None:
        """Take up what the journal has got since the last time; one that cannot be read has nothing to tell."""
        since = self._from or now - LOOK_BACK_S
        try:
            entries = self._journal.since(since, (EntryKind.INTENT, EntryKind.OUTCOME))
        except JournalError:
            return
        self._from = max((e.at - OVERLAP_S for e in entries), default=since)
        self.take(entries)

    def read_anew(self) -> None:
        """Look through the last days again the next time: entries of others came, which may be older. Any thread's."""
        self._from = 0.0

    def take(self, entries: Iterable[Entry]) -> None:
        """Learn from intents and what came of them."""
        silences, none = dict(self._silences), set(self._none)
        for entry in entries:
            if entry.kind is EntryKind.INTENT and (past_action := past_action_of(entry)) is not None:
                self._plans.setdefault(past_action.plan, past_action)
            elif entry.kind is EntryKind.INTENT and (silence := silence_of(entry)) is not None:
                self._silences[str(entry.data["plan"].get("target", ""))] = silence
            elif entry.kind is EntryKind.OUTCOME:
                receipt = entry.data.get("receipt")
                self._ended(entry.subject, str(entry.data.get("state", "")), receipt)
        found: dict[str, list[PastAction]] = {}
        for plan, past_action in self._plans.items():
            if plan not in self._none:
                found.setdefault(past_action.service_id, []).append(past_action)
        current = {service: tuple(past_actions) for service, past_actions in found.items()}
        if (current, silences, none) != (self.current, self._silences, self._none):
            self.version += 1
        self.current = current

    def silenced(self, alert: Alert) -> PastSilence | None:
        """Return who silenced it and why, where its source does not name who did, and it is this very silence."""
        found = self._silences.get(alert.id) if alert.state is AlertState.SILENCED and not alert.by else None
        if found is None or found.plan in self._none:
            return None
        other = None not in (found.until, alert.until) and abs((found.until or 0) - (alert.until or 0)) > SAME_END_S
        return None if other else found

    def heard(self, execution: SentAction, outcome: Outcome) -> None:
        """Take an action's newest outcome: what the other side refused did not happen."""
        if execution.plan.verb in FOLLOWED and outcome.state in _NOT_SENT and execution.receipt is None:
            self._none.add(execution.plan.id)
            self.version += 1

    def _ended(self, plan: str, state: str, receipt: Any) -> None:
        if state in _NOT_SENT and not receipt:
            self._none.add(plan)
        made = str((receipt or {}).get("deployment") or (receipt or {}).get("deploy") or "")
        past_action = self._plans.get(plan)
        if made and past_action is not None and not past_action.within and past_action.made != made:
            self._plans[plan] = msgspec.structs.replace(past_action, made=made)


def silence_of(entry: Entry) -> PastSilence | None:
    """Read the silence out of an intent; None where it is about something else."""
    plan = entry.data.get("plan", {})
    if plan.get("verb") != Verb.SILENCE:
        return None
    reason = str(dict(plan.get("lines", ())).get("reason", "")).removesuffix(" (in a comment, with your name)")
    until = _number(plan.get("request", {}).get("until")) or None
    return PastSilence(plan=entry.subject, by=entry.actor, at=entry.at, reason=reason, until=until)


def past_action_of(entry: Entry) -> PastAction | None:
    """Read the past action out of an intent; None where it is about something else."""
    plan = entry.data.get("plan", {})
    asked = plan.get("request", {})
    if plan.get("verb") not in FOLLOWED - {Verb.CONTINUE} or not asked.get("cluster") or not asked.get("service"):
        return None
    operation = str(asked.get("operation", ""))
    return PastAction(
        plan=entry.subject,
        verb=Verb(plan["verb"]),
        service_id="/".join((str(plan.get("source", "")), str(asked["cluster"]), str(asked["service"]))),
        by=entry.actor,
        at=entry.at,
        deploy=str(asked.get("deploy", "")),
        after=_number(asked.get("deployCreatedAt")),
        within=operation in _WITHIN,
        from_arn=str(asked.get("from", "")),
        to=str(asked.get("to", "")),
    )


def _number(value: object) -> float:
    """Read a number from a plan's request: plain data, which another version may have written."""
    return float(value) if isinstance(value, (int, float)) else 0.0
