"""The statistics of a year and the year before it: 224 notifications a month, 13 products; and a hundred times that.

How large the journal and its history are, how long a first derivation takes, and how long the numbers of a whole year
take, beside those of the year before. Each number of both years is held to a computation apart
(``tests/support/true_numbers.py``), so what is fast is also right. ``python -m benchmarks.statistics [SCALE …]``; 100
takes some minutes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.true_numbers import assert_same, truth
from tests.support.year import Year

from benchmarks.result import Effort, Result, markdown, middle
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store
from oncall_tui.reports.periods import Period
from oncall_tui.reports.statistics import StatisticsReader
from oncall_tui.reports.statistics_text import as_object

BUDGET_S = 1.0
ZONE = ZoneInfo("Asia/Tokyo")
BEGAN = datetime(2025, 6, 1, tzinfo=UTC).timestamp()
DAYS = 365
AT_ONCE = 20_000  # entries


def run(effort: Effort) -> list[Result]:
    """Measure a year, and larger ones at a higher level."""
    scales = (1,) if effort.level == "quick" else (1, 10) if effort.level == "default" else (1, 100)
    return [result for scale in scales for result in _measured(scale)]


def _measured(scale: int) -> list[Result]:
    years, count = list[Year](), 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "journal.db")
        for seed, first_at, called in ((scale + 1, BEGAN - DAYS * 86_400, "old-"), (scale, BEGAN, "")):
            years.append(Year(seed, first_at, DAYS, scale, called))
            entries = years[-1].entries()
            count += len(entries)
            for first in range(0, len(entries), AT_ONCE):
                store.append(entries[first : first + AT_ONCE])
            entries.clear()
        history = History(store, history_path(store.path))
        began = time.perf_counter()
        history.catch_up()
        derived_s = time.perf_counter() - began
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        earlier, whole = (Period(year.began, year.ended) for year in years)
        times = []
        for _ in range(5):
            began = time.process_time()  # SQLite works in this process: what other programs do does not count
            found = as_object(StatisticsReader(history, ZONE, whole.until).statistics(whole, earlier))
            times.append(time.process_time() - began)
        more_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
        for told, year in zip((found["before"], found), years, strict=True):
            assert_same(told, truth(year, ZONE, year.began, year.ended))
        store.close()
        history.close()
        sizes = [path.stat().st_size / 1e6 for path in (store.path, history_path(store.path))]
    name = "two years" if scale == 1 else f"two years, {scale} times as much"
    fired = f"{found['notifications']} notifications and {found['pages']} pages in the last, {count} entries"
    return [
        Result(f"{name}: the journal, its history", f"{sizes[0]:.1f} MB, {sizes[1]:.1f} MB ({fired})"),
        Result(f"{name}: derived for the first time", f"{derived_s:.1f} s ({count / derived_s:.0f} entries a second)"),
        Result(
            f"{name}: `stats` of the last, and of the one before",
            f"{middle(times) * 1000:.0f} ms of a core, {more_mb:.0f} MB more at the peak; each as computed apart",
            f"{BUDGET_S:.0f} s",
            middle(times) < BUDGET_S,
        ),
    ]


def main(arguments: list[str]) -> int:
    """Measure the scales that the command line names."""
    results = [result for scale in arguments or ["1", "10"] for result in _measured(int(scale))]
    print(markdown(results))
    return 1 if any(result.met is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
