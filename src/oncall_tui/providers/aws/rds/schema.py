"""The parts of RDS's answers that are used, typed. Fields: botocore's model ``rds/2014-10-31``.

botocore parses RDS's XML; what it made of it is decoded here like the JSON of the other services.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from oncall_tui.providers.lists import Spared


class RdsAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer: unknown fields are ignored."""


class RdsEvent(RdsAnswer):
    """One event of one thing of RDS's."""

    source_identifier: str
    source_type: str
    message: str
    date: str
    event_categories: Spared[list[str]] = []
    source_arn: Spared[str] = ""

    @property
    def at(self) -> float | None:
        """Seconds since the epoch, UTC; None: its date is none."""
        try:
            return datetime.fromisoformat(self.date).timestamp()
        except (ValueError, OverflowError):
            return None


class DescribeEvents(RdsAnswer):
    events: list[RdsEvent]
    marker: str = ""
