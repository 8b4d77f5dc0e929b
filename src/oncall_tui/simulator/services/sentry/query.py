"""The list parameters of the simulated Sentry: its search language as far as used, and pages.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.sentry.issue import SimulatedSentryIssue, shown

LARGEST_PAGE = 100
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

_TERM = re.compile(r"(is|project|level|environment):(\[[^\]]*\]|\S+)|(\S+)")
_SORTS: dict[str, Callable[[SimulatedSentryIssue], float]] = {
    "date": lambda it: it.last,
    "new": lambda it: it.first,
    "freq": lambda it: it.count,
    "user": lambda it: it.users,
}


class SimulatedSentryRefusal(Exception):
    """A request that is not granted: `value` is a body, or its `detail`."""

    def __init__(self, value: str | dict[str, Any], status: int) -> None:
        super().__init__(value)
        self.value = {"detail": value} if isinstance(value, str) else value
        self.status = status


def page(request: Request, issues: Sequence[SimulatedSentryIssue], now: float) -> SimulatedAnswer:
    """One page of the issues that a request asks for, with its `Link` header. Raises SimulatedSentryRefusal."""
    query = request.query
    found = [issue for issue in issues if _matches(issue, query.get("query", ["is:unresolved"])[-1])]
    found = _scoped(found, query, now)
    sort = query.get("sort", ["date"])[-1]
    if sort not in _SORTS:
        raise SimulatedSentryRefusal(f"Invalid sort: {sort}", 400)
    found.sort(key=_SORTS[sort], reverse=True)
    limit, offset = _window(query)
    answer = json_answer([shown(issue) for issue in found[offset : offset + limit]])
    link = ", ".join(
        f'<http://sentry{request.path}?cursor=0:{at}:{back}>; rel="{rel}"; results="{there}"; cursor="0:{at}:{back}"'
        for rel, at, back, there in (
            ("previous", max(0, offset - limit), 1, str(offset > 0).lower()),
            ("next", offset + limit, 0, str(offset + limit < len(found)).lower()),
        )
    )
    return answer._replace(headers={**answer.headers, "Link": link, "X-Hits": str(len(found))})


def _matches(issue: SimulatedSentryIssue, search: str) -> bool:
    for key, value, word in _TERM.findall(search):
        if word:
            if ":" in word:
                raise SimulatedSentryRefusal(f"Invalid query. {word} is not known here", 400)
            if word.casefold() not in issue.title.casefold():
                return False
            continue
        allowed = [part.strip() for part in value.strip("[]").split(",")]
        if not _has(issue, key).intersection(allowed):
            return False
    return True


def _has(issue: SimulatedSentryIssue, key: str) -> set[str]:
    """Return an issue's values under one key of the search."""
    if key == "is":
        return {issue.status, issue.substatus or issue.status}
    return {"project": {issue.project}, "level": {issue.level}}.get(key, issue.environments)


def _scoped(issues: list[SimulatedSentryIssue], query: dict[str, list[str]], now: float) -> list[SimulatedSentryIssue]:
    """Return the issues of the projects, the environments and the period in the parameters."""
    projects = set(query.get("project", ["-1"]))
    if not all(re.fullmatch(r"-1|\d+", number) for number in projects):
        raise SimulatedSentryRefusal("Invalid project parameter. Values must be numbers.", 400)
    environments = set(query.get("environment", []))
    since, until = _period(query, now)
    return [
        issue
        for issue in issues
        if ("-1" in projects or issue.project_id in projects)
        and (not environments or environments & issue.environments)
        and since <= issue.last <= until
    ]


def _period(query: dict[str, list[str]], now: float) -> tuple[float, float]:
    """The times between which an issue was seen last: `statsPeriod` overrides `start` and `end`."""
    if "statsPeriod" in query:
        return now - _seconds(query["statsPeriod"][-1]), math.inf
    if ("start" in query) != ("end" in query):
        raise SimulatedSentryRefusal("start and end are both required", 400)
    if "start" not in query:
        return 0.0, math.inf
    try:
        start, end = (datetime.fromisoformat(query[name][-1]) for name in ("start", "end"))
    except ValueError:
        raise SimulatedSentryRefusal("Invalid date", 400) from None
    since, until = (at.replace(tzinfo=at.tzinfo or UTC).timestamp() for at in (start, end))
    if since > until:
        raise SimulatedSentryRefusal("start must be before end", 400)
    return since, until


def _seconds(period: str) -> float:
    found = re.fullmatch(r"(\d+)([smhdw])", period)
    if found is None:
        raise SimulatedSentryRefusal(f"Invalid statsPeriod: {period!r}", 400)
    return int(found[1]) * float(UNITS[found[2]])


def _window(query: dict[str, list[str]]) -> tuple[int, int]:
    limit = query.get("limit", ["100"])[-1]
    if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_PAGE:
        raise SimulatedSentryRefusal("Invalid per_page value. Must be between 1 and 100.", 400)
    cursor = re.fullmatch(r"0:(\d+):[01]", query.get("cursor", ["0:0:0"])[-1])
    if cursor is None:
        raise SimulatedSentryRefusal("Invalid cursor parameter.", 400)
    return int(limit), int(cursor[1])
