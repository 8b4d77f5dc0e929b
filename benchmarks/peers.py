"""Beside another board: grapes-ecs and this program on the same AWS in memory (moto) with 200 services in one cluster.

grapes-ecs is installed by pip into a virtual environment of its own in a temporary folder, with the Textual and the
boto3 that it asks for, and run as it comes. Both are started in a pseudo-terminal of 120×40, in turn: seconds to the
first text on screen and to the first service's name, then the bytes to the terminal and the calls to AWS while nothing
changes. The calls are counted by a proxy before moto, which delays nothing. moto's services say for ever that they
deploy, and no task of theirs moves. Needs a network, and is run by name alone: ``python -m benchmarks peers``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from benchmarks.delay import Delays
from benchmarks.processes import memory, processor_s
from benchmarks.result import Effort, Result, middle
from benchmarks.terminal import Terminal, environment
from benchmarks.world import command

PEER = "grapes-ecs"
SERVICES, CLUSTER, REGION = 200, "main", "eu-west-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
SETTLES_S = 90.0
FILL = f"""
import sys, boto3, logging
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://%s:%s" % server.get_host_and_port()
ecs = boto3.client("ecs", region_name={REGION!r}, endpoint_url=url)
ecs.create_cluster(clusterName={CLUSTER!r})
box = {{"name": "app", "image": "registry.example.com/app:1", "memory": 128}}
ecs.register_task_definition(family="app", containerDefinitions=[box])
for n in range({SERVICES}):
    name = "service-%03d" % n
    ecs.create_service(cluster={CLUSTER!r}, serviceName=name, taskDefinition="app", desiredCount=2)
print(url, flush=True)
sys.stdin.read()
"""


class Start(NamedTuple):
    """Seconds from the start."""

    first: float
    data: float


class Rest(NamedTuple):
    """A second's bytes and calls; megabytes; per cent of a core."""

    bytes_s: float
    calls: Counter[str]
    seconds: float
    megabytes: float
    cpu: float

    @property
    def words(self) -> tuple[str, str, str, str]:
        """Return them as the table says them."""
        total = sum(self.calls.values()) / self.seconds
        table = ", ".join(f"{name} {count / self.seconds:.2f}" for name, count in self.calls.most_common(5))
        return (
            f"{self.bytes_s:,.0f} B/s",
            f"{total:.2f}/s: {table}",
            f"{self.megabytes:.0f} MB",
            f"{self.cpu:.1f} % of a core",
        )


class Program(NamedTuple):
    """How a board is started, and what is on its screen first and once it has data."""

    name: str
    command: list[str]
    env: dict[str, str]
    first: str
    data: str


def install(folder: Path) -> str:
    """Install the peer into a virtual environment of its own; its version. Raises RuntimeError."""
    venv.create(folder / "peer", with_pip=True)
    pip = [str(folder / "peer/bin/python"), "-m", "pip"]
    done = subprocess.run([*pip, "install", "-q", PEER], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{PEER} could not be installed: {done.stderr.strip()[-300:]}")
    shown = subprocess.run([*pip, "show", PEER], capture_output=True, text=True, timeout=60).stdout
    return next((line.partition(": ")[2] for line in shown.splitlines() if line.startswith("Version:")), "?")


def programs(folder: Path, url: str) -> tuple[Program, Program]:
    """Return this program, and the peer, on the AWS at *url*."""
    env = environment(folder, KEYS)
    source = {"name": "aws", "provider": "ecs", "region": REGION, "endpoint_url": url, "clusters": [CLUSTER]}
    own = folder / "config.json"
    own.write_text(json.dumps({"sources": [source], "journal": str(folder / "journal.db")}))
    theirs = folder / "grapes.toml"
    theirs.write_text(f'[cluster]\nname = "{CLUSTER}"\nregion = "{REGION}"\n')
    started = [str(folder / "peer/bin/grapes"), "-c", str(theirs)]
    return (
        Program("oncall-tui", command(own), env, "ALERTS", "service-0"),
        Program(PEER, started, env | {"AWS_ENDPOINT_URL": url}, "", "service-0"),
    )


def start(program: Program) -> Start:
    """Start it once."""
    with Terminal(program.command, program.env) as terminal:
        first = terminal.wait_screen(lambda text: (program.first or text.strip()) in text and text.strip(), 60, 0.01)
        data = terminal.wait_screen(lambda text: program.data in text, 120, 0.01)
        return Start(first - terminal.started, data - terminal.started)


def rest(program: Program, delays: Delays, seconds: float) -> Rest:
    """Leave it alone."""
    with Terminal(program.command, program.env) as terminal:
        terminal.wait_screen(lambda text: program.data in text, 120, 0.05)
        terminal.run(SETTLES_S)
        size, calls, pid = terminal.size, Counter(delays.calls), terminal.process.pid
        cpu, at = processor_s(pid), time.monotonic()
        terminal.run(seconds)
        took = time.monotonic() - at
        used = 100 * (processor_s(pid) - cpu) / took
        return Rest((terminal.size - size) / took, delays.calls - calls, took, memory(pid).rss, used)


def run(effort: Effort) -> list[Result]:
    """Measure."""
    runs, seconds = effort.runs(3, 5, 9), effort.length(60, 120, 120)
    with tempfile.TemporaryDirectory(prefix="oncall-tui-bench-") as name:
        folder = Path(name)
        version = install(folder)
        server = [sys.executable, "-c", FILL]
        with subprocess.Popen(
            server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(folder, KEYS)
        ) as aws:
            assert aws.stdout is not None
            try:
                url = aws.stdout.readline().strip()
                with Delays({url: 0.0}) as delays:
                    return _measured(programs(folder, delays.urls[url]), delays, version, runs, seconds)
            finally:
                aws.terminate()


def _measured(both: tuple[Program, Program], delays: Delays, version: str, runs: int, seconds: float) -> list[Result]:
    for program in both:
        start(program)  # not counted: files are read from disk, and compiled, there
    times = [[start(program) for program in both] for _ in range(runs)]
    rests = [rest(program, delays, seconds).words for program in both]
    own, theirs = ([pair[index] for pair in times] for index in (0, 1))
    against = f"against {middle([s.first for s in theirs]):.2f} s of {PEER} {version}"
    return [
        Result(f"beside {PEER}, {SERVICES} services: first frame", f"{middle([s.first for s in own]):.2f} s {against}"),
        Result("– data", f"{middle([s.data for s in own]):.2f} against {middle([s.data for s in theirs]):.2f} s"),
        *(
            Result(f"– {what} at rest", f"{mine} against {other}")
            for what, mine, other in zip(("bytes", "calls", "memory", "processor"), *rests, strict=True)
        ),
    ]
