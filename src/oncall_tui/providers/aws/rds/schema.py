"""The parts of RDS's answers that are used, typed. Fields: botocore's model ``rds/2014-10-31``.

botocore parses RDS's XML; what it made of it is decoded here like the JSON of the other services.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class RdsAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer: unknown fields are ignored."""


class RdsEvent(RdsAnswer):
    """One event of one thing of RDS's; *date* has its time zone."""

    source_identifier: str
    source_type: str
    message: str
    date: datetime
    event_categories: list[str] = []
    source_arn: str = ""


class DescribeEvents(RdsAnswer):
    events: list[RdsEvent]
    marker: str = ""
