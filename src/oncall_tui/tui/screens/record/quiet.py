"""One list of what is kept quiet: silences, snoozes and acknowledgements by end or age, those that match nothing too.

Nothing here writes but by the verbs of the rows: extend is silence or snooze, end is un-acknowledge or end the silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from textual.binding import BindingType

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.errors import OncallError
from oncall_tui.providers.base import Provider, SupportsSilences
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.presenters import quiet, status_lines
from oncall_tui.tui.presenters.quiet import QuietThing
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.forms import Field
from oncall_tui.tui.screens.dialogs.modals import Form, Modal, Text
from oncall_tui.tui.screens.record.list_screen import ListScreen
from oncall_tui.tui.session import PaletteEntry, RowRef, Session
from oncall_tui.tui.widgets.footer import Part
from oncall_tui.tui.widgets.table.table import Column, Table

CHANGES = frozenset({Verb.ACKNOWLEDGE, Verb.UNACKNOWLEDGE, Verb.SILENCE, Verb.SNOOZE, Verb.END_SILENCE})
Do = Callable[[str, RowRef], None]
T = TypeVar("T")


class Asks(Protocol):
    """The questions to the engineer, as far as this screen knows them: one at a time."""

    @property
    def active(self) -> bool: ...

    def begin(self, steps: Coroutine[Any, Any, None], asks: bool = True) -> None: ...

    def give_up(self) -> None: ...

    async def ask(self, modal: Modal[T]) -> T | None: ...


class Plans(Protocol):
    """The steps that every action takes: a request, its plan, the answer, and carrying it out."""

    def request(self, verb: Verb, alert: Alert, **more: Any) -> ActionRequest: ...

    async def plan_and_act(self, request: ActionRequest, name: str) -> None: ...


class QuietScreen(ListScreen):
    """*do* carries out a command on a row of the board, as its own keys do."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("quiet")
    keys_of = "quiet"
    heading = "QUIET"
    columns: ClassVar[Sequence[Column]] = quiet.COLUMNS

    def __init__(self, session: Session, dialogs: Asks, planning: Plans, do: Do) -> None:
        super().__init__(session.engine, session.tz)
        self._session, self._dialogs, self._planning, self._do = session, dialogs, planning, do
        self._by_age = False
        self._standing: dict[str, tuple[StandingSilence, ...]] = {}  # by source
        self._failed: dict[str, str] = {}  # by source: why its silences are not known
        self._asked = 0  # sources that have not answered
        self._ended = self._done()  # what was done before it was opened, or since it was read
        self.things: tuple[QuietThing, ...] = ()

    # --- reading ------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._session.row_screen = self
        self._session.notice = None  # the word on what was done before
        super().on_mount()

    def on_unmount(self) -> None:
        super().on_unmount()
        if self._session.row_screen is self:
            self._session.row_screen = None

    def read(self) -> None:
        """Ask each source that has alerts for its silences; the board's rows are there already."""
        self._failed.clear()
        for source in self.engine.sources:
            self._asked += 1
            self.run_worker(self._ask(source), exit_on_error=False)
        self.follow()

    async def _ask(self, source: str) -> None:
        try:
            self._standing[source] = await asyncio.wrap_future(self.engine.on_demand.ask(source, _silences, "silences"))
        except OncallError as error:
            self._failed[source] = error.message
        except Exception as error:  # noqa: BLE001 - a bug in a provider ends as words, not as the program
            self._failed[source] = f"bug: {error.__class__.__name__}: {error}"
        finally:
            self._asked -= 1
        if self.there:
            self.follow()

    def _done(self) -> frozenset[str]:
        outcomes = self.engine.actions.outcomes
        return frozenset(o.plan_id for o in outcomes if o.verb in CHANGES and o.state is OutcomeState.DONE)

    def follow(self) -> None:
        """Show what is quiet on the newest board, and at the sources; these are asked again once an action is done."""
        if not self.there:
            return
        if not (done := self._done()) <= self._ended:
            self._ended = done
            self.read()
            return
        update, now = self._session.latest, self.engine.clock.now()
        every = [one for silences in self._standing.values() for one in silences]
        self.things = quiet.things(update.triaged, every, self._by_age)
        rows = [quiet.row(thing, self.tz, now) for thing in self.things]
        nothing = "Nothing is silenced, snoozed or acknowledged"
        self.show_rows(rows, f"{nothing} in what could be read." if self._failed or self._asked else f"{nothing}.")
        self.draw_title()
        self.draw_outcome(now)

    def title_parts(self) -> tuple[Sequence[Part], Sequence[Part]]:
        lost = sum(thing.matches_nothing for thing in self.things)
        left: list[Part] = [(f"{self.heading} {len(self.things)}", "heading")]
        left += [(f" · {lost} match{'es' * (lost == 1)} nothing", "warning")] if lost else []
        left += [(f" · silences not listed of {', '.join(sorted(self._failed))}", "critical")] if self._failed else []
        reads = "reading… · " if self._asked else ""
        return left, [(f"{reads}by {'age' if self._by_age else 'end'} ", "dim")]

    def draw_outcome(self, now: float) -> None:
        """Show what came of actions, and the last word: the board's, seen from here."""
        shown = status_lines.outcome_lines(
            self._session.latest, self._session.notice, self.tz, now, self.engine.plan_of
        )
        if shown:
            text = " ".join(part.strip() for part, _ in shown[0] if part.strip())
            self.say(text, next((style for _, style in shown[0] if style), ""))
        elif self._failed:
            source, why = next(iter(sorted(self._failed.items())))
            self.say(f"{source}: its silences could not be read: {why}", "warning")
        else:
            self.say("")

    def commands(self) -> Iterable[PaletteEntry]:
        """Offer nothing in the palette: the keys are all there is."""
        return ()

    # --- keys ---------------------------------------------------------------------------------------------------------

    @property
    def _under(self) -> QuietThing | None:
        return next((one for one in self.things if one.id == self.table.cursor_id), None)

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if (one := self._under) is not None:
            lines = quiet.lines(one, self._session.latest, self.tz, self.engine.clock.now())
            self.app.push_screen(Text(f"{one.word}: {one.title}", lines, indent=11))

    def action_order(self) -> None:
        self._by_age = not self._by_age
        self.follow()

    def action_back(self) -> None:
        """Esc: a question that is being planned, a word, then the board."""
        shown = status_lines.shown_outcome(self._session.latest)
        if self._dialogs.active:
            self._dialogs.give_up()
        elif self._session.notice is not None:
            self._session.clear()
        elif shown is not None and shown.state.final:
            self.engine.actions.dismiss(shown.plan_id)
        else:
            super().action_back()

    def action_extend(self) -> None:
        """Silence or snooze it again, for longer: by the row's own verb, with its plan and its confirm."""
        one = self._under
        if one is None:
            self._say("nothing is under the cursor")
        elif one.standing is not None and not one.standing.alerts:
            self._say(f"it matches nothing now: there is nothing to keep quiet; {_END} ends it")
        elif (row := self._row(one)) is None:
            self._say("the alerts that it keeps quiet are not on the board")
        elif one.standing is not None and one.standing.matchers and not one.standing.acknowledges:
            self._dialogs.begin(self._longer(one.standing, row))
        else:
            self._do("silence", row)

    async def _longer(self, silence: StandingSilence, row: RowRef) -> None:
        """Extend exactly this silence: its own matchers, for so long from now on."""
        board = self._session.latest.board
        alert = next((board.alerts[i] for i in silence.alerts if i in board.alerts), None)
        if alert is None or self.engine.read_only or Verb.SILENCE not in alert.verbs:
            self._say("read only: nothing is written" if self.engine.read_only else "it cannot be extended now")
            return
        fields = (Field("for_s", "for how long from now: 90m, 2h, 1d", "1h"), Field("reason", "why", silence.comment))
        filled = await self._dialogs.ask(Form(f"Extend the silence of {silence.words}", fields, forms.more))
        if filled is None:
            self._session.say("cancelled, nothing was sent", "dim")
            return
        request = self._planning.request(Verb.SILENCE, alert, matchers=silence.matchers, **filled)
        await self._planning.plan_and_act(request, silence.words)

    def action_end(self) -> None:
        """End it now: an acknowledgement of yours, or a silence, by its verb, with its plan and its confirm."""
        one = self._under
        if one is None:
            self._say("nothing is under the cursor")
        elif one.standing is not None:
            self._dialogs.begin(self._end(one.standing))
        elif (row := self._row(one)) is not None:
            self._do("unack", row)
        else:
            self._say("it is not on the board any more")

    async def _end(self, silence: StandingSilence) -> None:
        request = ActionRequest(
            verb=Verb.END_SILENCE, target=silence.id, version=silence.version, actor=self.engine.actor
        )
        self._session.doing(f"reading the silence of {silence.words}")
        await self._planning.plan_and_act(request, silence.words)

    def _row(self, one: QuietThing) -> RowRef | None:
        """Return the board's row that it is about, as it was drawn."""
        ids = one.standing.alerts if one.standing is not None else (one.id,)
        found = next((row for i in ids if (row := self._session.latest.triaged.find(i)) is not None), None)
        return None if found is None else RowRef("alerts", found.id, self._session.drawn(found.id) or found)

    def _say(self, words: str) -> None:
        self._session.not_taken(words)


_END = "u"


def _silences(provider: Provider) -> tuple[StandingSilence, ...]:
    return provider.silences() if isinstance(provider, SupportsSilences) else ()
