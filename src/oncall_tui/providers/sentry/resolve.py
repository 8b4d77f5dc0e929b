"""Resolve, and ignore until a time (Sentry's pages call it archive; its API, ignore)."""

from __future__ import annotations

import math

from oncall_tui import errors
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import silence_s
from oncall_tui.providers.sentry.assignee import AssignmentKind
from oncall_tui.providers.sentry.handler_context import SentryHandler, said
from oncall_tui.providers.sentry.mapping import ignored_until, state_of
from oncall_tui.providers.sentry.schema import SentryIssue
from oncall_tui.text.time_format import local_time

NEAR_S = 120.0  # an end that is nearer than this to the one asked for is that one: the server counts minutes
COMMENT_LIMIT = 2000  # characters


class SentryResolve(SentryHandler):
    """Resolved; the next event of its kind brings it back, as regressed."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing: ``check`` does. Raises Refused where it is resolved already."""
        alert = self.context.target(ask, board)
        if alert.state is AlertState.RESOLVED:
            raise errors.Refused("already resolved")
        why = (ask.reason or ask.text).strip()[:COMMENT_LIMIT]
        change = {"status": "resolved"}
        comment = {"comment": f"Resolved by {ask.actor.name} with oncall-tui: {why}"} if why else {}
        return self.context.plan(
            ask,
            alert,
            title=f"resolve {alert.title}",
            lines=(
                ("issue", alert.title),
                ("seen", f"{alert.count:,} times"),
                ("then", "its next event opens it again, as regressed"),
                *((("comment", why),) if why else ()),
            ),
            request={"change": change, **comment},
            commands=(self.context.api.command(alert.native_id, change),),
            writes=2 if why else 1,
        )

    def _shows(self, plan: Plan, receipt: Receipt | None, issue: SentryIssue) -> Check:
        """DONE where its status is resolved, or it was and an event has brought it back."""
        if state_of(issue, AssignmentKind.TAKEN) is AlertState.RESOLVED:
            return Check(OutcomeState.DONE, said("resolved", receipt))
        if receipt is not None and issue.substatus == "regressed":
            return Check(OutcomeState.DONE, said("resolved, and regressed since", receipt))
        return self._sent.absent(
            plan, f"sent, still {issue.status}", f"not resolved: it is {self.context.words(issue)}"
        )


class Ignore(SentryHandler):
    """Ignored for a time, which ends by itself. Who and why go into a comment."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read nothing: ``check`` does. Raises Refused without a reason, or an end."""
        alert = self.context.target(ask, board)
        reason = ask.reason.strip()[:COMMENT_LIMIT]
        if not reason:
            raise errors.Refused("ignoring needs a reason", "say why")
        for_s = silence_s(ask)
        if ask.matchers:
            raise errors.Refused("Sentry ignores one issue: it has no matchers")
        minutes = max(1, math.ceil(for_s / 60))
        until = self.context.clock.now() + 60 * minutes
        who = (
            f"Ignored until {local_time(until, self.context.clock.now())} by {ask.actor.name} with oncall-tui: {reason}"
        )
        change = {"status": "ignored", "statusDetails": {"ignoreDuration": minutes}}
        return self.context.plan(
            ask,
            alert,
            does="ignore",
            did="ignored",
            title=f"ignore {alert.title}",
            lines=(
                ("issue", alert.title),
                ("ends", f"{local_time(until, self.context.clock.now())}, after {minutes} min; it ends on its own"),
                ("reason", f"{reason} (in a comment, with your name)"),
            ),
            warnings=("while it is ignored its events notify nobody, however many come",),
            request={"change": change, "comment": who, "until": until},
            commands=(self.context.api.command(alert.native_id, change),),
            writes=2,
        )

    def _shows(self, plan: Plan, receipt: Receipt | None, issue: SentryIssue) -> Check:
        """DONE where it is ignored, and until the time that was asked for."""
        until = ignored_until(issue)
        ours = until is not None and abs(until - self.context.skew_s() - plan.request["until"]) < NEAR_S
        if state_of(issue, AssignmentKind.TAKEN) is AlertState.SILENCED and (ours or receipt is not None):
            hint = "" if ours else "its end is not the one asked for: check it in Sentry"
            return Check(OutcomeState.DONE, said(self.context.words(issue), receipt), hint=hint)
        if receipt is None and self.context.clock.now() > plan.request["until"]:
            return Check(OutcomeState.FAILED, f"it is {self.context.words(issue)}; if it was ignored, that has ended")
        return self._sent.absent(
            plan, f"sent, still {self.context.words(issue)}", f"not ignored: {self.context.words(issue)}"
        )
