"""The key bar says what its keys do, to which rows; and every key gives one reason why it does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.screens.detail.screen import NO_RUNBOOK, DetailScreen
from oncall_tui.tui.widgets.footer import KeyBar

SIZES = [(80, 24), (120, 40)]


def bar(rig: Rig) -> str:
    """The last line of the screen."""
    return rig.text().splitlines()[-1]


def every_item(rig: Rig) -> list[str]:
    screen = rig.pilot.app.screen
    return [f"{key} {word}" for key, word, can in screen.query_one("#keys", KeyBar)._items if can]


def night(folder: Path) -> Rig:
    """Rows a, b and c that can do everything, *local* that is only marked as seen here, *pager* that is snoozed."""
    dog = Able("dog")
    del dog.all[Verb.ACKNOWLEDGE]
    rig = Rig(folder, Able("prod"), dog)
    for number, name in enumerate("abc"):
        rig.provider.add(name, began=1000.0 - number)
    dog.add("local", began=900.0, provider="datadog", verbs=frozenset({Verb.NOTE}))
    rig.provider.add("pager", began=800.0, verbs=frozenset({Verb.SNOOZE}), provider="pagerduty")
    return rig


def row_id(name: str) -> str:
    return f"{'dog' if name == 'local' else 'prod'}/{name}"


async def mark(rig: Rig, *names: str) -> None:
    table = rig.board.session.tables["alerts"]
    for name in names:
        assert table.move_to(row_id(name))
        await rig.press("space")


@pytest.mark.parametrize("size", SIZES)
async def test_with_marks_each_key_says_how_many_rows_it_is_for(tmp_path: Path, size: tuple[int, int]) -> None:
    async with on_screen(night(tmp_path), size) as rig:
        await mark(rig, "a", "b", "c")
        for row in ("a", "local", "pager"):
            rig.board.session.tables["alerts"].move_to(row_id(row))
            await rig.settle()
            for words in ("a ack 3 rows", "S silence 3 rows", "n note 3 rows"):
                assert words in bar(rig)
        assert "E escalate" not in bar(rig)  # the pager's row under the cursor cannot
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.settle()
        assert "E escalate title of a" in every_item(rig)  # no mark is for it
        await mark(rig, "b", "c")
        assert "a ack 1 row" in every_item(rig)


async def test_the_bar_follows_a_mark_at_once(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.pilot.press("space")
        await rig.pilot.pause()
        assert "a ack 1 row " in bar(rig)


async def test_marks_say_what_is_really_done(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path)) as rig:
        await mark(rig, "local")
        assert "a mark seen 1 row" in every_item(rig)
        await mark(rig, "a")
        assert "a ack/mark seen 2 rows" in every_item(rig)
        await mark(rig, "local", "a", "pager")
        said = every_item(rig)
        assert "S snooze 1 row" in said
        assert not [words for words in said if words.startswith(("a ", "n "))]  # it can do neither


async def test_the_palette_names_the_marked_rows(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path)) as rig:
        await mark(rig, "a", "b")
        offers, row = rig.board.actions.offers, rig.board.session.row()
        assert [offers.title(BY_ID[key], row) for key in ("ack", "silence", "note")] == ["2 rows"] * 3
        assert offers.title(BY_ID["escalate"], row) == "title of b"


# --- the detail ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_detail_says_what_a_does_to_its_row(tmp_path: Path, size: tuple[int, int]) -> None:
    async with on_screen(night(tmp_path), size) as rig:
        for name, words in (("a", "a ack "), ("local", "a mark seen "), ("pager", "")):
            rig.board.session.tables["alerts"].move_to(row_id(name))
            await rig.press("enter")
            assert isinstance(rig.pilot.app.screen, DetailScreen)
            assert words in bar(rig)
            assert words or " a " not in bar(rig)
            assert "runbook" not in bar(rig)
            await rig.press("b")
            assert NO_RUNBOOK in rig.text()
            await rig.press("escape", "escape")
        assert rig.pilot.app.screen is rig.board


async def test_after_an_acknowledgement_u_stands_in_the_place_of_a(tmp_path: Path) -> None:
    rig = night(tmp_path)
    rig.provider.add("a", state=AlertState.ACKNOWLEDGED, by=("Alice",), verbs=frozenset({Verb.UNACKNOWLEDGE}))
    async with on_screen(rig, (80, 24)) as rig:
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.settle()
        assert "u unack title of a" in every_item(rig)
        assert not [words for words in every_item(rig) if words.startswith("a ")]
        await rig.press("enter")
        assert every_item(rig)[0] == "u unack"


@pytest.mark.parametrize("size", SIZES)
async def test_a_log_and_a_shell_are_offered_where_the_service_is_known(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/api"] = service("prod/main/api")
    rig.provider.deploys["prod/d"] = deploy("prod/d", "prod/main/api", started=rig.clock.now() - 300)
    rig.provider.add("with", began=1000.0, hint=ServiceHint(service="api"))
    rig.provider.add("without", began=900.0)
    async with on_screen(rig, size):
        offers = rig.board.actions.offers
        for pane, name, can in (("1", "prod/with", 1), ("1", "prod/without", 0), ("2", "", 1), ("3", "", 1)):
            await rig.press(pane)
            if name:
                rig.board.session.tables["alerts"].move_to(name)
            await rig.settle()
            row = rig.board.session.row()
            assert ("l logs" in every_item(rig)) == can, (pane, name)
            assert [offers.offered(BY_ID[key], row) for key in ("logs", "shell")] == [can, can]
            await rig.press("enter")
            assert isinstance(rig.pilot.app.screen, DetailScreen)
            assert [item for item in every_item(rig) if item in ("l logs", "s shell")] == ["l logs", "s shell"] * can
            await rig.press("escape")


# --- one reason ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["a", *(pytest.param(key, marks=pytest.mark.everything) for key in "Sn")])
async def test_a_marked_row_gives_the_reason_that_it_gives_alone(tmp_path: Path, key: str) -> None:
    rig = Rig(tmp_path, Able("prod"))
    for number, state in enumerate(AlertState):
        for provider in ("pagerduty", "datadog", "alertmanager"):
            name = f"{provider}-{number}"
            rig.provider.add(name, state=state, provider=provider, verbs=frozenset(), by=("Bob",), began=1000.0)
    async with on_screen(rig, (120, 40)) as rig:
        session = rig.board.session
        for name in list(rig.provider.alerts):
            if session.drawn(name) is None:
                continue  # hidden
            session.tables["alerts"].move_to(name)
            await rig.press(key)
            alone = session.notice[0] if session.notice else ""
            assert alone, name
            session.tables["alerts"].toggle_mark()
            await rig.pilot.press(key)
            await rig.settle()
            assert rig.pilot.app.screen is rig.board  # nothing is filled in, or confirmed, for nothing
            assert session.notice is not None
            assert session.notice[0].endswith(f": {alone}"), (name, alone, session.notice)
            session.tables["alerts"].clear_marks()
            await rig.settle()
