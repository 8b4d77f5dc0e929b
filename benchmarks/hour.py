"""An hour of the night, with keys now and then: memory after 10, 30 and 60 minutes, and the bytes.

The program runs in a pseudo-terminal of 120×40 on the scenario ``night`` of the simulated world, whose hour is played
faster: in two minutes with ``--quick``, in six by default, and as it is with ``--full``. ``--seconds N`` plays it in so
many. Every 2.5 s something is done by hand, or as often as a hand can where the hour is played faster: rows are looked
through, details, logs and dialogs are opened and left. What they need at the most is needed before the 30th minute:
with fewer keys each half hour would open something for the first time. Memory is that of the program with all its
children; the half hour from the 30th minute on may add 3 %.
"""

from __future__ import annotations

import itertools
import time

from benchmarks.processes import Memory, memory, processor_s
from benchmarks.result import Effort, Result
from benchmarks.world import World

HOUR_S = 3_600.0
MARKS = (10, 30, 60)
GROWS = 1.03
PAUSE_S, LEAST_S = 2.5, 0.3  # between two keys: in the hour, and in seconds that pass
BY_HAND = ("j", "j", "\r", "\x1b", "k", "2", "j", "1", "?", "\x1b", "3", "1", "i", "\x1b", "j", "l", "\x1b", "z", "z")


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(120, 360, HOUR_S)
    speed = HOUR_S / seconds
    pause = max(LEAST_S, PAUSE_S / speed)
    held: dict[int, Memory] = {}
    with World("night", speed=speed) as world, world.program() as terminal:
        terminal.wait_screen(lambda text: "live" in text and "ALERTS" in text, 60)
        began, size, cpu = time.monotonic(), terminal.size, processor_s(terminal.process.pid)
        keys = itertools.cycle(BY_HAND)
        pressed = 0
        for minutes in MARKS:
            until = began + minutes * 60 / speed
            while (left := until - time.monotonic()) > 0:
                terminal.press(next(keys))
                pressed += 1
                terminal.run(min(pause, left))
            held[minutes] = memory(terminal.process.pid)
        took = time.monotonic() - began
        written, used = terminal.size - size, processor_s(terminal.process.pid) - cpu
    grown = held[60].rss / held[30].rss  # not PSS: that moves with whatever else runs the same libraries
    told = ", ".join(f"{minutes} min {held[minutes]}" for minutes in MARKS)
    return [
        Result("an hour of the night: memory", f"{told} (played in {took / 60:.0f} min)"),
        Result("– from 30 to 60 min", f"{grown:.3f} ×", f"{GROWS} ×", grown <= GROWS),
        Result("– written", f"{written / 1000:.0f} kB, {written / took:.0f} B/s, {pressed} keys"),
        Result("– processor", f"{100 * used / took:.1f} % of a core"),
    ]
