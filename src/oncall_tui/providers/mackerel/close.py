"""Resolve: close an alert. It is all that Mackerel offers; acknowledging is in the journal here (seen)."""

from __future__ import annotations

import shlex
import uuid
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import Http, NotFound, WriteGrace, before_sending, read_back, reference
from oncall_tui.providers.mackerel.mapping import row, state_of
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.schema import MackerelAlert
from oncall_tui.runtime.clock import Clock

GONE = "Mackerel does not have this alert any more"
REASON_LIMIT = 2000  # characters; the API names no limit


def _unseen(version: str) -> str:
    """The version that Mackerel's own state would have: that an alert was seen is known here alone."""
    head, _, began = version.rpartition("|")
    if head.endswith(f"|{AlertState.SEEN}"):
        head = head.removesuffix(AlertState.SEEN) + AlertState.FIRING
    return f"{head}|{began}"


class Close:
    """POST …/close with a reason, which the API wants."""

    def __init__(self, options: MackerelOptions, http: Http, clock: Clock, read_only: bool) -> None:
        self._options = options
        self._http = http
        self._clock = clock
        self._read_only = read_only
        self._sent = WriteGrace(clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Reads nothing: ``check`` does. Raises Refused where it is closed already."""
        if self._read_only:
            raise errors.Refused("read only: the configuration forbids writing")
        alert = board.alerts.get(ask.target)
        if alert is None or alert.source != self._options.name or alert.state is AlertState.RESOLVED:
            raise errors.Refused(f"{ask.target} is closed, or not there any more")
        why = (ask.reason or ask.text).strip()[:REASON_LIMIT]
        reason = f"{why or 'closed'} ({ask.actor.name}, with oncall-tui)"
        return Plan(
            id=uuid.uuid4().hex,
            verb=Verb.RESOLVE,
            does="close",
            did="closed",
            source=alert.source,
            target=alert.id,
            version=ask.version or alert.version,
            actor=ask.actor,
            made_at=self._clock.now(),
            title=f"close {alert.title}",
            lines=(("alert", alert.title), ("reason", reason)),
            warnings=("a monitor that still fails opens a new alert",),
            confirm=Confirm.YES,
            request={"alert": alert.native_id, "reason": reason},
            commands=(self._command(alert.native_id, reason),),
        )

    def check(self, plan: Plan) -> None:
        """Read it again. Raises Refused where it is closed, or changed its state."""
        with before_sending():
            wire = self._read(plan)
        if wire is None:
            raise errors.Refused(GONE)
        if state_of(wire) is AlertState.RESOLVED:
            raise errors.Refused(f"already closed{f': {wire.reason}' if wire.reason else ''}")
        now = row(self._options, wire, None)
        if plan.version and now.version != _unseen(plan.version):
            raise errors.Refused(f"the alert changed: it is {now.state} now")

    def send(self, plan: Plan) -> Receipt:
        """POST once. Raises Failed or Unknown."""
        self._sent.note(plan)
        closed = self._http.write(
            "POST", self._path(plan) + "/close", MackerelAlert, {"reason": plan.request["reason"]}
        )
        return Receipt({"alert": closed.id})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the alert is closed."""
        return read_back(lambda: self._verify(plan))

    def _verify(self, plan: Plan) -> Check:
        wire = self._read(plan)
        if wire is None:
            return self._sent.absent(plan, "sent, not visible yet", GONE)
        if state_of(wire) is AlertState.RESOLVED:
            return Check(OutcomeState.DONE, f"closed: {wire.reason}" if wire.reason else "closed")
        return self._sent.absent(plan, f"sent, still {wire.status}", f"not closed: it is {wire.status}")

    def _read(self, plan: Plan) -> MackerelAlert | None:
        try:
            return self._http.get(self._path(plan), MackerelAlert)
        except NotFound:
            return None

    @staticmethod
    def _path(plan: Plan) -> str:
        return f"/api/v0/alerts/{quote(plan.request['alert'], safe='')}"

    def _command(self, alert_id: str, reason: str) -> str:
        key = reference(self._options.api_key)
        data = shlex.quote(msgspec.json.encode({"reason": reason}).decode())
        url = shlex.quote(f"{self._http.url}/api/v0/alerts/{quote(alert_id, safe='')}/close")
        return f'curl -sS -X POST -H "X-Api-Key: {key}" --json {data} {url}'
