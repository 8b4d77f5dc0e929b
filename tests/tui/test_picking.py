"""The verbs on alerts that want something picked or typed first, and the words of their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, FakeProvider
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.plan import Choice
from oncall_tui.errors import Refused
from oncall_tui.tui.commands import BY_ID
from oncall_tui.tui.presenters.row_builder import STATE_CELLS
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Form
from oncall_tui.tui.widgets.table.rows import fitting

PAGER = frozenset({Verb.ACKNOWLEDGE, Verb.ESCALATE, Verb.RESOLVE, Verb.SNOOZE, Verb.REASSIGN, Verb.MERGE})


def pager(folder: Path, **fields: Any) -> Rig:
    rig = Rig(folder, Able("pager"))
    rig.provider.add("i", **{"verbs": PAGER, "title": "5xx", **fields})
    return rig


def handler(rig: Rig, verb: Verb) -> Any:
    return rig.provider.handlers()[verb]


def offers(rig: Rig) -> dict[str, Any]:
    return {title: call for title, _, call in rig.board.actions.without_keys(rig.board.session.row())}


async def test_s_snoozes_what_cannot_be_silenced(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path)) as rig:
        assert rig.board.actions.offers.offered(BY_ID["silence"], rig.board.session.row())
        await rig.pilot.press("S")
        assert isinstance(await rig.modal(), Form)
        assert "Snooze: 5xx" in rig.text()
        await rig.pilot.press(*"lunch", "enter")
        assert isinstance(await rig.modal(), ConfirmPlan)
        (ask,) = handler(rig, Verb.SNOOZE).asked
        assert (ask.verb, ask.for_s, ask.reason) == (Verb.SNOOZE, 3600.0, "lunch")
        assert handler(rig, Verb.SILENCE).asked == []


async def test_s_still_silences_what_can_be_silenced(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path, verbs=PAGER | {Verb.SILENCE})) as rig:
        await rig.pilot.press("S")
        await rig.modal()
        assert "Silence: 5xx" in rig.text()


async def test_marked_rows_that_can_only_be_snoozed_are_snoozed_together(tmp_path: Path) -> None:
    rig = pager(tmp_path, began=2.0)
    rig.provider.add("j", verbs=PAGER, began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("space", "j", "space")
        await rig.pilot.press("S")
        await rig.modal()
        assert "Snooze: 2 rows" in rig.text()
        await rig.pilot.press(*"lunch", "enter")
        await rig.modal()
        assert "snooze 2 of 2 rows" in rig.text()


async def test_the_palette_has_what_the_row_can_do(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path)) as rig:
        assert list(offers(rig)) == ["resolve 5xx", "snooze 5xx", "reassign 5xx", "merge 5xx"]
        rig.provider.add("i", verbs=frozenset({Verb.ACKNOWLEDGE}))
        rig.refresh()
        assert offers(rig) == {}


async def test_resolve_asks_first(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path)) as rig:
        offers(rig)["resolve 5xx"]()
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert handler(rig, Verb.RESOLVE).sent == []
        await rig.press("y")
        assert len(handler(rig, Verb.RESOLVE).sent) == 1


@pytest.mark.parametrize(
    ("verb", "title", "asks_why"), [(Verb.REASSIGN, "reassign 5xx", True), (Verb.MERGE, "merge 5xx", False)]
)
async def test_whom_or_what_is_picked(tmp_path: Path, verb: Verb, title: str, asks_why: bool) -> None:
    async with on_screen(pager(tmp_path)) as rig:
        handler(rig, verb).picks = (Choice("bob", "Bob", "on call"), Choice("carol", "Carol", warning="asleep"))
        offers(rig)[title]()
        assert isinstance(await rig.modal(), ChoiceDialog)
        await rig.settle()
        assert "! asleep" in rig.text()
        await rig.pilot.press("j", "enter")
        if asks_why:
            assert isinstance(await rig.modal(), Form)
            await rig.pilot.press("enter")
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert handler(rig, verb).asked[0].choice == "carol"


async def test_where_there_is_no_level_above_it_says_who_has_it(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path, assigned=("Alice", "Bob"))) as rig:
        handler(rig, Verb.ESCALATE).picks = ()
        await rig.pilot.press("E")
        await rig.modal()
        await rig.settle()
        assert "There is no level above this one: Alice, Bob has it." in rig.text()
        await rig.press("enter", "escape")
        assert rig.pilot.app.screen is rig.board
        assert handler(rig, Verb.ESCALATE).asked == []


async def test_levels_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    async with on_screen(pager(tmp_path)) as rig:
        handler(rig, Verb.ESCALATE).picks = Refused("it is resolved", "nothing is left to do")
        await rig.pilot.press("E")
        await rig.modal()
        await rig.settle()
        assert "refused: it is resolved" in rig.text()
        assert "→ nothing is left to do" in rig.text()


@pytest.mark.parametrize(
    ("fields", "cell"),
    [
        ({"state": AlertState.SILENCED, "by": ("alice",), "until": 51 * 60.0 + 5}, "silenced alice 51m left"),
        ({"state": AlertState.SILENCED, "by": ("christopher",), "until": 51 * 60.0 + 5}, "silenced chris… 51m left"),
        ({"state": AlertState.ACKNOWLEDGED, "by": ("bob@example.com",), "until": 600.0 + 5}, "ack bob 10m left"),
        ({"state": AlertState.ACKNOWLEDGED, "by": ("a-very-long-name-indeed",)}, "ack a-very-long-name-in…"),
        ({"state": AlertState.INHIBITED}, "inhibited"),
    ],
)
async def test_a_state_is_cut_where_it_can_be(tmp_path: Path, fields: dict[str, Any], cell: str) -> None:
    rig = Rig(tmp_path)
    if "until" in fields:
        fields = {**fields, "until": rig.clock.now() + fields["until"]}
    rig.provider.add("a", **fields, title="a title that leaves no cell for others " * 3)
    async with on_screen(rig, (80, 24)) as rig:
        (row,) = rig.board.session.tables["alerts"].rows
        assert fitting(row.cells[6], STATE_CELLS)[0] == cell
        assert len(cell) <= STATE_CELLS
        assert cell in rig.text()


async def test_a_key_that_no_row_has_is_said(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider())
    rig.provider.add("a", labels=(("Env", "prod"),))
    async with on_screen(rig) as rig:
        await rig.press("slash", *"foo:bar")
        assert "no row has the key 'foo': It is one of account, by" in rig.text()
        assert len(rig.board.session.tables["alerts"].rows) == 1
        await rig.press("enter")
        assert "no row has the key 'foo': It is one of account, by" in rig.text()
        assert len(rig.board.session.tables["alerts"].rows) == 1
        await rig.press("escape", "escape")
        await rig.press("slash", *"Env:prod", "enter")
        assert "no row has" not in rig.text()
        assert len(rig.board.session.tables["alerts"].rows) == 1
