"""A source that cannot be read, on screen: named with its state's word, its rows still there, nothing blank."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from oncall_tui import bootstrap
from oncall_tui.domain.reading import SourceState
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.widgets.footer import StatusLine
from oncall_tui.tui.widgets.table.table import Table
from tests.faults.world import Ahead, Rig, World, words

WIDE, NARROW = (120, 40), (80, 24)
PATIENCE_S = 15.0


class Screen:
    """The program's own app over the engine of *rig*."""

    def __init__(self, app: OncallApp, rig: Rig, pilot: Pilot[None]) -> None:
        self.app, self.rig, self.pilot = app, rig, pilot

    async def until(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < end, f"not on screen: {what}\n{words(self.rig.update)}\n{self.text()}"
            await self.pilot.pause(0.05)
        await self.pilot.pause()

    async def poll(self, source: str) -> None:
        """One more poll of *source*, without holding up the screen."""
        await asyncio.to_thread(self.rig.polled, self.rig.ask([source]))

    def lines(self) -> list[str]:
        """What is on screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    def text(self) -> str:
        return "\n".join(self.lines())

    def status(self) -> str:
        """The status line."""
        line = self.app.board.query_one("#status", StatusLine)
        return "".join(text for text, _ in line.parts(line.size.width))

    def rows(self, table: str) -> dict[str, list[str]]:
        """The cells' words of a table's rows, by id."""
        found = self.app.board.query_one(f"#{table}", Table).rows
        return {row.id: [cell if isinstance(cell, str) else cell[0] for cell in row.cells] for row in found}


@asynccontextmanager
async def on_screen(world: World, folder: Path) -> AsyncIterator[Screen]:
    config = world.config(folder)
    rig = Rig(bootstrap.make_engine(config, clock=Ahead()))
    app = OncallApp(rig.engine, config)
    try:
        async with app.run_test(size=WIDE) as pilot:
            yield Screen(app, rig, pilot)
    finally:
        rig.engine.stop()
        gc.unfreeze()  # the app had frozen what start-up left


@pytest.mark.parametrize(
    ("source", "kind", "label", "table"),
    [
        ("prod", "denied", "DENIED", "services"),
        pytest.param("alarms", "html", "MALFORMED", "alerts", marks=pytest.mark.everything),
        ("prom", "refuse", "OFFLINE", "alerts"),
        pytest.param("pager", "expired", "EXPIRED", "alerts", marks=pytest.mark.everything),
        pytest.param("dd", "denied", "DENIED", "alerts", marks=pytest.mark.everything),
        pytest.param("errors", "throttle", "THROTTLED", "alerts", marks=pytest.mark.everything),
        pytest.param("monitors", "expired", "EXPIRED", "alerts", marks=pytest.mark.everything),
    ],
)
async def test_a_failing_source(world: World, tmp_path: Path, source: str, kind: str, label: str, table: str) -> None:
    async with on_screen(world, tmp_path) as screen:
        await screen.until(lambda: "8/8 live" in screen.status(), "all sources are read")
        before = screen.rows(table)
        mine = [row for row in before if row.startswith(f"{source}/")]
        assert mine
        known = {row: before[row][4 if table == "alerts" else 2] for row in before}  # its title
        world.fault(kind, source)
        await screen.poll(source)
        for size in (WIDE, NARROW):
            await screen.pilot.resize_terminal(*size)
            await screen.until(lambda: f"{source} {label}" in screen.status(), f"{source} {label}")
            await screen.pilot.press("1" if table == "alerts" else "2")
            await screen.pilot.pause()
            assert "7/8 live" in screen.lines()[0]
            assert f"{source} {label}" in screen.lines()[0]
            rows = screen.rows(table)
            marked = 6 if table == "alerts" else 0  # of the cells: the state, the health
            assert known.keys() <= rows.keys()
            assert all(rows[row][marked].startswith("?") for row in mine), rows
            assert not any(rows[row][marked].startswith("?") for row in known.keys() - mine), rows
            _nothing_blank(screen, size)
            shown = await _from_top_to_bottom(screen)
            assert [title for title in known.values() if title[:8] not in shown] == [], shown
        world.lift()
        screen.rig.engine.clock.by += 10.0  # type: ignore[attr-defined]  # the allowance of calls is whole again
        await screen.poll(source)
        await screen.until(lambda: "8/8 live" in screen.status(), "it is well again")
        assert screen.rows(table).keys() == before.keys()


async def _from_top_to_bottom(screen: Screen) -> str:
    """The text of all rows: those that suspect lines have pushed out of sight come in as the cursor goes down."""
    await screen.pilot.press("g")
    await screen.pilot.pause()
    shown = screen.text()
    await screen.pilot.press("G")
    await screen.pilot.pause()
    return f"{shown}\n{screen.text()}"


def _nothing_blank(screen: Screen, size: tuple[int, int]) -> None:
    """Each pane that is shown has words in it."""
    lines = screen.lines()
    assert len(lines) == size[1]
    assert lines[0].strip()
    assert lines[-1].strip()
    for name in ("alerts", "services", "deploys", "detail"):
        pane = screen.app.board.query_one(f"#{name}")
        if not pane.region.area:
            continue
        x, y, width, height = pane.region
        inside = "".join(line[x : x + width] for line in lines[y : y + height])  # wide characters may shift it a little
        assert inside.strip(), f"{name} is blank at {size}\n{screen.text()}"


@pytest.mark.parametrize("source", ["prom", "pager"])
async def test_nothing_fires_as_far_as_is_known(make_world: Callable[..., World], tmp_path: Path, source: str) -> None:
    """A world at rest, and a source that was never read: an empty list is no good news."""
    world = make_world("--scenario", "quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONCALL_DRILL_TOKEN", world.told["environment"]["ONCALL_DRILL_TOKEN"])
        world.fault("refuse", source)
        async with on_screen(world, tmp_path) as screen:
            await screen.until(lambda: f"{source} OFFLINE never read" in screen.status(), f"{source} was never read")
            await screen.until(lambda: "4/5 live" in screen.status(), "the others are read")
            for size in (WIDE, NARROW):
                await screen.pilot.resize_terminal(*size)
                await screen.pilot.pause()
                assert "No alert is firing" not in screen.text()
                assert f"{source}: never read" in screen.text() or "No alert in what could be read" in screen.text()
            assert screen.rig.source(source).state is SourceState.OFFLINE
            world.lift()
            await screen.poll(source)
            await screen.until(lambda: "No alert is firing. 5/5 sources" in screen.text(), "now it is known")
