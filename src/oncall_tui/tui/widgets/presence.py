"""Tell whether a screen can be drawn on: its widgets come one by one while it is mounted, and go so while it closes."""

from __future__ import annotations

from collections.abc import Set

from textual.dom import DOMNode


def all_there(screen: DOMNode, wanted: Set[str]) -> bool:
    """Tell whether the screen has a widget for each of the ids in *wanted*.

    An update of the engine can come at any moment, also between two widgets' mounts: drawing then would end the
    program with NoMatches.
    """
    return wanted <= {node.id for node in screen.walk_children() if node.id}
