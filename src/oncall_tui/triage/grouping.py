"""Joins alerts to services, and groups the alerts of one problem.

Order of trust: the same key (an alarm's ARN, a fingerprint, a dedup key), or an incident that lists exactly the alert's
labels: joined, one problem. The same service only: related, which is shown and never acknowledged along.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

import msgspec

from oncall_tui.domain.alert import PAGE_KEY, Alert, AlertState, ServiceHint
from oncall_tui.domain.alert import PAGER_PROVIDERS as PAGER_PROVIDERS
from oncall_tui.domain.service import NamedService, Service
from oncall_tui.triage.aftermath import Aftermath, EndedIncident
from oncall_tui.triage.ranking import lead_order

NEW_ID_PROVIDERS = PAGER_PROVIDERS | {"mackerel"}  # each firing has another id there: its first key says what fires

S = TypeVar("S", bound=NamedService)


class ServiceIndex(Generic[S]):
    """Services by what alerts say of them; built once per set of services."""

    def __init__(self, services: Iterable[S]) -> None:
        self._by_name: dict[str, list[S]] = defaultdict(list)
        for service in services:
            self._by_name[service.key.name].append(service)

    def find(self, hint: ServiceHint) -> S | None:
        """The one service that the hint names; None where it names none, or cannot tell between several."""
        if not hint.service:
            return None
        found = [s for s in self._by_name.get(service_name(hint), ()) if _fits(s, hint)]
        return found[0] if len(found) == 1 else None


def service_name(hint: ServiceHint) -> str:
    """The service's name alone: a hint may hold an ARN."""
    return hint.service.rsplit("/", 1)[-1] if "/" in hint.service else hint.service


def _fits(service: NamedService, hint: ServiceHint) -> bool:
    key = service.key
    return (
        (not hint.cluster or hint.cluster.rsplit("/", 1)[-1] in (key.cluster, service.source))
        and (not hint.account or hint.account == key.account)
        and (not hint.region or hint.region == key.region)
    )


class AlertGroup(msgspec.Struct, frozen=True, gc=False):
    """Alerts that are one problem, each as its own source tells it. *incident*: the pager's open one, or empty.

    The incident may be a row of its own: one that lists alerts of several services is several problems. *ended*: there
    is none open, and the one that there was is over while the same firing goes on.
    """

    members: tuple[Alert, ...]
    incident: str = ""
    ended: EndedIncident | None = None


class AlertGrouper:
    """Puts alerts together; keeps what it worked out of each, since most do not change from board to board."""

    def __init__(self) -> None:
        self._labels: dict[str, tuple[Alert, frozenset[tuple[str, str]]]] = {}
        self._after = Aftermath()

    def groups(
        self,
        alerts: Mapping[str, Alert],
        services: Mapping[str, Service],
        now: float = 0.0,
        unsure: frozenset[str] = frozenset(),
    ) -> list[AlertGroup]:
        """Every alert in exactly one problem. *services*: of each alert that names one, by the alert's id.

        *unsure*: the sources that may have more open than they list.
        """
        self._after.follow(alerts, unsure, now)
        groups = self._groups(alerts)
        grouped = {alert_id for group in groups for alert_id in group}
        found = [AlertGroup((a,), _own(a), self._after.of(a)) for a in alerts.values() if a.id not in grouped]
        for group in groups:
            found += [self._remembering(problem, alerts) for problem in _split([alerts[i] for i in group], services)]
        return found

    def _remembering(self, problem: AlertGroup, alerts: Mapping[str, Alert]) -> AlertGroup:
        """The problem, with the incident that it had where it has none any more."""
        if problem.incident:
            self._after.remember(alerts[problem.incident], problem.members)
            return problem
        ended = [known for member in problem.members if (known := self._after.of(member)) is not None]
        latest = max(ended, key=lambda one: one.at, default=None)
        return msgspec.structs.replace(problem, ended=latest) if latest is not None else problem

    def _groups(self, alerts: Mapping[str, Alert]) -> list[list[str]]:
        """Ids of alerts that share a key, or that an open incident lists."""
        pagers = [a for a in alerts.values() if a.provider in PAGER_PROVIDERS and a.state is not AlertState.RESOLVED]
        owner: dict[str, str] = {}
        parent: dict[str, str] = {}
        for alert in alerts.values():
            if alert.provider in PAGER_PROVIDERS and alert.state is AlertState.RESOLVED:
                continue  # what is closed takes nothing: the next firing opens another
            for key in alert.keys:
                other = owner.setdefault(key, alert.id)
                if other != alert.id:
                    _unite(parent, other, alert.id)
            if (ended := self._after.of(alert)) is not None:
                other = owner.setdefault(f"ended:{ended.incident.id}", alert.id)
                if other != alert.id:
                    _unite(parent, other, alert.id)
        if pagers:
            self._by_incident(pagers, alerts, owner, parent)
        groups: dict[str, list[str]] = defaultdict(list)
        for alert_id in parent:
            groups[_root(parent, alert_id)].append(alert_id)
        return list(groups.values())

    def _by_incident(
        self, pagers: list[Alert], alerts: Mapping[str, Alert], owner: dict[str, str], parent: dict[str, str]
    ) -> None:
        """Unite by what an incident was made of: label sets, and pages that were sent from here."""
        by_labels = {frozenset(labels): p.id for p in pagers for labels in p.label_sets if labels}
        sent = any(key.startswith("dedup:") for p in pagers for key in p.keys)
        for alert in alerts.values():
            if alert.provider in PAGER_PROVIDERS:
                continue
            if by_labels and alert.labels and (incident := by_labels.get(self._label_set(alert))):
                _unite(parent, incident, alert.id)
            if sent:  # a page that was sent from here has the alert's id as its dedup key
                key = alert.id if len(alert.id) <= PAGE_KEY else alert.page_key
                if incident := owner.get(f"dedup:{key}"):
                    _unite(parent, incident, alert.id)

    def _label_set(self, alert: Alert) -> frozenset[tuple[str, str]]:
        known = self._labels.get(alert.id)
        if known is None or known[0] is not alert:
            if len(self._labels) > 50_000:
                self._labels.clear()
            known = self._labels[alert.id] = (alert, frozenset(alert.labels))
        return known[1]


def _unite(parent: dict[str, str], one: str, other: str) -> None:
    parent.setdefault(one, one)
    parent.setdefault(other, other)
    a, b = _root(parent, one), _root(parent, other)
    if a != b:
        parent[b] = a


def _root(parent: dict[str, str], alert_id: str) -> str:
    while parent[alert_id] != alert_id:
        parent[alert_id] = parent[parent[alert_id]]
        alert_id = parent[alert_id]
    return alert_id


def _own(alert: Alert) -> str:
    return alert.id if alert.provider in PAGER_PROVIDERS and alert.state is not AlertState.RESOLVED else ""


def _split(members: list[Alert], services: Mapping[str, Service]) -> list[AlertGroup]:
    """Return one group, or one for each service: those are joined by the incident alone."""
    incident = _leading(members)
    by_service: dict[str, list[Alert]] = defaultdict(list)
    for member in members:
        by_service[services[member.id].id if member.id in services else ""].append(member)
    named = [service_id for service_id in by_service if service_id]
    if len(named) <= 1:
        return [AlertGroup(tuple(members), incident)]
    nameless = by_service.pop("", [])
    found = [AlertGroup(tuple(part), _leading(part) or incident) for part in by_service.values()]
    return [*found, *(AlertGroup((m,), _own(m) or incident) for m in nameless)]


def _leading(members: list[Alert]) -> str:
    """Return the incident that leads a row of *members*: the key goes to what is seen. Empty: none of them is one."""
    return min((m for m in members if _own(m)), key=lead_order).id if any(map(_own, members)) else ""
