"""Notification destinations by name: every name under a product's ``tell`` has to be that of one, in whichever file.

Looked up in the nodes, so that it is said together with whatever else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from oncall_tui.config.diagnostic import Diagnostic, nearest, show
from oncall_tui.config.nodes import place


class TellNames(msgspec.Struct, frozen=True):
    """The names in one file: its destinations' names, and each name under a ``tell`` with its key, line and column."""

    destinations: tuple[str, ...] = ()
    named: tuple[tuple[str, str, int, int], ...] = ()


def tell_names(root: Any) -> TellNames:
    """Collect them from the document *root*; the validator tells what is of a wrong shape."""
    destinations = [
        value.value
        for entry in _entries(root, "escalation")
        for name, value in _pairs(entry)
        if name == "name" and value.id == "scalar"
    ]
    named = [
        (f"products[{index}].tell[{at}]", item.value, *place(item))
        for index, product in enumerate(_entries(root, "products"))
        for name, value in _pairs(product)
        if name == "tell" and value.id == "sequence"
        for at, item in enumerate(value.value)
        if item.id == "scalar" and item.value.strip()
    ]
    return TellNames(tuple(destinations), tuple(named))


def unknown(files: Sequence[tuple[str, TellNames]]) -> Iterator[Diagnostic]:
    """Each name under a ``tell`` that no file's ``escalation`` has. *files* are (path, what it says)."""
    known = tuple(dict.fromkeys(name for _, one in files for name in one.destinations))
    wanted = "one of the destinations " + ", ".join(known) if known else "the name of a destination under escalation"
    for path, one in files:
        for key, name, line, column in one.named:
            if name not in known:
                near = nearest(name, known)
                yield Diagnostic(
                    file=path, line=line, column=column, key=key, expected=wanted, found=show(name), near=near
                )


def _entries(root: Any, key: str) -> Iterable[Any]:
    found = next((value for name, value in _pairs(root) if name == key), None)
    return found.value if found is not None and found.id == "sequence" else ()


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    for name, value in node.value if node.id == "mapping" else ():
        if name.id == "scalar":
            yield name.value, value
