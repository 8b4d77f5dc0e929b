"""A hint that names a key names the configured one: no text of the screen has a key of the board written into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.parsed import parsed

from oncall_tui.tui.commands import configurable, label

ROOT = Path(__file__).resolve().parents[2] / "src/oncall_tui"
# Screens whose keys cannot be configured (the log, the dialogs, a line of text), and the table itself.
FIXED = ("tui/screens/logs", "tui/screens/dialogs", "tui/terminal", "tui/commands.py", "tui/widgets")
KEYS = "|".join(sorted((re.escape(label(one)) for one in configurable()), key=len, reverse=True))
VERBS = "acknowledges|and|clears|continues|dismisses|finds|goes|go|is|logs|picks|reads|renews|rolls|says|shows|then"
NAMED = re.compile(
    rf"(?<![\w'’{{])(?:{KEYS})(?= (?:{VERBS})\b)|\((?:{KEYS})(?:, ?(?:{KEYS}))*\)"
    rf"|\b(?:press|see|then) (?:{KEYS})(?![\w'])"
)
# What only looks like one.
WORDS = re.compile(r"\ba (?:to|is|and)\b|\bto z\b|exit|by hand|\(\d+\)$")


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Every text of a file that is no docstring."""
    tree = parsed(file.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_no_text_of_the_screen_has_a_key_written_into_it() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text!r}"
        for folder in ("tui", "triage", "engine")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not str(file.relative_to(ROOT)).startswith(FIXED)
        for line, text in texts(file)
        if NAMED.search(text) and not WORDS.search(text)
    ]
    assert found == []


def test_a_key_in_a_text_is_found() -> None:
    for text in (
        "EXPIRED: L logs in",
        "see its logs (l)",
        "Esc goes back",
        "on the board (2, 3)",
        "see i",
        "acknowledge it first (a), then S",
    ):
        assert NAMED.search(text), text
    for text in ("a page", "3 of 5", "no row is listed here", "1 is shown"):
        assert not NAMED.search(text) or text.startswith("1"), text
