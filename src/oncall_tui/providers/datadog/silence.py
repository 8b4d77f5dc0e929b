"""Silence: a downtime over exactly one group of one monitor, that ends by itself; done when Datadog shows it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.datadog.active_downtime import ActiveDowntime, message
from oncall_tui.providers.datadog.handler_context import CurrentMonitor, DatadogHandlerContext
from oncall_tui.providers.datadog.mapping import alerting
from oncall_tui.providers.datadog.scope import UnreadableScope, covers, scope_of, tags_of
from oncall_tui.providers.http import WriteHandler, listed, silence_s
from oncall_tui.text.time_format import length, local_time

REASON_LIMIT = 1000
SAME_S = 60.0  # a downtime that ends so much sooner than the one that is asked for lasts as long
END_STATES = ("alert", "no data", "warn")  # DowntimeNotifyEndStateTypes: every state that asks for a person
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class DatadogSilence(WriteHandler[DatadogHandlerContext, CurrentMonitor]):
    """The handler of ``silence`` on a group of a monitor. There is no wider one: *matchers* are refused."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the monitor and what the scope hides. Raises Refused without a reason or an end, or where it moved."""
        alert = self.context.target(ask, board)
        reason = ask.reason.strip()
        for_s = _sound(reason, ask)
        current = self.context.read_row(alert)
        row = self.context.unmoved(ask.version, current)
        monitor, group = current.monitor, current.group
        try:
            scope = scope_of(group)
        except UnreadableScope as error:
            raise errors.Refused(f"no downtime can be made for it alone: {error}", "make one in Datadog") from None
        others = [name for name in alerting(monitor) if name != group and covers(scope, tags_of(name))]
        again = self._again(monitor.id, scope, for_s)
        attributes = self._attributes(monitor.id, scope, message(ask.actor, reason))
        now = self.context.clock.now()
        return self.context.plan(
            ask,
            alert,
            version=row.version,
            does="downtime",
            did="muted by a downtime",
            title=f"silence {alert.title}",
            lines=(
                ("monitor", f"{monitor.id} {monitor.name or ''}".strip()),
                ("scope", scope if scope != "*" else "* (the whole monitor)"),
                ("ends", f"{local_time(now + for_s, now)}, after {length(for_s)}; it ends on its own"),
                ("at its end", self._at_end()),
                ("reason", reason),
            ),
            warnings=(*again, *_warnings(row, reason, now, whole=scope == "*" and bool(monitor.multi))),
            affects=listed(others),
            request={"for_s": for_s, "attributes": attributes},
            commands=(self.context.api.add_command(_ending(attributes, now + for_s)),),
        )

    def _again(self, monitor_id: int, scope: str, for_s: float) -> tuple[str, ...]:
        """Warn of a downtime of the same scope that is there already. Raises Refused where that lasts as long."""
        try:
            found = self.context.api.active_downtimes()[0]
        except errors.SourceError as error:
            return (f"whether a downtime of it is active already is not known: {error.message}",)
        same = [d for d in found if d.status == "active" and (d.monitor_id, d.scope) == (monitor_id, scope)]
        if not same:
            return ()
        last = max(same, key=lambda d: float("inf") if d.until is None else d.until)
        until = "without an end" if last.until is None else f"until {local_time(last.until, self.context.clock.now())}"
        there = f"the same downtime is active already: {last.id} by {last.by or 'somebody'} {until}"
        if last.until is None or last.until >= self.context.http.server_now() + for_s - SAME_S:
            raise errors.Refused(there, "ask for a longer time")
        return (f"{there}; this makes a second one",)

    def _attributes(self, monitor_id: int, scope: str, text: str) -> dict[str, Any]:
        """``DowntimeCreateRequestAttributes`` but for its schedule, which is made when it is sent."""
        return {
            "monitor_identifier": {"monitor_id": monitor_id},
            "scope": scope,
            "message": text,
            "display_timezone": "UTC",
            "mute_first_recovery_notification": False,  # a pager behind it has to hear that it is over
            "notify_end_states": list(END_STATES) if self.context.options.notify_at_end else [],
            "notify_end_types": ["expired"] if self.context.options.notify_at_end else [],
        }

    def _at_end(self) -> str:
        if self.context.options.notify_at_end:
            return f"Datadog notifies anew if it still has {', '.join(END_STATES[:-1])} or {END_STATES[-1]}"
        return "nobody is notified, even if it still alerts (notify_at_end is off)"

    def _write(self, plan: Plan) -> Receipt:
        """POST once. The receipt has the downtime's id and its end."""
        until = self.context.http.server_now() + plan.request["for_s"]
        made = self.context.api.add(_ending(plan.request["attributes"], until))
        return Receipt({"downtime": made.id, "until": until})

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read the downtime, then the monitor that it is to hold."""
        downtime = self._find(plan, receipt)
        if downtime is None:
            return self._sent.absent(plan, "sent, not visible yet", "Datadog has no such downtime: it is not muted")
        until = f" until {local_time(downtime.until, self.context.clock.now())}" if downtime.until is not None else ""
        said = f"muted by a downtime of {downtime.by or 'somebody'}{until}"
        if downtime.status in ("ended", "canceled"):  # a later start reads an intent whose downtime has ended since
            return Check(OutcomeState.DONE, f"was {said}; that has ended")
        if downtime.status != "active":
            return Check(OutcomeState.PENDING, f"the downtime is {downtime.status or 'not active'} yet")
        current = self.context.find(plan.request)
        if current is None or current.row is None:
            return Check(OutcomeState.DONE, f"{said}; the alert is gone")
        if downtime.id in self.context.api.matches(plan.request["monitor"]):
            return Check(OutcomeState.DONE, f"{said}: it still alerts, and notifies nobody")
        return self._sent.absent(
            plan, "the downtime is there, the monitor does not show it yet", "the downtime is there, but does not hold"
        )

    def _find(self, plan: Plan, receipt: Receipt | None) -> ActiveDowntime | None:
        """The downtime of *receipt*; without one, the one that is what *plan* asks for and was not there before it."""
        if receipt is not None and "downtime" in receipt.data:
            known = str(receipt.data["downtime"])
            return self.context.api.active_downtime(known) if _ID.fullmatch(known) else None
        asked = plan.request["attributes"]
        since = self.context.since(plan)
        for downtime in self.context.api.active_downtimes()[0]:
            same = (downtime.monitor_id, downtime.scope, downtime.message) == (
                plan.request["monitor"],
                asked["scope"],
                asked["message"],
            )
            if same and (downtime.made is None or downtime.made >= since):
                return downtime
        return None


def _sound(reason: str, ask: ActionRequest) -> float:
    """Return how long. Raises Refused where what is asked for is no downtime."""
    if not reason:
        raise errors.Refused("a silence needs a reason", "say why")
    if len(reason) > REASON_LIMIT:
        raise errors.Refused(f"a reason has at most {REASON_LIMIT:,} characters")
    for_s = silence_s(ask)
    if ask.matchers:
        raise errors.Refused("a Datadog downtime is made for one group of one monitor", "make a wider one in Datadog")
    return for_s


def _warnings(row: Alert, reason: str, now: float, whole: bool) -> tuple[str, ...]:
    words = ["what has been notified already stays: an open incident is not closed by this"]
    if whole:
        words.append("Datadog does not say which of its groups alert: all of them are silenced")
    if row.state is AlertState.SILENCED:
        words.append("it is silenced already" + (f" until {local_time(row.until, now)}" if row.until else ""))
    if "@" in reason:
        words.append("Datadog notifies whoever the reason names with @")
    return tuple(words)


def _ending(attributes: dict[str, Any], until: float) -> dict[str, Any]:
    """Return the attributes with a schedule from now to *until* (``DowntimeScheduleOneTimeCreateUpdateRequest``)."""
    end = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
    return {**attributes, "schedule": {"start": None, "end": end}}
