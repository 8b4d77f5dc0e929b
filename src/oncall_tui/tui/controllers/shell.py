"""From a service to a shell in one of its containers: its tasks read now, one picked, the command confirmed, and then
another program has the terminal. Who, what, when, how long and how it ended is journalled; nothing of what was typed.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import ClassVar, TypeVar

import msgspec
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Choice, Plan
from oncall_tui.domain.service import Service
from oncall_tui.domain.service_detail import Container, ServiceDetail, Task, short_task
from oncall_tui.errors import JournalError, OncallError, Refused
from oncall_tui.providers.base import Provider, ShellProvider, SupportsInspect, SupportsShell
from oncall_tui.text.time_format import age
from oncall_tui.tui.commands import named
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.screens.dialogs.answers import DEAF_S, OVERRIDE
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.modals import Modal
from oncall_tui.tui.session import Session
from oncall_tui.tui.terminal import foreground
from oncall_tui.tui.terminal.clipboard import route
from oncall_tui.tui.widgets.clean_text import copy
from oncall_tui.tui.widgets.text_lines import Line

T = TypeVar("T")
RUNS = "RUNNING"
TAKEN = "who, when, how long and how it ended; nothing that is typed or shown there"
MEANWHILE = "the board stands still and does not ring; Ctrl+C is the session's; `exit` ends it"


class ShellTarget(msgspec.Struct, frozen=True):
    """A container for a shell."""

    task: Task
    container: Container

    @property
    def id(self) -> str:
        return f"{self.task.id}/{self.container.name}"


def places(inside: ServiceDetail) -> list[ShellTarget]:
    """The containers that run; those where a shell can be opened first."""
    found = [
        ShellTarget(t, c) for t in inside.tasks if t.status == RUNS for c in t.containers if c.status in ("", RUNS)
    ]
    return sorted(found, key=lambda place: not place.task.can_exec)


def choices(found: Sequence[ShellTarget], now: float) -> tuple[Choice, ...]:
    """The same to pick from; none is the default: which one is meant only the engineer knows."""
    return tuple(
        Choice(
            id=place.id,
            label=f"{short_task(place.task.id)} {place.container.name}",
            detail=_detail(place, now),
            warning="" if place.task.can_exec else "started without execute-command: no shell can be opened in it",
        )
        for place in found
    )


def _detail(place: ShellTarget, now: float) -> str:
    task = place.task
    since = f"runs {age(now - task.started)}" if task.started is not None else ""
    health = next((h for h in (place.container.health, task.health) if h and h != "UNKNOWN"), "")
    return "  ".join(word for word in (task.revision, since, health.lower(), task.zone) if word)


class OpenShell:
    """One question, from the key to the end of the session."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, service: Service) -> None:
        self._session, self._dialogs, self._planning = session, dialogs, planning
        self._engine, self._service = session.engine, service
        self._name = f"Shell in {service.title}"

    async def steps(self) -> None:
        """All of it. What goes wrong is told, and nothing is opened then."""
        try:
            place = await self._place()
            if place is not None:
                await self._open(place)
        except OncallError as error:
            await self._planning.refused(self._name, error)

    async def _place(self) -> ShellTarget | None:
        """Where: picked, unless there is one place only."""
        inside = await self._ask(lambda provider: _inspects(provider).inspect(self._service.id))
        found = places(inside)
        if not found:
            raise _nowhere(inside, self._service.title)
        if not any(place.task.can_exec for place in found):
            enabling = await self._ask(lambda provider: _shells(provider).enabling(self._service))
            await self._show_enabling(f"no task of {self._service.title} takes a shell", enabling)
            return None
        if len(found) == 1:
            return found[0]
        self._session.unsay()
        coming: Future[tuple[Choice, ...]] = Future()
        coming.set_result(choices(found, self._engine.clock.now()))
        picked = await self._dialogs.ask(ChoiceDialog(f"{self._name}: which container?", coming, "nothing runs"))
        return next((place for place in found if place.id == picked), None)

    async def _open(self, place: ShellTarget) -> None:
        """The command, confirmed; or what is missing for it."""
        shells = await self._ask(_shells)
        if not place.task.can_exec:
            await self._show_enabling(
                f"task {short_task(place.task.id)} takes no shell", shells.enabling(self._service)
            )
            return
        made = shells.shell(self._service, place.task, place.container.name, self._engine.actor)
        plan = await self._guarded(self._dressed(made))
        if plan is None:
            return
        self._session.unsay()
        missing = [name for name in shells.programs if shutil.which(name) is None]
        if missing:
            said = f"not on this machine: {', '.join(missing)}. Where they are, this opens it:"
            await self._show_command(plan.title, [((said, "warning"),)], plan.commands[0])
            return
        if await self._planning.confirmed(plan) is None:
            self._session.say("shell: cancelled, nothing was opened", "dim")
            return
        keys = await self._ask(lambda provider: _shells(provider).keys())
        self._engine.guard.may(plan)
        await self._hand_over(plan, keys)

    async def _guarded(self, plan: Plan) -> Plan | None:
        """The plan with what the guardrails ask of it; None: one refuses it, and it was not overridden."""
        while True:
            try:
                return self._engine.guard.held(plan).dress(plan)
            except Refused as error:
                if await self._planning.refused(self._name, error) != OVERRIDE:
                    return None
                reason = await self._planning.reason(self._name)
                if reason is None:
                    return None
                plan = msgspec.structs.replace(plan, override=reason)

    def _dressed(self, plan: Plan) -> Plan:
        """The plan with what its provider cannot know."""
        update, warnings = self._session.latest, list(plan.warnings)
        product = update.triaged.products.get(self._service.id)
        if product is not None and product.protected:
            warnings.insert(0, f"{product.name} is protected")
        if self._engine.actor.guessed:
            warnings.append(f"acting as {self._engine.actor.name}, taken from the Unix account: set me: in the file")
        if update.journal_failure:
            warnings.append(f"acting without a journal: {update.journal_failure}")
        lines = (*plan.lines, ("journalled", TAKEN), ("meanwhile", MEANWHILE))
        return msgspec.structs.replace(plan, lines=lines, warnings=tuple(warnings))

    async def _hand_over(self, plan: Plan, keys: Mapping[str, str]) -> None:
        """Journal it, let the session have the terminal, journal how it ended."""
        where = f"task {short_task(plan.request['task'])} {plan.request['container']}"
        try:
            overrode = f" ({plan.overridden})" if plan.overrides else ""
            opening = self._entry(plan, f"opening in {where}{overrode}", "opening")
            await asyncio.wrap_future(self._engine.on_demand.run("journal", lambda: self._engine.journal.must(opening)))
        except JournalError as error:
            if not self._session.latest.journal_failure:  # nobody was told that it would not be journalled
                raise Refused(f"not opened: it cannot be journalled: {error.message}", error.hint) from None
        began = self._engine.clock.monotonic()
        try:
            with self._dialogs.suspend():
                status = foreground.run(plan.request["command"], keys)
        except SuspendNotSupported:
            self._engine.journal.record([self._entry(plan, f"not opened in {where}: no terminal", "refused")])
            raise Refused("this terminal cannot be handed over", plan.commands[0]) from None
        seconds = self._engine.clock.monotonic() - began
        ended = f"{foreground.words(status)} after {_long(seconds)}"
        data = {"status": status, "seconds": round(seconds, 1)}
        self._engine.journal.record([self._entry(plan, f"in {where}: {ended}{overrode}", "ended", **data)])
        self._engine.pressed()  # whoever was in a session is awake
        self._session.say(f"shell in {self._service.title}, {where}: {ended}", "" if status == 0 else "warning")
        self._session.deaf_until = time.monotonic() + DEAF_S  # what was being typed when it ended does nothing here

    def _entry(self, plan: Plan, text: str, state: str, **more: object) -> Entry:
        return Entry(
            at=self._engine.clock.now(),
            kind=EntryKind.SHELL,
            subject=self._service.id,
            actor=plan.actor.name,
            text=text,
            data={**plan.request, "state": state, "shell": plan.id, **more},
        )

    async def _show_enabling(self, why: str, command: str) -> None:
        self._session.unsay()
        lines: list[Line] = [
            ((f"{why}: ", "critical"), ("execute-command was not enabled when it was started.", "bold")),
            (("This enables it. It is a deploy that replaces every task, so oncall-tui does not run it:", "warning"),),
        ]
        await self._show_command(self._name, lines, command)

    async def _show_command(self, title: str, lines: list[Line], command: str) -> None:
        self._dialogs.copy(command)
        await self._dialogs.ask(ToCopy(title, lines, command))

    async def _ask(self, question: Callable[[Provider], T]) -> T:
        return await asyncio.wrap_future(self._engine.on_demand.ask(self._service.source, question))


def _nowhere(inside: ServiceDetail, title: str) -> Refused:
    """Why there is no place: not read, or nothing runs."""
    unread = next((p for p in inside.problems if p.scope in ("running tasks", "tasks")), None)
    if unread is not None:
        return Refused(f"no running task of {title} could be read: {unread.message}", unread.hint)
    last = next((task for task in inside.tasks if task.status == "STOPPED"), None)
    why = f"; the last one stopped: {last.reason or last.stop_code or 'no reason given'}" if last else ""
    return Refused(
        f"no task of {title} runs{why}",
        f"a stopped task has no shell: see its logs ({named('logs')}) and its detail ({named('detail')})",
    )


class ToCopy(Modal[None]):
    """A command that is not run from here. It is sent to the terminal's clipboard as it opens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter", "cancel", "Close", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]
    box_width = 100

    def __init__(self, title: str, lines: Sequence[Line], command: str) -> None:
        super().__init__(title)
        self._lines, self._command = lines, command

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            keys: Line = ((" [Enter] back ", "bold"), ("     c ", "key"), ("copy again", ""))
            said: Line = ((route().words, "dim"),)
            lines = [*self._lines, (("", ""),), ((self._command, "bold"),), (("", ""),), said, (("", ""),)]
            yield from self.body(lines, indent=2, question=keys)

    def action_copy(self) -> None:
        copy(self.app, self._command)


def _inspects(provider: Provider) -> SupportsInspect:
    if not isinstance(provider, SupportsInspect):
        raise Refused(f"{provider.source} does not show its tasks")
    return provider


def _shells(provider: Provider) -> ShellProvider:
    if not isinstance(provider, SupportsShell):
        raise Refused(f"{provider.source} has no shells")
    return provider.shells


def _long(seconds: float) -> str:
    """``42s``, ``3m 10s``, ``1h 2m``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m {whole % 60}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60}m"
