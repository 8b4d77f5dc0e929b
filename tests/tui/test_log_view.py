"""The lines on screen under everything that may happen to them: the cursor is on its line, and in sight."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pytest
from textual.app import App, ComposeResult

from oncall_tui.domain.logs import LogLine, LogStream
from oncall_tui.inspection.logs.buffer import LogBuffer
from oncall_tui.tui.screens.logs.view import LogView

TZ = ZoneInfo("UTC")
STREAM = LogStream("ecs/app/t1", "app", "t1" * 16)
NOW = 1_800_000_000.0


class Host(App[None]):
    def __init__(self, goal: float | None) -> None:
        super().__init__()
        self.view = LogView(TZ, goal, [(NOW + 20.5, "the alert began"), (NOW + 10.5, "deploy began")])

    def compose(self) -> ComposeResult:
        yield self.view


def line(rng: random.Random, at: float) -> LogLine:
    text = rng.choice(["short", "x" * 300, "決済に失敗しました " * 30, "word " * 50, "", "needle"])
    return LogLine(NOW + at, f"{at}/{rng.random()}", text, STREAM, rng.choice(["", "error", "info"]))


def check(view: LogView, height: int) -> None:
    rows = view._rows
    assert len(rows) == height
    if not view.lines:
        return
    assert 0 <= view.cursor < len(view.lines)
    under = [y for y, row in enumerate(rows) if row and row[0][0] == "▸"]
    tall = len(view._rows_of(view.cursor)) > height
    assert len(under) == 1 or (tall and len(under) <= 1), (view._top, view._skip, view.cursor)
    if len(view.lines) >= height and not view._skip:
        assert rows[0], "no empty rows while there are lines"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("goal", [None, NOW + 20.5])
async def test_whatever_happens_the_cursor_is_on_its_line_and_in_sight(seed: int, goal: float | None) -> None:
    rng = random.Random(seed)
    host, store = Host(goal), LogBuffer(most_lines=120)
    size = rng.choice([(80, 20), (40, 6), (120, 38)])
    async with host.run_test(size=size) as pilot:
        view = host.view
        newest = 0.0
        for _ in range(120):
            step = rng.randrange(12)
            under, followed = view.line, view.follow
            if step <= 3:
                at = [newest + rng.random() * rng.choice([1, -40, 5]) for _ in range(rng.randrange(25))]
                newest = max([newest, *at])
                store.add([line(rng, it) for it in sorted(at)], newest_stay=rng.random() < 0.8)
                view.show(store.kept.lines, (("head", ""),), (("foot", ""),) if rng.random() < 0.5 else (), [])
                still = under is not None and any(it is under for it in view.lines)
                if still and view._touched and not followed:
                    assert view.line is under
                if followed and view.lines:
                    assert view.line is view.lines[-1]
            elif step <= 6:
                view.action_by(rng.choice([1, -1, 3, -3]))
            elif step == 7:
                view.action_page(rng.choice([1, -1]))
            elif step == 8:
                view.action_edge(rng.choice([1, -1]))
            elif step == 9:
                view.toggle_wrap()
            elif step == 10:
                view.query_text = rng.choice(["needle", ""])
                view.find(rng.choice([1, -1]))
            else:
                view.jump(rng.choice([1, -1]), lambda it: it.level == "error")
            check(view, size[1])
            await pilot.pause() if rng.random() < 0.1 else None


async def test_it_begins_at_its_goal_and_stays_there_while_what_led_to_it_comes() -> None:
    host, store = Host(NOW + 20.5), LogBuffer()
    rng = random.Random(1)
    async with host.run_test(size=(80, 20)):
        view = host.view
        store.add([line(rng, at) for at in range(21, 60)])
        view.show(store.kept.lines)
        assert view.line is not None
        assert view.line.at == NOW + 21
        store.add([line(rng, at) for at in range(21)], newest_stay=False)
        view.show(store.kept.lines)
        assert view.line.at == NOW + 21
        text = ["".join(part for part, _ in row) for row in view._rows]
        marks = [y for y, row in enumerate(text) if "began ─" in row]
        assert 4 <= marks[-1] <= 8
        assert "▸" in text[marks[-1] + 1]


async def test_a_screen_of_many_thousands_is_drawn_from_what_is_seen() -> None:
    """Not one line more is folded than has to be seen."""
    host, store = Host(None), LogBuffer()
    rng = random.Random(1)
    async with host.run_test(size=(80, 20)):
        view = host.view
        store.add([line(rng, at) for at in range(20_000)])
        view.show(store.kept.lines)
        for _ in range(20):
            view.action_page(-1)
        assert len(view._folded) < 21 * 21 + 60
        view.action_edge(-1)
        assert len(view._folded) < 22 * 21 + 60
