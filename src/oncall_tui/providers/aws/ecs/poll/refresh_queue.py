"""The order in which services are read. Pure: it gets the time (monotonic seconds), and makes no call.

At rest a source costs one DescribeServices (10 services) every few seconds, so that all are read again within
``SWEEP_S``; what deploys is read every 3 s; what somebody has reason to want (a cluster's task counts moved, a person
asked) is wanted, and goes before the sweep.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

A_CALL = 10  # DescribeServices takes ten names
HOT_S = 3.0
UNWELL_S = 15.0  # fewer tasks than wanted, and nothing deploys
SWEEP_S = 69.0
SWEEP_CALLS_PER_S = 0.29  # for up to 200 services, and in proportion above: 0.5/s is the budget for everything together
SWEEP_CALLS_MOST = 1.45  # 1,000 services; more take longer than SWEEP_S
OVERDUE_TURNS = 2.0
WANT_AGAIN_S = 9.0
WANT_AGAIN_MAX_S = 70.0


class Slot(msgspec.Struct):
    """One service: when it was read (None: never), and when it has to be read again whatever the sweep does."""

    cluster: str
    name: str
    read_at: float | None = None
    due: float | None = None
    wanted: bool = True
    held: float = 0.0  # not before: its cluster is denied


class ActivityBackoff(msgspec.Struct):
    """A cluster whose task counts move: *wait* grows while nothing comes of it (scheduled tasks, scaling)."""

    wait: float = WANT_AGAIN_S
    not_before: float = 0.0


class RefreshQueue:
    """The slots of one source, by service id."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self._sweep_at = 0.0
        self._stirs: dict[str, ActivityBackoff] = {}

    # --- told ---

    def know(self, found: dict[str, tuple[str, str]], clusters: Iterable[str]) -> set[str]:
        """These (id -> cluster, name) are the services of *clusters*. Returns the ids that are no more."""
        of = set(clusters)
        gone = {key for key, slot in self.slots.items() if slot.cluster in of and key not in found}
        for key in gone:
            del self.slots[key]
        for key, (cluster, name) in found.items():
            if key not in self.slots:
                self.slots[key] = Slot(cluster, name)
        return gone

    def want(self, keys: Iterable[str]) -> None:
        """Read these before the sweep comes to them."""
        for key in keys:
            if key in self.slots:
                self.slots[key].wanted = True

    def stirred(self, cluster: str, now: float) -> None:
        """The cluster's statistics moved: want its services, but not again and again if no deploy is found there."""
        stir = self._stirs.setdefault(cluster, ActivityBackoff())
        if now < stir.not_before:
            return
        stir.not_before = now + stir.wait
        stir.wait = min(WANT_AGAIN_MAX_S, stir.wait * 2)
        self.want(key for key, slot in self.slots.items() if slot.cluster == cluster)

    def was_read(self, key: str, now: float, deploying: bool, unwell: bool) -> None:
        """A service was read, and so it is."""
        slot = self.slots.get(key)
        if slot is None:
            return
        slot.read_at, slot.wanted = now, False
        slot.due = now + HOT_S if deploying else (now + UNWELL_S if unwell else None)
        if deploying and slot.cluster in self._stirs:
            self._stirs[slot.cluster] = ActivityBackoff()

    def put_off(self, keys: Iterable[str], now: float) -> None:
        """Ask for these a little later again: what came of them cannot be read."""
        for key in keys:
            if key in self.slots:
                self.slots[key].held = now + UNWELL_S

    def hold(self, cluster: str, until: float) -> None:
        """Skip this cluster's services before *until*, because the call is denied."""
        for slot in self.slots.values():
            if slot.cluster == cluster:
                slot.held = until

    # --- asked ---

    def hot(self, now: float, watch: frozenset[str]) -> tuple[str, list[str]]:
        """(cluster, up to ten ids) of what deploys and is due, or is wanted and watched. No ids: there is none."""
        ready = self._ready(now)
        due = [(slot.due, key) for key, slot in ready.items() if slot.due is not None and slot.due <= now]
        keys = [key for _, key in sorted(due)]  # who waits longest first
        keys += [key for key in watch if key in ready and ready[key].wanted and key not in keys]
        return self._call(keys, ready)

    def rest(self, now: float) -> tuple[str, list[str]]:
        """(cluster, up to ten ids) that are wanted, else the sweep's next if it is due. Oldest first."""
        ready = self._ready(now)
        wanted = [key for key, slot in ready.items() if slot.wanted]
        if wanted or now >= self._sweep_at:
            return self._call(sorted(wanted or ready, key=lambda k: ready[k].read_at or 0.0), ready)
        return "", []

    def overdue(self, now: float) -> bool:
        """Return whether the sweep has waited for several of its turns."""
        return bool(self.slots) and now - self._sweep_at > OVERDUE_TURNS * self.sweep_every()

    def swept(self, now: float) -> None:
        """The call that ``rest`` named was made."""
        if now >= self._sweep_at:
            self._sweep_at = max(self._sweep_at, now - 1.0) + self.sweep_every()

    def _ready(self, now: float) -> dict[str, Slot]:
        return {key: slot for key, slot in self.slots.items() if slot.held <= now}

    @staticmethod
    def _call(keys: list[str], ready: dict[str, Slot]) -> tuple[str, list[str]]:
        if not keys:
            return "", []
        cluster = ready[keys[0]].cluster
        return cluster, [key for key in keys if ready[key].cluster == cluster][:A_CALL]

    def sweep_every(self) -> float:
        """Seconds between two calls of the sweep."""
        sizes: dict[str, int] = {}
        for slot in self.slots.values():
            sizes[slot.cluster] = sizes.get(slot.cluster, 0) + 1
        chunks = sum(-(-size // A_CALL) for size in sizes.values())
        rate = min(SWEEP_CALLS_MOST, SWEEP_CALLS_PER_S * max(1.0, len(self.slots) / 200))
        return max(SWEEP_S / chunks, 1 / rate) if chunks else SWEEP_S

    def next_at(self, now: float) -> float:
        """When something is due."""
        times = [max(s.due, s.held) for s in self.slots.values() if s.due is not None]
        times += [max(s.held, now) for s in self.slots.values() if s.wanted]
        if self.slots:
            times.append(max(self._sweep_at, min(s.held for s in self.slots.values())))
        return min(times, default=now + SWEEP_S)

    def never_read(self, now: float) -> tuple[str, list[str]]:
        """(cluster, up to ten ids) of services that were never read, and can be."""
        ready = self._ready(now)
        return self._call([key for key, slot in ready.items() if slot.read_at is None], ready)

    def unread(self, now: float) -> int:
        """How many services were never read, and can be."""
        return sum(slot.read_at is None and slot.held <= now for slot in self.slots.values())
