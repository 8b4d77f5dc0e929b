"""The one table against Textual's DataTable: ``python -m benchmarks.table``.

Each runs in a process of its own in a pseudo-terminal of 120×40, truecolor. Times are the process's own CPU time from
the call to the last byte, so read them as ratios; bytes are what the terminal was sent.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from oncall_tui.tui.widgets.table.table import Column, Row, Table

ROWS = 5_000
REPEATS = 7
SETTLE_S = 0.25
BUDGET_BYTES = 1_024
NAMES = ("severity", "age", "product", "service", "title", "state", "suspect", "source", "count", "by")
WIDTHS = (5, 4, 10, 18, 24, 12, 14, 8, 5, 6)


def cells(index: int, state: str = "firing") -> tuple[str, ...]:
    """The texts of one row."""
    place = (f"product-{index % 13}", f"prod/service-{index}", f"[/prod] 5xx rate {index}")
    return ("PAGE", "41m", *place, state, "no suspect", "prom", f"×{index % 20}", "bob")


class Own(App[None]):
    """5,000 rows in the table of this project."""

    turn = 0
    there = False

    def compose(self) -> ComposeResult:
        yield Table([Column(n, n, w, flex=n == "title") for n, w in zip(NAMES, WIDTHS, strict=True)])

    def build(self) -> None:
        self.rows = [Row(str(i), cells(i)) for i in range(ROWS)]
        self.query_one(Table).show(self.rows)

    def change(self, count: int) -> None:
        self.turn += 1
        rows = list(self.rows)
        for i in range(5, 5 + count):
            rows[i] = Row(str(i), cells(i, f"ack {self.turn % 10}"))
        self.query_one(Table).show(rows)

    def come_and_go(self) -> None:
        self.there = not self.there
        new = [Row("new", cells(0))] if self.there else []
        self.query_one(Table).show([*self.rows[:30], *new, *self.rows[30:]])

    def down(self) -> None:
        self.query_one(Table).action_move(1)


class Theirs(App[None]):
    """The same in a DataTable."""

    turn = 0
    there = False

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def build(self) -> None:
        table = self.query_one(DataTable)
        for name, width in zip(NAMES, WIDTHS, strict=True):
            table.add_column(name, key=name, width=width)
        for i in range(ROWS):
            table.add_row(*(text.replace("[", r"\[") for text in cells(i)), key=str(i))

    def change(self, count: int) -> None:
        self.turn += 1
        for i in range(5, 5 + count):
            self.query_one(DataTable).update_cell(str(i), "state", f"ack {self.turn % 10}")

    def come_and_go(self) -> None:
        self.there = not self.there
        table = self.query_one(DataTable)
        if self.there:
            table.add_row(*cells(0)[:4], key="new")
        else:
            table.remove_row("new")

    def down(self) -> None:
        self.query_one(DataTable).action_cursor_down()


STEPS: dict[str, Callable[[Own | Theirs], None]] = {
    "build": lambda app: app.build(),
    "nothing changed": lambda app: app.change(0),
    "one cell": lambda app: app.change(1),
    "100 cells": lambda app: app.change(100),
    "row comes or goes": lambda app: app.come_and_go(),
    "cursor down": lambda app: app.down(),
}


async def drive(app: Own | Theirs, report: Callable[[str], None]) -> None:
    """Take each step, between a ``begin`` and an ``end`` that the parent counts the bytes between."""
    app.query_one("Table, DataTable").focus()
    for name, step in STEPS.items():
        for _ in range(1 if name == "build" else REPEATS):
            await asyncio.sleep(SETTLE_S)
            report("begin")
            before = time.process_time()
            step(app)
            await asyncio.sleep(SETTLE_S * (8 if name == "build" else 1))
            report(f"end {name}: {time.process_time() - before}")
    app.exit()


def child(kind: str, fd: int) -> None:
    """Run one of the two in this terminal."""
    app = Own() if kind == "own" else Theirs()

    def report(line: str) -> None:
        os.write(fd, f"{line}\n".encode())

    async def ready() -> None:
        app.run_worker(drive(app, report))

    app.call_later(ready)
    app.run(mouse=False)


def measure(kind: str) -> dict[str, tuple[float, float]]:
    """(median seconds, median bytes) of each step."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    told, tell = os.pipe()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    command = [sys.executable, "-m", "benchmarks.table", "--child", kind, str(tell)]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, pass_fds=[tell])
    os.close(slave)
    os.close(tell)
    sent, begun = 0, 0
    seen: dict[str, list[tuple[float, float]]] = {}
    buffer = b""
    watched = [master, told]
    while ready := select.select(watched, [], [], 60)[0]:
        if master in ready:  # first: what was written before a line of the report is counted before it
            if not (count := _read(master)):
                watched.remove(master)
            sent += count
            continue
        if not (chunk := os.read(told, 65_536)):
            break
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in map(bytes.decode, lines):
            if line == "begin":
                begun = sent
            else:
                name, seconds = line.removeprefix("end ").split(": ")
                seen.setdefault(name, []).append((float(seconds), sent - begun))
    process.wait(10)
    os.close(master)
    os.close(told)
    return {n: (statistics.median(s for s, _ in r), statistics.median(b for _, b in r)) for n, r in seen.items()}


def _read(fd: int) -> int:
    try:
        return len(os.read(fd, 1 << 20))
    except OSError:  # the terminal is closed
        return 0


def main() -> int:
    """Print the table; 1 if the budget for one cell is broken."""
    own, theirs = measure("own"), measure("theirs")
    print(f"{ROWS} rows × {len(NAMES)} columns, 120×40, truecolor; CPU ms and bytes to the terminal\n")
    print(f"{'':18}{'own ms':>9}{'own B':>9}{'DataTable ms':>14}{'DataTable B':>13}{'time ratio':>12}")
    for name in STEPS:
        (ms, sent), (their_ms, their_sent) = own[name], theirs[name]
        ratio = f"{ms / their_ms:.2f}" if their_ms else "–"
        print(f"{name:18}{ms * 1000:9.1f}{sent:9.0f}{their_ms * 1000:14.1f}{their_sent:13.0f}{ratio:>12}")
    good = own["one cell"][1] <= BUDGET_BYTES
    print(f"\none changed cell: {own['one cell'][1]:.0f} B, budget {BUDGET_BYTES} B: {'kept' if good else 'BROKEN'}")
    return 0 if good else 1


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(sys.argv[-2], int(sys.argv[-1]))
    else:
        sys.exit(main())
