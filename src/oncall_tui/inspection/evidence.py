"""The evidence on a service around an incident: what is inside it, its metrics, its log lines. Read on demand.

Each part says its source and when it was read; what could not be read, or was left out, is told beside it, never
raised. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from oncall_tui.domain.logs import LogDestination, LogLine, LogQuery
from oncall_tui.domain.reading import SourceState
from oncall_tui.errors import SourceError
from oncall_tui.providers.base import Provider, SupportsInspect, SupportsLogs, SupportsMetrics
from oncall_tui.runtime.clock import Clock
from oncall_tui.text.time_format import stamp

MOST_S = 6 * 3600.0  # of metrics and lines, back from the end
LINES, PAGE, PAGES = 5_000, 1_000, 10  # of one log: lines that are enough, those of an answer, answers
LONGEST_WAIT_S = 2.0  # for this program's own limit on calls


class EvidencePart(msgspec.Struct, frozen=True, kw_only=True):
    """One file of evidence: *data* is plain, *read_at* in seconds since the epoch, UTC."""

    name: str
    what: str
    source: str
    read_at: float
    data: Any


class LeftOut(msgspec.Struct, frozen=True):
    """A part of the evidence that is not there: *what* of which *source*, and *why*."""

    what: str
    source: str
    why: str


class ServiceEvidence:
    """Reads one service. *parts* and *left_out* are what came of it; one thread's own.

    *since* and *until* are in seconds since the epoch, UTC. *pause* waits for so many seconds.
    """

    def __init__(
        self, service_id: str, since: float, until: float, clock: Clock, pause: Callable[[float], None]
    ) -> None:
        self._service, self._clock, self._pause = service_id, clock, pause
        self._since, self._until = max(since, until - MOST_S), until
        self._source = service_id.partition("/")[0]
        self.parts: list[EvidencePart] = []
        self.left_out: list[LeftOut] = []
        if since < self._since:
            self._leave_out("metrics and log lines", f"before {stamp(self._since)}: six hours are read")

    def read(self, provider: Provider) -> None:
        """Read all of it; what cannot be read is left out, with why."""
        self._try("tasks, targets and events", lambda: self._inside(provider))
        self._try("metrics", lambda: self._metrics(provider))
        self._try("log lines", lambda: self._logs(provider))

    def cannot(self, error: SourceError) -> None:
        """Note that nothing of it can be read."""
        self._leave_out("tasks, targets, events, metrics and log lines", str(error))

    def _try(self, what: str, read: Callable[[], bool]) -> None:
        try:
            if not read():
                self._leave_out(what, "its provider does not support reading them")
        except SourceError as error:
            self._leave_out(what, str(error))

    def _leave_out(self, what: str, why: str) -> None:
        self.left_out.append(LeftOut(f"{self._service}: {what}", self._source, why))

    def _keep(self, name: str, what: str, data: Any) -> None:
        part = EvidencePart(
            name=name,
            what=f"{self._service}: {what}",
            source=self._source,
            read_at=self._clock.now(),
            data=data,
        )
        self.parts.append(part)

    def _inside(self, provider: Provider) -> bool:
        if not isinstance(provider, SupportsInspect):
            return False
        found = provider.inspect(self._service)
        for problem in found.problems:
            self._leave_out(
                problem.scope, problem.message if problem.state is not SourceState.OK else "there is more than was read"
            )
        tasks = [_stamped(msgspec.to_builtins(task)) for task in found.tasks]
        events = [{"at": stamp(at), "text": text} for at, text in found.events]
        data = {"tasks": tasks, "targets": msgspec.to_builtins(found.targets), "events": events}
        self._keep("inside", "tasks, targets and events as they are now", data)
        return True

    def _metrics(self, provider: Provider) -> bool:
        if not isinstance(provider, SupportsMetrics):
            return False
        wanted = provider.service_metrics(self._service)
        series = provider.measure(wanted, self._since, self._until) if wanted else ()
        for one in series:
            if one.unread:
                self._leave_out(f"metric {one.title}", one.unread)
        data = [
            {
                "title": one.title,
                "metric": f"{one.metric.namespace} {one.metric.name} {one.metric.statistic}",
                "points": [[stamp(at), value] for at, value in one.points],
            }
            for one in series
            if not one.unread
        ]
        self._keep("metrics", "metrics around it", data)
        return True

    def _logs(self, provider: Provider) -> bool:
        if not isinstance(provider, SupportsLogs):
            return False
        lines: list[dict[str, Any]] = []
        places = provider.log_places(self._service)
        for place in dict.fromkeys(places):
            if place.readable:
                lines += [_line(line) for line in self._lines(provider, place)]
            else:
                self._leave_out(f"lines of {place.container}", f"they go elsewhere: {place.where}")
        if not places:
            self._leave_out("log lines", "no container of it was found")
        self._keep("logs", "log lines around it", sorted(lines, key=lambda line: str(line["at"])))
        return True

    def _lines(self, provider: SupportsLogs, place: LogDestination) -> Iterable[LogLine]:
        """Read the newest of the time, page by page, until there are enough, or as many calls were made."""
        found: dict[str, LogLine] = {}
        token = ""
        for _ in range(PAGES):
            page = provider.log_page(
                LogQuery(place=place, since=self._since, until=self._until, newest=True, limit=PAGE, token=token)
            )
            if page.wait_s > 0:
                self._pause(min(page.wait_s, LONGEST_WAIT_S))
                continue
            found |= {line.id: line for line in page.lines}
            for why in filter(None, (page.missing, page.lacks)):
                self._leave_out(f"lines of {place.container}", why)
            token = page.token
            if not token or len(found) >= LINES:
                break
        else:
            token = token or "?"
        if token:
            self._leave_out(
                f"lines of {place.container}", f"there may be older ones than the {len(found)} newest, which were read"
            )
        return found.values()


def _line(line: LogLine) -> dict[str, Any]:
    return {
        "at": stamp(line.at),
        "level": line.level,
        "container": line.stream.container,
        "task": line.stream.task,
        "text": line.text,
    }


def _stamped(task: dict[str, Any]) -> dict[str, Any]:
    return {**task, **{name: stamp(task[name]) for name in ("created", "started", "stopped")}}
