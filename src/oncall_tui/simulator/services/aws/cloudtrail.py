"""CloudTrail's management events: LookupEvents of the service model of 2013-11-01, AWS JSON 1.1.

An event is told a while after it happened, the newest first; two calls a second are allowed (CloudTrail's API
reference, LookupEvents). Times are seconds since the epoch, UTC.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, page

KEPT_S = 90 * 86_400.0
CALLS_PER_S = 2.0
LATE_S = 60.0  # unscaled, where a scenario does not say
SSO_ROLE = "AWSReservedSSO_Operator_0123456789abcdef"
AUTOSCALING = "AWSServiceRoleForApplicationAutoScaling_ECSService/AutoScaling-UpdateDesiredCapacity"
_SERVICES = (
    ("DB", "rds"),
    ("Alarm", "monitoring"),
    ("Target", "elasticloadbalancing"),
    ("Scal", "application-autoscaling"),
    ("Role", "iam"),
    ("SecurityGroup", "ec2"),
    ("Parameter", "ssm"),
    ("Secret", "secretsmanager"),
)
"""Parts of an event's name, and the service whose event it then is; any other is of ECS."""
_FILTERS = {
    "EventName": lambda told: told["EventName"],
    "EventSource": lambda told: told["EventSource"],
    "EventId": lambda told: told["EventId"],
    "Username": lambda told: told["Username"],
    "ReadOnly": lambda told: told["ReadOnly"],
}


class CloudTrail:
    """One account's events in one region."""

    prefix = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"
    version = "1.1"
    permission = "cloudtrail"

    def __init__(self, account: SimulatedEcsAccount, now: Callable[[], float], late_s: float) -> None:
        self._account, self._now, self._late_s = account, now, late_s
        self._ids = random.Random(f"{account.number} trail")  # not the world's: what moves there stays as it was
        self._events: list[Json] = []
        self._calls: list[float] = []

    # -- what the world asks for

    def tell(
        self, name: str, by: str, request: Any = None, error: str = "", at: float | None = None, source: str = ""
    ) -> None:
        """Tell that *by* called *name*: a person (`alice`), or a role and its session (`deployer/run-7`).

        *error*: its error's code; *at*: when, in epoch seconds (now); *source*: whose API, such as `ssm`.
        """
        at = self._now() if at is None else at
        role, _, session = by.rpartition("/")
        role = role or SSO_ROLE
        id = f"{self._ids.getrandbits(128):032x}"
        id = f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
        read_only = name.startswith(("Describe", "List", "Get", "Lookup"))
        whose = (source or next((it for word, it in _SERVICES if word in name), "ecs")) + ".amazonaws.com"
        date = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "eventVersion": "1.11",
            "userIdentity": self._identity(role, session),
            "eventTime": date,
            "eventSource": whose,
            "eventName": name,
            "awsRegion": self._account.region,
            "sourceIPAddress": "192.0.2.10",
            "userAgent": "drill",
            "requestParameters": request,
            "responseElements": None,
            "eventID": id,
            "readOnly": read_only,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self._account.number,
            "eventCategory": "Management",
        }
        if error:
            event |= {"errorCode": error, "errorMessage": f"User is not authorized to perform: {name}"}
        told: Json = {
            "EventId": id,
            "EventName": name,
            "ReadOnly": "true" if read_only else "false",
            "AccessKeyId": "ASIADRILL",
            "EventTime": float(int(at)),
            "EventSource": whose,
            "Username": session,
            "Resources": [],
            "CloudTrailEvent": json.dumps(event),
        }
        self._events.insert(0, told)

    def _identity(self, role: str, session: str) -> Json:
        number = self._account.number
        issuer = {"type": "Role", "arn": f"arn:aws:iam::{number}:role/{role}", "accountId": number, "userName": role}
        shown: Json = {
            "type": "AssumedRole",
            "principalId": f"AROADRILL:{session}",
            "arn": f"arn:aws:sts::{number}:assumed-role/{role}/{session}",
            "accountId": number,
            "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
        }
        own = f"{role}/{session}" == AUTOSCALING
        return shown | ({"invokedBy": "ecs.application-autoscaling.amazonaws.com"} if own else {})

    # -- the API

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation != "LookupEvents":
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        self._throttle()
        attributes = asked.get("LookupAttributes") or []
        if len(attributes) > 1 or any(it["AttributeKey"] not in _FILTERS for it in attributes):
            raise AwsError("InvalidLookupAttributesException", f"expected one of {', '.join(_FILTERS)}")
        now = self._now()
        start, end = asked.get("StartTime", now - KEPT_S), asked.get("EndTime", now)
        if start > end:
            raise AwsError("InvalidTimeRangeException", "StartTime is after EndTime.")
        found = [
            told
            for told in self._events
            if start <= told["EventTime"] <= end
            and told["EventTime"] <= now - self._late_s
            and all(_FILTERS[it["AttributeKey"]](told) == it["AttributeValue"] for it in attributes)
        ]
        found.sort(key=lambda told: -float(told["EventTime"]))
        try:
            some, more = page(found, asked, "MaxResults", "NextToken", 50, 50)
        except AwsError as error:
            kind = "InvalidNextTokenException" if "token" in error.message else "InvalidMaxResultsException"
            raise AwsError(kind, error.message) from None
        return {"Events": some, **more}

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        return "*"

    def _throttle(self) -> None:
        now = self._now()
        self._calls = [at for at in self._calls if at > now - 1.0]
        if len(self._calls) >= CALLS_PER_S:
            raise AwsError("ThrottlingException", "Rate exceeded")
        self._calls.append(now)
