"""The words under ``screen``, and the keys of ``commands``: keys that there are, each for one action, a theme that
exists, views that can match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oncall_tui.config.diagnostic import Diagnostic, nearest, show
from oncall_tui.config.model import ScreenWords

Place = tuple[str, int, int]
_COMMAND_KEY = r"commands\[[^]]*\]\.key"


def mistake(places: Mapping[str, Place], key: str, expected: str, found: str, near: str = "") -> Diagnostic:
    """One mistake at the place of *key*."""
    file, line, column = places[key]
    return Diagnostic(file=file, line=line, column=column, key=key, expected=expected, found=found, near=near)


def screen_mistakes(
    good: Mapping[str, Any], words: Callable[[], ScreenWords], places: Mapping[str, Place]
) -> Iterator[Diagnostic]:
    """Actions, keys and a theme that there are not, and one key for two actions. *good*: the values by their paths."""
    keys, theme = _under(good, "screen.keys."), str(good.get("screen.theme") or "")
    if not keys and not theme:
        return
    known = words()
    if theme and theme not in known.themes:
        wanted = "one of the themes " + ", ".join(known.themes)
        yield mistake(places, "screen.theme", wanted, show(theme), nearest(theme, known.themes))
    names: dict[str, list[str]] = {}
    for key_id, text in keys.items():
        at = f"screen.keys.{key_id}"
        if key_id not in known.keys:
            wanted = "the id of an action: " + ", ".join(known.keys)
            yield mistake(places, at, wanted, show(key_id), _meant(key_id, known))
        elif "" in (found := known.name(text)):
            wanted = "a key like x, X, ctrl+x, f2, space or ?"
            yield mistake(places, at, wanted, show(text), _key_meant(text, known))
        else:
            names[key_id] = found
    yield from _twice(names, known, places)


def _under(good: Mapping[str, Any], path: str) -> dict[str, str]:
    """The entries of a mapping from names to texts that are right."""
    return {key.removeprefix(path): value for key, value in good.items() if key.startswith(path)}


def _meant(key_id: str, known: ScreenWords) -> str:
    """The id that was meant: also for an action's whole word (acknowledge for ack)."""
    whole = next((i for i in known.keys if len(i) > 2 and key_id.casefold().startswith(i)), "")
    return whole or nearest(key_id, known.keys)


def _key_meant(text: str, known: ScreenWords) -> str:
    """``shift+x`` is ``X`` at a terminal."""
    low = text.casefold()
    capital = text[-1].upper() if low.startswith("shift+") and len(text) == len("shift+x") else ""
    return capital if capital and "" not in known.name(capital) else ""


def _twice(names: Mapping[str, list[str]], known: ScreenWords, places: Mapping[str, Place]) -> Iterator[Diagnostic]:
    """A key that another action has, by default or by this configuration."""
    by_key = dict(known.taken)
    by_key |= {key: f"the id {key_id}" for key_id, key in known.keys.items() if key_id not in names}
    for key_id, keys in names.items():
        for key in keys:
            if key in by_key:
                yield mistake(
                    places,
                    f"screen.keys.{key_id}",
                    "a key that nothing else has",
                    f"{show(key)}, the key of {by_key[key]}",
                )
            by_key[key] = f"the id {key_id}"


def command_key_mistakes(
    good: Mapping[str, Any], words: Callable[[], ScreenWords], places: Mapping[str, Place]
) -> Iterator[Diagnostic]:
    """Keys of ``commands:`` that there are not, or that something else has: the board, the Detail screen, or another
    command. ``y`` says yes in a dialog, and one that is typed once too often reaches the board.
    """
    wanted = {at: text for at, text in good.items() if re.fullmatch(_COMMAND_KEY, at) and text}
    if not wanted:
        return
    known = words()
    moved = {key_id: known.name(text) for key_id, text in _under(good, "screen.keys.").items() if key_id in known.keys}
    has = {"y": "a yes in a dialog", **known.taken}
    has |= {key: f"the id {key_id}" for key_id, key in known.keys.items() if key_id not in moved}
    has |= {key: f"the id {key_id}" for key_id, keys in moved.items() for key in keys}
    for at, text in wanted.items():
        keys = known.name(text)
        if len(keys) != 1 or not keys[0]:
            yield mistake(places, at, "one key like X, ctrl+x or f2", show(text), _key_meant(text, known))
            continue
        if keys[0] in has:
            yield mistake(places, at, "a key that nothing else has", f"{show(text)}, the key of {has[keys[0]]}")
        has.setdefault(keys[0], f"the command {at.removeprefix('commands[').removesuffix('].key')}")


def view_mistakes(
    good: Mapping[str, Any], names: Mapping[str, tuple[str, ...]], places: Mapping[str, Place]
) -> Iterator[Diagnostic]:
    """Views that ask for a source, a provider or a product that is not configured; *names* are those that are."""
    views = _under(good, "screen.views.")
    if not views:
        return
    from oncall_tui.triage.filters import WORDS, FilterError, Known, parse  # only where there are views

    for name, text in views.items():
        try:
            parse(text, Known(None, {**WORDS, **names}))
        except FilterError as error:
            yield mistake(places, f"screen.views.{name}", "a filter that can match", error.message)
