"""A row of the journal's file, read into an entry. A row that is not as this version writes it is named, never guessed.

The file outlives the program: another version, another program or a broken disk may have written any row of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.runtime.decoding import convert, decoder

# Seconds since the epoch that a calendar has: from 1970 to 9999.
Time = Annotated[float, msgspec.Meta(ge=0.0, lt=253_402_300_800.0)]
MOST_WORDS = 120  # of why a row could not be read: the row may be anything


class UndecodableRow(Exception):
    """Why a row could not be read, in words."""


class _SeenRow(msgspec.Struct, frozen=True):
    old: str = ""
    new: str = ""
    service: str = ""
    product: str = ""
    problem: str = ""
    pages: bool = False
    began: Time | None = None
    key: str = ""
    hidden: str = ""


class _AlertRow(_SeenRow, frozen=True):
    provider: str = ""
    by: tuple[str, ...] = ()
    by_at: Time | None = None
    ended: Time | None = None


class _DeployRow(_SeenRow, frozen=True):
    arrow: str = ""
    kind: str = ""
    by: str = ""
    started: Time | None = None
    ended: Time | None = None


class _ChangeRow(msgspec.Struct, frozen=True):
    old: str = ""
    new: str = ""
    kind: str = ""
    what: str = ""
    source: str = ""
    resource: str = ""
    began: Time | None = None
    ended: Time | None = None
    by: str = ""
    description: str = ""
    url: str = ""
    effect: bool = False
    service: str = ""
    products: tuple[str, ...] = ()


class _ToldEpisodeRow(PastEpisode, frozen=True, kw_only=True):
    began: Time
    ended: Time | None = None
    acknowledged_at: Time | None = None


class _ToldDeployRow(PastDeploy, frozen=True, kw_only=True):
    started: Time
    ended: Time | None = None


class _IntentRow(msgspec.Struct, frozen=True):
    plan: Plan
    host: str = ""
    pid: int = 0


class _OutcomeRow(msgspec.Struct, frozen=True):
    state: OutcomeState
    verb: str = ""
    target: str = ""
    receipt: dict[str, Any] | None = None
    closed: bool = False


class _MarkRow(msgspec.Struct, frozen=True):
    began: Time = 0.0
    plan: str = ""


class _NotificationRow(msgspec.Struct, frozen=True):
    verb: str = ""
    state: str = ""
    target: str = ""
    destination: str = ""


class _WatchRow(msgspec.Struct, frozen=True):
    state: str = ""
    unread: tuple[str, ...] = ()


class _EpisodeMarkRow(msgspec.Struct, frozen=True):
    mark: str = ""
    alert: str = ""


class _FollowUpRow(msgspec.Struct, frozen=True):
    title: str = ""
    owner: str = ""
    state: str = ""
    alerts: tuple[str, ...] = ()


class _IncidentRow(msgspec.Struct, frozen=True):
    title: str = ""
    lead: str = ""
    state: str = ""
    episodes: tuple[str, ...] = ()
    deploys: tuple[str, ...] = ()
    entries: tuple[Any, ...] = ()


class _EmptyRow(msgspec.Struct, frozen=True):
    pass


_SHAPES: dict[EntryKind, type[msgspec.Struct]] = {
    EntryKind.ALERT: _AlertRow,
    EntryKind.DEPLOY: _DeployRow,
    EntryKind.INTENT: _IntentRow,
    EntryKind.OUTCOME: _OutcomeRow,
    EntryKind.REFUSED: _NotificationRow,
    EntryKind.SEEN: _MarkRow,
    EntryKind.UNSEEN: _MarkRow,
    EntryKind.NOTE: _MarkRow,
    EntryKind.KEPT: _EmptyRow,
    EntryKind.SHELL: _NotificationRow,
    EntryKind.WATCH: _WatchRow,
    EntryKind.TOLD: _NotificationRow,
    EntryKind.MARK: _EpisodeMarkRow,
    EntryKind.FOLLOW_UP: _FollowUpRow,
    EntryKind.INCIDENT: _IncidentRow,
    EntryKind.CHANGE: _ChangeRow,
    EntryKind.TOLD_EPISODE: _ToldEpisodeRow,
    EntryKind.TOLD_DEPLOY: _ToldDeployRow,
}


class _Columns(msgspec.Struct, frozen=True):
    seq: int
    at: Time
    kind: str
    subject: str
    actor: str
    text: str
    data: str
    origin: str
    number: int


_KINDS = {kind.value: kind for kind in EntryKind}
_DATA = {kind: decoder(shape) for kind, shape in _SHAPES.items()}
_plain = decoder(dict[str, Any])
_COLUMNS = _Columns.__struct_fields__


def decode(row: tuple[Any, ...], own: Callable[[int], str]) -> Entry:
    """The entry of a row (seq, at, kind, subject, actor, text, data, origin, number). Raises UndecodableRow.

    *own* is the name of this file when it gave that seq: a row that was written here has no origin of its own.
    """
    try:
        columns = convert(dict(zip(_COLUMNS, row, strict=True)), _Columns)
        kind = _KINDS.get(columns.kind)
        if kind is None:
            raise UndecodableRow(f"this version does not know the kind {columns.kind[:40]!r}")
        data = _plain.decode(columns.data)
        _DATA[kind].decode(columns.data)  # what readers rely on: data keeps what this version does not know
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UndecodableRow((str(error) or error.__class__.__name__)[:MOST_WORDS]) from None
    return Entry(
        seq=columns.seq,
        at=columns.at,
        kind=kind,
        subject=columns.subject,
        actor=columns.actor,
        text=columns.text,
        data=data,
        origin=columns.origin or own(columns.seq),
        number=columns.number if columns.origin else columns.seq,
    )


def named(row: tuple[Any, ...], why: UndecodableRow) -> str:
    """``journal entry 812 (intent: roll back prod/api) could not be read: …; skipped``."""
    kind, text = str(row[2])[:20], row[5] if isinstance(row[5], str) else ""
    what = f"{kind}: {text[:60]}" if text.strip() else kind
    return f"journal entry {row[0]} ({what}) could not be read: {why}; skipped"
