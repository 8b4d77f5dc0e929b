"""Two lines of fixed height: the keys that can be pressed now, and how things are."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from oncall_tui.text.cells import clean, fit, take, width
from oncall_tui.tui import palette

Part = tuple[str, str]
"""Text, and the name of its style."""
KeyItem = tuple[str, str, bool]
"""The key's label, the word for what it does, and whether it can be done now."""

_HELP = "?"


class _Line(Widget):
    """One line that is repainted only when its parts change."""

    DEFAULT_CSS = "_Line { height: 1; width: 1fr; }"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._paint = palette.Palette(self)

    def notify_style_update(self) -> None:
        """The theme, or what it says of this widget, changed."""
        super().notify_style_update()
        self._paint.clear()

    def parts(self, cells: int) -> list[Part]:
        """Return the parts of the line of *cells* cells."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The line."""
        cells = self.size.width
        segments = [Segment(text, self._paint(style)) for text, style in self.parts(cells) if text]
        strip = Strip(segments)
        return strip.adjust_cell_length(cells, self._paint("")) if y == 0 else Strip.blank(cells, self._paint(""))


class KeyBar(_Line):
    """The footer: what can be pressed. What does not fit goes from the right, but help always stays."""

    DEFAULT_CSS = "KeyBar { height: 1; width: 1fr; }\n"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._items: tuple[KeyItem, ...] = ()

    def show(self, items: Sequence[KeyItem]) -> None:
        """Replace the keys; costs nothing where they are the same."""
        if tuple(items) != self._items:
            self._items = tuple(items)
            self.refresh()

    def parts(self, cells: int) -> list[Part]:
        """The keys that fit, of those that can be used now."""
        help_ = [item for item in self._items if item[0] == _HELP][:1]
        room = cells - sum(map(_key_width, help_))
        parts: list[Part] = []
        for item in self._items:
            if item in help_ or not item[2]:
                continue
            room -= _key_width(item)
            if room < 0:
                break
            parts += _key_parts(item)
        return [*parts, *(part for item in help_ for part in _key_parts(item))]


def _key_width(item: KeyItem) -> int:
    return sum(width(text) for text, _ in _key_parts(item))


def _key_parts(item: KeyItem) -> list[Part]:
    key, word, _ = item
    return [(f" {clean(key)}", "key"), (f" {clean(word)} ", "")]


class StatusLine(_Line):
    """A line with the subject on the left and its state on the right, which has priority where it is narrow."""

    DEFAULT_CSS = "StatusLine { height: 1; width: 1fr; }\n"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._sides: tuple[tuple[Part, ...], tuple[Part, ...]] = ((), ())

    def show(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Replace both sides; costs nothing where they are the same."""
        sides = (tuple(left), tuple(right))
        if sides != self._sides:
            self._sides = sides
            self.refresh()

    def parts(self, cells: int) -> list[Part]:
        """The right side as far as it fits, and the left in what remains."""
        right = fit_parts(self._sides[1], cells)
        room = cells - _parts_width(right)
        gap = 1 if right and room else 0
        left = fit_parts(self._sides[0], room - gap)
        return [*left, (" " * (room - _parts_width(left)), ""), *right]


def _parts_width(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def fit_parts(parts: Sequence[Part], cells: int) -> list[Part]:
    """*parts*, cleaned, cut with ``…`` to at most *cells* cells; not padded."""
    parts = [(clean(text), style) for text, style in parts]
    if _parts_width(parts) <= cells:
        return parts
    kept: list[Part] = []
    room = cells - 1
    for text, style in parts:
        if cell_len(text) > room:
            kept.append((fit(take(text, room) + "…" * 2, cell_len(take(text, room)) + 1), style))
            break
        kept.append((text, style))
        room -= cell_len(text)
    return kept if cells > 0 else []
