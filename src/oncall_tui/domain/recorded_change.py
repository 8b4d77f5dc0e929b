"""A change as the journal keeps it, and read back from there: sources forget it within a day. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.entry import Entry, EntryKind

UNDER_WAY, OVER = "under way", "over"  # the states of a change in the journal


class RecordedChange(msgspec.Struct, frozen=True, gc=False):
    """*change* as it was told last, and the names of the *products* that owned it then."""

    change: Change
    products: tuple[str, ...] = ()


def state_of(change: Change) -> str:
    """Return its state in the journal: it is told when it appears, and when it is over."""
    return UNDER_WAY if change.under_way else OVER


def entry_data(change: Change, products: tuple[str, ...], old: str) -> dict[str, Any]:
    """Return the data of the entry that says that *change* appeared (*old* is empty) or moved on from *old*."""
    told: dict[str, Any] = {"old": old, "new": state_of(change), "kind": str(change.kind), "what": change.what}
    told |= {"source": change.source, "resource": change.resource, "began": change.began}
    more: tuple[tuple[str, Any], ...] = (
        ("ended", change.ended),
        ("not_before", change.not_before),
        ("by", change.by),
        ("description", change.text),
        ("url", change.url),
    )
    more = (*more, ("account", change.account), ("region", change.region))
    more = (*more, ("effect", change.effect), ("service", change.service_id), ("products", list(products)))
    return told | {name: value for name, value in more if value}


def recorded(entries: Iterable[Entry]) -> dict[str, RecordedChange]:
    """Return the changes that *entries*, oldest first, tell of: by id, each as it was told last."""
    return {e.subject: _read(e) for e in entries if e.kind is EntryKind.CHANGE}


def _read(entry: Entry) -> RecordedChange:
    data = entry.data
    kind = data.get("kind")
    change = Change(
        id=entry.subject,
        source=str(data.get("source") or entry.subject.partition("/")[0]),
        kind=ChangeKind(kind) if kind in _KINDS else ChangeKind.OTHER,
        what=str(data.get("what") or entry.text),
        resource=str(data.get("resource", "")),
        began=float(data.get("began") or entry.at),
        ended=data.get("ended"),
        by=str(data.get("by", "")),
        text=str(data.get("description", "")),
        url=str(data.get("url", "")),
        service_id=str(data.get("service", "")),
        effect=data.get("effect") is True,
        account=str(data.get("account", "")),
        region=str(data.get("region", "")),
        not_before=data.get("not_before"),
    )
    return RecordedChange(change, tuple(map(str, data.get("products", ()))))


_KINDS = frozenset(map(str, ChangeKind))
