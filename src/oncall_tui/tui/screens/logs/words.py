"""A log line made fit to be shown: colours and control characters gone, JSON in words, cut or folded by cells. Pure.

What is shown of a line is never kept in the caches of ``text``: lines are many and long.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from rich.cells import cell_len

from oncall_tui.runtime.decoding import plain
from oncall_tui.text.cells import ELLIPSIS, visible
from oncall_tui.text.escapes import without_escapes

BROKEN = 2_000  # characters of a text that is broken at its spaces
SHOWN = 4_000  # characters of a line on screen; Enter shows all that is kept
_STAMP = re.compile(r"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s+(?=\S)")
_TIMES = frozenset({"time", "timestamp", "ts", "@timestamp", "date", "asctime"})
_LEVELS = frozenset({"level", "severity", "lvl", "levelname", "log.level", "loglevel"})
_MESSAGES = ("msg", "message", "log", "event", "error")
_PARTS = re.compile(r"[\s=]+")
_NAMES = frozenset({"trace", "debug", "info", "warn", "error", "fatal"})  # of levels that may be numbers
_PINO = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}


def harmless(text: str) -> str:
    """*text* without escape sequences; what is left of control characters is a visible sign."""
    return visible(without_escapes(text))


def readable(text: str) -> str:
    """A line as it is shown: of a JSON object its level and message first, then ``name=value``; harmless.

    A time that it begins with is left out, as its own stands before it; ``unfolded`` has it.
    """
    if text[:1] == "{":
        found = _object(text)
        if found is not None:
            text = _in_words(found)
    elif stamp := _STAMP.match(text):
        text = text[stamp.end() :]
    if len(text) > SHOWN:
        text = f"{text[:SHOWN]}{ELLIPSIS} ({len(text) - SHOWN} characters more: Enter shows them)"
    return harmless(text)


def unfolded(text: str) -> list[str]:
    """All of a line, in several: each member of a JSON object on its own."""
    found = _object(text) if text[:1] == "{" else None
    if found is None:
        return [harmless(part) for part in text.splitlines() or [""]]
    pretty = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    return [harmless(part) for part in pretty.splitlines()]


def in_rows(text: str, cells: int) -> list[str]:
    """Break a very long text into rows of *cells* cells, because breaking it at spaces is slow; keep a shorter one."""
    return [text] if len(text) <= BROKEN else [text[begin:end] for begin, end in fold(text, cells, cells)]


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = plain(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _in_words(found: dict[str, Any]) -> str:
    level = next((found[k] for k in found if k.lower() in _LEVELS), "")
    named = next((k for k in _MESSAGES if isinstance(found.get(k), str)), "")
    parts = [str(_PINO.get(level, level) if isinstance(level, int) else level).upper(), found.get(named, "")]
    for key, value in found.items():
        if key != named and key.lower() not in _TIMES and key.lower() not in _LEVELS:
            parts.append(f"{key}={value if isinstance(value, str) else msgspec.json.encode(value).decode()}")
    return " ".join(part for part in parts if part)


def matches(text: str, query: str) -> bool:
    """Return whether the line has *query* (lower case), as received or as shown."""
    low = text.lower()
    if query in low:
        return True
    if text[:1] == "{":  # thousands are asked: what a member cannot say in other letters has to be there
        parts = [part for part in _PARTS.split(query) if part.isascii() and part.isalnum() and part not in _NAMES]
        return all(part in low for part in parts) and query in readable(text).lower()
    return not text.isprintable() and query in readable(text).lower()


def spans(shown: str, query: str) -> list[tuple[int, int]]:
    """Return the places of *query* (lower case) in the shown text, as (begin, end)."""
    low = shown.lower()
    if not query or len(low) != len(shown):  # a letter that is longer in lower case: no place is sure
        return []
    found, at = [], low.find(query)
    while at >= 0:
        found.append((at, at + len(query)))
        at = low.find(query, at + len(query))
    return found


def fold(text: str, first: int, cells: int) -> list[tuple[int, int]]:
    """Return the breaks of *text* (harmless): pieces (begin, end) of at most *first*, then *cells* cells."""
    if text.isascii():
        pieces = [(0, min(first, len(text)))]
        pieces += [(at, min(at + cells, len(text))) for at in range(first, len(text), cells)]
        return pieces
    pieces, begin, used, room = [], 0, 0, first
    for index, char in enumerate(text):
        size = cell_len(char)
        if used + size > room:
            pieces.append((begin, index))
            begin, used, room = index, 0, cells
        used += size
    return [*pieces, (begin, len(text))]
