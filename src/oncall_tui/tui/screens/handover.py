"""The handover on screen, of a time that a key picks; to copy, or to send to others."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from oncall_tui.domain.entry import Entry
from oncall_tui.domain.plan import Choice
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import JournalError, OncallError
from oncall_tui.reports.handover import KINDS, Handover, comparisons, handover
from oncall_tui.reports.handover_text import markdown, plain, sections, title
from oncall_tui.text.cells import clean
from oncall_tui.tui.bindings import bindings
from oncall_tui.tui.commands import label, of
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
from oncall_tui.tui.screens.dialogs.modals import Modal
from oncall_tui.tui.widgets.clean_text import copy
from oncall_tui.tui.widgets.footer import StatusLine
from oncall_tui.tui.widgets.text_lines import Line, Lines

KEYS = " · ".join(f"{label(command)} {command.word}" for command in of("handover"))


COMMITS_S = 3.0  # what was deployed is told without its commits, where they take longer


class HandoverView(Modal[None]):
    """Read when it opens and by a key, never by the clock. The journal is read beside the keys."""

    DEFAULT_CSS = """
    HandoverView #said { height: 1; background: $surface; }
    HandoverView #keys-of-it { height: 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("handover", priority=False)
    box_width = 118
    beside = 2

    def __init__(self, engine: Engine, tz: ZoneInfo) -> None:
        super().__init__("Handover")
        self.engine, self.tz = engine, tz
        self.hours = 12
        self.told: Handover | None = None
        self._number = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield from self.body([(("reading the journal…", "warning"),)], indent=2)
            yield StatusLine(id="said")
            yield StatusLine(id="keys-of-it")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#keys-of-it", StatusLine).show([(KEYS, "dim")])
        self.set_focus(self.query_one("#body", Lines))
        self.action_read()

    def say(self, words: str, style: str = "") -> None:
        """One line, until the next."""
        self.query_one("#said", StatusLine).show([(clean(words), style)])

    # --- reading ------------------------------------------------------------------------------------------------------

    def action_window(self, hours: int) -> None:
        self.hours = hours
        self.action_read()

    def action_read(self) -> None:
        """Read it anew; what was asked for before is not shown any more."""
        self._number += 1
        self.say(f"reading the last {self.hours} h", "dim")
        since = self.engine.clock.now() - self.hours * 3600.0
        coming = self.engine.on_demand.run("journal", lambda: self._entries(since))
        self.run_worker(self._read(self._number, since, coming), exit_on_error=False)

    def _entries(self, since: float) -> list[Entry]:
        """Read the entries since then, the follow-ups and the incidents; on the journal's queue."""
        self.engine.memory.follow_ups.load()
        self.engine.memory.incidents.load()
        self.engine.commits.fetch(comparisons(self.engine.update.triaged, since), COMMITS_S)
        return self.engine.journal.since(since, KINDS)

    async def _read(self, number: int, since: float, coming: Future) -> None:  # type: ignore[type-arg]
        entries, failure = [], ""
        try:
            entries = await asyncio.wrap_future(coming)
        except JournalError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - a bug ends as words: what the board knows is told still
            failure = f"bug: {error.__class__.__name__}: {error}"
        if number != self._number or not self.is_mounted:
            return
        triaged, now = self.engine.update.triaged, self.engine.clock.now()
        follow_ups, incidents = self.engine.memory.follow_ups.current, self.engine.memory.incidents.current
        kept = (follow_ups.values(), incidents.values())
        self.told = handover(entries, triaged, since, now, failure, *kept, self.engine.commits.words)
        self._show(self.told)

    def _show(self, told: Handover) -> None:
        self._title = title(told, self.tz)
        self.say("")
        self.show_body(lines(told, self.tz))

    def action_marks(self) -> None:
        """List the alerts' episodes of this time, to mark many at once."""
        from oncall_tui.domain.record import RecordScope
        from oncall_tui.tui.screens.record.record import RecordScreen

        since, me = self.engine.clock.now() - self.hours * 3600.0, self.engine.actor.name
        self.app.push_screen(RecordScreen(self.engine, self.tz, me, (RecordScope(),), (), "kind:alert", since))

    # --- to others ----------------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """As Markdown, by way of the terminal (OSC 52)."""
        if self.told is not None:
            text = markdown(self.told, self.tz)
            self.say(f"{len(text.splitlines())} lines of Markdown {copy(self.app, text)}", "dim")

    def action_send(self) -> None:
        """Pick where to, see what, say yes: it is sent once."""
        if self.told is None:
            self.say("it is still being read", "warning")
        elif self.engine.read_only:
            self.say("read only: nothing is sent", "warning")
        elif not self.engine.destinations:
            self.say("no destination is configured: see escalation: in the configuration", "warning")
        else:
            self.run_worker(self._send(self.told), exit_on_error=False, exclusive=True, group="send")

    async def _send(self, told: Handover) -> None:
        choices: Future[tuple[Choice, ...]] = Future()
        choices.set_result(tuple(Choice(id=name, label=name) for name in self.engine.destinations))
        name = await self.app.push_screen_wait(
            ChoiceDialog("Send the handover to", choices, "no destination is configured")
        )
        if name is None:
            self.say("nothing was sent", "dim")
            return
        text = plain(told, self.tz)
        if not await self.app.push_screen_wait(
            ConfirmMany(f"Send these {len(text.splitlines())} lines to {name}?", text.splitlines(), "send")
        ):
            self.say("nothing was sent", "dim")
            return
        self.say(f"sending to {name}…", "warning")
        try:
            said = await asyncio.wrap_future(self.engine.send_handover(name, title(told, self.tz), text))
        except OncallError as error:
            state = error.outcome
            self.say(f"{state}: {error.message}{f' → {error.hint}' if error.hint else ''}", "critical")
        else:
            self.say(said, "ok")


def lines(told: Handover, tz: object) -> list[Line]:
    """The sections for a screen: what is loud in words is loud in style too."""
    found: list[Line] = []
    for heading, rows in sections(told, tz):  # type: ignore[arg-type]
        found += [((" ", ""),)] if found else []
        found.append(((heading, "heading"),))
        found += [(("  ", ""), (row, _style(row))) for row in rows]
    return found


def _style(row: str) -> str:
    if row.startswith(("NOT READ", "NOT KNOWN", "PAGE ")) or "UNKNOWN" in row or "FAILED" in row:
        return "critical"
    return "warning" if "not known here" in row or "· FIRING ·" in row else ""
