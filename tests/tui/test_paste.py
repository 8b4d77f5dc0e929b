"""A line of text takes the text of a paste, or of keys that arrive at once, and says that the Enter did not act."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen
from textual import events
from textual.widgets import Input

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.product import Product
from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan
from oncall_tui.tui.widgets.clean_input import CleanInput, ignored

API = "prod/main/api"
TOGETHER = "Enter came together with the text: press Enter once more"
LINES = {  # the keys that open a line of text, and what is typed there
    "filter": ("slash", "5xx"),
    "note": ("n", "looking"),
    "reason": ("S", "deploy"),
    "product": ("p", "slash", "pay"),
    "name": ("R", "api"),
}


def night(folder: Path) -> Rig:
    rig = Rig(folder, Able("prod"), products=(Product(name="pay", services=("prod/*",), protected=True),))
    rig.provider.services[API] = service(API)
    rig.provider.deploys["prod/d"] = deploy("prod/d", API, started=rig.clock.now() - 300)
    rig.provider.add("bad", title="5xx of api", hint=ServiceHint(service="api"))
    return rig


async def focused(rig: Rig, where: str) -> tuple[CleanInput, str]:
    """Open the line; return it, and the text that belongs there."""
    *keys, text = LINES[where]
    for key in keys:
        await rig.press(key)
    if where != "filter":
        await rig.modal()
    line = rig.pilot.app.focused
    assert isinstance(line, CleanInput)
    line.value = ""
    return line, text


async def paste(rig: Rig, text: str) -> None:
    rig.pilot.app.post_message(events.Paste(text))
    await rig.settle()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("where", LINES)
async def test_an_enter_that_came_with_the_text_is_not_lost_silently(
    tmp_path: Path, where: str, size: tuple[int, int]
) -> None:
    async with on_screen(night(tmp_path), size) as rig:
        line, text = await focused(rig, where)
        screen = rig.pilot.app.screen
        await paste(rig, text + "\n")
        assert rig.pilot.app.screen is screen
        assert line.value == text
        row = next(row for row in rig.text().splitlines() if text in row and "Enter came" in row)
        assert TOGETHER in row, rig.text()
        await rig.press("right")  # any key: it has been seen
        assert "Enter came" not in rig.text()
        await paste(rig, "\n")  # the Enter alone, so soon after a burst that it belongs to it
        assert line.value == text
        assert "press Enter once more" in rig.text()
        await rig.press("enter")
        assert "Enter once more" not in rig.text()


async def test_the_enter_once_more_acts(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        line, text = await focused(rig, "name")
        assert isinstance(rig.pilot.app.screen, ConfirmPlan)
        rig.pilot.app.screen.action_by(100)
        await rig.settle()
        await paste(rig, text + "\n")
        assert rig.pilot.app.screen is line.screen
        await rig.press("enter")
        assert rig.pilot.app.screen is rig.board


async def test_text_alone_says_nothing_and_a_long_one_leaves_room_for_the_words(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        line, _ = await focused(rig, "note")
        await paste(rig, "looking")
        assert "Enter once more" not in rig.text()
        for size in range(1, 140, 7):
            line.value = ""
            await paste(rig, "x" * size + "\n")
            assert "press Enter once more" in rig.text()
            assert max(map(len, rig.text().splitlines())) <= 80
        await paste(rig, "first\nsecond\nthird")
        assert "took 1 of 3 lines" in rig.text()


@pytest.mark.parametrize(
    ("pasted", "said"),
    [("api", ""), ("api\n", TOGETHER), ("api\r\n", TOGETHER), ("\n", TOGETHER), ("\n\n", TOGETHER), ("", "")],
)
def test_what_a_line_does_not_take(pasted: str, said: str) -> None:
    assert (*ignored(pasted), "")[0] == said


def test_lines_that_are_lost_are_counted() -> None:
    assert ignored("a\nb\nc\n")[0] == "only the first of 3 lines was taken, and Enter not: press Enter once more"


async def test_words_leave_with_the_line(tmp_path: Path) -> None:
    async with on_screen(night(tmp_path), (80, 24)) as rig:
        await focused(rig, "filter")
        await paste(rig, "5xx\n")
        rig.board.set_focus(rig.board.session.tables["alerts"])
        await rig.settle()
        assert "Enter came" not in rig.text()
        assert rig.board.query_one("#filter", Input).value == "5xx"
