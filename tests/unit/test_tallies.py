"""The tallies of the history: with the single problems at a period's edges they are what a pass over all adds up."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

from tests.support.past import at, entry, fires, history_of, over, watching
from tests.support.year import Year

from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.history import episode_id
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store
from oncall_tui.journal.tallies import BLOCK_S, NAMES, VALUES, tallied


def by_a_pass(history: History, kind: str, since: float, until: float) -> list[tuple[object, ...]]:
    sums = ", ".join(f"sum({value})" for value in VALUES.values())
    query = f"SELECT {NAMES[kind]} AS called, {sums} FROM problem WHERE began >= ? AND began < ? AND called IS NOT NULL"
    return history.rows(f"{query} GROUP BY called ORDER BY called", (since, until))


def rounded(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [tuple(round(v, 3) if isinstance(v, float) else v for v in row) for row in rows]


def test_a_period_is_whole_blocks_and_the_problems_at_its_edges(tmp_path: Path) -> None:
    rng = random.Random(1)
    year = Year(1, datetime(2026, 3, 1, tzinfo=UTC).timestamp(), 40)
    store = Store(tmp_path / "journal.db")
    store.append(year.entries())
    history = History(store, history_path(store.path))
    history.catch_up()
    block = (year.began // BLOCK_S + 2) * BLOCK_S
    edges = [(block, block + 2 * BLOCK_S), (block + 5, block + 3600), (block - 1, block + 1), (year.began, year.ended)]
    edges += [tuple(sorted(rng.uniform(year.began, year.ended) for _ in range(2))) for _ in range(20)]  # type: ignore[misc]
    for kind in NAMES:
        for since, until in edges:
            found = tallied(history.rows, kind, tuple(VALUES), since, until)
            assert rounded(found) == rounded(by_a_pass(history, kind, since, until)), (kind, since, until)
    assert len(tallied(history.rows, "product", ("fired",), year.began, year.ended)) == 13


def test_a_problem_that_changes_later_changes_its_tally(tmp_path: Path) -> None:
    history = history_of(tmp_path, watching(-60, 60), fires(0, product="shop"), over(9))
    block = at(0) // BLOCK_S * BLOCK_S
    asked = ("product", ("fired", "pages", "noise"), block, block + BLOCK_S)
    assert tallied(history.rows, *asked) == [("shop", 1, 0, 0)]
    mark = entry(EntryKind.MARK, 40, episode_id("prom/a", at(0)), actor="Bob", mark="noise", alert="prom/a")
    Store(tmp_path / "journal.db").append([mark, fires(5, began=0, pages=True)])
    history.catch_up()
    assert tallied(history.rows, *asked) == [("shop", 1, 1, 1)]
