"""The base of the board's parts: the view, messages to the engineer, and one question at a time.

The parts (``acting``, ``deploying``, ``picking``, ``several``, ``filtering``) are put together in ``board``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from textual.screen import Screen
from textual.worker import Worker

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.errors import OncallError
from oncall_tui.text.cells import fit
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters.row_builder import RowBuilder, ViewFilter
from oncall_tui.tui.screens.dialogs.modals import ANEW, ANOTHER, Modal, RefusalDialog
from oncall_tui.tui.widgets.table.table import Table

T = TypeVar("T")
STEADY_S = 0.7  # after the cursor moved by itself: no hand has seen that yet
NAME_CELLS = 40
AT_ONCE = frozenset({Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.NOTE})  # frequent and reversible; all else always asks


class RowScreen(Screen[None]):
    """A screen over the board for one row. It is told when the board is newer, and when there is a word to show."""

    def follow(self) -> None:
        """The board is newer."""
        raise NotImplementedError

    def draw_outcome(self, now: float) -> None:
        """Draw the outcomes of actions, and the last message."""
        raise NotImplementedError

    @property
    def here(self) -> bool:
        """Whether the board's row is still this one."""
        raise NotImplementedError

    def commands(self) -> Iterable[tuple[str, str, Callable[[], None]]]:
        """Yield the palette's commands here: (title, help, callable)."""
        raise NotImplementedError


class Base(Screen[None]):
    """State that the parts share, and the way from an ask to an action."""

    def __init__(self, engine: Engine, tz: ZoneInfo, me: str) -> None:
        super().__init__()
        self.engine, self.tz, self.me = engine, tz, me
        self.view = RowBuilder(tz)
        self.latest: Update = engine.update
        self.shown = ViewFilter()
        self.tables: dict[str, Table] = {}
        self.pane = "alerts"
        self.list = "alerts"  # the list that the detail pane belongs to
        self.notice: tuple[str, str] | None = None
        self.said_at = 0.0
        self.unmarked = 0  # marked rows that vanished since the last key
        self.deaf_until = 0.0  # keys before this (monotonic seconds) were meant for what is not there any more
        self._asking: set[int] = set()  # the question that is under way: at most one
        self._flow: Worker[None] | None = None  # what is on its way
        self._flows = 0
        self._to_show: list[Modal[None]] = []
        self.over: RowScreen | None = None  # the screen that is open for one row

    def draw(self) -> None:
        """Everything, from the newest update."""
        raise NotImplementedError

    def draw_outcome(self, now: float) -> None:
        """Draw the outcomes of actions, and the last message."""
        raise NotImplementedError

    # --- what is looked at --------------------------------------------------------------------------------------------

    @property
    def list_pane(self) -> str:
        """The pane whose row is meant: the detail pane belongs to the list that was looked at before."""
        return self.pane if self.pane != "detail" else self.list

    @property
    def row_id(self) -> str | None:
        """The id of the row under the cursor."""
        return self.tables[self.list_pane].cursor_id

    def alert_look(self, alert_id: str | None) -> TriagedAlert | None:
        """The alert as it was drawn: what the engineer saw is what an action is pinned to."""
        return self.view.drawn(alert_id) if alert_id else None

    def row_name(self) -> str:
        """The row under the cursor, in a few words for a person."""
        row_id, pane, board = self.row_id or "", self.list_pane, self.latest.board
        if pane == "alerts":
            look = self.alert_look(row_id)
            if look is None:
                return row_id
            return look.service.name if look.service else look.alert.title
        deploy = board.deploys.get(row_id) if pane == "deploys" else None
        service = board.services.get(deploy.service_id if deploy else row_id)
        return service.name if service else deploy.service_id if deploy else row_id

    def steady(self) -> bool:
        """Return whether a key may act on the cursor's row. Not just after the cursor moved by itself, nor
        where marked rows have vanished: the key was meant for what stood there. It says so, and the next key counts.
        """
        if self.over is not None:
            return True  # one row alone is on screen, and keys are for it
        table, name = self.tables[self.list_pane], fit(self.row_name(), NAME_CELLS).strip()
        if self.row_id is not None and table.now() - table.strayed_at < STEADY_S:
            self.say(f"the cursor just moved to {name}: press again", "warning")
            return False
        if self.unmarked and not table.marked:
            self.say(f"{self.unmarked} marked rows are gone: this would act on {name} alone, press again", "warning")
            self.unmarked = 0
            return False
        table.anchored = True
        return True

    def say(self, text: str, style: str = "") -> None:
        """A word that stays until the next one, or Esc."""
        self.notice = (text, style)
        self.said_at = self.engine.clock.now()
        self.draw_outcome(self.said_at)

    def _unsay(self) -> None:
        """Remove the "reading…" message before a modal covers it."""
        self.notice = None
        self.draw_outcome(self.engine.clock.now())

    @property
    def looked_at(self) -> bool:
        """Return whether the engineer sees the board, or the screen of one row over it."""
        return self.is_active or (self.over is not None and self.over.is_active)

    # --- one question at a time ---------------------------------------------------------------------------------------

    @property
    def coming(self) -> bool:
        """Return whether a question is open. Then action keys are not for the board, also between two modals."""
        return bool(self._asking)

    def begin(self, steps: Coroutine[Any, Any, None], asks: bool = True) -> None:
        """Run *steps* beside the keys. *asks*: a question to the engineer, of which there is one at a time."""
        if asks and self.coming:
            steps.close()
            return
        self._flows += 1
        if asks:
            self._asking.add(self._flows)
        worker = self.run_worker(self._guarded(steps, self._flows), exit_on_error=False)
        self._flow = worker if asks else self._flow

    async def _guarded(self, steps: Coroutine[Any, Any, None], number: int) -> None:
        try:
            await steps
        except Exception as error:  # noqa: BLE001 - a bug ends as words, not as the program
            self.say(f"bug: {error.__class__.__name__}: {error}", "critical")
        finally:
            self._asking.discard(number)
            self.show_waiting()

    def asked(self) -> None:
        """Nothing more is asked: keys act again, while what was said yes to is carried out."""
        self._asking.clear()

    def give_up(self) -> None:
        """Esc while something is being read for a question: it is not asked any more."""
        if self._flow is not None:
            self._flow.cancel()
        self.asked()
        self.say("cancelled, nothing was sent", "dim")

    async def ask_modal(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for what it says; None: cancelled."""
        return await self.open_modal(modal)

    def open_modal(self, modal: Modal[T]) -> asyncio.Future[T | None]:
        """Show a modal now: keys that come from here on are its own."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self.app.push_screen(modal, lambda said: None if answer.done() else answer.set_result(said))
        return answer

    def show_when_free(self, modal: Modal[None]) -> None:
        """Show what nobody asked for just now, never over a question that is being answered."""
        self._to_show.append(modal)
        self.show_waiting()

    def show_waiting(self) -> None:
        """Show what waited for the board to be free."""
        if self._to_show and self.looked_at and not self.coming:
            self.app.push_screen(self._to_show.pop(0))

    # --- from an ask to an action -------------------------------------------------------------------------------------

    def ask(self, verb: Verb, alert: Alert, **more: Any) -> ActionRequest:
        return ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=self.engine.actor, **more)

    async def planned(self, ask: ActionRequest, name: str, another: bool = False) -> Plan | str | None:
        """The plan, or what was said to its refusal: ANOTHER (where *another*), or None. Keys that act wait for it.

        A refusal is told in a modal of its own: what was typed ahead must not plan anew behind it.
        """
        try:
            plan = await asyncio.wrap_future(self.engine.actions.plan(ask))
        except OncallError as error:
            self._unsay()
            state = str(getattr(error, "outcome", "failed"))
            return await self.ask_modal(RefusalDialog(f"{ask.verb} {name}", state, error.message, error.hint, another))
        self._unsay()
        return plan

    async def confirmed(self, plan: Plan, another: bool = False, anew: bool = False) -> str | None:
        """Return the engineer's answer to the plan: confirm, pick another (if *another*), or None. If it can be planned
        *anew*, an old plan answers ANEW.
        """
        if plan.confirm is Confirm.NONE and plan.verb in AT_ONCE:
            return "go on"
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan

        clock = self.engine.clock.now
        return await self.ask_modal(ConfirmPlan(plan, self.tz, clock(), another, clock if anew else None))

    async def decided(
        self, plan: Plan | str | None, ask: ActionRequest, name: str, another: bool = False
    ) -> tuple[Plan | str | None, str | None]:
        """Return the plan that was answered, and the answer. An old plan is made anew, and asked for again.

        A value that is no plan (see ``planned``) is its own answer.
        """
        said: str | None = ANEW
        while isinstance(plan, Plan) and (said := await self.confirmed(plan, another, anew=True)) == ANEW:
            self.say(f"planning {ask.verb} {name} anew", "dim")
            plan = await self.planned(ask, name, another)
        return plan, said if isinstance(plan, Plan) else plan

    async def plan_and_act(self, ask: ActionRequest, name: str) -> None:
        """Plan, ask, and carry out what was said yes to."""
        plan, said = await self.decided(await self.planned(ask, name), ask, name)
        if isinstance(plan, Plan):
            self.act(plan, said)

    def act(self, plan: Plan, said: str | None) -> None:
        """Carry the plan out, or say that nothing was sent."""
        self.asked()
        if said is None or said == ANOTHER:
            self.say(f"{plan.verb}: cancelled, nothing was sent", "dim")
        else:
            self.engine.actions.execute(plan, without_journal=bool(self.latest.journal_failure))
