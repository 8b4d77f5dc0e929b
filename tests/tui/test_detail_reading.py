"""The Detail screen's readings, headless: what it asks for and when, and what it says of a part that fails."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest
from tests.support.detail import change, everything, opened, provider_of, world
from tests.support.inside import task
from tests.support.screen import on_screen

from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.errors import Denied, Offline, Throttled
from oncall_tui.tui.screens.detail.parts import _joined
from oncall_tui.tui.screens.detail.screen import DetailScreen

KINDS = ("inspect", "measure", "timeline")


async def test_it_is_read_once_and_not_again_while_nothing_changed(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        once = [provider_of(rig).calls(kind) for kind in KINDS]
        assert once[:2] == [1, 1]
        assert ("measure", ("alarm: HTTPCode_Target_5XX_Count", "cpu %")) in provider_of(rig).asked  # one call for all
        for _ in range(12):
            rig.clock.advance(30)
            rig.refresh()
            rig.pilot.app.screen.draw()
            await rig.settle()
        assert [provider_of(rig).calls(kind) for kind in KINDS] == once
        assert "as of 17:00, 6m ago" in await everything(rig)


async def test_it_is_read_again_where_the_thing_itself_changed_and_by_the_key(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        rig.clock.advance(60)
        change(rig, running=1, pending=1)
        rig.refresh()
        await rig.settle()
        assert (provider_of(rig).calls("inspect"), provider_of(rig).calls("measure")) == (2, 2)
        rig.clock.advance(60)
        rig.provider.deploys["prod/d1"] = msgspec.structs.replace(rig.provider.deploys["prod/d1"], failed_tasks=3)
        rig.refresh()
        await rig.settle()
        assert provider_of(rig).calls("inspect") == 3
        rig.clock.advance(60)
        rig.provider.add("a", title="5xx rate 12%", hint=ServiceHint(service="api"), state=AlertState.ACKNOWLEDGED)
        rig.refresh()
        await rig.settle()
        assert (provider_of(rig).calls("inspect"), provider_of(rig).calls("timeline")) == (3, 4 * 3)  # no task moved
        rig.clock.advance(60)
        await rig.press("r")
        assert provider_of(rig).calls("inspect") == 4


async def test_a_storm_of_changes_is_at_most_one_reading_in_three_seconds(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        for number in range(30):  # a change every half second, for 15 seconds
            rig.clock.advance(0.5)
            change(rig, pending=number)
            rig.refresh()
            await rig.settle()
        assert 4 <= provider_of(rig).calls("inspect") <= 6


async def test_it_waits_for_what_was_put_off_once_however_often_the_board_is_newer(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        screen = await opened(rig)
        change(rig, pending=7)
        rig.refresh()
        await rig.settle()
        change(rig, pending=8)  # within three seconds: read later
        rig.refresh()
        await rig.settle()
        assert screen.parts.wait() is not None
        for _ in range(40):
            screen.follow()
        await rig.pilot.pause()
        assert (
            sum(timer._task is not None for timer in screen._timers) <= 4
        )  # Textual's own, the clock's, one that comes back


async def test_nothing_is_asked_after_it_closed_and_what_was_pending_is_dropped(tmp_path: Path) -> None:
    rig = world(tmp_path)
    hold, reached = threading.Event(), threading.Event()
    async with on_screen(rig):
        provider, read = provider_of(rig), provider_of(rig).inspect

        def slow(service_id: str) -> ServiceDetail:
            reached.set()
            hold.wait(5)
            return read(service_id)

        provider.inspect = slow  # type: ignore[method-assign]
        await rig.pilot.press("enter")
        await rig.pilot.pause()
        screen = rig.pilot.app.screen
        assert isinstance(screen, DetailScreen)
        assert reached.wait(5)
        assert "reading…" in rig.text()
        await rig.pilot.press("escape")
        await rig.pilot.pause()
        hold.set()
        await rig.settle()
        assert rig.pilot.app.screen is rig.board
        assert screen.parts.inside.value is None
        asked = len(provider.asked)
        rig.clock.advance(60)
        change(rig, running=0)
        rig.refresh()
        await rig.settle()
        assert len(provider.asked) == asked


async def test_a_part_that_fails_says_why_and_what_to_do_and_the_others_stay(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        provider_of(rig).raises = {"inspect": [Denied("ecs:ListTasks is denied", "allow ecs:ListTasks")]}
        await opened(rig)
        text = await everything(rig)
        assert "could not be read: ecs:ListTasks is denied" in text
        assert "→ allow ecs:ListTasks" in text
        assert "cpu %" in text
        assert "no task" not in text
        assert "its targets are not read yet" not in text or "2 alerts of it fire" in text


async def test_tasks_that_hang_hold_up_neither_metrics_nor_the_timeline(tmp_path: Path) -> None:
    rig = world(tmp_path)
    hold = threading.Event()
    async with on_screen(rig):
        provider, read = provider_of(rig), provider_of(rig).inspect
        provider.inspect = lambda service_id: hold.wait(10) and read(service_id)  # type: ignore[method-assign]
        await rig.pilot.press("enter")
        for _ in range(40):
            await rig.pilot.pause(0.05)
            text = rig.text()
            screen = rig.pilot.app.screen
            if isinstance(screen, DetailScreen) and screen.parts.told.value and screen.parts.metrics.value:
                break
        assert "tasks     reading…" in text
        assert isinstance(screen, DetailScreen)
        assert screen.parts.inside.value is None
        assert screen.parts.metrics.value is not None
        assert screen.parts.told.value is not None
        hold.set()


async def test_old_data_is_marked_where_the_next_reading_fails(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        provider_of(rig).raises = {"inspect": [Throttled("too many calls")], "measure": [Offline("refused")]}
        rig.clock.advance(300)
        await rig.press("r")
        text = await everything(rig)
        assert "could not be read: too many calls" in text
        assert "below is what was read 17:00, 5m ago: not known to be so now" in text
        assert "2 running" in text


async def test_what_could_not_be_read_is_read_again_once_its_source_is_back(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        provider_of(rig).raises = {"inspect": [Offline("refused")]}
        rig.provider.read_raises = [Offline("refused")]
        await opened(rig)
        rig.refresh()
        rig.clock.advance(60)
        await rig.settle()
        assert provider_of(rig).calls("inspect") == 1  # no change, and no clock
        rig.refresh()  # the source answers again
        await rig.settle()
        assert (provider_of(rig).calls("inspect"), provider_of(rig).calls("measure")) == (2, 1)
        rig.provider.read_raises = [Offline("refused")]
        for _ in range(2):
            rig.clock.advance(60)
            rig.refresh()
            await rig.settle()
        assert provider_of(rig).calls("inspect") == 2  # nothing of it is missing


async def test_problems_of_a_part_of_the_inside_do_not_hide_the_rest(tmp_path: Path) -> None:
    rig = world(tmp_path)
    provider_of(rig).within = ServiceDetail(
        service_id="prod/main/api",
        at=0.0,
        tasks=(task(1), task(2)),
        problems=(PartialFailure(SourceState.DENIED, "targets", "DescribeTargetHealth is denied", "allow it"),),
    )
    rig.provider.alerts.clear()
    async with on_screen(rig):
        await rig.press("2")
        await opened(rig)
        text = rig.text()
        assert "targets could not be read: DescribeTargetHealth is denied" in text
        assert "not all of it could be read" in text
        assert "2 running" in text
        lost = PartialFailure(SourceState.DENIED, "running tasks", "ListTasks is denied", "allow it")
        provider_of(rig).within = ServiceDetail(service_id="prod/main/api", at=0.0, problems=(lost,))
        rig.clock.advance(10)
        await rig.press("r")
        assert "tasks     not known" in rig.text()
        assert "none, nor any" not in rig.text()
        assert "no task runs" not in rig.text()


async def test_a_rolled_back_deploy_is_no_more_the_same_and_is_read_again(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await rig.press("3")
        await opened(rig)
        rig.clock.advance(30)
        rig.provider.deploys["prod/d1"] = msgspec.structs.replace(
            rig.provider.deploys["prod/d1"], state=DeployState.ROLLED_BACK, finished=1_800_000_000.0
        )
        rig.refresh()
        await rig.settle()
        assert provider_of(rig).calls("inspect") == 2
        assert "rolled back" in rig.text()


async def test_under_the_log_nothing_is_read_and_back_from_it_what_changed_is(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        await rig.pilot.press("l")
        await rig.pilot.pause()
        assert not isinstance(rig.pilot.app.screen, DetailScreen)
        rig.clock.advance(60)
        change(rig, running=1)
        rig.refresh()
        await rig.settle()
        assert provider_of(rig).calls("measure") == 1
        await rig.pilot.press("escape")
        await rig.settle()
        assert isinstance(rig.pilot.app.screen, DetailScreen)
        assert provider_of(rig).calls("measure") == 2


def test_an_answer_that_comes_after_the_screen_was_closed_is_dropped_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parts: list[Future[int]] = [Future(), Future()]
    whole = _joined(parts, sum)
    assert whole.cancel()
    for part in parts:
        part.set_result(1)
    assert whole.cancelled()
    assert caplog.text == ""
    parts = [Future(), Future()]
    whole = _joined(parts, sum)
    for part in parts:
        part.set_result(1)
    assert whole.result(0) == 2
