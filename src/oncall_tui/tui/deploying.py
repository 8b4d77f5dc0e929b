"""The verbs that deploy: roll back, continue, restart, undo a rollback. Each shows its plan first, and always asks."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.tui.base import Base
from oncall_tui.tui.presenters.targets import ActionTarget, RowContext, spot, target
from oncall_tui.tui.screens.dialogs.modals import ANOTHER

READING = {
    Verb.ROLL_BACK: "reading what {} ran before",
    Verb.UNDO_ROLLBACK: "reading what {} was rolled back from",
    Verb.CONTINUE: "reading where {} is paused",
    Verb.RESTART: "reading what {} runs",
}


class Deploying(Base):
    """From an alert's, a service's or a deploy's row to one of its service's deploys."""

    def spot(self) -> RowContext:
        """Return the subject of the row under the cursor."""
        row_id = self.row_id or ""
        look = self.alert_look(row_id) if self.list_pane == "alerts" else None
        return spot(self.list_pane, row_id, look, self.latest.board)

    def deploy_target(self, verb: Verb) -> ActionTarget | str:
        """Return the target of *verb* from the row under the cursor, or the reason against it."""
        return target(verb, self.spot())

    def action_rollback(self) -> None:
        if self.steady():
            self.deploy_verb(Verb.ROLL_BACK)

    def action_continue(self) -> None:
        if self.steady():
            self.deploy_verb(Verb.CONTINUE)

    def deploy_verb(self, verb: Verb, seen: ActionTarget | None = None) -> None:
        """Plan *verb* for the row under the cursor, or for what the palette listed; or say why not."""
        found = seen or self.deploy_target(verb)
        if self.engine.actions.read_only:
            self.say("read only: nothing is written", "warning")
        elif self.row_id is None:
            self.say("there is no row under the cursor: move it to one first", "warning")
        elif isinstance(found, str):
            self.say(found, "warning")
        elif self.on_its_way(verb, found):
            self.say(f"{verb} {found.name}: already in progress", "warning")
        elif not self.coming:
            self.say(READING[verb].format(found.name), "dim")
            self.begin(self._deploy(verb, found))

    def on_its_way(self, verb: Verb, to: ActionTarget) -> bool:
        """Return whether the same action is under way on this service, from any row."""
        deploys = self.latest.board.deploys
        services = [deploys[i].service_id if i in deploys else i for i in (to.id, *self._pending(verb))]
        return services[0] in services[1:]

    def _pending(self, verb: Verb) -> list[str]:
        outcomes = self.engine.actions.outcomes
        return [o.target for o in outcomes if o.verb is verb and o.state is OutcomeState.PENDING]

    async def _deploy(self, verb: Verb, to: ActionTarget) -> None:
        """Plan, show, let another revision be picked as often as wanted, and carry out what was said yes to."""
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

        ask = ActionRequest(verb=verb, target=to.id, version=to.version, actor=self.engine.actor)
        another = verb is Verb.ROLL_BACK
        plan = await self.planned(ask, to.name, another)
        while plan is not None:
            plan, said = await self.decided(plan, ask, to.name, another)
            if plan is None:
                return
            if isinstance(plan, Plan) and said != ANOTHER:
                self.act(plan, said)
                return
            choices = self.engine.actions.choices(verb, to.id)
            picked = await self.ask_modal(ChoiceDialog(f"{to.name}: to which revision?", choices, "no other is known"))
            if picked is not None:
                self.say(f"planning {verb} {to.name}", "dim")
                ask = msgspec.structs.replace(ask, choice=picked)
                plan = await self.planned(ask, to.name, another)
            elif not isinstance(plan, Plan):
                return  # a refusal stood there: nothing to go back to
