"""The board on a headless terminal, over an engine that is driven by hand."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from textual.app import App
from textual.pilot import Pilot

from oncall_tui.domain.product import Product
from oncall_tui.engine.engine import Engine, SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules
from oncall_tui.tui.board import BoardScreen
from oncall_tui.tui.screens.dialogs.modals import Modal
from tests.support.fakes import ALICE, FakeProvider

PAGES = ({"severity": "critical"},)
T = TypeVar("T")


def _one_at_a_time(call: Callable[..., T]) -> Callable[..., T]:
    lock = threading.RLock()

    def locked(*arguments: Any) -> T:
        with lock:
            return call(*arguments)

    return locked


class Host(App[None]):
    """Shows one board; drops keys for a modal that is deaf, as the app does."""

    def __init__(self, board: BoardScreen) -> None:
        super().__init__()
        self.board = board

    def on_mount(self) -> None:
        self.push_screen(self.board)


class Rig:
    """Sources, engine, board and pilot. ``refresh`` polls by hand, ``settle`` waits for the queues."""

    def __init__(self, folder: Path, *providers: FakeProvider, products: tuple[Product, ...] = (), **more: Any) -> None:
        self.clock = FakeClock()
        self.providers = providers or (FakeProvider(),)
        for provider in self.providers:
            provider.clock = self.clock
        specs = tuple(
            SourceSpec(p.source, p.provider, lambda p=p: p, on_call=hasattr(p, "on_call"))  # type: ignore[misc]
            for p in self.providers
        )
        journal = Journal(folder / "journal.db", self.clock.now)
        rules = Rules(pages=PAGES, products=products)
        self.engine = Engine(specs, rules, journal, self.clock, ALICE, **more)
        # In the whole app the engine's threads poll and build too: what one of them began earlier would undo what a
        # test has polled since, because nothing but a later poll ever puts that right.
        for poller in self.engine._pollers.values():
            poller._poll = _one_at_a_time(poller._poll)  # type: ignore[method-assign]
        self.engine._build_board = _one_at_a_time(self.engine._build_board)  # type: ignore[method-assign]
        self.board = BoardScreen(self.engine, ZoneInfo("Asia/Tokyo"), "Alice")
        self.pilot: Pilot[None]

    @property
    def provider(self) -> FakeProvider:
        return self.providers[0]

    def poll(self) -> None:
        """One poll of every source, and a new update; not drawn yet."""
        for poller in self.engine._pollers.values():
            poller._poll(ReadRequest())
        self.engine._earlier.load()
        self.engine._build_board()

    def refresh(self) -> None:
        """Poll, and draw."""
        self.poll()
        self.board.show(self.engine.update)
        self.looked()

    def looked(self) -> None:
        """The engineer has looked for a second: where the cursor went by itself has been seen."""
        for table in self.board.session.tables.values():
            table.strayed_at = float("-inf")

    def drain(self) -> None:
        """Wait until every queue did what it has to do now."""
        for _ in range(3):
            for queue in (*self.engine._acting().queues.values(), *self.engine.on_demand._queues.values()):
                queue.run(lambda: None).result(30)  # a bound for a busy machine, no measure
        self.engine._build_board()

    async def settle(self) -> None:
        """The same, and what the screen's workers wait for, drawn."""
        for _ in range(3):
            self.drain()
            await quiet(self.pilot)
        self.board.show(self.engine.update)
        await quiet(self.pilot)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    def text(self) -> str:
        """What is on screen, line by line."""
        screen = self.pilot.app.screen
        strips = screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def modal(self) -> Modal[Any]:
        """The modal that is open, once it listens to keys."""
        for _ in range(20):
            await self.pilot.pause()
            screen = self.pilot.app.screen
            if isinstance(screen, Modal) and screen._painted_at is not None:
                screen._painted_at = screen._resized_at = 0.0
                await self.pilot.pause()  # what is on screen is known to have been
                return screen
            await self.settle()
        raise AssertionError(f"no modal:\n{self.text()}")


async def comes(true: Callable[[], object], turn: Callable[[], Awaitable[object]], within_s: float = 20.0) -> None:
    """Take turns until *true* holds: what comes from another thread comes when that has its turn."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it does not come"
        await turn()
        await asyncio.sleep(0.01)


async def quiet(pilot: Pilot[Any]) -> None:
    """Wait until nothing on the loop can go on but by a time or another thread, and what changed is painted.

    The pilot's own ``pause`` sleeps at least 20 ms, and a settled key would take four of them.
    """
    loop = asyncio.get_running_loop()
    for _ in range(200):
        await pilot._wait_for_screen()
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        pilot.app.screen._on_timer_update()
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined]
            return


@asynccontextmanager
async def on_screen(rig: Rig, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Rig]:
    """The rig's board, running."""
    host = Host(rig.board)
    async with host.run_test(size=size) as pilot:
        rig.pilot = pilot
        await pilot.pause()
        rig.refresh()
        await pilot.pause()
        yield rig
    rig.engine.stop()
