"""The detail pane where no row is under the cursor: it says why it is empty."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import FakeProvider, service
from tests.support.screen import Rig, on_screen

API = "prod/main/api"
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])


def detail(rig: Rig) -> str:
    """Return the pane's lines."""
    widget = rig.board.query_one("#detail")
    lines = [widget.render_line(y).text.strip() for y in range(widget.size.height)]
    return " ".join(" ".join(lines).split())


@SIZES
@pytest.mark.parametrize(
    ("keys", "why"),
    [("14", "No alert is firing"), ("34", "No deploy of the last day."), (["3", "tab"], "No deploy of the last day.")],
)
async def test_of_an_empty_list_it_says_what_the_list_says(
    tmp_path: Path, size: tuple[int, int], keys: str, why: str
) -> None:
    async with on_screen(Rig(tmp_path, FakeProvider()), size) as rig:
        await rig.press(*keys)
        rig.refresh()
        await rig.settle()
        assert why in detail(rig)
        assert "no row to show the detail of" in detail(rig)
        widget = rig.board.query_one("#detail")
        lines = [widget.render_line(y).text for y in range(widget.size.height)]
        assert all(line.startswith(" ") for line in lines if line.strip()), lines


@SIZES
async def test_of_a_row_that_has_gone_it_says_so(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Rig(tmp_path, FakeProvider())
    for name in (API, f"{API}-2"):
        rig.provider.services[name] = service(name)
    async with on_screen(rig, size):
        await rig.press("2", "j", "4")
        assert f"{API}-2" in detail(rig)
        del rig.provider.services[f"{API}-2"]
        rig.refresh()
        await rig.settle()
        assert rig.board.session.row_id is None
        assert "the row under the cursor has gone" in detail(rig)
