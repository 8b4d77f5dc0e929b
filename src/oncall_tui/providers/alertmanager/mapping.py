"""Alertmanager's alerts -> rows. Pure, and cheap where nothing changed: 5,000 alerts are 3.4 MB a poll."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, ServiceHint
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, ListedSilence
from oncall_tui.providers.decoding import decoder
from oncall_tui.providers.http import DecodeCache, severity, stamp


def same_person(name: str, me: Iterable[str]) -> bool:
    """Return whether *name*, from a silence's createdBy, is one of *me* (name, e-mail)."""
    return bool(name) and name.strip().casefold() in {m.strip().casefold() for m in me if m}


class _AlertmanagerEntry:
    """One alert as decoded, and the row that was made of it with the silences that held it then."""

    __slots__ = ("held", "item", "row")

    def __init__(self, item: AlertmanagerAlert, row: Alert) -> None:
        self.item = item if item.status.silencedBy else None  # kept only where a silence may yet change the row
        self.row = row
        self.held: tuple[ListedSilence, ...] = ()


class AlertmanagerRows:
    """Keeps what the last poll decoded, so that an alert that did not change costs one hash, and is the same object."""

    def __init__(self, options: AlertmanagerOptions, read_only: bool = False) -> None:
        self._options = options
        self._read_only = read_only
        self._decoder = decoder(AlertmanagerAlert)
        self._listing = DecodeCache(self._entry)
        self._entries: list[_AlertmanagerEntry] = []
        self._by_id: dict[str, Alert] = {}

    def _entry(self, raw: msgspec.Raw) -> _AlertmanagerEntry:
        item = self._decoder.decode(raw)
        return _AlertmanagerEntry(item, self.row(item, ()))

    def take(self, raws: list[msgspec.Raw]) -> tuple[bool, int]:
        """Decode what changed. Tells whether a silence holds any of them, and how many items were not alerts."""
        self._entries, bad = self._listing.take(raws)
        return any(entry.item is not None for entry in self._entries), bad

    def rows(self, silences: Mapping[str, ListedSilence]) -> tuple[Alert, ...]:
        """The rows of what was taken, given the *silences* by id."""
        by_id: dict[str, Alert] = {}
        for entry in self._entries:
            if entry.item is not None:
                held = tuple(silences[i] for i in entry.item.status.silencedBy if i in silences)
                if held != entry.held:
                    entry.held, entry.row = held, self.row(entry.item, held)
            entry.row = self._reuse(entry.row)
            by_id[entry.row.id] = entry.row
        self._by_id = by_id
        return tuple(by_id.values())

    def _reuse(self, row: Alert) -> Alert:
        """The row of the last poll where it says the same."""
        old = self._by_id.get(row.id)
        return old if old is not None and (old is row or old == row) else row

    def row(self, item: AlertmanagerAlert, silences: tuple[ListedSilence, ...]) -> Alert:
        """One row. Raises ValueError where its start is no time."""
        began = stamp(item.startsAt)
        if began is None:
            raise ValueError("startsAt is not a time")
        options = self._options
        labels = _pairs(item.labels)
        annotations = item.annotations or {}
        state, by, until, by_at, comment = standing(item, silences)
        return Alert(
            id=f"{options.name}/{item.fingerprint}",
            source=options.name,
            provider="alertmanager",
            native_id=item.fingerprint,
            state=state,
            severity=severity(item.labels.get(options.severity_label, "")),
            title=_first(options.title, annotations, item.labels) or item.labels.get("alertname", item.fingerprint),
            began=began,
            by=by,
            by_at=by_at,
            until=until,
            comment=comment,
            url=item.generatorURL,
            labels=labels,
            annotations=_pairs(annotations),
            hint=ServiceHint(
                cluster=_first(options.cluster_labels, item.labels),
                service=_first(options.service_labels, item.labels),
                account=item.labels.get(options.account_label, ""),
                region=item.labels.get(options.region_label, ""),
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


def standing(item: AlertmanagerAlert, silences: tuple[ListedSilence, ...]) -> Standing:
    """State, by whom, until when, since when, and why. An ``ACK!`` silence wins over others: somebody has it."""
    status = item.status
    if status.silencedBy:
        acks = tuple(s for s in silences if s.is_ack)
        state = AlertState.ACKNOWLEDGED if acks else AlertState.SILENCED
        return (state, *_held(acks or silences))
    if status.inhibitedBy:
        return AlertState.INHIBITED, (), None, None, "inhibited by " + ", ".join(status.inhibitedBy)
    if status.mutedBy:
        return AlertState.SILENCED, (), None, None, "muted by the time interval " + ", ".join(status.mutedBy)
    if status.state in ("active", "unprocessed"):  # unprocessed: it came a moment ago
        return AlertState.FIRING, (), None, None, ""
    if status.state == "suppressed":
        return AlertState.SILENCED, (), None, None, ""
    return AlertState.UNKNOWN, (), None, None, f"state {status.state or 'missing'}"


def _held(silences: tuple[ListedSilence, ...]) -> tuple[tuple[str, ...], float | None, float | None, str]:
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
    """Sorted, and interned where short: thousands of alerts share most of their values."""
    return tuple((sys.intern(name), sys.intern(v) if len(v) < 128 else v) for name, v in sorted(labels.items()))
