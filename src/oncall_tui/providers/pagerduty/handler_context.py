"""One PagerDuty account, as its verbs' handlers see it: the incident as it is, who acts, what moved, the log.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Unpack

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan, PlanFields
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import HandlerContext, WriteHandler, before_sending, stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.ack_timeouts import AckTimeouts
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.mapping import row
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import LogEntry, PagerDutyIncident, Reference
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import ago, local_time


class PagerDutyHandlerContext(HandlerContext[PagerDutyIncident]):
    """Reads one incident, compares it with the version that was on screen, and knows as whom a write is made."""

    gone = "PagerDuty does not have this incident any more"

    def __init__(
        self, options: PagerDutyOptions, api: PagerDutyApi, clock: Clock, lapses: AckTimeouts, read_only: bool
    ) -> None:
        super().__init__(options.name, api.http, clock, read_only)
        self.api = api
        self.lapses = lapses
        self._owner: Reference | None = None

    def target(self, ask: ActionRequest, board: Board) -> Alert:
        """The row that is meant. Raises Refused where it is not on the board, or nobody may write."""
        alert = super().target(ask, board)
        self.acts_as(ask.actor)
        return alert

    def acts_on(self, alert: Alert) -> bool:
        """Any incident of this account: a verb says itself that it is resolved already."""
        return alert.source == self.source

    def incident(self, target: str, board: Board) -> PagerDutyIncident:
        """The incident of a row, as it is. Raises Refused where the row is not on the board, or it is gone."""
        alert = board.alerts.get(target)
        if alert is None:
            raise errors.Refused(f"{target} {self.off_board}")
        return self.read_row(alert)

    def pin(self, alert: Alert) -> dict[str, Any]:
        """Name it by its id."""
        return {"incident": alert.native_id}

    def find(self, pin: Mapping[str, Any]) -> PagerDutyIncident | None:
        """GET the incident; None where PagerDuty does not have it. Raises errors.SourceError."""
        return self.api.incident(pin["incident"])

    def acts_as(self, actor: Actor) -> tuple[str, tuple[str, ...]]:
        """The ``From`` of a write, and a warning where it is not ``me.email``. Raises Refused where nobody is known.

        A user's token tells whose it is; the account's own does not, and nobody's address is put in its place.
        """
        if re.fullmatch(r"[!-~]+@[!-~]+", actor.email):
            return actor.email, ("me is not configured: the actor is guessed",) if actor.guessed else ()
        if not actor.email and self._owner is None:
            with before_sending():
                self._owner = self.api.me()
        if not actor.email and self._owner is not None and self._owner.email:
            email = self._owner.email
            return email, (f"me.email is not set: it is done as {email}, whose token it is",)
        raise errors.Refused(
            "PagerDuty needs the e-mail address of the acting user",
            "set me.email to the e-mail address of your PagerDuty user",
        )

    def forget(self) -> None:
        """Forget whose token it is: the login was renewed."""
        self._owner = None

    def row(self, incident: PagerDutyIncident) -> Alert:
        """The incident as a row. Raises ValueError as ``mapping.row``."""
        return row(self.source, incident, snoozed=self.lapses.snoozed(incident))

    def local(self, at: float) -> str:
        """``09:00 JST``, with the day where that is not today: in the time zone that the screen shows."""
        return local_time(at, self.clock.now())

    def unmoved(self, version: str, seen: PagerDutyIncident) -> Alert:
        """Its row, where it is still what *version* says; else Refused, saying what moved."""
        try:
            now = self.row(seen)
        except ValueError:
            raise errors.Refused("PagerDuty sent an incident without a start time") from None
        if now.state is AlertState.RESOLVED:
            raise errors.Refused(f"already {self.state_words(now)}, not reopened", "nothing is left to do")
        if version and _held(now.version) != _held(version):
            raise errors.Refused(self.state_words(now))
        return now

    def state_words(self, now: Alert) -> str:
        """``acknowledged by Bob, 20s ago, until 03:27 UTC``."""
        said = str(now.state) + (f" by {', '.join(now.by)}" if now.by else "")
        if now.by_at is not None:
            when = ago(self.http.server_now() - now.by_at)
            said += f", {when}" if now.by else f" {when}"
        return said + (f", until {self.local(now.until)}" if now.until is not None else "")

    def logged(self, plan: Plan, *kinds: str) -> Iterator[LogEntry]:
        """Yield the incident's log entries of these kinds since *plan* was made. Raises errors.SourceError."""
        for entry in self.api.log(plan.request["incident"], Damage()):
            if entry.type.startswith(kinds) and (stamp(entry.created_at) or 0.0) >= self.since(plan):
                yield entry

    def command(self, ask: ActionRequest, method: str, incident_id: str, tail: str, body: object) -> str:
        """The same write as a command to copy, in the name of whoever acts."""
        return self.api.command(method, incident_id, tail, body, self.acts_as(ask.actor)[0])

    def put_command(self, ask: ActionRequest, alert: Alert, change: dict[str, Any]) -> str:
        """Do as ``command``, for a change of the incident itself."""
        return self.command(ask, "PUT", alert.native_id, "", {"incident": {"type": "incident_reference", **change}})

    def plan(self, ask: ActionRequest, alert: Alert, *, title: str, **more: Unpack[PlanFields]) -> Plan:
        """A plan for *alert*; its request gets the ``From`` of the write."""
        email, warnings = self.acts_as(ask.actor)
        more["request"] = {**more.get("request", {}), "from": email}
        more["warnings"] = (*warnings, *more.get("warnings", ()))
        return super().plan(ask, alert, title=title, **more)


class PagerDutyHandler(WriteHandler[PagerDutyHandlerContext, PagerDutyIncident]):
    """A verb on one incident. PagerDuty keeps incidents: one that is gone will not come back."""

    def _missing(self, plan: Plan, receipt: Receipt | None) -> Check:
        return Check(OutcomeState.FAILED, self.context.gone)

    def _put(self, plan: Plan) -> PagerDutyIncident:
        """PUT the ``change`` of the plan's request once."""
        return self.context.api.update(plan.request["incident"], plan.request["change"], sender(plan))


def reason_kept(ask: ActionRequest) -> tuple[tuple[str, str], ...]:
    """The line of a plan with a reason that PagerDuty has no field for; none without a reason."""
    return (("reason", f"{ask.reason} (kept in the journal, not sent)"),) if ask.reason else ()


def sender(plan: Plan) -> str:
    """Return the sender of a plan."""
    return str(plan.request.get("from") or plan.actor.email)


def _held(version: str) -> str:
    """A row's version, where snoozed and acknowledged are one: the API has one word for both."""
    return version.replace(f"|{AlertState.SNOOZED}|", f"|{AlertState.ACKNOWLEDGED}|")


def is_me(user: Reference, actor: Actor) -> bool | None:
    """Return whether *user* is the actor. None: it cannot be told, since no e-mail address came with it."""
    if user.email and actor.email:
        return user.email.casefold() == actor.email.casefold()
    return True if user.label.casefold() == actor.name.casefold() else None
