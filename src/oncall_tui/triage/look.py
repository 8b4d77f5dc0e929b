"""What an engineer looks at: the board's alerts joined, told apart (pages, notifications) and ranked."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from operator import is_
from typing import TypeVar

import msgspec

from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service
from oncall_tui.triage.join import ServiceIndex, incidents, product_of_alert, product_of_service, service_name

T = TypeVar("T")
LOOK_BACK_S = 3600.0  # a deploy that began up to an hour before an alert may be its cause

PageRule = Mapping[str, str]  # field or label → glob; all of one rule have to match


class Rules(msgspec.Struct, frozen=True):
    """What the configuration says of looking: which alerts page, and which products there are."""

    pages: tuple[PageRule, ...] = ()
    products: tuple[Product, ...] = ()


class AlertLook(msgspec.Struct, frozen=True, gc=False):
    """One alert as an engineer sees it, and its place among others (*rank*, the smallest first).

    *incident* is the pager's row for the same problem: ``a`` goes there.
    """

    alert: Alert
    service: Service | None
    product: Product | None
    pages: bool
    suspect: Deploy | None
    incident: str
    rank: tuple[int, int, int, int, float, str]


def rank_of(alert: Alert, product: Product | None, does_page: bool) -> tuple[int, int, int, int, float, str]:
    """Pages first, then what nobody has, then severity, protected products, the newest; the id settles ties."""
    protected = 0 if product and product.protected else 1
    return (not does_page, _ATTENTION[alert.state], alert.severity.rank, protected, -alert.began, alert.id)


_ATTENTION = {
    AlertState.FIRING: 0,
    AlertState.UNKNOWN: 0,
    AlertState.NO_DATA: 1,
    AlertState.SEEN: 2,
    AlertState.ACKNOWLEDGED: 2,
    AlertState.SNOOZED: 3,
    AlertState.SILENCED: 4,
    AlertState.INHIBITED: 4,
    AlertState.RESOLVED: 5,
}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Everything for the screen and ``status``: alerts ranked, services and deploys ordered."""

    board: Board
    alerts: tuple[AlertLook, ...]
    hidden: int  # alerts that are not shown unless asked for
    services: tuple[Service, ...]
    deploys: tuple[Deploy, ...]
    products: Mapping[str, Product]  # by service id

    def find(self, alert_id: str) -> AlertLook | None:
        return next((a for a in self.alerts if a.alert.id == alert_id), None)


class Looker:
    """Makes looks from boards; keeps what did not change from one to the next, since most rows do not."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._services: Mapping[str, Service] = {}
        self._index = ServiceIndex(())
        self._products: dict[str, Product] = {}
        self._alerts: dict[str, AlertLook] = {}
        self._deploys: Mapping[str, Deploy] = {}
        self._by_service: dict[str, list[Deploy]] = {}
        self._shown: tuple[AlertLook, ...] = ()
        self._ordered_services: tuple[Service, ...] = ()
        self._ordered_deploys: tuple[Deploy, ...] = ()

    def look(self, board: Board, show_hidden: bool = False) -> Look:
        changed = self._changed(board)
        joined = incidents(board.alerts.values())
        looks: dict[str, AlertLook] = {}
        for alert in board.alerts.values():
            old = self._alerts.get(alert.id)
            incident = joined.get(alert.id, "")
            kept = old is not None and old.alert is alert and old.incident == incident
            if kept and old is not None and not (changed and service_name(alert.hint) in changed):
                looks[alert.id] = old
            else:
                looks[alert.id] = self._look_at(alert, incident)
        self._alerts = looks
        shown = [a for a in looks.values() if show_hidden or not a.alert.hidden]
        shown.sort(key=lambda a: a.rank)
        self._shown = _or_same(self._shown, shown)
        self._ordered_services = _or_same(self._ordered_services, sorted(board.services.values(), key=_service_order))
        self._ordered_deploys = _or_same(self._ordered_deploys, sorted(board.deploys.values(), key=_deploy_order))
        return Look(
            board=board,
            alerts=self._shown,
            hidden=len(looks) - len(shown),
            services=self._ordered_services,
            deploys=self._ordered_deploys,
            products=self._products,
        )

    def _changed(self, board: Board) -> set[str]:
        """The names of services that are not what they were, or whose deploys are not (the same objects)."""
        changed = {s.name for s in _differing(self._services, board.services)}
        changed |= {d.service_id.rpartition("/")[2] for d in _differing(self._deploys, board.deploys)}
        if changed:
            if self._services.keys() != board.services.keys():
                found = ((s, product_of_service(s, self.rules.products)) for s in board.services)
                self._products = {s: p for s, p in found if p}
            self._services, self._deploys = board.services, board.deploys
            self._index = ServiceIndex(board.services.values())
            self._by_service = {}
            for deploy in board.deploys.values():
                self._by_service.setdefault(deploy.service_id, []).append(deploy)
        return changed

    def _look_at(self, alert: Alert, incident: str) -> AlertLook:
        service = self._index.find(alert.hint)
        product = product_of_alert(alert, service, self.rules.products)
        suspect = self._suspect(alert, service)
        does_page = pages(alert, self.rules.pages)
        rank = rank_of(alert, product, does_page)
        return AlertLook(alert, service, product, does_page, suspect, incident, rank)

    def _suspect(self, alert: Alert, service: Service | None) -> Deploy | None:
        """The newest deploy of the alert's own service that began in the hour before the alert did."""
        if service is None:
            return None
        found = [d for d in self._by_service.get(service.id, ()) if 0 <= alert.began - d.started <= LOOK_BACK_S]
        return max(found, key=lambda d: d.started, default=None)


def pages(alert: Alert, rules: tuple[PageRule, ...]) -> bool:
    """Does any rule say that this alert pages?"""
    return any(all(fnmatchcase(_field(alert, k), v) for k, v in rule.items()) for rule in rules)


def _field(alert: Alert, name: str) -> str:
    if name in ("severity", "provider", "source", "urgency", "state"):
        return str(getattr(alert, name))
    return alert.label(name)


def _or_same(old: tuple[T, ...], new: list[T]) -> tuple[T, ...]:
    """*old* itself where *new* has the same objects in the same order: what is drawn from it need not be again."""
    return old if len(old) == len(new) and all(map(is_, old, new)) else tuple(new)


def _differing(old: Mapping[str, T], new: Mapping[str, T]) -> list[T]:
    """What came, went, or is another object than before."""
    gone = [row for key, row in old.items() if key not in new]
    return [row for key, row in new.items() if old.get(key) is not row] + gone


def _service_order(service: Service) -> tuple[int, str]:
    return (0 if service.health.is_fault else 1 if service.health == "deploying" else 2, service.id)


def _deploy_order(deploy: Deploy) -> tuple[int, float, str]:
    return (0 if deploy.state.running else 1, -deploy.started, deploy.id)


def page_count(look: Look) -> int:
    """Pages that are open: neither resolved nor silenced."""
    return sum(a.pages and _ATTENTION[a.alert.state] < 4 for a in look.alerts)


def unacknowledged_count(look: Look) -> int:
    """Pages that nobody has."""
    return sum(a.pages and a.alert.state.asks for a in look.alerts)


def severity_word(severity: Severity, does_page: bool) -> str:
    """``PAGE``, or the severity in at most four letters: the first column of a row."""
    if does_page:
        return "PAGE"
    return {"critical": "crit", "error": "err", "warning": "warn", "info": "info", "unknown": "?"}[severity]
