"""One service's past from the journal: the starts of its alerts, and its rollbacks from here.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import msgspec


class AlertStart(msgspec.Struct, frozen=True, gc=False):
    """An alert began. *at* is in seconds since the epoch, UTC."""

    at: float
    title: str


class PastRollback(msgspec.Struct, frozen=True, gc=False):
    """A rollback that was sent from here: *from_arn* and *to* are task definitions' ARNs."""

    at: float
    from_arn: str
    to: str
    by: str = ""


class ServiceHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Both newest first, as far as the board and the journal of this machine tell: what is not here may still be so."""

    alerts: tuple[AlertStart, ...] = ()
    rollbacks: tuple[PastRollback, ...] = ()
