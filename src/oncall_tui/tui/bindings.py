"""Textual's bindings, made from the table of commands. They are priority bindings: each key has done its work before
the next one is looked at, however fast they come.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType

from oncall_tui.domain.own_command import OwnCommand
from oncall_tui.tui.commands import MOVES, Command, of
from oncall_tui.tui.commands import Screen as ScreenName
from oncall_tui.tui.key_names import key_name

if TYPE_CHECKING:
    from textual.screen import Screen


def bindings(screen: ScreenName, priority: bool = True) -> list[BindingType]:
    """The bindings of a screen. Those that can be configured have the command's id."""
    found = [one for command in of(screen) if not command.in_lists for one in _bound(command, priority)]
    if screen == "detail":
        for command in of("board"):
            if command.on_detail is not None:
                found.append(_binding(command, command.key, command.on_detail.action or command.call))
    return list(found)


def _bound(command: Command, priority: bool) -> list[Binding]:
    if command.screen == "board":
        return [_binding(command, key, action) for key, action in command.keys]
    return [Binding(key, action, command.word, show=False, priority=priority) for key, action in command.keys]


def _binding(command: Command, key: str, action: str) -> Binding:
    return Binding(key, action, command.word, show=False, id=command.id, tooltip=command.what, priority=True)


def bind_own(screen: Screen[Any], commands: Iterable[OwnCommand]) -> None:
    """Give *screen* the keys of the configuration's own commands: priority bindings, as all of its keys."""
    for one in commands:
        if one.key:
            screen._bindings.bind(key_name(one.key), f"own('{one.name}')", one.name, show=False, priority=True)


def moves(line: str = "by", page: str = "page", edge: str = "edge") -> list[BindingType]:
    """The keys that move in a list or a text. *line*, *page*, *edge*: its actions, called with 1 (down) or -1 (up)."""
    actions = {
        "up": f"{line}(-1)",
        "down": f"{line}(1)",
        "first": f"{edge}(-1)",
        "last": f"{edge}(1)",
        "page_up": f"{page}(-1)",
        "page_down": f"{page}(1)",
    }
    return [Binding(keys, actions[name], words, show=False, priority=True) for name, keys, words in MOVES]
