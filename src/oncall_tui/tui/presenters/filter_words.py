"""The filter in words: the parts of it, what it hides, and the pages that are out of sight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oncall_tui.text.cells import count, fit, width
from oncall_tui.triage.triager import TriagedBoard, nobody_has
from oncall_tui.tui.commands import named
from oncall_tui.tui.presenters import products
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.widgets.footer import Part

FILTER_CELLS = 24  # of a filter's text, where what it hides has to be read beside it
WHOLE = 999


def looking(
    shown: ViewFilter, rows: Mapping[str, list[str]], triaged: TriagedBoard, order: str = "", below: str = ""
) -> tuple[list[Part], list[Part]]:
    """The two sides of the line: what is looked at, and what is not shown. *rows* are the ids of the rows in each pane;
    *order* and *below* (pages further down) are words.
    """
    every = {"alerts": len(triaged.alerts), "services": len(triaged.services), "deploys": len(triaged.deploys)}
    hidden = {name: max(0, total - len(rows[name])) for name, total in every.items()}
    words = ", ".join(count(number, name.removesuffix("s")) for name, number in hidden.items() if number)
    left: list[Part] = [(f" {' · '.join([*parts(shown, FILTER_CELLS), *([order] if order else [])])} ", "cursor")]
    if shown.narrows and any(every.values()):
        left.append((f" hides {words}" if words else " hides nothing", "dim"))
    right: list[Part] = [(f" {below}", "warning")] if below else []
    seen = set(rows["alerts"])
    lost = [a for a in triaged.alerts if products.open_page(a) and a.id not in seen]
    if lost:
        only = shown.product is not None and not shown.filter and not shown.faults
        where = f"outside of {shown.product}" if only and shown.product else "not shown"
        nobodys = sum(nobody_has(triaged, a) for a in lost)
        has = f", {nobodys}!" if nobodys else ""  # as in the panes' names: nobody has them
        words = f" {count(len(lost), 'page')}{has} {where}"
        right = [(words, "critical" if nobodys else "warning"), *([(" ·", "dim"), *right] if right else [])]
    return left, right or ([(f"{named('back')} shows all", "dim")] if shown.narrows else [])


def real(ids: Iterable[str]) -> list[str]:
    """Leave out the rows that only say that a source is not read."""
    return [i for i in ids if not i.startswith("source:")]


def parts(shown: ViewFilter, cells: int = WHOLE) -> list[str]:
    """The parts of the filter, in words."""
    text = shown.filter if width(shown.filter) <= cells else fit(shown.filter, cells)
    words = [] if shown.product is None else [shown.product or "no product"]
    if shown.filter:
        words.append(f"view {shown.view}: {text}" if shown.view else f"filter {text!r}")
    return [*words, *(["faults only"] if shown.faults else [])]


def pages_below(rows: list[str], triaged: TriagedBoard) -> int:
    """The number of open pages under a row that does not page."""
    pages = {a.id: products.open_page(a) for a in triaged.alerts}
    first = next((i for i, row in enumerate(rows) if pages.get(row) is False), len(rows))
    return sum(pages.get(row, False) for row in rows[first:])
