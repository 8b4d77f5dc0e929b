"""The answer of an audit log: who did what to a service and what it stands on. Times: seconds since the epoch, UTC."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.change import Change


class WhoAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An audit log's answer to who changed what, the newest change first.

    *since* and *until* are what it was asked for. Of what happened before *read_from* not all was read. What happened
    after *read_to* may still be missing: the log is late, by *late_s* at most. *notes* say what else is not known, in
    words.
    """

    source: str
    log: str  # the log's name, as people write it: CloudTrail
    changes: tuple[Change, ...]
    since: float
    until: float
    read_from: float
    read_to: float
    late_s: float
    notes: tuple[str, ...] = ()
