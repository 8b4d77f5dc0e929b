"""The keys and the palette's entries of the configuration's own commands: from a row to its run, and to its output."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.own_command import OwnCommand, RowKind
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.triage.command_rows import NO_ROW, CommandRow, row_of, why_not
from oncall_tui.tui.commands import BY_VERB, own_what
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.screens.dialogs.answers import ANOTHER
from oncall_tui.tui.session import PaletteEntry, RowRef, Session

NONE = "no command is in the configuration: its commands: adds them"


class OwnCommandKeys:
    """Runs a command for the row that it is handed: what it reads of the row is read again when it is planned."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, offers: Offers) -> None:
        self._session, self._dialogs, self._planning, self._offers = session, dialogs, planning, offers
        self._own = session.engine.own_commands

    def run(self, name: str, row: RowRef) -> None:
        """Run the command for the row: one that writes after its plan was confirmed. Where the same runs already, show
        that.
        """
        command, session = self._own.commands[name], self._session
        found = self._row(command, row)
        if isinstance(found, str):
            session.not_taken(found)
        elif command.writes and session.engine.read_only:
            session.not_taken(f"read only: {name} writes, and nothing is written")
        elif command.writes and (running := self._running(name, found.target)) is not None:
            self.show(running)
        elif not self._dialogs.active:
            session.doing(f"planning {name}")
            self._dialogs.begin(self._steps(command, found))

    def _running(self, name: str, target: str) -> Plan | None:
        """The plan of the same command for the same row that has not ended."""
        found = (p for p, _ in self._own.running if (p.request["command_name"], p.target) == (name, target))
        return next(found, None)

    def _row(self, command: OwnCommand, row: RowRef) -> CommandRow | str:
        """The row as the command sees it, or why it is not for it. One that is for no row too is run without one."""
        found = self._of(row)
        why = why_not(command, found) if found is not None else self._offers.no_target(row)
        if why and RowKind.BOARD in command.rows:
            return NO_ROW
        return why or found or f"{command.name}: the row is not on the board any more"

    def _of(self, row: RowRef) -> CommandRow | None:
        triaged = self._session.latest.triaged
        if row.triaged_alert is not None:  # as it was drawn: its version is what the engineer saw
            alert = row.triaged_alert.alert
            found = row_of(triaged, alert.id)
            return found and msgspec.structs.replace(found, version=alert.version)
        return row_of(triaged, row.id) if row.id is not None else None

    async def _steps(self, command: OwnCommand, row: CommandRow) -> None:
        engine = self._session.engine
        ask = ActionRequest(
            verb=Verb.RUN, target=row.target, version=row.version, actor=engine.actor, choice=command.name
        )
        name = f"{command.name} for {row.title}"
        plan, said = await self._planning.decided(await self._planning.planned(ask, name), ask, name)
        if isinstance(plan, Plan):
            self._planning.act(plan, said)
            if said not in (None, ANOTHER):
                self.show(plan)

    def show(self, plan: Plan) -> None:
        """Show the output of a run."""
        from oncall_tui.tui.screens.run import RunScreen  # not needed for the first frame

        self._dialogs.show(RunScreen(self._session, plan))

    # --- what is offered ----------------------------------------------------------------------------------------------

    def entries(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the palette's entries: the commands for this row, and the outputs that are kept."""
        fits = self._fitting(row)
        if fits:
            title = BY_VERB[Verb.RUN].title
            yield title, "pick one of your configuration's", partial(self.pick, row)
        for command, found in fits:
            key = f" ({command.key})" if command.key else ""
            of = f" {found.title}" if found.kind is not RowKind.BOARD else ""
            yield (
                f"{command.name}{key}{of}",
                f"{own_what(command)}, from your configuration",
                partial(self.run, command.name, row),
            )
        for plan, run in self._own.runs:
            state = run.end.words if run.end is not None else "running"
            yield f"output of {plan.title.removeprefix('Run ')}", state, partial(self.show, plan)

    def not_now(self, row: RowRef) -> Iterator[PaletteEntry]:
        """Return the commands that are not for this row, and why: a search by name finds the reason."""
        if not self._fitting(row):
            why = NONE if not self._own.commands else "no command of the configuration is for this row"
            title = f"{BY_VERB[Verb.RUN].title}: not now"
            yield title, why, partial(self._session.say, why, "warning")
        for command in self._own.commands.values():
            found = self._row(command, row)
            if isinstance(found, str):
                yield f"{command.name}: not now", found, partial(self._session.say, found, "warning")

    def _fitting(self, row: RowRef) -> list[tuple[OwnCommand, CommandRow]]:
        found = ((command, self._row(command, row)) for command in self._own.commands.values())
        may = not self._session.engine.read_only
        return [(c, r) for c, r in found if isinstance(r, CommandRow) and (may or not c.writes)]

    def pick(self, row: RowRef) -> None:
        """Let one of the commands for the row be picked."""
        if not self._dialogs.active:
            self._dialogs.begin(self._picked(row))

    async def _picked(self, row: RowRef) -> None:
        from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

        listed: Future[tuple[Choice, ...]] = Future()
        listed.set_result(
            tuple(Choice(id=c.name, label=c.name, detail=c.what or " ".join(c.argv)) for c, _ in self._fitting(row))
        )
        picked = await self._dialogs.ask(ChoiceDialog("Run which command?", listed, NONE))
        found = self._row(self._own.commands[picked], row) if picked is not None else None
        if isinstance(found, CommandRow) and picked is not None:
            await self._steps(self._own.commands[picked], found)
        elif isinstance(found, str):
            self._session.say(found, "warning")
