"""Lines go to the panes that lack them: few alerts, a cursor on no row, names that are too long for their column."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import FakeProvider, deploy, service
from tests.support.screen import Rig, on_screen
from textual.geometry import Region
from textual.widget import Widget

LONG = [f"checkout-worker-for-the-{where}-and-its-long-name" for where in ("north", "south")]


def shop(folder: Path, services: int) -> Rig:
    rig = Rig(folder, FakeProvider("prod"))
    for i in range(services):
        rig.provider.services[f"prod/main/s{i}"] = service(f"prod/main/s{i}")
    return rig


def blank_lines(rig: Rig, pane: str) -> int:
    table = rig.board.session.tables[pane]
    return sum(not table.render_line(y).text.strip() for y in range(table.size.height))


async def test_an_empty_list_of_alerts_leaves_its_lines_to_the_others_and_takes_them_again(tmp_path: Path) -> None:
    rig = shop(tmp_path, 70)
    async with on_screen(rig, (120, 40)) as rig:
        await rig.settle()
        services, alerts = rig.board.session.tables["services"], rig.board.session.tables["alerts"]
        assert blank_lines(rig, "alerts") <= 3
        assert services.size.height >= 28, rig.text()
        assert rig.board.query_one("#pane-detail").size.height == 1  # no row is under the cursor
        for i in range(30):
            rig.provider.add(f"a{i}", title=f"alert {i}", began=100.0 - i)
        rig.refresh()
        await rig.settle()
        assert alerts.size.height >= 11, rig.text()
        assert rig.board.query_one("#pane-detail").size.height > 1
        steps = set()
        for i in range(30):
            del rig.provider.alerts[f"prod/a{i}"]
            rig.refresh()
            await rig.settle()
            assert len(alerts.rows) > 9 or all(row.cells[4] in rig.text() for row in alerts.rows), rig.text()
            assert blank_lines(rig, "alerts") < 8, rig.text()
            steps.add(alerts.size.height)
        assert len(steps) <= 4, "what is below moves seldom"
        assert blank_lines(rig, "alerts") <= 3


@pytest.mark.parametrize("alerts", [0, 1, 3, 8, 30])
@pytest.mark.parametrize("services", [0, 2, 9, 70])
async def test_the_panes_fill_the_screen_and_the_key_bar_is_its_last_line(
    tmp_path: Path, alerts: int, services: int
) -> None:
    rig = shop(tmp_path, services)
    for i in range(alerts):
        labels = tuple((f"l{n}", "x" * 40) for n in range(9))
        rig.provider.add(f"a{i}", title=f"alert {i}", began=100.0 - i, labels=labels)
    async with on_screen(rig, (120, 40)) as rig:
        await rig.settle()
        lines = rig.text().splitlines()
        assert len(lines) == 40
        assert "? help" in lines[-1], rig.text()
        assert not rig.board.show_vertical_scrollbar
        assert not alerts or "SEV" in rig.text(), "a list has its headings"
        detail = rig.board.query_one("#pane-detail")
        assert detail.size.height >= (9 if alerts else 1), rig.text()
        if 0 < alerts < 4 and services < 10:  # there is room for all of it
            assert detail.size.height > 9, rig.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_name_too_long_for_its_column_goes_on_below_while_lines_are_empty(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Whatever row the cursor is on: two names that differ in their middle are told apart by nothing else."""
    rig = shop(tmp_path, 2)
    for name in LONG:
        rig.provider.services[f"prod/main/{name}"] = service(f"prod/main/{name}")
        began = rig.clock.now() - 60
        rig.provider.deploys[f"prod/{name}"] = deploy(f"prod/{name}", f"prod/main/{name}", started=began)
    async with on_screen(rig, size) as rig:
        await rig.press("3")
        table = rig.board.session.tables["deploys"]
        names = [row.cells[1] for row in table.rows]
        at = table._painter._widths[1]
        lines = [table.render_line(y).text for y in range(table.size.height)]
        assert len(names) == 2
        for name in names:
            assert str(name) in "".join("".join(lines).split()) or at < len(str(name)), rig.text()
            head = next(i for i, line in enumerate(lines) if str(name)[:8] in line)
            assert "…" not in lines[head][: 8 + at], rig.text()


async def test_an_update_lays_nothing_out_anew_while_the_heights_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laying out takes 40 ms with thousands of rows, and would fall between a key and its answer."""
    rig = shop(tmp_path, 2)
    for i in range(60):
        rig.provider.add(f"a{i}", title=f"alert {i}", began=100.0 - i)
    async with on_screen(rig, (120, 40)) as rig:
        await rig.settle()
        laid_out: list[str] = []
        refresh = Widget.refresh

        def noted(widget: Widget, *regions: Region, layout: bool = False, **more: bool) -> Widget:
            if layout:
                laid_out.append(repr(widget))
            return refresh(widget, *regions, layout=layout, **more)

        monkeypatch.setattr(Widget, "refresh", noted)
        for key in "jjkj":
            await rig.press(key)
            rig.refresh()
            await rig.settle()
        assert laid_out == []
