"""E on screen where a source cannot escalate by itself."""

from __future__ import annotations

from pathlib import Path

from tests.support.fakes import Able, FakeProvider
from tests.support.screen import Rig, on_screen
from tests.support.told import FakeDestination

from oncall_tui.config import Config
from oncall_tui.notifications.destinations import DestinationSpec
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany


async def test_without_a_destination_it_says_what_would_help(tmp_path: Path) -> None:
    provider = FakeProvider()
    provider.add("a")
    async with on_screen(Rig(tmp_path, provider)) as rig:
        await rig.press("E")
        assert "fake cannot escalate: a destination under escalation: in the configuration can" in rig.text()


async def test_with_one_it_is_picked_planned_confirmed_and_sent(tmp_path: Path) -> None:
    provider, chat = FakeProvider(), FakeDestination("chat")
    provider.add("a")
    spec = DestinationSpec("chat", "slack", lambda: chat)
    async with on_screen(Rig(tmp_path, provider, destinations=(spec,)), (80, 24)) as rig:
        await rig.press("E")
        await rig.modal()
        await rig.settle()
        assert "notify chat" in rig.text()
        await rig.press("enter")
        await rig.modal()
        await rig.press("enter")
        await rig.modal()
        await rig.settle()
        assert "delivery is not confirmed" in rig.text()
        assert chat.sent == []
        await rig.press("y")
        for worker in rig.engine._acting().destinations:
            worker.queue.run(lambda: None).result(5)
        await rig.settle()
        assert len(chat.sent) == 1
        assert "→ title of a: sent to chat; delivery is not confirmed" in rig.text()


async def test_quitting_asks_once_where_others_were_not_told_yet(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(80, 24)) as pilot:
        rig.engine._acting().notifier._count(2)
        app.action_leave()
        await pilot.pause()
        assert isinstance(app.screen, ConfirmMany)
        shown = "\n".join("".join(part.text for part in strip) for strip in app.screen._compositor.render_strips())
        assert "Quit before others were notified?" in shown
        assert "2 notifications not sent yet" in shown
        app.screen.dismiss(True)
        await pilot.pause()
    rig.engine.stop()
    assert app.return_code == 0
