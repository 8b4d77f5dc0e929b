"""Frames without what the terminal shows already: Textual draws a whole screen for each dialog, and more than once.

What was written is kept as cells. Of the next frame only the cells that differ are written, and of their colours only
what differs from the cell that was written before, wherever that is: over a link of 1 kB/s, opening a dialog took half
a minute, and two thirds of its bytes were colours. A blank has no colour of its own but its background's.

A frame of unknown lines is written whole: the first one, after a resize, after another program had the terminal, and
where ``forget`` was called. So is what cannot be counted in cells (characters of no width, links).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

Cell = tuple[str, str]  # a character and its SGR codes; no character: the right half of the one before
Span = tuple[int, int, Strip]  # line, column, what stands there
GAP = 6  # cells between two changes that cost no more than a jump over them
RESET = "\x1b[0m"
UNKNOWN = ("\0", "")
# ECMA-48, SGR: what takes an attribute away. Bold and dim have one sequence for both.
OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "21": "24"}
UNSEEN = frozenset({"1", "2", "3"})  # of a blank: bold, dim, italic


class LeanFrames:
    """The cells of one terminal, as far as they are known. Used by the app's loop alone."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell]] = {}
        self._of: tuple[Size, object] = (Size(0, 0), None)
        self._plain = False  # the terminal has no colours now, as after each frame of ours

    def forget(self) -> None:
        """Know nothing of the terminal: the next frame of each line is written whole."""
        self._lines.clear()
        self._plain = False

    def lean(self, frame: RenderableType, size: Size, session: object) -> RenderableType:
        """Return *frame* without what a terminal of this *size* shows already. Another *session* on the terminal (it
        was left and taken back) knows nothing of it.
        """
        if (size, session) != self._of:
            self.forget()
            self._of = size, session
        if isinstance(frame, LayoutUpdate | ChopsUpdate):
            return LeanUpdate(self, frame)  # type: ignore[return-value]  # Textual's own updates are no less
        self.forget()
        return frame

    def written(self, frame: LayoutUpdate | ChopsUpdate, console: Console) -> str:
        """Return the bytes, as text, that bring the terminal to *frame*, and take them for written."""
        colours = console._color_system or ColorSystem.TRUECOLOR
        pen = _Pen(self._of[0].width)
        for y, x, strip in _spans(frame):
            cells = _cells(strip._segments, colours)
            if cells is None:
                self._lines.pop(y, None)
                pen.put(x, y, strip.render(console))
                continue
            known = self._lines.get(y)
            if known is None and x == 0:
                known = self._lines[y] = []
            if known is None or x + len(cells) > len(known):
                pen.write(x, y, cells)  # also of a line that comes as several strips
            else:
                for start, end in _runs(known, x, cells):
                    pen.write(x + start, y, cells[start:end])
            if known is not None and x <= len(known):
                _put(known, x, cells)
        if not pen.parts:
            return ""
        begins, self._plain = "" if self._plain else RESET, True
        return "".join((begins, *pen.parts, RESET))


class LeanUpdate(CompositorUpdate):
    """A frame that is made lean when, and only if, it is written."""

    def __init__(self, frames: LeanFrames, frame: LayoutUpdate | ChopsUpdate) -> None:
        self._frames, self.frame = frames, frame

    def render_segments(self, console: Console) -> str:
        """Return what is to be written."""
        return self._frames.written(self.frame, console)


def _spans(frame: LayoutUpdate | ChopsUpdate) -> Iterator[Span]:
    """Yield the spans that Textual writes, in its order (``render_segments`` of both)."""
    if isinstance(frame, LayoutUpdate):
        for y, line in enumerate(frame.strips, frame.region.y):
            x = frame.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, left, right in frame.spans:
        if y >= len(frame.chop_ends):
            continue  # of a screen that was not laid out yet, which is drawn whole once it is: Textual would raise
        for end, (x, chop) in zip(frame.chop_ends[y], frame.chops[y].items(), strict=False):
            if chop is None or x > right or end <= left:
                continue
            whole = right > x >= left and end <= right
            yield y, x, chop if whole else chop.crop(0, min(end, right) - x)


def _cells(segments: list[Segment], colours: ColorSystem) -> list[Cell] | None:
    """Return the cells of a strip; None: they cannot be counted."""
    cells: list[Cell] = []
    for text, style, _ in segments:
        codes = ""
        if style is not None:
            if style._link:
                return None
            codes = _codes(style, colours)
        if text.isascii():
            cells += [(character, codes) for character in text]
            continue
        for character in text:
            width = get_character_cell_size(character)
            if width == 0:
                return None
            cells.append((character, codes))
            if width == 2:
                cells.append(("", codes))
    return cells


def _codes(style: Style, colours: ColorSystem) -> str:
    found = style._ansi
    return Strip.render_ansi(style, colours) if found is None else found


def _runs(known: list[Cell], x: int, cells: list[Cell]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the cells to be written, where *cells* come at column *x* of a line that is *known*."""
    if known[x : x + len(cells)] == cells:
        return
    start = end = -1
    for at, cell in enumerate(cells):
        if known[x + at] == cell:
            continue
        if start < 0:
            start = at
        elif at - end > GAP:
            yield _whole(cells, start), end
            start = at
        end = at + 1
    if start >= 0:
        yield _whole(cells, start), end


def _put(known: list[Cell], x: int, cells: list[Cell]) -> None:
    """Take *cells* for what stands at column *x*. Of a wide character whose half they took nothing is known."""
    end = x + len(cells)
    if x and x < len(known) and not known[x][0]:
        known[x - 1] = UNKNOWN
    if end < len(known) and not known[end][0]:
        known[end] = UNKNOWN
    known[x:end] = cells


def _whole(cells: list[Cell], start: int) -> int:
    """Return the beginning of the character that this cell is of."""
    return start - 1 if start and not cells[start][0] else start


class _Pen:
    """The writing of one frame, on a terminal without colours, and where that leaves it: its codes, and its cursor as
    long as that is known.
    """

    def __init__(self, width: int) -> None:
        self.parts: list[str] = []
        self._width = width
        self._codes = ""
        self._at: tuple[int, int] | None = None

    def write(self, x: int, y: int, cells: list[Cell]) -> None:
        """Write *cells* from this place on."""
        parts, last, ascii_alone = self.parts, self._codes, True
        self._move(x, y)
        for character, codes in cells:
            if codes != last and not (character == " " and _looks_the_same(last, codes)):
                parts.append(_change(last, codes))
                last = codes
            parts.append(character)
            ascii_alone = ascii_alone and character < "\x7f"
        self._codes, end = last, x + len(cells)
        # Terminals do not agree how wide some characters are, nor where the cursor is behind the last column.
        self._at = (end, y) if ascii_alone and end < self._width else None

    def put(self, x: int, y: int, text: str) -> None:
        """Write *text*, which has its own codes, and leaves none."""
        self._move(x, y)
        self.parts += (RESET if self._codes else "", text)
        self._codes, self._at = "", None

    def _move(self, x: int, y: int) -> None:
        if self._at is None or self._at[1] != y or self._at[0] > x:
            self.parts.append(_to(x, y))
        elif self._at[0] < x:
            self.parts.append(f"\x1b[{x - self._at[0]}C")


def _to(x: int, y: int) -> str:
    return f"\x1b[{y + 1};{x + 1}H"


@lru_cache(maxsize=4096)
def _change(before: str, codes: str) -> str:
    """Return the shortest sequence from the codes *before* to *codes*."""
    whole = f"\x1b[0;{codes}m" if codes else RESET
    (old, *old_colours), (new, *new_colours) = _parts(before), _parts(codes)
    gone = old - new
    if not gone <= OFF.keys():
        return whole
    off = {OFF[code] for code in gone}
    on = {code for code in new if code not in old or OFF.get(code) in off}  # bold and dim are taken away together
    colours = [has or none for had, has, none in zip(old_colours, new_colours, ("39", "49"), strict=True) if had != has]
    changed = [*sorted(off), *sorted(on), *colours]
    return min(whole, f"\x1b[{';'.join(changed)}m" if changed else "", key=len)


@lru_cache(maxsize=4096)
def _looks_the_same(one: str, other: str) -> bool:
    """Return whether a blank looks the same with both codes: its foreground is not seen."""
    (some, _, back), (more, _, ground) = _parts(one), _parts(other)
    return back == ground and some == more and some <= UNSEEN


@lru_cache(maxsize=4096)
def _parts(codes: str) -> tuple[frozenset[str], str, str]:
    """Return (attributes, foreground, background) of SGR codes as Rich writes them."""
    attributes: set[str] = set()
    colours = {"3": "", "4": ""}
    rest = iter(codes.split(";") if codes else ())
    for code in rest:
        if code in ("38", "48"):
            kind = next(rest)
            colours[code[0]] = ";".join((code, kind, *(next(rest) for _ in range(3 if kind == "2" else 1))))
        elif len(code) == 2 and code[0] in "34" and code[1] in "012345679":
            colours[code[0]] = code
        elif len(code) > 1 and code[:-1] in ("9", "10"):
            colours["3" if code[:-1] == "9" else "4"] = code
        else:
            attributes.add(code)
    return frozenset(attributes), colours["3"], colours["4"]
