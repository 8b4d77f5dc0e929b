"""Parts that are read on demand for one row: each part on its own, shown when it comes. Knows no Textual.

The calls: ``inspect`` of the service, one ``measure`` for all metrics, a timeline of each alert, the record of it; read
once, then as ``RefreshPolicy`` says. The runbook, and who changed the service, are read where a key asks for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.comparison import CommitRange, Comparison
from oncall_tui.domain.memory import AlertMemory
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.service import Service
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OncallError, SourceError, unexpected
from oncall_tui.inspection import who
from oncall_tui.inspection.refresh_policy import RefreshPolicy
from oncall_tui.inspection.runbook.block import Block
from oncall_tui.inspection.runbook.document_text import blocks
from oncall_tui.inspection.runbook.fetch import RunbookAddress, read
from oncall_tui.providers.base import Provider, SupportsInspect, SupportsMetrics, TimelineEvent
from oncall_tui.text.time_format import configured_zone
from oncall_tui.tui.commands import named
from oncall_tui.tui.screens.detail.subject import Subject, inside_mark, state_mark, window

T = TypeVar("T")
Begun = tuple[Callable[[], bool], Future[Any]]
"""A reading under way: what takes its result (False: nobody wants it any more), and its future."""


class Measured(msgspec.Struct, frozen=True):
    """Readings of every metric on screen, and the time that it covers (seconds since the epoch).

    *failures*: (message, hint) of each source that could not be asked, while another could.
    """

    series: tuple[Series, ...]
    since: float
    until: float
    failures: tuple[tuple[str, str], ...] = ()


class Runbook(msgspec.Struct, frozen=True):
    """A runbook that was read, as blocks of text."""

    where: str
    blocks: tuple[Block, ...]


class Part(Generic[T]):
    """One thing that is read on demand, as it stands: not asked for, being read, there, failed; or old and failed."""

    def __init__(self) -> None:
        self.rereads = RefreshPolicy()
        self.value: T | None = None
        self.read_at: float | None = None  # when *value* was asked for
        self.failure: tuple[str, str] | None = None  # what was wrong with the last reading, and what to do
        self._number = 0
        self._begun_at = 0.0

    @property
    def asked(self) -> bool:
        """Tell whether it was ever asked for."""
        return self._number > 0

    def begin(self, monotonic: float, now: float) -> int:
        self._number = self.rereads.begin(monotonic)
        self._begun_at = now
        return self._number

    def take(self, number: int, future: Future[T]) -> bool:
        """Take the result of a reading; False: nobody wants it any more. What was known stays where it failed."""
        if not self.rereads.ended(number):
            return False
        try:
            value = future.result()
        except OncallError as error:
            self.failure = (error.message, error.hint or f"{named('refresh')} reads again")
        except Exception as error:  # noqa: BLE001 - a bug of one part is that part's words, the others stay
            self.failure = unexpected(error)
        else:
            self.value, self.read_at, self.failure = value, self._begun_at, None
        return True


class DetailParts:
    """The parts of one row.

    ``look`` is called with what the row is now, whenever the board is newer; ``again`` for a key; ``close`` at the end.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.inside: Part[ServiceDetail] = Part()
        self.metrics: Part[Measured] = Part()
        self.told: Part[Mapping[str, tuple[TimelineEvent, ...]]] = Part()
        self.memory: Part[AlertMemory] = Part()
        self.commits: Part[CommitRange] = Part()
        self.runbook: Part[Runbook] = Part()
        self.who: Part[WhoAnswer] = Part()
        self._place = -1  # of the runbooks, the one that was read last
        self._current: frozenset[str] | None = None  # the sources that could be read when it was looked at last
        self._ended: set[str] = set()  # what was done to the row since it is looked at

    def look(self, of: Subject, current: Iterable[str] = ()) -> list[Begun]:
        """Begin the readings that are due; for each its future, and what takes its result."""
        self._see(frozenset(current), of)
        begun: list[Begun] = []
        for part, mark, ask in self._all(of):
            part.rereads.saw(mark)
            if ask is not None and part.rereads.due(self._engine.clock.monotonic()):
                begun.append(self._begin(part, ask))
        return begun

    def _see(self, current: frozenset[str], of: Subject) -> None:
        """A source that can be read again is a change where something of it could not be read."""
        back = (current - self._current) & set(of.sources) if self._current is not None else frozenset()
        self._current = current
        for part in (self.inside, self.metrics, self.told) if back else ():
            if part.failure is not None:
                part.rereads.ask()

    def again(self) -> None:
        """A key asks for all of it."""
        for part in (self.inside, self.metrics, self.told, self.memory, self.commits):
            part.rereads.ask()

    def read_runbook(self, places: Sequence[RunbookAddress], folders: Sequence[Path]) -> list[Begun]:
        """A key asks for the runbook; where there are several, for the next one. It is read for no other reason."""
        self.runbook.rereads.ask()
        if not places or not self.runbook.rereads.due(self._engine.clock.monotonic()):
            return []
        self._place = (self._place + 1) % len(places)
        return [self._begin(self.runbook, partial(self._runbook, places[self._place], tuple(folders)))]

    def read_who(self, of: Subject) -> list[Begun]:
        """A key asks who changed the row's service. It is read for no other reason: the audit log has few calls."""
        self.who.rereads.ask()
        service = of.service
        if service is None or not self.who.rereads.due(self._engine.clock.monotonic()):
            return []
        since, until = who.span(of.members, self._engine.clock.now())
        ask = partial(who.ask, service=service, names=who.names_of(of.members), since=since, until=until)
        return [self._begin(self.who, lambda: self._engine.on_demand.ask(service.source, ask, "who"))]

    def _runbook(self, place: RunbookAddress, folders: Sequence[Path]) -> Future[Runbook]:
        def job() -> Runbook:
            page = read(place, folders)
            return Runbook(page.where, blocks(page))

        return self._engine.on_demand.run("runbook", job)

    def _begin(self, part: Part[T], ask: Callable[[], Future[T]]) -> Begun:
        number = part.begin(self._engine.clock.monotonic(), self._engine.clock.now())
        future = ask()
        return partial(part.take, number, future), future

    def wait(self) -> float | None:
        """Seconds until something that was put off is due; None: nothing is."""
        monotonic = self._engine.clock.monotonic()
        every = (self.inside, self.metrics, self.told, self.memory, self.commits)
        waits = [p.rereads.wait(monotonic) for p in every]
        return min((w for w in waits if w is not None), default=None)

    def close(self) -> None:
        """Nobody looks any more: nothing is asked, and what comes is dropped."""
        for part in (self.inside, self.metrics, self.told, self.memory, self.commits, self.runbook, self.who):
            part.rereads.close()

    def _all(self, of: Subject) -> list[tuple[Part, Hashable, Callable[[], Future] | None]]:  # type: ignore[type-arg]
        ids, compared = timeline_ids(of), of.comparison
        self._ended.update(o.plan_id for o in self._engine.actions.outcomes if o.target in ids and o.state.final)
        return [
            (self.inside, inside_mark(of), self._inspect(of.service) if of.service else None),
            (self.metrics, state_mark(of), self._measure(of) if wanted(of) else None),
            (self.told, (state_mark(of), len(self._ended)), lambda: self._timelines(ids)),
            (self.memory, self._memory_mark(of), self._remember(of) if of.members else None),
            (self.commits, compared, self._commits(compared)),
        ]

    # --- the calls ----------------------------------------------------------------------------------------------------

    def _inspect(self, service: Service) -> Callable[[], Future[ServiceDetail]]:
        def question(provider: Provider) -> ServiceDetail:
            if not isinstance(provider, SupportsInspect):
                raise SourceError(f"{service.source} cannot list tasks", "the board's counts are all there is")
            return provider.inspect(service.id)

        return lambda: self._engine.on_demand.ask(service.source, question, "tasks")

    def _commits(self, compared: Comparison | None) -> Callable[[], Future[CommitRange]] | None:
        """They are read once: two versions stay what they are."""
        commits = self._engine.commits
        return partial(commits.read, compared) if compared and commits.can_read(compared) else None

    def _memory_mark(self, of: Subject) -> Hashable:
        """Return all that has to stay for the record not to be asked again: alerts, actions, marks and follow-ups."""
        said = self._engine.update.memory.get(of.row_id)
        return tuple((a.id, a.state, a.began) for a in of.members), len(self._ended), said

    def _remember(self, of: Subject) -> Callable[[], Future[AlertMemory]]:
        members, service = of.members, of.service.id if of.service else ""
        fires = any(a.state is not AlertState.RESOLVED for a in members)

        def job() -> AlertMemory:
            return self._engine.memory.of_alert(members, fires, configured_zone(), service)

        return lambda: self._engine.on_demand.run("record", job)

    def _measure(self, of: Subject) -> Callable[[], Future[Measured]]:
        """One call a source; as a rule there is one source for all that is on screen."""

        def ask() -> Future[Measured]:
            since, until = window(of, self._engine.clock.now())
            futures = [
                self._engine.on_demand.ask(
                    source,
                    partial(_measured, service_id=one, more=more, since=since, until=until),
                    "metrics",
                )
                for source, (one, more) in wanted(of).items()
            ]
            return _joined(futures, partial(_together, since=since, until=until))

        return ask

    def _timelines(self, ids: tuple[str, ...]) -> Future[Mapping[str, tuple[TimelineEvent, ...]]]:
        futures = []
        for row_id in ids:
            try:
                futures.append(self._engine.on_demand.timeline(row_id))
            except OncallError as error:
                lost: Future[tuple[TimelineEvent, ...]] = Future()
                lost.set_result((TimelineEvent(self._engine.clock.now(), "", f"{row_id} cannot be read: {error}"),))
                futures.append(lost)
        return _joined(futures, lambda found: dict(zip(ids, found, strict=True)))


def timeline_ids(of: Subject) -> tuple[str, ...]:
    """The rows whose past is told: the alerts, the service and its deploys (what was done to those from here)."""
    ids = [a.id for a in of.members]
    ids += [of.service.id] if of.service else []
    ids += [d.id for d in of.deploys]
    return tuple(dict.fromkeys(ids))


def wanted(of: Subject) -> dict[str, tuple[str, tuple[tuple[str, Metric], ...]]]:
    """Source → (the service whose metrics it is asked for, other metrics): the service's source is asked for all that
    is in its account and region, so that one call is enough.
    """
    found: dict[str, tuple[str, tuple[tuple[str, Metric], ...]]] = {}
    service = of.service
    if service is not None:
        found[service.source] = (service.id, ())
    for alert in of.members:
        metric = alert.metric
        if metric is None:
            continue
        here = service is not None and (
            metric.account in ("", service.key.account) and metric.region in ("", service.key.region)
        )
        source = service.source if here and service is not None else alert.source
        asked, more = found.get(source, ("", ()))
        found[source] = (asked, (*more, (f"alarm: {metric.name}", metric)))
    return found


def _measured(
    provider: Provider, service_id: str, more: tuple[tuple[str, Metric], ...], since: float, until: float
) -> tuple[Series, ...] | SourceError:
    if not isinstance(provider, SupportsMetrics):
        return SourceError(f"{provider.source} has no metrics to read", "see where they are kept")
    try:
        asked = (*more, *(provider.service_metrics(service_id) if service_id else ()))
        return provider.measure(asked, since, until) if asked else ()
    except SourceError as error:
        return error


def _together(found: list[tuple[Series, ...] | SourceError], since: float, until: float) -> Measured:
    """Return the part that could be read; raises the first SourceError where nothing could."""
    failures = [part for part in found if isinstance(part, SourceError)]
    if failures and len(failures) == len(found):
        raise failures[0]
    series = tuple(s for part in found if not isinstance(part, SourceError) for s in part)
    return Measured(series, since, until, tuple((e.message, e.hint) for e in failures))


R = TypeVar("R")


def _joined(futures: list[Future[T]], make: Callable[[list[T]], R]) -> Future[R]:
    """One future for all of them: what *make* makes of their results, or the first error."""
    done: Future[R] = Future()
    left = len(futures)
    lock = threading.Lock()

    def one(_: Future[T]) -> None:
        nonlocal left
        with lock:
            left -= 1
            if left:
                return
        if not done.set_running_or_notify_cancel():
            return  # whoever asked is gone: the screen was closed
        try:
            done.set_result(make([f.result() for f in futures]))
        except Exception as error:  # noqa: BLE001 - it is the asker's
            done.set_exception(error)

    for future in futures:
        future.add_done_callback(one)
    return done
