"""The order of a pane by keys: picked, reversed, said in the title; the cursor's row stays the cursor's row."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import FakeProvider, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.product import Product
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.presenters.sorting import COLUMNS, Sort, chosen
from oncall_tui.tui.screens.dialogs.pickers import Columns


def rows(rig: Rig, pane: str = "alerts") -> str:
    return " ".join(row.id.rpartition("/")[2] for row in rig.board.session.tables[pane].rows)


async def sort(rig: Rig, *keys: str) -> None:
    await rig.pilot.press("greater_than_sign")
    assert isinstance(await rig.modal(), Columns)
    await rig.press(*keys, "enter")


async def test_sorted_by_age_the_cursors_row_stays_its_own_and_the_title_says_where_the_page_went(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("page", severity=Severity.CRITICAL, began=300.0)
    rig.provider.add("old", began=100.0)
    rig.provider.add("new", began=900.0)
    async with on_screen(rig) as rig:
        assert rows(rig) == "page new old"
        await rig.press("j", "k")  # the row is chosen: where none is, the cursor follows the first
        await sort(rig, "j", "j")
        assert rows(rig) == "new page old"
        assert rig.board.session.row_id == "fake/page"
        assert "by age, newest first · 1 page further down" in rig.text()
        await sort(rig)  # the cursor of the list stands on what is sorted by
        assert rows(rig) == "old page new"
        assert "by age, oldest first" in rig.text()
        await sort(rig, "g")
        assert rows(rig) == "page new old"
        assert "further down" not in rig.text()


async def test_under_a_sort_a_row_that_changes_is_held_until_the_cursor_left_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for name in "abc":
        rig.provider.add(name, began=100.0, title=name)
    async with on_screen(rig) as rig:
        await sort(rig, *"jjjjjj")  # by state
        assert rows(rig) == "a b c"
        rig.provider.alerts["fake/a"] = msgspec.structs.replace(
            rig.provider.alerts["fake/a"], state=AlertState.ACKNOWLEDGED, by=("bob",)
        )
        rig.refresh()
        await rig.settle()
        assert rows(rig) == "a b c"
        assert rig.board.session.row_id == "fake/a"
        await rig.press("j")
        assert rows(rig) == "b c a"
        assert rig.board.session.row_id == "fake/b"


async def test_each_pane_has_its_own_sort_and_esc_leaves_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.services = {f"prod/main/{n}": service(f"prod/main/{n}", running=r) for n, r in (("a", 2), ("b", 1))}
    async with on_screen(rig, (80, 24)) as rig:
        await rig.press("2")
        await sort(rig, "j", "j")
        assert rows(rig, "services") == "b a"
        assert "by tasks, most missing" in rig.text()
        await rig.pilot.press("greater_than_sign")
        await rig.modal()
        await rig.press("escape")
        assert rows(rig, "services") == "b a"
        await rig.press("escape")
        assert rows(rig, "services") == "b a"


@pytest.mark.parametrize("seed", range(2))
async def test_under_any_sort_and_product_a_key_hits_the_row_that_was_meant_or_none(tmp_path: Path, seed: int) -> None:
    """As in test_selection, with another order picked, or a product, between the look and the key."""
    rng = random.Random(seed)
    rig = Rig(tmp_path, products=(Product(name="even", alerts={"half": "even"}),))
    hits = 0
    async with on_screen(rig) as rig:
        table = rig.board.session.tables["alerts"]
        for _ in range(60):
            rig.provider.alerts.clear()
            for number in range(8):
                half = "even" if number % 2 == 0 else "odd"
                began = rig.clock.now() - rng.randrange(5000)
                rig.provider.add(
                    f"r{number}", severity=rng.choice(list(Severity)), began=began, labels=(("half", half),)
                )
            rig.refresh()
            column = rng.choice(["", *COLUMNS["alerts"]])
            rig.board.filters.apply(ViewFilter(sorts=(Sort("alerts", column, rng.random() < 0.5),) if column else ()))
            meant = rng.choice(list(rig.provider.alerts))
            table.move_to(meant)
            away = False
            for _ in range(2):
                for alert_id, alert in list(rig.provider.alerts.items()):
                    if rng.random() < 0.3:
                        changes = {"severity": rng.choice(list(Severity)), "title": rng.choice("xyz")}
                        rig.provider.alerts[alert_id] = msgspec.structs.replace(alert, **changes)
                rig.refresh()
                again = rng.choice(["", *COLUMNS["alerts"]])
                sorts = chosen(rig.board.session.view_filter.sorts, "alerts", again)
                product = "even" if rng.random() < 0.2 else None
                rig.board.filters.apply(ViewFilter(sorts=sorts, product=product))
                away |= product is not None and meant[-1] in "1357"
            at = table.cursor_id
            before = len(rig.provider.acknowledge.sent)
            rig.board.action_act("ack")
            rig.drain()
            sent = [plan.target for plan in rig.provider.acknowledge.sent[before:]]
            assert sent in ([], [at]), "what is acknowledged is under the cursor"
            if at == meant:
                hits += sent == [meant]
            else:
                assert away, "the cursor goes to another row where a key hid its own, and nowhere else"
            for outcome in rig.engine.actions.outcomes:
                rig.engine.actions.dismiss(outcome.plan_id)
    assert hits > 30
