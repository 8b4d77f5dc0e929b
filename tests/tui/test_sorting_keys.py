"""The order of a pane by keys: picked, reversed, said in the title; the cursor's row stays the cursor's row."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.support.fakes import FakeProvider, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.tui.choosing import Columns


def rows(rig: Rig, pane: str = "alerts") -> str:
    return " ".join(row.id.rpartition("/")[2] for row in rig.board.tables[pane].rows)


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
        await sort(rig, "j", "j")
        assert rows(rig) == "new page old"
        assert rig.board.row_id == "fake/page"
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
        assert rig.board.row_id == "fake/a"
        await rig.press("j")
        assert rows(rig) == "b c a"
        assert rig.board.row_id == "fake/b"


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
