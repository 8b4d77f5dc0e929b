"""The verbs on alerts that want something picked or typed first: escalate, silence, snooze, note, reassign, merge."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.errors import OncallError
from oncall_tui.text.cells import count
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.controllers.bulk_actions import BulkActions
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning, overridable
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.session import RowRef, Session

if TYPE_CHECKING:
    from oncall_tui.tui.screens.dialogs.modals import Form

FOR_S = Field("for_s", "for how long: 90m, 2h, 1d", "1h")
REASON = Field("reason", "why (others read it)")
UNSENT = frozenset({Verb.SNOOZE, Verb.ESCALATE, Verb.REASSIGN})  # of PagerDuty: its API has no place for a reason


def why(verb: Verb, provider: str, optional: bool = False) -> Field:
    """The line for a reason, which says who will read it."""
    words = "kept in the journal, not sent" if provider == "pagerduty" and verb in UNSENT else "others read it"
    return Field("reason", f"why ({words}{'; may be empty' if optional else ''})")


class AlertActions:
    """The actions on alerts: at once, after a question or two, or on the marked rows."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, offers: Offers) -> None:
        self._session, self._dialogs, self._planning, self._offers = session, dialogs, planning, offers
        self._bulk = BulkActions(session, dialogs, planning, offers)

    def do(self, verb: Verb, row: RowRef, listed: Alert | None = None) -> None:
        """Carry out *verb* on the row, or to the alert that the palette listed."""
        alert = listed or self._offers.alert_target(verb, row)
        if verb is Verb.SNOOZE:
            fields = (FOR_S, why(verb, alert.provider if alert else "pagerduty"))
            self._with_form(verb, "Snooze", fields, row, listed)
            return
        if alert is None or self._session.engine.read_only:
            self._session.say(self._offers.why_not(verb, row), "warning")
        elif verb is Verb.RESOLVE:
            request = self._planning.request(verb, alert)
            self._dialogs.begin(self._planning.plan_and_act(request, alert.title))
        else:
            self._dialogs.begin(self._picked(verb, alert))

    def acknowledge(self, row: RowRef) -> None:
        if row.marked:
            self._dialogs.begin(self._bulk.steps(Verb.ACKNOWLEDGE, {}, row.marked))
        else:
            self._quick(Verb.ACKNOWLEDGE, row)

    def unacknowledge(self, row: RowRef) -> None:
        self._quick(Verb.UNACKNOWLEDGE, row)

    def note(self, row: RowRef) -> None:
        self._with_form(Verb.NOTE, "Note", (Field("text", "the note"),), row)

    def silence(self, row: RowRef) -> None:
        """Silence; where a row can only be snoozed (a pager's incident), snooze."""
        if self._offers.verb(BY_ID["silence"], row) is Verb.SNOOZE:
            self.do(Verb.SNOOZE, row)
            return
        fields = [FOR_S, REASON]
        alert = self._offers.alert_target(Verb.SILENCE, row)
        if alert is not None and not row.marked and alert.provider == "alertmanager":
            what = "matchers: fewer labels hide more alerts (the plan lists them)"
            fields.append(Field("matchers", what, forms.matchers_text(alert.labels), alert.labels))
        self._with_form(Verb.SILENCE, "Silence", fields, row)

    # --- one row, one key ---------------------------------------------------------------------------------------------

    def _quick(self, verb: Verb, row: RowRef) -> None:
        alerts = self._offers.alert_targets(verb, row)
        if not alerts:
            self._session.say(self._offers.why_not(verb, row), "warning")
            return
        self._session.notice = None
        for alert in alerts:
            self._quick_one(verb, alert)

    def _quick_one(self, verb: Verb, alert: Alert) -> None:
        try:
            request = self._planning.request(verb, alert)
            future = self._session.engine.actions.quick(request)
        except OncallError as error:
            self._session.say(str(error), "critical")
            return
        self._dialogs.begin(self._confirm_if_asked(future, request, alert.title), asks=False)

    async def _confirm_if_asked(self, future: Future[Plan | None], request: ActionRequest, name: str) -> None:
        plan: Plan | str | None
        try:
            plan = await asyncio.wrap_future(future)
        except OncallError as error:
            if not overridable(error):
                return  # the action service tells it as an outcome
            if self._dialogs.active:
                self._session.say(f"{request.verb} {name}: {error.outcome}: {error.message}", "critical")
            else:
                self._dialogs.begin(self._planning.plan_and_act(request, name))
            return
        except Exception as error:  # noqa: BLE001 - a bug in a provider ends as words, not as the program
            self._session.say(f"bug: {error.__class__.__name__}: {error}", "critical")
            return
        if plan is not None:
            decided, said = await self._planning.decided(plan, request, name)
            if isinstance(decided, Plan):
                self._planning.act(decided, said)

    # --- a question or two, then the plan -----------------------------------------------------------------------------

    async def _picked(self, verb: Verb, alert: Alert) -> None:
        """Pick, say why where others are to read it, then the plan."""
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
        from oncall_tui.tui.screens.dialogs.modals import Form

        choices = self._session.engine.actions.choices(verb, alert.id)
        has_it = f"{', '.join(alert.assigned)} has it" if alert.assigned else "it is assigned to nobody"
        nothing = {
            Verb.ESCALATE: f"There is no level above this one: {has_it}.",
            Verb.REASSIGN: f"There is nobody else to give it to: {has_it}.",
            Verb.MERGE: "There is no other incident to merge it into.",
        }.get(verb, "There is nothing to pick from.")
        picked = await self._dialogs.ask(
            ChoiceDialog(f"{str(verb).capitalize()} {alert.title}", choices, nothing, self._planning.hint)
        )
        if picked is None:
            return
        if verb not in (Verb.ESCALATE, Verb.REASSIGN):
            await self._planning.plan_and_act(self._planning.request(verb, alert, choice=picked), alert.title)
            return
        form = Form(f"{str(verb).capitalize()} {alert.title}", (why(verb, alert.provider, True),), forms.optional)
        await self._asked_by(form, self._dialogs.open(form), verb, alert, choice=picked)

    async def _asked_by(
        self, form: Form, answer: asyncio.Future[dict[str, Any] | None], verb: Verb, alert: Alert, **known: Any
    ) -> None:
        """Ask by a form, plan and act. A refusal brings the form back with its text."""
        while (more := await answer) is not None:
            request = self._planning.request(verb, alert, **known, **more)
            planned = await self._planning.planned(request, alert.title)
            plan, said = await self._planning.decided(planned, request, alert.title)
            if isinstance(plan, Plan):
                self._planning.act(plan, said)
                return
            form = form.again()
            answer = self._dialogs.open(form)
        self._session.say(f"{verb}: cancelled, nothing was sent", "dim")

    def _with_form(
        self, verb: Verb, title: str, fields: Sequence[Field], row: RowRef, listed: Alert | None = None
    ) -> None:
        alert = listed or self._offers.alert_target(verb, row)
        marked = () if listed else row.marked
        if self._session.engine.read_only or (alert is None and not marked):
            self._session.not_taken(self._offers.why_not(verb, row))
            return
        if self._dialogs.active:
            return
        if marked and not self._offers.marked_targets(verb, row):  # it would be filled in for nothing
            self._dialogs.begin(self._bulk.steps(verb, {}, marked))
            return
        from oncall_tui.tui.screens.dialogs.modals import Form  # opened by a key, imported then

        name = count(len(marked), "row") if marked else alert.title if alert else ""
        form = Form(f"{title}: {name}", fields, forms.more)
        self._dialogs.begin(self._filled(verb, alert, marked, form, self._dialogs.open(form)))

    async def _filled(
        self,
        verb: Verb,
        alert: Alert | None,
        marked: Sequence[str],
        form: Form,
        answer: asyncio.Future[dict[str, Any] | None],
    ) -> None:
        if alert is not None and not marked:
            await self._asked_by(form, answer, verb, alert)
        elif (more := await answer) is not None:
            await self._bulk.steps(verb, more, marked)
