"""The order of a source's calls, and what may be promised of it. Pure: it gets the time (monotonic seconds), and makes
no call.

Of the purposes for which something is due, the one goes first that had least of its share (``fair_share``); of one
purpose, what has been due longest.
What failed is tried again apart, never twice without a good call between, so that what hangs holds up nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum

import msgspec

from oncall_tui.errors import SourceError
from oncall_tui.providers.aws.ecs.poll.attention import MOVING_S, VERY_STILL_S
from oncall_tui.providers.aws.ecs.poll.fair_share import SHARES, FairShares, Purpose, kept, paces
from oncall_tui.providers.aws.ecs.poll.refresh_queue import SWEEP_S, SWEEP_TOLD_S, Heads, RefreshQueue

DISCOVER_S = 300.0
LIST_SERVICES_S = 600.0  # sooner where the cluster's own count of services moved
LOOK_S = 9.0
LOOK_FEW_S = 5.0  # a task may be pending for seconds only; where there are few services the budget allows a read
LOOK_TOLD_S = 30.0  # while events tell of what moves
FEW = 60
CLUSTERS_A_CALL = 100
FAILED_S = 5.0
FAILED_MOST_S = 60.0
SLOW_CALL_WEIGHT = 0.2  # of the newest call, in the mean time of a call
NORMAL_ROWS_S = 75.0  # what the documentation says: more is told
NORMAL_DEPLOYS_S = 35.0


class What(Enum):
    """The calls of a poll."""

    DISCOVER = "clusters"
    LOOK = "cluster statistics"
    LIST = "list of services"
    SERVICES = "services"
    DEPLOYS = "deploys"


class PollCall(msgspec.Struct, frozen=True):
    """One call: what for, and about which cluster and services; of deploys their reader knows what is next."""

    purpose: Purpose
    what: What
    cluster: str = ""
    keys: tuple[str, ...] = ()


class ClusterState(msgspec.Struct):
    """One cluster's state. *counts* are its (running, pending) tasks as they were last seen."""

    name: str
    listed_at: float | None = None
    held: float = 0.0
    fails: int = 0
    active: int | None = None
    counts: tuple[int, int] | None = None
    trouble: SourceError | None = None

    @property
    def list_due(self) -> float:
        """Return when its services are to be listed."""
        return self.held if self.listed_at is None else max(self.held, self.listed_at + LIST_SERVICES_S)


class Promise(msgspec.Struct, frozen=True):
    """The oldest that each service's row, a deploy's progress and the clusters' counts may be, in seconds."""

    rows: float
    lively: float
    lingering: float
    clusters: float
    words: str = ""  # where it is more than the documentation says


class CallSchedule:
    """The calls of one source. Used by its poller alone."""

    def __init__(self) -> None:
        self.queue = RefreshQueue()
        self.clusters: dict[str, ClusterState] = {}
        self.discover_at = 0.0
        self.look_at = 0.0
        self.discovered = False
        self._told = False  # events tell of what moves
        self._looked_at = 0.0
        self._look_next: list[str] = []  # clusters of a look that is not finished
        self._shares = FairShares(SHARES)
        self._paces = paces()
        self._deploys_held: dict[Purpose, float] = {}
        self._fails: dict[What, int] = {}
        self._retry = True  # since the last failure there was a good call
        self._took_s = 0.0  # mean time of a call

    # --- asked ---

    def next(self, now: float, deploys: Mapping[Purpose, float]) -> PollCall | None:
        """Return the call to make now; None: nothing is due. *deploys*: since when deploys are due, by purpose."""
        heads = self.queue.heads(now)
        ready = [purpose for purpose, due in self._dues(heads, deploys).items() if due <= now]
        if not self._retry and len(ready) > 1:
            ready = [purpose for purpose in ready if purpose is not Purpose.RETRY]
        elif not self._retry and Purpose.RETRY in ready and self._healthy():
            return None
        purpose = self._shares.pick(ready)
        return None if purpose is None else self._call(purpose, heads, now, deploys)

    def first_calls(self, now: float, flying: Collection[PollCall], most: int) -> list[PollCall]:
        """Return up to *most* calls for what was never read, beside those that are *flying*: none of them waits for
        another's answer.
        """
        listed = {call.cluster for call in flying if call.what is What.LIST}
        new = [c.name for c in self.clusters.values() if c.listed_at is None and c.held <= now and c.name not in listed]
        found = [PollCall(Purpose.FIRST_SERVICES, What.LIST, name) for name in new[:most]]
        asked = {key for call in flying for key in call.keys}
        for cluster, keys in self.queue.never_read(now, asked, most - len(found)):
            found.append(PollCall(Purpose.FIRST_SERVICES, What.SERVICES, cluster, keys))
        return found

    def next_at(self, now: float, deploys: Mapping[Purpose, float]) -> float:
        """Return when something is due."""
        dues = self._dues(self.queue.heads(now), deploys)
        if not self._retry and self._healthy():
            dues.pop(Purpose.RETRY, None)
        return min(dues.values(), default=now + SWEEP_S)

    def probe(self, but: PollCall) -> PollCall | None:
        """Return a call that shows whether the source answers at all, after *but* failed; None: there is none."""
        if but.what is not What.LOOK and self.clusters:
            return PollCall(Purpose.CLUSTERS, What.LOOK)
        good = [(s.read_at or 0.0, key) for key, s in self.queue.slots.items() if not s.fails]
        if good:
            key = min(good)[1]
            return PollCall(Purpose.CLUSTERS, What.SERVICES, self.queue.slots[key].cluster, (key,))
        return PollCall(Purpose.CLUSTERS, What.DISCOVER) if but.what is not What.DISCOVER else None

    def names_to_look_at(self, now: float) -> list[str]:
        """Return the clusters of the next DescribeClusters."""
        if not self._look_next:
            self._look_next = [c.name for c in self.clusters.values() if c.held <= now]
        return self._look_next[:CLUSTERS_A_CALL]

    def _healthy(self) -> bool:
        """Return whether anything else than what failed is asked."""
        return not self._fails.get(What.LOOK) or any(not slot.fails for slot in self.queue.slots.values())

    def _dues(self, heads: Heads, deploys: Mapping[Purpose, float]) -> dict[Purpose, float]:
        dues = {purpose: head[0] for purpose, head in heads.items()}
        for purpose, due in deploys.items():
            due = max(due, self._deploys_held.get(purpose, 0.0))
            dues[purpose] = min(dues.get(purpose, due), due)
        for purpose, due, _ in self._cluster_calls():
            dues[purpose] = min(dues.get(purpose, due), due)
        for purpose, pace in self._paces.items():
            if purpose in dues:
                dues[purpose] = max(dues[purpose], pace.at)
        return dues

    def _cluster_calls(self) -> list[tuple[Purpose, float, PollCall]]:
        first = Purpose.CLUSTERS if self.discovered else Purpose.FIRST_SERVICES
        calls = [(first, self.discover_at, PollCall(first, What.DISCOVER))]
        unlisted = any(c.listed_at is None and not c.fails and c.trouble is None for c in self.clusters.values())
        if self.clusters and not unlisted:  # who is there comes before how many tasks run
            calls.append((Purpose.CLUSTERS, self.look_at, PollCall(Purpose.CLUSTERS, What.LOOK)))
        new = [c for c in self.clusters.values() if c.listed_at is None]
        old = [c for c in self.clusters.values() if c.listed_at is not None]
        for purpose, some in ((Purpose.FIRST_SERVICES, new), (Purpose.CLUSTERS, old)):
            if some:
                one = min(some, key=lambda c: c.list_due)
                calls.append((purpose, one.list_due, PollCall(purpose, What.LIST, one.name)))
        return calls

    def _call(self, purpose: Purpose, heads: Heads, now: float, deploys: Mapping[Purpose, float]) -> PollCall:
        """Return the call for *purpose* that has been due longest; clusters go before services, which come of them."""
        found = [(due, 0, call) for of, due, call in self._cluster_calls() if of is purpose]
        head = heads.get(purpose)
        if head is not None:
            found.append((head[0], 1, PollCall(purpose, What.SERVICES, keys=(head[2],))))
        if purpose in deploys:
            due = max(deploys[purpose], self._deploys_held.get(purpose, 0.0))
            found.append((due, 2, PollCall(purpose, What.DEPLOYS)))
        _, _, call = min((one for one in found if one[0] <= now), key=lambda one: one[:2])
        if call.what is What.SERVICES:
            cluster, keys = self.queue.call(purpose, call.keys[0], now)
            return PollCall(purpose, call.what, cluster, keys)
        return call

    # --- told ---

    def made(self, call: PollCall, now: float, calls: int, seconds: float, rate: float) -> None:
        """Note that *call* took so many AWS calls and *seconds*, where *rate* calls a second may be made."""
        if calls:
            self._shares.charge(call.purpose, max(float(calls), seconds * rate))
        pace = self._paces.get(call.purpose)
        if pace is not None:
            pace.taken(now, calls)

    def answered(self, call: PollCall, now: float, seconds: float) -> None:
        """Note that *call* was answered, if only by "denied"."""
        self._retry = True
        self._took_s += SLOW_CALL_WEIGHT * (seconds - self._took_s)
        self._fails.pop(call.what, None)
        if call.purpose is Purpose.SWEEP:
            self.queue.swept(now)
        if call.what is What.DISCOVER:
            self.discover_at, self.discovered = now + DISCOVER_S, True

    def looked(self, now: float) -> None:
        """Note that a DescribeClusters was answered."""
        del self._look_next[:CLUSTERS_A_CALL]
        if not self._look_next:
            self.look_at, self._looked_at = now + self.look_every, now

    def failed(self, call: PollCall, now: float) -> None:
        """Note that *call* failed, or hung: it is tried again later, and others meanwhile."""
        self._retry = False
        fails = self._fails[call.what] = min(self._fails.get(call.what, 0) + 1, 8)
        until = now + min(FAILED_MOST_S, FAILED_S * 2 ** (fails - 1))
        if call.what is What.SERVICES:
            self.queue.failed(call.cluster, call.keys, now)
            if call.purpose is Purpose.SWEEP:
                self.queue.swept(now)
        elif call.what is What.LOOK:
            self.look_at = until
        elif call.what is What.DISCOVER:
            self.discover_at = until
        elif call.what is What.LIST and call.cluster in self.clusters:
            cluster = self.clusters[call.cluster]
            cluster.fails = min(cluster.fails + 1, 8)
            cluster.held = now + min(FAILED_MOST_S, FAILED_S * 2 ** (cluster.fails - 1))
        else:
            self._deploys_held[call.purpose] = now + FAILED_S

    def events_tell(self, told: bool) -> None:
        """Look for what moves more seldom while events tell of it, and as before from when they do not."""
        if told == self._told:
            return
        self._told = told
        self.queue.sweep_s = SWEEP_TOLD_S if told else SWEEP_S
        if not told:
            self.look_at = min(self.look_at, self._looked_at + self.look_every)

    def want_all(self) -> None:
        """Read everything now."""
        self.discover_at = self.look_at = 0.0
        self._look_next.clear()
        self.queue.want(self.queue.slots)
        self.queue.try_again()
        for cluster in self.clusters.values():
            cluster.listed_at, cluster.held, cluster.fails = None, 0.0, 0

    # --- promised ---

    @property
    def look_every(self) -> float:
        """Return the seconds between two readings of the clusters' task counts."""
        if self._told:
            return LOOK_TOLD_S
        return LOOK_FEW_S if len(self.queue.slots) <= FEW else LOOK_S

    def promise(self, rate: float) -> Promise:
        """Return how old what is shown may become with *rate* calls a second, whatever else there is to ask."""
        if self._took_s > 0:
            rate = min(rate, 1 / self._took_s)
        self.queue.rate = rate
        load = self.queue.load()
        sweep = min(self.queue.sweep_rate(), kept(Purpose.SWEEP, rate))
        rows = max(self.queue.sweep_s, self.queue.to_sweep / sweep)
        lively = load.lively / min(self._paces[Purpose.LIVELY].per_s, kept(Purpose.LIVELY, rate))
        lingering = load.lingering / min(self._paces[Purpose.LINGERING].per_s, kept(Purpose.LINGERING, rate))
        needed = -(-len(self.clusters) // CLUSTERS_A_CALL)
        return Promise(
            rows=rows,
            lively=MOVING_S + lively,  # a sweep read them together, so that all are due at once: the last waits a round
            lingering=VERY_STILL_S + lingering,
            clusters=max(self.look_every, needed / kept(Purpose.CLUSTERS, rate)),
            words=self._words(rows, sweep),
        )

    def _words(self, rows: float, sweep: float) -> str:
        if self._told and rows <= SWEEP_TOLD_S:
            return f"events tell what moves: the rest is read every {rows:.0f} s, task counts every {LOOK_TOLD_S:.0f} s"
        if rows <= NORMAL_ROWS_S or not self.discovered:
            return ""
        services, clusters = len(self.queue.slots), len(self.clusters)
        of = f"{services} services in {clusters} clusters" if clusters > 1 else f"{services} services"
        return f"services are read every {rows:.0f} s: {of}, at {sweep:.2g} calls/s"
