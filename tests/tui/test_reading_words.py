"""The word on what is read for a key: it goes as its reading ends, however that ends, and names the service alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.screen import Rig, on_screen
from tests.tui.test_login_key import COMMAND, Lapsed, night

from oncall_tui.errors import Expired
from oncall_tui.runtime import login_program
from oncall_tui.tui.screens.dialogs.modals import Text
from oncall_tui.tui.terminal import foreground


def heard(rig: Rig) -> list[str]:
    """Return the words that are said from now on, in a list that grows."""
    session, said = rig.board.session, []
    draw: Callable[..., None] = session.on_said

    def on_said(now: float) -> None:
        said.append(session.notice[0] if session.notice else "")
        draw(now)

    session.on_said = on_said
    return said


@pytest.mark.parametrize("pane", ["1", "2", "3"])
@pytest.mark.parametrize("lapsed", [False, True])
async def test_of_a_rollback_it_goes_before_the_plan_or_the_refusal_and_names_the_service(
    tmp_path: Path, pane: str, lapsed: bool
) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        assert isinstance(rig.provider, Lapsed)
        rig.provider.lapsed = lapsed
        said = heard(rig)
        await rig.press(pane)
        rig.looked()
        await rig.press("R")
        await rig.modal()
        assert [word for word in said if word.startswith("reading")] == ["reading what api ran before"]
        assert rig.board.session.notice is None
        await rig.press("escape")
        assert "reading what" not in rig.text()


async def test_a_dialog_and_the_end_of_the_steps_take_it_away_whoever_said_it(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        session, dialogs = rig.board.session, rig.board.dialogs

        async def steps(asks: bool) -> None:
            session.doing("reading it")
            if asks:
                await dialogs.ask(Text("It", []))
                session.doing("reading more")

        dialogs.begin(steps(False))
        await rig.settle()
        assert session.notice is None
        dialogs.begin(steps(True))
        await rig.modal()
        assert session.notice is None
        await rig.press("escape")
        assert session.notice is None
        assert not dialogs.active


async def test_after_a_login_it_goes_once_the_source_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreground, "run", lambda command: 0)
    monkeypatch.setattr(login_program, "fitted", lambda command: (command, ""))
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        monkeypatch.setattr(rig.pilot.app, "suspend", contextlib.nullcontext)
        rig.provider.read_raises = [Expired("the AWS login has expired", COMMAND)] * 2
        rig.refresh()
        await rig.press("L")
        await rig.modal()
        await rig.press("y")
        word = "login: ended with status 0; reading prod again"
        assert word in rig.text()
        rig.refresh()  # it is not renewed yet
        await rig.settle()
        assert word in rig.text()
        rig.clock.advance(3)
        rig.refresh()
        await rig.settle()
        assert rig.board.session.latest.board.sources["prod"].live
        assert word not in rig.text()


async def test_after_r_it_goes_once_every_source_was_read(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        await rig.press("r")
        assert "reading every source again" in rig.text()
        rig.clock.advance(1)
        rig.refresh()
        await rig.settle()
        assert "reading every source again" not in rig.text()
