"""A row as a filter sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Update
from oncall_tui.text.history_words import UNKNOWN
from oncall_tui.triage.filters import WORDS, Fields, FilterError, Known, parse
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard


def alert_fields(row: TriagedAlert) -> Fields:
    """A row's fields by name: its own, then its labels."""
    alert = row.alert
    return {
        **{name: value for member in reversed(row.members) for name, value in member.labels},
        "title": alert.title,
        "state": alert.state,
        "severity": row.severity,
        "source": " ".join(dict.fromkeys(m.source for m in row.members)),
        "provider": " ".join(dict.fromkeys(m.provider for m in row.members)),
        "product": row.product.name if row.product else "",
        "service": row.service.id if row.service else alert.hint.service,
        "page": "yes" if row.pages else "no",
        "by": " ".join(alert.by),
    }


def service_fields(service: Service, triaged: TriagedBoard) -> Mapping[str, str]:
    product = triaged.products.get(service.id)
    return {
        "service": service.id,
        "cluster": service.key.cluster,
        "account": service.key.account,
        "source": service.source,
        "health": service.health,
        "revision": service.revision.family_revision,
        "product": product.name if product else "",
    }


def deploy_fields(deploy: Deploy, triaged: TriagedBoard) -> Mapping[str, str]:
    product = triaged.products.get(deploy.service_id)
    return {
        "service": deploy.service_id,
        "source": deploy.source,
        "state": deploy.state,
        "revision": deploy.new.family_revision,
        "by": deploy.started_by or UNKNOWN,
        "reason": deploy.reason,
        "product": product.name if product else "",
    }


def known(update: Update, products: Iterable[Product]) -> Known:
    """The keys and words of rows now. Of labels nothing is known while a source is not read."""
    board = update.board
    unread = any(not s.current for s in board.sources.values())
    labels = None if unread else frozenset(name for a in board.alerts.values() for name, _ in a.labels)
    sources = tuple(board.sources)
    providers = tuple(dict.fromkeys(s.provider for s in board.sources.values()))
    names = tuple(p.name for p in products)
    return Known(labels, {**WORDS, "source": sources, "provider": providers, "product": names})


def unknown_key(text: str, update: Update) -> str:
    """In words, the first key of a filter that no row has now; empty: each has. A typo must not look like quiet."""
    labels = frozenset(name for a in update.board.alerts.values() for name, _ in a.labels)
    try:
        parse(text, Known(labels))
    except FilterError as error:
        return error.message
    return ""
