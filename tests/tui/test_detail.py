"""The Detail screen by keys, headless: what it says, and that it acts on its row alone."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from tests.support.detail import change, everything, opened, provider_of, world
from tests.support.fakes import FakeProvider
from tests.support.inside import stopped, target, task
from tests.support.screen import comes, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint, Severity
from oncall_tui.errors import Offline
from oncall_tui.tui.screens.detail.screen import DetailScreen
from oncall_tui.tui.screens.dialogs.modals import Text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_alert_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = world(tmp_path)
    provider_of(rig).within = msgspec.structs.replace(
        provider_of(rig).within,
        tasks=(task(1), task(2), stopped(3), stopped(4)),
        targets=(target(1), target(2, "unhealthy", "Target.FailedHealthChecks")),
    )
    async with on_screen(rig, size):
        await opened(rig)
        first = rig.text()
        assert "ALERT  prod/api  5xx rate 12%" in first
        assert "1 alert 2 suspect 3 service 4 metrics 5 timeline 6 memory" in first
        assert "rolls back prod/main/api: :42→:41; shows the plan first, and asks" in first
        text = await everything(rig)
        for words in (
            "2 tasks stopped: exit 137 OutOfMemoryError",
            "image api:v41 → api:v42",
            "all 2 tasks run, BUT 2 tasks stopped within the hour, 1 of 2 targets",
            "2× :42 exit 137 · OutOfMemoryError",
            "10.0.1.2:8080 unhealthy Target.FailedHealthChecks",
            "threshold > 20: crossed 16:44",
            "A  16:43 the alert began",
            "D  16:40 deploy :41→:42 started",
            "2× task :42 stopped: exit 137 · OutOfMemoryError",
            "queue depth · firing",
            "k=v",
        ):
            assert words in text, words
        for strip in rig.pilot.app.screen._compositor.render_strips():
            assert strip.cell_length == size[0]


async def test_the_service_and_the_deploy_rows_have_screens_too(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, (120, 40)):
        await rig.press("2")
        await opened(rig)
        assert "SERVICE  prod/main/api" in rig.text()
        assert "1 service 2 deploy 3 metrics 4 alerts 5 timeline" in rig.text()
        await rig.press("escape", "3")
        await opened(rig)
        assert "DEPLOY  prod/main/api :41→:42" in rig.text()
        assert "1 deploy 2 service" in rig.text()


@pytest.mark.parametrize("pane", ["1", "2", "3"])
async def test_the_title_marks_a_state_that_is_not_known_now_as_the_board_does(tmp_path: Path, pane: str) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, (120, 40)):
        rig.provider.read_raises = [Offline("refused") for _ in range(9)]
        rig.clock.advance(60)
        rig.refresh()
        await rig.settle()
        await rig.press(pane)
        await opened(rig)
        title = rig.text().splitlines()[1]
        assert re.search(r"  \? (firing|healthy|in progress)$", title.rstrip()), title


async def test_a_row_that_became_a_part_of_another_says_so_and_takes_no_key(tmp_path: Path) -> None:
    alarms, pager = FakeProvider("alarms"), FakeProvider("pager")
    rig = world(tmp_path, alarms, pager)
    rig.provider.alerts.clear()
    alarms.add("x", title="5xx alarm", provider="cloudwatch", keys=("k1",))
    pager.add("P1", title="queue", provider="pagerduty", keys=("k2",))
    async with on_screen(rig):
        await rig.press("g", "j")
        screen = await opened(rig)
        assert screen.row.id == "pager/P1"
        alarms.add("x", title="5xx alarm", provider="cloudwatch", keys=("k1", "k2"))  # now both carry the same key
        for _ in range(2):
            rig.refresh()
            await rig.settle()
        assert rig.engine.update.triaged.find("pager/P1").id == "alarms/x"  # type: ignore[union-attr]
        assert "the same problem as another row now" in rig.text()
        await rig.press("a")
        assert alarms.acknowledge.sent == pager.acknowledge.sent == []
        assert "resolved" not in rig.text()


async def test_its_row_moves_on_the_board_and_the_keys_stay_with_it(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await opened(rig)
        for number in range(5):  # worse and newer: above it by rank
            rig.provider.add(f"new{number}", severity=Severity.CRITICAL, began=1_799_999_990.0 + number)
        rig.refresh()
        await rig.settle()
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/a"]
        assert "acknowledged" in rig.text()
        assert isinstance(rig.pilot.app.screen, DetailScreen)


async def test_marked_rows_of_the_board_are_not_meant_here(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await rig.press("j", "space", "k")
        await opened(rig)
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/a"]


async def test_a_row_that_vanished_takes_no_key_and_the_screen_says_so(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await rig.press("2")
        await opened(rig)
        del rig.provider.services["prod/main/api"]
        rig.refresh()
        await rig.settle()
        assert "not on the board any more" in rig.text()
        await rig.press("R")
        assert isinstance(rig.pilot.app.screen, DetailScreen)
        assert rig.provider.handlers()[Verb.ROLL_BACK].asked == []
        assert "no action is possible" in rig.text()


async def test_R_asks_over_it_and_the_outcome_is_seen_on_it(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        rig.provider.deploys["prod/d1"] = msgspec.structs.replace(
            rig.provider.deploys["prod/d1"], verbs=frozenset({Verb.ROLL_BACK})
        )
        rig.refresh()
        await opened(rig)
        await rig.pilot.press("R")
        await rig.modal()
        await rig.press("y")
        await rig.settle()
        assert [p.target for p in rig.provider.handlers()[Verb.ROLL_BACK].sent] == ["prod/d1"]
        assert isinstance(rig.pilot.app.screen, DetailScreen)
        assert "rolling back from :42 to :41 3/4" in rig.text()


async def test_keys_typed_while_a_question_is_prepared_are_dropped(tmp_path: Path) -> None:
    from oncall_tui.config import Config
    from oncall_tui.tui.app import OncallApp

    rig = world(tmp_path)
    app = OncallApp(rig.engine, Config())
    async with app.run_test(size=(120, 40)) as pilot:
        rig.pilot, rig.board = pilot, app.board
        await pilot.pause()
        rig.refresh()
        await pilot.pause()
        await opened(rig)
        app.board.dialogs._asking.add(99)
        await pilot.press("a", "b", "E")
        await rig.settle()
        assert rig.provider.acknowledge.sent == []
        app.board.dialogs._asking.clear()
        await rig.press("a")
        assert rig.provider.acknowledge.sent == [], "typed on, it is the same word"
        rig.clock.advance(0.8)
        await rig.press("a")
        assert len(rig.provider.acknowledge.sent) == 1
    rig.engine.stop()


async def test_the_palette_offers_what_has_no_key_for_this_row_alone(tmp_path: Path) -> None:
    from oncall_tui.config import Config
    from oncall_tui.tui.app import OncallApp

    rig = world(tmp_path)
    app = OncallApp(rig.engine, Config())
    async with app.run_test(size=(120, 40)) as pilot:
        rig.pilot, rig.board = pilot, app.board
        await pilot.pause()
        services = rig.provider.services
        services["prod/main/api"] = msgspec.structs.replace(services["prod/main/api"], verbs=frozenset({Verb.RESTART}))
        rig.refresh()
        await pilot.pause()
        screen = await opened(rig)
        titles = [command.title for command in app.get_system_commands(screen)]
        assert "restart (force a new deploy) prod/main/api" in titles
        assert not any(title.startswith("filter") for title in titles)
        await pilot.press(":")
        await pilot.pause()
        assert app.screen is not screen
        await pilot.press("escape")
        rig.board.session.tables["alerts"].move_to("prod/b")  # whatever moves on the board: it is for this row
        assert [command.title for command in app.get_system_commands(screen)] == titles
        rig.provider.alerts.pop("prod/a")
        rig.refresh()
        await comes(lambda: not list(app.get_system_commands(screen)), rig.settle)
    rig.engine.stop()


async def test_numbers_and_tab_go_to_sections_and_help_says_so(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, (80, 24)):
        await opened(rig)
        await rig.press("3")
        assert rig.text().splitlines()[3].startswith("━ 3 service")
        await rig.press("tab")
        assert rig.text().splitlines()[3].startswith("━ 4 metrics")
        await rig.press("shift+tab")
        assert rig.text().splitlines()[3].startswith("━ 3 service")
        await rig.press("question_mark")
        assert isinstance(rig.pilot.app.screen, Text)
        assert "to that section" in rig.text()


async def test_the_runbook_is_read_by_its_key_alone_and_is_text(tmp_path: Path) -> None:
    rig = world(tmp_path, runbook="pay.md")
    hint = ServiceHint(service="api")
    rig.provider.add("a", title="5xx", hint=hint, annotations=(("runbook_url", "http://169.254.169.254/latest"),))
    book = "# Restart\n\n1. Call `#team`\n\n[red]no markup[/] \x1b[2J " + "long " * 60
    (tmp_path / "pay.md").write_text(book)
    rig.board.session.runbook_folders = (tmp_path,)
    async with on_screen(rig, (80, 24)):
        await opened(rig)
        assert "runbook" not in rig.engine.on_demand._queues
        await rig.pilot.press("b")
        await rig.settle()
        text = await everything(rig)
        assert "pay.md  (product payments)" in text
        assert "1. Call `#team`" in text
        assert "[red]no markup[/]" in text
        assert "\x1b" not in text
        rig.clock.advance(5)
        await rig.pilot.press("b")  # the next one: what the alert names
        await rig.settle()
        text = await everything(rig)
        assert "could not be read: 169.254.169.254 is 169.254.169.254, a link-local address" in " ".join(text.split())
        assert "below is what was read" in text


async def test_what_comes_above_leaves_what_is_read_where_it_is(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, (80, 24)):
        await opened(rig)
        await rig.press("4")
        assert rig.text().splitlines()[3].startswith("━ 4 metrics")
        provider_of(rig).within = msgspec.structs.replace(provider_of(rig).within, tasks=tuple(map(task, range(8))))
        rig.clock.advance(60)
        change(rig, pending=1)
        rig.refresh()
        await rig.settle()
        assert rig.text().splitlines()[3].startswith("━ 4 metrics")


async def test_hostile_texts_are_text(tmp_path: Path) -> None:
    rig = world(tmp_path)
    rig.provider.add(
        "a",
        title="[/prod] \x1b[31mred\x07",
        hint=ServiceHint(service="api"),
        annotations=(("note", "[bold]x\x1b]52;c;eA=="),),
    )
    provider_of(rig).within = msgspec.structs.replace(
        provider_of(rig).within, tasks=(stopped(1, 1, "\x1b[2J[/] gone"),), events=((1.0, "[red]event\x9b"),)
    )
    async with on_screen(rig):
        await opened(rig)
        text = await everything(rig)
        assert "[/prod]" in text
        assert "[bold]x" in text
        assert "[/] gone" in text
        assert not any(sign in text for sign in ("\x1b", "\x07", "\x9b"))


async def test_one_problem_of_three_sources_says_each_state_and_where_a_goes(tmp_path: Path) -> None:
    alarms, pager = FakeProvider("alarms"), FakeProvider("pager")
    alarms.provider, pager.provider = "cloudwatch", "pagerduty"
    rig = world(tmp_path, alarms, pager)
    rig.provider.alerts.clear()
    alarms.add("x", title="5xx alarm", hint=ServiceHint(service="api"), keys=("k1",), provider="cloudwatch")
    pager.add("P1", title="[FIRING] 5xx", keys=("k1",), provider="pagerduty", assigned=("Bob",))
    async with on_screen(rig, (80, 24)):
        await opened(rig)
        text = rig.text()
        assert "alarms    firing" in text
        assert "pager     firing" in text
        assert "goes to pager, which stops the escalation; the other alerts stay as they are" in " ".join(text.split())
        assert "assigned  Bob" in text
        await rig.press("a")
        assert [p.target for p in pager.acknowledge.sent] == ["pager/P1"]
        assert alarms.acknowledge.sent == []


async def test_no_suspect_is_said_and_the_deploy_that_began_later_is_not_one(tmp_path: Path) -> None:
    rig = world(tmp_path)
    began = rig.provider.deploys["prod/d1"].started - 240
    rig.provider.add("a", title="5xx", hint=ServiceHint(service="api"), began=began)
    rig.provider.alerts.pop("prod/b")
    async with on_screen(rig, (80, 24)):
        await opened(rig)
        text = " ".join(re.sub("[▁-█]", " ", rig.text()).split())  # the scrollbar's end
        assert "no suspect: no deploy in the hour before" in text
        assert "deploy :41→:42 of prod/api started 4m after the alert: not the suspect" in text
