"""The numbers on screen: what they say, what each counts, and the plots."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen
from tests.support.year import Year

from oncall_tui.domain.history import PastDeploy
from oncall_tui.tui.screens.record.record import RecordScreen
from oncall_tui.tui.screens.statistics.counted import CountedScreen
from oncall_tui.tui.screens.statistics.plots import Plot, drawn
from oncall_tui.tui.screens.statistics.screen import StatisticsScreen

DAY = 86_400.0


def world(folder: Path, days: float = 40) -> tuple[Rig, Year]:
    """A journal of forty days, an ECS account and an alert source."""
    ecs = Able("prod")
    ecs.provider = "ecs"
    rig = Rig(folder, ecs, Able("prom"))
    year = Year(7, rig.clock.now() - days * DAY, days)
    rig.engine.journal.must(*year.entries())
    return rig, year


async def opened(rig: Rig) -> StatisticsScreen:
    await rig.press("percent_sign")
    await rig.settle()
    await rig.pilot.pause()
    screen = rig.pilot.app.screen
    assert isinstance(screen, StatisticsScreen)
    return screen


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.everything)])
async def test_the_numbers_are_there_with_a_definition_and_a_plot(tmp_path: Path, size: tuple[int, int]) -> None:
    rig, year = world(tmp_path)
    async with on_screen(rig, size):
        await opened(rig)
        since = rig.clock.now() - 30 * DAY
        mine = [p for p in year.problems if p.began >= since]
        text = rig.text()
        line = next(row for row in text.splitlines() if "Notifications  " in row)
        assert line.split()[2] == str(sum(not p.pages for p in mine))
        assert "Coverage: " in text
        assert "pages nobody" in " ".join(text.split())
        assert "by day" in text
        assert "┤" in text
        await rig.press("p")
        assert "by hour of the day, JST" in rig.text()
        await rig.press("p")
        assert "product-" in rig.text()
        assert "\x1b" not in rig.text()
        assert "␛" not in rig.text()
        await rig.press("escape")
        assert rig.pilot.app.screen is rig.board


async def test_enter_lists_what_a_number_counts_and_then_its_record(tmp_path: Path) -> None:
    rig, year = world(tmp_path)
    async with on_screen(rig, (120, 40)):
        screen = await opened(rig)
        since = rig.clock.now() - 30 * DAY
        for number, true in {
            "pages": sum(p.pages for p in year.problems if p.began >= since),
            "never": sum(p.acknowledged_at is None and p.over for p in year.problems if p.began >= since),
            "rollbacks": sum(d.rollback or d.within for d in year.deploys if d.started >= since),
            "change_fail_rate": sum(d.failed for d in year.deploys if d.started >= since),
        }.items():
            screen.table.move_to(number)
            await rig.press("enter")
            await rig.settle()
            counted = rig.pilot.app.screen
            assert isinstance(counted, CountedScreen)
            assert len(counted._found) == true, number
            assert all(isinstance(d, PastDeploy) for d in counted._found) == (
                number in ("rollbacks", "change_fail_rate")
            )
            if number == "never":
                title = counted._found[0].title  # type: ignore[union-attr]
                await rig.press("enter")
                await rig.settle()
                record = rig.pilot.app.screen
                assert isinstance(record, RecordScreen)
                assert record.scope.title == title
                await rig.press("escape")
            await rig.press("escape")


async def test_a_period_is_picked_and_the_numbers_are_its(tmp_path: Path) -> None:
    rig, year = world(tmp_path)
    async with on_screen(rig, (120, 40)):
        screen = await opened(rig)
        await rig.press("s")
        await rig.settle()
        assert "last 90 days" in rig.text()
        assert screen._read is not None
        assert screen._read.statistics.now.pages == sum(p.pages for p in year.problems)


async def test_what_is_not_known_is_said_and_no_plot_is_drawn_of_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prom"))
    async with on_screen(rig, (80, 24)):
        screen = await opened(rig)
        assert "not known" in rig.text()
        assert "nothing fired in this time" in rig.text()
        screen.table.move_to("lead_time")
        await rig.press("enter")
        assert "neither when a change was committed" in rig.text()


async def test_no_size_ends_it(tmp_path: Path) -> None:
    rig, _ = world(tmp_path, days=2)
    async with on_screen(rig, (80, 24)):
        screen = await opened(rig)
        for size in ((1, 1), (20, 5), (300, 2), (200, 60)):
            await rig.pilot.resize_terminal(*size)
            await rig.pilot.pause()
            assert rig.pilot.app.screen is screen


def test_a_plot_has_room_for_what_it_says() -> None:
    bars = Plot(title="t", labels=tuple(f"{h:02}" for h in range(24)), counts=tuple(range(24)), pages=(1,) * 24)
    for cells, height in ((40, 6), (80, 12), (160, 30)):
        lines = drawn(bars, cells, height)
        assert 0 < len(lines) <= height
        assert max(map(len, lines)) <= cells
    assert drawn(bars, 80, 3) == []
    names = Plot(title="t", labels=("api", "\x1b[31mweb"), counts=(3, 12), sideways=True)
    api, web = drawn(names, 60, 10)
    assert api.startswith("api")
    assert "\x1b" not in web
    assert web.endswith(" 12")


def test_plotext_is_not_imported_with_the_board() -> None:
    code = "import sys; from oncall_tui.tui.board import BoardScreen; from oncall_tui.tui.controllers import openers"
    done = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('plotext' in sys.modules)"], check=False)
    assert done.returncode == 0
