"""Rows in the order that was asked for: by a column's value (a number, a time, how bad it is), not by its text. Pure.

Without a sort a pane stands as triage ranks it. What a row does not have (no product, never deployed) comes last either
way; ties go by id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.revision import Revision
from oncall_tui.domain.service import Health
from oncall_tui.triage.ranking import ATTENTION
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters import progress

T = TypeVar("T")
Value = Callable[[Any], Any]
Order = Callable[[Any], Any]


class Sort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By which *column* (its key) the *pane* is sorted; *down*: the other way round."""

    pane: str
    column: str
    down: bool = False


class By(msgspec.Struct, frozen=True):
    """A column to sort by: its *name*, what comes first each way in words, and a row's *value* (None: it has none)."""

    name: str
    first: str
    last: str
    value: Value


class _Down:
    """A value that stands the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Down) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]


# --- what a row has in a column ---------------------------------------------------------------------------------------

_HEALTH = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN, Health.DEPLOYING, Health.HEALTHY, Health.STOPPED)


def _text(text: str) -> str | None:
    return text.casefold() or None


def _alert_severity(row: TriagedAlert) -> tuple[int, int]:
    return int(not row.pages), row.severity.rank


def _alert_suspect(row: TriagedAlert) -> float | None:
    first = row.suspicion.first
    return first.began - first.at if first else None


def _alert_service(row: TriagedAlert) -> str | None:
    return _text(row.service.title if row.service else row.alert.hint.service)


def _revision(revision: Revision) -> tuple[int, int, str]:
    number = revision.short.removeprefix(":")
    return (0, int(number), "") if number.isdecimal() else (1, 0, number.casefold())


def _share(running: int, desired: int) -> tuple[float, int] | None:
    return (running / desired, -desired) if desired else None


def _deploy_state(deploy: Deploy) -> tuple[int, str]:
    """Sort by urgency: waiting, failing, under way, failed, over."""
    running = deploy.state.running
    place = 0 if running and deploy.waits else 1 if running and (deploy.failed_tasks or deploy.state.bad) else 2
    if not running:
        place = 3 if deploy.state.bad else 4 if deploy.state is DeployState.UNKNOWN else 5
    return place, progress.state_word(deploy)


_AZ = ("a to z", "z to a")
_NEW = ("newest first", "oldest first")
COLUMNS: dict[str, dict[str, By]] = {
    "alerts": {
        "severity": By("severity", "worst first", "least first", _alert_severity),
        "age": By("age", *_NEW, lambda look: -look.began),
        "product": By("product", *_AZ, lambda look: _text(look.product.name if look.product else "")),
        "service": By("service", *_AZ, _alert_service),
        "title": By("alert", *_AZ, lambda look: _text(look.alert.title)),
        "state": By(
            "state",
            "unacknowledged first",
            "silent first",
            lambda look: (ATTENTION[look.alert.state], look.alert.state),
        ),
        "suspect": By("suspect", "closest first", "farthest first", _alert_suspect),
    },
    "services": {
        "name": By("service", *_AZ, lambda service: _text(service.title)),
        "tasks": By("tasks", "most missing first", "most running first", lambda s: _share(s.running, s.desired)),
        "revision": By("revision", "lowest first", "highest first", lambda service: _revision(service.revision)),
        "health": By("health", "worst first", "best first", lambda service: _HEALTH.index(service.health)),
        "deploy": By("last deploy", *_NEW, lambda s: None if s.since is None else -s.since),
        "note": By("note", *_AZ, lambda service: _text(service.note or service.targets)),
    },
    "deploys": {
        "service": By("service", *_AZ, lambda deploy: _text(deploy.service_id.rpartition("/")[2])),
        "arrow": By("revision", "lowest first", "highest first", lambda deploy: _revision(deploy.new)),
        "state": By("state", "most urgent first", "over first", _deploy_state),
        "how": By("progress", "least first", "most first", lambda d: _share(d.running, d.desired)),
        "age": By("age", *_NEW, lambda deploy: -deploy.started),
        "by": By("who", *_AZ, lambda deploy: _text(deploy.started_by)),
    },
}
RANK = {
    "alerts": "sort order: pages, unacknowledged, severity, newest",
    "services": "sort order: unhealthy, deploying, name",
    "deploys": "sort order: waiting, failed, in progress, newest",
}


# --- the order --------------------------------------------------------------------------------------------------------


def of(sorts: Sequence[Sort], pane: str) -> Sort | None:
    """The sort of *pane*; None: as triage ranks it."""
    return next((s for s in sorts if s.pane == pane and s.column in COLUMNS.get(pane, ())), None)


def chosen(sorts: Sequence[Sort], pane: str, column: str) -> tuple[Sort, ...]:
    """*sorts* once *column* was chosen for *pane*: chosen again it is reversed; an empty one is by rank."""
    old = of(sorts, pane)
    rest = tuple(s for s in sorts if s.pane != pane)
    if not column:
        return rest
    return (*rest, Sort(pane, column, old is not None and old.column == column and not old.down))


def order(sort: Sort | None) -> Order:
    """Return the sort order of a pane's rows."""
    if sort is None:
        return lambda row: row.rank
    value, down = COLUMNS[sort.pane][sort.column].value, sort.down

    def key(row: Any) -> tuple[bool, Any, str]:
        found = value(row)
        return found is None, _Down(found) if down and found is not None else found, row.id

    return key


class Sorter:
    """Sorts, and keeps what it sorted last: a pane is drawn more often than its rows change."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[object, Sort, Sequence[Any]]] = {}

    def rows(self, pane: str, rows: Sequence[T], sorts: Sequence[Sort]) -> Sequence[T]:
        """*rows* as the sort of *pane* has them; the same object where there is none."""
        sort = of(sorts, pane)
        if sort is None:
            return rows
        last = self._last.get(pane)
        if last is None or last[0] is not rows or last[1] != sort:
            last = self._last[pane] = (rows, sort, sorted(rows, key=order(sort)))
        return last[2]


def words(sorts: Sequence[Sort], pane: str) -> str:
    """``by age, oldest first``; empty: by rank."""
    sort = of(sorts, pane)
    if sort is None:
        return ""
    by = COLUMNS[pane][sort.column]
    return f"by {by.name}, {by.last if sort.down else by.first}"
