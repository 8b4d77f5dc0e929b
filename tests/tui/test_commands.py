"""The one table of commands: each of its entries works on each screen that has it, and no key has two meanings."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.parsed import parsed
from tests.support.screen import Rig, on_screen
from textual.binding import Binding
from textual.screen import Screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.board import BoardScreen
from oncall_tui.tui.commands import BY_ID, BY_VERB, COMMANDS, MOVES, by_group, configure, of, own, shared
from oncall_tui.tui.key_names import TAKEN
from oncall_tui.tui.screens.detail.screen import DetailScreen
from oncall_tui.tui.screens.handover import HandoverView
from oncall_tui.tui.screens.logs.screen import LogScreen
from oncall_tui.tui.screens.logs.view import LogView
from oncall_tui.tui.screens.record.follow_ups import FollowUpScreen
from oncall_tui.tui.screens.record.incidents import IncidentScreen
from oncall_tui.tui.screens.record.quiet import QuietScreen
from oncall_tui.tui.screens.record.record import RecordScreen
from oncall_tui.tui.screens.statistics.counted import CountedScreen
from oncall_tui.tui.screens.statistics.screen import StatisticsScreen
from oncall_tui.tui.session import RowRef
from oncall_tui.tui.widgets.table.table import Table
from oncall_tui.tui.widgets.text_lines import Lines

SOURCE = Path(__file__).parents[2] / "src" / "oncall_tui" / "tui"
SCREENS: dict[str, type[Screen]] = {  # type: ignore[type-arg]
    "board": BoardScreen,
    "detail": DetailScreen,
    "log": LogScreen,
    "handover": HandoverView,
    "record": RecordScreen,
    "follow-ups": FollowUpScreen,
    "incidents": IncidentScreen,
    "statistics": StatisticsScreen,
    "counted": CountedScreen,
    "quiet": QuietScreen,
}


LISTS = tuple(f"screens/record/{name}.py" for name in ("list_screen", "record", "follow_ups", "incidents", "quiet"))
LISTS += tuple(f"screens/statistics/{name}.py" for name in ("screen", "counted"))


def bound(kind: type[object]) -> list[Binding]:
    return [one for one in kind.__dict__["BINDINGS"] if isinstance(one, Binding)]


@pytest.mark.parametrize("name", SCREENS)
def test_every_key_of_a_screen_is_of_the_table_and_has_its_action(name: str) -> None:
    kind = SCREENS[name]
    keys = [key for command in of(name) if not command.in_lists for key, _ in command.keys]  # type: ignore[arg-type]
    if name == "detail":
        keys += [command.key for command in of("board") if command.on_detail]
    assert [one.key for one in bound(kind)] == keys
    assert [key for key, times in Counter(keys).items() if times > 1] == []
    for one in bound(kind):
        action = one.action.partition("(")[0]
        owner = OncallApp if action.startswith("app.") else kind
        assert callable(getattr(owner, f"action_{action.removeprefix('app.')}", None)), one


def test_no_screen_of_the_table_has_a_key_beside_it() -> None:
    for file in ("board.py", "screens/detail/screen.py", "screens/logs/screen.py", "screens/handover.py", *LISTS):
        assert "Binding(" not in (SOURCE / file).read_text(), file


@pytest.mark.parametrize("kind", [Table, Lines, LogView])
def test_lists_and_texts_move_by_the_same_keys(kind: type[object]) -> None:
    assert [one.key for one in bound(kind)][: len(MOVES)] == [keys for _, keys, _ in MOVES]
    for one in bound(kind):
        assert callable(getattr(kind, f"action_{one.action.partition('(')[0]}", None)), one


async def test_every_command_for_a_row_has_its_controller(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with on_screen(rig) as rig:
        acting = [one for one in of("board") if one.key and one.call == f"act('{one.id}')" and not one.in_lists]
        by_verb = {one.id for one in acting if one.verb and one.acts_on in ("alert", "deploy")}
        listed = set(rig.board.actions._by_id)
        assert listed <= {one.id for one in acting}
        assert {one.id for one in acting} - by_verb <= listed


def test_no_code_asks_which_command_it_is_by_its_id() -> None:
    """What differs for one command is a field of it, its verb, or an entry of a table: it is seen beside the others."""
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(parsed(path.read_text()))
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Attribute)
        and node.left.attr == "id"
        and getattr(node.left.value, "id", "") in ("command", "one", "listed", "it")
        and {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)} & set(BY_ID)
    ]
    assert found == []


async def test_where_a_command_without_a_verb_is_possible_stands_under_its_id(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a", annotations=(("runbook_url", "https://example.com/a"),))
    rig.provider.add("b")
    async with on_screen(rig) as rig:
        offers = rig.board.actions.offers
        assert all(BY_ID[one].verb is None or BY_ID[one].acts_on == "row" for one in offers._where)
        assert not offers.offered(BY_ID["copy"], RowRef("alerts", None))
        for name in ("a", "b"):
            rig.board.session.tables["alerts"].move_to(f"fake/{name}")
            await rig.settle()
            assert offers.offered(BY_ID["copy"], rig.board.session.row())
            await rig.press("enter")
            shown = rig.pilot.app.screen
            assert isinstance(shown, DetailScreen)
            assert set(shown._where) <= {one.id for one in of("detail")}
            assert ("b", "runbook", name == "a") in shown._items()
            await rig.press("escape", "escape")


def test_ids_are_unique_and_every_verb_has_one_command() -> None:
    assert len(BY_ID) == len(COMMANDS)
    assert len(BY_VERB) == len([command for command in COMMANDS if command.verb])
    for command in of("board"):
        assert bool(command.key) != bool(command.title) or command.group == "move", "a key, or a name in the palette"
        assert not command.title or command.verb


def test_help_of_the_detail_has_every_key_that_it_has() -> None:
    told = [key for key, _ in own("detail")] + [command.label or command.key for command in shared()]
    has = [one for one in COMMANDS if one.screen == "detail" or one.on_detail]
    assert sorted(told) == sorted(command.label or command.key for command in has)


def test_no_configured_key_takes_one_that_the_detail_has_of_its_own() -> None:
    usual = {command.key for command in of("board")}
    for command in of("detail"):
        for key, _ in command.keys:
            assert key in TAKEN or key in usual, key


def test_a_line_of_help_has_a_key_and_words() -> None:
    for key, what in [*own("log"), *own("detail"), *(pair for keys in by_group().values() for pair in keys)]:
        assert key.strip()
        assert what.strip()


OTHER = {"ack": "f5", "rollback": "f6", "back": "f7", "alerts": "f8", "commands": "f9"}


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_every_line_of_the_screen_names_the_configured_keys(tmp_path: Path, size: tuple[int, int]) -> None:
    configure(OTHER)
    try:
        rig = Rig(tmp_path, Able("prod"))
        rig.provider.services["prod/main/api"] = service("prod/main/api", deploy_id="prod/d")
        rig.provider.deploys["prod/d"] = deploy("prod/d", started=rig.clock.now() - 300, verbs=frozenset(Verb))
        rig.provider.add("a", title="5xx", hint=ServiceHint(service="api"), began=rig.clock.now() - 120)
        async with on_screen(rig, size) as rig:
            await rig.press("f")
            text = rig.text()
            assert "f5 ack" in text
            assert "f6 roll back" in text
            assert "f7 shows all" in text
            assert ("f6 rolls it back" in text) == (size[0] > 80)
            assert ("f8 ALERTS" in text) == (size[0] == 80), "the tabs stand where one pane is shown at a time"
            await rig.press("enter")
            assert "f6  " in rig.text(), "the detail says what the key does"
            help_ = {key: what for keys in by_group().values() for key, what in keys}
            assert "f9 restart" in help_
    finally:
        configure({})
