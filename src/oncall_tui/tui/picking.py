"""The verbs on alerts that want something picked or typed first: escalate, silence, snooze, note, reassign, merge."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.plan import Plan
from oncall_tui.triage.routing import route_verb
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.modals import Form
from oncall_tui.tui.several import Several

FOR_S = Field("for_s", "for how long: 90m, 2h, 1d", "1h")
REASON = Field("reason", "why (others read it)")
UNSENT = frozenset({Verb.SNOOZE, Verb.ESCALATE, Verb.REASSIGN})  # of PagerDuty: its API has no place for a reason


def why(verb: Verb, provider: str, optional: bool = False) -> Field:
    """The line for a reason, which says who will read it."""
    words = "kept in the journal, not sent" if provider == "pagerduty" and verb in UNSENT else "others read it"
    return Field("reason", f"why ({words}{'; may be empty' if optional else ''})")


class Picking(Several):
    """A question or two, then the plan."""

    def alert_target(self, verb: Verb) -> Alert | None:
        """The alert that *verb* on the row under the cursor goes to: the pager's incident first."""
        if self.list_pane != "alerts":
            return None
        look = self.alert_look(self.row_id)
        found = route_verb(look, self.latest.board, verb) if look else None
        return found[1] if found else None

    def why_not(self, verb: Verb) -> str:
        """Why *verb* cannot be done to the row under the cursor."""
        raise NotImplementedError

    def alert_verb(self, verb: Verb, seen: Alert | None = None) -> None:
        """Start *verb* on the row under the cursor, or on the palette's row."""
        alert = seen or self.alert_target(verb)
        if verb is Verb.SNOOZE:
            self._with_form(verb, "Snooze", (FOR_S, why(verb, alert.provider if alert else "pagerduty")), seen)
            return
        if alert is None or self.engine.actions.read_only:
            self.say(self.why_not(verb), "warning")
        elif verb is Verb.RESOLVE:
            self.begin(self.plan_and_act(self.ask(verb, alert), alert.title))
        else:
            self.begin(self._picked(verb, alert))

    def action_note(self) -> None:
        if self.steady():
            self._with_form(Verb.NOTE, "Note", (Field("text", "the note"),))

    def action_silence(self) -> None:
        """Silence; where a row can only be snoozed (a pager's incident), snooze."""
        if not self.steady():
            return
        if self._only_snooze():
            self.alert_verb(Verb.SNOOZE)
            return
        fields = [FOR_S, REASON]
        alert = self.alert_target(Verb.SILENCE)
        if alert is not None and not self.marked() and alert.provider == "alertmanager":
            what = "matchers: fewer labels hide more alerts (the plan lists them)"
            fields.append(Field("matchers", what, forms.matchers_text(alert.labels), alert.labels))
        self._with_form(Verb.SILENCE, "Silence", fields)

    def _only_snooze(self) -> bool:
        if marked := self.marked():
            looks = [look for look in map(self.alert_look, marked) if look]
            return not any(route_verb(look, self.latest.board, Verb.SILENCE) for look in looks) and any(
                route_verb(look, self.latest.board, Verb.SNOOZE) for look in looks
            )
        return self.alert_target(Verb.SILENCE) is None and self.alert_target(Verb.SNOOZE) is not None

    def action_escalate(self) -> None:
        if self.steady():
            self.alert_verb(Verb.ESCALATE)

    async def _picked(self, verb: Verb, alert: Alert) -> None:
        """Pick, say why where others are to read it, then the plan."""
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

        choices = self.engine.actions.choices(verb, alert.id)
        has_it = f"{', '.join(alert.assigned)} has it" if alert.assigned else "it is assigned to nobody"
        nothing = {
            Verb.ESCALATE: f"There is no level above this one: {has_it}.",
            Verb.REASSIGN: f"There is nobody else to give it to: {has_it}.",
            Verb.MERGE: "There is no other incident to merge it into.",
        }.get(verb, "There is nothing to pick from.")
        picked = await self.ask_modal(ChoiceDialog(f"{str(verb).capitalize()} {alert.title}", choices, nothing))
        if picked is None:
            return
        if verb not in (Verb.ESCALATE, Verb.REASSIGN):
            await self.plan_and_act(self.ask(verb, alert, choice=picked), alert.title)
            return
        form = Form(f"{str(verb).capitalize()} {alert.title}", (why(verb, alert.provider, True),), forms.optional)
        await self._asked_by(form, self.open_modal(form), verb, alert, choice=picked)

    async def _asked_by(
        self, form: Form, answer: asyncio.Future[dict[str, Any] | None], verb: Verb, alert: Alert, **known: Any
    ) -> None:
        """Ask by a form, plan and act. A refusal brings the form back with its text."""
        while (more := await answer) is not None:
            ask = self.ask(verb, alert, **known, **more)
            plan, said = await self.decided(await self.planned(ask, alert.title), ask, alert.title)
            if isinstance(plan, Plan):
                self.act(plan, said)
                return
            form = form.again()
            answer = self.open_modal(form)
        self.say(f"{verb}: cancelled, nothing was sent", "dim")

    def _with_form(self, verb: Verb, title: str, fields: Sequence[Field], seen: Alert | None = None) -> None:
        alert = seen or self.alert_target(verb)
        marked = [] if seen else self.marked()
        if self.engine.actions.read_only or (alert is None and not marked):
            self.say(self.why_not(verb), "warning")
            return
        if self.coming:
            return
        name = f"{len(marked)} rows" if marked else alert.title if alert else ""
        form = Form(f"{title}: {name}", fields, forms.more)
        self.begin(self._filled(verb, alert, marked, form, self.open_modal(form)))

    async def _filled(
        self,
        verb: Verb,
        alert: Alert | None,
        marked: list[str],
        form: Form,
        answer: asyncio.Future[dict[str, Any] | None],
    ) -> None:
        if alert is not None and not marked:
            await self._asked_by(form, answer, verb, alert)
        elif (more := await answer) is not None:
            await self.bulk(verb, more, marked)
