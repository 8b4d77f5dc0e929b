"""Textual's app without its command palette until that is opened: with it come a dozen modules, 15 ms of a start.

``textual.app`` and ``textual.theme`` import ``textual.command`` for a few names, and use them where the palette, or
Textual's own choice of themes (which this program does not offer), is opened.
"""

from __future__ import annotations

import sys
from types import ModuleType

_PALETTE = "textual.command"
_USERS = ("textual.app", "textual.theme")


class _StandIns(ModuleType):
    """A module that has every name, each an empty class."""

    def __init__(self) -> None:
        super().__init__(_PALETTE)
        self.made: dict[str, type] = {}

    def __getattr__(self, name: str) -> type:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.made.setdefault(name, type(name, (), {}))


_stand_ins = _StandIns()


def import_app() -> None:
    """Import ``textual.app`` without its palette, unless one of them is there already."""
    if "textual.app" in sys.modules or _PALETTE in sys.modules:
        return
    sys.modules[_PALETTE] = _stand_ins
    try:
        import textual.app  # noqa: F401
    finally:
        del sys.modules[_PALETTE]


def give_palette() -> None:
    """Put the palette in the place of its stand-ins, before it is opened. Takes 15 ms the first time."""
    import textual.command

    for user in _USERS:
        names = vars(sys.modules[user])
        for name, empty in _stand_ins.made.items():
            if names.get(name) is empty:
                names[name] = vars(textual.command)[name]
