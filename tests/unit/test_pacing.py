"""A terminal that is behind gets no frame more; what changed meanwhile is drawn once, as it is by then."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size

from oncall_tui.tui.terminal.confirmed import Confirmed
from oncall_tui.tui.terminal.driver import KeyDriver
from oncall_tui.tui.terminal.outgoing import Outgoing
from oncall_tui.tui.terminal.pacing import Pacing


class Slow(Outgoing):
    """Is behind for as long as it is told."""

    late = False

    def __init__(self) -> None:
        super().__init__(-1, lambda: None)

    @property
    def behind(self) -> bool:
        return self.late


class Owing:
    """An app with two screens and a driver that is behind."""

    size = Size(80, 24)

    def __init__(self) -> None:
        self.drawn: list[tuple[str, set[Region]]] = []
        self.board, self.detail = self._made("board"), self._made("detail")
        self.screen = self.board
        self.waiting: list[Callable[[], None]] = []
        self.out = Slow()
        self._driver = object.__new__(KeyDriver)
        self._driver._outgoing = self.out
        self._driver._confirmed = Confirmed()
        self._driver._owes_since = self._driver._pays_at = float("-inf")
        self.pacing = Pacing(cast("Any", self))

    def _made(self, name: str) -> Any:
        compositor = SimpleNamespace(_dirty_regions=set())
        screen = SimpleNamespace(_compositor=compositor)
        screen._compositor_refresh = lambda: self.drawn.append((name, set(compositor._dirty_regions)))
        return screen

    def set_timer(self, _seconds: float, call: Callable[[], None]) -> None:
        self.waiting.append(call)

    def tick(self) -> None:
        calls, self.waiting = self.waiting, []
        for call in calls:
            call()


def part(y: int) -> ChopsUpdate:
    return ChopsUpdate([], [(y, 2, 10)], [])


@pytest.fixture
def app() -> Owing:
    return Owing()


def test_a_terminal_that_keeps_up_gets_each_frame(app: Owing) -> None:
    assert not app.pacing.holds_back(app.screen, part(1))
    assert app.waiting == []


def test_frames_for_one_that_is_behind_become_one(app: Owing) -> None:
    app.out.late = True
    for y in (1, 2, 2):
        assert app.pacing.holds_back(app.screen, part(y))
    for _ in range(5):
        app.tick()
    assert app.drawn == []
    assert len(app.waiting) == 1, "one timer, however many frames"
    app.out.late = False
    assert app.pacing.holds_back(app.screen, part(3)), "it comes after what is owed"
    app.tick()
    assert app.drawn == [("board", {Region(2, y, 8, 1) for y in (1, 2, 3)})]
    assert not app.pacing.holds_back(app.screen, part(4))


def test_another_screen_meanwhile_is_drawn_whole(app: Owing) -> None:
    app.out.late = True
    assert app.pacing.holds_back(app.board, part(1))
    app.screen = app.detail
    assert app.pacing.holds_back(app.detail, LayoutUpdate([], app.size.region))
    app.out.late = False
    app.tick()
    assert app.drawn == [("detail", {app.size.region} | {Region(2, 1, 8, 1)})]


def test_what_is_owed_is_not_shown(app: Owing) -> None:
    app.out.late = True
    app.pacing.holds_back(app.screen, part(1))
    since = app._driver._owes_since
    assert app._driver.taken_at(since + 1.0) is None
    assert app._driver.taken_at(since - 1.0) == since - 1.0
    app.out.late = False
    app.tick()
    assert app._driver.taken_at(since) == pytest.approx(app._driver._pays_at, abs=0.1)
