"""The words under ``screen``: keys that there are, each for one action, a theme that exists, views that can match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oncall_tui.config.diagnostic import Diagnostic, nearest, show
from oncall_tui.config.model import Screen, ScreenWords

Place = tuple[str, int, int]


def mistake(places: Mapping[str, Place], key: str, expected: str, found: str, near: str = "") -> Diagnostic:
    """One mistake at the place of *key*."""
    file, line, column = places[key]
    return Diagnostic(file=file, line=line, column=column, key=key, expected=expected, found=found, near=near)


def screen_mistakes(
    screen: Screen, words: Callable[[], ScreenWords], places: Mapping[str, Place]
) -> Iterator[Diagnostic]:
    """Actions, keys and a theme that there are not, and one key for two actions."""
    if not screen.keys and not screen.theme:
        return
    known = words()
    if screen.theme and screen.theme not in known.themes:
        wanted = "one of the themes " + ", ".join(known.themes)
        yield mistake(places, "screen.theme", wanted, show(screen.theme), nearest(screen.theme, known.themes))
    names: dict[str, list[str]] = {}
    for key_id, text in screen.keys.items():
        if not text.strip():
            continue  # the walker has said so
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


def view_mistakes(given: Mapping[str, Any], places: Mapping[str, Place]) -> Iterator[Diagnostic]:
    """Views that ask for a source, a provider or a product that is not configured."""
    views = given["screen"].views if "screen" in given else {}
    if not views:
        return
    from oncall_tui.triage.filters import WORDS, FilterError, Known, parse  # only where there are views

    sources = given.get("sources", ())
    words = {
        "source": tuple(source.name for source in sources),
        "provider": tuple(source.provider for source in sources),
        "product": tuple(product.name for product in given.get("products", ())),
    }
    for name, text in views.items():
        try:
            parse(text, Known(None, {**WORDS, **words}))
        except FilterError as error:
            yield mistake(places, f"screen.views.{name}", "a filter that can match", error.message)
