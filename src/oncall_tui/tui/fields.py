"""What a filter sees of a row. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.service import Service
from oncall_tui.triage.filters import Fields, keys
from oncall_tui.triage.look import AlertLook, Look


def alert_fields(look: AlertLook) -> Fields:
    """A row's fields by name: its own, then its labels."""
    alert = look.alert
    return {
        **{name: value for member in reversed(look.members) for name, value in member.labels},
        "title": alert.title,
        "state": alert.state,
        "severity": look.severity,
        "source": " ".join(dict.fromkeys(m.source for m in look.members)),
        "provider": " ".join(dict.fromkeys(m.provider for m in look.members)),
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


def deploy_fields(deploy: Deploy, look: Look) -> Mapping[str, str]:
    product = look.products.get(deploy.service_id)
    return {
        "service": deploy.service_id,
        "source": deploy.source,
        "state": deploy.state,
        "revision": deploy.new.family_revision,
        "by": deploy.started_by,
        "reason": deploy.reason,
        "product": product.name if product else "",
    }


OWN = [
    "account",
    "by",
    "cluster",
    "health",
    "page",
    "product",
    "provider",
    "reason",
    "revision",
    "service",
    "severity",
    "source",
    "state",
    "title",
]


def unknown_key(text: str, look: Look) -> str:
    """In words, the first key of a filter that no row has; empty: there is none. A typo must not look like quiet."""
    asked = [key for key in keys(text) if key.lower() not in OWN]
    if not asked:
        return ""
    labels = {name for a in look.alerts for m in a.members for name, _ in m.labels}
    found = next((key for key in asked if not {key, key.lower()} & labels), "")
    return f"no row has the key {found!r}: it is one of {', '.join(OWN)}, or a label's name" if found else ""
