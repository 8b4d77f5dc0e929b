"""Hostile surroundings end as words and an exit code: two of the table's rows, each third one with --everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.surroundings import COMMANDS, Row, play
from tests.end_to_end.surroundings_rows import ROWS

CORE = {  # row -> the command that is played
    "ja_JP.eucJP": "ack",
    "COLUMNS and LINES of another window": "board",
}


def _wrong(rows: list[Row], folder: Path, commands: tuple[str, ...] = COMMANDS) -> list[str]:
    return [f"{row.name}: {name}: {seen.wrong}" for row, name, seen in play(rows, folder, commands, 2) if seen.wrong]


def test_two_surroundings(tmp_path: Path) -> None:
    rows = [row._replace(commands=(CORE[row.name],)) for row in ROWS if row.name in CORE]
    assert len(rows) == len(CORE)
    assert _wrong(rows, tmp_path) == []


@pytest.mark.everything
@pytest.mark.parametrize("kind", sorted({row.kind for row in ROWS}))
def test_every_surrounding_ends_as_words(kind: str, tmp_path: Path) -> None:
    """Each third row with one command, in turn; the script plays every row with all."""
    rows = [row for row in ROWS if row.kind == kind][::3]
    turns = [row._replace(commands=(row.commands[number % len(row.commands)],)) for number, row in enumerate(rows)]
    assert _wrong(turns, tmp_path) == []


def test_the_table_has_its_rows() -> None:
    titles = [row.name for row in ROWS]
    assert len(titles) == len(set(titles))
    assert len(titles) >= 40
