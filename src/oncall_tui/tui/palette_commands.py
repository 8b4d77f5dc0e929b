"""The command palette's list. Names and help come from alerts and from the configuration: text, never markup."""

from __future__ import annotations

from typing import Any

from textual.command import DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.system_commands import SystemCommandsProvider

from oncall_tui.text.cells import clean


class PaletteCommands(SystemCommandsProvider):
    """The app's commands, each as plain text."""

    async def discover(self) -> Hits:
        """All of them, by name."""
        for title, help_text, callback, listed in sorted(self.app.get_system_commands(self.screen), key=lambda c: c[0]):
            if listed:
                name = clean(title)
                yield DiscoveryHit(Content(name), callback, text=name, help=_plain(help_text))

    async def search(self, query: str) -> Hits:
        """Find the commands whose name has the letters of *query*, in order."""
        find = self.matcher(query).fuzzy_search.match
        for title, help_text, callback, *_ in self.app.get_system_commands(self.screen):
            name = clean(title)
            score, offsets = find(query, name)
            if score > 0:
                shown = Content(name)
                for at in offsets:
                    shown = shown.stylize("bold", at, at + 1)
                yield Hit(score, shown, callback, text=name, help=_plain(help_text))


def _plain(text: str) -> Any:
    """*text* for a place that would read a ``str`` as markup, and takes content too."""
    return Content(clean(text))
