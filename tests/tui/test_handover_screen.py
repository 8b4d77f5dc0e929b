"""The handover on screen: a window by a key, copied, sent after a yes; a journal that cannot be read is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.support.fakes import Able
from tests.support.screen import Rig, comes, on_screen
from tests.support.told import FakeDestination

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.errors import JournalError
from oncall_tui.notifications.destinations import DestinationSpec
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
from oncall_tui.tui.screens.handover import HandoverView


def night(folder: Path, **more: Any) -> Rig:
    rig = Rig(folder, Able("prod"), **more)
    now = rig.clock.now()
    rig.provider.add("a", title="5xx <!here>", began=now - 600)
    entries = [
        Entry(at=now - 7 * 3600, kind=EntryKind.ALERT, subject="prod/old", text="old one", data={"new": "firing"}),
        Entry(at=now - 7 * 3600 + 60, kind=EntryKind.ALERT, subject="prod/old", data={"new": "resolved"}),
    ]
    rig.engine.journal.must(*entries)
    return rig


async def opened(rig: Rig) -> HandoverView:
    await rig.press("h")
    view = rig.pilot.app.screen
    assert isinstance(view, HandoverView)
    await comes(lambda: view.told is not None, rig.pilot.pause)
    view._painted_at = 0.0
    await rig.pilot.pause()
    return view


async def told_anew(rig: Rig, view: HandoverView, key: str) -> None:
    before = view.told
    await rig.press(key)
    await comes(lambda: view.told is not before, rig.pilot.pause)
    await rig.pilot.pause()


def shown(view: HandoverView) -> str:
    body: Any = view.query_one("#body")
    return "\n".join("".join(text for text, _ in line) for line in body._lines)


async def test_it_tells_the_last_twelve_hours_and_a_key_another_time(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        view = await opened(rig)
        assert "Open, not paging: 1" in shown(view)
        assert "old one" in shown(view)
        assert "no board was open in this time" in shown(view)
        await told_anew(rig, view, "1")
        assert "old one" not in shown(view)
        await rig.press("escape")
        assert rig.pilot.app.screen is rig.board


async def test_it_is_copied_as_markdown_without_markup_from_outside(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (120, 40)) as rig:
        view = await opened(rig)
        await rig.press("c")
        copied = rig.pilot.app.clipboard
        assert copied.startswith("# On call: ")
        assert "<!here>" not in copied
        assert view.told is not None


async def test_a_journal_that_cannot_be_read_is_said_and_the_board_is_told_still(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:

        def broken(*_: Any) -> list[Entry]:
            raise JournalError("the journal cannot be read: disk I/O error")

        rig.engine.journal.since = broken  # type: ignore[method-assign]
        view = await opened(rig)
        assert "NOT KNOWN what fired and was done" in shown(view)
        assert "Open, not paging: 1" in shown(view)


async def test_it_is_sent_once_after_a_pick_and_a_yes(tmp_path: Path) -> None:
    chat = FakeDestination("chat", pages=False)
    specs = (DestinationSpec("chat", "fake", lambda: chat),)
    async with on_screen(night(tmp_path, destinations=specs), (80, 24)) as rig:
        await opened(rig)
        await rig.press("w")
        await pick(rig, ChoiceDialog)
        await rig.press("enter")
        await pick(rig, ConfirmMany)
        assert chat.sent == []
        await rig.press("y")
        await comes(lambda: chat.sent, rig.pilot.pause)
        (message,) = chat.sent
        assert "Open, not paging: 1" in message.text


async def pick(rig: Rig, kind: type[Any]) -> None:
    """Wait for a modal of this kind, and until it takes keys."""
    await comes(lambda: isinstance(rig.pilot.app.screen, kind), rig.pilot.pause)
    screen = rig.pilot.app.screen
    assert isinstance(screen, kind)
    await asyncio.sleep(0.1)
    screen._painted_at = 0.0  # type: ignore[attr-defined]


async def test_without_a_destination_nothing_is_asked(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        view = await opened(rig)
        await rig.press("w")
        assert rig.pilot.app.screen is view
