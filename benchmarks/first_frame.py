"""Start to first frame, against a bare Textual app with one DataTable and a Footer.

Both are started with ``python -m`` in a pseudo-terminal of 120×40, in turn, so that what else the machine does falls
on both. A frame is there when a text of its top and one of its bottom line were read from the terminal. The program
has the simulated world's five sources, which it asks nothing before that. One run of each comes first and is not
counted
(files are read from disk there). The measure is the median of the program over the median of the bare app; the spread
of each is the noise.
"""

from __future__ import annotations

import sys

from benchmarks.result import Effort, Result, middle, spread
from benchmarks.terminal import Terminal
from benchmarks.world import World

BUDGET = 1.0
OURS = ("ALERTS", "DETAIL", "help")
BARE = ("severity", "Quit")


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs = effort.runs(9, 15, 31)
    with World("quiet") as world:
        bare_command = [sys.executable, "-m", "benchmarks.bare"]
        config = world.write_config()

        def ours() -> float:
            with world.program(config) as terminal:
                return terminal.wait_text(*OURS) - terminal.started

        def bare() -> float:
            with Terminal(bare_command, world.env) as terminal:
                return terminal.wait_text(*BARE) - terminal.started

        ours(), bare()
        pairs = [(ours(), bare()) for _ in range(runs)]
    own, their = [a for a, _ in pairs], [b for _, b in pairs]
    ratio = middle(own) / middle(their)
    told = f"{ratio:.2f} × ({middle(own) * 1000:.0f} against {middle(their) * 1000:.0f} ms; {runs} runs each,"
    told += f" {spread(own)} and {spread(their)})"
    return [Result("start to first frame", told, f"{BUDGET} × a bare app", ratio <= BUDGET)]
