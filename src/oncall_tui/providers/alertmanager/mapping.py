"""Alertmanager's alerts -> rows. Pure, and cheap where nothing changed: 5,000 alerts are 3.4 MB a poll.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, ServiceHint
from oncall_tui.providers.alertmanager.api import Muted
from oncall_tui.providers.alertmanager.known_silences import KnownSilences
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, AlertStatus, ListedSilence
from oncall_tui.providers.http import DecodeCache, severity, stamp
from oncall_tui.providers.lists import Damage, Items


def same_person(name: str, me: Iterable[str]) -> bool:
    """Return whether *name*, from a silence's createdBy, is one of *me* (name, e-mail)."""
    return bool(name) and name.strip().casefold() in {m.strip().casefold() for m in me if m}


class _AlertmanagerEntry:
    """One alert as decoded: its row as if nothing kept it quiet but another alert, and the last row made of that."""

    __slots__ = ("base", "held", "muted", "row", "silenced_by")

    def __init__(self, base: Alert, silenced_by: tuple[str, ...]) -> None:
        self.base = base
        self.silenced_by = silenced_by
        self.row = base
        self.held: tuple[str | ListedSilence, ...] = ()
        self.muted: tuple[str, ...] = ()

    def take_up(self, old: Alert | None) -> None:
        """Keep the row of the last poll where it says the same: one object, also where its bytes came otherwise."""
        if old is None or old is self.row or old != self.row:
            return
        if self.base is self.row:
            self.base = old
        self.row = old

    def rename(self, row_id: str) -> None:
        """Make its row one of another id."""
        if self.base.id != row_id:
            self.base = self.row = msgspec.structs.replace(self.base, id=row_id)
            self.held, self.muted = (), ()


class AlertmanagerRows:
    """Keeps what the last poll decoded, so that an alert that did not change costs one hash, and is the same object."""

    def __init__(self, options: AlertmanagerOptions, known: KnownSilences, read_only: bool = False) -> None:
        self._options = options
        self._known = known
        self._read_only = read_only
        self._listing = DecodeCache(AlertmanagerAlert, self._entry)
        self._entries: list[_AlertmanagerEntry] = []
        self._before: dict[str, _AlertmanagerEntry] | None = None  # of the last list, while the next one is taken
        self._by_id: dict[str, Alert] = {}
        self.twins = 0  # fingerprints that several alerts of the last list have
        self._tells_muted = False  # is it a version that can tell what a time interval mutes?

    def _entry(self, item: AlertmanagerAlert) -> _AlertmanagerEntry:
        if item.status.mutedBy is not None:
            self._tells_muted = True
        base = self._base(item)
        if self._before is None:
            self._before = {entry.base.id: entry for entry in self._entries}
        # Prometheus sends all alerts again each minute, and only their end moves: what says the same is dropped here,
        # one by one, so that there are never two of all.
        old = self._before.get(base.id)
        if old is not None and old.base == base and old.silenced_by == item.status.silencedBy:
            return old
        return _AlertmanagerEntry(base, item.status.silencedBy)

    def take(self, raws: Items[AlertmanagerAlert]) -> tuple[bool, Damage]:
        """Decode what changed. Tells whether a silence holds any of them, and which items were damaged."""
        self._before = None
        self._entries, damage = self._listing.take(raws)
        self._before = None
        self._tell_twins_apart()
        return any(entry.silenced_by for entry in self._entries), damage

    def _tell_twins_apart(self) -> None:
        """Give each of several alerts of one fingerprint a row of its own, by its labels: so that none vanishes."""
        by_id: dict[str, list[_AlertmanagerEntry]] = {}
        for entry in self._entries:
            by_id.setdefault(entry.base.native_id, []).append(entry)
        self.twins = sum(len(entries) > 1 for entries in by_id.values())
        for native_id, entries in by_id.items():
            if len(entries) == 1 and entries[0].base.id.endswith(native_id):
                continue
            labels = sorted({entry.base.labels for entry in entries})
            for entry in entries:
                apart = f"~{labels.index(entry.base.labels)}" if entry.base.labels != labels[0] else ""
                entry.rename(f"{self._options.name}/{native_id}{apart}")

    @property
    def may_be_muted(self) -> bool:
        """Return whether an alert of what was taken may be muted by a time interval."""
        return self._tells_muted and any(entry.base.state is AlertState.FIRING for entry in self._entries)

    def rows(self, muted: Muted, now: float) -> tuple[Alert, ...]:
        """The rows of what was taken, given what time intervals mute. *now* is by the server's clock."""
        by_id: dict[str, Alert] = {}
        held: dict[str, tuple[str, ...]] = {}
        for entry in self._entries:
            row = entry.base
            ids = self._known.holding(row.native_id, entry.silenced_by, now)
            if ids:
                held[row.native_id] = ids
            by = tuple(self._known.get(i) or i for i in ids)
            intervals = muted.get(row.native_id, ())
            if (by, intervals) != (entry.held, entry.muted):
                entry.held, entry.muted, entry.row = by, intervals, self._quiet(row, by, intervals)
            entry.take_up(self._by_id.get(entry.row.id))
            twin = by_id.get(entry.row.id)
            if twin is None or not twin.state.asks or entry.row.state.asks:  # twice the same labels: what asks is shown
                by_id[entry.row.id] = entry.row
        self._known.note_held(held)
        self._by_id = by_id
        return tuple(by_id.values())

    def row(self, item: AlertmanagerAlert, held: tuple[str | ListedSilence, ...], intervals: tuple[str, ...]) -> Alert:
        """One row, with the silences that hold it (the id alone where that cannot be read) and what mutes it.

        Raises ValueError where its start is no time.
        """
        return self._quiet(self._base(item), held, intervals)

    def _quiet(self, row: Alert, held: tuple[str | ListedSilence, ...], intervals: tuple[str, ...]) -> Alert:
        """*row* as what keeps it quiet makes it: a silence is said first, then an inhibiting alert."""
        if held:
            state, by, until, by_at, comment = standing([one for one in held if isinstance(one, ListedSilence)])
        elif intervals and row.state is AlertState.FIRING:
            state, by, until, by_at = AlertState.SILENCED, (), None, None
            comment = "muted by the time interval " + ", ".join(intervals)
        else:
            return row
        verbs = frozenset() if self._read_only else VERBS.get(state, _ASKING)
        return msgspec.structs.replace(row, state=state, by=by, until=until, by_at=by_at, comment=comment, verbs=verbs)

    def _base(self, item: AlertmanagerAlert) -> Alert:
        """The row as it would be without silences. Raises ValueError where its start is no time."""
        began = stamp(item.startsAt)
        if began is None:
            raise ValueError("startsAt is not a time")
        options = self._options
        labels = _pairs(item.labels)
        annotations = item.annotations or {}
        state, comment = unsilenced(item.status)
        return Alert(
            id=f"{options.name}/{item.fingerprint}",
            source=options.name,
            provider="alertmanager",
            native_id=item.fingerprint,
            state=state,
            severity=severity(item.labels.get(options.severity_label, "")),
            title=_first(options.title, annotations, item.labels) or item.labels.get("alertname", item.fingerprint),
            began=began,
            comment=comment,
            url=item.generatorURL,
            labels=labels,
            annotations=_pairs(annotations),
            hint=_hint(
                _first(options.cluster_labels, item.labels),
                _first(options.service_labels, item.labels),
                item.labels.get(options.account_label, ""),
                item.labels.get(options.region_label, ""),
            ),
            keys=(f"fingerprint:{item.fingerprint}",),
            label_sets=(labels,),
            verbs=frozenset() if self._read_only else VERBS.get(state, _ASKING),
        )


_ASKING = frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE})
VERBS: Mapping[AlertState, frozenset[Verb]] = {
    AlertState.ACKNOWLEDGED: frozenset({Verb.UNACKNOWLEDGE, Verb.SILENCE}),
    AlertState.SILENCED: frozenset({Verb.SILENCE}),
}

Standing = tuple[AlertState, tuple[str, ...], float | None, float | None, str]


def unsilenced(status: AlertStatus) -> tuple[AlertState, str]:
    """State and why, without the silences that its answer names."""
    if status.inhibitedBy:
        return AlertState.INHIBITED, "inhibited by " + ", ".join(status.inhibitedBy)
    if status.mutedBy:
        return AlertState.SILENCED, "muted by the time interval " + ", ".join(status.mutedBy)
    if status.state in ("active", "unprocessed"):  # unprocessed: it came a moment ago
        return AlertState.FIRING, ""
    if status.state == "suppressed":
        return (AlertState.FIRING if status.silencedBy else AlertState.SILENCED), ""
    return AlertState.UNKNOWN, f"state {status.state or 'missing'}"


def standing(silences: Sequence[ListedSilence]) -> Standing:
    """State, by whom, until when, since when, and why. An ``ACK!`` silence wins over others: somebody has it."""
    acks = [s for s in silences if s.is_ack]
    return (AlertState.ACKNOWLEDGED if acks else AlertState.SILENCED, *_held(acks or silences))


def _held(silences: Sequence[ListedSilence]) -> tuple[tuple[str, ...], float | None, float | None, str]:
    if not silences:  # it ended between the two reads, or the silences could not be read
        return (), None, None, ""
    last = max(silences, key=lambda s: stamp(s.endsAt) or 0.0)
    by = tuple(dict.fromkeys(s.createdBy for s in silences if s.createdBy))
    return by, stamp(last.endsAt), stamp(last.startsAt), last.comment


def _first(names: Iterable[str], *places: Mapping[str, str]) -> str:
    for name in names:
        for place in places:
            if value := place.get(name):
                return value
    return ""


def _pairs(labels: Mapping[str, str]) -> Pairs:
    """Sorted, and shared where short: thousands of alerts have most of their labels in common."""
    if len(_shared) > SHARED:
        _shared.clear()  # what is shared stays so, where it is
    short = ((sys.intern(name), v) for name, v in sorted(labels.items()))
    return tuple(_shared.setdefault(pair, pair) if len(pair[1]) < 128 else pair for pair in short)


@functools.lru_cache(maxsize=2048)
def _hint(cluster: str, service: str, account: str, region: str) -> ServiceHint:
    """Shared: many alerts name one service."""
    return ServiceHint(cluster=cluster, service=service, account=account, region=region)


_shared: dict[tuple[str, str], tuple[str, str]] = {}  # half as large as a cache of a function would be
SHARED = 8192
