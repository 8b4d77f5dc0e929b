"""The program killed between an action's intent and its outcome: the next start finds out by reading.

``make test`` kills it once, in a rollback; ``--everything`` 50 times more, at random moments.
"""

from __future__ import annotations

import json
import random
import re
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import PAYMENTS, World, acknowledgers, journalled, until, written
from tests.support.forked import DEVNULL, popen

SOURCES = ("prom", "pager")
ALERTS = 25  # of each: more than kills, for the runs that were over too early
FINAL = ("done", "sent", "refused", "failed")


def crowded(folder: Path) -> str:
    """A world with nothing but alerts and incidents."""
    fired = [
        {"fire": {"labels": {"alertname": f"Kill{n}", "severity": "warning"}, "annotations": {"summary": f"kill {n}"}}}
        for n in range(ALERTS)
    ]
    paged = [
        {"page": {"key": f"kill/{n}", "title": f"kill {n}", "service": "all", "urgency": "low"}} for n in range(ALERTS)
    ]
    scenario = {
        "name": "crowded",
        "timezone": "Asia/Tokyo",
        "me": {"name": "Alice", "email": "alice@example.com"},
        "sources": [{"name": "prom", "provider": "alertmanager"}, {"name": "pager", "provider": "pagerduty"}],
        "pagerduty": {
            "people": [{"name": "Alice", "email": "alice@example.com"}],
            "policies": [{"name": "All", "levels": [{"people": ["Alice"], "after": 3000}]}],
            "services": [{"name": "all", "policy": "All"}],
        },
        "events": [*fired, *paged],
    }
    return written(folder, scenario)


class Way(NamedTuple):
    """What goes wrong while it is killed, and the longest that is waited between the intent and the kill."""

    name: str
    fault: dict[str, Any]
    longest_s: float


WAYS = (
    Way("before the write", {"kind": "hang", "writes_only": True}, 0.2),
    Way("after the write, no answer", {"kind": "hang", "writes_only": True, "after_effect": True}, 0.2),
    Way("around the answer", {"kind": "slow", "writes_only": True, "delay_s": 0.15}, 0.16),
    Way("while it is verified", {"kind": "slow", "delay_s": 0.2}, 0.3),
    Way("at any moment", {"kind": "slow", "delay_s": 0.03}, 0.06),
)


class Killer:
    """Starts the program's own command on one alert after another of one source, and kills it."""

    def __init__(self, world: World, source: str, targets: list[str], seed: int) -> None:
        self.world, self.source, self.targets = world, source, targets
        self.config = world.configure(only=(source,))
        self.random = random.Random(seed)
        self.killed: dict[str, str] = {}  # plan id -> how
        self.in_time = 0  # runs that were over before the kill
        self.journal: sqlite3.Connection | None = None

    def run(self, wanted: int) -> None:
        ways = [WAYS[n % len(WAYS)] for n in range(wanted)]
        self.random.shuffle(ways)
        while ways and self.targets:
            if self.one(self.targets.pop(), ways[-1]):
                ways.pop()

    def one(self, target: str, way: Way) -> bool:
        """One start and one kill; was it between an intent and its outcome?"""
        before = len(self.world.writes(self.source))
        fault = self.world.fault(source=self.source, **way.fault)
        command = ("--config", str(self.config), "ack", target)
        with popen("oncall_tui", *command, env=self.world.env, stdout=DEVNULL, stderr=DEVNULL) as process:
            try:
                intent = until(lambda: self._intent(target), f"an intent for {target}", pause=0.005)
                time.sleep(self.random.uniform(0, way.longest_s))
            finally:
                process.send_signal(signal.SIGKILL)
                code = process.wait(10)
        self.world.mend(fault)
        assert len(self.world.writes(self.source)) - before <= 1, "one start, one action: what was left is only read"
        if code != -signal.SIGKILL or self._final(intent):
            self.in_time += 1
            return False
        self.killed[intent] = way.name
        return True

    def _intent(self, target: str) -> str:
        """The plan's id, as soon as its intent is on disk."""
        if self.journal is None:
            if not self.world.entries("intent"):
                return ""
            path = f"file:{self.world.journal}?mode=ro"
            self.journal = sqlite3.connect(path, uri=True, timeout=5.0, check_same_thread=False)
        asked = "SELECT subject FROM entry WHERE kind = 'intent' AND json_extract(data, '$.plan.target') = ?"
        found = self.journal.execute(asked, (target,)).fetchone()
        return str(found[0]) if found else ""

    def _final(self, plan: str) -> bool:
        return any(e.subject == plan and e.data["state"] in FINAL for e in self.world.entries("outcome"))


def last_outcomes(journal: Path) -> dict[str, str]:
    """Plan id -> the state that stands last."""
    return {e.subject: e.data["state"] for e in journalled(journal, "outcome")}


def truth(world: World) -> set[str]:
    """The targets that are acknowledged there."""
    state = world.state
    silenced = {f"prom/{a['fingerprint']}" for a in state["alerts"] if a["status"]["silencedBy"]}
    return silenced | {f"pager/{i['id']}" for i in state["incidents"] if "Alice" in acknowledgers(i)}


def silences_by_target(world: World, targets: dict[str, str]) -> Counter[str]:
    """How many silences were asked for each target; *targets* is what a write's body names -> the target's id."""
    asked = [re.search(r'"(Kill\d+)"', write["body"]) for write in world.writes("prom")]
    return Counter(targets[found[1]] for found in asked if found)


@pytest.mark.pty
@pytest.mark.everything
@pytest.mark.parametrize(("seed", "kills"), [(0, 10), (1, 20), (2, 20)])
def test_kills_between_intent_and_outcome(
    make_world: Callable[..., World], run_program: Callable[..., Program], tmp_path: Path, seed: int, kills: int
) -> None:
    world = make_world("--scenario", crowded(tmp_path))
    state = world.state
    marks = {a["labels"]["alertname"]: f"prom/{a['fingerprint']}" for a in state["alerts"]}
    marks |= {i["id"]: f"pager/{i['id']}" for i in state["incidents"]}
    assert len(marks) == 2 * ALERTS

    killers = [
        Killer(world, source, sorted(id for id in marks.values() if id.startswith(f"{source}/")), own_seed)
        for own_seed, source in enumerate(SOURCES, seed * len(SOURCES))
    ]
    failures: list[BaseException] = []

    def work(killer: Killer) -> None:
        try:
            killer.run(kills // len(SOURCES))
        except BaseException as error:  # noqa: BLE001 - it is told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(killer,)) for killer in killers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
        assert not thread.is_alive()
    for killer in killers:
        if killer.journal is not None:
            killer.journal.close()
    assert not failures, failures
    killed = killers[0].killed | killers[1].killed
    assert len(killed) == kills, (len(killed), [k.in_time for k in killers])
    assert world.control("GET", "faults") == {"faults": []}

    acknowledged, sent = truth(world), len(world.writes())
    assert set(silences_by_target(world, marks).values()) == {1}
    targets = {e.subject: e.data["plan"]["target"] for e in world.entries("intent")}
    open_before = sum(last_outcomes(world.journal).get(plan) not in FINAL for plan in targets)
    assert open_before, "some were left to the last start"

    # The next start: nothing but the program, opened.
    program = run_program("--config", str(world.configure()), env=world.env)
    # What shows no effect may have been sent, or not: it stays unknown.
    expected = {plan: "done" if target in acknowledged else "unknown" for plan, target in targets.items()}
    until(
        lambda: {plan: last_outcomes(world.journal).get(plan) for plan in targets} == expected,
        "every intent has its outcome",
        40,
        pause=0.1,
    )
    program.close()
    ended = last_outcomes(world.journal)
    assert truth(world) == acknowledged
    assert len(world.writes()) == sent, "nothing was sent again"
    told = Counter((how, ended[plan]) for plan, how in killed.items())
    print(json.dumps({f"{how}: {state}": n for (how, state), n in sorted(told.items())}, indent=1))  # noqa: T201
    assert {state for _, state in told} == {"done", "unknown"}, "both were seen"


@pytest.mark.pty
def test_a_rollback_is_followed_on_by_the_next_start(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third", "--speed", "3")
    config = str(world.configure(only=("prod",)))
    until(lambda: world.service()["task_definition"].endswith(":42"), "the bad deploy")
    command = ("--config", config, "rollback", PAYMENTS, "--yes", "--confirm", "payments-api", "--wait")
    with popen("oncall_tui", *command, env=world.env, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            until(lambda: world.writes("prod"), "the rollback is sent")
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    (intent,) = world.entries("intent")
    assert last_outcomes(world.journal).get(intent.subject) not in FINAL

    program = run_program("--config", config, env=world.env)
    program.wait(f"✓ roll back: done: {PAYMENTS}", 60)
    until(lambda: last_outcomes(world.journal).get(intent.subject) == "done", "its outcome is in the journal")
    service = world.service()
    assert service["healthy"]
    assert service["task_definition"].endswith(":41")
    assert [w["operation"] for w in world.writes("prod")] == ["StopServiceDeployment"]
