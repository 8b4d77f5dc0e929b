"""The whole board's cautions about an action on one service: shown on the plan, before anything is sent. Pure."""

from __future__ import annotations

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.text.time_format import age, local_time
from oncall_tui.triage.consent import suspected_deploys
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.triager import TriagedBoard

TOLD = 3
_GOES_ON = frozenset(AlertState) - {AlertState.RESOLVED, AlertState.NO_DATA}
_FIRES = frozenset({AlertState.FIRING, AlertState.UNKNOWN, AlertState.SEEN, AlertState.ACKNOWLEDGED})


def cautions(triaged: TriagedBoard, service_id: str, deploy: Deploy | None) -> tuple[str, ...]:
    """Return cautions against rolling *service_id* back from *deploy*: older alerts, a wide incident, other deploys."""
    return (*_not_suspect(triaged, service_id, deploy), *_wide(triaged), *_neighbours(triaged, service_id))


def against_continuing(triaged: TriagedBoard, service_id: str) -> tuple[str, ...]:
    """Return cautions against continuing a deploy of *service_id*: an alert that it is suspected of."""
    return tuple(
        f"{row.alert.title}: {deploy.arrow} is suspected, and continuing takes it further"
        for row, deploy in suspected_deploys(triaged, service_id)[:TOLD]
    )


def against_resolving(triaged: TriagedBoard, incident: str) -> tuple[str, ...]:
    """Return cautions against resolving *incident*: its alarms still fire, or the suspect deploy still runs."""
    row = triaged.find(incident)
    if row is None:
        return ()
    others = [m for m in row.members if m.id != incident and m.provider not in PAGER_PROVIDERS and m.state in _GOES_ON]
    found = [f"{m.title} ({m.source}) still fires, and may page again" for m in others]
    found = [*found[:TOLD], *([f"and {len(found) - TOLD} more alerts still fire"] if len(found) > TOLD else [])]
    runs = [s.deploy for s in row.suspicion.deploys if not s.possible and _still_runs(triaged, s.deploy)]
    return (*found, *(f"the suspect deploy {d.arrow} of {d.service_id} still runs" for d in runs[:1]))


def stays_open(triaged: TriagedBoard, alert: str) -> tuple[str, ...]:
    """Return cautions against silencing *alert*: its open incident will not hear that it is over."""
    row = triaged.find(alert)
    incident = triaged.board.alerts.get(row.incident) if row is not None and row.incident else None
    if incident is None or incident.id == alert:
        return ()
    who = "PagerDuty" if incident.provider == "pagerduty" else incident.source
    return (f"{who} will not receive the resolve while this lasts: its incident {incident.title} stays open",)


def _still_runs(triaged: TriagedBoard, deploy: Deploy) -> bool:
    """Return whether its service runs its new revision. A rollback put the old one back."""
    service = triaged.board.services.get(deploy.service_id)
    if service is None or deploy.rollback or deploy.state in (DeployState.ROLLED_BACK, DeployState.ROLLING_BACK):
        return False
    return deploy.state.running or service.to_run.task_definition == deploy.new.task_definition


def _not_suspect(triaged: TriagedBoard, service_id: str, deploy: Deploy | None) -> tuple[str, ...]:
    """Alerts that the deploy is no suspect of: they fired when it began, or it was over long before they began; and
    those that it is only possibly the suspect of.
    """
    if deploy is None:
        return ()
    mine = [a for a in triaged.alerts if a.service and a.service.id == service_id and a.alert.state in _FIRES]
    told = []
    for row in mine:
        title, suspect = row.alert.title, row.suspicion.of(deploy)
        if suspect is not None:
            if suspect.doubt:
                told.append(f"{title}: this deploy is possibly the suspect, {suspect.doubt}; going back may not help")
        elif (since := row.suspicion.fired_at(deploy.started)) is not None:
            how = "began" if since == row.began else "had fired again"
            told.append(f"{title} {how} {age(deploy.started - since)} before this deploy did: not caused by it")
        else:
            before = age(abs(row.alert.began - deploy.started))
            told.append(f"{title}: this deploy is not suspected, it began {before} before; going back may not help")
    return (*told[:TOLD], f"and {len(told) - TOLD} more alerts like that") if len(told) > TOLD else tuple(told)


def _wide(triaged: TriagedBoard) -> tuple[str, ...]:
    found = triaged.multi_service_incident
    if found is None:
        return ()
    since = local_time(found.since, triaged.board.at)
    return (
        f"multi-service: {found.summary} fire since {since}, probably not one deploy; "
        "a rollback replaces running tasks while something else may be down",
    )


def _neighbours(triaged: TriagedBoard, service_id: str) -> tuple[str, ...]:
    product = triaged.products.get(service_id)
    if product is None:
        return ()
    found = [
        d
        for d in triaged.deploys
        if d.state in (DeployState.PENDING, DeployState.IN_PROGRESS)
        and d.service_id != service_id
        and triaged.products.get(d.service_id) is product
    ]
    told = tuple(f"{d.service_id} of the same product is deploying too ({d.arrow})" for d in found[:TOLD])
    return (*told, f"and {len(found) - TOLD} more deploys of the product are under way") if found[TOLD:] else told
