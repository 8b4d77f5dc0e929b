"""The row that a team's own command is run for: its kind, its version, and the fields that the command gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.own_command import BOARD, OwnCommand, RowKind
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard

_A = {RowKind.ALERT: "an alert", RowKind.SERVICE: "a service", RowKind.DEPLOY: "a deploy", RowKind.BOARD: "no row"}


class CommandRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as a command sees it. *target* is the id that an action on it has, *version* what a re-check compares."""

    kind: RowKind
    target: str
    version: str
    title: str
    state: str = ""
    source: str = ""
    triaged_alert: TriagedAlert | None = None
    service: Service | None = None
    deploy: Deploy | None = None
    product: Product | None = None

    @property
    def service_id(self) -> str:
        """The id of its service; empty: it is of none that is known."""
        if self.service is not None:
            return self.service.id
        return self.deploy.service_id if self.deploy is not None else ""

    @property
    def fields(self) -> Mapping[str, str]:
        """Every field that the row has, by the names of ``own_command.FIELDS``, with ``row``, ``title``, ``state``."""
        alert = self.triaged_alert.alert if self.triaged_alert is not None else None
        key = self.service.key if self.service is not None else None
        source, _, rest = self.service_id.partition("/")
        cluster, _, name = rest.partition("/")
        return {
            "row": self.kind,
            "id": "" if self.kind is RowKind.BOARD else self.target,
            "title": self.title,
            "state": self.state,
            "source": source or self.source,
            "provider": alert.provider if alert is not None else "",
            "account": key.account if key else "",
            "region": key.region if key else "",
            "cluster": cluster,
            "service": name,
            "product": self.product.name if self.product is not None else "",
            "alert": alert.id if alert is not None else "",
            "deploy": self.deploy.id if self.deploy is not None else "",
            "revision": self.service.revision.family_revision if self.service is not None else "",
        }


NO_ROW = CommandRow(kind=RowKind.BOARD, target=BOARD, version="", title="the board")


def row_of(triaged: TriagedBoard, target: str) -> CommandRow | None:
    """Return the row with that id: an alert's, a service's, a deploy's, or of none; None: it is not on the board."""
    if target == BOARD:
        return NO_ROW
    board = triaged.board
    if (deploy := board.deploys.get(target)) is not None:
        service = board.services.get(deploy.service_id)
        return CommandRow(
            kind=RowKind.DEPLOY,
            target=deploy.id,
            version=deploy.version,
            title=f"{deploy.service_id} {deploy.arrow}",
            state=deploy.state,
            source=deploy.source,
            service=service,
            deploy=deploy,
            product=triaged.products.get(deploy.service_id),
        )
    if (service := board.services.get(target)) is not None:
        return CommandRow(
            kind=RowKind.SERVICE,
            target=service.id,
            version=f"{service.id}|{service.deploy_id}",
            title=service.id,
            state=service.health,
            source=service.source,
            service=service,
            deploy=board.deploys.get(service.deploy_id),
            product=triaged.products.get(service.id),
        )
    row = triaged.find(target)
    if row is None:
        return None
    alert = next((member for member in row.members if member.id == target), row.alert)
    service = row.service and board.services.get(row.service.id, row.service)
    return CommandRow(
        kind=RowKind.ALERT,
        target=alert.id,
        version=alert.version,
        title=alert.title,
        state=alert.state,
        source=alert.source,
        triaged_alert=row,
        service=service,
        deploy=row.suspect,
        product=row.product,
    )


def why_not(command: OwnCommand, row: CommandRow) -> str:
    """Say why the command cannot be run for the row; empty: it can."""
    if row.kind not in command.rows:
        kinds = " or ".join(_A[kind] for kind in command.rows)
        return f"{command.name} is for {kinds}, and this is {_A[row.kind]}"
    if not command.is_for(row.kind, row.service_id):
        of = row.service_id or "no service that is known"
        return f"{command.name} is for {', '.join(command.services)}, and this row is of {of}"
    return ""
