"""What is looked at by keys: a product, a configured view, all of it again; no page out of sight without a sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, FakeProvider, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.product import Product
from oncall_tui.errors import Expired
from oncall_tui.tui.screens.dialogs.pickers import LookAt

PRODUCTS = (
    Product(name="ledger", owner="#ledger", services=("prod/main/ledger*",), alerts={"team": "ledger"}),
    Product(name="search", services=("prod/main/search*",), alerts={"team": "search"}),
)


def rig_of(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, Able("prod"), products=PRODUCTS)
    provider = rig.provider
    provider.add("l1", labels=(("team", "ledger"),), title="ledger slow")
    provider.add("s1", labels=(("team", "search"),), title="search pages", severity=Severity.CRITICAL)
    provider.add("x1", title="nobody's")
    for name in ("ledger-api", "search-api", "other"):
        provider.services[f"prod/main/{name}"] = service(f"prod/main/{name}")
        provider.deploys[f"prod/{name}"] = deploy(f"prod/{name}", f"prod/main/{name}")
    rig.board.session.views = {"slow": "slow", "mine": "by:alice"}
    return rig


def rows(rig: Rig) -> list[list[str]]:
    panes = ("alerts", "services", "deploys")
    return [[row.id.rpartition("/")[2] for row in rig.board.session.tables[name].rows] for name in panes]


async def look_at(rig: Rig, *keys: str) -> None:
    await rig.pilot.press("p")
    assert isinstance(await rig.modal(), LookAt)
    await rig.press(*keys, "enter")


async def test_a_product_narrows_every_pane_and_a_page_outside_of_it_has_a_sign(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.pilot.press("p")
        await rig.modal()
        assert "what is open in each product" in rig.text()
        assert "PAGES UNACKED NOT PAGING" in " ".join(rig.text().split())
        text = rig.text().partition("UNHEALTHY")[2]
        names = ("all products", "search", "ledger", "no product", "view slow", "view mine")
        places = [text.index(name) for name in names]
        assert places == sorted(places), "those on fire first, the views below"
        assert "all products 1 1 " in " ".join(text.split())
        assert "#ledger" in text
        await rig.press("j", "j", "enter")
        assert rows(rig) == [["l1"], ["ledger-api"], ["ledger-api"]]
        assert rig.board.session.row_id == "prod/l1"
        assert "ledger  hides 2 alerts" in rig.text()
        assert "1 page, 1! outside of ledger" in rig.text()
        await rig.press("2")
        assert "1 page, 1! outside of ledger" in rig.text()
        await rig.press("escape")
        assert "outside" not in rig.text()
        assert [len(pane) for pane in rows(rig)] == [3, 3, 3]


async def test_the_page_that_comes_outside_of_the_product_is_told_and_a_filter_within_it_stays(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig) as rig:
        await rig.press("slash", *"api", "enter")
        await look_at(rig, "j")
        assert rows(rig) == [[], ["search-api"], ["search-api"]]
        assert "1 page, 1! not shown" in rig.text(), "the filter hides the page of the product itself"
        rig.provider.add("x2", severity=Severity.CRITICAL)
        rig.refresh()
        await rig.settle()
        assert "2 pages, 2! not shown" in rig.text()
        assert "search · filter 'api': 0 shown" in rig.text()


async def test_what_has_no_product_can_be_picked_and_a_view_and_all_of_it_again(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig) as rig:
        await look_at(rig, "j", "j", "j")
        assert rows(rig) == [["x1"], ["other"], ["other"]]
        assert "no product: 1 shown" in rig.text()
        await look_at(rig, "j")  # the cursor stands on what is looked at; the next one is a view
        assert rows(rig)[0] == ["l1"]
        assert "view slow: slow" in rig.text()
        await look_at(rig, "g", "j")  # a product takes the place of a view, and of its filter
        assert rows(rig)[0] == ["s1"]
        await look_at(rig, "g")
        assert [len(pane) for pane in rows(rig)] == [3, 3, 3]


async def test_keys_typed_ahead_are_the_pickers_and_esc_changes_nothing(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig) as rig:
        await rig.pilot.press("p", "j", "enter")
        await rig.settle()
        assert rows(rig)[0] == ["s1"]
        await rig.pilot.press("p", "j", "escape")
        await rig.settle()
        assert rows(rig)[0] == ["s1"]
        await rig.press("a")
        assert [plan.target for plan in rig.provider.acknowledge.sent] == ["prod/s1"]


async def test_nothing_shown_is_not_nothing_wrong_where_a_source_is_not_read(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("good"), FakeProvider("bad"), products=PRODUCTS)
    rig.provider.add("x", title="elsewhere")
    async with on_screen(rig) as rig:
        rig.providers[1].read_raises = [Expired("the login has run out", "log in")]
        rig.refresh()
        await rig.pilot.press("p")
        await rig.modal()
        assert "not counted, since not read now: bad" in rig.text()
        await rig.press("j", "enter")
        assert rig.board.session.view_filter.product in ("", "ledger")
        await look_at(rig, "g", "j", "j")
        text = rig.text()
        assert "No alert matches." in text
        assert "Not known, because these are not read: bad." in text


async def test_the_picker_follows_what_is_read_without_moving_the_cursor_to_another_row(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig) as rig:
        await rig.pilot.press("p")
        modal: Any = await rig.modal()
        await rig.pilot.press("j", "j")
        for number in range(3):
            rig.provider.add(f"l{number}", labels=(("team", "ledger"),), severity=Severity.CRITICAL)
        rig.refresh()
        modal._again()
        await rig.press("enter")
        assert rig.board.session.view_filter.product == "ledger"


async def test_a_name_is_found_by_its_letters_and_esc_shows_the_whole_list_again(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.pilot.press("p")
        await rig.modal()
        await rig.press("slash", *"lED")
        assert "ledger" in rig.text()
        assert "all products" not in rig.text().partition("UNHEALTHY")[2]
        await rig.press("escape")
        assert "all products" in rig.text().partition("UNHEALTHY")[2]
        await rig.press("slash", *"zzz", "enter")  # none has it: nothing is picked
        assert isinstance(rig.pilot.app.screen, LookAt)
        await rig.press("escape", "slash", "l", "down", "enter")  # all products, ledger, view slow
        assert rig.board.session.view_filter.product == "ledger"
        await rig.pilot.press("p", "slash", "q", "u", "escape", "q")  # in the line q is a letter
        await rig.settle()
        assert rig.pilot.app.screen is rig.board
        assert rig.board.session.view_filter.product == "ledger"


@pytest.mark.core(2)
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("~(", "not a regular expression: ("),
        ("severity:page", "did you mean page:yes?"),
        ("is:acked", "did you mean state:acknowledged?"),
        ("taem:search", "did you mean team:search?"),
        ("!", "after ! comes what to leave out"),
    ],
)
async def test_a_filter_that_can_be_none_hides_nothing_and_says_what_would_work(
    tmp_path: Path, typed: str, said: str
) -> None:
    rig = rig_of(tmp_path)
    async with on_screen(rig) as rig:
        every = rows(rig)
        await rig.press("slash", *(TYPED.get(c, c) for c in typed))
        assert rows(rig) == every
        assert said in rig.text().replace("\n", " ")
        await rig.press("enter")  # refused: the line is still there
        assert rows(rig) == every
        assert rig.board.focused is rig.board.query_one("#filter")
        await rig.press(*["backspace"] * len(typed), "s", "e", "a", "r", "c", "h")
        assert said not in rig.text()
        await rig.press("enter")
        assert rig.board.session.view_filter.filter == "search"
        assert rows(rig) != every


TYPED = {"~": "tilde", "(": "left_parenthesis", ":": "colon", "!": "exclamation_mark"}
