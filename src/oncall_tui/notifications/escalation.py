"""Escalate what cannot escalate by itself: to a destination that pages or notifies. Its outcome is *sent*.

A page by PagerDuty's events is refused where the alert is joined to an open incident already: that one is escalated
itself, by who is on call, and a second page would wake a second person for the same thing.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.errors import JournalError, Refused
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import Destinations, DestinationWorker
from oncall_tui.providers.base import Message, Receipt
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import convert
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.text.time_format import age, ago
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedAlert

EVENTS = "pagerduty-events"
CHOICE = "send:"
AGAIN_S = 60.0  # two engineers who press at once are one escalation
REMEMBERED_S = 1800.0
ENTRIES = 200


class EscalateByNotification:
    """The handler of ``escalate`` where a source has none. *row* returns an alert's row as it is grouped now."""

    def __init__(
        self,
        destinations: Destinations,
        journal: Journal,
        clock: Clock,
        board: Callable[[], Board],
        row: Callable[[str], TriagedAlert | None],
    ) -> None:
        self._destinations, self._journal, self._clock = destinations, journal, clock
        self._board, self._row = board, row

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Every destination, those that page first."""
        found = [(worker, worker.get()) for worker in self._destinations]
        found.sort(key=lambda pair: not pair[1].pages)
        incident = self._incident(target)
        return tuple(
            Choice(
                id=CHOICE + worker.name,
                label=f"{'page' if made.pages else 'notify'} {worker.name}",
                detail=f"{worker.provider}; delivery is not confirmed",
                warning=f"{incident} is open for it already" if incident and made.pages else "",
            )
            for worker, made in found
        )

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Plan the message and its destination. Raises Refused where the row moved, or its incident pages already."""
        alert = self._unmoved(ask.target, ask.version, board)
        if not ask.choice.startswith(CHOICE):
            raise Refused("pick a destination", f"one of {', '.join(worker.name for worker in self._destinations)}")
        worker = self._destinations.find(ask.choice.removeprefix(CHOICE))
        made = worker.get()
        self._not_twice(worker, ask.target)
        before = self._before(worker, ask.target, "")
        message = self._message(ask, alert)
        now = self._clock.now()
        words = made.preview(message)
        incident = self._incident(ask.target)
        warnings = [f"{worker.name}: {before}"] if before else []
        if made.pages:
            warnings += [
                f"{source.name} is {source.state.label}: an incident may be open for it already"
                for source in board.sources.values()
                if source.provider in PAGER_PROVIDERS and not source.live
            ]
        if incident and made.pages:
            warnings.append(f"{incident} is open for it already: somebody may be paged twice")
        return Plan(
            id=os.urandom(16).hex(),
            verb=Verb.ESCALATE,
            does="page" if made.pages else "notify",
            did="sent",
            source=alert.source,
            target=ask.target,
            version=ask.version,
            actor=ask.actor,
            made_at=now,
            title=f"{'Page' if made.pages else 'Notify'} {worker.name}: {alert.title}",
            lines=(("alert", f"{alert.title}  {alert.state}"), *words, ("then", "delivery is not confirmed")),
            warnings=tuple(warnings),
            confirm=Confirm.YES,
            request={
                "destination": worker.name,
                "where": dict(words).get("to", worker.name).partition(": ")[0],
                "message": msgspec.to_builtins(message),
            },
        )

    def check(self, plan: Plan) -> None:
        """Check that the row did not change and joined no incident meanwhile. Raises Refused."""
        self._unmoved(plan.target, plan.version, self._board())
        self._not_twice(self._destinations.find(plan.request["destination"]), plan.target, plan.id)

    def send(self, plan: Plan) -> Receipt:
        """One attempt, on the destination's own queue. Raises ActionFailed or OutcomeUnknown."""
        message = convert(plan.request["message"], Message)
        return self._destinations.find(plan.request["destination"]).get().send(message)

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """SENT where the destination took it; where its answer was lost, nobody will ever know."""
        name = plan.request["destination"]
        where = plan.request.get("where") or name
        if receipt is not None:
            return Check(OutcomeState.SENT, f"sent to {where}; delivery is not confirmed")
        return Check(
            OutcomeState.UNKNOWN,
            f"{where} may have received it, or not",
            hint=f"this program cannot read it back: check {where}",
        )

    def queue_of(self, plan: Plan) -> JobQueue:
        """The destination's own: one that hangs must not hold up what the alert's source is asked for."""
        return self._destinations.find(plan.request["destination"]).queue

    def _unmoved(self, target: str, version: str, board: Board) -> Alert:
        alert = board.alerts.get(target)
        if alert is None:
            raise Refused("the alert is not there any more")
        if alert.version != version:
            raise Refused(f"the alert changed: it is {alert.state} now")
        return alert

    def _incident(self, target: str) -> str:
        row = self._row(target)
        return row.incident if row and row.incident != target else ""

    def _not_twice(self, worker: DestinationWorker, target: str, plan_id: str = "") -> None:
        if before := self._before(worker, target, plan_id, AGAIN_S):
            raise Refused(f"already escalated: {before}", f"wait {AGAIN_S:.0f} s, or pick another destination")
        incident = self._incident(target)
        if incident and worker.provider == EVENTS:
            raise Refused(f"somebody is paged for it already: {incident}", "escalate the incident itself")

    def _before(self, worker: DestinationWorker, target: str, plan_id: str, within_s: float = REMEMBERED_S) -> str:
        """``sent by Alice 20s ago``, where the journal has it; what was lost or refused is no reason to hold back."""
        try:
            entries = self._journal.recent(ENTRIES, (EntryKind.INTENT, EntryKind.OUTCOME))
        except JournalError:
            return ""
        sent = {e.subject for e in entries if e.data.get("state") == OutcomeState.SENT}
        for entry in reversed(entries):
            seconds = self._clock.now() - entry.at
            if entry.kind is not EntryKind.INTENT or entry.subject not in sent - {plan_id} or seconds > within_s:
                continue
            plan = entry.data.get("plan", {})
            if plan.get("target") == target and plan.get("request", {}).get("destination") == worker.name:
                return f"sent by {entry.actor} {ago(seconds)}"
        return ""

    def _message(self, ask: ActionRequest, alert: Alert) -> Message:
        row = self._row(alert.id)
        service = row.service.id if row and row.service else ""
        product = row.product if row else None
        said = [
            f"reason: {ask.reason}" if ask.reason.strip() else "",
            f"{alert.severity}, {alert.state} for {age(self._clock.now() - alert.began)}",
            f"service: {service}" if service else "",
            f"product: {product.name}, of {product.owner}" if product and product.owner else "",
            f"runbook: {product.runbook}" if product and product.runbook else "",
            f"alert: {alert.id}",
        ]
        return Message(
            thread=f"{alert.id}@{alert.began:.0f}",
            title=alert.title,
            text="\n".join(line for line in said if line),
            severity=alert.severity,
            about=service or alert.id,
            actor=ask.actor.name,
            key=alert.page_key,
            url=alert.url,
        )
