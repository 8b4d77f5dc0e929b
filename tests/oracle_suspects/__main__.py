"""``python -m tests.oracle_suspects [TOWNS] [SEED]``: towns held against the oracle; exits 1 if one is wrong."""

from __future__ import annotations

import sys

from tests.oracle_suspects.test_two_hundred_towns import NOW, SEED, judged, told
from tests.oracle_suspects.town import build


def main(towns: int = 400, seed: int = SEED) -> int:
    """Judge, and print the counts."""
    counts, wrong = judged(build(seed, index, NOW) for index in range(towns))
    sys.stdout.write(told(counts, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
