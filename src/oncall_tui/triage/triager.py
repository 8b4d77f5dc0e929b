"""The triaged board: alerts grouped into problems, split into pages and notifications, and ranked.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from operator import is_
from typing import TypeVar

import msgspec

from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change, ChangeKind, alarm_keys_of
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import DEPLOYS_UNREAD, Service
from oncall_tui.triage import ranking as ranks
from oncall_tui.triage.aftermath import SETTLES_S, EndedIncident
from oncall_tui.triage.change_places import ChangePlaces
from oncall_tui.triage.changes import ChangeIndex, told_once
from oncall_tui.triage.episodes import Episodes, QuietEpisode
from oncall_tui.triage.firings import QuietTime, quiet_times
from oncall_tui.triage.grouping import PAGER_PROVIDERS, AlertGroup, AlertGrouper, ServiceIndex, service_name
from oncall_tui.triage.heartbeats import Heartbeats
from oncall_tui.triage.multi_service import FiringAlert, MultiServiceIncident, multi_service_incident
from oncall_tui.triage.product_lookup import ProductLookup
from oncall_tui.triage.ranking import ATTENTION, SILENT, PageRule, Rank, lead_order, pages, rank_of, why
from oncall_tui.triage.suspects import LOOK_BACK_S, NOTHING, Suspicion, suspicion
from oncall_tui.triage.unread_scope import UnreadScope, blind

T = TypeVar("T")


class Rules(msgspec.Struct, frozen=True):
    """The configuration's rules for triage: paging alerts, products, heartbeats."""

    pages: tuple[PageRule, ...] = ()
    products: tuple[Product, ...] = ()
    expected: tuple[PageRule, ...] = ()
    look_back_s: float = LOOK_BACK_S


class TriagedAlert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One problem as an engineer sees it: one row, and its place among others (*rank*, the smallest first).

    *service* may have been read again since: when that was stands on the board's own (``Board.services``).

    *id* is the row's, and stays while the problem lasts. *alert* leads: the pager's incident where there is one.
    *others* are the same problem as other sources tell it. *incident* is the pager's alert for it: ``a`` goes there.
    *began* is when the episode began, which has had so many *firings*. *ended*: its incident ended, and the same
    firing goes on; for a while (*settles*) that is taken to be on its way to its end, and is no page that nobody has.
    """

    id: str
    alert: Alert
    others: tuple[Alert, ...] = ()
    service: Service | None = None
    product: Product | None = None
    pages: bool = False
    severity: Severity = Severity.UNKNOWN
    began: float = 0.0
    firings: int = 1
    flapping: bool = False
    suspicion: Suspicion = NOTHING
    incident: str = ""
    ended: EndedIncident | None = None
    settles: bool = False
    rank: Rank

    @property
    def members(self) -> tuple[Alert, ...]:
        """Every alert of the problem, the leading one first."""
        return (self.alert, *self.others)

    @property
    def suspect(self) -> Deploy | None:
        """The first suspected deploy: what ``R`` rolls back, also where a change stands before it."""
        return next((one.deploy for one in self.suspicion.deploys), None)

    @property
    def why(self) -> str:
        """Why the row stands where it does, in words."""
        return why(self.rank, self.severity, "its incident ended" if self.settles else "")

    @property
    def flaps(self) -> str:
        """``flapping: fired 4 times``; empty: it does not flap."""
        return f"flapping: fired {self.firings} times" if self.flapping else ""

    @property
    def count(self) -> int:
        """How often it came: the sources' own counts, and the alerts of one source that are one problem."""
        by_source: dict[str, int] = {}
        for member in self.members:
            by_source[member.source] = by_source.get(member.source, 0) + member.count
        return max(by_source.values())


class TriagedBoard(msgspec.Struct, frozen=True, kw_only=True):
    """Everything for the screen and ``status``: problems ranked, services and deploys ordered."""

    board: Board
    alerts: tuple[TriagedAlert, ...]
    hidden: int  # alerts that are not shown unless asked for
    services: tuple[Service, ...]
    deploys: tuple[Deploy, ...]
    products: Mapping[str, Product]  # by service id
    change_owners: Mapping[str, tuple[str, ...]] = {}  # names of products, by a change's id
    multi_service_incident: MultiServiceIncident | None = None
    quiet: tuple[tuple[QuietEpisode, Suspicion], ...] = ()  # what does not fire just now, and may again

    @property
    def paging(self) -> tuple[TriagedAlert, ...]:
        """The rows that page. They stand first (see ``rank_of``), so that nobody looks at thousands of others."""
        return tuple(takewhile(lambda row: row.pages, self.alerts))

    def find(self, alert_id: str) -> TriagedAlert | None:
        """The row with this id, or the one that the alert with this id belongs to."""
        own = next((a for a in self.alerts if a.id == alert_id), None)
        return own or next((a for a in self.alerts if any(m.id == alert_id for m in a.members)), None)

    def related(self, row: TriagedAlert) -> tuple[TriagedAlert, ...]:
        """Other problems of the same service, then of the same product: shown, never acknowledged along."""
        rest = [a for a in self.alerts if a.id != row.id]
        mine = [a for a in rest if row.service and a.service and a.service.id == row.service.id]
        theirs = [a for a in rest if row.product and a.product is row.product and a not in mine]
        return (*mine, *theirs)

    def changes_of(
        self, service: Service | None, product: Product | None, alerts: Iterable[Alert] = ()
    ) -> list[Change]:
        """Return what was changed of a service, of its product's own things, and of the alarms of *alerts*."""
        service_id, alarms = (service.id if service else ""), {key for a in alerts for key in alarm_keys_of(a)}
        found = []
        for change in self.board.changes.values():
            mine = product is not None and product.name in self.change_owners.get(change.id, ())
            if change.service_id and service_id:
                mine = change.service_id == service_id
            if change.kind is ChangeKind.ALARM:
                mine = mine or not alarms.isdisjoint(change.alarm_keys)
            found += [change] if mine else []
        return told_once(found)


class Triager:
    """Makes a triaged board of each board; keeps what did not change from one to the next, since most rows do not."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.episodes = Episodes()
        self._expected = Heartbeats(rules.expected)
        self._joiner = AlertGrouper()
        self._services: Mapping[str, Service] = {}
        self._deploys: Mapping[str, Deploy] = {}
        self._blind = UnreadScope()
        self._index: ServiceIndex[Service] = ServiceIndex(())
        self._owners = ProductLookup(rules.products)
        self._products: dict[str, Product] = {}
        self._places = ChangePlaces()
        self._changes = ChangeIndex(rules.products)
        self._by_service: dict[str, list[Deploy]] = {}
        self._by_product: dict[str, list[Deploy]] = {}
        self._unread_deploys: dict[str, str] = {}  # by product: whose deploys are not read yet, in words
        self._alerts: Mapping[str, Alert] = {}
        self._found: dict[str, tuple[Alert, Service | None]] = {}  # which service an alert names
        self._rows: dict[str, TriagedAlert] = {}  # by row id, before what is wide is known
        self._row_ids: dict[str, str] = {}  # by alert id
        self._dressed: dict[str, tuple[TriagedAlert, TriagedAlert]] = {}
        self._fired: list[TriagedAlert] = []
        self._event: MultiServiceIncident | None = None
        self._at = 0.0  # when the board that is triaged now was put together
        self._settled_at: float | None = None  # when the next row that settles has taken too long
        self._shown: tuple[TriagedAlert, ...] = ()
        self._ordered_services: tuple[Service, ...] = ()
        self._ordered_deploys: tuple[Deploy, ...] = ()

    def triage(self, board: Board, show_hidden: bool = False) -> TriagedBoard:
        """Triage *board*. An alert that is expected to fire and does not is on the triaged board too."""
        board = self._places.place(self._expected.fill(board))
        stale = self._learn(board)
        lost = frozenset(s.name for s in board.unread)
        episodes = self.episodes.follow(board.alerts, lost, board.at)
        rows = self._problems(board, stale, episodes)
        event = self._wide(rows)
        dressed = [self._dress(row, event) for row in rows]
        shown = [row for row in dressed if show_hidden or not row.alert.hidden]
        shown.sort(key=_by_rank)
        self._shown = or_same(self._shown, shown)
        self._ordered_services = or_same(
            self._ordered_services, sorted(board.services.values(), key=ranks.service_order)
        )
        self._ordered_deploys = or_same(self._ordered_deploys, sorted(board.deploys.values(), key=ranks.deploy_order))
        return TriagedBoard(
            board=board,
            alerts=self._shown,
            hidden=len(dressed) - len(shown),
            services=self._ordered_services,
            deploys=self._ordered_deploys,
            products=self._products,
            change_owners=self._changes.owners,
            multi_service_incident=event,
            quiet=self._quiet(lost, board.at),
        )

    def _quiet(self, unread: frozenset[str], now: float) -> tuple[tuple[QuietEpisode, Suspicion], ...]:
        found = []
        for one in self.episodes.quiet(unread, now):
            if (service := self._services.get(one.service)) is not None:
                product, quiet = self._products.get(service.id), quiet_times(one.firings)
                found.append((one, self._suspicion((), one.began, quiet, service, product)))
        return tuple(found)

    def still(self, board: Board) -> bool:
        """Return whether the last result still holds for *board*, whose rows are the same. Only time went by."""
        if self._expected.due(board) or (self._settled_at is not None and board.at >= self._settled_at):
            return False
        self.episodes.still(frozenset(s.name for s in board.unread), board.at)
        return True

    # --- what is known of services and deploys ------------------------------------------------------------------------

    def _learn(self, board: Board) -> _Stale:
        """Take the board's services and deploys; what rows of which services and products have to be made anew."""
        services = {i: _settled(self._services.get(i), s) for i, s in board.services.items()}
        moved = _differing(self._services, services)
        names = {s.name for s in moved}
        ids = {s.id for s in moved} | {d.service_id for d in _differing(self._deploys, board.deploys)}
        unread = blind(board.sources)
        everything = unread != self._blind
        changed = self._changes.learn(board.changes)
        if not ids and not everything:
            return _Stale(services=changed.services, products=changed.products, alarms=changed.alarms)
        was = self._products
        if self._services.keys() != board.services.keys():
            found = ((s, self._owners.of_service(s)) for s in board.services)
            self._products = {s: p for s, p in found if p}
        if names:
            self._index = ServiceIndex(services.values())
        self._services, self._deploys, self._blind = services, board.deploys, unread
        self._by_service, self._by_product = {}, {}
        unread_of = (s for s in board.services.values() if s.note == DEPLOYS_UNREAD)
        told = (
            (p.name, f"the deploys of {s.title} are not read yet") for s in unread_of if (p := self._products.get(s.id))
        )
        self._unread_deploys = dict(told)
        for deploy in board.deploys.values():
            self._by_service.setdefault(deploy.service_id, []).append(deploy)
            product = self._products.get(deploy.service_id)
            if product is not None:
                self._by_product.setdefault(product.name, []).append(deploy)
        products = {p.name for i in ids for of in (was, self._products) if (p := of.get(i)) is not None}
        return _Stale(frozenset(names), changed.services | ids, changed.products | products, everything, changed.alarms)

    def _service_of(self, alert: Alert, stale: _Stale) -> Service | None:
        known = self._found.get(alert.id)
        if known is not None and known[0] is alert and service_name(alert.hint) not in stale.names:
            return known[1]
        service = self._index.find(alert.hint)
        self._found[alert.id] = (alert, service)
        return service

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _problems(self, board: Board, stale: _Stale, episodes: set[str]) -> list[TriagedAlert]:
        """A row for each problem; the same object as before where nothing in it changed."""
        self._alerts = board.alerts
        services = {a.id: s for a in board.alerts.values() if (s := self._service_of(a, stale)) is not None}
        unsure = frozenset(s.name for s in board.sources.values() if not s.whole or s.problems)
        self._at = board.at
        problems = self._joiner.groups(board.alerts, services, board.at, unsure)
        ids = self._ids(problems)
        rows: dict[str, TriagedAlert] = {}
        for problem, row_id in zip(problems, ids, strict=True):
            old = self._rows.get(row_id)
            if old is None or not self._same(old, problem, services, stale, episodes):
                old = self._row(row_id, problem, services)
            rows[row_id] = old
        self._rows = rows
        settling = [row.ended.at + SETTLES_S for row in rows.values() if row.settles and row.ended is not None]
        self._settled_at = min(settling, default=None)
        self._row_ids = {row.alert.id: row.id for row in rows.values()}
        self._row_ids.update((m.id, row.id) for row in rows.values() if row.others for m in row.others)
        if len(self._found) > 2 * len(board.alerts) + 1000:
            self._found = {i: self._found[i] for i in board.alerts}
        return list(rows.values())

    def _same(
        self,
        old: TriagedAlert,
        problem: AlertGroup,
        services: Mapping[str, Service],
        stale: _Stale,
        episodes: set[str],
    ) -> bool:
        members = problem.members
        if stale.everything or problem.incident != old.incident or len(members) != 1 + len(old.others):
            return False
        if problem.ended is not old.ended or old.settles is not self._settles(problem):
            return False
        if len(members) == 1:
            if members[0] is not old.alert or members[0].id in episodes:
                return False
        elif {id(m) for m in members} != {id(m) for m in old.members} or any(m.id in episodes for m in members):
            return False
        if old.incident not in ("", old.alert.id) and old.rank[1] != ATTENTION[self._had(old.alert, old.incident)]:
            return False
        if stale.alarms and any(not stale.alarms.isdisjoint(alarm_keys_of(m)) for m in members):
            return False
        service = next((services[m.id] for m in members if m.id in services), None)
        if service is not old.service or (service is not None and service.id in stale.services):
            return False
        return old.product is None or old.product.name not in stale.products

    def _ids(self, problems: list[AlertGroup]) -> list[str]:
        """The rows' ids: a problem keeps its own, also when the alert that it had it from is gone or leads no more."""
        members = {m.id for p in problems for m in p.members}
        taken: set[str] = set()
        ids = []
        for problem in problems:
            alone = problem.members[0].id
            if len(problem.members) == 1 and self._row_ids.get(alone, alone) == alone:  # nearly all
                taken.add(alone)
                ids.append(alone)
                continue
            own = {m.id for m in problem.members}
            kept = (self._row_ids.get(m.id, "") for m in problem.members)
            wanted = [i for i in kept if i and (i in own or i not in members)]
            lead = min(problem.members, key=lead_order).id if len(problem.members) > 1 else problem.members[0].id
            row_id = next(i for i in (*wanted, lead, *sorted(own)) if i not in taken)
            taken.add(row_id)
            ids.append(row_id)
        return ids

    def _row(self, row_id: str, problem: AlertGroup, services: Mapping[str, Service]) -> TriagedAlert:
        members = sorted(problem.members, key=lead_order) if len(problem.members) > 1 else problem.members
        lead = members[0]
        service = next((services[m.id] for m in members if m.id in services), None)
        product = self._owners.of_alerts(members, service)
        active = [m for m in members if m.state is not AlertState.RESOLVED] or [lead]
        episodes = [self.episodes.of(m) for m in active]
        began = self._began(row_id, active, min(e.began for e in episodes))
        severity = min((m.severity for m in active), key=lambda s: s.rank)
        if service is not None:
            self.episodes.about(active, service.id)
        settles = self._settles(problem)
        was = (problem.ended.incident,) if problem.ended else ()  # it stays the page that it was
        does_page = any(pages(m, self.rules.pages) for m in (*active, *was) if not m.hidden)
        state = self._had(lead, problem.incident)
        if settles and state.asks:
            state = AlertState.ACKNOWLEDGED  # somebody had it, and it was told to be over
        return TriagedAlert(
            id=row_id,
            alert=lead,
            others=tuple(members[1:]),
            service=service,
            product=product,
            pages=does_page,
            severity=severity,
            began=began,
            firings=max(e.firings for e in episodes),
            flapping=any(e.flapping for e in episodes),
            suspicion=self._suspicion(members, began, self._quiet_times(members, began), service, product),
            incident=problem.incident,
            ended=problem.ended,
            settles=settles,
            rank=rank_of(row_id, state, severity, product, does_page, began, lead.escalates_at),
        )

    def _settles(self, problem: AlertGroup) -> bool:
        return problem.ended is not None and problem.ended.settles(self._at)

    def _had(self, lead: Alert, incident: str) -> AlertState:
        """The state that a row stands by: somebody has it where somebody has its incident, a row of its own."""
        pager = self._alerts.get(incident)
        return lead.state if pager is None or not lead.state.asks else pager.state

    def _began(self, row_id: str, active: Iterable[Alert], began: float) -> float:
        """When the problem began: also by an alert that is over, while another that was there with it goes on."""
        old = self._rows.get(row_id)
        if old is None or old.began >= began:
            return began
        was = {m.id: m.began for m in old.members if m.state is not AlertState.RESOLVED}
        goes_on = any(m.id in was and self.episodes.of(m).began <= was[m.id] for m in active)
        return old.began if goes_on else began

    def _quiet_times(self, members: Sequence[Alert], began: float) -> tuple[QuietTime, ...]:
        """When nothing of the problem fired since it *began*.

        A pager's incident lasts longer than what it is for: it tells only where nothing else does.
        """
        telling = [m for m in members if m.provider not in PAGER_PROVIDERS] or members
        episodes = [self.episodes.of(m) for m in telling]
        if not any(e.earlier for e in episodes) and len(episodes) == 1:  # nearly all
            return ()
        return tuple(one for one in quiet_times(f for e in episodes for f in e.told) if one.again > began)

    def _suspicion(
        self,
        members: Iterable[Alert],
        began: float,
        quiet: tuple[QuietTime, ...],
        service: Service | None,
        product: Product | None,
    ) -> Suspicion:
        own_id = service.id if service else ""
        others = self._by_product.get(product.name, ()) if product else ()
        unread = self._blind.about(service) if service else ""
        if not unread and product:
            unread = self._blind.about_product(product) or self._unread_deploys.get(product.name, "")
        if not unread and service is None and any(m.hint.service for m in members):
            unread = self._blind.about_any()
        changes_unread = self._blind.about_changes(service, product)
        return suspicion(
            began,
            own_id,
            self._by_service.get(own_id, ()),
            [d for d in others if d.service_id != own_id],
            quiet=quiet,
            changes=self._changes.of(own_id, product.name if product else "", members),
            look_back_s=self.rules.look_back_s,
            last_at=service.last_deploy if service else None,
            unread=unread,
            changes_unread=changes_unread,
            changes_read=product is not None and bool(product.changes) and not changes_unread,
            product=product.name if product else "",
        )

    def _wide(self, rows: list[TriagedAlert]) -> MultiServiceIncident | None:
        """Return the multi-service incident; the last one, if no changed row has another start or service."""
        last, self._fired = self._fired, rows
        same = len(rows) == len(last) and all(a is b or _fire(a) == _fire(b) for a, b in zip(rows, last, strict=True))
        if not same:
            self._event = multi_service_incident(_fire(row) for row in rows if row.service and row.product)
        return self._event

    def _dress(self, row: TriagedAlert, event: MultiServiceIncident | None) -> TriagedAlert:
        """The row with what only all rows together tell: that it is part of something wide."""
        if event is None or not event.holds(row.began) or not row.suspicion.suspects:
            return row
        known = self._dressed.get(row.id)
        if known is None or known[0] is not row:
            if len(self._dressed) > 10_000:
                self._dressed.clear()
            told = msgspec.structs.replace(row.suspicion, wide=True)
            known = self._dressed[row.id] = (row, msgspec.structs.replace(row, suspicion=told))
        return known[1]


class _Stale(msgspec.Struct, frozen=True):
    """The moves since the last board: names and ids of services, names of products, alarms; or everything."""

    names: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    everything: bool = False
    alarms: frozenset[str] = frozenset()  # that were edited, by their keys


def _fire(row: TriagedAlert) -> FiringAlert:
    """Return its firing; none of a hidden row, because a service that scales in at night is no event."""
    service = row.service.id if row.service and not row.alert.hidden else ""
    return FiringAlert(row.began, service, row.product.name if row.product else "", row.alert.state)


def _by_rank(row: TriagedAlert) -> Rank:
    return row.rank


def or_same(old: tuple[T, ...], new: list[T]) -> tuple[T, ...]:
    """*old* itself where *new* has the same objects in the same order: what is drawn from it need not be again."""
    return old if len(old) == len(new) and all(map(is_, old, new)) else tuple(new)


def _settled(old: Service | None, new: Service) -> Service:
    """Return *old* where *new* was only read later: else each poll would make all rows of its product anew."""
    return old if old is not None and (old is new or new.says_the_same(old)) else new


def _differing(old: Mapping[str, T], new: Mapping[str, T]) -> list[T]:
    """Return the items that came, went, or are another object than before."""
    gone = [row for key, row in old.items() if key not in new]
    return [row for key, row in new.items() if old.get(key) is not row] + gone


def page_count(triaged: TriagedBoard) -> int:
    """Pages that are open: neither resolved nor silenced."""
    return sum(ATTENTION[a.alert.state] < SILENT for a in triaged.paging)


def nobody_has(triaged: TriagedBoard, row: TriagedAlert) -> bool:
    """Return whether it is unacknowledged, and its incident is too, which may be a row of its own and not just over."""
    incident = triaged.board.alerts.get(row.incident) if row.incident else None
    return row.alert.state.asks and not row.settles and (incident is None or incident.state.asks)


def unacknowledged_count(triaged: TriagedBoard) -> int:
    """Pages that nobody has."""
    return sum(nobody_has(triaged, a) for a in triaged.paging)


def page_words(triaged: TriagedBoard) -> str:
    """``3 pages, 2 unacknowledged``: a count says what it counts. Where a source is not read, none is none *known*."""
    pages, nobodys = page_count(triaged), unacknowledged_count(triaged)
    if not pages:
        return "no page known" if triaged.board.unread else "no pages"
    counted = "1 page" if pages == 1 else f"{pages} pages"
    if pages == 1:
        return f"{counted}, {'un' if nobodys else ''}acknowledged"
    return f"{counted}, {f'{nobodys} unacknowledged' if nobodys else 'all acknowledged'}"
