"""Silences as several Alertmanagers tell them, merged; and what they hold.

Clustered Alertmanagers pass a new silence on to each other within a minute (``cluster/cluster.go``: gossip, and a full
exchange every minute), and a balancer sends each request to any of them. They merge by ``updatedAt``, the newest wins
(``silence/silence.go: state.merge``), and list what has ended for five days. So what one of them does not list it does
not know yet, and what it lists may be older than what is known here.
*now* is in seconds since the epoch, by the other side's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from oncall_tui.providers.alertmanager.schema import ListedSilence
from oncall_tui.providers.http import stamp
from oncall_tui.runtime.clock import Clock

GOSSIP_S = 90.0  # after so long every Alertmanager of a cluster knows what one of them took


class KnownSilences:
    """The newest version of each silence, and which alerts (by fingerprint) were seen to be held by which.

    Used by the poller's thread and by that of the actions.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, ListedSilence] = {}
        self._seen_at: dict[str, float] = {}  # when it was last told of (monotonic)
        self._holds: dict[str, tuple[str, ...]] = {}

    def take(self, listed: Iterable[ListedSilence]) -> None:
        """Take a whole list. What it lacks is kept for as long as the others may not have heard of it."""
        with self._lock:
            now = self._clock.monotonic()
            for silence in listed:
                self._learn(silence, now)
            for silence_id in [i for i, at in self._seen_at.items() if now - at > GOSSIP_S]:
                del self._known[silence_id], self._seen_at[silence_id]

    def learn(self, silence: ListedSilence) -> ListedSilence:
        """Take one that was read alone. Returns the newest version of it."""
        with self._lock:
            return self._learn(silence, self._clock.monotonic())

    def _learn(self, silence: ListedSilence, now: float) -> ListedSilence:
        known = self._known.get(silence.id)
        if known is None or known is silence or known == silence or _updated(silence) >= _updated(known):
            self._known[silence.id], self._seen_at[silence.id] = known if known == silence else silence, now
        return self._known[silence.id]

    def get(self, silence_id: str) -> ListedSilence | None:
        """Return the newest version of one, as far as it is known."""
        with self._lock:
            return self._known.get(silence_id)

    def recent(self, silence_id: str) -> ListedSilence | None:
        """Do as ``get``, of what one of them told so lately that another may not know it yet."""
        with self._lock:
            at = self._seen_at.get(silence_id, -GOSSIP_S)
            return self._known.get(silence_id) if self._clock.monotonic() - at < GOSSIP_S else None

    def note_held(self, held: Mapping[str, tuple[str, ...]]) -> None:
        """Note all alerts that are held now, and by which silences."""
        with self._lock:
            self._holds = dict(held)

    @property
    def holds_any(self) -> bool:
        """Return whether an alert was held when that was last read: then silences have to be read again."""
        return bool(self._holds)

    def holding(self, fingerprint: str, told: tuple[str, ...], now: float) -> tuple[str, ...]:
        """Return the ids of the silences that hold an alert at *now*, by the other side's clock.

        Those that its answer *told*, without the ones that somebody is known to have ended; and those that held it
        before and have not ended, which the Alertmanager that answered may not know yet.
        """
        with self._lock:
            found = tuple(i for i in told if (known := self._known.get(i)) is None or not _taken_back(known))
            return found + tuple(
                i
                for i in self._holds.get(fingerprint, ())
                if i not in told and (known := self._known.get(i)) is not None and _in_force(known, now)
            )


def _updated(silence: ListedSilence) -> float:
    return stamp(silence.updatedAt) or 0.0


def _taken_back(silence: ListedSilence) -> bool:
    """Return whether somebody ended it. One that ran out may have been extended where the list does not know it yet."""
    return silence.status.state == "expired" and _updated(silence) >= (stamp(silence.endsAt) or 0.0) - 1.0 > 0.0


def _in_force(silence: ListedSilence, now: float) -> bool:
    return silence.is_active and (stamp(silence.endsAt) or 0.0) > now
