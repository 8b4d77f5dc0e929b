"""Open rows of each product, counted for the picker, the most urgent product first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.board import Board
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState
from oncall_tui.triage.ranking import ATTENTION, SILENT
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard, nobody_has

NONE = ""  # the name that stands for what belongs to no product
_HAS_NOBODY = 2  # of ATTENTION: from here on somebody has it


class OpenCounts(msgspec.Struct, frozen=True):
    """The open rows of one product (*name*; empty: of none): pages, unacknowledged ones, what else asks, services
    that are not well, deploys under way. *unread*: sources of its services that are not read now.
    """

    name: str
    owner: str = ""
    pages: int = 0
    nobodys: int = 0
    notifications: int = 0
    sick: int = 0
    deploys: int = 0
    unread: tuple[str, ...] = ()

    @property
    def fire(self) -> tuple[int, ...]:
        """Return the sort key, which is smaller for a more urgent product."""
        return (-self.nobodys, -self.pages, -self.sick, -self.notifications, -self.deploys)


def name_of(row: TriagedAlert) -> str:
    """The name of the alert's product; empty: it has none."""
    return row.product.name if row.product else NONE


def open_page(row: TriagedAlert) -> bool:
    """Return whether it is a page that is neither resolved nor silenced."""
    return row.pages and ATTENTION[row.alert.state] < SILENT


def open_in(triaged: TriagedBoard, products: Iterable[Product]) -> list[OpenCounts]:
    """Count all open rows (the first), then each product's, the most urgent first; "no product" is among them."""
    known = {
        product.name: OpenCounts(product.name, product.owner, unread=_unread(product, triaged.board))
        for product in products
    }
    counts: dict[str, list[int]] = {name: [0] * 5 for name in (*known, NONE)}
    for row in triaged.alerts:
        count = counts.setdefault(name_of(row), [0] * 5)
        count[0] += open_page(row)
        had = row.alert.state.asks and not nobody_has(triaged, row)  # at the pager
        count[1 if row.pages else 2] += ATTENTION[row.alert.state] < _HAS_NOBODY and not had
    for service in triaged.services:
        counts[_of_service(service.id, triaged)][3] += service.health.is_fault
    for deploy in triaged.deploys:
        counts[_of_service(deploy.service_id, triaged)][4] += deploy.state.running
    empty = OpenCounts(NONE)
    found = [_with(known.get(name, empty), count) for name, count in counts.items()]
    found.sort(key=lambda one: (one.fire, one.name == NONE, one.name.casefold(), one.name))
    everything = _with(OpenCounts("all products"), [sum(count[i] for count in counts.values()) for i in range(5)])
    return [everything, *found]


def _with(one: OpenCounts, count: list[int]) -> OpenCounts:
    pages, nobodys, notifications, sick, deploys = count
    return msgspec.structs.replace(
        one, pages=pages, nobodys=nobodys, notifications=notifications, sick=sick, deploys=deploys
    )


def _of_service(service_id: str, triaged: TriagedBoard) -> str:
    product = triaged.products.get(service_id)
    return product.name if product else NONE


def _unread(product: Product, board: Board) -> tuple[str, ...]:
    """Sources that its services are looked for in, and that are not read now."""
    globs = [pattern.partition("/")[0] for pattern in product.services]
    lost = [s.name for s in board.sources.values() if not s.current and s.state is not SourceState.WAITING]
    return tuple(name for name in lost if any(fnmatchcase(name, pattern) for pattern in globs))
