"""The links between a service's deploys: which were rollbacks, of which failure, and when that was made good.

A rollback is an earlier version that was deployed again; its failure is the first deploy after the one that it goes
back to. (The form in which Datadog computes DORA's change fail rate and recovery time.) Times are seconds since the
epoch, UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from oncall_tui.domain.deploy import DeployState

WENT_BACK = (DeployState.ROLLING_BACK, DeployState.ROLLED_BACK, DeployState.ROLLBACK_FAILED)
BAD = (*WENT_BACK, DeployState.FAILED)


class LinkedDeploy(msgspec.Struct, kw_only=True):
    """One row, and what is worked out of it: *rolls_back*, *failed*, *remedied*, *rollback*."""

    id: str
    arrow: str
    started: float
    state: str
    ended: float | None
    kind: str
    went_back: bool
    back_ended: float | None
    rolls_back: str = ""
    failed: bool = False
    remedied: float | None = None
    rollback: bool = False

    @property
    def new(self) -> str:
        """``:42`` of ``:41→:42``."""
        return self.arrow.rpartition("→")[2]

    @property
    def plain(self) -> bool:
        """Tell whether it brought a version: no rollback, and no restart of what ran."""
        return not self.rollback and self.kind != "restart"


def make_links(db: sqlite3.Connection, service: str) -> None:
    """Work them out for one service, and keep them in its rows."""
    query = (
        "SELECT id, arrow, started, state, ended, kind, went_back, back_ended FROM past_deploy"
        " WHERE service = ? ORDER BY started, id"
    )
    names = LinkedDeploy.__struct_fields__[:8]
    rows = [LinkedDeploy(**dict(zip(names, row, strict=True))) for row in db.execute(query, (service,))]
    linked(rows)
    db.executemany(
        "UPDATE past_deploy SET rolls_back = ?, failed = ?, remedied = ?, rollback = ? WHERE id = ?",
        [(one.rolls_back, one.failed, one.remedied, one.rollback, one.id) for one in rows],
    )


def linked(rows: Sequence[LinkedDeploy]) -> None:
    """Work them out, in place; *rows* are one service's, oldest first."""
    for at, one in enumerate(rows):
        one.rollback = one.kind == "rollback" or (one.kind == "deploy" and _goes_back(one.arrow))
        one.failed = one.state in BAD or bool(one.went_back)
        failure = _failure(rows[:at], one) if one.rollback else None
        if failure is not None:
            one.rolls_back, failure.failed = failure.id, True
            if one.state == DeployState.SUCCEEDED and failure.remedied is None:
                failure.remedied = one.ended
    for at, one in enumerate(rows):
        if one.failed and one.back_ended is not None:
            one.remedied = one.back_ended
        elif one.failed and one.state == DeployState.ROLLED_BACK:
            one.remedied = one.remedied or one.ended
        elif one.failed and one.remedied is None:
            good = (d.ended for d in rows[at + 1 :] if d.state == DeployState.SUCCEEDED and not d.failed)
            one.remedied = next(good, None)


def _failure(before: Sequence[LinkedDeploy], rollback: LinkedDeploy) -> LinkedDeploy | None:
    """The first deploy after the newest one that brought the version that the rollback brings again.

    Where that one is older than the record, it is the deploy of the version that the rollback left. What went back
    by itself is made good already.
    """
    after = [d for d in before if d.state != DeployState.STOPPED and d.state not in WENT_BACK]
    for at in range(len(after) - 1, -1, -1):
        if after[at].new == rollback.new and after[at].state not in BAD:
            return next((d for d in after[at + 1 :] if d.plain and d.new != rollback.new), None)
    left = rollback.arrow.partition("→")[0]
    return next((d for d in reversed(after) if d.plain and d.new == left), None)


def _goes_back(arrow: str) -> bool:
    """Tell whether it brings an earlier revision of the same family: ``:42→:41``."""
    old, _, new = arrow.partition("→")
    numbers = old[1:], new[1:]
    return old[:1] == new[:1] == ":" and all(n.isdigit() for n in numbers) and int(numbers[1]) < int(numbers[0])
