"""A tired engineer with three keys: wait for the bell, press ``a``, then ``R`` and ``y``, and never move the cursor.

``python -m tests.end_to_end.naive`` plays that in every scenario at 80×24 and prints on what each key acted, as the
simulated world and the journal tell it: the screen is not asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World, until

BELL = b"\x1b]9;"
SIZE = (80, 24)
SPEED = 4.0
AT_ONCE = 3  # programs and worlds on two cores
CHANGES = ("StopServiceDeployment", "UpdateService", "StopDeployment", "CreateDeployment", "ContinueServiceDeployment")
SCENARIOS = (
    "night",
    "bad-image",
    "out-of-memory",
    "health-check",
    "configuration",
    "capacity",
    "dependency",
    "two-deploys",
    "older-alert",
    "flapping",
    "expired-login",
)


class Played(NamedTuple):
    """What came of the keys in one scenario. *acknowledged* and *changed*: (title or service, was it right)."""

    scenario: str
    rang: str
    acknowledged: tuple[tuple[str, bool], ...]
    asked: str  # the question that stood on screen before ``y``, on one line; empty: none
    changed: tuple[tuple[str, bool], ...]

    @property
    def harmless(self) -> bool:
        """Only pages were acknowledged, and only services were changed that fail under a deploy that is under way."""
        return all(right for _, right in (*self.acknowledged, *self.changed))


def _rows(world: World, config: str) -> list[dict[str, Any]]:
    """The alerts as ``status --json`` tells them."""
    command = [sys.executable, "-m", "oncall_tui", "--config", config, "status", "--json"]
    told = subprocess.run(command, env=world.env, capture_output=True, text=True, timeout=60, check=False)
    return list(json.loads(told.stdout)["alerts"])


def _quiet(program: Program, quiet_s: float = 1.0, longest_s: float = 6.0) -> None:
    """Wait until nothing more is painted for *quiet_s* seconds: the key's work is done as far as anybody sees."""
    end, size, since = time.monotonic() + longest_s, len(program.raw), time.monotonic()
    while time.monotonic() < end and time.monotonic() - since < quiet_s:
        time.sleep(0.05)
        if len(program.raw) != size:
            size, since = len(program.raw), time.monotonic()


def _question(screen: list[str]) -> str:
    """What a dialog in the middle of the screen says, without its frame."""
    inside = [line.strip(" │┃║▌▐█|") for line in screen if any(edge in line for edge in "│┃║▌▐█")]
    return " ".join(" ".join(inside).split())


def play(scenario: str, folder: Path, size: tuple[int, int] = SIZE) -> Played:
    """Play one scenario with the naive keys. Everything that it started has ended when it returns."""
    world = World(folder, "--scenario", scenario, "--speed", str(SPEED))
    program = None
    try:
        config = str(world.configure(0.5))
        program = Program(["--config", config], env=world.env, size=size)
        raw = program
        until(lambda: BELL in raw.raw, f"{scenario}: the bell rings", 90)
        rang = bytes(raw.raw).split(BELL, 1)[1].split(b"\x07", 1)[0].decode(errors="replace")
        time.sleep(0.8)  # a hand needs as long to find the key
        pages = {row["id"] for row in _pages(world, config)}
        program.press("a")
        _quiet(program)
        failing = _failing(world)
        program.press("R")
        _quiet(program)
        asked = _question(program.screen)
        program.press("y")
        _quiet(program, 1.5)
        pages |= {row["id"] for row in _pages(world, config)}
        return Played(scenario, rang, _acknowledged(world, pages), asked, _changed(world, failing))
    finally:
        if program is not None:
            program.close()
        world.close()


def _pages(world: World, config: str) -> list[dict[str, Any]]:
    """Alerts that page, with all that are the same problem as one that does."""
    return [row for row in _rows(world, config) if row["pages"]]


def _acknowledged(world: World, pages: set[str]) -> tuple[tuple[str, bool], ...]:
    found = []
    for entry in world.entries("intent", "seen"):
        plan = entry.data.get("plan")
        if entry.kind == "intent" and isinstance(plan, dict) and plan.get("verb") == "acknowledge":
            found.append((entry.text, plan["target"] in pages))
        elif entry.kind == "seen":
            found.append((f"seen: {entry.subject}", entry.subject in pages))
    return tuple(found)


def _failing(world: World) -> dict[str, bool]:
    """Every service: does it fail under a deploy that is under way? Nothing else is rolled back by ``y`` alone."""
    state = world.state
    deploys = state["deployments"]
    return {
        name: not service["healthy"] and any(d["status"] == "IN_PROGRESS" for d in deploys.get(name, ()))
        for name, service in state["services"].items()
    }


def _changed(world: World, failing: dict[str, bool]) -> tuple[tuple[str, bool], ...]:
    """Services that were changed, and whether that was right."""
    found = []
    for write in world.writes():
        if write["operation"] in CHANGES:
            asked = json.dumps(write)
            name = next((n for n in failing if n.rpartition("/")[2] in asked), asked[:80])
            found.append((f"{write['operation']} {name}", failing.get(name, False)))
    return tuple(found)


def play_all(scenarios: tuple[str, ...], folder: Path) -> list[Played]:
    """Play them, a few at a time."""
    lock = threading.Lock()

    def one(scenario: str) -> Played:
        with lock:
            (folder / scenario).mkdir()
        return play(scenario, folder / scenario)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, scenarios))


def main(arguments: list[str]) -> int:
    """Play the scenarios that are named, or all, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        played = play_all(tuple(arguments) or SCENARIOS, Path(folder))
    sys.stdout.write(
        "| scenario | the bell said | a acted on | R asked | y changed | harm |\n|---|---|---|---|---|---|\n"
    )
    for it in played:
        acted = "; ".join(f"{what}{'' if right else ' (NOT A PAGE)'}" for what, right in it.acknowledged) or "nothing"
        changed = (
            "; ".join(f"{what}{'' if right else ' (NO FAILING DEPLOY)'}" for what, right in it.changed) or "nothing"
        )
        harm = "none" if it.harmless else "**harm**"
        sys.stdout.write(f"| {it.scenario} | {it.rang} | {acted} | {it.asked[:200]} | {changed} | {harm} |\n")
    harmful = sum(not it.harmless for it in played)
    sys.stdout.write(f"\n{len(played)} played at {SIZE[0]}×{SIZE[1]}, {harmful} with harm\n")
    return 1 if harmful else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
