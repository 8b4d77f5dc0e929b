"""What a filter sees of a row, and where a verb on it goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.service import Service
from oncall_tui.engine import Update
from oncall_tui.triage.filters import Fields
from oncall_tui.triage.look import AlertLook, Look


def alert_fields(look: AlertLook) -> Fields:
    """A row's fields by name: its own, then its labels."""
    alert = look.alert
    return {
        **dict(alert.labels),
        "title": alert.title,
        "state": alert.state,
        "severity": alert.severity,
        "source": alert.source,
        "provider": alert.provider,
        "product": look.product.name if look.product else "",
        "service": look.service.id if look.service else alert.hint.service,
        "page": "yes" if look.pages else "no",
        "by": " ".join(alert.by),
    }


def service_fields(service: Service, look: Look) -> Mapping[str, str]:
    product = look.products.get(service.id)
    return {
        "service": service.id,
        "cluster": service.key.cluster,
        "account": service.key.account,
        "source": service.source,
        "health": service.health,
        "revision": service.revision.family_revision,
        "product": product.name if product else "",
    }


def deploy_fields(deploy: Deploy) -> Mapping[str, str]:
    return {
        "service": deploy.service_id,
        "source": deploy.source,
        "state": deploy.state,
        "revision": deploy.new.family_revision,
        "by": deploy.started_by,
        "reason": deploy.reason,
    }


def can(look: AlertLook, update: Update, verb: Verb) -> tuple[str, Alert] | None:
    """Where *verb* on this row goes: (words, alert); None where nothing can do it.

    An alert that is joined to a pager's incident is acknowledged and escalated there, never silenced away.
    """
    if look.alert.state is AlertState.RESOLVED:
        return None
    incident = update.board.alerts.get(look.incident) if look.incident else None
    for alert in (incident, look.alert):
        if alert is not None and verb in alert.verbs:
            joined = alert is incident
            if not joined and incident is not None and verb is Verb.ACKNOWLEDGE:
                return None  # the incident has it already: a silence here would only hide that
            return (f"{alert.source}: {alert.title}", alert)
    return None
