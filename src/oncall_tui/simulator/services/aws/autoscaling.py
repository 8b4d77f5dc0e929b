"""Application Auto Scaling's activities of ECS services: the service model of 2016-02-06, AWS JSON 1.1.

Only DescribeScalingActivities is simulated. Times are seconds since the epoch, UTC.
"""

import random
from collections.abc import Callable

from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount, SimulatedEcsService
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, page

TAKES_S = 3.0  # unscaled: of one activity
DIMENSION = "ecs:service:DesiredCount"


class AutoScaling:
    """One account's scaling activities in one region, the newest first."""

    prefix = "AnyScaleFrontendService"
    version = "1.1"
    permission = "application-autoscaling"

    def __init__(
        self, account: SimulatedEcsAccount, now: Callable[[], float], scaled: Callable[[float], float]
    ) -> None:
        self._account, self._now, self._scaled = account, now, scaled
        self._ids = random.Random(f"{account.number} activities")  # not the world's: what moves there stays as it was
        self._activities: list[Json] = []

    def scaled(self, service: SimulatedEcsService, old: int, new: int) -> None:
        """Tell that a policy moved the desired count just now."""
        resource = f"service/{service.cluster.name}/{service.name}"
        which = "High" if new > old else "Low"
        id = f"{self._ids.getrandbits(128):032x}"
        self._activities.insert(
            0,
            {
                "ActivityId": f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}",
                "ServiceNamespace": "ecs",
                "ResourceId": resource,
                "ScalableDimension": DIMENSION,
                "Description": f"Setting desired count to {new}.",
                "Cause": f"monitor alarm TargetTracking-{resource}-Alarm{which}-{id[:8]} in state ALARM triggered "
                f"policy {service.name}-cpu",
                "StartTime": self._now(),
            },
        )

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError."""
        if operation != "DescribeScalingActivities":
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        if asked.get("ServiceNamespace") != "ecs":
            raise AwsError("ValidationException", "ServiceNamespace: only ecs is simulated")
        found = [one for one in self._activities if asked.get("ResourceId", one["ResourceId"]) == one["ResourceId"]]
        try:
            some, more = page(found, asked, "MaxResults", "NextToken", 50, 50)
        except AwsError as error:
            kind = "InvalidNextTokenException" if "token" in error.message else "ValidationException"
            raise AwsError(kind, error.message) from None
        return {"ScalingActivities": [self._told(one) for one in some], **more}

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        return "*"

    def _told(self, activity: Json) -> Json:
        end = activity["StartTime"] + self._scaled(TAKES_S)
        count = activity["Description"].removeprefix("Setting desired count to ").rstrip(".")
        if self._now() < end:
            return {
                **activity,
                "StatusCode": "InProgress",
                "StatusMessage": "Waiting for change to be fulfilled by ecs.",
            }
        done = f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
        return {**activity, "StatusCode": "Successful", "StatusMessage": done, "EndTime": end}
