"""The log of one service: around a time or live, of all its tasks or one. Nothing here waits for a provider."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input

from oncall_tui.domain.logs import LogLine
from oncall_tui.domain.service_detail import short_task
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import SourceError, unexpected
from oncall_tui.inspection.logs import insights_link
from oncall_tui.inspection.logs.query import AFTER_S, LogReader
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.commands import label, of, own
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.screens.dialogs.modals import Text
from oncall_tui.tui.screens.logs import state, tasks
from oncall_tui.tui.screens.logs.view import LogView, Mark
from oncall_tui.tui.screens.logs.words import harmless, in_rows, unfolded
from oncall_tui.tui.widgets.clean_input import CleanInput
from oncall_tui.tui.widgets.clean_text import copy
from oncall_tui.tui.widgets.footer import KeyBar, Part, StatusLine
from oncall_tui.tui.widgets.presence import all_there
from oncall_tui.tui.widgets.text_lines import Line, Lines

TICK_S = 0.25
DRAWN_ON = frozenset({"title", "place", "wrong", "search", "keys"})
PATIENCE_S = 5.0  # for a provider that is still being built
ROW = 70  # cells of a very long line that is shown whole
NOTICE_S = 8.0  # of a word about a key


class LogScreen(Screen[None]):
    """Reads only. *around*: a time in seconds since the epoch; None: live. *marks*: times, with words, to be shown."""

    DEFAULT_CSS = """
    LogScreen { layout: vertical; }
    LogScreen #wrong, LogScreen #search { display: none; }
    LogScreen #search { height: 1; border: none; padding: 0 1; background: $boost; }
    LogScreen #search:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("log")

    def __init__(
        self,
        engine: Engine,
        tz: ZoneInfo,
        service_id: str,
        around: float | None = None,
        task: str = "",
        marks: Sequence[Mark] = (),
    ) -> None:
        super().__init__()
        self.engine, self.tz, self.service_id = engine, tz, service_id
        self.around = around
        self.reader = LogReader(service_id, engine.clock, around, task)
        self._asked: Future[None] | None = None
        self._asked_at = 0.0
        self._said: Part = ("", "")
        self._said_at = 0.0
        self._page = ""  # a new page that was not seen yet
        self.view = LogView(tz, around, marks, id="lines")
        self._ready = False  # is everything there that a key may need?

    def compose(self) -> ComposeResult:
        yield StatusLine(id="title")
        yield StatusLine(id="place")
        yield Lines(id="wrong", indent=2, focus=False)
        yield self.view
        yield CleanInput(id="search", placeholder="search; Enter keeps it, Esc clears it")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self._ready = True
        self.view.on_moved = self._moved
        self.set_focus(self.view)
        self.query_one("#keys", KeyBar).show([(label(one), one.word, True) for one in of("log") if one.word])
        self.set_interval(TICK_S, self.tick)
        self.call_after_refresh(self.tick)

    def on_unmount(self) -> None:
        """Let go of the lines at once: a closed screen is a circle, which goes with some later collection of garbage,
        and that comes by how many objects there are, not by how large they are.
        """
        self.reader.end()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text field swallows every key; one that was typed before there was a screen does nothing."""
        return self._ready and not isinstance(self.focused, Input)

    # --- asking and drawing -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Ask what is due, where nothing is on its way; draw what came."""
        if self._asked is not None and self._asked.done():
            if error := self._asked.exception():  # a bug in a provider is this screen's state, not its end
                self.reader.fail(SourceError(*unexpected(error)))
            self._asked = None
        if self.engine.clock.monotonic() - self._said_at > NOTICE_S:
            self._said = ("", "")
        seen = self.view.on_screen
        self.reader.looking_at = seen[0].at if seen and not self.view.follow else None
        if self._asked is None and self.reader.due():
            self._asked_at = self.engine.clock.monotonic()
            self._asked = self.engine.on_demand.run(f"logs {self._source}", self._step)
        if self.is_active:
            self.draw()

    @property
    def _source(self) -> str:
        return self.service_id.partition("/")[0]

    def _step(self) -> None:
        """On the queue: one call."""
        try:
            provider = self.engine.provider(self._source, PATIENCE_S)
        except SourceError as error:
            self.reader.fail(error)
        else:
            self.reader.step(provider)

    def tell_of_page(self, words: str) -> None:
        """In the second line: a page that began while the log is read."""
        self._page = words

    def draw(self) -> None:
        """Everything; each part repaints only where it differs."""
        if not all_there(self, DRAWN_ON):
            return
        reader, task = self.reader, self.reader.run.task
        waits = self.engine.clock.monotonic() - self._asked_at if self._asked and not self._asked.done() else 0.0
        of = f"task {short_task(task)}" if task else "all tasks"
        searched = f" · /{self.view.query_text}" if self.view.query_text else ""
        left: list[Part] = [("LOGS ", "heading"), (self.service_id, "bold"), (f" · {of}{searched}", "")]
        self.query_one("#title", StatusLine).show(left, state.state(reader, self.tz, waits))
        said = [self._said] if self._said[0] else state.place(reader)
        said = [(f" {self._page} ", "cursor")] if self._page else said
        self.query_one("#place", StatusLine).show(said, state.count(reader))
        self._draw_wrong(state.trouble(reader))
        self.view.columns = (not task, len(reader.readable) > 1)
        kept, nothing = reader.kept, [] if reader.kept.lines else state.empty(reader, self.tz)
        self.view.show(kept.lines, state.head(reader), state.foot(reader), nothing)

    def _draw_wrong(self, wrong: tuple[str, SourceError] | None) -> None:
        """Draw the whole error, and its hint."""
        lines = self.query_one("#wrong", Lines)
        if wrong:
            rows: list[Line] = [((wrong[1].message, "critical"),)]
            hint = renewing(wrong[1].hint, self.engine.update.board.sources.values(), " on the board")
            rows += [(("→ ", "key"), (hint, ""))] if hint else []
            lines.show(rows)
            lines.styles.height = min(4, max(1, lines.needed(self.size.width)))
        lines.display = wrong is not None

    def on_screen_resume(self) -> None:
        if self._ready:
            self.draw()

    def _moved(self) -> None:
        self._say("")

    def _say(self, text: str, style: str = "bold") -> None:
        """A word in the second line, for some seconds or until the next key that moves."""
        self._said, self._said_at = (text, style), self.engine.clock.monotonic()
        self.draw()

    # --- keys ---------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Back to where it was opened; a search goes first."""
        if self.view.query_text:
            self._search_for("")
            return
        self.dismiss(None)

    def action_search(self) -> None:
        line = self.query_one("#search", Input)
        line.display, line.value = True, self.view.query_text
        self.set_focus(line)  # now: what is typed next belongs to it

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search_for(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()
        if event.value and not (self.view.find(1) or self.view.find(-1)):
            self._say(f"no match for {event.value!r} in loaded lines: [ reads earlier ones", "warning")

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" and isinstance(self.focused, Input):
            event.stop()
            self._search_for("")
            self._close_search()

    def _search_for(self, text: str) -> None:
        self.view.query_text = text.lower()
        self.view.draw()
        self.draw()

    def _close_search(self) -> None:
        self.query_one("#search", Input).display = False
        self.set_focus(self.view)

    def action_next(self, by: int) -> None:
        if not self.view.query_text:
            self.action_search()
        elif not self.view.find(by):
            self._say(f"no match for {self.view.query_text!r} {'below' if by > 0 else 'above'}", "warning")

    def action_error(self, by: int) -> None:
        if self.view.jump(by, _is_error):
            return
        where, key, other = ("below", "]", "E") if by > 0 else ("above", "[", "e")
        here = any(map(_is_error, self.view.lines))
        more = f"{other} goes the other way" if here else f"{key} reads more"
        self._say(f"no error {where}: {more}", "warning")

    def action_pause(self) -> None:
        reader = self.reader
        if reader.paused:
            reader.resume()
            self.view.follow = self.view.goal is None
            self._say("")
        elif reader.run.live:
            reader.pause()
            self.view.follow = False
            self._say("")
        else:
            self._say("nothing is being read: f goes live", "dim")
        self.tick()

    def action_live(self) -> None:
        self.reader.live()
        self.view.reset(None)
        self._say("")
        self.tick()

    def action_around(self) -> None:
        if self.around is None:
            self._say("it was opened without an alert: f is live, [ reads earlier lines", "warning")
            return
        self.reader.read_around(self.around)
        self.view.reset(self.around)
        self._say("")
        self.tick()

    def action_earlier(self) -> None:
        self.reader.earlier()
        self.view.follow = False
        self._say("")
        self.tick()

    def action_later(self) -> None:
        if self.reader.run.live:
            self.view.action_edge(1)
            return
        self.reader.later()
        self._say("")
        self.tick()

    def action_again(self) -> None:
        self.reader.retry()
        self._say("asking again", "dim")
        self.tick()

    def action_wrap(self) -> None:
        self.view.toggle_wrap()

    def action_task(self) -> None:
        ask = partial(
            tasks.choices,
            service_id=self.service_id,
            lines=self.reader.kept.lines,
            chosen=self.reader.run.task,
            tz=self.tz,
            now=self.engine.clock.now(),
        )
        coming = self.engine.on_demand.ask(self._source, ask)
        self.app.push_screen(tasks.PickTask(coming), self._picked)

    def _picked(self, said: str | None) -> None:
        if said is None:
            return
        self.reader.pick("" if said == tasks.ALL else said)
        self.view.reset(self.reader.run.around)
        self.tick()

    def action_open(self) -> None:
        line = self.view.line
        if line is None:
            return
        when = datetime.fromtimestamp(line.at, self.tz).isoformat(sep=" ", timespec="milliseconds")
        rows: list[Line] = [((when, "bold"), (f"  {line.level}", "critical" if line.level == "error" else "dim"))]
        rows += [((harmless(line.stream.name), "dim"),), (("", ""),)]
        rows += [((row, ""),) for part in unfolded(line.text) for row in in_rows(part, ROW)]
        self.app.push_screen(Text("Line", rows))

    def action_help(self) -> None:
        rows: list[Line] = [((f"{keys:<23}", "key"), (what, "")) for keys, what in own("log")]
        self.app.push_screen(Text("Keys of the log", rows, indent=23))

    # --- copying ------------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        line = self.view.line
        self._copy([line] if line else [])

    def action_copy_screen(self) -> None:
        self._copy(self.view.on_screen)

    def _copy(self, lines: Sequence[LogLine]) -> None:
        texts = [f"{_utc(it.at)} {harmless(it.stream.name)} {harmless(it.text)}" for it in lines]
        if not texts:
            self._say("there is no line to copy", "dim")
            return
        said = copy(self.app, "\n".join(texts))
        self._say(f"{len(texts)} line{'s' * (len(texts) != 1)} {said}", "dim")

    def action_insights(self) -> None:
        """A link for the time that is shown; also on screen, as not every terminal takes what is copied."""
        places = self.reader.readable
        if not places:
            self._say("this log is not in CloudWatch: there is no link", "warning")
            return
        region = places[0].region
        here = [p for p in places if p.region == region]
        kept, now, searched = self.reader.kept.lines, self.engine.clock.now(), self.reader.searched
        since, until = searched or ((kept[0].at, kept[-1].at) if kept else (now - AFTER_S, now))
        prefixes = [p.prefix + (self.reader.run.task if p.prefix else "") for p in here]
        asked = insights_link.query(prefixes, self.view.query_text)
        url = insights_link.link(region, [p.group for p in here], since, until, asked)
        if not url:
            self._say(f"no AWS console is known for {region}: there is no link", "warning")
            return
        said = copy(self.app, url)
        rows: list[Line] = [((f"{said}; the link opens with this query, not run yet:", "dim"),), (("", ""),)]
        rows += [((part, ""),) for part in asked.splitlines()]
        self.app.push_screen(Text("Logs Insights", [*rows, (("", ""),), ((url, "key"),)]))
        self._say(f"a link to Logs Insights {said}", "dim")


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _is_error(line: LogLine) -> bool:
    return line.level == "error"
