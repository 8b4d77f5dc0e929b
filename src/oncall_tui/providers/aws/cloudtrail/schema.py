"""The parts of CloudTrail's answers that are used, typed. Fields: botocore's model ``cloudtrail/2013-11-01``, and
CloudTrail's user guide ("CloudTrail record contents") for the event, which is JSON in text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Epoch


class CloudTrailAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer over the wire: unknown fields are ignored. Times are seconds since the epoch, UTC."""


class LookedUpEvent(CloudTrailAnswer):
    event_id: str
    event_name: str = ""
    event_time: Epoch = 0.0
    event_source: str = ""
    username: str = ""
    cloud_trail_event: str = ""


class LookupEvents(CloudTrailAnswer):
    events: list[LookedUpEvent]
    next_token: str = ""


class Record(msgspec.Struct, gc=False, rename="camel"):
    """A part of an event's JSON."""


class SessionIssuer(Record):
    user_name: str = ""


class SessionContext(Record):
    session_issuer: SessionIssuer | None = None


class UserIdentity(Record):
    type: str = ""
    arn: str = ""
    user_name: str = ""
    invoked_by: str = ""
    session_context: SessionContext | None = None


class CallRecord(Record):
    """One call: by whom, with what parameters; *error_code* where it was refused."""

    event_id: str = msgspec.field(name="eventID", default="")
    user_identity: UserIdentity = msgspec.field(default_factory=UserIdentity)
    request_parameters: dict[str, Any] | None = None
    error_code: str = ""
    recipient_account_id: str = ""
    aws_region: str = ""
    read_only: bool | None = None
