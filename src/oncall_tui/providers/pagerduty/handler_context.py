"""What PagerDuty's actions share, and notes."""

from __future__ import annotations

import re
import uuid
from typing import Any

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Choice, Confirm, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteGrace, ago, before_sending, read_back, stamp
from oncall_tui.providers.pagerduty.ack_timeouts import Lapses
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.mapping import row
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, PagerDutyNote, Reference
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import told

NOTE_LIMIT = 25_000  # characters; the API names no limit, and a note is read in a list


class PagerDutyHandlerContext:
    """One account, as its action handlers see it."""

    def __init__(
        self, options: PagerDutyOptions, api: PagerDutyApi, clock: Clock, lapses: Lapses, read_only: bool
    ) -> None:
        self.options = options
        self.api = api
        self.clock = clock
        self.lapses = lapses
        self._read_only = read_only
        self._owner: Reference | None = None

    def target(self, ask: ActionRequest, board: Board) -> Alert:
        """The row that is meant. Raises Refused where it is not on the board, or nobody may write."""
        if self._read_only:
            raise errors.Refused("read only: the configuration forbids writing")
        alert = board.alerts.get(ask.target)
        if alert is None or alert.source != self.options.name:
            raise errors.Refused(f"{ask.target} is resolved, or not there any more")
        self.acts_as(ask.actor)
        return alert

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
        """The login was renewed: whose token it is may be another one."""
        self._owner = None

    def row(self, incident: PagerDutyIncident) -> Alert:
        """The incident as a row. Raises ValueError as ``rows.row``."""
        return row(self.options.name, incident, snoozed=self.lapses.snoozed(incident))

    def local(self, at: float) -> str:
        """``09:00 JST``, with the day where that is not today: in the time zone that the screen shows."""
        return told(at, self.clock.now())

    def read(self, incident_id: str) -> PagerDutyIncident:
        """The incident as it is. Raises Refused where it cannot be read, or is gone."""
        with before_sending():
            incident = self.api.incident(incident_id)
        if incident is None:
            raise errors.Refused("PagerDuty does not have this incident any more")
        return incident

    def unmoved(self, version: str, incident: PagerDutyIncident) -> Alert:
        """Its row, where it is still what *version* says; else Refused, saying what moved."""
        try:
            now = self.row(incident)
        except ValueError:
            raise errors.Refused("PagerDuty sent an incident without a start time") from None
        if now.state is AlertState.RESOLVED:
            raise errors.Refused(f"already {self.state_words(now)}, not reopened", "nothing is left to do")
        if version and _held(now.version) != _held(version):
            raise errors.Refused(self.state_words(now))
        return now

    def state_words(self, now: Alert) -> str:
        """``acknowledged by Bob, 20 s ago, until 03:27 UTC``."""
        said = str(now.state) + (f" by {', '.join(now.by)}" if now.by else "")
        if now.by_at is not None:
            when = ago(self.api.http.server_now() - now.by_at)
            said += f", {when}" if now.by else f" {when}"
        return said + (f", until {self.local(now.until)}" if now.until is not None else "")

    def since(self, plan: Plan) -> float:
        """When *plan* was made, by the server's clock, with room for its whole seconds."""
        return plan.made_at + self.api.http.server_now() - self.clock.now() - 2.0

    def plan(self, ask: ActionRequest, alert: Alert, version: str, **more: Any) -> Plan:
        """A plan for *alert* with what all of them have; *request* gets the ``From`` of the write."""
        email, warnings = self.acts_as(ask.actor)
        more["request"] = {**more["request"], "from": email}
        more["warnings"] = (*warnings, *more.get("warnings", ()))
        return Plan(
            id=uuid.uuid4().hex,
            verb=ask.verb,
            source=alert.source,
            target=alert.id,
            version=version,
            actor=ask.actor,
            made_at=self.clock.now(),
            **more,
        )


def sender(plan: Plan) -> str:
    """Who a plan is sent as."""
    return str(plan.request.get("from") or plan.actor.email)


def _held(version: str) -> str:
    """A row's version, where snoozed and acknowledged are one: the API has one word for both."""
    return version.replace(f"|{AlertState.SNOOZED}|", f"|{AlertState.ACKNOWLEDGED}|")


def is_me(user: Reference, actor: Actor) -> bool | None:
    """Is *user* the one who acts? None: it cannot be told, since no e-mail address came with it."""
    if user.email and actor.email:
        return user.email.casefold() == actor.email.casefold()
    return True if user.label.casefold() == actor.name.casefold() else None


class AddNote:
    """A note on an incident. It changes no state, so nothing but the incident itself has to be as it was."""

    def __init__(self, context: PagerDutyHandlerContext) -> None:
        self.context = context
        self._sent = WriteGrace(context.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Reads nothing. Raises Refused without a text."""
        alert = self.context.target(ask, board)
        text = (ask.text or ask.reason).strip()
        if not text:
            raise errors.Refused("a note needs text")
        if len(text) > NOTE_LIMIT:
            raise errors.Refused(f"a note has at most {NOTE_LIMIT:,} characters")
        body = {"note": {"content": text}}
        return self.context.plan(
            ask,
            alert,
            ask.version or alert.version,
            title=f"note on {alert.title}",
            lines=(("incident", alert.title), ("note", text)),
            confirm=Confirm.NONE,
            request={"incident": alert.native_id, "content": text},
            commands=(
                self.context.api.command("POST", alert.native_id, "/notes", body, self.context.acts_as(ask.actor)[0]),
            ),
        )

    def check(self, plan: Plan) -> None:
        """Is the incident there? Raises Refused where not."""
        self.context.read(plan.request["incident"])

    def send(self, plan: Plan) -> Receipt:
        """POST once. Raises Failed or Unknown."""
        self._sent.note(plan)
        note = self.context.api.add_note(plan.request["incident"], plan.request["content"], sender(plan))
        return Receipt({"note": note.id})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the incident's notes have it."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        notes = self.context.api.notes(plan.request["incident"])
        if any(self._is(note, plan, receipt) for note in notes):
            return Check(OutcomeState.DONE, "noted: PagerDuty shows the note")
        return self._sent.absent(plan, "sent, not visible yet", "PagerDuty does not have the note")

    def _is(self, note: PagerDutyNote, plan: Plan, receipt: Receipt | None) -> bool:
        if receipt is not None and "note" in receipt.data:
            return note.id == str(receipt.data["note"])
        made = stamp(note.created_at)
        return note.content.strip() == plan.request["content"] and (made is None or made >= self.context.since(plan))
