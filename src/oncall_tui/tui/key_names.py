"""The names of keys as a terminal can send them, for ``screen.keys``. Knows Textual's names without importing it."""

from __future__ import annotations

import unicodedata

from oncall_tui.config.model import ScreenWords
from oncall_tui.tui.commands import COMMANDS, MOVES, configurable, of

_WORDS = "up down left right home end insert delete pageup pagedown tab enter escape space backspace"
NAMED = frozenset((*_WORDS.split(), *(f"f{number}" for number in range(1, 25))))
_SHORT = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_LONG = {short: long for long, short in _SHORT.items()}
_MODIFIERS = ("alt", "ctrl", "shift")
# Keys that no command of the board has, because lists, or the program itself, have them.
MOVING = {key: words for _, keys, words in MOVES for key in keys.split(",")}
_USUAL = {command.key for command in configurable()}
_ON_DETAIL = {
    key: f"{one.word} on the Detail screen" for one in of("detail") for key, _ in one.keys if key not in _USUAL
}
TAKEN = {
    **MOVING,
    **_ON_DETAIL,
    "ctrl+c": "leaving",
    "ctrl+q": "leaving",
    "ctrl+l": "a repaint",
    "ctrl+p": "the palette",
    "ctrl+z": "not stopping",
}
THEMES = (
    "ansi-dark",
    "ansi-light",
    "atom-one-dark",
    "atom-one-light",
    "catppuccin-frappe",
    "catppuccin-latte",
    "catppuccin-macchiato",
    "catppuccin-mocha",
    "dracula",
    "flexoki",
    "gruvbox",
    "monokai",
    "nord",
    "rose-pine",
    "rose-pine-dawn",
    "rose-pine-moon",
    "solarized-dark",
    "solarized-light",
    "textual-dark",
    "textual-light",
    "tokyo-night",
)


def key_name(text: str) -> str:
    """The name that Textual has for the key: ``?`` is ``question_mark``; empty: there is no such key."""
    *modifiers, key = [text] if len(text) == 1 else text.strip().split("+")
    name = _plain(key if len(key) == 1 else key.lower())
    if not name or any(modifier.lower() not in _MODIFIERS for modifier in modifiers):
        return ""
    held = sorted({modifier.lower() for modifier in modifiers})
    if held and len(name) == 1:
        if held == ["shift"]:
            return ""  # a terminal sends the capital letter instead
        name = name.lower()
    return "+".join([*held, name])


def _plain(key: str) -> str:
    if len(key) == 1:
        if key.isalnum():
            return key
        name = unicodedata.name(key, "").lower().replace("-", "_").replace(" ", "_")
        return _SHORT.get(name, name)
    if key in NAMED:
        return key
    long = _LONG.get(key, key)
    for name in (long.replace("_", " "), long.replace("_", "-"), long.replace("_", "-", 1).replace("_", " ")):
        try:
            sign = unicodedata.lookup(name)
        except KeyError:
            continue
        return "" if sign.isalnum() or sign.isspace() or not sign.isprintable() else _plain(sign)
    return ""


def keymap(keys: dict[str, str]) -> dict[str, str]:
    """The configured keys by their ids, as Textual names them."""
    found = {key_id: ",".join(key_name(one) for one in _each(text)) for key_id, text in keys.items()}
    in_lists = {command.id for command in COMMANDS if command.in_lists}
    return {**found, **{f"table.{key_id}": text for key_id, text in found.items() if key_id in in_lists}}


def _each(text: str) -> list[str]:
    return [text] if text == "," else text.split(",")


def screen_words() -> ScreenWords:
    """The words that ``screen`` may name."""
    ids = {command.id: command.key for command in configurable()}
    return ScreenWords(keys=ids, taken=TAKEN, themes=THEMES, name=lambda text: [key_name(one) for one in _each(text)])
