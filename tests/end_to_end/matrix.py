"""Every controller and strategy in every state, rolled back by the command.

``python -m tests.end_to_end.matrix`` prints what came of each.

The scenario ``strategies`` has one service for each; its header says what they are.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from tests.end_to_end.world import World
from tests.support.forked import PIPE, popen

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


def roll_back(world: World, config: Path, name: str, *more: str) -> Result:
    """Run the command as a pipeline would, and read the drill's truth."""
    consent = ("--yes", "--confirm", name)  # a rollback that nothing asks for wants the name
    command = ("--config", str(config), "rollback", PREFIX + name, *consent, "--wait", "--steady", "1", "--json", *more)
    with popen("oncall_tui", *command, env=world.env, stderr=PIPE) as process:
        stdout, stderr = process.communicate(timeout=180)
    assert stdout, stderr
    told: dict[str, Any] = json.loads(stdout)
    asked = told.get("plan", {}).get("request", {})
    shares = {f":{r['task_definition'].rpartition(':')[2]}": r for r in world.service(PREFIX + name)["revisions"]}
    runs = " ".join(sorted(number for number, r in shares.items() if r["running"]))
    to = f":{asked['to'].rpartition(':')[2]}" if asked else ""
    seconds = float(told.get("seconds", 0.0))
    return Result(
        name, asked.get("operation", ""), to, told.get("state", "dry run"), told.get("message", ""), seconds, runs
    )


def run(world: World, names: list[str], *more: str) -> Iterator[Result]:
    """Several at once: most of the time goes by in waiting."""
    config = world.configure()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from (
            f.result() for f in as_completed([pool.submit(roll_back, world, config, name, *more) for name in names])
        )


def names_of(world: World) -> list[str]:
    return [path.removeprefix(PREFIX) for path in world.state["services"] if path.startswith(PREFIX)]


_ENDS = {  # the last words of a service's name -> the call that is made (empty: refused), and how it ends
    ("pending", "in-progress", "before-shift", "shifting", "baking", "stop-requested"): (
        "StopServiceDeployment",
        "done",
    ),
    ("paused",): ("ContinueServiceDeployment", "done"),
    ("-finished", "stopped", "rollback-failed", "forced", "settings", "inactive"): ("UpdateService", "done"),
    ("race-successful", "race-stopped", "rollback-fails"): ("StopServiceDeployment", "failed"),
}
_CODE_DEPLOY = {
    ("created", "queued", "in-progress", "shifting", "ready", "termination-wait"): ("StopDeployment", "done"),
    ("codedeploy-finished", "codedeploy-stopped"): ("CreateDeployment", "done"),
    ("race-successful", "codedeploy-first"): ("StopDeployment", "failed"),
}


def expected(name: str) -> tuple[str, str]:
    """The call, and how it ends. Everything else is refused: it is a rollback, or has nothing before it."""
    ends = _CODE_DEPLOY if name.startswith("codedeploy") else _ENDS
    longest = [(end, what) for names, what in ends.items() for end in names if name.endswith(end)]
    return max(longest, key=lambda found: len(found[0]))[1] if longest else ("", "refused")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), "--scenario", "strategies", "--speed", str(SPEED))
        try:
            wanted, wrong = sys.argv[1:] or names_of(world), 0
            for result in run(world, wanted):
                wrong += (result.call, result.state) != expected(result.name)
                sys.stdout.write(f"{result.line()} · runs {result.runs}\n")
                sys.stdout.flush()
            sys.stdout.write(f"{len(wanted)} services, {wrong} otherwise than expected\n")
        finally:
            world.close()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
