"""One recorder and several boards: how many calls they make, when each board is whole, and what it does without it.

``python -m tests.end_to_end.shared_readings`` plays it against the drill and prints the counts, as a table.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from oncall_tui import bootstrap
from oncall_tui.engine.engine import Engine
from tests.end_to_end.world import World, until
from tests.support.forked import PIPE, popen

BOARDS = 5
QUIET = ("--scenario", "night", "--speed", "0.01")  # nothing begins meanwhile, so that the two counts are of the same


class Counts(NamedTuple):
    """What was counted, and measured in seconds."""

    alone: int  # calls of one board that polls
    together: int  # calls of a recorder and of the boards that take its readings, in the same time
    first_alone_s: float  # until one board that polls is whole
    first_shared_s: tuple[float, ...]  # until each board is whole that takes readings
    by_themselves_s: float  # after the recorder was killed: until all boards poll, and say so
    taken_again_s: float  # after it was started again: until all boards take its readings


@contextmanager
def set_environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def board(config: Path) -> Iterator[Engine]:
    """A board without its screen: the engine as ``open_board`` makes it."""
    engine = bootstrap.make_engine(bootstrap.load_config(str(config)), takes_readings=True)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def whole(engine: Engine) -> bool:
    sources = engine.update.board.sources.values()
    return bool(sources) and all(s.live and not s.behind for s in sources)


def says(engine: Engine, words: str) -> bool:
    return any(words in line for line in engine.update.recorder)


def _seconds(found: Callable[[], bool], what: str) -> float:
    began = time.monotonic()
    until(found, what, 60.0)
    return time.monotonic() - began


def _calls(world: World, seconds: float) -> int:
    before = sum(world.calls().values())
    time.sleep(seconds)
    return sum(world.calls().values()) - before


def recorder(world: World, config: Path) -> Any:
    """A started recorder; it shares its readings once this returns."""
    program = popen("oncall_tui", "--config", str(config), "record", env=world.env, stderr=PIPE)
    while "boards on this machine take its readings" not in (line := program.stderr.readline()):  # type: ignore[union-attr]
        assert line, "the recorder ended"
    return program


def ended(program: Any) -> None:
    program.kill()
    program.wait(10)
    for stream in (program.stdout, program.stderr):
        if stream is not None:
            stream.close()


def all_say(boards: Sequence[Engine], words: str) -> Callable[[], bool]:
    return lambda: all(says(engine, words) for engine in boards)


def play(world: World, config: Path, seconds: float, boards: int = BOARDS) -> Counts:
    """Count and measure, each for *seconds*."""
    with set_environment(world.env), ExitStack() as stack:
        with board(config) as one:
            first_alone = _seconds(lambda: whole(one), "a board that polls is whole")
            assert says(one, "no recorder on this machine")
            alone = _calls(world, seconds)
        program = recorder(world, config)
        stack.callback(ended, program)
        with board(config) as one:
            until(lambda: whole(one), "the recorder has read everything")
        first = []
        engines: list[Engine] = []
        for _ in range(boards):
            engines.append(stack.enter_context(board(config)))
            first.append(_seconds(lambda: whole(engines[-1]), "a board that takes readings is whole"))
        until(all_say(engines, "reads for this board"), "all boards take its readings")
        together = _calls(world, seconds)
        assert all(p.provider is None for engine in engines for p in engine.pollers)
        os.kill(program.pid, signal.SIGKILL)
        by_themselves = _seconds(
            lambda: (
                all_say(engines, "this board reads by itself")()
                and all(p.provider is not None for e in engines for p in e.pollers)
            ),
            "all boards poll",
        )
        again = recorder(world, config)
        stack.callback(ended, again)
        taken = _seconds(all_say(engines, "reads for this board"), "all boards take the readings again")
        until(lambda: all(map(whole, engines)), "all boards are whole")
    return Counts(alone, together, first_alone, tuple(first), by_themselves, taken)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), *QUIET)
        try:
            found = play(world, world.configure(), seconds)
        finally:
            world.close()
    rows = (
        ("calls of one board alone", f"{found.alone} in {seconds:.0f} s"),
        (f"calls of a recorder and {BOARDS} boards", f"{found.together} in {seconds:.0f} s"),
        ("the first whole board, polling", f"{found.first_alone_s:.2f} s"),
        ("the first whole board, from the recorder", f"{max(found.first_shared_s):.2f} s at most"),
        ("recorder killed: all boards poll, and say so", f"{found.by_themselves_s:.2f} s"),
        ("recorder back: all boards take its readings", f"{found.taken_again_s:.2f} s"),
    )
    for name, value in rows:
        sys.stdout.write(f"{name:<48} {value}\n")


if __name__ == "__main__":
    main()
