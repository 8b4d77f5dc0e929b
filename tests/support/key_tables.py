"""The tables of keys in the documents, from the table of commands: `python -m tests.support.key_tables` writes them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from oncall_tui.tui.commands import by_group, configurable, own

ROOT = Path(__file__).parents[2]
HEAD = "| key | what it does |\n|---|---|\n"
IDS = "Keys can be changed under `screen.keys`, by these ids, in the order of the table: "


def board() -> str:
    """The keys of the board, by group."""
    rows = []
    for heading, keys in by_group().items():
        rows += [f"| **{heading}** | |", *(f"| `{key}` | {what} |" for key, what in keys)]
    return HEAD + "\n".join(rows) + "\n"


def of_screen(screen: str) -> str:
    """The keys that a screen over the board has of its own."""
    rows = own(screen)  # type: ignore[arg-type]
    return HEAD + "".join(f"| `{key}` | {what} |\n" for key, what in rows)


def ids() -> str:
    """The ids for ``screen.keys``."""
    text = IDS + ", ".join(f"`{command.id}`" for command in configurable()) + "."
    return "\n".join(textwrap.wrap(text, 125, break_long_words=False, break_on_hyphens=False)) + "\n"


def keys_page(text: str) -> str:
    """*text* of docs/keys.md with its tables made anew."""
    screens = {
        "The log": "log",
        "The detail": "detail",
        "The record": "record",
        "Follow-ups": "follow-ups",
        "Incidents": "incidents",
        "Numbers": "statistics",
        "The quiet list": "quiet",
    }
    for heading, table in {"The board": board(), **{name: of_screen(one) for name, one in screens.items()}}.items():
        before, mark, rest = text.partition(f"\n## {heading}\n")
        text = before + mark + re.sub(r"\| key \|.*?\n(?!\|)", lambda _, new=table: new, rest, count=1, flags=re.DOTALL)  # type: ignore[misc]
    before, mark, rest = text.partition(IDS[:30])
    return before + ids() + "\n" + rest.partition("\n\n")[2]


def readme(text: str) -> str:
    """*text* of README.md with the words of its few keys made anew."""
    what = {key: words for keys in by_group().values() for key, words in keys}
    before, mark, rest = text.partition("\n## Keys at 3 am\n")
    part, end, after = rest.partition("\n## ")
    part = re.sub(r"^\| `([^`]+)` \| .* \|$", lambda it: f"| `{it[1]}` | {what[it[1]]} |", part, flags=re.MULTILINE)
    return before + mark + part + end + after


PAGES = {"docs/keys.md": keys_page, "README.md": readme}

if __name__ == "__main__":
    for name, made in PAGES.items():
        page = ROOT / name
        page.write_text(made(page.read_text()))
