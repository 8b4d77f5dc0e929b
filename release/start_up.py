"""``python -m release.start_up FILE``: start to first frame of a bundle or a ``.pyz``, against the installed program.

Measured as ``benchmarks/first_frame.py`` does: in turn, in pairs, in a pseudo-terminal of 120×40, on the same simulated
world, the first run of each not counted. The figure is the median of one over the median of the other.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.first_frame import OURS
from benchmarks.result import middle, spread
from benchmarks.terminal import Terminal
from benchmarks.world import World

PAIRS = 15


def main() -> None:
    """Measure each file that is named."""
    with tempfile.TemporaryDirectory() as folder, World("quiet") as world:
        config = world.write_config()

        def start(*program: str) -> Callable[[], float]:
            def once() -> float:
                with Terminal([*program, "--config", str(config)], world.env) as terminal:
                    return terminal.wait_text(*OURS) - terminal.started

            return once

        for name in sys.argv[1:]:
            installed = start(str(Path(sys.executable).with_name("oncall-tui")))
            told = against(start(*_program(Path(name), Path(folder))), installed)
            sys.stdout.write(f"{Path(name).name}: {told}\n")


def against(one: Callable[[], float], other: Callable[[], float]) -> str:
    """The ratio of two measurements that are made in turn, and what it comes from."""
    one(), other()
    pairs = [(one(), other()) for _ in range(PAIRS)]
    own, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    told = f"{middle(own) * 1000:.0f} against {middle(theirs) * 1000:.0f} ms"
    return f"{middle(own) / middle(theirs):.2f} × ({told}; {PAIRS} pairs, {spread(own)} and {spread(theirs)})"


def _program(file: Path, scratch: Path) -> tuple[str, ...]:
    if file.suffix == ".pyz":
        return sys.executable, str(file)
    if not file.name.endswith(".tar.gz"):
        return (str(file),)
    with tarfile.open(file) as packed:
        packed.extractall(scratch, filter="data")
    return (str(scratch / file.name.removesuffix(".tar.gz") / "oncall-tui"),)


if __name__ == "__main__":
    main()
