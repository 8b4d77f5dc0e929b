"""A slow link: the terminal takes 1,000 bytes a second, and each way takes 250 ms.

The program runs in a pseudo-terminal of 80×24 on the simulated world's scale scenario. Once it is drawn, the other end
reads no more than 1,000 bytes a second; the pseudo-terminal itself takes 64 KB, as an SSH server would. Like any
terminal the other end answers the question whether it is there (DSR), both ways later. Measured are the bytes of each
screen that is opened and the time from its key to its words on screen, of a key that moves the cursor, and of forty
keys in a second; then how long ``q`` takes to end the process while a whole screen is on its way. The 250 ms of each
way are added.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from collections.abc import Callable, Sequence

from benchmarks.result import Effort, Result
from benchmarks.terminal import Chunk, Terminal
from benchmarks.world import World, command

BYTES_S = 1_000
WAY_S = 0.25
SLICE_S = 0.05
QUIT_S = 0.5
GIVEN_UP_S = 60.0
MANY = 40
QUIET_S = 3.0  # longer than a frame waits for an answer
ASK, ANSWER = b"\x1b[5n", b"\x1b[0n"  # DSR (ECMA-48)
SCREENS = (  # a key, and words that its screen alone has, in its last lines
    ("Enter", "\r", "Esc back"),
    ("?", "?", "more below"),
    ("i", "i", "no recorder on"),
)


class SlowTerminal(Terminal):
    """The other end reads slowly once ``slow`` is set, and answers what it is asked."""

    slow = False
    _next_at = 0.0

    def __init__(self, command: Sequence[str], env: dict[str, str], columns: int, lines: int) -> None:
        self._answers: deque[float] = deque()  # when each is to be there
        self._end = b""  # of what was read: a question may be split
        super().__init__(command, env, columns, lines)

    def read(self, timeout_s: float) -> bool:
        while self._answers and self._answers[0] <= time.monotonic():
            self._answers.popleft()
            with contextlib.suppress(OSError):
                os.write(self._master, ANSWER)
        came = self._read(timeout_s)
        if came:
            data = self._end + self.chunks[-1].data
            self._answers.extend([time.monotonic() + (2 * WAY_S if self.slow else 0.0)] * data.count(ASK))
            self._end = data[-3:] if ASK not in data[-3:] else b""
        return came

    def _read(self, timeout_s: float) -> bool:
        if not self.slow:
            return super().read(timeout_s)
        until = time.monotonic() + timeout_s
        time.sleep(max(0.0, min(until, self._next_at) - time.monotonic()))
        left = until - time.monotonic()
        if time.monotonic() < self._next_at or not select.select([self._master], [], [], max(0.0, left))[0]:
            return False
        try:
            data = os.read(self._master, round(BYTES_S * SLICE_S))
        except OSError:
            return False
        self._next_at = max(self._next_at, time.monotonic() - SLICE_S) + SLICE_S
        self.chunks.append(Chunk(time.monotonic(), data))
        return True

    def effect(self, keys: str, shown: Callable[[str], object]) -> tuple[float, int]:
        """Press *keys*; the seconds until *shown* holds of the screen, and the bytes that came meanwhile. Raises
        RuntimeError where it holds already: then nothing would be measured.
        """
        if shown("\n".join(self.display())):
            raise RuntimeError(f"the effect of {keys!r} is on screen before the key:\n" + "\n".join(self.display()))
        before, at = self.size, time.monotonic()
        for key in keys:
            self.press(key)
        until = at + GIVEN_UP_S
        while not shown("\n".join(self.display())):
            if time.monotonic() > until:
                raise TimeoutError(f"no effect of {keys!r} within {GIVEN_UP_S:.0f} s:\n" + "\n".join(self.display()))
            self.read(SLICE_S)
        return time.monotonic() - at + 2 * WAY_S, self.size - before


def row(screen: str) -> str:
    """The row under the cursor."""
    return next((line for line in screen.splitlines() if line.startswith(("▸", "▹"))), "")


def run(effort: Effort) -> list[Result]:
    """Measure."""
    with World("scale", 200, 500) as world:
        config = world.write_config()
        with SlowTerminal(command(config), world.env, columns=80, lines=24) as terminal:
            terminal.wait_screen(lambda text: "5/5 live" in text and row(text), 90)
            terminal.run(5.0)
            below = _looked_up(terminal, MANY)
            terminal.slow = True
            terminal.run(2.0)
            results = _keys(terminal, below)
            terminal.press("i")
            terminal.run(1.0)
            terminal.press("\x1b")
            terminal.run(0.3)
            left = terminal.leave()
    told = f"{left * 1000:.0f} ms while a screen is on its way"
    return [*results, Result("slow link: q to the end of the process", told, f"{QUIT_S} s", left <= QUIT_S)]


def _looked_up(terminal: SlowTerminal, rows: int) -> str:
    """Return the row so many below the cursor's, which goes there and back while the link is good."""
    for _ in range(rows):
        terminal.press("j")
        terminal.run(0.03)
    terminal.quiet(0.5)
    found = row("\n".join(terminal.display()))
    for _ in range(rows):
        terminal.press("k")
        terminal.run(0.03)
    terminal.quiet(0.5)
    return found


def _keys(terminal: SlowTerminal, below: str) -> list[Result]:
    was = row("\n".join(terminal.display()))
    took, size = terminal.effect("j", lambda text: row(text) not in ("", was))
    results = [Result("slow link (1 kB/s, 250 ms each way): j to the cursor", f"{took:.1f} s, {size} B")]
    for name, key, words in SCREENS:
        took, size = terminal.effect(key, lambda text, words=words: words in text)
        results.append(Result(f"– {name} to its screen", f"{took:.1f} s, {size} B"))
        terminal.press("\x1b")
        terminal.quiet(QUIET_S, GIVEN_UP_S)
    for _ in range(MANY - 2):  # one was pressed above
        terminal.press("j")
        terminal.read(0.025)
    took, size = terminal.effect("j", lambda text: row(text) == below)
    terminal.quiet(QUIET_S, GIVEN_UP_S)
    return [*results, Result("– 40 keys in a second, to the last one's row", f"{took:.1f} s, {size} B")]
