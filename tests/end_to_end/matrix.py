"""Every controller and strategy in every state, rolled back by the command.

``python -m tests.end_to_end.matrix`` prints what came of each.

The scenario ``strategies`` has one service for each; its header says what they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from tests.end_to_end.world import World

SPEED = 10
AT_ONCE = 4
PREFIX = "prod/main/"


class Result(NamedTuple):
    """What came of one: the plan's call (empty: it was refused), how it ended, seconds, and the truth afterwards."""

    name: str
    call: str
    to: str
    state: str
    message: str
    seconds: float
    runs: str

    def line(self) -> str:
        arrow = f"→{self.to}" if self.to else ""
        return f"{self.name:<32} {self.call + arrow:<30} {self.state:<8} {self.seconds:5.1f} s  {self.message}"


def roll_back(world: World, config: Path, name: str) -> Result:
    """Run the command as a pipeline would, and read the drill's truth."""
    command = [sys.executable, "-m", "oncall_tui", "--config", str(config), "rollback", PREFIX + name]
    done = subprocess.run(
        [*command, "--yes", "--wait", "--steady", "1", "--json"],
        env=world.env,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    asked = told.get("plan", {}).get("request", {})
    shares = {f":{r['task_definition'].rpartition(':')[2]}": r for r in world.service(PREFIX + name)["revisions"]}
    runs = " ".join(sorted(number for number, r in shares.items() if r["running"]))
    to = f":{asked['to'].rpartition(':')[2]}" if asked else ""
    seconds = float(told.get("seconds", 0.0))
    return Result(name, asked.get("operation", ""), to, told["state"], told["message"], seconds, runs)


def run(world: World, names: list[str]) -> Iterator[Result]:
    """Several at once: most of the time goes by in waiting."""
    config = world.configure()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from (f.result() for f in as_completed([pool.submit(roll_back, world, config, name) for name in names]))


def names_of(world: World) -> list[str]:
    return [path.removeprefix(PREFIX) for path in world.state["services"] if path.startswith(PREFIX)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), "--scenario", "strategies", "--speed", str(SPEED))
        try:
            wanted = sys.argv[1:] or names_of(world)
            for result in run(world, wanted):
                sys.stdout.write(f"{result.line()} · runs {result.runs}\n")
                sys.stdout.flush()
        finally:
            world.close()


if __name__ == "__main__":
    main()
