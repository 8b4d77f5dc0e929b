"""Room on the screen: nothing that decides is cut while cells are empty, at every size and on any board."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from rich.segment import Segment
from tests.support.fakes import FakeProvider, deploy, revision, service
from tests.support.screen import Rig, on_screen
from textual.strip import Strip

from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.deploy import DeployState, TaskFailure
from oncall_tui.domain.service import Health
from oncall_tui.text.cells import clean
from oncall_tui.tui.widgets.table.heights import RowHeights, share
from oncall_tui.tui.widgets.table.painter import _x
from oncall_tui.tui.widgets.table.rows import Row, as_cell

SIZES = [(80, 24), (100, 30), (120, 40), (200, 50)]
WORDS = ("checkout", "latency", "is above 2 s", "for 15 minutes", "in zone a", "決済", "エラー率", "payments-api 5xx")
PLACEMENT = (
    "(service s0) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or "
    "in a different availability zone."
)
KILLED = "OutOfMemoryError: Container killed due to memory usage"


def town(chance: random.Random, folder: Path) -> Rig:
    """Services, deploys and alerts by chance: pages and others, with and without a suspect, in each state."""
    rig = Rig(folder, FakeProvider("prod"))
    now = rig.clock.now()
    for i in range(6):
        name = f"prod/main/s{i}" + "-jobs" * chance.randint(0, 4)
        events = ((now - 120, PLACEMENT),) if chance.random() < 0.4 else ()
        rig.provider.services[name] = service(
            name, health=chance.choice([Health.HEALTHY, Health.DEGRADED]), last_deploy=now - 86_400, events=events
        )
        if chance.random() < 0.6:
            rig.provider.deploys[f"prod/d{i}"] = deploy(
                f"prod/d{i}",
                name,
                old=revision(41),
                new=revision(42),
                started=now - chance.randint(60, 3_000),
                started_by=chance.choice(["", "payments-deploy/deploy"]),
                state=chance.choice([DeployState.IN_PROGRESS, DeployState.SUCCEEDED]),
                failed_tasks=chance.choice([0, 48]),
                failures=(TaskFailure("t", now - 30, KILLED, 137),),
            )
    for i in range(chance.randint(1, 14)):
        where = chance.choice(sorted(rig.provider.services))
        rig.provider.add(
            f"a{i}",
            title=" ".join(chance.choices(WORDS, k=chance.randint(1, 18))),
            severity=chance.choice([Severity.CRITICAL, Severity.WARNING]),
            state=chance.choice([AlertState.FIRING, AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SILENCED]),
            by=chance.choice([(), ("Alice",)]),
            until=chance.choice([None, now + 540]),
            began=now - chance.randint(0, 50),
            hint=ServiceHint(service=where.rpartition("/")[2]),
        )
    return rig


def squeezed(text: str) -> str:
    """Without blanks, ellipses left: what is wrapped is compared by its letters."""
    return "".join(text.split())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(12))
async def test_nothing_of_a_page_is_cut_while_cells_are_empty(tmp_path: Path, size: tuple[int, int], seed: int) -> None:
    chance = random.Random(seed)
    async with on_screen(town(chance, tmp_path), size) as rig:
        table = rig.board.session.tables["alerts"]
        for _ in range(3):
            lines = [table.render_line(y).text for y in range(table.size.height)]
            # Scrolled, the list ends with blank lines rather than begin within a row.
            blank = 0 if table.scroll_offset.y else sum(not line.strip() for line in lines)
            shown = squeezed(" ".join(lines))
            for index, row in enumerate(table.rows):
                at = table._stack.top(index) - table.scroll_offset.y + table._head
                if not row.claims or not table._head <= at < len(lines):
                    continue
                whole = [as_cell(cells[-1])[0] for cells in row.under]
                cut = [text for text in whole if squeezed(text) not in shown]
                cut += [lines[at]] if "…" in lines[at] else []
                assert not cut or not blank, (cut, "\n".join(lines))
                title = as_cell(row.cells[4])[0].split()
                assert cut or all(word in " ".join(lines) for word in title)
            table.action_move(chance.randint(1, 4))
            await rig.pilot.pause()


NAMES = ("api", "checkout-worker", "search-index-rebuild", "codedeploy-termination-wait", "blue-green-stop-requested")


def crowd(chance: random.Random, folder: Path) -> Rig:
    """More rows than lines: some titles are long, few states are, and most rows have no suspect and no note."""
    rig = Rig(folder, FakeProvider("prod"))
    now, provider = rig.clock.now(), rig.provider
    for i in range(70):
        name = f"prod/main/{chance.choice(NAMES[: chance.choice([2, 5])])}-{i}"
        few = chance.random() < 0.1
        provider.services[name] = service(
            name,
            health=chance.choice([Health.HEALTHY, Health.HEALTHY, Health.DEPLOYING, Health.DEGRADED]),
            pending=chance.choice([0, 0, 0, 2]),
            note="controller EXTERNAL: nothing here can be rolled back" if few else "",
            last_deploy=now - chance.choice([60, 86_400 * 13]),
        )
        if chance.random() < 0.5:
            provider.deploys[f"prod/d{i}"] = deploy(
                f"prod/d{i}",
                name,
                old=revision(41),
                new=revision(42),
                started=now - 5_000 - i,
                started_by="payments-deploy/deploy" if few else "",
                waits="the old tasks stop at 02:39 tomorrow" if few else "",
            )
        state = AlertState.SILENCED if few else chance.choice([AlertState.FIRING, AlertState.ACKNOWLEDGED])
        provider.add(
            f"a{i}",
            title=" ".join(chance.choices(WORDS, k=chance.choice([2, 4, 9, 12]))),
            state=state,
            by=("christopher",) if few else (),
            until=now + 3_000 if few else None,
            began=now - 100 - i,
            hint=ServiceHint(service=name.rpartition("/")[2]),
        )
    return rig


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("zoomed", [False, True])
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_cut_beside_cells_that_its_row_leaves_blank(
    tmp_path: Path, size: tuple[int, int], zoomed: bool, seed: int
) -> None:
    async with on_screen(crowd(random.Random(seed), tmp_path), size) as rig:
        for key, pane in (("1", "alerts"), ("2", "services"), ("3", "deploys")):
            await rig.press(key)
            if zoomed:
                await rig.press("z")
            table = rig.board.session.tables[pane]
            table.action_edge(1)  # the first row would be alone with its lines
            await rig.settle()
            columns = table._painter._columns
            spilling = [i for i, column in enumerate(columns) if column.spills]
            after = next(i for i in spilling if columns[i].align != "middle" or pane == "services")
            for y in range(table._head, table.size.height):
                line = table.render_line(y).text
                index, under = table._at(y)
                if index is None or index >= len(table.rows) or under or table._stack.under(index):
                    continue  # what is too long for its column goes on below
                texts = [as_cell(table.rows[index].cells[i])[0] for i in spilling]
                if all(clean(text) in line for text in texts):
                    continue
                named = clean(texts[0]) in line
                shown = Strip([Segment(line)]).crop(_x(table._painter._widths, after if named else spilling[0])).text
                assert "   " not in shown.rstrip(), line
                assert len(shown) - len(shown.rstrip()) <= 5, line  # words that say less do not fill every cell
            if zoomed:
                await rig.press("z")


@pytest.mark.parametrize("size", SIZES)
async def test_a_name_is_not_cut_for_a_column_that_is_blank_on_most_rows(tmp_path: Path, size: tuple[int, int]) -> None:
    """The services pane alone on the screen: the longest names are whole before a note has any room."""
    rig = crowd(random.Random(1), tmp_path)
    async with on_screen(rig, size) as rig:
        await rig.press("2", "z")
        shown = rig.text()
        names = [row.cells[2] for row in rig.board.session.tables["services"].rows[: size[1] - 6]]
        assert all(as_cell(name)[0] in shown for name in names)


@pytest.mark.parametrize("state", [AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SILENCED, AlertState.SEEN])
@pytest.mark.parametrize("crowd", [0, 60])
async def test_each_page_has_its_suspect_at_80_columns_wherever_the_cursor_is(
    tmp_path: Path, state: AlertState, crowd: int
) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    now = rig.clock.now()
    for name in ("api", "jobs"):
        rig.provider.services[f"prod/main/{name}"] = service(f"prod/main/{name}")
        rig.provider.deploys[f"prod/{name}"] = deploy(
            f"prod/{name}", f"prod/main/{name}", started=now - 720, started_by="Alice", failed_tasks=48
        )
        rig.provider.add(
            name, title=f"5xx rate of {name} ", severity=Severity.CRITICAL, state=state, hint=ServiceHint(service=name)
        )
        rig.provider.alerts[f"prod/{name}"] = rig.provider.add(
            name,
            title=f"5xx of {name}",
            severity=Severity.CRITICAL,
            state=state,
            hint=ServiceHint(service=name),
            began=now,
        )
    for i in range(crowd):
        rig.provider.add(f"w{i}", title=f"warning {i}")
    async with on_screen(rig, (80, 24)) as rig:
        for name in ("api", "jobs"):
            for to in ("api", "jobs"):
                rig.board.session.tables["alerts"].move_to(f"prod/{to}")
                await rig.settle()
                said = f"suspect deploy :41→:42 of prod/{name} started 12m before the alert, 48 tasks stopped"
                assert said in " ".join(rig.text().split())
                assert "image v41→v42 · by Alice" in " ".join(rig.text().split())


async def test_why_a_task_cannot_be_placed_stands_whole_under_the_alert_and_the_service(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    now = rig.clock.now()
    rig.provider.services["prod/main/s0"] = service(
        "prod/main/s0", health=Health.DEGRADED, running=1, events=((now - 60, PLACEMENT), (now - 90, "(service s0) x"))
    )
    rig.provider.add("a", severity=Severity.CRITICAL, hint=ServiceHint(service="s0"), title="below desired count")
    async with on_screen(rig, (80, 24)) as rig:
        whole = PLACEMENT.removeprefix("(service s0) ").rstrip(".") + " (1m ago)"
        for key in "12":
            await rig.press(key)
            assert whole in " ".join(rig.text().split())
        steady = service(
            "prod/main/s0", events=((now, "(service s0) has reached a steady state."), (now - 60, PLACEMENT))
        )
        rig.provider.services["prod/main/s0"] = steady
        rig.refresh()
        await rig.settle()
        assert "unable to place" not in rig.text()  # it was: it is not any more


async def test_columns_stay_where_they_are_while_states_come_and_go(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    for i in range(6):
        rig.provider.add(f"a{i}", title=f"alert {i}", began=100.0 - i)
    async with on_screen(rig, (120, 40)) as rig:
        table = rig.board.session.tables["alerts"]
        places = []
        for by in ((), ("christopher",), (), ("bob",), ()):
            state = AlertState.ACKNOWLEDGED if by else AlertState.FIRING
            rig.provider.add("a3", title="alert 3", began=97.0, by=by, state=state)
            rig.refresh()
            await rig.settle()
            places.append(table.render_line(0).text)
        assert len(set(places[1:])) == 1


def test_lines_and_rows_are_found_from_each_other() -> None:
    chance = random.Random(3)
    for _ in range(300):
        under = {i: chance.randint(0, 4) for i in range(20) if chance.random() < 0.4}
        stack = RowHeights(20, under)
        line = 0
        for index in range(20):
            assert stack.top(index) == line
            for sub in range(1 + under.get(index, 0)):
                assert stack.at(line) == (index, sub)
                line += 1
        assert stack.lines == line
        assert stack.at(line + 3)[0] >= 20


def test_what_claims_is_served_first_and_nothing_else_goes_out_of_sight_for_the_rest() -> None:
    rows = [Row(str(i), (), claims=i < 2) for i in range(6)]
    assert share(rows, lambda row: 2, 8, lambda row: 0) == {0: 2, 1: 2}
    assert share(rows, lambda row: 2, 12, lambda row: 0) == {0: 2, 1: 2, 2: 2}
    assert share(rows, lambda row: 2, 12, lambda row: 1) == {0: 2, 1: 2}  # room that the cursor needs
    assert share(rows, lambda row: 2, 3, lambda row: 0) == {0: 1}


@pytest.mark.parametrize("colour", [True, False])
async def test_what_pages_is_reversed_also_without_colour_and_under_the_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: bool
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.add("a", severity=Severity.CRITICAL, began=2.0)
    rig.provider.add("b", severity=Severity.CRITICAL, began=1.0)
    async with on_screen(rig, (80, 24)) as rig:
        table = rig.board.session.tables["alerts"]
        pages = 0
        for y in range(table._head, table.size.height):
            segments = list(table.render_line(y))
            for at, segment in enumerate(segments):
                if "PAGE" in segment.text and segment.style is not None:
                    beside = segments[at + 1].style
                    assert beside is not None
                    assert bool(segment.style.reverse) != bool(beside.reverse)
                    pages += 1
        assert pages == 2


async def test_what_comes_next_is_said_whole_where_its_column_can_hold_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("pager"))
    rig.provider.add("a", title=" ".join(WORDS * 3), escalates_at=rig.clock.now() + 45, assigned=("Alice",))
    async with on_screen(rig, (80, 24)) as rig:
        assert "escalates in 40s" in rig.board.session.tables["alerts"].render_line(1).text
