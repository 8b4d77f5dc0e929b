"""50 races, and with ``--everything`` 500: an engineer rolls a bad deploy back while others act and the line fails.

The provider, the action service and the journal are the program's own; the world is the drill's. Program and world
stand on one clock that moves with each call (20 to 300 ms) and from job to job, so nothing here waits: 50 take 4 s.
Nine of ten call the drill's handler in this process, errors raised as botocore raises them; every tenth goes over real
HTTP on loopback with the program's own botocore clients, whose read time-out is cut from 5 s to 0.3 s.

One race alone: ``RACE_SEED=17 pytest tests/races -s``. Other seeds: ``RACES_FROM=1000``; another number: ``RACES=50``.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.races.judge import judge, told
from tests.races.race import made
from tests.races.scene import Scene

BLOCK = 50
ALL = 500
FROM = int(os.environ.get("RACES_FROM", "0"))
ASKED = int(os.environ.get("RACES", "0"))  # 0: a block, and all with --everything
ALONE = os.environ.get("RACE_SEED", "")
EVERY_HTTP = 10
STATES = (
    *("races", "done", "refused", "failed"),
    *("lost, done", "lost, failed", "unknown, done", "unknown, failed"),
    *("possible", "came back"),
)
pytestmark = pytest.mark.xdist_group("races")  # the last test counts what the others saw
every: Counter[str] = Counter()


def blocks() -> list[Any]:
    """Return the seeds of each test; --everything runs all, a run without it the first block."""
    if ALONE:
        return [pytest.param(range(int(ALONE), int(ALONE) + 1), id=ALONE)]
    last = FROM + (ASKED or ALL)
    seeds = [range(first, min(first + BLOCK, last)) for first in range(FROM, last, BLOCK)]
    more = () if ASKED else (pytest.mark.everything,)
    return [pytest.param(it, id=f"{it[0]}-{it[-1]}", marks=more if it[0] > FROM else ()) for it in seeds]


@pytest.mark.parametrize("seeds", blocks())
def test_races(tmp_path: Path, seeds: range) -> None:
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    failed: list[str] = []
    missed: list[str] = []
    for seed in seeds:
        scene = Scene(made(seed, http=seed % EVERY_HTTP == EVERY_HTTP - 1), tmp_path)
        try:
            scene.run()
            verdict = judge(scene)
        except BaseException:
            print(f"\nrace {seed} broke")  # noqa: T201
            raise
        finally:
            scene.close()
        counts = by_kind[scene.race.kind]
        counts.update(verdict.outcomes)
        counts["races"] += 1
        counts.update(verdict.resolved)
        counts["possible"] += verdict.possible
        counts["came back"] += verdict.possible and verdict.came
        if verdict.wrongs:
            failed.append(told(scene, verdict))
        elif verdict.possible and not verdict.came:
            missed.append(told(scene, verdict))
        if ALONE:
            print(told(scene, verdict))  # noqa: T201
    here = sum(by_kind.values(), Counter())
    every.update(here)
    _print(by_kind, here, missed)
    assert not failed, f"{len(failed)} races went wrong:\n" + "\n".join(failed[:20])
    assert here["came back"] >= 0.95 * here["possible"], "\n".join(missed[:20])


@pytest.mark.everything
@pytest.mark.skipif(bool(ASKED or ALONE), reason="fewer races were asked for, or others")
def test_each_way_to_end_was_seen() -> None:
    assert every["races"] == ALL, "every block ran in this process"
    assert min(every[state] for state in STATES) >= 5


def _print(by_kind: dict[str, Counter[str]], here: Counter[str], missed: list[str]) -> None:
    """*lost*: no answer came to the write, and reading resolved it; *unknown*: it was shown as such meanwhile."""
    print(f"\n{'':18}" + "".join(f"{state:>16}" for state in STATES))  # noqa: T201
    for kind, counts in (*sorted(by_kind.items()), ("all", here)):
        print(f"{kind:18.18}" + "".join(f"{counts[state]:16}" for state in STATES))  # noqa: T201
    for race in missed:
        print(f"possible, and not rolled back: {race}")  # noqa: T201
