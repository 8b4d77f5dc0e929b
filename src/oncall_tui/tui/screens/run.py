"""The output of a command of the configuration, as it comes, on a screen of its own. To leave it ends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.runtime.program_run import MOST_LINES, ProgramRun
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import span
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.commands import BY_ID, Command, label, of, own
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
from oncall_tui.tui.screens.dialogs.modals import Text
from oncall_tui.tui.session import Session
from oncall_tui.tui.widgets.clean_text import copy
from oncall_tui.tui.widgets.footer import KeyBar, Part, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.text_lines import Line, Lines

TICK_S = 0.25
DRAWN_ON = frozenset({"title", "said", "output", "keys"})
_STYLES = {OutcomeState.DONE: "ok", OutcomeState.PENDING: "bold", OutcomeState.UNKNOWN: "unknown"}


class RunScreen(Screen[None]):
    """One run, while it goes on and after it ended. It follows the newest line while that is on screen."""

    DEFAULT_CSS = "RunScreen { layout: vertical; }"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__()
        self._session, self._plan, self._engine = session, plan, session.engine
        self._kept: list[str] = []
        self._first = 0  # the number of the first line that is kept
        self._said: Part = ("", "")
        self._page = ""  # a new page that was not seen yet
        # A command -> whether it can do something now. One that is not here always can.
        self._where: dict[str, Callable[[], bool]] = {"run_end": self._runs}

    def compose(self) -> ComposeResult:
        yield StatusLine(id="title")
        yield StatusLine(id="said")
        yield Lines(id="output", indent=2)
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#output", Lines))
        self.set_interval(TICK_S, self.draw)
        self.draw()

    def on_screen_resume(self) -> None:
        self.draw()

    # --- drawing ------------------------------------------------------------------------------------------------------

    @property
    def _program(self) -> ProgramRun | None:
        return self._engine.own_commands.run_of(self._plan.id)

    @property
    def _outcome(self) -> Outcome | None:
        return next((o for o in self._engine.actions.outcomes if o.plan_id == self._plan.id), None)

    def tell_of_page(self, words: str) -> None:
        """In the second line: a page that began while the output is read."""
        self._page = words

    def draw(self) -> None:
        """Draw what there is now; each part repaints only where it differs."""
        if not all_there(self, DRAWN_ON) or not self.is_active:
            return
        name = str(self._plan.request["command_name"])
        title = self._plan.title.removeprefix(f"Run {name}: ")
        left: list[Part] = [(" RUN ", "cursor"), (f" {name}", "bold"), (f"  {title}", "")]
        self.query_one("#title", StatusLine).show(left, [self._state()])
        self.query_one("#said", StatusLine).show([self._word()], [self._counted()])
        self._draw_output()
        self.query_one("#keys", KeyBar).show([(label(one), one.word, True) for one in of("run") if self._can(one)])

    def _can(self, command: Command) -> bool:
        """Tell whether the key can do something now: what has ended cannot be ended."""
        where = self._where.get(command.id)
        return bool(command.word) and (where is None or where())

    def _runs(self) -> bool:
        return self._program is not None and self._program.end is None

    def _state(self) -> Part:
        """How it stands, in words."""
        run, outcome = self._program, self._outcome
        if run is not None and run.end is not None:
            style = "ok" if run.end.status == 0 and not run.end.why else "critical"
            return (f" {run.end.words} after {span(run.end.seconds)} ", style)
        if run is not None:
            return (f" {f'being ended: {run.ending}' if run.ending else 'running'} for {span(run.seconds)} ", "bold")
        if outcome is not None:
            return (f" {outcome.state} ", _STYLES.get(outcome.state, "critical"))
        return ("", "")

    def _word(self) -> Part:
        """Say what the engineer has to know: a page, the last key's answer, or what leaving does."""
        run = self._program
        if self._page:
            return (f" {self._page} ", "cursor")
        if self._said[0]:
            return self._said
        if run is not None and run.end is None:
            return (f" {label(BY_ID['run_back'])} leaves it running; {label(BY_ID['run_end'])} ends it", "dim")
        return (" its end, and its first lines, are in the journal", "dim") if run is not None else ("", "")

    def _counted(self) -> Part:
        run = self._program
        if run is None:
            return ("", "")
        cut = f", the first {run.dropped} of them not kept" if run.dropped else ""
        return (f"{count(run.lines_seen, 'line')}{cut} ", "warning" if cut else "dim")

    def _draw_output(self) -> None:
        view, run = self.query_one("#output", Lines), self._program
        if run is None:
            view.show(self._without_run())
            return
        at_end = view.scroll_offset.y >= view.max_scroll_y
        self._take(run)
        lines: list[Line] = [((text, ""),) for text in self._kept]
        if not lines:
            lines = [(("it printed nothing" if run.end is not None else "no output yet", "dim"),)]
        view.show(lines)
        if at_end:
            view.action_edge(1)

    def _without_run(self) -> list[Line]:
        """The words where nothing was started, or before it was."""
        outcome = self._outcome
        if outcome is None:
            return [(("it is not known any more: the journal has how it ended", "dim"),)]
        lines: list[Line] = [((f"{outcome.state}: ", _STYLES.get(outcome.state, "critical")), (outcome.message, ""))]
        return [*lines, (("→ ", "key"), (outcome.hint, ""))] if outcome.hint else lines

    def _take(self, run: ProgramRun) -> None:
        """Take the lines that are new, and the last one anew: it may have grown."""
        since = max(self._first, self._first + len(self._kept) - 1)
        first, new = run.lines(since)
        if first > self._first + len(self._kept):
            self._first, self._kept = first, []
        self._kept[first - self._first :] = new
        if over := max(0, len(self._kept) - MOST_LINES):
            self._first, self._kept = self._first + over, self._kept[over:]

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        self.dismiss(None)

    def action_end(self) -> None:
        """Ask, and then end it; of what is being ended already, kill it."""
        run = self._program
        if run is None or run.end is not None:
            self._say("it has ended", "dim")
            return
        how = "SIGKILL, at once: it did not end yet" if run.ending else "SIGTERM, and after 5 s SIGKILL"
        rows = [f"It has run for {span(run.seconds)}.", f"To it, and all that it started, goes {how}."]
        rows += ["It writes: what it changed until then stays changed."] if self._plan.writes else []
        title = f"End {self._plan.request['command_name']}?"
        self.app.push_screen(ConfirmMany(title, rows, "end it"), self._ended)

    def _ended(self, answer: str | None) -> None:
        run = self._program
        if answer is not None and run is not None:
            run.stop(f"by {self._session.me}")
        self.draw()

    def action_copy(self) -> None:
        self._say(f"{count(len(self._kept), 'line')} {copy(self.app, chr(10).join(self._kept))}", "dim")

    def _say(self, text: str, style: str = "bold") -> None:
        self._said = (f" {text}", style)
        self.draw()

    def action_help(self) -> None:
        rows: list[Line] = [((f"{keys:<23}", "key"), (what, "")) for keys, what in own("run")]
        self.app.push_screen(Text("Keys of a command's output", rows, indent=23))
