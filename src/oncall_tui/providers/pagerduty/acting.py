"""Acknowledge and note, and what PagerDuty's actions share."""

from __future__ import annotations

import re
import uuid
from typing import Any

from oncall_tui import errors
from oncall_tui.clock import Clock
from oncall_tui.contract import Receipt
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Actor, Ask, Choice, Confirm, Plan
from oncall_tui.providers.http import Sent, ago, before_sending, read_back, stamp, utc
from oncall_tui.providers.pagerduty.api import Api
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.rows import pending, row
from oncall_tui.providers.pagerduty.wire import Incident, Note, Reference

NOTE_LIMIT = 25_000  # characters; the API names no limit, and a note is read in a list


class Desk:
    """One account, as its action handlers see it."""

    def __init__(self, options: PagerDutyOptions, api: Api, clock: Clock, read_only: bool) -> None:
        self.options = options
        self.api = api
        self.clock = clock
        self._read_only = read_only

    def target(self, ask: Ask, board: Board) -> Alert:
        """The row that is meant. Raises Refused where it is not on the board, or nobody may write."""
        if self._read_only:
            raise errors.Refused("read only: the configuration forbids writing")
        alert = board.alerts.get(ask.target)
        if alert is None or alert.source != self.options.name:
            raise errors.Refused(f"{ask.target} is resolved, or not there any more")
        email = ask.actor.email
        if not re.fullmatch(r"[!-~]+@[!-~]+", email):
            raise errors.Refused(
                "PagerDuty wants to know who acts", "set me.email to the e-mail address of your PagerDuty user"
            )
        return alert

    def read(self, incident_id: str) -> Incident:
        """The incident as it is. Raises Refused where it cannot be read, or is gone."""
        with before_sending():
            incident = self.api.incident(incident_id)
        if incident is None:
            raise errors.Refused("PagerDuty does not have this incident any more")
        return incident

    def unmoved(self, version: str, incident: Incident) -> Alert:
        """Its row, where it is still what *version* says; else Refused, saying what moved."""
        try:
            now = row(self.options.name, incident)
        except ValueError:
            raise errors.Refused("PagerDuty sent an incident without a beginning") from None
        if now.state is AlertState.RESOLVED:
            raise errors.Refused(f"{self.state_words(now)}: acknowledging would reopen it", "nothing is left to do")
        if version and now.version != version:
            raise errors.Refused(self.state_words(now))
        return now

    def state_words(self, now: Alert) -> str:
        """``acknowledged by Bob, 20 s ago, until 03:27 UTC``."""
        said = str(now.state) + (f" by {', '.join(now.by)}" if now.by else "")
        if now.changed is not None:
            when = ago(self.api.http.server_now() - now.changed)
            said += f", {when}" if now.by else f" {when}"
        return said + (f", until {utc(now.until)}" if now.until is not None else "")

    def since(self, plan: Plan) -> float:
        """When *plan* was made, by the server's clock, with room for its whole seconds."""
        return plan.made_at + self.api.http.server_now() - self.clock.now() - 2.0

    def plan(self, ask: Ask, alert: Alert, version: str, **more: Any) -> Plan:
        """A plan for *alert* with what all of them have."""
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


def is_me(user: Reference, actor: Actor) -> bool | None:
    """Is *user* the one who acts? None: it cannot be told, since no e-mail address came with it."""
    if user.email and actor.email:
        return user.email.casefold() == actor.email.casefold()
    return True if user.label.casefold() == actor.name.casefold() else None


class Acknowledge:
    """One key, no prompt. Sent only to what is still triggered: a resolved incident would be reopened."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._sent = Sent(desk.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Reads nothing: ``check`` does, right after. Raises Refused where somebody has it already."""
        alert = self.desk.target(ask, board)
        if alert.state in (AlertState.ACKNOWLEDGED, AlertState.RESOLVED):
            raise errors.Refused(f"already {self.desk.state_words(alert)}")
        change = {"status": "acknowledged"}
        body = {"incident": {"type": "incident_reference", **change}}
        return self.desk.plan(
            ask,
            alert,
            ask.version or alert.version,
            title=f"acknowledge {alert.title}",
            lines=(("incident", alert.title), ("assigned", ", ".join(alert.assigned) or "nobody")),
            confirm=Confirm.NONE,
            request={"incident": alert.native_id, "change": change},
            commands=(self.desk.api.command("PUT", alert.native_id, "", body, ask.actor.email),),
        )

    def check(self, plan: Plan) -> None:
        """Read the incident again. Raises Refused where it is resolved, or somebody has it."""
        incident = self.desk.read(plan.request["incident"])
        if incident.status == "acknowledged":
            raise errors.Refused(f"already {self.desk.state_words(row(self.desk.options.name, incident))}")
        self.desk.unmoved(plan.version, incident)

    def send(self, plan: Plan) -> Receipt:
        """PUT once. Raises Failed or Unknown."""
        self._sent.note(plan)
        changed = self.desk.api.update(plan.request["incident"], plan.request["change"], plan.actor.email)
        return Receipt({"incident": changed.id, "status": changed.status})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the incident shows it."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        incident = self.desk.api.incident(plan.request["incident"])
        if incident is None:
            return Check(OutcomeState.FAILED, "PagerDuty does not have this incident any more")
        if incident.status == "acknowledged":
            return self._whose(plan, receipt, incident)
        if receipt is not None and incident.status == "resolved":
            return Check(OutcomeState.DONE, "acknowledged, and resolved since")
        if receipt is None and self._logged(plan):
            return Check(OutcomeState.DONE, f"acknowledged by {plan.actor.name}; it is {incident.status} now")
        return self._sent.absent(plan, f"sent, still {incident.status}", f"not acknowledged: it is {incident.status}")

    def _whose(self, plan: Plan, receipt: Receipt | None, incident: Incident) -> Check:
        acks = incident.acknowledgements or ()
        mine = [is_me(a.acknowledger, plan.actor) for a in acks]
        until = pending(incident, "unacknowledge")
        end = f" until {utc(until)}" if until is not None else ""
        if receipt is not None or not acks or any(m is not False for m in mine):
            who = plan.actor.name if True in mine else ", ".join(a.acknowledger.label for a in acks)
            return Check(OutcomeState.DONE, f"acknowledged{f' by {who}' if who else ''}{end}")
        who = ", ".join(a.acknowledger.label for a in acks)
        return self._sent.absent(plan, f"sent; {who} has it", f"acknowledged by {who}{end}, not by you")

    def _logged(self, plan: Plan) -> bool:
        """Does the incident's log show our acknowledgement? It may have lapsed or been resolved since."""
        return any(
            entry.type.startswith("acknowledge_log_entry")
            and entry.agent is not None
            and is_me(entry.agent, plan.actor)
            and (stamp(entry.created_at) or 0.0) >= self.desk.since(plan)
            for entry in self.desk.api.log(plan.request["incident"])
        )


class AddNote:
    """A note on an incident. It changes no state, so nothing but the incident itself has to be as it was."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._sent = Sent(desk.clock)

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Nothing to pick."""
        return ()

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Reads nothing. Raises Refused without a text."""
        alert = self.desk.target(ask, board)
        text = (ask.text or ask.reason).strip()
        if not text:
            raise errors.Refused("a note needs a text")
        if len(text) > NOTE_LIMIT:
            raise errors.Refused(f"a note has at most {NOTE_LIMIT:,} characters")
        body = {"note": {"content": text}}
        return self.desk.plan(
            ask,
            alert,
            ask.version or alert.version,
            title=f"note on {alert.title}",
            lines=(("incident", alert.title), ("note", text)),
            confirm=Confirm.NONE,
            request={"incident": alert.native_id, "content": text},
            commands=(self.desk.api.command("POST", alert.native_id, "/notes", body, ask.actor.email),),
        )

    def check(self, plan: Plan) -> None:
        """Is the incident there? Raises Refused where not."""
        self.desk.read(plan.request["incident"])

    def send(self, plan: Plan) -> Receipt:
        """POST once. Raises Failed or Unknown."""
        self._sent.note(plan)
        note = self.desk.api.add_note(plan.request["incident"], plan.request["content"], plan.actor.email)
        return Receipt({"note": note.id})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where the incident's notes have it."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        notes = self.desk.api.notes(plan.request["incident"])
        if any(self._is(note, plan, receipt) for note in notes):
            return Check(OutcomeState.DONE, "the note is there")
        return self._sent.absent(plan, "sent, not to be seen yet", "PagerDuty does not have the note")

    def _is(self, note: Note, plan: Plan, receipt: Receipt | None) -> bool:
        if receipt is not None and "note" in receipt.data:
            return note.id == str(receipt.data["note"])
        made = stamp(note.created_at)
        return note.content.strip() == plan.request["content"] and (made is None or made >= self.desk.since(plan))
