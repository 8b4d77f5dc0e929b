"""The verbs that deploy: roll back, continue, restart, undo a rollback. Each shows its plan first, and always asks."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.presenters.targets import ActionTarget
from oncall_tui.tui.screens.dialogs.answers import ANOTHER
from oncall_tui.tui.session import RowRef, Session

READING = {
    Verb.ROLL_BACK: "reading what {} ran before",
    Verb.UNDO_ROLLBACK: "reading what {} was rolled back from",
    Verb.CONTINUE: "reading where {} is paused",
    Verb.RESTART: "reading what {} runs",
}


class DeployActions:
    """From an alert's, a service's or a deploy's row to one of its service's deploys."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, offers: Offers) -> None:
        self._session, self._dialogs, self._planning, self._offers = session, dialogs, planning, offers

    def do(self, verb: Verb, row: RowRef, listed: ActionTarget | None = None) -> None:
        """Plan *verb* for the row, or for the target that the palette listed; or say why not."""
        found = listed or self._offers.deploy_target(verb, row)
        say = self._session.say
        if self._session.engine.read_only:
            say("read only: nothing is written", "warning")
        elif none := self._offers.no_target(row):
            say(none, "warning")
        elif isinstance(found, str):
            say(found, "warning")
        elif self._offers.on_its_way(verb, found):
            say(f"{verb} {found.name}: already in progress", "warning")
        elif not self._dialogs.active:
            self._session.doing(READING[verb].format(found.service))
            self._dialogs.begin(self._deploy(verb, found))

    async def _deploy(self, verb: Verb, to: ActionTarget) -> None:
        """Plan, show, let another revision be picked as often as wanted, and carry out what was said yes to."""
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

        ask = ActionRequest(verb=verb, target=to.id, version=to.version, actor=self._session.engine.actor)
        another = verb is Verb.ROLL_BACK
        plan = await self._planning.planned(ask, to.name, another)
        while plan is not None:
            plan, said = await self._planning.decided(plan, ask, to.name, another)
            if plan is None:
                return
            if isinstance(plan, Plan) and said != ANOTHER:
                self._planning.act(plan, said)
                return
            choices = self._session.engine.actions.choices(verb, to.id)
            picked = await self._dialogs.ask(
                ChoiceDialog(f"{to.name}: to which revision?", choices, "no other is known", self._planning.hint)
            )
            if picked is not None:
                self._session.doing(f"planning {verb} {to.name}")
                ask = msgspec.structs.replace(ask, choice=picked)
                plan = await self._planning.planned(ask, to.name, another)
            elif not isinstance(plan, Plan):
                return  # a refusal stood there: nothing to go back to
