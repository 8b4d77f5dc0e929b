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
AGAIN_S = 60.0  # between two entries on tasks of one deploy that stop for a reason that was told
FORGOTTEN = 5_000  # deploys, or alerts, that are kept in mind
PAIRS = 60  # labels, or annotations, of an alert that are kept
CHARS = 500  # of each


class _Step(msgspec.Struct, frozen=True):
    """The part of a deploy that was told: the *words* whose change is a step, the most *quarters* of its tasks that
    ran, the stopped *tasks* that were named, with their *reasons*; and when (seconds since the epoch).
    """

    words: tuple[object, ...] = ()
    quarters: int = 0
    tasks: frozenset[str] = frozenset()
    reasons: frozenset[tuple[str, int | None]] = frozenset()
    at: float = 0.0


class RolloutSteps:
    """Tells what is new in each deploy. One thread's own. *now* is in seconds since the epoch, UTC."""

    def __init__(self) -> None:
        self._known: dict[str, _Step] = {}

    def recall(self, entries: Iterable[Entry]) -> None:
        """Take up what the journal has, oldest first, so that a recorder that starts again tells nothing twice."""
        for entry in entries:
            if entry.kind is EntryKind.DEPLOY and "step" in entry.data:
                failures = [f for f in entry.data.get("failures", ()) if isinstance(f, dict)]
                named = [(str(f.get("task")), str(f.get("reason")), f.get("exit_code")) for f in failures]
                self._keep(entry.subject, entry.data["step"], named, entry.at)

    def of(self, deploy: Deploy, now: float) -> dict[str, Any]:
        """Return the data of its entry, and count it as told: ``step`` is how it stands, ``failures`` the new ones."""
        known = self._known.get(deploy.id, _Step())
        new = [f for f in deploy.failures if f.task not in known.tasks][:FAILURES]
        step = _step(deploy)
        self._keep(deploy.id, step, [(f.task, f.reason, f.exit_code) for f in new], now)
        data: dict[str, Any] = {"step": step}
        return data | ({"failures": [msgspec.to_builtins(f) for f in new]} if new else {})

    def moved(self, deploys: Mapping[str, Deploy], told: frozenset[str], now: float) -> list[Deploy]:
        """Return the deploys that went a step on, but for those just *told* because their state changed."""
        if len(self._known) > FORGOTTEN + len(deploys):
            self._known = {i: step for i, step in self._known.items() if i in deploys}
        return [d for d in deploys.values() if d.id not in told and self._moved(d, now)]

    def _keep(
        self, deploy_id: str, step: Mapping[str, Any], named: Iterable[tuple[str, str, int | None]], at: float
    ) -> None:
        known, named = self._known.get(deploy_id, _Step()), list(named)
        self._known[deploy_id] = _Step(
            _words(step),
            max(known.quarters, _quarters(step)),
            known.tasks | {task for task, _, _ in named},
            known.reasons | {(reason, code) for _, reason, code in named},
            at,
        )

    def _moved(self, deploy: Deploy, now: float) -> bool:
        known = self._known.get(deploy.id)
        if known is None:  # a board told its state; what is over and lost no task has nothing to add
            return deploy.state.running or bool(deploy.failures)
        new = [f for f in deploy.failures if f.task not in known.tasks]
        if any((f.reason, f.exit_code) not in known.reasons for f in new):
            return True
        if not deploy.state.running:
            return bool(new)
        if new and now - known.at >= AGAIN_S:  # tasks that stop again and again for one reason
            return True
        step = _step(deploy)
        return known.words != _words(step) or _quarters(step) > known.quarters


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


def _words(step: Mapping[str, Any]) -> tuple[object, ...]:
    """The part of a step that makes it another one, whatever its tasks do."""
    words = tuple(step.get(name, "") for name in ("status", "stage", "waits", "reason"))
    return (*words, step.get("traffic"), int(step.get("failed_tasks") or 0) > 0)


def _quarters(step: Mapping[str, Any]) -> int:
    desired = int(step.get("desired") or 0)
    return int(QUARTERS * int(step.get("running") or 0) / desired) if desired else 0


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
