"""Episodes: from an alert's first firing after thirty quiet minutes to its last. A flap begins none. Pure.

What is known of earlier firings is what this program saw while it ran, and what its journal kept: an alert that fired
while nobody looked is not known to have flapped. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from oncall_tui.domain.alert import QUIET_S, Alert, AlertState
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.triage.firings import TimedFiring
from oncall_tui.triage.grouping import NEW_ID_PROVIDERS

FLAPS = 3  # firings in one episode that make a flapping alert
FORGET_S = 24 * 3600.0
SAME_S = 1.0  # two readings of one firing may differ in their fraction of a second
KEPT = 240  # firings of one episode that are told apart, the newest


class Episode(msgspec.Struct, frozen=True, gc=False):
    """*began* is the first firing's, *latest* the newest firing's begin; *ended* is None while it fires.

    *seen* is when it was last known to fire. *earlier* are the firings before the newest, as far back as they are kept.
    Seconds since the epoch.
    """

    began: float
    latest: float
    seen: float
    ended: float | None = None
    firings: int = 1
    earlier: tuple[TimedFiring, ...] = ()

    @property
    def flapping(self) -> bool:
        return self.firings >= FLAPS

    @property
    def told(self) -> tuple[TimedFiring, ...]:
        """Its firings one by one, the oldest first."""
        newest = TimedFiring(self.latest) if self.ended is None else TimedFiring(self.latest, self.seen, self.ended)
        return (*self.earlier, newest)


class QuietEpisode(msgspec.Struct, frozen=True, gc=False):
    """One that is not over: it has been quiet *since* then, and may fire again. *service* is a service's id."""

    title: str
    service: str
    began: float
    since: float
    flapping: bool
    firings: tuple[TimedFiring, ...] = ()


class Episodes:
    """The episode that each alert is in. ``load`` what the journal has, then ``follow`` each board's alerts."""

    def __init__(self) -> None:
        self._known: dict[str, Episode] = {}
        self._alerts: Mapping[str, Alert] = {}
        self._most = 0  # of them, before some are forgotten
        self._about: dict[str, tuple[str, str, str]] = {}  # key → title, source and the service's id, as last told
        self._read: dict[str, float] = {}  # source → until when its alerts are known to be what they are

    def load(self, entries: Iterable[Entry]) -> None:
        """Load the journal's entries, oldest first; other kinds are skipped."""
        keys: dict[str, str] = {}  # of a pager's incidents, as it was told when they fired
        for entry in entries:
            if entry.kind is not EntryKind.ALERT:
                continue
            key = keys.setdefault(entry.subject, str(entry.data.get("key") or entry.subject))
            if service := str(entry.data.get("service") or ""):
                self._about[key] = (entry.text, entry.subject.partition("/")[0], service)
            if entry.data.get("new") == AlertState.RESOLVED:
                self._quiet(key, entry.at, entry.at)
            else:
                began = entry.data.get("began")
                self._fires(key, float(began) if began else entry.at, entry.at)

    def begin_again(self, entries: Iterable[Entry]) -> None:
        """Forget what was followed so far, and ``load``: the journal could be read only now. All is followed anew."""
        self._known, self._alerts, self._read = {}, {}, {}
        self.load(entries)

    def still(self, unread: frozenset[str], now: float) -> None:
        """Note that nothing moved until *now*: what fires has fired all along, but for sources that were not read."""
        self._read.update((source, now) for source in self._read if source not in unread)

    def follow(self, alerts: Mapping[str, Alert], unread: frozenset[str], now: float) -> set[str]:
        """Take the board's *alerts*; returns the ids of those whose episode is another than it was.

        What is gone has gone quiet only where its source was read: *unread* are the sources that were not.
        """
        changed = set()
        moved = [a for a in alerts.values() if self._alerts.get(a.id) is not a]
        gone = [a for i, a in self._alerts.items() if i not in alerts and a.source not in unread]
        resolved = [a for a in moved if a.state is AlertState.RESOLVED]
        over = [(a, a.changed or now) for a in resolved] + [(a, now) for a in gone]
        fires = self._still_fires(alerts) if over else frozenset()
        for alert, at in over:  # first: a pager's next incident has the key of the one that is over
            if key_of(alert) not in fires:
                exact = alert.state is AlertState.RESOLVED and alert.changed
                self._quiet(key_of(alert), at, at if exact else self._read.get(alert.source, 0.0))
        for alert in moved:
            if alert.state is AlertState.RESOLVED:
                continue
            before = self._known.get(key_of(alert))
            since = self._read.get(alert.source, 0.0) if alert.id in self._alerts else 0.0
            self._fires(key_of(alert), alert.began, now, since)
            after = self._known[key_of(alert)]
            if before is None or (before.began, before.firings) != (after.began, after.firings):
                changed.add(alert.id)
        self._alerts = alerts
        self._read.update((source, now) for source in {a.source for a in alerts.values()} - unread)
        if len(self._known) > max(2 * len(alerts) + 1000, self._most):
            self._forget(now)
        return changed

    def _still_fires(self, alerts: Mapping[str, Alert]) -> frozenset[str]:
        """Keys of what gets new ids, and goes on as it was: another alert that had the key is over, this one is not."""
        same = (a for a in alerts.values() if a.provider in NEW_ID_PROVIDERS and self._alerts.get(a.id) is a)
        return frozenset(key_of(a) for a in same if a.state is not AlertState.RESOLVED)

    def about(self, alerts: Iterable[Alert], service_id: str) -> None:
        """Keep of which service they tell, for when they are quiet and no row is there any more."""
        self._about.update((key_of(a), (a.title, a.source, service_id)) for a in alerts)

    def quiet(self, unread: frozenset[str], now: float) -> tuple[QuietEpisode, ...]:
        """Return those that are not over and do not fire now; of a source that was not read nothing is known."""
        here = {key_of(a) for a in self._alerts.values() if a.state is not AlertState.RESOLVED}
        found = []
        for key, (title, source, service_id) in self._about.items():
            episode = self._known.get(key)
            if episode is None or key in here or source in unread:
                continue
            since = episode.seen if episode.ended is None else episode.ended
            if now - since < QUIET_S:
                found.append(QuietEpisode(title, service_id, episode.began, since, episode.flapping, episode.told))
        return tuple(found)

    def of(self, alert: Alert) -> Episode:
        """The alert's episode; one that was never followed begins with its firing."""
        return self._known.get(key_of(alert)) or Episode(alert.began, alert.began, alert.began)

    def _fires(self, key: str, began: float, now: float, fired_until: float = 0.0) -> None:
        """*fired_until*: it was followed until then without going quiet."""
        old = self._known.get(key)
        if old is None:
            self._known[key] = Episode(began, began, now)
            return
        again = began > old.latest + SAME_S  # else the same firing: it was only not told of for a while
        quiet_since = old.ended if old.ended is not None else max(old.seen, old.latest, fired_until)
        if again and began - quiet_since > QUIET_S:
            self._known[key] = Episode(began, began, now)
        else:
            earlier = old.earlier
            if again:
                over = began if old.ended is None else min(old.ended, began)
                until = quiet_since if old.ended is None else old.seen
                earlier = (*earlier, TimedFiring(old.latest, min(until, over), over))[-KEPT:]
            self._known[key] = Episode(
                min(old.began, began),
                max(old.latest, began),
                now,
                firings=old.firings + (1 if again else 0),
                earlier=earlier,
            )

    def _quiet(self, key: str, at: float, until: float) -> None:
        """Note that it is over *at* that time, and was known to fire *until* then."""
        old = self._known.get(key)
        if old is not None and old.ended is None:
            self._known[key] = msgspec.structs.replace(old, ended=at, seen=min(max(old.seen, until), at))

    def _forget(self, now: float) -> None:
        """Drop what was over or out of sight for a day; also what an earlier session last saw firing."""
        here = {key_of(a) for a in self._alerts.values()}
        self._known = {k: e for k, e in self._known.items() if k in here or now - (e.ended or e.seen) < FORGET_S}
        self._about = {k: about for k, about in self._about.items() if k in self._known}
        self._most = 2 * len(self._known)


def key_of(alert: Alert) -> str:
    """Return the key that an alert's firings share: its id, or its first key where the id is new each time."""
    return alert.keys[0] if alert.provider in NEW_ID_PROVIDERS and alert.keys else alert.id
