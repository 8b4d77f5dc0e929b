"""The subject of a row of the board: the alert and those that are the same problem, the service, the deploys. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import msgspec

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.change import Change
from oncall_tui.domain.comparison import Comparison, compare_deploy
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Update
from oncall_tui.triage.suspects import SuspectChange
from oncall_tui.triage.triager import TriagedAlert

DEPLOYS = 6  # of the service, on the timeline
AROUND_S = 30 * 60.0  # before what began
WINDOW_S = 24 * 3600.0  # the most that is drawn up to now
SERVICE_S = 3 * 3600.0


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """*deploy* is the one that the row is about: an alert's suspect, a deploy's own row, else the service's newest.

    *gone*: the row is not on the board any more, and this is what was known of it last.
    """

    pane: str
    row_id: str
    triaged_alert: TriagedAlert | None = None
    members: tuple[Alert, ...] = ()  # the alerts that are one problem, the leading one first
    service: Service | None = None
    newest: Deploy | None = None
    deploy: Deploy | None = None
    deploys: tuple[Deploy, ...] = ()  # of the service, newest first
    changes: tuple[Change, ...] = ()  # of the service, and of its product's own things
    product: Product | None = None
    gone: bool = False

    @property
    def alert(self) -> Alert | None:
        return self.triaged_alert.alert if self.triaged_alert else None

    @property
    def began(self) -> float | None:
        """When what the row is about began: an alert's episode, or a deploy."""
        if self.triaged_alert is not None:
            return self.triaged_alert.began
        return self.deploy.started if self.pane == "deploys" and self.deploy else None

    @property
    def source(self) -> str:
        """The source that says how the row itself is."""
        own = self.alert or (self.deploy if self.pane == "deploys" else self.service)
        return own.source if own is not None else ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that it is told by."""
        names = [a.source for a in self.members]
        names += [one.source for one in (self.service, self.deploy) if one is not None]
        return tuple(dict.fromkeys(names))

    @property
    def comparison(self) -> Comparison | None:
        """The comparison of its deploy with what ran before; None: nothing says where."""
        return compare_deploy(self.deploy, self.product) if self.deploy is not None else None

    def title(self) -> str:
        """Name the row, for the header."""
        if self.triaged_alert is not None:
            return (
                f"{self.service.title}  {self.triaged_alert.alert.title}"
                if self.service
                else self.triaged_alert.alert.title
            )
        if self.pane == "deploys" and self.deploy is not None:
            return f"{self.deploy.service_id} {self.deploy.arrow}"
        return self.row_id


def subject(pane: str, row_id: str, row: TriagedAlert | None, update: Update) -> Subject | None:
    """Find the row's subject on the newest board; None where the row is not there. *row* is the row as drawn."""
    board = update.board
    if pane == "alerts":
        if row is None:
            return None
        service = _as_read(row.service, board) if row.service else None
        deploys = _deploys(service, board)
        newest = _newest(service, deploys, board)
        return Subject(
            pane=pane,
            row_id=row_id,
            triaged_alert=row,
            members=row.members,
            service=service,
            newest=newest,
            deploy=row.suspect or newest,
            deploys=_with(deploys, row.suspect),
            changes=_changes(row, update.triaged.changes_of(service, row.product, row.members)),
            product=row.product,
        )
    own = board.deploys.get(row_id) if pane == "deploys" else None
    service = board.services.get(own.service_id if own else row_id)
    if own is None and (service is None or pane == "deploys"):
        return None
    deploys = _deploys(service, board)
    newest = _newest(service, deploys, board)
    product = update.triaged.products.get(service.id) if service else None
    return Subject(
        pane=pane,
        row_id=row_id,
        service=service,
        newest=newest,
        deploy=own or newest,
        deploys=_with(deploys, own),
        changes=tuple(update.triaged.changes_of(service, product)),
        product=product,
    )


def _changes(row: TriagedAlert, near: Iterable[Change]) -> tuple[Change, ...]:
    """Return those *near*, and every other one that is suspected: of another service of the product."""
    suspected = (one.change for one in row.suspicion.suspects if isinstance(one, SuspectChange))
    return tuple({change.id: change for change in (*near, *suspected)}.values())


def _as_read(service: Service, board: Board) -> Service:
    """Return the row's *service* with the time at which it was read last: what it says is the row's as drawn."""
    newest = board.services.get(service.id)
    return newest if newest is not None and newest.says_the_same(service) else service


def _deploys(service: Service | None, board: Board) -> tuple[Deploy, ...]:
    if service is None:
        return ()
    found = [d for d in board.deploys.values() if d.service_id == service.id]
    return tuple(sorted(found, key=lambda d: -d.started)[:DEPLOYS])


def _newest(service: Service | None, deploys: tuple[Deploy, ...], board: Board) -> Deploy | None:
    known = board.deploys.get(service.deploy_id) if service else None
    return known or (deploys[0] if deploys else None)


def _with(deploys: tuple[Deploy, ...], one: Deploy | None) -> tuple[Deploy, ...]:
    return deploys if one is None or one in deploys else (*deploys, one)


# --- what has to differ for a reading to be due ---------------------------------------------------------------------


def state_mark(of: Subject) -> Hashable:
    """The thing as it is on the board: what has to differ before anything is read again."""
    service = of.service
    tasks = (service.health, service.deploy_id, service.running, service.pending, service.desired) if service else ()
    deploys = tuple((d.id, d.state, d.failed_tasks) for d in (of.newest, of.deploy) if d is not None)
    return tasks, deploys, tuple((a.id, a.state, a.began) for a in of.members)


def inside_mark(of: Subject) -> Hashable:
    """The same without the alerts: whoever acknowledges one moves no task."""
    return state_mark(msgspec.structs.replace(of, members=()))


def window(of: Subject, now: float) -> tuple[float, float]:
    """(since, until) of what is measured: from before it began up to now; of what is older, around its beginning."""
    began = [
        at
        for at in (of.began, of.deploy.started if of.triaged_alert and of.triaged_alert.suspect and of.deploy else None)
        if at
    ]
    if not began:
        return now - SERVICE_S, now
    since = min(began) - AROUND_S
    return since, now if now - since <= WINDOW_S else since + SERVICE_S
