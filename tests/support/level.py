"""How much a run of the tests plays: all of it with ``--everything``, a part of random sweeps in ``make test``."""

from __future__ import annotations

PART = 4
everything = False  # set by the command line


def rounds(all_of_them: int) -> int:
    """Return how many of so many random cases are played: a quarter in ``make test``."""
    return all_of_them if everything else -(-all_of_them // PART)
