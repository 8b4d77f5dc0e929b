"""A queue of events: from a deploy in the world to the board's rows, and a queue that is silent, poisoned or behind.

One world of 200 services in two accounts; the queue tells of one of them. What is measured is the time from the deploy
(EventBridge takes half a second of it) until the engine's board has it; a screen shows that within 0.25 s. The same
once more without the queue. ``python -m benchmarks.eventbridge`` prints it, and what a person is told meanwhile.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.result import Effort, Result, percentile
from benchmarks.world import World
from oncall_tui.bootstrap import load_config, make_engine
from oncall_tui.domain.board import Board
from oncall_tui.engine.engine import Engine
from oncall_tui.simulator.scenarios.scale import scale

SERVICES = 200
MOST_S = 75.0  # a sweep: what it did not find was over before it came
SETTLES_S = 45.0  # until what was deployed is at rest
BUDGET_S = 3.0  # of its event: 0.5 s before it is in the queue
BEHIND = 1_000_000
POISON = ("deploy!", '{"hello": "world"}', "[" * 50_000, '{"Type": "Notification", "Message": "x"}')
AWS = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "AWS_EC2_METADATA_DISABLED": "true"}


def scenario(folder: Path) -> Path:
    """Write the scale scenario with a queue of prod's events; its path."""
    table = scale(SERVICES, 0)
    table["sources"] = [*table["sources"], {"name": "events", "provider": "eventbridge", "of": "prod"}]
    path = folder / "told.yaml"
    path.write_text(json.dumps(table, default=dict))
    return path


class Scene:
    """A world, and an engine on it as a board has one. *told*: with the queue."""

    def __init__(self, world: World, told: bool) -> None:
        self.world = world
        sources = [s for s in world.config["sources"] if told or s["provider"] != "eventbridge"]
        path = world.write_config(f"told-{told}.json", sources=sources)
        path.chmod(0o600)
        self.engine: Engine = make_engine(load_config(str(path)), stays=True)
        self.engine.start()
        if not self.engine.wait(self._read, 60):
            raise RuntimeError("the services were not read within a minute")

    @staticmethod
    def _read(update: Any) -> bool:
        prod = update.board.sources.get("prod")
        return prod is not None and prod.whole and not prod.behind

    @property
    def services(self) -> list[str]:
        return sorted(i for i, s in self.engine.update.board.services.items() if s.source == "prod")

    def seconds(self, event: dict[str, Any], seen: Callable[[Board], bool], most_s: float = MOST_S) -> float:
        """Let *event* happen; the seconds until the board shows it, *most_s* where it never did."""
        began = time.monotonic()
        self.world.do(**event)
        if not self.engine.wait(lambda update: seen(update.board), most_s):
            return most_s
        return time.monotonic() - began

    def deploys(self, many: int, seed: int = 1) -> list[float]:
        """Deploy so many services, one after the other; the seconds until each is on the board."""
        found = []
        for service in random.Random(seed).sample(self.services, many):
            before = self.engine.update.board.services[service].deploy_id
            found.append(
                self.seconds(
                    {"deploy": {"service": service}},
                    lambda board, of=service, old=before: (  # type: ignore[misc]
                        board.services[of].deploy_id != old and board.services[of].deploy_id in board.deploys
                    ),
                )
            )
            time.sleep(0.7)
        return found

    def failures(self, many: int) -> list[float]:
        """Let a task die in so many services; the seconds until each is on the board."""
        found = []
        for service in random.Random(2).sample(self.services, many):
            desired = self.engine.update.board.services[service].desired
            event = {"kill": {"service": service}}
            found.append(self.seconds(event, lambda board, of=service, n=desired: board.services[of].running < n))  # type: ignore[misc]
            time.sleep(0.7)
        return found

    def status(self) -> str:
        """What stands under ``i`` of the queue."""
        one = self.engine.update.board.sources["events"]
        return f"{one.state.label}: {one.message}" if one.message else one.state.label

    def calls(self, seconds: float) -> dict[str, int]:
        """Calls of prod and of the queue within so many seconds."""
        before = self.world.calls()
        time.sleep(seconds)
        after = self.world.calls()
        return {
            name: sum(after[name].values()) - sum(before[name].values()) for name in ("prod", "events") if name in after
        }


def told(values: list[float]) -> str:
    """The percentiles in words."""
    unseen = sum(value >= MOST_S for value in values)
    words = f"p50 {percentile(values, 50):.1f} s, p95 {percentile(values, 95):.1f} s, most {max(values):.1f} s"
    return f"{words} ({unseen} of {len(values)} never seen)" if unseen else words


def measured(world: World, deploys: int, rest_s: float) -> list[Result]:
    """Measure with the queue and without it."""
    results = []
    for queue in (True, False):
        scene = Scene(world, queue)
        try:
            name = "with the queue" if queue else "without it"
            found, died = scene.deploys(deploys), scene.failures(deploys // 2 if queue else 3)
            limit = f"p95 {BUDGET_S + 0.5:.1f} s" if queue else ""
            results.append(_result(f"{deploys} deploys on the board, {name}", found, limit))
            results.append(_result(f"{len(died)} tasks that died, {name}", died, limit if queue else ""))
            if rest_s:
                time.sleep(SETTLES_S)
                calls = scene.calls(rest_s)
                words = ", ".join(f"{source} {n / rest_s:.2f}/s" for source, n in calls.items())
                results.append(Result(f"calls at rest, {SERVICES} services, {name}", words))
        finally:
            scene.engine.stop()
    return results


def _result(what: str, found: list[float], limit: str) -> Result:
    met = percentile(found, 95) <= BUDGET_S + 0.5 if limit else None
    return Result(what, told(found), limit, met)


def hostile(world: World) -> list[Result]:
    """What is said, and read, of a queue that is poisoned, behind and silent."""
    scene, lines = Scene(world, True), []
    try:
        scene.deploys(1)
        lines.append(Result("a queue that lives", scene.status()))
        for body in POISON * 25:
            world.do(send={"body": body})
        took = scene.deploys(3)
        lines.append(
            Result("100 messages that are no events", f"{scene.status()}; a deploy meanwhile {max(took):.1f} s")
        )
        world.do(send={"body": _old_event(), "count": BEHIND, "minutes_ago": 30})
        time.sleep(15)
        before, state = world.calls()["events"], scene.status()
        took = scene.deploys(1)
        time.sleep(10)
        after = world.calls()["events"]
        said = sum(after.values()) - sum(before.values())
        lines.append(Result("a million behind", f"{state}; a deploy meanwhile {took[0]:.1f} s; {said} calls"))
        waiting = world.ask("state")["queues"]["events"]["waiting"]
        lines.append(Result("a million behind, later", f"{BEHIND - waiting:,} taken in half a minute"))
    finally:
        scene.engine.stop()
    return lines


def silent(world: World) -> list[Result]:
    """What is said, and read, of a queue whose rule somebody switched off."""
    scene, lines = Scene(world, True), []
    try:
        scene.deploys(1)
        rare = scene.calls(20)["prod"] / 20
        world.do(rule={"enabled": False})
        took = scene.deploys(1, seed=5)  # of a service of which nothing was told lately
        began = time.monotonic()
        if not scene.engine.wait(lambda u: u.board.sources["events"].state.label == "STALE", 120):
            return [Result("a rule that was switched off", f"not said: {scene.status()}", "said", False)]
        after_s = time.monotonic() - began
        words = f"found after {took[0]:.0f} s, said {after_s:.0f} s later: {scene.status()}"
        lines.append(Result("a rule that was switched off", words))
        often = scene.calls(20)["prod"] / 20
        lines.append(Result("calls of prod, told and silent", f"{rare:.2f}/s and {often:.2f}/s"))
        world.do(rule={"enabled": True})
        took = scene.deploys(1)
        lines.append(Result("switched on again", f"{scene.status()}; a deploy {took[0]:.1f} s"))
    finally:
        scene.engine.stop()
    return lines


def _old_event() -> str:
    arn = "arn:aws:ecs:ap-northeast-1:111111111111:service/prod-main/payments-api-000"
    return json.dumps(
        {
            "id": "old-{n}",
            "source": "aws.ecs",
            "detail-type": "ECS Deployment State Change",
            "account": "111111111111",
            "region": "ap-northeast-1",
            "time": "2027-01-15T08:00:00Z",
            "resources": [arn],
            "detail": {"eventName": "SERVICE_DEPLOYMENT_COMPLETED"},
        }
    )


def run(effort: Effort) -> list[Result]:
    """Measure."""
    import tempfile

    os.environ.update(AWS)
    with tempfile.TemporaryDirectory(prefix="oncall-tui-bench-") as folder:
        path = str(scenario(Path(folder)))
        with World(path) as world:
            found = measured(world, effort.runs(5, 20, 40), effort.length(0, 140, 300))
        with World(path) as world:
            found += silent(world)
        with World(path) as world:
            return found + hostile(world)


if __name__ == "__main__":
    for line in run(Effort(*sys.argv[1:2])):
        met = "" if line.met is None else " (met)" if line.met else " (NOT met)"
        print(f"- {line.what}: {line.measured}{met}", flush=True)
