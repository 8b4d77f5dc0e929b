"""Guardrails on the board: what a refusal says, how it is overridden, what is left out, and the line of a freeze."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen
from tests.tui.test_shell import API, room
from textual.widgets import Input

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.guardrail import TYPE_NAME, Freeze, Guardrail
from oncall_tui.domain.plan import Confirm
from oncall_tui.providers.base import Receipt
from oncall_tui.tui.screens.detail.screen import DetailScreen
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany, ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Form, RefusalDialog

TOKYO = ZoneInfo("Asia/Tokyo")
SIZES = [(80, 24), (120, 40)]
FREEZE = Freeze(begins="2027-01-14", until="2027-01-18 09:00")  # the test's clock shows 15 January 2027 17:00 JST
WORDS = "freeze until 18 Jan 09:00 JST: year-end sale"


def rule(**fields: Any) -> Guardrail:
    return Guardrail(**{"name": "year-end", "reason": "year-end sale", "freeze": FREEZE, **fields})


def made(folder: Path, *rules: Guardrail) -> Rig:
    rig = Rig(folder, Able("prod"), guardrails=rules, zone=TOKYO)
    rig.provider.services[API] = service(API)
    rig.provider.add("5xx", title="5xx", hint=ServiceHint(service="api"))
    return rig


@pytest.fixture(autouse=True)
def in_tokyo() -> Any:
    from oncall_tui.text import time_format

    was = time_format.configured_zone()
    time_format.set_zone(TOKYO)
    yield
    time_format.set_zone(was)


def inside(rig: Rig, dialog: object, kind: type) -> str:
    """The words of the open dialog, which has to be of this kind, without what stands beside it."""
    assert isinstance(dialog, kind)
    box = rig.pilot.app.screen.query_one(".box").region
    lines = rig.text().split("\n")[box.y : box.bottom]
    return " ".join(" ".join(line[box.x : box.right] for line in lines).replace("│", " ").split())


def deploys(rig: Rig) -> Any:
    """The rollback's handler, which sends and is done."""
    handler = rig.provider.handlers()[Verb.ROLL_BACK]
    handler.check = lambda plan: None  # type: ignore[method-assign]
    handler.send = lambda plan: handler.sent.append(plan) or Receipt()  # type: ignore[method-assign,attr-defined]
    return handler


@pytest.mark.parametrize("size", SIZES)
async def test_a_freeze_stands_on_the_board_and_goes_when_it_is_over(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = made(tmp_path, rule(who=("alice",)), rule(name="done", freeze=Freeze(until="2027-01-01")))
    async with on_screen(rig, size) as rig:
        assert f"! {WORDS}; you may" in rig.text()
        assert "done" not in rig.text()
        rig.clock.advance(4 * 86_400)
        rig.refresh()
        await rig.settle()
        assert "freeze" not in rig.text()


async def test_the_detail_of_a_row_says_what_holds_for_it(tmp_path: Path) -> None:
    rig = made(tmp_path, rule(services=(API,), actions=("roll back",)), rule(name="else", services=("x/y/z",)))
    async with on_screen(rig, (120, 40)) as rig:
        assert " guardrail roll back: year-end: year-end sale (freeze until 18 Jan 09:00 JST)" in rig.text()
        assert "guardrail every action" not in rig.text()


@pytest.mark.parametrize("pane", ["1", "2", "3"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_detail_screen_says_the_same_of_each_kind_of_row(
    tmp_path: Path, size: tuple[int, int], pane: str
) -> None:
    rig = made(tmp_path, rule(services=(API,), actions=("roll back",)), rule(name="else", services=("x/y/z",)))
    rig.provider.deploys["prod/d1"] = deploy(service_id=API)
    async with on_screen(rig, size) as rig:
        await rig.press(pane)
        await rig.press("enter")
        await rig.settle()
        assert isinstance(rig.pilot.app.screen, DetailScreen)
        said = " ".join(rig.text().split())
        assert "guardrail roll back: year-end: year-end sale (freeze until 18 Jan 09:00 JST)" in said
        assert "every action" not in said
        rig.clock.advance(4 * 86_400)
        rig.refresh()
        await rig.settle()
        assert "guardrail" not in rig.text()


@pytest.mark.parametrize("size", SIZES)
async def test_a_rollback_in_a_freeze_is_refused_and_overridden_with_a_reason(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with on_screen(made(tmp_path, rule(services=(API,), who=("sre-lead",))), size) as rig:
        handler = deploys(rig)
        await rig.press("2")
        await rig.pilot.press("R")
        said = inside(rig, await rig.modal(), RefusalDialog)
        assert "guardrail year-end: year-end sale (freeze until 18 Jan 09:00 JST; sre-lead may)" in said
        assert "O override, with a reason" in said
        await rig.press("O")
        assert isinstance(await rig.modal(), Form)
        await rig.pilot.press("enter")
        await rig.settle()
        assert "the reason is missing: nothing was sent" in rig.text()
        rig.pilot.app.screen.query_one(Input).value = "x" * 1_001
        await rig.pilot.press("enter")
        await rig.settle()
        assert "has at most 1,000 characters" in rig.text()
        rig.pilot.app.screen.query_one(Input).value = ""
        await rig.pilot.press(*"down")
        await rig.pilot.press("enter")
        await rig.settle()
        said = inside(rig, await rig.modal(), ConfirmPlan)
        assert "overrides guardrail year-end: year-end sale" in said
        assert ": down" in said
        plan = rig.pilot.app.screen.plan  # type: ignore[attr-defined]
        assert plan.confirm is not Confirm.NONE
        assert handler.sent == []
        await rig.pilot.press(*(plan.confirm_name or ()), "enter" if plan.confirm is Confirm.NAME else "y")
        await rig.settle()
        assert [(p.overrides, p.override) for p in handler.sent] == [(("year-end",), "down")]


async def test_esc_in_the_refusal_or_the_reason_sends_nothing(tmp_path: Path) -> None:
    async with on_screen(made(tmp_path, rule())) as rig:
        handler = deploys(rig)
        await rig.press("2")
        for keys in (("escape",), ("O", "escape")):
            await rig.pilot.press("R")
            assert isinstance(await rig.modal(), RefusalDialog)
            for key in keys:
                await rig.press(key)
                await rig.settle()
            assert rig.pilot.app.screen is rig.board
        assert handler.sent == []
        assert not [e for e in rig.engine.journal.recent() if e.kind is EntryKind.INTENT]


async def test_a_rule_without_override_offers_no_key_for_it(tmp_path: Path) -> None:
    async with on_screen(made(tmp_path, rule(override=False, who=("sre-lead",)))) as rig:
        await rig.press("2")
        await rig.pilot.press("R")
        assert isinstance(await rig.modal(), RefusalDialog)
        assert "year-end cannot be overridden: ask sre-lead" in " ".join(rig.text().replace("│", " ").split())
        assert "with a reason" not in rig.text()
        await rig.press("O")
        assert isinstance(rig.pilot.app.screen, RefusalDialog)


async def test_a_page_is_acknowledged_in_a_freeze_of_everything(tmp_path: Path) -> None:
    async with on_screen(made(tmp_path, rule(actions=("*",)))) as rig:
        await rig.press("a")
        assert len(rig.provider.acknowledge.sent) == 1


async def test_where_a_rule_names_acknowledge_the_key_asks_for_a_reason_and_then_confirms(tmp_path: Path) -> None:
    async with on_screen(made(tmp_path, rule(actions=("acknowledge",)))) as rig:
        await rig.press("a")
        assert isinstance(await rig.modal(), RefusalDialog)
        await rig.press("O")
        await rig.modal()
        await rig.pilot.press(*"down")
        await rig.pilot.press("enter")
        await rig.settle()
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert rig.provider.acknowledge.sent == []
        await rig.press("y")
        assert [p.override for p in rig.provider.acknowledge.sent] == ["down"]
        assert "refused" not in rig.text()


async def test_of_marked_rows_those_under_a_rule_are_left_out_with_the_reason(tmp_path: Path) -> None:
    rig = made(
        tmp_path,
        rule(services=(API,), actions=("acknowledge",)),
        rule(name="typed", sources=("other",), actions=("acknowledge",), does=TYPE_NAME, freeze=None),
    )
    rig.provider.add("free", title="free", began=50.0)
    async with on_screen(rig, (120, 40)) as rig:
        await rig.press("asterisk")
        await rig.pilot.press("a")
        assert isinstance(await rig.modal(), ConfirmMany)
        said = " ".join(rig.text().replace("│", " ").split())
        assert "not possible: 5xx: guardrail year-end: year-end sale" in said
        await rig.press("y")
        assert [p.target for p in rig.provider.acknowledge.sent] == ["prod/free"]


async def test_of_marked_rows_none_goes_whose_name_has_to_be_typed(tmp_path: Path) -> None:
    rig = made(tmp_path, rule(services=(API,), actions=("acknowledge",), does=TYPE_NAME))
    async with on_screen(rig, (120, 40)) as rig:
        await rig.press("asterisk")
        await rig.press("a")
        assert "its name has to be typed" in rig.text()
        assert rig.provider.acknowledge.sent == []


async def test_a_freeze_that_begins_after_the_plan_is_refused_as_it_goes_out(tmp_path: Path) -> None:
    async with on_screen(made(tmp_path, rule(freeze=Freeze(begins="2027-01-15 17:00")))) as rig:
        handler = deploys(rig)
        rig.clock.step(-20)
        await rig.press("2")
        await rig.pilot.press("R")
        dialog = await rig.modal()
        assert isinstance(dialog, ConfirmPlan)
        rig.clock.step(20)
        plan = dialog.plan
        await rig.pilot.press(*(plan.confirm_name or ()), "enter" if plan.confirm is Confirm.NAME else "y")
        await rig.settle()
        assert "it holds since this was planned: nothing was sent" in " ".join(rig.text().split())
        assert handler.sent == []


async def test_a_shell_is_under_the_same_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = (rule(services=(API,), actions=("shell",)),)
    async with room(tmp_path, monkeypatch, guardrails=rules, zone=TOKYO) as rig:
        await rig.press("2")
        assert isinstance(await rig.pressed("s"), RefusalDialog)
        assert isinstance(await rig.pressed("O"), Form)
        assert isinstance(await rig.pressed(*"down", "enter"), ConfirmPlan)
        await rig.pressed("y")
        assert len(rig.ran) == 1
        assert all("overrode guardrail year-end: down" in entry.text for entry in rig.entries())
        rig.engine.guard.rules = ()
