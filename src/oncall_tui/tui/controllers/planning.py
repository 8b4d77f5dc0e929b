"""From a request to an action: the plan, the confirmation, and carrying it out."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import OncallError, Refused, WayOut
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.login import Login
from oncall_tui.tui.presenters import ways_out
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.screens.dialogs.answers import ANEW, ANOTHER, LOGIN, OVERRIDE
from oncall_tui.tui.session import Session

AT_ONCE = frozenset({Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.NOTE})  # frequent and reversible; all else always asks


def overridable(error: OncallError) -> bool:
    """Tell whether it is a guardrail's refusal that a reason overrides."""
    return isinstance(error, Refused) and WayOut.OVERRIDE in error.ways


class Planning:
    """The steps that every action takes."""

    def __init__(self, session: Session, dialogs: Dialogs, login: Login) -> None:
        self._session, self._dialogs, self._login = session, dialogs, login

    def request(self, verb: Verb, alert: Alert, **more: Any) -> ActionRequest:
        """Return the request for an alert, with the version that was on screen."""
        actor = self._session.engine.actor
        return ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=actor, **more)

    async def planned(self, request: ActionRequest, name: str, another: bool = False) -> Plan | str | None:
        """Return the plan, or the answer to its refusal: ANOTHER (where *another*), or None.

        A refusal is shown in a dialog, so that a key typed ahead does not plan anew behind it. A guardrail's may be
        overridden there, and is planned again with the reason.
        """
        while True:
            try:
                plan = await asyncio.wrap_future(self._session.engine.actions.plan(request))
            except OncallError as error:
                answer = await self.refused(f"{request.verb} {name}", error, another)
                if answer != OVERRIDE:
                    return answer
                reason = await self.reason(f"{request.verb} {name}")
                if reason is None:
                    return None
                self._session.doing(f"planning {request.verb} {name}")
                request = msgspec.structs.replace(request, override=reason)
            else:
                self._session.unsay()
                return plan

    async def reason(self, title: str) -> str | None:
        """Return the reason for which a guardrail is overridden; None: it is not."""
        from oncall_tui.tui.screens.dialogs import forms
        from oncall_tui.tui.screens.dialogs.modals import Form

        field = forms.Field("reason", "why it cannot wait (kept in the journal and the handover)")
        values = await self._dialogs.ask(Form(f"Override the guardrail: {title}", (field,), forms.override))
        if values is None:
            self._session.say("not overridden, nothing was sent", "dim")
        return str(values["reason"]) if values is not None else None

    async def refused(self, title: str, error: OncallError, another: bool = False) -> str | None:
        """Show why something was not done. Where a login has expired, its key renews that from here.

        Return ANOTHER where the engineer wants another target, OVERRIDE where a guardrail is to be overridden, else
        None.
        """
        from oncall_tui.tui.screens.dialogs.modals import RefusalDialog  # opened by a key, imported then

        self._session.unsay()
        source = self._login.renewed_by(error.hint)
        hint = renewing(ways_out.hint(error), self._session.latest.board.sources.values())
        state = error.outcome
        # Where it could not be read, or a guardrail holds, another target would fare no better.
        another = another and source is None and not overridable(error)
        override = overridable(error)
        answer = await self._dialogs.ask(
            RefusalDialog(title, state, error.message, hint, another, source is not None, override)
        )
        if answer == LOGIN and source is not None:
            await self._login.steps(source)
        return answer if answer in (ANOTHER, OVERRIDE) else None

    def hint(self, hint: str) -> str:
        """Word the hint of a dialog that has no key of its own for an expired login."""
        return renewing(hint, self._session.latest.board.sources.values(), " on the board")

    async def confirmed(self, plan: Plan, another: bool = False, anew: bool = False) -> str | None:
        """Return the engineer's answer to the plan: confirm, pick another (if *another*), or None. If it can be planned
        *anew*, an old plan answers ANEW.
        """
        if plan.confirm is Confirm.NONE and (plan.verb in AT_ONCE or not plan.writes):
            return "go on"
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan

        clock = self._session.engine.clock.now
        return await self._dialogs.ask(ConfirmPlan(plan, self._session.tz, clock(), another, clock if anew else None))

    async def decided(
        self, plan: Plan | str | None, request: ActionRequest, name: str, another: bool = False
    ) -> tuple[Plan | str | None, str | None]:
        """Return the plan that was answered, and the answer. An old plan is made anew, and asked for again.

        A value that is no plan (see ``planned``) is its own answer.
        """
        said: str | None = ANEW
        while isinstance(plan, Plan) and (said := await self.confirmed(plan, another, anew=True)) == ANEW:
            self._session.doing(f"planning {request.verb} {name} anew")
            request = msgspec.structs.replace(request, override=plan.override or request.override)
            plan = await self.planned(request, name, another)
        return plan, said if isinstance(plan, Plan) else plan

    async def plan_and_act(self, request: ActionRequest, name: str) -> None:
        """Plan, ask, and carry out the plan that was confirmed."""
        plan, said = await self.decided(await self.planned(request, name), request, name)
        if isinstance(plan, Plan):
            self.act(plan, said)

    def act(self, plan: Plan, answer: str | None) -> None:
        """Carry the plan out, or say that nothing was sent."""
        self._dialogs.asked()
        if answer is None or answer == ANOTHER:
            self._session.say(f"{plan.verb}: cancelled, nothing was sent", "dim")
        else:
            without_journal = bool(self._session.latest.journal_failure)
            self._session.engine.actions.execute(plan, without_journal=without_journal)
