"""The baseline: a bare Textual app with one DataTable and a Footer. ``python -m benchmarks.bare [ROWS]``."""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer

COLUMNS = ("severity", "age", "product", "service", "alert", "state", "suspect")


class Bare(App[None]):
    """As little as shows a table and the keys."""

    BINDINGS: ClassVar = [("q", "quit", "Quit"), ("j", "down", "Down"), ("k", "up", "Up")]

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._count = rows

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        for i in range(self._count):
            table.add_row("warn", "41m", "payments", f"service-{i}", f"check {i} is over its limit", "firing", "–")

    def action_down(self) -> None:
        self.query_one(DataTable).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(DataTable).action_cursor_up()


if __name__ == "__main__":
    Bare(int(sys.argv[1]) if len(sys.argv) > 1 else 0).run(mouse=False)
