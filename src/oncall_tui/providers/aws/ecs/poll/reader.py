"""One poll of an ECS source: the calls that its schedule names are made, within the budget and two seconds of work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from sys import intern
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.service import DEPLOYS_UNREAD, Service
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClients
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll.call_schedule import (
    LIST_SERVICES_S,
    CallSchedule,
    ClusterState,
    PollCall,
    What,
)
from oncall_tui.providers.aws.ecs.poll.deploys import DeployReader
from oncall_tui.providers.aws.ecs.poll.fair_share import Purpose
from oncall_tui.providers.aws.ecs.poll.lacks import ListLacks
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.base import ReadRequest
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.answers import answered
from oncall_tui.runtime.calls_at_once import CallsAtOnce, Came
from oncall_tui.runtime.clock import Clock, Instant, instant

DENIED_S = 60.0
WORK_S = 2.0  # a poll comes back after this much work, so that rows are not older than they look
AT_ONCE = 6  # calls of the first sweep: over 60 ms each, 200 services one after the other take 1.5 s
FAILED_S = 5.0  # after a poll that broke off; the poller itself waits where nothing was read
SET_S = 2.0  # the clock's faces went so far apart: it was set
SAME_ROW_S = 3.0  # a row may say that it was read up to so long before it was
OF_ALL = (SourceState.EXPIRED, SourceState.NO_CREDENTIALS, SourceState.THROTTLED)  # no other call does better


class EcsReader:
    """The state of one ECS source between polls. Used by one thread. What is due is told in monotonic seconds."""

    def __init__(
        self,
        source: str,
        clients: AwsClients,
        known: RevisionCache,
        clock: Clock,
        globs: tuple[str, ...],
        account: str,
        can_act: bool,
        at_once: int = AT_ONCE,
    ) -> None:
        self._source, self._client, self._clock, self._globs = source, clients.ecs, clock, globs
        self._account, self._can_act = account, can_act
        self._at_once = at_once
        self._schedule = CallSchedule()
        self._queue = self._schedule.queue
        self._clusters = self._schedule.clusters
        self._known = known
        self._deploys = DeployReader(source, clients, known, can_act)
        self._services: dict[str, w.EcsService] = {}
        self._rows: dict[str, Service] = {}
        self._made: dict[str, tuple[Deploy, ...]] = {}
        self._problems: dict[str, PartialFailure] = {}
        self._lacks = ListLacks()
        self._absent: dict[str, float] = {}
        self._touched: deque[str] = deque()
        self._complete = False
        self._request = ReadRequest()
        self._before = 0  # calls before this poll
        self._until = 0.0
        self._good = 0
        self._lost = True  # the last poll read nothing
        self._apart = clock.now() - clock.monotonic()
        self._failed: errors.SourceError | None = None

    def read(self, request: ReadRequest) -> Reading:
        """One poll. Raises SourceError only where nothing at all could be read."""
        self._request, self._before = request, sum(self._client.calls.values())
        self._good, self._failed = 0, None
        if request.fresh:
            self._want_all()
        self._schedule.events_tell(request.told)
        self._queue.focus(request.watch | self._take_touched())
        wait = self._work()
        calls = sum(self._client.calls.values()) - self._before
        if calls or self._failed:  # without a call there is nothing new to say of the clusters
            self._lost = True
            self._raise_if_lost()
            self._lost = False
        return self._reading(wait)

    def _reading(self, wait: float = 0.0) -> Reading:
        """Return what is known now; *wait*: the seconds before another call may be made."""
        self._build()
        now = self._clock.monotonic()
        return Reading(
            source=self._source,
            at=self._clock.now(),
            services=tuple(self._rows.values()),
            deploys=tuple(d for made in self._made.values() for d in made),
            problems=tuple(self._told()),
            next_in_s=max(wait, self._next_at(now) - now, 0.0),
            calls=sum(self._client.calls.values()) - self._before,
            complete=self._is_complete(now),
            behind=self._deploys.behind(self._services),
            unexplained=self._deploys.unexplained,
            pace=self._schedule.promise(self._client.rate).words,
        )

    def touch(self, key: str) -> None:
        """Read this service first in the next poll, because an action is on it. Called from the action's thread."""
        self._touched.append(key)

    def account_of(self, key: str) -> str:
        """The account of a service that was read; empty: it was not."""
        found = self._services.get(key)
        return arn.parse(found.service_arn).account if found else ""

    def revisions_of(self, key: str) -> tuple[str, ...]:
        """The ARNs of the revisions that a service runs; empty where it was not read."""
        found = self._services.get(key)
        return tuple(summary.arn for summary in found.current_service_revisions) if found else ()

    def _take_touched(self) -> frozenset[str]:
        found = set()
        while self._touched:
            found.add(self._touched.popleft())
        return frozenset(found)

    def _raise_if_lost(self) -> None:
        if self._failed is not None and not self._good:
            raise self._failed
        troubles = [c.trouble for c in self._clusters.values()]
        if troubles and all(troubles):  # not one cluster's services can be read, whatever else can
            raise next(t for t in troubles if t)

    def _is_complete(self, now: float) -> bool:
        """Return whether every readable service was read once. Denied ones do not count; deploys come after."""
        listed = self._schedule.discovered and all(
            c.trouble or c.listed_at is not None for c in self._clusters.values()
        )
        self._complete = self._complete or (listed and not self._queue.unread(now))
        return self._complete

    # --- one call after the other ---

    def _work(self) -> float:
        """Make calls until nothing is due, for two seconds at the most; the seconds to wait where one was refused."""
        self._until = self._clock.monotonic() + WORK_S
        try:
            while self._step() and self._clock.monotonic() < self._until:
                pass
        except RateLimited as later:
            return later.wait_s
        except errors.SourceError as error:
            self._failed = error
            return FAILED_S
        return 0.0

    def _step(self) -> bool:
        """Make the call whose turn it is; False: nothing is due. Raises SourceError where no other would do better."""
        moment = instant(self._clock)
        self._deploys.drop_unavailable(moment)
        call = self._schedule.next(moment.due, self._deploys.waiting())
        if call is None:
            return False
        if call.purpose is Purpose.FIRST_SERVICES and (self._good or not self._lost):  # keys and network serve
            try:
                self._make_first()
            finally:
                self._request.tell_part(self._reading)  # the rows: what is known of their deploys comes after
            return True
        error = self._make(call, moment)
        if error is None:
            return True
        if error.state in OF_ALL or not self._answers_others(call):
            raise error
        return True

    def _answers_others(self, failed: PollCall) -> bool:
        """Return whether it is that call alone that fails: nothing was read in this poll yet, so another is made."""
        if self._good:
            return True
        probe = None if self._lost else self._schedule.probe(failed)
        if probe is None:
            return False
        before = sum(self._client.calls.values())
        well = self._make(probe, instant(self._clock)) is None
        return well and sum(self._client.calls.values()) > before  # where every cluster is held, nothing was asked

    def _make_first(self) -> None:
        """Make the calls for what was never read, several at once, until nothing of it is left or the time is over.

        Raises RateLimited, and SourceError where no other call would do better, once those under way have ended.
        """
        calls: CallsAtOnce[PollCall, Any] = CallsAtOnce(self._source)
        stop: RateLimited | None = None
        failed: tuple[PollCall, errors.SourceError] | None = None
        first = True
        while True:
            moment = instant(self._clock)
            if stop is None and failed is None and (first or moment.due < self._until):
                room = self._at_once - len(calls.flying)
                for call in self._schedule.first_calls(moment.due, calls.flying, room):
                    calls.start(call, self._fetch(call))
            first = False
            if not calls.flying:
                break
            call, came = calls.next()
            answered()
            try:
                error = self._make(call, instant(self._clock), came)
            except RateLimited as later:
                stop = stop or later
            else:
                if error is not None and (error.state in OF_ALL or not self._good):
                    failed = failed or (call, error)
        if failed is not None and (failed[1].state in OF_ALL or not self._answers_others(failed[0])):
            raise failed[1]
        if stop is not None:
            raise stop

    def _make(self, call: PollCall, moment: Instant, came: Came[Any] | None = None) -> errors.SourceError | None:
        """Make one call of the schedule, or take what *came* of it; why it failed. Raises RateLimited."""
        before, now = sum(self._client.calls.values()), moment.due
        made: int | None = None if came is None else 1
        try:
            self._ask(call, moment, came.get if came is not None else None)
        except RateLimited:
            made = 0 if came is not None else None
            raise
        except errors.SourceError as error:
            if error.state not in OF_ALL:
                self._schedule.failed(call, now)
                self._say_failed(call, error)
            return error
        else:
            self._schedule.answered(call, now, self._clock.monotonic() - now if came is None else came.seconds)
            self._say_well(call)
            return None
        finally:
            made = sum(self._client.calls.values()) - before if made is None else made
            took_s = self._clock.monotonic() - now if came is None else came.seconds
            self._schedule.made(call, now, made, took_s, self._client.rate)

    def _fetch(self, call: PollCall) -> Callable[[], Any]:
        """Return the calls to AWS that *call* takes, which may be made on any thread; what came of it is taken here."""
        if call.what is What.LIST:
            return partial(self._listed, call.cluster)
        return partial(self._described, call.cluster, [self._queue.slots[key].name for key in call.keys])

    def _ask(self, call: PollCall, moment: Instant, fetched: Callable[[], Any] | None) -> None:
        now = moment.due
        if call.what is What.DISCOVER:
            self._discover()
        elif call.what is What.LOOK:
            self._look_at_clusters(now)
        elif call.what is What.LIST:
            cluster = self._clusters[call.cluster]
            with _ClusterScope(self, cluster, now):
                self._take_list(cluster, now, *(fetched or self._fetch(call))())
        elif call.what is What.SERVICES:
            with _ClusterScope(self, self._clusters[call.cluster], now):
                self._take(call.cluster, list(call.keys), now, *(fetched or self._fetch(call))())
        else:
            self._deploys.step(call.purpose, moment)
            self._good += 1

    def _say_failed(self, call: PollCall, error: errors.SourceError) -> None:
        scope = f"cluster {call.cluster}" if call.cluster else call.what.value
        self._problems[scope] = PartialFailure(SourceState(error.state), scope, error.message, error.hint)
        if call.what is What.SERVICES and self._queue.lost(call.cluster):
            self._clusters[call.cluster].trouble = error

    def _say_well(self, call: PollCall) -> None:
        if call.what is What.DEPLOYS:
            self._problems.pop(call.what.value, None)

    def _next_at(self, now: float) -> float:
        return self._schedule.next_at(now, self._deploys.waiting())

    def _want_all(self) -> None:
        self._schedule.want_all()
        self._deploys.again()
        self._absent.clear()

    # --- clusters ---

    def _discover(self) -> None:
        try:
            self._list_clusters()
        except NOT_OFFERED as error:
            if not self._clusters:
                raise
            self._problems["clusters"] = PartialFailure(SourceState(error.state), "clusters", error.message, error.hint)

    def _list_clusters(self) -> None:
        if not any(c in glob for glob in self._globs for c in "*?["):
            names = list(self._globs)
        else:
            arns = self._pages_of_clusters()
            found = [arn.parse(a).name for a in arns]
            names = [n for n in found if any(fnmatchcase(n, glob) for glob in self._globs)]
            self._say_if_none(names, found)
        for gone in set(self._clusters) - set(names) if not self._lacks.of("clusters") else ():
            del self._clusters[gone]
            self._forget(self._queue.know({}, [gone]))
            self._queue.forget(gone)
            self._problems.pop(f"cluster {gone}", None)
        for name in names:
            self._clusters.setdefault(intern(name), ClusterState(intern(name)))

    def _pages_of_clusters(self) -> list[str]:
        found: list[str] = []
        damage, paging = Damage(), Paging("")
        for token in paging:
            priority, more = (Priority.ACT, {"nextToken": token}) if token else (Priority.HOT, {})  # begun is ended
            page = self._client.read(w.ListClusters, "ListClusters", priority, damage, maxResults=100, **more)
            self._good += 1
            found += page.cluster_arns
            paging.follow(page.next_token)
        damage.raise_if_all("ECS", "clusters")
        self._lacks.note("clusters", damage, paging, len(found))
        return found

    def _say_if_none(self, names: list[str], found: list[str]) -> None:
        self._problems.pop("clusters", None)
        if not names:
            there = ", ".join(found[:5]) or "none"
            words = f"no cluster matches {', '.join(self._globs)}; there is: {there}"
            hint = "check clusters:, region: and profile: in the configuration"
            self._problems["clusters"] = PartialFailure(SourceState.MALFORMED, "clusters", words, hint)

    def _look_at_clusters(self, now: float) -> None:
        """DescribeClusters: one cheap call tells whether tasks moved anywhere."""
        names = self._schedule.names_to_look_at(now)
        if not names:
            self._schedule.looked(now)
            return
        damage = Damage()
        try:
            answer = self._client.read(
                w.DescribeClusters, "DescribeClusters", Priority.HOT, damage, clusters=names, include=["STATISTICS"]
            )
        except (*NOT_OFFERED, Gone) as error:  # the sweep alone has to do
            hint = f"{error.hint}; deploys are seen within a sweep" if error.hint else ""
            state = SourceState(error.state)
            self._problems["cluster statistics"] = PartialFailure(state, "cluster statistics", error.message, hint)
            self._schedule.look_at = now + DENIED_S
            return
        self._good += 1
        self._problems.pop("cluster statistics", None)
        self._lacks.note("clusters' statistics", damage)
        for found in answer.clusters:
            self._saw_cluster(found, now)
        self._schedule.looked(now)

    def _saw_cluster(self, found: w.EcsCluster, now: float) -> None:
        cluster = self._clusters.get(arn.parse(found.cluster_arn).name)
        if cluster is None:
            return
        counts = (found.running_tasks_count, found.pending_tasks_count)
        if cluster.counts is not None and counts != cluster.counts:
            self._queue.stirred(cluster.name, now)
        if cluster.active is not None and found.active_services_count != cluster.active:
            cluster.listed_at = None
        cluster.counts, cluster.active = counts, found.active_services_count

    def _listed(self, cluster: str) -> tuple[list[str], Damage, Paging[str]]:
        """Return the names of a cluster's services. On any thread."""
        found: list[str] = []
        damage, paging = Damage(), Paging("")
        for token in paging:
            priority, more = (Priority.ACT, {"nextToken": token}) if token else (Priority.HOT, {})
            page = self._client.read(
                w.ListServices, "ListServices", priority, damage, cluster=cluster, maxResults=100, **more
            )
            found += (arn.parse(one).name for one in page.service_arns)
            self._good += 1  # whether it is 0 is all that matters
            paging.follow(page.next_token)
        return found, damage, paging

    def _take_list(
        self, cluster: ClusterState, now: float, names: list[str], damage: Damage, paging: Paging[str]
    ) -> None:
        found: dict[str, tuple[str, str]] = {}
        for name in names:
            key = intern(f"{self._source}/{cluster.name}/{name}")
            if self._absent.get(key, 0.0) <= now:
                found[key] = (cluster.name, intern(name))
        self._lacks.note(f"services of {cluster.name}", damage, paging, len(found))
        if damage or not paging.whole:  # the list has holes: what it does not name may be there all the same
            held = self._queue.slots.items()
            found = {**{k: (s.cluster, s.name) for k, s in held if s.cluster == cluster.name}, **found}
        self._forget(self._queue.know(found, [cluster.name]))
        cluster.listed_at = now

    # --- services ---

    def _described(self, cluster: str, names: list[str]) -> tuple[w.DescribeServices, Damage]:
        """Return services as they are. On any thread."""
        damage = Damage()
        answer = self._client.read(
            w.DescribeServices, "DescribeServices", Priority.HOT, damage, cluster=cluster, services=names
        )
        self._good += 1
        return answer, damage

    def _take(self, cluster: str, keys: list[str], now: float, answer: w.DescribeServices, damage: Damage) -> None:
        seen, moment = set(), instant(self._clock)
        for service in answer.services:
            key = rows.service_id(self._source, service)
            slot = self._queue.slots.get(key)
            if service.status == "INACTIVE" or slot is None:
                continue
            seen.add(key)
            del service.events[rows.EVENTS_KEPT :]  # a hundred come with each service, and it is kept
            w.share_words(service)
            self._services[key] = service
            self._deploys.dirty.add(key)
            lacks = (service.running_count, service.desired_count, service.pending_count)
            moving = self._deploys.moving(key, service)
            focus = slot.focus
            self._queue.was_read(
                key,
                now,
                self._deploys.rollout(key, service, moment) if moving else None,
                lacks if service.running_count < service.desired_count else None,
            )
            self._deploys.notice(service, moment, slot.attention, focus)
        missing = [key for key in keys if key not in seen]
        if self._lacks.asked(f"services of {cluster}", keys, seen, damage):
            self._queue.put_off(missing, now)  # which are damaged is not told: their rows stay as they were
        elif missing:  # MISSING or INACTIVE: it goes; who else is there is asked again
            self._queue.drop(missing)
            for key in missing:
                self._absent[key] = now + LIST_SERVICES_S  # lists may name it for a while longer
            self._forget(set(missing))
            self._clusters[cluster].listed_at = None

    def _forget(self, gone: set[str]) -> None:
        for key in gone:
            self._services.pop(key, None)
            self._lacks.clear(key)
            self._rows.pop(key, None)
            self._made.pop(key, None)
            self._deploys.forget(key)

    # --- rows and problems ---

    def _build(self) -> None:
        now = instant(self._clock)
        if abs(now.wall - now.due - self._apart) > SET_S:  # the clock was set: each row says anew when it was read
            self._apart = now.wall - now.due
            self._deploys.dirty.update(self._services)
        for key in self._deploys.dirty & self._services.keys():
            service = self._services[key]
            made = self._deploys.build(service, now)
            self._made[key] = made
            note = self._deploys.note(service)
            unread = "" if note or not self._deploys.unread(key, service) else DEPLOYS_UNREAD
            first = bool(made) and rows.may_be_first(made[0]) and made[0].state.running
            can_act = self._can_act and service.status == "ACTIVE" and not note and not first
            current = made[0].new if made and made[0].new.task_definition == service.task_definition else None
            runs = rows.most_tasks(service)
            running = self._known.revision("", runs) if runs != rows.running_definition(service) else None
            at = self._apart + (self._queue.slots[key].read_at or now.due)
            row = rows.to_service(
                self._source, service, at, made, note or unread, self._account, can_act, current, running
            )
            if service.controller == "CODE_DEPLOY" and (group := self._deploys.group(key)):
                row = msgspec.structs.replace(row, deploy_group=intern(group))
            old = self._rows.get(key)
            if old is None or not row.says_the_same(old):
                self._rows[key] = row
            elif abs(row.read_at - old.read_at) >= SAME_ROW_S:  # else the same object stays: nothing is drawn again
                self._rows[key] = msgspec.structs.replace(old, read_at=row.read_at)
        self._deploys.dirty.clear()

    def _told(self) -> Iterator[PartialFailure]:
        yield from self._problems.values()
        yield from self._lacks.problems()
        yield from self._deploys.problems(len(self._clusters))
        if self._failed is not None:
            state = SourceState(self._failed.state)
            yield PartialFailure(state, "services", self._failed.message, self._failed.hint)

    def trouble(self, cluster: ClusterState, error: errors.SourceError, now: float) -> None:
        """Note that a cluster cannot be read: its rows stay as they were, and it is asked again in a minute."""
        scope = f"cluster {cluster.name}"
        self._problems[scope] = PartialFailure(SourceState(error.state), scope, error.message, error.hint)
        cluster.held = now + DENIED_S
        self._queue.hold(cluster.name, cluster.held)
        cluster.trouble = error

    def well(self, cluster: ClusterState) -> None:
        """Note that a cluster was read."""
        cluster.trouble, cluster.fails = None, 0
        self._queue.went_well(cluster.name)
        if not self._queue.failing(cluster.name):
            self._problems.pop(f"cluster {cluster.name}", None)


class _ClusterScope:
    """Around a call about one cluster: denied or gone is that cluster's problem, not the source's."""

    def __init__(self, reader: EcsReader, cluster: ClusterState, now: float) -> None:
        self._reader, self._cluster, self._now = reader, cluster, now

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            self._reader.well(self._cluster)
        if isinstance(error, (*NOT_OFFERED, Gone, errors.Malformed)):
            self._reader.trouble(self._cluster, error, self._now)
            return True
        return False
