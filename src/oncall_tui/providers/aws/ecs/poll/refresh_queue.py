"""The services of one source: which are to be read next, and with which others in one call. Pure: it gets the time
(monotonic seconds), and makes no call.

At rest a source costs one DescribeServices (10 services) every few seconds, so that all are read again within
``SWEEP_S``. What deploys has a time of its own at which it is due (``attention``). What somebody has reason to want (a
cluster's task counts moved, a person asked) goes before the sweep. What is older than a sweep takes part in it,
whatever else is the matter with it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from oncall_tui.providers.aws.client.rate_limit import RATE_PER_S
from oncall_tui.providers.aws.ecs.poll import attention as care
from oncall_tui.providers.aws.ecs.poll.attention import Attention, RolloutProgress
from oncall_tui.providers.aws.ecs.poll.fair_share import Purpose, kept

A_CALL = 10  # DescribeServices takes ten names
SWEEP_S = 69.0
SWEEP_TOLD_S = 138.0  # while events tell of what moves: half as many calls
SWEEP_CALLS_PER_S = 0.29  # for up to 200 services, and in proportion above: 0.5/s is the budget for everything together
SWEEP_CALLS_MOST = 1.45  # 1,000 services; more take longer than SWEEP_S
WANT_AGAIN_S = 9.0
WANT_AGAIN_MAX_S = 70.0
FAILED_S = 5.0
FAILED_MOST_S = 60.0
CLUSTER_FAILS = 3  # calls in a row: it is the cluster that cannot be read
CLUSTER_HELD_S = 60.0
CLUSTER_HELD_MOST_S = 240.0

Head = tuple[float, float, str]  # when it is due, its place among what is due then, the service
Heads = dict[Purpose, Head]


class Slot(msgspec.Struct):
    """One service: when it was read (None: never), and why it has to be read again whatever the sweep does."""

    cluster: str
    name: str
    read_at: float | None = None
    attention: Attention | None = None
    wanted_at: float | None = None
    focus: bool = False
    held: float = 0.0  # not before: reading it failed
    fails: int = 0

    @property
    def due(self) -> float | None:
        """Return when its own state wants it to be read again; None: the sweep is enough."""
        if self.attention is None or self.read_at is None:
            return None
        return self.read_at + self.attention.every


class ActivityBackoff(msgspec.Struct):
    """A cluster whose task counts move: *wait* grows while nothing comes of it (scheduled tasks, scaling)."""

    wait: float = WANT_AGAIN_S
    not_before: float = 0.0


class Load(msgspec.Struct, frozen=True):
    """The calls that one round of each kind takes."""

    services: int
    rest: int
    lively: int
    lingering: int
    all: int


class RefreshQueue:
    """The slots of one source, by service id."""

    def __init__(self) -> None:
        self.slots: dict[str, Slot] = {}
        self._swept_at = float("-inf")
        self._stirs: dict[str, ActivityBackoff] = {}
        self._held: dict[str, float] = {}  # cluster -> not before
        self._fails: dict[str, int] = {}  # cluster -> failed calls in a row
        self._suspects: dict[str, set[str]] = {}  # cluster -> services that were in each of them
        self._load: Load | None = None
        self.rate = RATE_PER_S  # calls a second to be had
        self.sweep_s = SWEEP_S

    # --- told ---

    def know(self, found: dict[str, tuple[str, str]], clusters: Iterable[str]) -> set[str]:
        """These (id -> cluster, name) are the services of *clusters*. Returns the ids that are no more."""
        of = set(clusters)
        gone = {key for key, slot in self.slots.items() if slot.cluster in of and key not in found}
        self.drop(gone)
        for key, (cluster, name) in found.items():
            if key not in self.slots:
                self.slots[key] = Slot(cluster, name)
                self._load = None
        return gone

    def drop(self, keys: Iterable[str]) -> None:
        """Forget services that are gone."""
        for key in keys:
            self.slots.pop(key, None)
        self._load = None

    def forget(self, cluster: str) -> None:
        """Forget a cluster that is gone."""
        self._stirs.pop(cluster, None)
        self.went_well(cluster)

    def want(self, keys: Iterable[str], now: float = 0.0) -> None:
        """Read these before the sweep comes to them."""
        for key in keys:
            slot = self.slots.get(key)
            if slot is not None and slot.wanted_at is None:
                slot.wanted_at = now

    def focus(self, keys: Iterable[str]) -> None:
        """Read these first: an engineer looks at them, or an action is on them."""
        for key in keys:
            if key in self.slots:
                self.slots[key].focus = True

    def stirred(self, cluster: str, now: float) -> None:
        """Want the services of a cluster whose task counts moved, but more seldom while no deploy is found there."""
        stir = self._stirs.setdefault(cluster, ActivityBackoff())
        if now < stir.not_before:
            return
        stir.not_before = now + stir.wait
        stir.wait = min(WANT_AGAIN_MAX_S, stir.wait * 2)
        self.want((key for key, slot in self.slots.items() if slot.cluster == cluster), now)

    def was_read(
        self, key: str, now: float, rollout: RolloutProgress | None, lacks: tuple[int, ...] | None = None
    ) -> None:
        """Note that a service was read: it has *rollout* under way; or *lacks* tasks, and these are its counts."""
        slot = self.slots.get(key)
        if slot is None:
            return
        before = slot.attention
        if rollout is not None:
            slot.attention = care.of_rollout(before, rollout, now, first=slot.read_at is None)
        else:
            slot.attention = care.of_unwell(before, lacks, now) if lacks is not None else None
        if care.is_new(before, rollout) and slot.cluster in self._stirs:
            self._stirs[slot.cluster] = ActivityBackoff()
        slot.read_at, slot.wanted_at, slot.focus, slot.fails, slot.held = now, None, False, 0, 0.0
        self._load = None

    def went_well(self, cluster: str) -> None:
        """Note that a call about the cluster was answered."""
        self._fails.pop(cluster, None)
        self._suspects.pop(cluster, None)
        self._held.pop(cluster, None)

    def failed(self, cluster: str, keys: Iterable[str], now: float) -> None:
        """Note that a call failed: try its services again apart from the others, fewer at a time, and ever more seldom.

        Where one call after the other fails, and no service was in all of them, it is the cluster's fault: one of its
        calls is tried each minute.
        """
        named = set(keys)
        self.put_off(named, now)
        self._suspects[cluster] = self._suspects.get(cluster, named) & named
        fails = self._fails[cluster] = min(self._fails.get(cluster, 0) + 1, 20)
        if self.lost(cluster):
            self.hold(cluster, now + min(CLUSTER_HELD_MOST_S, CLUSTER_HELD_S * 2 ** (fails - CLUSTER_FAILS)))

    def failing(self, cluster: str) -> bool:
        """Return whether services of the cluster could not be read the last time."""
        return any(slot.fails for slot in self.slots.values() if slot.cluster == cluster)

    def lost(self, cluster: str) -> bool:
        """Return whether one call after the other failed in this cluster, and no one service can be why."""
        return self._fails.get(cluster, 0) >= CLUSTER_FAILS and not self._suspects.get(cluster)

    def put_off(self, keys: Iterable[str], now: float) -> None:
        """Try these again later, apart from the others and fewer at a time: what came of them cannot be read."""
        for key in keys:
            slot = self.slots.get(key)
            if slot is not None:
                slot.held = now + min(FAILED_MOST_S, FAILED_S * 2**slot.fails)
                slot.fails = min(slot.fails + 1, 8)

    def hold(self, cluster: str, until: float) -> None:
        """Skip this cluster's services before *until*."""
        self._held[cluster] = until

    def try_again(self) -> None:
        """Hold nothing back any more."""
        self._held.clear()
        self._fails.clear()
        self._suspects.clear()
        for slot in self.slots.values():
            slot.held, slot.fails = 0.0, 0

    # --- asked ---

    def heads(self, now: float) -> Heads:
        """The service of each purpose that is, or will be, due first."""
        heads: Heads = {}
        late, sweep_at = now - self.sweep_s, self._swept_at + self.sweep_every()
        soonest = self._swept_at + 1 / self.sweep_rate()
        for key, slot in self.slots.items():
            held, fails = slot.held, slot.fails
            if self._held:
                held = max(held, self._held.get(slot.cluster, 0.0))
            if fails or (self._fails and self.lost(slot.cluster)):
                self._offer(heads, Purpose.RETRY, (held, slot.read_at or 0.0, key))
                continue
            read_at, care_of = slot.read_at, slot.attention
            if read_at is None:
                self._offer(heads, Purpose.FIRST_SERVICES, (held, 0.0, key))
                continue
            if slot.focus:
                self._offer(heads, Purpose.FOCUS, (held, 0.0, key))
            elif slot.wanted_at is not None:
                self._offer(heads, Purpose.STIRRED, (max(slot.wanted_at, held), 0.0, key))
            if care_of is not None:  # what is wanted besides waits no longer for it
                purpose = Purpose.LIVELY if care_of.lively else Purpose.LINGERING
                self._offer(heads, purpose, (max(read_at + care_of.every, held), 0.0, key))
            if care_of is None or read_at <= late:
                # Where services went, a sweep has fewer calls, and the next is further off than the oldest may wait.
                due = max(soonest, min(sweep_at, read_at + self.sweep_s))
                self._offer(heads, Purpose.SWEEP, (max(due, held), read_at, key))
        return heads

    @staticmethod
    def _offer(heads: Heads, purpose: Purpose, head: Head) -> None:
        best = heads.get(purpose)
        if best is None or head < best:
            heads[purpose] = head

    def call(self, purpose: Purpose, key: str, now: float) -> tuple[str, tuple[str, ...]]:
        """(cluster, up to ten ids): *key*, and who of its cluster goes with it at no cost."""
        head = self.slots[key]
        most = max(1, A_CALL >> head.fails)
        mates: list[tuple[int, float, str]] = []
        for other, slot in self.slots.items():
            if slot.cluster != head.cluster or other == key or slot.held > now or slot.fails != head.fails:
                continue
            place = self._place(slot, purpose, now)
            if place is not None:
                mates.append((*place, other))
        mates.sort()
        return head.cluster, (key, *(other for _, _, other in mates[: most - 1]))

    @staticmethod
    def _place(slot: Slot, purpose: Purpose, now: float) -> tuple[int, float] | None:
        """Return the place of *slot* in a call of *purpose*; None: it is not worth the bytes."""
        if slot.read_at is None:
            return 0, 0.0
        if slot.focus or slot.wanted_at is not None:
            return 1, slot.wanted_at or 0.0
        if purpose is Purpose.SWEEP and slot.due is None:
            return 2, slot.read_at
        if slot.due is not None and slot.attention is not None and slot.due - now <= slot.attention.every / 2:
            return 3, slot.due
        return (4, slot.read_at) if now - slot.read_at >= SWEEP_S / 2 else None

    def never_read(self, now: float, but: Container[str], most: int) -> list[tuple[str, tuple[str, ...]]]:
        """(cluster, up to ten ids) of *most* calls for services that were never read, and that are not among *but*."""
        by_cluster: dict[str, list[str]] = {}
        for key, slot in self.slots.items():
            if slot.read_at is None and not slot.fails and slot.held <= now and key not in but:
                by_cluster.setdefault(slot.cluster, []).append(key)
        found = [
            (cluster, tuple(keys[at : at + A_CALL]))
            for cluster, keys in by_cluster.items()
            if self._held.get(cluster, 0.0) <= now and not self.lost(cluster)
            for at in range(0, len(keys), A_CALL)
        ]
        return found[:most]

    def swept(self, now: float) -> None:
        """Note that a call of the sweep was made."""
        self._swept_at = min(now, max(self._swept_at + self.sweep_every(), now - 1.0))

    def sweep_every(self) -> float:
        """Return the seconds between two calls of the sweep."""
        calls = self.to_sweep
        return max(self.sweep_s / calls, 1 / self.sweep_rate()) if calls else self.sweep_s

    def sweep_rate(self) -> float:
        """Return the calls a second that a sweep may take."""
        return sweep_rate(len(self.slots)) * SWEEP_S / self.sweep_s

    @property
    def to_sweep(self) -> int:
        """Return the calls of one sweep: of what is at rest, and of what deploys, where its turn comes too seldom."""
        load = self.load()
        lively = load.lively / kept(Purpose.LIVELY, self.rate)
        lingering = load.lingering / kept(Purpose.LINGERING, self.rate)
        return load.all if max(lively, lingering) > self.sweep_s / 2 else load.rest

    def load(self) -> Load:
        """Return what a round of each kind costs now."""
        if self._load is None:
            self._load = _load(self.slots.values())
        return self._load

    def unread(self, now: float) -> int:
        """How many services were never read, and can be."""
        return sum(
            slot.read_at is None and not slot.fails and max(slot.held, self._held.get(slot.cluster, 0.0)) <= now
            for slot in self.slots.values()
        )


def sweep_rate(services: int) -> float:
    """Return the calls a second that a sweep of so many services may take."""
    return min(SWEEP_CALLS_MOST, SWEEP_CALLS_PER_S * max(1.0, services / 200))


def _load(slots: Iterable[Slot]) -> Load:
    rest: dict[str, int] = {}
    lively: dict[str, int] = {}
    lingering: dict[str, int] = {}
    every: dict[str, int] = {}
    extra = {True: 0.0, False: 0.0}
    for slot in slots:
        every[slot.cluster] = every.get(slot.cluster, 0) + 1
        care_of = slot.attention
        kind = rest if care_of is None else (lively if care_of.lively else lingering)
        kind[slot.cluster] = kind.get(slot.cluster, 0) + 1
        if care_of is not None:
            extra[care_of.lively] += care_of.extra
    return Load(
        services=sum(every.values()),
        rest=_calls(rest),
        lively=_calls(lively, max(extra[True], _calls(lively))),  # each may have a call of its own for its deploys
        lingering=_calls(lingering, max(extra[False], _calls(lingering))),
        all=_calls(every),
    )


def _calls(sizes: dict[str, int], extra: float = 0.0) -> int:
    return sum(-(-size // A_CALL) for size in sizes.values()) + round(extra + 0.499)
