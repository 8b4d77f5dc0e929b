"""Open a fresh journal from eight programs at once, again and again: ``python -m tests.support.fresh_journal 50``.

Each program journals an intent, as an action does before it is sent. Prints how many were refused.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable
from multiprocessing.synchronize import Barrier
from pathlib import Path

PROGRAMS = 8


def program(number: int, paths: list[Path], together: Barrier, found: multiprocessing.SimpleQueue[str]) -> None:
    """One of the programs: in each round it opens that round's journal and writes to it."""
    from oncall_tui.domain.entry import Entry, EntryKind
    from oncall_tui.errors import JournalError
    from oncall_tui.journal import Journal

    for path in paths:
        journal = Journal(path, time.time)
        together.wait(60)
        try:
            journal.must(Entry(at=time.time(), kind=EntryKind.NOTE, subject=f"program {number}"))
            found.put("")
        except JournalError as error:
            found.put(str(error))
        journal.close(5)


def rounds(paths: Iterable[Path], programs: int = PROGRAMS) -> list[str]:
    """Why entries were refused; none were, where it is empty."""
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    together = context.Barrier(programs)
    wanted = list(paths)
    started = [context.Process(target=program, args=(n, wanted, together, found)) for n in range(programs)]
    for one in started:
        one.start()
    answers = [found.get() for _ in range(programs * len(wanted))]
    for one in started:
        one.join(60)
    return [answer for answer in answers if answer]


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        refused = rounds(Path(folder) / f"{number}" / "journal.db" for number in range(count))
    told = [*dict.fromkeys(refused), f"{len(refused)} refused of {count * PROGRAMS}"]
    sys.stdout.write("\n".join(told) + "\n")
    return bool(refused)


if __name__ == "__main__":
    sys.exit(main())
