"""500 races, each by its seed: an engineer rolls a bad deploy back while others act and the line fails.

The provider, the desk, the flow and the journal are the program's own; the world is the drill's. Program and world
stand on one clock that moves with each call (20 to 300 ms) and from job to job, so nothing here waits: 500 take 35 s.
450 call the drill's handler in this process, errors raised as botocore raises them; every tenth goes over real HTTP on
loopback with the program's own botocore clients, whose read time-out is cut from 5 s to 0.3 s.

One race alone: ``RACE_SEED=17 pytest tests/races -s``. Other seeds: ``RACES_FROM=1000``; fewer: ``RACES=50``.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from pathlib import Path

from tests.races.judge import judge, told
from tests.races.race import made
from tests.races.scene import Scene

RACES = int(os.environ.get("RACES", "500"))
FROM = int(os.environ.get("RACES_FROM", "0"))
ALONE = os.environ.get("RACE_SEED", "")
EVERY_HTTP = 10
STATES = (
    *("races", "done", "refused", "failed"),
    *("lost, done", "lost, failed", "unknown, done", "unknown, failed"),
    *("possible", "came back"),
)


def test_races(tmp_path: Path) -> None:
    seeds = [int(ALONE)] if ALONE else range(FROM, FROM + RACES)
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
    every = sum(by_kind.values(), Counter())
    _print(by_kind, every, missed)
    assert not failed, f"{len(failed)} races went wrong:\n" + "\n".join(failed[:20])
    assert every["came back"] >= 0.95 * every["possible"], "\n".join(missed[:20])
    if len(seeds) >= 500:
        assert min(every[state] for state in STATES) >= 5, "each way to end was seen"


def _print(by_kind: dict[str, Counter[str]], every: Counter[str], missed: list[str]) -> None:
    """*lost*: no answer came to the write, and reading resolved it; *unknown*: it was shown as such meanwhile."""
    print(f"\n{'':18}" + "".join(f"{state:>16}" for state in STATES))  # noqa: T201
    for kind, counts in (*sorted(by_kind.items()), ("all", every)):
        print(f"{kind:18.18}" + "".join(f"{counts[state]:16}" for state in STATES))  # noqa: T201
    for race in missed:
        print(f"possible, and not rolled back: {race}")  # noqa: T201
