"""The parameters of a request to the simulated PagerDuty: filters, windows of time, order, pages, includes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.pagerduty import shapes
from oncall_tui.simulator.services.pagerduty.incident import SimulatedPagerDutyIncident, invalid

DEFAULT_PAGE = 25
LARGEST_PAGE = 100
FURTHEST = 10_000
"""offset + limit may not go over it (REST documentation, "Pagination")."""
DAY = 86_400.0
DEFAULT_WINDOW = 30 * DAY
"""How far back `GET /incidents` looks by itself, seconds: a month (OpenAPI, `since`)."""
LONGEST_WINDOW = 184 * DAY
"""Seconds: six months (OpenAPI, `until`)."""

_STATUSES = frozenset({"triggered", "acknowledged", "resolved"})
_URGENCIES = frozenset({"high", "low"})
_ORDERS: dict[str, Callable[[SimulatedPagerDutyIncident], tuple[object, ...]]] = {
    "incident_number": lambda one: (one.number,),
    "created_at": lambda one: (one.created, one.number),
    "resolved_at": lambda one: (one.resolved is None, one.resolved or 0.0),
    "urgency": lambda one: (one.urgency == "high",),
}


def chosen(request: Request, name: str) -> frozenset[str]:
    """The values of a repeated parameter, as `team_ids[]`; empty for no filter."""
    return frozenset(request.query.get(name, ()))


def include(request: Request) -> frozenset[str]:
    """Return the fields shown in full rather than as a reference."""
    return chosen(request, "include[]")


def page(request: Request, name: str, items: Sequence[object]) -> SimulatedAnswer:
    """A page of what is ready to be shown."""
    return _paged(request, name, items, lambda item: item)


def _paged(request: Request, name: str, items: Sequence[object], show: Callable[[object], object]) -> SimulatedAnswer:
    limit = min(_number(request, "limit", DEFAULT_PAGE), LARGEST_PAGE)
    offset = _number(request, "offset", 0)
    if offset + limit > FURTHEST:
        raise invalid(f"Offset and limit may not exceed {FURTHEST} together")
    part = items[offset : offset + limit]
    return json_answer(
        {
            name: [show(item) for item in part],
            "limit": limit,
            "offset": offset,
            "total": len(items) if _last(request, "total") == "true" else None,
            "more": offset + len(part) < len(items),
        }
    )


class Listing:
    """One `GET /incidents`; `now` in POSIX seconds."""

    def __init__(self, request: Request, now: float) -> None:
        self._request = request
        self._statuses = self._known("statuses[]", _STATUSES)
        self._urgencies = self._known("urgencies[]", _URGENCIES)
        self._teams = chosen(request, "team_ids[]")
        self._services = chosen(request, "service_ids[]")
        self._users = chosen(request, "user_ids[]")
        self._key = _last(request, "incident_key")
        self._since, self._until = self._window(now)

    def answer(self, incidents: Iterable[SimulatedPagerDutyIncident]) -> SimulatedAnswer:
        found = [one for one in incidents if self._shows(one)]
        for order, falling in reversed(self._orders()):
            found.sort(key=order, reverse=falling)
        full = include(self._request)
        return _paged(
            self._request,
            "incidents",
            found,
            lambda one: shapes.incident(one, full) if isinstance(one, SimulatedPagerDutyIncident) else None,
        )

    def _shows(self, one: SimulatedPagerDutyIncident) -> bool:
        return (
            (not self._statuses or one.status in self._statuses)
            and (not self._urgencies or one.urgency in self._urgencies)
            and (not self._services or one.service.id in self._services)
            and (not self._teams or any(team.id in self._teams for team in one.teams))
            and (not self._users or any(person.id in self._users for _, person in one.assigned))
            and (not self._key or one.key == self._key)
            and self._since <= one.created <= self._until
        )

    def _known(self, name: str, words: frozenset[str]) -> frozenset[str]:
        wanted = chosen(self._request, name)
        if not wanted <= words:
            raise invalid(f"{name} must be among {', '.join(sorted(words))}")
        return wanted

    def _window(self, now: float) -> tuple[float, float]:
        if _last(self._request, "date_range") == "all":
            return float("-inf"), float("inf")
        until = time_of(self._request, "until", now)
        since = time_of(self._request, "since", until - DEFAULT_WINDOW)
        if not 0 <= until - since <= LONGEST_WINDOW:
            raise invalid("Since and until must be in order and at most six months apart")
        return since, until

    def _orders(self) -> list[tuple[Callable[[SimulatedPagerDutyIncident], tuple[object, ...]], bool]]:
        wanted = (_last(self._request, "sort_by") or "created_at:asc").split(",")
        orders = []
        for each in wanted:
            name, _, way = each.strip().partition(":")
            if name not in _ORDERS or way not in ("", "asc", "desc") or len(wanted) > 2:
                raise invalid(f"sort_by takes up to two of {', '.join(_ORDERS)}, each with :asc or :desc")
            orders.append((_ORDERS[name], way == "desc"))
        return orders


def _last(request: Request, name: str) -> str:
    return request.query.get(name, [""])[-1]


def _number(request: Request, name: str, default: int) -> int:
    text = _last(request, name)
    if text and not text.isdecimal():
        raise invalid(f"{name} must be a whole number")
    return int(text) if text else default


def time_of(request: Request, name: str, default: float) -> float:
    """An instant of ISO 8601 in POSIX seconds, *default* where there is none."""
    text = _last(request, name)
    if not text:
        return default
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise invalid(f"{name} must be a time of ISO 8601") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
