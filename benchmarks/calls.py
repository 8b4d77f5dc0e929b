"""AWS calls at rest, how soon a deploy is on screen, whether all services are read in a sweep, and a hung source.

Calls: the program runs in a pseudo-terminal on the simulated world's scale scenario (two accounts with two clusters
each, a CloudWatch source in one of them; and one of the accounts alone); from ten seconds after everything was read,
the drill counts what it is asked for. AWS's limits are an account's, and so is the budget: what each account is asked
for is counted apart. A second account costs its own look at its clusters each 9 s, and its own scaling activities.

Deploys: in the same terminal, with 200 services, deploys are begun one after the other in changing clusters, at random
moments; the time to the first screen whose title counts one more. The drill runs at a fifth of its speed there: its
tasks need 4 s to start, which is over between two looks at a cluster's statistics, and real ones need 20 s or more.
The first deploy is followed: how often it is looked at while it runs. With the clusters' statistics denied the sweep
alone has to find a deploy.

Sweep and hung source: an engine without a screen; the greatest age that any service's row had over more than a sweep;
then one account hangs (each call is accepted and never answered), and the mean time between two readings of each of the
other sources is compared with that before.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.result import Effort, Result, middle
from benchmarks.terminal import Terminal
from benchmarks.world import World

ACCOUNTS = {"prod": "prod", "alarms": "prod", "edge": "edge"}  # of each source
CALLS_A_SECOND = {200: 0.5, 1_000: 2.0}
DEPLOY_S, SWEEP_S, AGAIN_S = 10.0, 70.0, 3.0
DEPLOYS_TITLE = re.compile(r"DEPLOYS (\d+) running · (\d+) in the last day")


def counted(world: World) -> Counter[tuple[str, str]]:
    """AWS calls so far, by account and operation."""
    total: Counter[tuple[str, str]] = Counter()
    for source, operations in world.calls().items():
        if source in ACCOUNTS:
            total.update({(ACCOUNTS[source], name): count for name, count in operations.items()})
    return total


def ready(terminal: Terminal, services: int, sources: int) -> None:
    """Wait until everything was read once."""
    words = (f"SERVICES {services}", f"{sources}/{sources} live")
    terminal.wait_screen(lambda text: all(word in text for word in words), 300, every_s=0.25)


def at_rest(world: World, terminal: Terminal, services: int, seconds: float, sources: int = 5) -> Result:
    """Calls a second: in all and by operation, and of each account."""
    ready(terminal, services, sources)
    terminal.run(10.0)
    before = counted(world)
    terminal.run(seconds)
    made = counted(world) - before
    accounts, operations = Counter[str](), Counter[str]()
    for (account, operation), count in made.items():
        accounts[account] += count
        operations[operation] += count
    budget = CALLS_A_SECOND[services]
    each = ", ".join(f"{name} {count / seconds:.2f}" for name, count in sorted(accounts.items()))
    table = ", ".join(f"{name} {count / seconds:.3f}" for name, count in operations.most_common())
    told = f"{made.total() / seconds:.2f}/s over {seconds:.0f} s ({each}): {table}"
    where = "two accounts" if sources == 5 else "one account"
    met = max(accounts.values()) / seconds <= budget
    return Result(f"AWS calls at rest, {services:,} services in {where}", told, f"{budget}/s an account", met)


# --- deploys ----------------------------------------------------------------------------------------------------------


def begun(text: str) -> int:
    """How many deploys the screen counts."""
    found = DEPLOYS_TITLE.search(text)
    return int(found[2]) if found else 0


def deploy(world: World, terminal: Terminal, service: str, timeout_s: float) -> float:
    """Begin a deploy; seconds until it is on screen."""
    known = begun("\n".join(terminal.display()))
    at = time.monotonic()
    world.do(deploy={"service": service})
    return terminal.wait_screen(lambda text: begun(text) > known, timeout_s) - at


def deploys(world: World, terminal: Terminal, runs: int, swept: int) -> list[Result]:
    """How soon deploys are on screen, with cluster statistics and without."""
    by_cluster: dict[str, list[str]] = {}
    for name in world.ask("state")["services"]:
        by_cluster.setdefault(name.rpartition("/")[0], []).append(name)
    random.seed(2)
    clusters = sorted(by_cluster)

    def one(turn: int, timeout_s: float) -> tuple[str, float]:
        terminal.run(random.uniform(0.0, 9.0))
        names = by_cluster[clusters[turn % len(clusters)]]
        name = names.pop(random.randrange(len(names)))
        return name, deploy(world, terminal, name, timeout_s)

    name, first = one(0, 120)
    again = _again(world, terminal, name.partition("/")[0], 16.0)
    times = [first, *(one(turn, 120)[1] for turn in range(1, runs))]
    told = f"{middle(times):.1f} s (median of {runs}; {min(times):.1f}–{max(times):.1f} s)"
    results = [
        Result("a deploy that starts is on screen", told, f"{DEPLOY_S:.0f} s", max(times) <= DEPLOY_S),
        Result("a deploying service is read again each", f"{again:.1f} s", f"{AGAIN_S:.0f} s", again <= AGAIN_S * 1.1),
    ]
    if swept:
        world.ask("faults", {"source": "*", "operation": "DescribeClusters", "kind": "denied"})
        terminal.run(12.0)
        late = [one(turn, 180)[1] for turn in range(swept)]
        world.do(clear_faults=True)
        told = f"at most {max(late):.0f} s of {swept}"
        results.append(Result("– the same, statistics denied", told, f"{SWEEP_S:.0f} s", max(late) <= SWEEP_S))
    return results


def _again(world: World, terminal: Terminal, source: str, seconds: float) -> float:
    """Mean seconds between two looks at the deploys that run, which nothing else asks for."""
    at: list[float] = []
    known = -1
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        count = world.calls()[source].get("DescribeServiceDeployments", 0)
        if known not in (-1, count):
            at.append(time.monotonic())
        known = count
        terminal.run(0.1)
    return (at[-1] - at[0]) / (len(at) - 1) if len(at) > 1 else seconds


# --- without a screen -------------------------------------------------------------------------------------------------


def sweep(services: int, seconds: float) -> list[Result]:
    """Are all services read in each sweep, and does a hung source hold up the others?"""
    import os

    with World("scale", services, 50) as world:
        os.environ.update({k: v for k, v in world.env.items() if k.startswith(("AWS_", "ONCALL_"))})
        from oncall_tui import bootstrap

        engine = bootstrap.make_engine(bootstrap.load_config(str(world.write_config())), read_only=True)
        engine.start()
        try:
            done = engine.wait(
                lambda u: len(u.board.services) == services and all(s.live for s in u.board.sources.values()), 300
            )
            if not done:
                raise RuntimeError("not everything could be read")
            ages = _oldest(engine, SWEEP_S + seconds)
            before = _cadence(engine, seconds)
            world.ask("faults", {"source": "edge", "kind": "hang"})
            threading.Event().wait(10.0)
            during = _cadence(engine, seconds)
        finally:
            engine.stop()
    clusters = {s.key.cluster for s in engine.update.board.services.values()}
    told = f"{max(ages):.0f} s ({services} services, 2 accounts, {len(clusters)} clusters)"
    others = {name: (before[name], during[name]) for name in before if name != "edge"}
    ratio = max(new / old for old, new in others.values())
    table = ", ".join(f"{name} {old:.1f} → {new:.1f} s" for name, (old, new) in others.items())
    return [
        Result("greatest age of a service's row", told, f"{SWEEP_S:.0f} s", max(ages) <= SWEEP_S),
        Result("one account hung: time between readings", table, "no longer", ratio <= 1.25),
    ]


def _oldest(engine: Any, seconds: float) -> list[float]:
    until = time.monotonic() + seconds
    ages = []
    while time.monotonic() < until:
        now = engine.clock.now()
        ages.append(max(now - s.read_at for s in engine.update.board.services.values()))
        time.sleep(0.5)
    return ages


def _cadence(engine: Any, seconds: float) -> dict[str, float]:
    """Mean seconds between two readings of each source."""
    seen: dict[str, list[float]] = {name: [] for name in engine.sources}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, source in engine.update.board.sources.items():
            if source.read_at and (not seen[name] or seen[name][-1] != source.read_at):
                seen[name].append(source.read_at)
        time.sleep(0.05)
    return {n: (at[-1] - at[0]) / (len(at) - 1) if len(at) > 1 else seconds for n, at in seen.items()}


def run(effort: Effort) -> list[Result]:
    """Measure."""
    seconds = effort.length(30, 60, 180)

    def small() -> list[Result]:
        with World("scale", 200, 50, speed=0.2) as world, world.program() as terminal:
            rest = at_rest(world, terminal, 200, seconds)
            return [rest, *deploys(world, terminal, effort.runs(2, 3, 9), effort.runs(0, 0, 3))]

    def one_account() -> list[Result]:
        with World("scale", 400, 50) as world:  # half of them are in each account
            sources = [s for s in world.config["sources"] if s["name"] != "edge"]
            with world.program(world.write_config(sources=sources)) as terminal:
                return [at_rest(world, terminal, 200, seconds, sources=4)]

    def large() -> list[Result]:
        with World("scale", 1_000, 50) as world, world.program() as terminal:
            return [at_rest(world, terminal, 1_000, seconds)]

    with ThreadPoolExecutor(4) as pool:
        parts = [pool.submit(large), pool.submit(small), pool.submit(one_account), pool.submit(sweep, 200, seconds)]
        return [result for part in parts for result in part.result()]
