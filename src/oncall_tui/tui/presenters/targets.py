"""The target of a verb that deploys, from the row under the cursor: an id and the version as drawn. Pure."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.service import Service
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.commands import named


class ActionTarget(msgspec.Struct, frozen=True):
    """An id, its version as it was on screen, and a name for a person."""

    id: str
    version: str
    name: str

    @property
    def service(self) -> str:
        """Its service's name alone: ``api`` of ``prod/main/api: :42→:41``."""
        return self.name.partition(": ")[0].rpartition("/")[2]


class RowContext(msgspec.Struct, frozen=True):
    """The subject of the row under the cursor: its *service*, that service's *newest* deploy, and the deploy that the
    row itself names: the *suspect* of an alert, or a deploy's own row (*own*). A suspect may be another service's of
    the product (*suspect_of*).
    """

    service: Service | None = None
    newest: Deploy | None = None
    suspect: Deploy | None = None
    own: Deploy | None = None
    suspect_of: Service | None = None
    resolved: bool = False  # an alert's row that has resolved takes no key


def spot(pane: str, row_id: str, row: TriagedAlert | None, board: Board) -> RowContext:
    """Return the subject of the row *row_id* of *pane*; *row* is an alert's row as it was drawn."""
    if pane == "alerts":
        if row is None or row.alert.state is AlertState.RESOLVED:
            return RowContext(resolved=row is not None)
        of = board.services.get(row.suspect.service_id) if row.suspect else None
        return RowContext(row.service, _newest(row.service, board), suspect=row.suspect, suspect_of=of)
    if pane == "deploys":
        own = board.deploys.get(row_id)
        service = board.services.get(own.service_id) if own else None
        return RowContext(service, _newest(service, board) or own, own=own)
    service = board.services.get(row_id)
    return RowContext(service, _newest(service, board))


def _newest(service: Service | None, board: Board) -> Deploy | None:
    if service is None:
        return None
    known = board.deploys.get(service.deploy_id)
    if known is not None or service.deploy_id:
        return known
    return max((d for d in board.deploys.values() if d.service_id == service.id), key=_began, default=None)


def _began(deploy: Deploy) -> float:
    return deploy.started


def target(verb: Verb, at: RowContext) -> ActionTarget | str:
    """Return the target of *verb*, or the reason against it: a line for a person."""
    if at.service is None and at.own is None and (at.suspect is None or verb is not Verb.ROLL_BACK):
        if at.resolved:
            panes = f"{named('services')}, {named('deploys')}"
            return f"this alert has resolved: act on its service or its deploy, listed on the board ({panes})"
        return "no known ECS service for this alert"
    if verb is Verb.ROLL_BACK:
        return _roll_back(at)
    if verb is Verb.RESTART:
        return _of_service(verb, at)
    return _of_newest(verb, at)


def _roll_back(at: RowContext) -> ActionTarget | str:
    """To what ran before the suspect; from a deploy's row before that deploy; else before what runs."""
    deploy = at.suspect or at.own
    if deploy is None:
        return _of_service(Verb.ROLL_BACK, at)
    verbs = deploy.verbs
    service = at.suspect_of if at.suspect else at.service
    if service is not None and (at.suspect or at.newest is None or at.newest.id == deploy.id):
        verbs |= service.verbs
    if Verb.ROLL_BACK not in verbs:
        return f"cannot roll back {deploy.service_id}: {_back(deploy)}{_says_why(service)}"
    return ActionTarget(deploy.id, deploy.version, f"{deploy.service_id}: {_back(deploy)}")


def _of_service(verb: Verb, at: RowContext) -> ActionTarget | str:
    service = at.service
    if service is None or verb not in service.verbs:
        name = service.id if service else at.own.service_id if at.own else "it"
        return f"{name} cannot be {'rolled back' if verb is Verb.ROLL_BACK else 'restarted'}{_says_why(service)}"
    version = at.newest.version if at.newest else service.deploy_id
    return ActionTarget(service.id, version, service.id)


def _of_newest(verb: Verb, at: RowContext) -> ActionTarget | str:
    """Return the target of a verb on the newest deploy alone; refuse it from an older deploy's row."""
    name = at.service.id if at.service else at.own.service_id if at.own else "it"
    newest = at.newest
    if newest is None:
        return f"no deploy of {name} is known"
    if at.own is not None and at.own.id != newest.id:
        return f"{at.own.arrow} is not the newest deploy of {name} any more: {newest.arrow} is"
    if verb in newest.verbs:
        arrow = _undo(newest) if verb is Verb.UNDO_ROLLBACK else newest.arrow
        return ActionTarget(newest.id, newest.version, f"{name}: {arrow}")
    if verb is Verb.UNDO_ROLLBACK:
        return f"the newest deploy of {name}, {newest.arrow}, is not a known rollback"
    if newest.waits:
        return f"{name} {newest.arrow} waits: {newest.waits}; it cannot be continued from here"
    return f"nothing is paused in {name}: its newest deploy {newest.arrow} is {newest.state}"


def _back(deploy: Deploy) -> str:
    """``:42→:41``, what rolling back ``:41→:42`` does: an arrow is old → new of what will happen."""
    return f"{deploy.new.short}→{deploy.old.short}" if deploy.old else deploy.new.short


def _undo(deploy: Deploy) -> str:
    """``:41→:42``, what undoing the rollback to :41 does: whether ECS went back in that deploy, or another did."""
    if deploy.old is None or deploy.state in (DeployState.ROLLED_BACK, DeployState.ROLLING_BACK):
        return deploy.arrow
    return _back(deploy)


def _says_why(service: Service | None) -> str:
    note = service.note if service else ""
    return f" ({note})" if note else ""
