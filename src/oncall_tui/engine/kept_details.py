"""The details that sources forget, kept by a recorder: each rollout's steps, why its tasks stopped, an alert's labels.

ECS forgets a stopped task in an hour, an Alertmanager an alert when it is over.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.entry import Entry, EntryKind

QUARTERS = 4  # of the tasks that are wanted: a step for each, and none for each of a hundred tasks
FAILURES = 20  # stopped tasks that one entry names; all of them are counted
FORGOTTEN = 5_000  # deploys, or alerts, that are kept in mind
PAIRS = 60  # labels, or annotations, of an alert that are kept
CHARS = 500  # of each


class _Step(msgspec.Struct, frozen=True):
    """The part of a deploy whose change is a step."""

    at: tuple[object, ...]
    tasks: frozenset[str] = frozenset()  # stopped tasks whose reason was kept


class RolloutSteps:
    """Tells what is new in each deploy. One thread's own."""

    def __init__(self) -> None:
        self._known: dict[str, _Step] = {}

    def recall(self, entries: Iterable[Entry]) -> None:
        """Take up what the journal has, oldest first, so that a recorder that starts again tells nothing twice."""
        for entry in entries:
            if entry.kind is EntryKind.DEPLOY and "step" in entry.data:
                tasks = self._known[entry.subject].tasks if entry.subject in self._known else frozenset()
                named = frozenset(str(one.get("task")) for one in entry.data.get("failures", ()))
                self._known[entry.subject] = _Step(_marks(entry.data["step"]), tasks | named)

    def of(self, deploy: Deploy) -> dict[str, Any]:
        """Return the data of its entry, and count it as told: ``step`` is how it stands, ``failures`` the new ones."""
        told = self._known.get(deploy.id, _Step(()))
        step = _step(deploy)
        new = [f for f in deploy.failures if f.task not in told.tasks][:FAILURES]
        self._known[deploy.id] = _Step(_marks(step), told.tasks | {f.task for f in new})
        data: dict[str, Any] = {"step": step}
        return data | ({"failures": [msgspec.to_builtins(f) for f in new]} if new else {})

    def moved(self, deploys: Mapping[str, Deploy], told: frozenset[str]) -> list[Deploy]:
        """Return the deploys that went a step on, but for those just *told* because their state changed."""
        if len(self._known) > FORGOTTEN + len(deploys):
            self._known = {i: step for i, step in self._known.items() if i in deploys}
        return [d for d in deploys.values() if d.id not in told and self._moved(d)]

    def _moved(self, deploy: Deploy) -> bool:
        known = self._known.get(deploy.id)
        if any(known is None or f.task not in known.tasks for f in deploy.failures):
            return True
        if known is None:  # a board told its state; what is over and lost no task has nothing to add
            return deploy.state.running
        return deploy.state.running and known.at != _marks(_step(deploy))


def _step(deploy: Deploy) -> dict[str, Any]:
    """How the deploy stands, without what is empty."""
    found: dict[str, Any] = {
        "status": deploy.status,
        "stage": deploy.stage,
        "running": deploy.running,
        "desired": deploy.desired,
        "pending": deploy.pending,
        "old_running": deploy.old_running,
        "failed_tasks": deploy.failed_tasks,
        "traffic": deploy.traffic,
        "breaker": deploy.breaker,
        "waits": deploy.waits,
        "all_traffic_since": deploy.all_traffic_since,
        "reason": deploy.reason,
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


def _marks(step: Mapping[str, Any]) -> tuple[object, ...]:
    """The part of a step that makes it another one: its words, its traffic, and each quarter of its tasks."""
    desired = int(step.get("desired") or 0)
    quarter = int(QUARTERS * int(step.get("running") or 0) / desired) if desired else 0
    words = tuple(step.get(name, "") for name in ("status", "stage", "waits", "reason"))
    return (*words, step.get("traffic"), quarter, int(step.get("failed_tasks") or 0) > 0)


class AlertDetails:
    """Tells the rest of what a source says of each alert, once for each firing. One thread's own."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}  # id → the second in which the firing began

    def recall(self, entries: Iterable[Entry]) -> None:
        """Take up what the journal has, oldest first."""
        for entry in entries:
            if entry.kind is EntryKind.ALERT and "detail" in entry.data:
                self._told[entry.subject] = round(float(entry.data.get("began") or 0.0))

    def of(self, alert: Alert) -> dict[str, object]:
        """Return the detail of its entry, without what is empty, and count it as told."""
        self._told[alert.id] = round(alert.began)
        found: dict[str, object] = {
            "severity": str(alert.severity),
            "urgency": alert.urgency,
            "labels": {name: value[:CHARS] for name, value in alert.labels[:PAIRS]},
            "annotations": {name: value[:CHARS] for name, value in alert.annotations[:PAIRS]},
            "until": alert.until,
            "comment": alert.comment[:CHARS],
            "assigned": list(alert.assigned),
            "url": alert.url,
        }
        return {name: value for name, value in found.items() if value}

    def lacking(self, alerts: Mapping[str, Alert], told: frozenset[str]) -> list[Alert]:
        """Return the alerts whose firing has no detail yet (a board told its state), but for those just *told*."""
        if len(self._told) > FORGOTTEN + len(alerts):
            self._told = {i: began for i, began in self._told.items() if i in alerts}
        return [
            a
            for a in alerts.values()
            if self._told.get(a.id) != round(a.began) and a.id not in told and a.state is not AlertState.RESOLVED
        ]
