"""The names of styles that rows and bars are drawn with. Colour only repeats what words and signs say.

The colours are the theme's, so that they hold in dark, light and 16-colour themes; without colour, bold, dim and
reverse remain.
"""

from __future__ import annotations

import re

from rich.style import Style
from textual.color import Color
from textual.widget import Widget

# name -> (the theme's variable or a colour, what else). Not known never has the colour of well: the accent, which some
# themes make green, is for keys and marks alone.
_STYLES: dict[str, tuple[str, Style]] = {
    "critical": ("text-error", Style(bold=True)),
    "page": ("text-error", Style(bold=True, reverse=True)),  # what pages is seen before the cursor is
    "warning": ("text-warning", Style()),
    "ok": ("text-success", Style()),
    "dim": ("", Style(dim=True)),
    "stale": ("text-warning", Style(dim=True)),
    "unknown": ("ansi_magenta", Style(bold=True)),
    "heading": ("", Style(bold=True)),
    "bold": ("", Style(bold=True)),
    "gone": ("", Style(dim=True, strike=True)),
    "mark": ("text-accent", Style(bold=True)),
    "key": ("text-accent", Style(bold=True)),
    "cursor": ("", Style(bold=True)),
    "cursor-blurred": ("", Style(bold=True)),
}
NAMES = frozenset(_STYLES)
LINK = "link "  # a style of this name and a URL: the terminal opens it (OSC 8), where it knows how
_PLAIN_URL = r"https?://[!-~]+"  # nothing that a terminal would obey


class Palette:
    """The styles of one widget, by name, each worked out once until ``clear``.

    They are worked out from the theme's variables and not from CSS: component classes of a dozen widgets were a third
    of the time to the first frame.
    """

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
        base = self._cursor() if ground == "cursor" else self._widget.rich_style
        if ground == "cursor-blurred":
            base += _STYLES[ground][1]
        if name == "cursor" and not ground:
            return self._cursor()
        if name.startswith(LINK) and re.fullmatch(_PLAIN_URL, url := name.removeprefix(LINK)):
            return base + Style(underline=True, link=url)
        if name not in NAMES:
            return base
        colour, more = _STYLES[name]
        # Coloured words are not readable on the cursor's strong background: there only bold goes through.
        if ground == "cursor":
            return base + Style(bold=more.bold, reverse=base.reverse != more.reverse if more.reverse else None)
        return base + Style(color=self._colour(colour).rich_color if colour else None) + more

    def _cursor(self) -> Style:
        """The line of the cursor; without colour it is reversed."""
        if self._widget.app.no_color:
            return self._widget.rich_style + Style(bold=True, reverse=True)
        ground = self._colour("block-cursor-background")
        text = self._variable("block-cursor-foreground")
        colour = ground.get_contrast_text(0.87) if text.startswith("auto") else Color.parse(text)
        if colour.a < 1:
            colour = ground.blend(colour, colour.a, 1.0)
        return Style(color=colour.rich_color, bgcolor=ground.rich_color, bold=True)

    def _colour(self, name: str) -> Color:
        return Color.parse(self._variable(name))

    def _variable(self, name: str) -> str:
        """The theme's variable of that name, or the name where there is none: a colour of its own."""
        return self._widget.app.theme_variables.get(name, name)
