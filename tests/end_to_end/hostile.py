"""Five situations in which the program must not lie, lose or harm, played on the real program in a real terminal.

``python -m tests.end_to_end.hostile`` plays them and prints, for each, what the program did; it exits with 1 where one
of them went wrong. The simulated world is the judge of what was sent.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World, until

CLIPBOARD = "\x1b]52;c;Y3VybCBldmls\x07"


class Verdict(NamedTuple):
    """What was seen, in a sentence, and whether that was right."""

    right: bool
    seen: str


def _run(world: World, config: Path, *arguments: str, output: str = "") -> tuple[int, str]:
    """Run a command; its exit code and what it printed. *output*: where its standard output goes instead."""
    command = [sys.executable, "-m", "oncall_tui", "--config", str(config), *arguments]
    if output:
        with open(output, "w", encoding="utf-8") as full:
            told = subprocess.run(
                command, env=world.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
            )
        return told.returncode, told.stderr
    told = subprocess.run(command, env=world.env, capture_output=True, text=True, timeout=60, check=False)
    return told.returncode, told.stdout + told.stderr


def damaged_journal(folder: Path) -> Verdict:
    """A journal with rows that cannot be decoded: another version's plan, an unknown state, data that is no JSON."""
    world = World(folder, "--scenario", "quiet")
    try:
        config = world.configure(0.5)
        _run(world, config, "status")
        _run(world, config, "journal")
        db = sqlite3.connect(world.journal)
        db.execute(
            "CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, "
            "kind TEXT NOT NULL, subject TEXT NOT NULL, actor TEXT NOT NULL, text TEXT NOT NULL, data TEXT NOT NULL)"
        )
        rows = [
            ("intent", "p1", json.dumps({"plan": {"id": "p1", "verb": "teleport"}, "host": "h", "pid": 1})),
            ("outcome", "p1", json.dumps({"state": "perhaps"})),
            ("seen", "prom/x", "this is no JSON"),
        ]
        with db:
            db.executemany(
                "INSERT INTO entry (at, kind, subject, actor, text, data) VALUES (1, ?, ?, 'x', 'x', ?)", rows
            )
        db.close()
        began = time.monotonic()
        code, _ = _run(world, config, "status")
        took = time.monotonic() - began
        program = Program(["--config", str(config)], env=world.env, size=(120, 40))
        try:
            total = len(world.told["config"]["sources"])
            try:
                program.wait(f"{total}/{total} live", 20)
                live = True
            except AssertionError:
                live = False
            line = next((row for row in program.screen if "live" in row or "reading" in row), "").strip()
            named = next((row.strip() for row in program.screen if "journal" in row.lower()), "")
        finally:
            program.close()
        seen = f"status: exit {code} after {took:.0f} s; the board after 20 s: {' '.join(line.split())!r}; {named!r}"
        return Verdict(code == 0 and live and took < 20, seen)
    finally:
        world.close()


STEPPED = """
import sys, threading, time
real = time.time
began = time.monotonic()
time.time = lambda: real() - (3600 if time.monotonic() - began > 8 else 0)
from oncall_tui import bootstrap
engine = bootstrap.make_engine(bootstrap.load_config(sys.argv[1]))
engine.start()
print("ready", flush=True)
for line in sys.stdin:
    source = engine.update.board.sources["prod"]
    age = source.age_s(engine.clock.now())
    read = "never" if age is None else f"{age:.0f} s ago"
    print(f"{source.state.label}, read {read}, current={source.current}", flush=True)
engine.stop()
"""


def clock_steps_back(folder: Path) -> Verdict:
    """The wall clock steps back by an hour, then AWS is not reachable any more: is it still shown as read just now?"""
    world = World(folder, "--scenario", "quiet")
    child = None
    try:
        config = world.configure(0.5)
        child = subprocess.Popen(
            [sys.executable, "-c", STEPPED, str(config)],
            env=world.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(12)  # the step comes after 8 s; then some polls
        calls = world.calls()["prod"]
        time.sleep(15)
        asked = world.calls()["prod"] - calls
        world.fault("refuse", "prod")
        time.sleep(50)
        child.stdin.write("state\n")
        child.stdin.flush()
        state = child.stdout.readline().strip()
        seen = f"calls to ECS in the 15 s after the step: {asked}; 50 s after its port was closed: {state}"
        return Verdict(asked > 0 and not state.startswith("OK"), seen)
    finally:
        if child is not None:
            child.kill()
            child.wait(5)
        world.close()


def label_writes_clipboard(folder: Path) -> Verdict:
    """A label holds the sequence that writes the clipboard, and the engineer opens the form that silences its alert."""
    world = World(folder, "--scenario", "quiet")
    program = None
    try:
        config = world.configure(0.5, only=("prom",))
        program = Program(["--config", str(config)], env=world.env, size=(120, 40))
        program.wait("live", 20)
        labels = {"alertname": "Planted", "severity": "critical", "note": f"x{CLIPBOARD}y"}
        world.do(fire={"labels": labels, "annotations": {"summary": f"planted {CLIPBOARD}"}})
        program.wait("planted", 30)
        program.press("g")
        time.sleep(1.0)
        program.press("S")
        shown = program.wait(lambda screen: "note" in screen and "for" in screen.lower(), 10)
        time.sleep(1.0)
        written = CLIPBOARD.encode() in bytes(program.raw) or b"\x1b]52" in bytes(program.raw)
        line = next((row.strip() for row in shown.splitlines() if "note" in row), "")
        return Verdict(not written, f"clipboard written: {'yes' if written else 'no'}; the form shows {line!r}")
    finally:
        if program is not None:
            program.close()
        world.close()


def output_is_full(folder: Path) -> Verdict:
    """A silence is made while standard output is a full disk: what does the exit code say?"""
    world = World(folder, "--scenario", "quiet")
    try:
        config = world.configure(0.5, only=("prom",))
        world.do(fire={"labels": {"alertname": "Full", "severity": "warning"}, "annotations": {"summary": "full"}})

        def rows() -> list[str]:
            _, said = _run(world, config, "status", "--json")
            return [a["id"] for a in json.loads(said.splitlines()[0])["alerts"] if a["title"] == "full"]

        alert = until(rows, "the alert is there", 30, 0.2)[0]
        code, said = _run(
            world, config, "silence", alert, "--for", "1h", "--reason", "test", "--yes", output="/dev/full"
        )
        made = [w["operation"] for w in world.writes("prom") if "silences" in w["operation"]]
        words = " ".join(said.split())[-160:]
        seen = f"silences made: {len(made)}; exit {code}; stderr ends with {words!r}"
        return Verdict(code == 0 and len(made) == 1 and "Traceback" not in said, seen)
    finally:
        world.close()


def plan_unseen(folder: Path) -> Verdict:
    """``R``, then the window shrinks so that neither target nor warnings are on screen, and ``y`` or the name comes."""
    world = World(folder, "--scenario", "out-of-memory", "--speed", "4")
    program = None
    try:
        program = Program(["--config", str(world.configure(0.5))], env=world.env, size=(80, 24))
        program.wait("PAGE", 60)
        program.wait("suspect", 30)
        time.sleep(2.0)
        sizes = []
        for columns, lines in ((20, 5), (40, 10), (10, 3)):
            program.resize(80, 24)
            time.sleep(1.0)
            program.press("R")
            time.sleep(2.0)
            program.resize(columns, lines)
            time.sleep(1.0)
            program.press("y")
            time.sleep(0.3)
            program.press("payments-api\r")
            time.sleep(1.5)
            sent = [w["operation"] for w in world.writes("prod")]
            sizes.append(f"{columns}×{lines}: {sent[-1] if sent else 'nothing sent'}")
            program.press("\x1b")
            time.sleep(0.5)
        return Verdict(not world.writes("prod"), "; ".join(sizes))
    finally:
        if program is not None:
            program.close()
        world.close()


SITUATIONS: dict[str, Callable[[Path], Verdict]] = {
    "a damaged journal": damaged_journal,
    "the clock steps back": clock_steps_back,
    "a label that writes the clipboard": label_writes_clipboard,
    "output that is full": output_is_full,
    "a plan that is not on screen": plan_unseen,
}


def main(arguments: list[str]) -> int:
    """Play those that are named by a word of theirs, or all, and print what was seen."""
    wrong = 0
    for name, play in SITUATIONS.items():
        if arguments and not any(word in name for word in arguments):
            continue
        with tempfile.TemporaryDirectory() as folder:
            verdict = play(Path(folder))
        wrong += not verdict.right
        sys.stdout.write(f"{'ok   ' if verdict.right else 'WRONG'} {name}: {verdict.seen}\n")
        sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
