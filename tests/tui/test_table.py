"""The one table: the cursor is on a row's id or on none, and lines are straight and harmless."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len
from tests.support.level import rounds
from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from oncall_tui.tui.widgets.footer import KeyBar, StatusLine, fit_parts
from oncall_tui.tui.widgets.table.rows import GAP, GUTTER, Cell, Cursor, Measure, Need, column_widths
from oncall_tui.tui.widgets.table.table import Column, Row, Table

COLUMNS = (
    Column("severity", "SEV", 5),
    Column("age", "AGE", 4, align="right", drop=1),
    Column("title", "TITLE", 20, flex=True, min_width=10),
    Column("deploy", "DEPLOY", 12, drop=2),
)


def row(id: str, title: str = "", **more: object) -> Row:
    return Row(id, (("PAGE", "critical"), "4m", title or f"alert {id}", "41→42"), **more)  # type: ignore[arg-type]


def rows(ids: Iterable[object]) -> list[Row]:
    return [row(str(id)) for id in ids]


class Board(App[None]):
    def __init__(self, header: bool = False) -> None:
        super().__init__()
        self.header = header
        self.moves: list[str | None] = []
        self.opened: list[str] = []
        self.dropped: set[str] = set()

    def compose(self) -> ComposeResult:
        yield StatusLine()
        yield Table(COLUMNS, show_header=self.header)
        yield KeyBar()

    @on(Table.Moved)
    def moved(self, event: Table.Moved) -> None:
        self.moves.append(event.id)

    @on(Table.Opened)
    def open(self, event: Table.Opened) -> None:
        self.opened.append(event.id)

    @on(Table.Marked)
    def marks(self, event: Table.Marked) -> None:
        self.dropped |= event.dropped

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    def lines(self) -> list[str]:
        """What the terminal shows."""
        return [strip.text for strip in self.screen._compositor.render_strips()]

    def cursor_line(self) -> str:
        found = [line for line in self.lines() if line[:1] in "▸▹×"]
        assert len(found) == 1, found
        return found[0]


@asynccontextmanager
async def board(size: tuple[int, int] = (60, 12), header: bool = False) -> AsyncIterator[tuple[Board, Pilot[None]]]:
    app = Board(header)
    async with app.run_test(size=size) as pilot:
        app.table.focus()
        await pilot.pause()
        yield app, pilot


# -- widths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", range(140))
def test_columns_fill_a_line_and_never_more(width: int) -> None:
    widths = column_widths(COLUMNS, width)
    used = GUTTER + sum(w + GAP for w in widths if w)
    assert used == width if width >= 20 else used <= max(width, GUTTER)


def test_columns_drop_in_their_order() -> None:
    assert all(column_widths(COLUMNS, 41))
    assert column_widths(COLUMNS, 36)[3] == 0
    assert column_widths(COLUMNS, 22)[1] == 0


HELD = (
    Column("severity", "SEV", 4),
    Column("service", "SERVICE", 8, most=20, turn=2),
    Column("title", "TITLE", 24, flex=True, min_width=10, turn=1),
    Column("state", "STATE", 6, most=18, turn=3),
    Column("suspect", "SUSPECT", 10, most=16, turn=4, wide=60),
)


def held(id: str, service: str = "api", state: Cell = "firing", suspect: Cell = "") -> Row:
    return Row(id, ("PAGE", service, f"title of {id}", state, suspect))


def widths(measure: Measure, *shown: Row, cells: int = 100) -> tuple[int, ...]:
    return column_widths(HELD, cells, measure.of(shown))


def test_a_column_is_as_wide_as_what_it_holds_and_the_title_gets_the_rest() -> None:
    measure = Measure(HELD)
    assert widths(measure, held("a"), held("b", "payments-api")) == (4, 12, 100 - 2 - 5 - 13 - 7 - 1, 6, 0)
    wide = widths(Measure(HELD), held("a", suspect=("◂ :41→:42 3m before", "", "◂ :41→:42 3m")))
    assert wide[4] >= len("◂ :41→:42 3m")
    assert sum(w + GAP for w in wide if w) == 100 - GUTTER
    assert widths(Measure(HELD), held("a", suspect="◂ :41→:42"), cells=59)[4] == 0  # a narrow pane says it elsewhere


def test_a_column_grows_at_once_and_gives_back_where_rows_came_or_went() -> None:
    measure = Measure(HELD)
    first = widths(measure, held("a", state="silenced bob 19m"), held("b"))
    assert first[3] == 16
    assert widths(measure, held("a"), held("b")) == first  # a word that is shorter moves nothing
    assert widths(measure, held("a", state="ack bob 19m"), held("c")) == (*first[:2], first[2] + 5, 11, 0)
    assert widths(measure, held("a", state="ack bob 9m"), held("d"))[3] == 11  # nor does a cell or two
    assert widths(measure, held("a", state="acknowledged bob"), held("d"))[3] == 16


@pytest.mark.parametrize("cells", range(0, 140, 3))
def test_columns_that_hold_something_fill_a_line_and_never_more(cells: int) -> None:
    chance = random.Random(cells)
    for _ in range(20):
        needs = [Need(n := chance.randint(0, 30), n + chance.randint(0, 20)) for _ in HELD]
        given = column_widths(HELD, cells, needs)
        used = GUTTER + sum(w + GAP for w in given if w)
        assert used == cells if cells >= 50 else used <= max(cells, GUTTER)


# -- the cursor's place, without a screen ----------------------------------------------------------------------------


def test_the_cursor_is_on_its_own_row_or_on_none() -> None:
    chance = random.Random(7)
    for _ in range(300):
        old = rows(chance.sample(range(30), chance.randint(1, 30)))
        place = Cursor().after((), old, {r.id: i for i, r in enumerate(old)})
        known = place.id
        for _ in range(10):
            new = rows(chance.sample(range(30), chance.randint(0, 30)))
            index = {r.id: i for i, r in enumerate(new)}
            place = place.after(old, new, index)
            assert place.id in (known, None)
            assert place.id is None or new[place.index].id == known
            assert (place.id == known) == (known in index) or not place.ghost
            assert 0 <= place.index <= len(new)
            old = new


def test_what_is_left_of_a_row_stays_between_its_neighbours() -> None:
    old = rows("abcde")
    new = rows("xyabde")
    place = Cursor(2, old[2], was=True).after(old, new, {r.id: i for i, r in enumerate(new)})
    assert (place.id, place.index) == (None, 4)
    assert new[place.step(1)].id == "d"
    assert new[place.step(-1)].id == "b"


# -- on a screen -----------------------------------------------------------------------------------------------------


async def test_the_cursor_keeps_its_row_and_its_line_under_random_orders() -> None:
    chance = random.Random(11)
    async with board() as (app, pilot):
        ids = list(range(60))
        app.table.show(rows(ids))
        assert app.table.cursor_id == "0"
        app.table.move_to("30")
        for _ in range(300):
            chance.shuffle(ids)
            app.table.show(rows(ids))
            assert app.table.cursor_id == "30"
        await pilot.pause()
        assert "alert 30 " in app.cursor_line()


async def test_a_row_added_above_moves_nothing_on_screen() -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        app.table.move_to("30")
        await pilot.pause()
        before = app.lines()[1:-1]
        app.table.show(rows(["new", *range(60)]))
        await pilot.pause()
        assert [line[:50] for line in app.lines()[1:-1]] == [line[:50] for line in before]


async def test_at_the_top_what_is_new_comes_in_view() -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        app.table.move_to("0")
        app.table.show(rows(["new", *range(60)]))
        await pilot.pause()
        assert "alert new" in app.lines()[1]
        assert app.table.cursor_id == "0"


async def test_where_nobody_chose_a_row_the_cursor_follows_the_first() -> None:
    async with board() as (app, _):
        app.table.now = lambda: 7.0
        app.table.show(rows("ab"))
        app.table.strayed_at = 0.0
        app.table.show(rows("ab"))
        assert (app.table.cursor_id, app.table.strayed_at) == ("a", 0.0)
        app.table.show(rows("cab"))
        assert (app.table.cursor_id, app.table.strayed_at) == ("c", 7.0)
        app.table.show(rows("ab"))
        assert app.table.cursor_id == "a"
        app.table.action_move(1)
        assert app.table.strayed_at < 0
        app.table.show(rows("cab"))
        assert app.table.cursor_id == "b"


async def test_a_vanished_row_leaves_the_cursor_on_nothing() -> None:
    async with board() as (app, pilot):
        app.table.show(rows("abc"))
        await pilot.press("j")
        app.table.show(rows("ac"))
        await pilot.pause()
        assert app.table.cursor_id is None
        assert app.cursor_line().startswith("× PAGE")
        await pilot.press("enter", "space")
        assert app.opened == []
        assert app.table.marked == frozenset()
        await pilot.press("j")
        assert app.table.cursor_id == "c"
        assert app.moves == ["a", "b", None, "c"]


async def test_the_first_row_is_not_an_exception() -> None:
    async with board() as (app, _):
        app.table.show(rows("ab"))
        app.table.move_to("a")
        app.table.show(rows("b"))
        assert app.table.cursor_id is None
        app.table.show([])
        app.table.now = lambda: 9.0
        app.table.show(rows("c"))
        assert (app.table.cursor_id, app.table.strayed_at) == ("c", 9.0)  # and no key counts yet


async def test_a_row_that_comes_back_is_the_same_row() -> None:
    async with board() as (app, _):
        app.table.show(rows("ab"))
        app.table.move_to("a")
        app.table.show(rows("b"))
        app.table.show(rows("ba"))
        assert app.table.cursor_id == "a"


async def test_movement_and_opening_by_key() -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        for key, id in {
            "j": "1",
            "down": "2",
            "k": "1",
            "G": "59",
            "up": "58",
            "g": "0",
            "end": "59",
            "home": "0",
        }.items():
            await pilot.press(key)
            assert app.table.cursor_id == id
        await pilot.press("ctrl+f")
        assert int(app.table.cursor_id or 0) > 5
        await pilot.press("pageup", "enter")
        assert app.opened == ["0"]


async def test_the_cursor_stays_in_view_with_its_extra_lines() -> None:
    async with board() as (app, pilot):
        extra = ((("suspect ", "warning"), "deploy 41→42"), ("second line",))
        app.table.show([row(str(i), extra=extra) for i in range(40)])
        for step in [1] * 25 + [-1] * 20 + [15]:
            app.table.action_move(step)
            await pilot.pause()
            shown = app.lines()
            at = next(i for i, line in enumerate(shown) if line.startswith("▸"))
            assert f"alert {app.table.cursor_id} " in shown[at]
            assert "suspect deploy 41→42" in shown[at + 1]
            assert "second line" in shown[at + 2]
            assert sum("suspect" in line for line in shown) == 1


TEXTS = (
    "[/prod] down",
    "[db-01] disk full",
    "[bold red]x[/]",
    "決済が遅い 決済が遅い 決済が遅い",
    "e\u0301" * 30,
    "a\x1b[2Jb\nc\u202ed\x9b",
)


@pytest.mark.parametrize("size", [(60, 12), (31, 12), (14, 12), (3, 12)])
async def test_lines_are_straight_and_harmless(size: tuple[int, int]) -> None:
    async with board(size, header=True) as (app, pilot):
        app.table.show([row(str(i), text, extra=((text, text),)) for i, text in enumerate(TEXTS)])
        await pilot.pause()
        for _ in TEXTS:
            shown = app.lines()
            assert {cell_len(line) for line in shown} == {size[0]}
            assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for line in shown for c in line)
            app.table.action_move(1)
            await pilot.pause()


async def test_markup_is_text() -> None:
    async with board() as (app, pilot):
        app.table.show([row(str(i), text) for i, text in enumerate(TEXTS[:3])])
        app.table.placeholder(["[/nothing]"])
        await pilot.pause()
        for text in TEXTS[:3]:
            assert any(text in line for line in app.lines())
        app.table.show([])
        await pilot.pause()
        assert "[/nothing]" in app.lines()[1]


async def test_marks_are_shown_and_dropped_with_their_rows() -> None:
    async with board() as (app, pilot):
        app.table.show(rows("abc"))
        await pilot.press("space", "j", "space", "j")
        assert app.table.marked == {"a", "b"}
        assert [line[:2] for line in app.lines()[1:4]] == [" ●", " ●", "▸ "]
        app.table.show(rows("bc"))
        await pilot.pause()
        assert app.table.marked == {"b"}
        assert app.dropped == {"a"}
        app.table.clear_marks()
        await pilot.pause()
        assert not any("●" in line for line in app.lines())


@pytest.mark.drawn
async def test_only_what_changed_is_repainted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        await pilot.pause()
        regions: list[tuple[int, ...]] = []
        monkeypatch.setattr(app.table, "refresh", lambda *found, **_: regions.extend(tuple(r) for r in found))
        app.table.show(rows(range(60)))
        assert regions == []
        changed = rows(range(60))
        changed[3] = Row("3", (("PAGE", "critical"), "5m", "alert 3", "41→42"))
        changed[40] = row("40", "out of sight")
        app.table.show(changed)
        assert regions == [(8, 3, 5, 1)]


async def test_the_same_rows_again_are_nothing_to_do_but_where_the_cursor_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with board() as (app, pilot):
        table, same = app.table, rows(range(5_000))
        table.show(same)
        monkeypatch.setattr(Table, "_share_lines", lambda _: pytest.fail("the rows were looked at"))
        table.show(same)
        await pilot.press("j", "j")
        table.show(same)
        assert table.cursor_id == "2"
        monkeypatch.undo()
        table.follow_first()
        assert table.cursor_id == "0"
        table.show(rows(["1", "2"]))
        assert (table.cursor_id, [r.id for r in table.rows]) == ("1", ["1", "2"])


async def test_what_is_repainted_in_parts_is_what_is_drawn_as_a_whole() -> None:
    chance = random.Random(5)
    async with board(header=True) as (app, pilot):
        app.table.placeholder(["Nothing."])
        for _ in range(rounds(60)):
            ids = chance.sample(range(40), chance.choice([0, 3, 9, 10, 30]))
            app.table.show([row(str(i), f"{i} {chance.random()}", extra=(("why",),) * (i % 3)) for i in ids])
            await pilot.pause()
            app.table.action_move(chance.choice([-9, -1, 0, 1, 9]))
            app.table.toggle_mark()
            await pilot.pause()
            parts = app.lines()
            app.table._draw_anew()
            await pilot.pause()
            assert app.lines() == parts
            assert not ids or app.cursor_line()


async def test_every_row_is_marked_and_none() -> None:
    async with board() as (app, pilot):
        app.table.show([row(str(i), f"row {i}") for i in range(30)])
        await pilot.pause()
        app.table.action_mark_all()
        assert len(app.table.marked) == 30
        app.table.toggle_mark()
        assert len(app.table.marked) == 29
        app.table.action_mark_all()
        assert len(app.table.marked) == 30
        app.table.action_mark_all()
        assert not app.table.marked


async def test_a_list_that_shrinks_scrolls_back() -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        app.table.action_edge(1)
        app.table.show(rows([58, 59]))
        await pilot.pause()
        assert "alert 58 " in app.lines()[1]
        assert "alert 59 " in app.cursor_line()


async def test_a_long_placeholder_is_wrapped() -> None:
    async with board((40, 12)) as (app, pilot):
        said = "No alert in what could be read. 4/6 sources; not read: prom (2m), pager (expired)."
        app.table.placeholder([(said, "unknown")])
        app.table.show([])
        await pilot.pause()
        assert " ".join(line.strip() for line in app.lines()[1:-1]).split() == said.split()


async def test_another_size_keeps_the_cursor_in_view() -> None:
    async with board() as (app, pilot):
        app.table.show(rows(range(60)))
        app.table.move_to("9")
        await pilot.resize_terminal(40, 6)
        await pilot.pause()
        assert "alert 9 " in app.cursor_line()


async def test_rows_with_one_id_are_shown_once() -> None:
    async with board() as (app, _):
        app.table.show([row("a", "first"), row("a", "second"), row("b")])
        assert [r.id for r in app.table.rows] == ["a", "b"]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
async def test_the_cursor_is_seen_in_every_theme(theme: str) -> None:
    async with board() as (app, pilot):
        app.theme = theme
        app.table.show(rows("ab"))
        await pilot.pause()
        first, second = (list(app.table.render_line(y))[-1].style for y in (0, 1))
        assert first is not None
        assert second is not None
        assert (first.bgcolor, first.reverse) != (second.bgcolor, second.reverse)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_unknown_never_looks_well(theme: str) -> None:
    async with board() as (app, pilot):
        app.theme = theme
        app.table.show([Row("a", (("x", "ok"), ("y", "unknown")))])
        app.set_focus(None)
        await pilot.pause()
        colours = [
            segment.style.color for segment in app.table.render_line(0) if segment.style and segment.text.strip()
        ]
        assert colours[-1] != colours[-2]


async def test_the_cursor_of_a_table_without_focus_has_another_sign() -> None:
    async with board() as (app, pilot):
        app.table.show(rows("ab"))
        app.set_focus(None)
        await pilot.pause()
        assert app.cursor_line().startswith("▹")


async def test_the_cursor_is_seen_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with board() as (app, pilot):
        app.table.show(rows("ab"))
        await pilot.pause()
        first = next(iter(app.table.render_line(0))).style
        assert first is not None
        assert first.reverse


# -- the bars --------------------------------------------------------------------------------------------------------


async def test_help_always_stays_in_the_key_bar() -> None:
    async with board((30, 6)) as (app, pilot):
        bar = app.query_one(KeyBar)
        bar.show([("a", "ack", True), ("E", "escalate", False), ("S", "silence [x]", True), ("?", "help", True)])
        await pilot.pause()
        assert app.lines()[-1].rstrip() == " a ack  S silence [x]  ? help"


async def test_the_right_of_the_status_line_has_priority() -> None:
    async with board((30, 6)) as (app, pilot):
        app.query_one(StatusLine).show([("oncall alice@bastion [x]", "bold")], [("5/6 live", "ok"), (" 03:12", "")])
        await pilot.pause()
        assert app.lines()[0] == "oncall alice@b… 5/6 live 03:12"


def test_parts_are_cut_with_an_ellipsis() -> None:
    assert fit_parts([("abc", "x"), ("def", "y")], 5) == [("abc", "x"), ("d…", "y")]
    assert fit_parts([("日本", "x")], 3) == [("日…", "x")]
    assert fit_parts([("abc", "x")], 0) == []
