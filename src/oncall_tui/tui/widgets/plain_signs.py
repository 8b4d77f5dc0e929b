"""Signs for terminals that draw "…", "·", "→" or a frame's lines two cells wide, or that have no font for them.

Unicode calls such characters ambiguous: in Japanese, Chinese and Korean surroundings terminals may draw them wide, and
nothing tells a program whether this one does (Unicode Standard Annex #11). So each is replaced, just before a line is
sent, by one that is a cell wide everywhere. Nothing else changes: a line has the same cells, and what is copied,
exported or acted upon is never the replaced text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

ASCII = {
    "…": "~", "·": ".", "•": "*", "→": ">", "←": "<", "↑": "^", "↓": "v", "–": "-", "—": "-", "−": "-", "×": "x",
    "≤": "<", "≥": ">", "±": "+", "°": "o", "“": '"', "”": '"', "‘": "'", "’": "'", "⏎": "$", "␛": "^", "␡": "^",
    "▸": ">", "▹": ">", "◂": "<", "▲": "^", "▼": "v", "●": "*", "○": "o", "◎": "o", "◉": "*", "■": "#", "□": "o",
    "▪": "#", "◆": "*", "◇": "o", "★": "*", "☆": "*", "※": "*", "△": "^", "▽": "v", "✓": "+", "✗": "x", "⚠": "!",
    "▁": "_", "▂": "_", "▃": ".", "▄": "-", "▅": "-", "▆": "=", "▇": "#", "█": "#", "▌": "|", "▐": "|", "▀": "'",
    "░": ".", "▒": ":", "▓": "#", "\N{REPLACEMENT CHARACTER}": "?",
}  # fmt: skip
_FRAMES = range(0x2500, 0x2580)  # lines and corners
_BLOCKS = range(0x2580, 0x25A0)
_DOTS = range(0x2800, 0x2900)  # plots are drawn with them
_CONTROL_PICTURES = range(0x2400, 0x2427)


def _frame(char: str) -> str:
    """The sign for a part of a frame, by its name: a line, or where lines meet."""
    name = unicodedata.name(char, "")
    if "DIAGONAL" in name:
        return "/"
    across = any(word in name for word in ("HORIZONTAL", "LEFT", "RIGHT"))
    down = any(word in name for word in ("VERTICAL", "UP", "DOWN"))
    return "+" if across and down else "|" if down else "-"


def _plain(char: str) -> str:
    """The sign in one cell for *char*, which is drawn in one or two."""
    code = ord(char)
    if (known := ASCII.get(char)) is not None:
        return known
    if code in _FRAMES:
        return _frame(char)
    if code in _BLOCKS:
        return "#"
    simple = unicodedata.normalize("NFKD", char)[:1]
    return simple if simple.isascii() and simple.isprintable() else "?"


class PlainSigns(LineFilter):
    """The last look at a line, after ``CleanLines``. *wide*: the terminal draws ambiguous characters two cells wide;
    *ascii_signs*: the program's own signs are wanted in ASCII. Other writing stays as it is.
    """

    def __init__(self, *, wide: bool, ascii_signs: bool) -> None:
        super().__init__()
        self._wide, self._ascii = wide, ascii_signs
        self._seen: dict[int, str] = {}

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments in the same cells."""
        if all(control or text.isascii() for text, _, control in segments):
            return segments
        return [Segment(self.plain(s.text), s.style) if not s.control else s for s in segments]

    def plain(self, text: str) -> str:
        """Return *text* with each sign that may take two cells, or is not wanted, replaced by one of one cell."""
        if text.isascii():
            return text
        return text.translate(self._table(text))

    def _table(self, text: Iterable[str]) -> dict[int, str]:
        for char in text:
            if ord(char) not in self._seen:
                self._seen[ord(char)] = _plain(char) if self._replaces(char) else char
        return self._seen

    def _replaces(self, char: str) -> bool:
        code = ord(char)
        if self._wide and unicodedata.east_asian_width(char) == "A" and not unicodedata.combining(char):
            return True
        ours = char in ASCII or code in _FRAMES or code in _BLOCKS or code in _DOTS or code in _CONTROL_PICTURES
        return self._ascii and ours
