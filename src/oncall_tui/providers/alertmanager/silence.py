"""Acknowledge and silence: both make one silence, and both are done when the server shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.providers.alertmanager.handler_context import AlertmanagerHandlerContext, CurrentAlert, author, iso
from oncall_tui.providers.alertmanager.schema import ACK, AlertmanagerMatcher, ListedSilence
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteHandler, before_sending, silence_s, stamp
from oncall_tui.runtime.decoding import convert
from oncall_tui.text.time_format import length, local_time

ACK_S = 900.0  # karma's: too short needs re-silencing, too long hides a recurrence
SAME_S = 60.0  # a silence that ends so much sooner than the one that is asked for lasts as long
EARLY_S = 5.0  # a start in the future would make it pending; the server moves a start in the past to now


class SilenceHandler(WriteHandler[AlertmanagerHandlerContext, CurrentAlert]):
    """The common part of both verbs: send one silence, and verify it. Subclasses plan."""

    held = "silenced"
    how = ""

    def _write(self, plan: Plan) -> Receipt:
        """POST once. The receipt has the silence's id and its end."""
        request = plan.request
        now = self.context.http.server_now()
        until = now + request["for_s"]
        body = request.get("extends") or {**request["silence"], "startsAt": iso(now - EARLY_S)}
        silence_id = self.context.api.post({**body, "endsAt": iso(until)})
        return Receipt({"silenceID": silence_id, "until": until})

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read the silence, then the alert that it is to hold."""
        silence = self._find(plan, receipt)
        if silence is None:
            missing = f"Alertmanager has no such silence: not {self.held}"
            if receipt is not None:
                missing = f"Alertmanager accepted the silence and does not have it any more: not {self.held}"
            return self.context.not_yet(self._sent, plan, receipt, "sent, not visible yet", missing)
        until = stamp(silence.endsAt) or 0.0
        if receipt is not None and until < float(receipt.data.get("until", 0.0)) - SAME_S and silence.is_active:
            end = f"it still ends at {local_time(until, self.context.clock.now())}"
            return self.context.not_yet(self._sent, plan, receipt, f"sent, {end}", f"not extended: {end}")
        said = f"{self.held} by {silence.createdBy} until {local_time(until, self.context.clock.now())}{self.how}"
        if silence.status.state == "expired":  # a later start reads an intent whose silence has ended since
            return Check(OutcomeState.DONE, f"was {said}; that has ended")
        if not silence.is_active:
            return Check(OutcomeState.PENDING, f"the silence is {silence.status.state or 'not active'} yet")
        current = self.context.find(plan.request)
        if current is None:
            return Check(OutcomeState.DONE, f"{said}; the alert is gone")
        if silence.id in current.silenced_by or not plan.request["covers"]:
            return Check(OutcomeState.DONE, said)
        return self.context.not_yet(
            self._sent,
            plan,
            receipt,
            "the silence exists, but the alert does not show it yet",
            "the silence is there, but the alert keeps firing",
        )

    def _find(self, plan: Plan, receipt: Receipt | None) -> ListedSilence | None:
        """The silence of *receipt*; without one, the one that is what *plan* asks for and was not there before it."""
        if receipt is not None and "silenceID" in receipt.data:
            return self.context.silence(str(receipt.data["silenceID"]))
        asked = plan.request["silence"]
        matchers = sorted(convert(m, AlertmanagerMatcher) for m in asked["matchers"])
        found = [
            s
            for s in self.context.api.silences()
            if sorted(s.matchers) == matchers and s.createdBy == asked["createdBy"] and s.comment == asked["comment"]
        ]
        since = self.context.since(plan)
        return next((s for s in found if (stamp(s.updatedAt or s.startsAt) or 0.0) >= since), None)

    def _request(
        self, alert: Alert, ask: ActionRequest, matchers: Mapping[str, str], comment: str, for_s: float
    ) -> Any:
        return {
            "silence": {
                "matchers": [
                    msgspec.to_builtins(AlertmanagerMatcher(name, value)) for name, value in sorted(matchers.items())
                ],
                "createdBy": author(ask.actor),
                "comment": comment,
            },
            "for_s": for_s,
            "covers": all(alert.label(name) == value for name, value in matchers.items()),
        }


class AlertmanagerAcknowledge(SilenceHandler):
    """The ``ACK!`` silence of 15 minutes over exactly the alert's labels. No prompt, unless it matches other alerts."""

    held = "acknowledged"
    how = " (a silence)"

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the alert and what its labels match. Raises Refused where somebody has it already, or it moved."""
        alert = self.context.target(ask, board)
        labels = dict(alert.labels)
        current = self.context.read_row(alert)
        row = self.context.unmoved(ask.version, current)
        if row.state in (AlertState.ACKNOWLEDGED, AlertState.SILENCED):
            raise errors.Refused(f"already {self.context.state_words(row)}")
        why = ask.reason or ask.text
        comment = f"{ACK} This alert was acknowledged using oncall-tui by {ask.actor.name}" + (
            f": {why}" if why else ""
        )
        request = self._request(alert, ask, labels, comment, ACK_S)
        request["others"] = [a.fingerprint for a in current.others]
        now = self.context.clock.now()
        lines = [
            ("alert", alert.title),
            ("until", f"{local_time(now + ACK_S, now)}, an open board extends it while it fires and you press keys"),
        ]
        if current.others:
            lines.append(
                ("matches", f"{len(current.others) + 1} alerts: this one and {len(current.others)} with more labels")
            )
        return self.context.plan(
            ask,
            alert,
            version=row.version,
            title=f"acknowledge {alert.title}",
            lines=tuple(lines),
            affects=self.context.names(current.others),
            confirm=Confirm.YES if current.others else Confirm.NONE,
            request=request,
            commands=(self.context.add_command(request["silence"], now, ACK_S),),
        )

    def _still(self, plan: Plan, seen: CurrentAlert) -> None:
        """Raise Refused where it moved, or where it would now hide what nobody was asked about."""
        super()._still(plan, seen)
        new = [a for a in seen.others if a.fingerprint not in plan.request["others"]]
        if new:
            raise errors.Refused(f"it would now also hide {', '.join(self.context.names(new)[:3])}", "ask again")


class AlertmanagerSilence(SilenceHandler):
    """A silence with a reason and an end, over the alert's labels or wider. How many others match is no move.

    One of the same matchers that is there already is extended, where it is the actor's: a second one would outlive it
    unseen. That takes its id, its start and its very matchers; else Alertmanager makes another.
    """

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read what it would hide now. Raises Refused without a reason, an end, or a matcher that says something."""
        alert = self.context.target(ask, board)
        reason = ask.reason.strip()
        if not reason:
            raise errors.Refused("a silence needs a reason", "say why")
        for_s = silence_s(ask)
        matchers = dict(ask.matchers or alert.labels)
        if ask.matchers and len(matchers) != len(ask.matchers):
            raise errors.Refused("a label is named twice: no alert would match")
        if not any(matchers.values()) or not all(matchers):
            raise errors.Refused("a silence needs a label with a value")
        comment = f"silence: {reason}" if reason.startswith(ACK) else reason  # ACK! would make it an acknowledgement
        current = self.context.read_row(alert)
        row = self.context.unmoved(ask.version, current)
        with before_sending():
            hidden = [a for a in self.context.api.matching(matchers) if a.fingerprint != alert.native_id]
            same = self._same(matchers)
        request = self._request(alert, ask, matchers, comment, for_s)
        now = self.context.clock.now()
        there, warnings, command = "", self._warnings(bool(request["covers"])), ""
        if same is not None:
            there = f"{same.id} by {same.createdBy} until {local_time(stamp(same.endsAt) or 0.0, now)}"
            self._longer(there, same, for_s)
            if same.createdBy == author(ask.actor):
                request["extends"] = {**same.update(), "comment": comment}
                command = self.context.extend_command(request["silence"], request["extends"], now + for_s)
            else:
                warnings = (f"the same silence is active already: {there}; this makes a second one", *warnings)
        extends = "extends" in request
        return self.context.plan(
            ask,
            alert,
            version=row.version,
            title=f"extend the silence of {alert.title}" if extends else f"silence {alert.title}",
            lines=(
                *((("extends", there),) if extends else ()),
                ("matchers", ", ".join(f'{name}="{value}"' for name, value in sorted(matchers.items()))),
                ("hides now", _counted(len(hidden) + bool(request["covers"]))),
                ("ends", f"{local_time(now + for_s, now)}, after {length(for_s)}"),
                ("reason", reason),
            ),
            warnings=warnings,
            affects=self.context.names(hidden),
            request=request,
            commands=(command or self.context.add_command(request["silence"], now, for_s),),
        )

    def _same(self, matchers: Mapping[str, str]) -> ListedSilence | None:
        """Return the active silence of exactly these matchers that lasts longest; an acknowledgement is none."""
        wanted = sorted(AlertmanagerMatcher(name, value) for name, value in matchers.items())
        found = [s for s in self.context.api.silences() if s.is_active and not s.is_ack]
        same = [s for s in found if sorted(s.matchers) == wanted]
        return max(same, key=lambda s: stamp(s.endsAt) or 0.0, default=None)

    def _longer(self, there: str, same: ListedSilence, for_s: float) -> None:
        """Raise Refused where the silence that is there lasts as long as what is asked for."""
        until = self.context.http.server_now() + for_s
        if (stamp(same.endsAt) or 0.0) >= until - SAME_S:
            raise errors.Refused(f"the same silence is active already: {there}", "a longer time extends it")

    def _warnings(self, covers: bool) -> tuple[str, ...]:
        return () if covers else ("these matchers do not match this alert: it keeps firing",)


def _counted(n: int) -> str:
    return "1 alert" if n == 1 else f"{n} alerts"
