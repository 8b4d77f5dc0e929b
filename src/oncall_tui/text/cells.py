"""Text for a terminal: made harmless, measured in cells, cut or padded to fit. Knows nothing of Textual."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

ELLIPSIS = "…"
_NAMED = {0x0A: "⏎", 0x09: " ", 0x1B: "␛", 0x7F: "␡", 0x2028: "⏎", 0x2029: "⏎", 0x85: "⏎"}
# Control, format (bidi, zero-width, tags), surrogate, line and paragraph separator.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MAX_MARKS = 4  # combining marks on one character; a heap of them paints over the lines above and below


def _is_selector(code: int) -> bool:
    """Variation selectors change a character's width in some terminals and not in others."""
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code == 0x034F


class _Visible(dict[int, str]):
    """The replacement of each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code in _NAMED:
            char = _NAMED[code]
        elif code < 0x20:
            char = chr(0x2400 + code)
        elif _is_selector(code):
            char = ""
        elif unicodedata.category(char) in _UNSAFE:
            char = "·"
        self[code] = char
        return char


_VISIBLE = _Visible()


def clean(text: str) -> str:
    """*text* with nothing in it that a terminal would obey: control characters become visible signs.

    A line break becomes ``⏎``, ESC ``␛``; bidirectional overrides, zero-width characters and surrogates ``·``.
    """
    return text if _is_plain(text) else _cleaned(text)


def _is_plain(text: str) -> bool:
    """Tell whether each character is harmless and takes one cell. Asking that is as fast as remembering it."""
    return text.isascii() and text.isprintable()


@lru_cache(maxsize=4096)
def _cleaned(text: str) -> str:
    return visible(text)


def visible(text: str) -> str:
    """The same as ``clean``, and kept nowhere: for texts that are many and long (log lines)."""
    if _is_plain(text):
        return text
    return _thin_marks(text.replace("\r\n", "\n").translate(_VISIBLE))


def _thin_marks(text: str) -> str:
    kept: list[str] = []
    run = _MAX_MARKS  # a mark with nothing before it would land on the neighbouring cell
    for char in text:
        if not ord(char) >= 0x300 or cell_len(char):
            run = 0
        else:
            run += 1
            if run > _MAX_MARKS:
                if not kept:
                    kept.append("·")
                continue
        kept.append(char)
    return "".join(kept)


def width(text: str) -> int:
    """How many cells *text* takes once it is cleaned."""
    return _cells(clean(text))


def _cells(cleaned: str) -> int:
    return len(cleaned) if _is_plain(cleaned) else cell_len(cleaned)


@lru_cache(maxsize=4096)
def fit(text: str, cells: int, align: str = "left") -> str:
    """*text*, cleaned, padded or cut with ``…`` to exactly *cells* cells. *align* is ``left`` or ``right``."""
    text = clean(text)
    if cells <= 0:
        return ""
    missing = cells - _cells(text)
    if missing < 0:
        text = take(text, cells - 1) + ELLIPSIS
        missing = cells - _cells(text)
    return " " * missing + text if align == "right" else text + " " * missing


@lru_cache(maxsize=4096)
def fit_middle(text: str, cells: int) -> str:
    """*text* in exactly *cells* cells, cut in its middle: names that begin alike often end otherwise."""
    text = clean(text)
    if _cells(text) <= cells or cells < 5:
        return fit(text, cells)
    last = (cells - 1) // 2
    tail = text[-last:] if text.isascii() else take(text[::-1], last)[::-1]
    return fit(take(text, cells - 1 - _cells(tail)) + ELLIPSIS + tail, cells)


def take(text: str, cells: int) -> str:
    """Return the beginning of *text*, cleaned, that fits into *cells* cells."""
    text = clean(text)
    if text.isascii():
        return text[:cells]
    used = 0
    for index, char in enumerate(text):
        used += cell_len(char)
        if used > cells:
            return text[:index]
    return text


def wrap(text: str, cells: int, first: int | None = None) -> list[str]:
    """*text*, cleaned, in lines of at most *cells* cells (the first: *first*), broken at spaces where it has any."""
    lines: list[str] = []
    line = ""
    for word in clean(text).split(" "):
        room = cells if lines or first is None else first
        joined = f"{line} {word}" if line else word
        if _cells(joined) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
            room = cells
        line = word
        while room > 1 and _cells(line) > room:
            head = take(line, room)
            lines.append(head)
            line = line[len(head) :]
            room = cells
    return [*lines, line]


def count(number: int, what: str) -> str:
    """``1 page``, ``2 pages``: the noun in its number."""
    return f"{number} {what}{'' if number == 1 else 's'}"
