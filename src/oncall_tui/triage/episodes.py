"""Episodes: from an alert's first firing after thirty quiet minutes to its last. A flap begins none. Pure.

What is known of earlier firings is what this program saw while it ran, and what its journal kept: an alert that fired
while nobody looked is not known to have flapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.triage.join import PAGER_PROVIDERS

QUIET_S = 30 * 60.0
FLAPS = 3  # firings in one episode that make a flapping alert
FORGET_S = 24 * 3600.0
SAME_S = 1.0  # two readings of one firing may differ in their fraction of a second


class Episode(msgspec.Struct, frozen=True, gc=False):
    """*began* is the first firing's, *latest* the newest firing's begin; *ended* is None while it fires.

    *seen* is when it was last known to fire. Seconds since the epoch.
    """

    began: float
    latest: float
    seen: float
    ended: float | None = None
    firings: int = 1

    @property
    def flapping(self) -> bool:
        return self.firings >= FLAPS


class Episodes:
    """The episode that each alert is in. ``load`` what the journal has, then ``follow`` each board's alerts."""

    def __init__(self) -> None:
        self._known: dict[str, Episode] = {}
        self._alerts: Mapping[str, Alert] = {}
        self._read: dict[str, float] = {}  # source → until when its alerts are known to be what they are

    def load(self, entries: Iterable[Entry]) -> None:
        """What the journal saw, oldest first; entries of other kinds are passed over."""
        for entry in entries:
            if entry.kind is not EntryKind.ALERT:
                continue
            if entry.data.get("new") == AlertState.RESOLVED:
                self._quiet(entry.subject, entry.at)
            else:
                began = entry.data.get("began")
                self._fires(entry.subject, float(began) if began else entry.at, entry.at)

    def still(self, unread: frozenset[str], now: float) -> None:
        """Nothing moved until *now*: what fires has fired all along, but for the sources that were not read."""
        self._read.update((source, now) for source in self._read if source not in unread)

    def follow(self, alerts: Mapping[str, Alert], unread: frozenset[str], now: float) -> set[str]:
        """Take the board's *alerts*; returns the ids of those whose episode is another than it was.

        What is gone has gone quiet only where its source was read: *unread* are the sources that were not.
        """
        changed = set()
        for alert in alerts.values():
            if self._alerts.get(alert.id) is alert:
                continue
            key = key_of(alert)
            before = self._known.get(key)
            if alert.state is AlertState.RESOLVED:
                self._quiet(key, alert.changed or now)
            else:
                known = alert.id in self._alerts
                self._fires(key, alert.began, now, self._read.get(alert.source, 0.0) if known else 0.0)
            after = self._known.get(key)
            if before is None or after is None or (before.began, before.firings) != (after.began, after.firings):
                changed.add(alert.id)
        for alert_id, alert in self._alerts.items():
            if alert_id not in alerts and alert.source not in unread:
                self._quiet(key_of(alert), now)
        self._alerts = alerts
        self._read.update((source, now) for source in {a.source for a in alerts.values()} - unread)
        if len(self._known) > 2 * len(alerts) + 1000:
            self._forget(now)
        return changed

    def of(self, alert: Alert) -> Episode:
        """The alert's episode; one that was never followed begins with its firing."""
        return self._known.get(key_of(alert)) or Episode(alert.began, alert.began, alert.began)

    def _fires(self, key: str, began: float, now: float, fired_until: float = 0.0) -> None:
        """*fired_until*: it was followed until then without going quiet."""
        old = self._known.get(key)
        if old is None:
            self._known[key] = Episode(began, began, now)
            return
        again = began > old.latest + SAME_S or old.ended is not None
        quiet_since = old.ended if old.ended is not None else max(old.seen, old.latest, fired_until)
        if again and began - quiet_since > QUIET_S:
            self._known[key] = Episode(began, began, now)
        else:
            self._known[key] = Episode(
                min(old.began, began), max(old.latest, began), now, firings=old.firings + (1 if again else 0)
            )

    def _quiet(self, key: str, at: float) -> None:
        old = self._known.get(key)
        if old is not None and old.ended is None:
            self._known[key] = msgspec.structs.replace(old, ended=at)

    def _forget(self, now: float) -> None:
        self._known = {k: e for k, e in self._known.items() if e.ended is None or now - e.ended < FORGET_S}


def key_of(alert: Alert) -> str:
    """What an alert's firings have in common: its id; a pager's incident has a new one each time, but the same key."""
    return alert.keys[0] if alert.provider in PAGER_PROVIDERS and alert.keys else alert.id
