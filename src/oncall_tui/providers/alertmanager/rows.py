"""Alertmanager's alerts -> rows. Pure, and cheap where nothing changed: 5,000 alerts are 3.4 MB a poll."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from hashlib import blake2b

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, ServiceHint, Severity
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.wire import WireAlert, WireSilence
from oncall_tui.providers.http import stamp

_SEVERITIES = {
    Severity.CRITICAL: "critical crit page pager paging emergency emerg fatal disaster sev0 sev1 p0 p1",
    Severity.ERROR: "error err major high sev2 p2",
    Severity.WARNING: "warning warn average minor medium moderate sev3 p3 ticket",
    Severity.INFO: "info information informational notice low none debug ok sev4 sev5 p4 p5",
}
_WORDS = {word: severity for severity, line in _SEVERITIES.items() for word in line.split()}


def severity(word: str) -> Severity:
    """The severity that a label's word means; a word that nobody knows is UNKNOWN (the label itself stays to see)."""
    return _WORDS.get(word.strip().lower(), Severity.UNKNOWN)


def same_person(name: str, me: Iterable[str]) -> bool:
    """Is *name*, as a silence's createdBy has it, one of *me* (name, e-mail)?"""
    return bool(name) and name.strip().casefold() in {m.strip().casefold() for m in me if m}


_Entry = tuple[WireAlert, tuple[WireSilence, ...], Alert]


class Rows:
    """Keeps what the last poll decoded, so that an alert that did not change costs one hash, and is the same object."""

    def __init__(self, options: AlertmanagerOptions, read_only: bool = False) -> None:
        self._options = options
        self._read_only = read_only
        self._decoder = msgspec.json.Decoder(WireAlert)
        self._known: dict[bytes, _Entry] = {}
        self._new: dict[bytes, _Entry] = {}
        self._by_id: dict[str, Alert] = {}

    def take(self, raws: list[msgspec.Raw]) -> tuple[bool, int]:
        """Decode what changed. Tells whether a silence holds any of them, and how many items were not alerts."""
        self._new = {}
        bad = 0
        for raw in raws:
            digest = blake2b(raw, digest_size=16).digest()
            entry = self._known.get(digest)
            if entry is None:
                try:
                    wire = self._decoder.decode(raw)
                    entry = (wire, (), self.row(wire, ()))
                except (msgspec.MsgspecError, ValueError):
                    bad += 1
                    continue
            self._new[digest] = entry
        return any(wire.status.silencedBy for wire, _, _ in self._new.values()), bad

    def rows(self, silences: Mapping[str, WireSilence]) -> tuple[Alert, ...]:
        """The rows of what was taken, given the *silences* by id."""
        by_id: dict[str, Alert] = {}
        for digest, (wire, held, row) in self._new.items():
            if wire.status.silencedBy:
                now = tuple(silences[i] for i in wire.status.silencedBy if i in silences)
                if now != held:
                    held, row = now, self.row(wire, now)
            row = self._reuse(row)
            self._new[digest] = (wire, held, row)
            by_id[row.id] = row
        self._known, self._by_id = self._new, by_id
        return tuple(by_id.values())

    def _reuse(self, row: Alert) -> Alert:
        """The row of the last poll where it says the same: Prometheus sends again each minute, with new stamps only."""
        old = self._by_id.get(row.id)
        return old if old is not None and (old is row or old == row) else row

    def row(self, wire: WireAlert, silences: tuple[WireSilence, ...]) -> Alert:
        """One row. Raises ValueError where its start is no time."""
        began = stamp(wire.startsAt)
        if began is None:
            raise ValueError("startsAt is no time")
        options = self._options
        labels = _pairs(wire.labels)
        annotations = wire.annotations or {}
        state, by, until, changed, comment = standing(wire, silences)
        return Alert(
            id=f"{options.name}/{wire.fingerprint}",
            source=options.name,
            provider="alertmanager",
            native_id=wire.fingerprint,
            state=state,
            severity=severity(wire.labels.get(options.severity_label, "")),
            title=_first(options.title, annotations, wire.labels) or wire.labels.get("alertname", wire.fingerprint),
            began=began,
            changed=changed,
            by=by,
            until=until,
            comment=comment,
            url=wire.generatorURL,
            labels=labels,
            annotations=_pairs(annotations),
            hint=ServiceHint(
                cluster=_first(options.cluster_labels, wire.labels),
                service=_first(options.service_labels, wire.labels),
                account=wire.labels.get(options.account_label, ""),
                region=wire.labels.get(options.region_label, ""),
            ),
            keys=(f"fingerprint:{wire.fingerprint}",),
            label_sets=(labels,),
            verbs=frozenset() if self._read_only else VERBS.get(state, _ASKING),
        )


_ASKING = frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE})
VERBS: Mapping[AlertState, frozenset[Verb]] = {
    AlertState.ACKNOWLEDGED: frozenset({Verb.UNACKNOWLEDGE, Verb.SILENCE}),
    AlertState.SILENCED: frozenset({Verb.SILENCE}),
}

Standing = tuple[AlertState, tuple[str, ...], float | None, float | None, str]


def standing(wire: WireAlert, silences: tuple[WireSilence, ...]) -> Standing:
    """State, by whom, until when, since when, and why. An ``ACK!`` silence wins over others: somebody has it."""
    status = wire.status
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


def _held(silences: tuple[WireSilence, ...]) -> tuple[tuple[str, ...], float | None, float | None, str]:
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
