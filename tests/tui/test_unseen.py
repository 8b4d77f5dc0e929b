"""Nothing is said yes to that was not on screen, at the size that the window has now: every box that acts, any size."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import WORST_PLAN, Able, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import Confirm
from oncall_tui.domain.product import Product
from oncall_tui.tui.screens.dialogs import modals
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany, ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Form

SIZES = [(20, 5), (40, 10), (10, 3), (80, 24), (60, 7), (200, 6), (25, 30), (12, 40)]
TITLE, WARNINGS = WORST_PLAN["title"], WORST_PLAN["warnings"]


def squeezed(text: str) -> str:
    """Without what a fold adds: blanks, and the frame."""
    return "".join(char for char in text if char.isalnum() or char in ":→⚠")


@asynccontextmanager
async def planned(folder: Path, named: bool = False, verb: Verb = Verb.ROLL_BACK) -> AsyncIterator[Any]:
    """A plan with many warnings is asked about, at 120×40."""
    products = (Product(name="p", services=("prod/*",), protected=named),)
    rig = Rig(folder, Able("prod"), products=products)
    handler: Any = rig.provider.handlers()[verb]
    handler.fields = {**WORST_PLAN, "confirm": Confirm.YES}
    rig.provider.services["prod/main/api"] = service(verbs=frozenset(Verb))
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.press("2" if verb is Verb.ROLL_BACK else "1")
        await rig.pilot.press("R")
        assert isinstance(await rig.modal(), ConfirmPlan)
        yield rig, handler


async def shrink(rig: Rig, size: tuple[int, int]) -> None:
    await rig.pilot.resize_terminal(*size)
    await rig.pilot.pause()
    await rig.pilot.pause()


async def scroll_through(rig: Rig, shown: set[str], key: str = "down") -> None:
    """Down to the end, one line at a time; *shown* gets every line that was on screen."""
    body = rig.pilot.app.screen.query_one("#body")
    for _ in range(200):
        shown.update(squeezed(line) for line in rig.text().splitlines())
        if body.scroll_offset.y >= body.max_scroll_y:  # type: ignore[attr-defined]
            return
        await rig.pilot.press(key)
        await rig.pilot.pause()


@pytest.mark.parametrize(
    "size", [*SIZES[:3], *(pytest.param(size, marks=pytest.mark.everything) for size in SIZES[3:])]
)
async def test_y_sends_only_what_was_read_at_this_size(tmp_path: Path, size: tuple[int, int]) -> None:
    async with planned(tmp_path) as (rig, handler):
        await shrink(rig, size)
        box = rig.pilot.app.screen
        at_once = not box.unread()
        await rig.pilot.press("y")
        await rig.pilot.pause()
        if at_once:  # then all of it is there
            assert size == (80, 24) or size[1] >= 30
        else:
            assert handler.sent == []
            assert rig.pilot.app.screen is box
            shown: set[str] = set()
            await scroll_through(rig, shown)
            everything = "".join(shown)
            for text in (TITLE, *WARNINGS):  # folded anyhow, each of its words was there
                for word in text.split():
                    assert all(squeezed(part) in everything for part in _pieces(word, size[0])), (word, text)
            await rig.pilot.press("y")
        await rig.settle()
        assert [plan.verb for plan in handler.sent] == [Verb.ROLL_BACK]


def _pieces(word: str, cells: int) -> list[str]:
    """*word* where it fits on a line; longer ones are broken somewhere."""
    return [word] if len(word) < cells * 3 // 4 - 6 else []


async def test_the_size_that_counts_is_the_last_one(tmp_path: Path) -> None:
    async with planned(tmp_path) as (rig, handler):
        await shrink(rig, (40, 10))
        await scroll_through(rig, set())
        assert not rig.pilot.app.screen.unread()
        await shrink(rig, (30, 8))
        await rig.pilot.press("y")
        await rig.settle()
        assert handler.sent == []
        assert "not read yet" in rig.text()


@pytest.mark.parametrize(
    "size", [(20, 5), (80, 24), *(pytest.param(size, marks=pytest.mark.everything) for size in ((40, 10), (10, 3)))]
)
async def test_a_name_is_not_taken_blind(tmp_path: Path, size: tuple[int, int]) -> None:
    async with planned(tmp_path, named=True) as (rig, handler):
        await shrink(rig, size)
        blind = bool(rig.pilot.app.screen.unread())
        assert blind or size == (80, 24)
        await rig.pilot.press(*"api", "enter")
        await rig.settle()
        if blind:
            assert handler.sent == []
            await scroll_through(rig, set())
            await rig.pilot.press("enter")
            await rig.settle()
        assert [plan.target for plan in handler.sent] == ["prod/main/api"]


async def test_random_windows_and_keys_never_send_what_was_not_on_screen(tmp_path: Path) -> None:
    rng = random.Random(1)
    async with planned(tmp_path) as (rig, handler):
        for _ in range(25):
            await shrink(rig, (rng.randrange(8, 130), rng.randrange(1, 45)))
            for _ in range(rng.randrange(4)):
                await rig.pilot.press(rng.choice(["down", "pagedown", "up", "j", "k", "G", "g"]))
            box = rig.pilot.app.screen
            unread = box.unread()
            await rig.pilot.press("y")
            await rig.settle()
            assert bool(handler.sent) == (not unread)
            if handler.sent:
                handler.sent.clear()
                for outcome in rig.engine.actions.outcomes:
                    rig.engine.actions.dismiss(outcome.plan_id)
                break


@pytest.mark.parametrize("size", [(20, 5), (40, 6), (10, 3)])
async def test_marked_rows_are_not_acted_on_before_each_was_listed(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path, Able())
    for number, name in enumerate("abcdef"):
        rig.provider.add(name, began=100.0 - number)
    async with on_screen(rig) as rig:
        await rig.press("asterisk")
        await rig.pilot.press("a")
        assert isinstance(await rig.modal(), ConfirmMany)
        await shrink(rig, size)
        await rig.pilot.press("y")
        await rig.settle()
        assert rig.provider.acknowledge.sent == []
        shown: set[str] = set()
        await scroll_through(rig, shown)
        if size[0] > 20:
            assert {f"titleof{name}" for name in "abcdef"} <= shown
        await rig.pilot.press("y")
        await rig.settle()
        assert len(rig.provider.acknowledge.sent) == 6


async def test_a_form_is_not_sent_blind(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        await rig.pilot.press("n")
        assert isinstance(await rig.modal(), Form)
        note: Any = rig.provider.handlers()[Verb.NOTE]
        await shrink(rig, (12, 2))
        await rig.pilot.press(*"hello", "enter")
        await rig.settle()
        assert note.asked == []
        assert isinstance(rig.pilot.app.screen, Form)
        await shrink(rig, (80, 24))
        await rig.pilot.press("enter")
        await rig.settle()
        assert [ask.text for ask in note.asked] == ["hello"]


@pytest.mark.parametrize("size", [(40, 10), (30, 6), (80, 24)])
async def test_every_line_of_a_form_is_seen_on_the_way_to_its_last(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", provider="alertmanager", labels=(("k", "v"),))
    async with on_screen(rig) as rig:
        await rig.pilot.press("S")
        assert isinstance(await rig.modal(), Form)
        await shrink(rig, size)
        silence: Any = rig.provider.handlers()[Verb.SILENCE]
        await rig.pilot.press(*"why")
        for _ in range(9):
            if not isinstance(rig.pilot.app.screen, Form):
                break
            await rig.pilot.press("enter")
            await rig.settle()
        assert [ask.matchers for ask in silence.asked] == [(("k", "v"),)]


async def test_nothing_is_picked_that_is_out_of_sight(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", title="payments-api: 5xx rate is high")
    async with on_screen(rig) as rig:
        await rig.pilot.press("E")
        assert isinstance(await rig.modal(), ChoiceDialog)
        await rig.settle()
        await shrink(rig, (10, 2))  # no room for the title
        await rig.pilot.press("enter")
        await rig.settle()
        assert isinstance(rig.pilot.app.screen, ChoiceDialog)
        await shrink(rig, (40, 8))
        assert isinstance(await rig.modal(), ChoiceDialog)  # a key just after a resize is dropped
        assert "too small" not in rig.text()
        await rig.pilot.press("enter")
        assert isinstance(await rig.modal(), Form)


async def test_a_yes_counts_once_the_terminal_has_drawn_what_came_in_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a slow link a line that was scrolled into sight is drawn seconds later."""
    drawn: list[bool] = []

    def shown_at(app: object, at: float) -> float | None:
        looked: float = rig.pilot.app.screen._looked_at  # type: ignore[attr-defined]
        return at if drawn or at < looked else None

    async with planned(tmp_path) as (rig, handler):
        await rig.pilot.pause()
        monkeypatch.setattr(modals, "shown_at", shown_at)
        await rig.pilot.press("y")
        await rig.pilot.pause()
        assert handler.sent == []
        assert "on their way to your terminal: press again" in " ".join(rig.text().split())
        drawn.append(True)
        await rig.pilot.press("y")
        await rig.settle()
        assert [plan.verb for plan in handler.sent] == [Verb.ROLL_BACK]
