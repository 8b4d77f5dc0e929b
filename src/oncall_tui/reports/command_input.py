"""The JSON that a command of the configuration reads on its standard input: the row, and the board.

``oncall-tui schema command-input`` describes it. *now* is in seconds since the epoch.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.own_command import RowKind
from oncall_tui.domain.plan import Actor
from oncall_tui.reports.board_json import (
    AlertOutput,
    BoardDeployOutput,
    ServiceOutput,
    StatusOutput,
    alert_output,
    board_deploy_output,
    service_output,
    status_output,
)
from oncall_tui.text.json_types import JsonTime, as_plain
from oncall_tui.text.time_format import rfc3339
from oncall_tui.triage.command_rows import CommandRow
from oncall_tui.triage.triager import TriagedBoard


class RowOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The row that a command is run for. *alerts* are those of the row, *deploy* is its suspect, or its service's last
    one; *labels* and *annotations* are of the alert. What the row lacks is empty, or null.
    """

    kind: RowKind
    id: str
    title: str
    state: str
    source: str
    account: str
    region: str
    cluster: str
    service_name: str
    product: str
    revision: str
    labels: dict[str, str]
    annotations: dict[str, str]
    alerts: tuple[AlertOutput, ...]
    service: ServiceOutput | None
    deploy: BoardDeployOutput | None


class CommandInput(msgspec.Struct, frozen=True, kw_only=True):
    """The whole input: the *command*, who runs it and when, the *row*, and the *board* as ``status --json`` has it."""

    command: str
    at: JsonTime
    actor: str
    row: RowOutput
    board: StatusOutput


def command_input(command: str, actor: Actor, row: CommandRow, triaged: TriagedBoard, now: float) -> bytes:
    """Return the input as one line of JSON."""
    value = CommandInput(
        command=command, at=rfc3339(now), actor=actor.name, row=_row(row, now), board=status_output(triaged, now)
    )
    return msgspec.json.encode(as_plain(value)) + b"\n"


def _row(row: CommandRow, now: float) -> RowOutput:
    fields, of = row.fields, row.triaged_alert
    return RowOutput(
        kind=row.kind,
        id=fields["id"],
        title=row.title,
        state=row.state,
        source=fields["source"],
        account=fields["account"],
        region=fields["region"],
        cluster=fields["cluster"],
        service_name=fields["service"],
        product=fields["product"],
        revision=fields["revision"],
        labels=dict(of.alert.labels) if of is not None else {},
        annotations=dict(of.alert.annotations) if of is not None else {},
        alerts=tuple(alert_output(of, alert, now) for alert in of.members) if of is not None else (),
        service=service_output(row.service, now) if row.service is not None else None,
        deploy=board_deploy_output(row.deploy) if row.deploy is not None else None,
    )
