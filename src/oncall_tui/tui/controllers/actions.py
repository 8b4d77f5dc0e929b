"""The controller of the keys that do something to a row: each call takes the row as it was drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from oncall_tui.domain.action import Verb
from oncall_tui.tui.commands import BY_ID, Command, of
from oncall_tui.tui.controllers.alert_actions import AlertActions
from oncall_tui.tui.controllers.deploy_actions import DeployActions
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.login import Login
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.openers import Openers
from oncall_tui.tui.controllers.own_commands import OwnCommandKeys
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.controllers.record_keys import RecordKeys
from oncall_tui.tui.presenters.targets import ActionTarget
from oncall_tui.tui.session import PaletteEntry, RowRef, Session


class Actions:
    """Every key that acts on a row, and what the palette offers for it."""

    def __init__(self, session: Session, dialogs: Dialogs, offers: Offers) -> None:
        self._session, self.offers = session, offers
        login = Login(session, dialogs)
        planning = Planning(session, dialogs, login)
        self._alerts = AlertActions(session, dialogs, planning, self.offers)
        self._deploys = DeployActions(session, dialogs, planning, self.offers)
        record = RecordKeys(session, dialogs, self.offers, planning, self.do)
        self._openers = Openers(session, dialogs, planning, self.offers)
        self._own = OwnCommandKeys(session, dialogs, planning, self.offers)
        self._by_id: dict[str, Callable[[RowRef], None]] = {
            "ack": self._alerts.acknowledge,
            "unack": self._alerts.unacknowledge,
            "silence": self._alerts.silence,
            "note": self._alerts.note,
            "shell": self._openers.shell,
            "logs": self._openers.logs,
            "timeline": record.search,
            "verdict": record.verdict,
            "followups": record.follow_ups,
            "incidents": record.incidents,
            "quiet_list": record.quiet,
            "copy": self._openers.copy,
            "login": login.begin,
            "sources": self._openers.sources,
            "oncall": self._openers.on_call,
            "handover": self._openers.handover,
            "statistics": self._openers.statistics,
        }

    def do(self, command_id: str, row: RowRef) -> None:
        """Carry out on the row what the command asks for. A verb that is not in the list above needs no more than its
        plan, or a choice before it.
        """
        command = BY_ID[command_id]
        if command_id in self._by_id or command.verb is None:
            self._by_id[command_id](row)
        elif command.acts_on == "deploy":
            self._deploys.do(command.verb, row)
        else:
            self._alerts.do(command.verb, row)

    def run_own(self, name: str, row: RowRef) -> None:
        """Run a command of the configuration for the row."""
        self._own.run(name, row)

    # --- what is offered ----------------------------------------------------------------------------------------------

    def without_keys(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the palette's entries for verbs without a key. Each acts on the target that was listed."""
        for command, verb in _without_keys():
            if not self.offers.possible(verb, row):
                continue
            title, what = command.title, command.what
            if command.acts_on == "deploy":
                target = self.offers.deploy_target(verb, row)
                if isinstance(target, ActionTarget):
                    yield f"{title} {target.name}", what, partial(self._deploys.do, verb, row, target)
            elif alert := self.offers.alert_target(verb, row):
                yield f"{title} {alert.title}", what, partial(self._alerts.do, verb, row, alert)
        yield from self._own.entries(row)

    def not_now(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the verbs without a key that the row cannot have now, and why: a search by name finds the reason."""
        for command, verb in _without_keys():
            if not self.offers.possible(verb, row):
                deploys = command.acts_on == "deploy" and row.id is not None
                found = self.offers.deploy_target(verb, row) if deploys else ""
                why = found if isinstance(found, str) and found else self.offers.why_not(verb, row)
                yield f"{command.title}: not now", why, partial(self._session.say, f"{verb}: {why}", "warning")
        yield from self._own.not_now(row)


def _without_keys() -> Iterator[tuple[Command, Verb]]:
    """The verbs that the palette has by name, of alerts and deploys."""
    for command in of("board"):
        if command.verb is not None and command.title and command.acts_on != "row":
            yield command, command.verb
