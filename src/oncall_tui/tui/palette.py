"""The names of styles that rows and bars are drawn with. Colour only repeats what words and signs say.

The colours are the theme's, so that they hold in dark, light and 16-colour themes; without colour, bold, dim and
reverse remain.
"""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

# Not known never has the colour of well: the accent, which some themes make green, is for keys and marks alone.
_RULES = {
    "critical": "color: $text-error; text-style: bold;",
    "warning": "color: $text-warning;",
    "ok": "color: $text-success;",
    "dim": "text-style: dim;",
    "stale": "color: $text-warning; text-style: dim;",
    "unknown": "color: ansi_magenta; text-style: bold;",
    "heading": "text-style: bold;",
    "bold": "text-style: bold;",
    "gone": "text-style: dim strike;",
    "mark": "color: $text-accent; text-style: bold;",
    "key": "color: $text-accent; text-style: bold;",
    "cursor": "background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;",
    "cursor-blurred": "text-style: bold;",
}
NAMES = frozenset(_RULES)
CLASSES = frozenset(f"paint--{name}" for name in _RULES)


def css(widget: str) -> str:
    """The rules of every style name, for the ``DEFAULT_CSS`` of the widget class *widget*."""
    rules = [f"{widget} > .paint--{name} {{ {rule} }}" for name, rule in _RULES.items()]
    plain = "background: $background; color: $foreground; text-style: bold reverse;"
    rules.append(f"{widget}:nocolor > .paint--cursor {{ {plain} }}")
    return "\n".join(rules)


class Palette:
    """The styles of one widget, by name, each worked out once until ``clear``."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._styles: dict[tuple[str, str], Style] = {}

    def clear(self) -> None:
        """Forget them all: the theme or the widget's own style changed."""
        self._styles.clear()

    def __call__(self, name: str, ground: str = "") -> Style:
        """The style *name* on the widget's own background, or on that of the style *ground*; unknown: plain."""
        key = (name, ground)
        found = self._styles.get(key)
        if found is None:
            found = self._styles[key] = self._work_out(name, ground)
        return found

    def _work_out(self, name: str, ground: str) -> Style:
        widget = self._widget
        base = widget.get_component_rich_style("paint--cursor") if ground == "cursor" else widget.rich_style
        if ground and ground != "cursor":
            base += widget.get_component_rich_style(f"paint--{ground}", partial=True)
        if name not in NAMES:
            return base
        own = widget.get_component_rich_style(f"paint--{name}", partial=True)
        # Coloured words are not readable on the cursor's strong background: there only bold goes through.
        return base + Style(bold=own.bold) if ground == "cursor" else base + own
