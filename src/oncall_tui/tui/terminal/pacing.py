"""Frames for a terminal that takes them slowly: what it has not taken yet is not queued up behind.

Textual hands each frame to a thread that writes, up to thirty of them, and then the loop waits; a pseudo-terminal and
an SSH server take a hundred more: over a link of 1 kB/s every key would be answered a minute late. Here a frame that
comes while the terminal is behind (``confirmed``) is not written; what changed is kept as regions of the screen, and
drawn as it is by then once the terminal has caught up.
"""

from __future__ import annotations

from typing import Any

from textual._compositor import ChopsUpdate
from textual.app import App
from textual.geometry import Region
from textual.screen import Screen

from oncall_tui.tui.terminal.driver import KeyDriver

AGAIN_S = 0.05  # how often it is asked whether the terminal has caught up


class Pacing:
    """The frames that an app owes its terminal. Used by the app's loop alone."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._screen: Screen[Any] | None = None
        self._owed: set[Region] = set()

    def holds_back(self, screen: Screen[Any], frame: object) -> bool:
        """Return whether *frame* is kept for later. Its changes are drawn then, with all that changed meanwhile."""
        driver = self._app._driver
        if not isinstance(driver, KeyDriver) or not (self._owed or driver.behind):
            return False
        if not self._owed:
            driver.owes()
            self._later()
        if isinstance(frame, ChopsUpdate) and self._screen in (None, screen):
            self._owed.update(Region(x, y, end - x, 1) for y, x, end in frame.spans)
        else:
            self._owed.add(self._app.size.region)
        self._screen = screen
        return True

    def _later(self) -> None:
        self._app.set_timer(AGAIN_S, self._catch_up)

    def _catch_up(self) -> None:
        """Draw what is owed, if the terminal has taken all that it was given."""
        driver = self._app._driver
        if not isinstance(driver, KeyDriver) or not self._owed:
            return
        if driver.behind:
            self._later()
            return
        screen, regions = self._app.screen, self._owed if self._screen is self._app.screen else {self._app.size.region}
        self._owed, self._screen = set(), None
        driver.pays()
        screen._compositor._dirty_regions.update(regions)
        screen._compositor_refresh()
        driver.confirm()  # whoever waits for it to be seen asks at the next key
