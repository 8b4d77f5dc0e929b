"""The marks of what is new, by keys, and a session that goes on as the last one ended."""

from __future__ import annotations

from pathlib import Path

from tests.support.fakes import Able, FakeProvider, deploy
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.product import Product
from oncall_tui.tui import saved_view as kept
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.presenters.sorting import Sort

PRODUCTS = (Product(name="ledger", alerts={"team": "ledger"}),)


def signs(rig: Rig, pane: str = "alerts") -> set[str]:
    return {i.rpartition("/")[2] for i in rig.board.session.tables[pane].new}


async def test_after_a_pause_what_began_in_it_has_a_sign_until_the_cursor_left_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.add("old", began=rig.clock.now() - 4000)
    async with on_screen(rig) as rig:
        rig.board.new_rows.pressed()
        rig.clock.advance(1000)
        rig.provider.add("one", began=rig.clock.now() - 500, title="first one")
        rig.provider.add("two", began=rig.clock.now() - 600)
        rig.provider.deploys["prod/d9"] = deploy("prod/d9", started=rig.clock.now() - 60)
        rig.refresh()
        await rig.settle()
        assert signs(rig) == {"one", "two"}
        assert signs(rig, "deploys") == {"d9"}
        text = rig.text()
        assert "2 new since 17:00" in text
        lines = [line for line in text.splitlines() if " warn " in line or "+warn " in line]
        assert ["+" in line[:2] for line in lines] == [True, True, False]
        rig.board.new_rows.pressed()
        await rig.press("g", "j")
        assert signs(rig) == {"two"}, "the cursor was on the first and left it"
        assert "1 new since 17:00" in rig.text()
        await rig.press("escape")
        assert signs(rig) == set()
        assert "new since" not in rig.text()


async def test_esc_takes_the_marks_away_only_when_nothing_else_is_to_be_left(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with on_screen(rig) as rig:
        rig.board.new_rows.pressed()
        rig.clock.advance(1000)
        rig.provider.add("one", began=rig.clock.now() - 500)
        rig.refresh()
        rig.board.new_rows.pressed()
        await rig.press("f", "escape")
        assert signs(rig) == {"one"}
        await rig.press("escape")
        assert signs(rig) == set()


def session(tmp_path: Path) -> Rig:
    """A board that takes up what was kept, over the same folder; not shown yet."""
    rig = Rig(tmp_path, FakeProvider("prod"), products=PRODUCTS)
    rig.provider.add("l1", labels=(("team", "ledger"),), began=rig.clock.now() - 900)
    rig.provider.add("x1", severity=Severity.CRITICAL, began=rig.clock.now() - 1200)
    return rig


async def test_a_session_goes_on_as_the_last_one_ended_and_says_that_a_page_is_out_of_sight(tmp_path: Path) -> None:
    rig = session(tmp_path)
    assert rig.board.memory.take_up(True) == ""
    async with on_screen(rig, (80, 24)) as rig:
        await rig.press("p", "j", "j", "enter", "m", "greater_than_sign", "j", "j", "enter")
        assert rig.board.session.view_filter == ViewFilter(product="ledger", sorts=(Sort("alerts", "age"),))
        rig.clock.advance(-1000)  # the last key was before both began
        rig.board.new_rows.pressed()
        rig.board.memory.close()
    rig = session(tmp_path)
    assert rig.board.memory.take_up(True) == ""
    async with on_screen(rig, (80, 24)) as rig:
        text = rig.text()
        assert rig.board.session.view_filter == ViewFilter(product="ledger", sorts=(Sort("alerts", "age"),))
        assert not rig.board.session.bell_on
        assert "BELL OFF" in text
        assert "1 page, 1! outside of ledger" in text
        assert "1 new since 16:43" in text
        assert "2 services 0  3 deploys 0 running  4 detail" in text, "the panes' names and signs are not pushed out"
        assert "ledger · by age, newest first  hides 1 alert" in text


async def test_what_was_kept_and_is_not_configured_any_more_hides_nothing_and_is_said(tmp_path: Path) -> None:
    rig = session(tmp_path)
    kept.write(kept.beside(rig.engine.journal.path), kept.of(ViewFilter(product="gone", filter="l1"), None, 0.0))
    wrong = rig.board.memory.take_up(True)
    assert "the product 'gone' is not configured any more" in wrong
    assert rig.board.session.view_filter == ViewFilter(filter="l1")


async def test_what_is_kept_is_written_when_it_changes_and_not_with_every_draw(tmp_path: Path) -> None:
    rig = session(tmp_path)
    rig.board.memory.take_up(True)
    written: list[kept.SavedView] = []
    rig.board.memory._writer.put = written.append  # type: ignore[union-attr,method-assign]
    async with on_screen(rig) as rig:
        rig.board.new_rows.pressed()  # the session's first key is worth a write of its own
        rig.refresh()
        first = len(written)
        rig.refresh()
        await rig.press("j", "k")
        rig.board.new_rows.pressed()
        rig.refresh()
        assert len(written) == first
        await rig.press("f")
        assert [k.faults for k in written[first:]] == [True]
        rig.clock.advance(61)
        rig.board.new_rows.pressed()
        rig.refresh()
        assert len(written) == first + 2, "when somebody was here, once in a minute"


async def test_a_start_that_nobody_pressed_a_key_in_is_no_look(tmp_path: Path) -> None:
    rig = session(tmp_path)
    former = rig.clock.now() - 1000
    kept.write(kept.beside(rig.engine.journal.path), kept.of(ViewFilter(), None, former))
    rig.board.memory.take_up(True)
    async with on_screen(rig) as rig:
        assert signs(rig) == {"l1"}
        rig.clock.advance(300)
        rig.refresh()
        rig.board.memory.close()
    found, _ = kept.read(kept.beside(rig.engine.journal.path))
    assert found is not None
    assert found.last_key == former
