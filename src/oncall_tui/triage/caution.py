"""What the whole board says against acting on one service: shown on the plan, before anything is sent. Pure."""

from __future__ import annotations

from datetime import UTC

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.text import age, clock
from oncall_tui.triage.look import Look

TOLD = 3
_FIRES = frozenset({AlertState.FIRING, AlertState.UNKNOWN, AlertState.SEEN, AlertState.ACKNOWLEDGED})


def cautions(look: Look, service_id: str, deploy: Deploy | None) -> tuple[str, ...]:
    """Against rolling *service_id* back from *deploy*: older alerts, a wide event, who else of the product deploys."""
    return (*_not_suspect(look, service_id, deploy), *_wide(look), *_neighbours(look, service_id))


def _not_suspect(look: Look, service_id: str, deploy: Deploy | None) -> tuple[str, ...]:
    """Alerts that the deploy is no suspect of: they began before it did, or it was over long before they began."""
    if deploy is None:
        return ()
    mine = [a for a in look.alerts if a.service and a.service.id == service_id and a.alert.state in _FIRES]
    told = []
    for row in mine:
        if row.began < deploy.started:
            told.append(
                f"{row.alert.title} began {age(deploy.started - row.began)} before this deploy did: not caused by it"
            )
        elif all(s.deploy.id != deploy.id for s in row.suspicion.suspects):
            since = age(row.began - deploy.started)
            told.append(
                f"{row.alert.title}: this deploy is not suspected, it began {since} before; going back may not help"
            )
    return (*told[:TOLD], f"and {len(told) - TOLD} more alerts like that") if len(told) > TOLD else tuple(told)


def _wide(look: Look) -> tuple[str, ...]:
    found = look.wide
    if found is None:
        return ()
    when = f"{clock(found.since, UTC)} UTC"  # who shows it says it in the configured zone
    return (
        f"wide: {found.words} fire since {when}, probably not one deploy; "
        "a rollback replaces running tasks while something else may be down",
    )


def _neighbours(look: Look, service_id: str) -> tuple[str, ...]:
    product = look.products.get(service_id)
    if product is None:
        return ()
    found = [
        d
        for d in look.deploys
        if d.state in (DeployState.PENDING, DeployState.IN_PROGRESS)
        and d.service_id != service_id
        and look.products.get(d.service_id) is product
    ]
    told = tuple(f"{d.service_id} of the same product is deploying too ({d.arrow})" for d in found[:TOLD])
    return (*told, f"and {len(found) - TOLD} more deploys of the product are under way") if found[TOLD:] else told
