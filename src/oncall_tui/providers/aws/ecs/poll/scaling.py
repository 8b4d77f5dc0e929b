"""Application Auto Scaling's activities of ECS services: one paged call tells of all of an account and region.

Facts: Application Auto Scaling's API reference (DescribeScalingActivities: of the last six weeks, the newest first, 50
a page; activities that scaled nothing come only where they are asked for). An activity tells the count that it set, and
not the one before. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re

import msgspec

from oncall_tui import errors
from oncall_tui.domain.change import KEPT_S
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.lists import Damage, Epoch
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock

EVERY_S = 60.0
SOON_S = 5.0  # after a desired count moved: the activity may be told a moment later
AGAIN_S = 15.0  # and once more, where it was not there yet
DENIED_S = 300.0
LACKING_S = 180.0  # what fails is a problem of the source once nothing came for so long: a hiccup is none
PAGES, PAGE = 10, 50
PERMISSION = "needs application-autoscaling:DescribeScalingActivities on *"
SCOPE = "scaling activities"
_COUNT = re.compile(r"desired count to (\d+)")


class ScalingAnswer(msgspec.Struct, gc=False, rename="pascal"):
    """An answer over the wire (``application-autoscaling/2016-02-06``): unknown fields are ignored."""


class ScalingActivity(ScalingAnswer):
    activity_id: str
    resource_id: str = ""
    description: str = ""
    cause: str = ""
    start_time: Epoch = 0.0
    end_time: Epoch | None = None
    status_code: str = ""
    status_message: str = ""

    @property
    def count(self) -> int | None:
        """The desired count that it set; None: its description does not tell."""
        found = _COUNT.search(self.description)
        return int(found[1]) if found else None

    @property
    def place(self) -> str:
        """``CLUSTER/SERVICE``; empty: it is no ECS service's."""
        kind, _, path = self.resource_id.partition("/")
        return path if kind == "service" else ""


class DescribeScalingActivities(ScalingAnswer):
    scaling_activities: list[ScalingActivity]
    next_token: str = ""


class ScalingActivities:
    """The activities of the last day, read when they are due. Used by the poller's thread alone."""

    def __init__(self, client: AwsClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._found: dict[str, ScalingActivity] = {}
        self._due = 0.0  # monotonic seconds
        self._again = 0  # how often it is asked sooner
        self._denied = False
        self._good_at = clock.monotonic()
        self.problems: tuple[PartialFailure, ...] = ()

    @property
    def found(self) -> tuple[ScalingActivity, ...]:
        """Return those that changed something, in no order. One that failed changed nothing."""
        return tuple(one for one in self._found.values() if one.status_code != "Failed")

    def wait_s(self) -> float:
        """Seconds until it wants to be read."""
        return max(0.0, self._due - self._clock.monotonic())

    def sooner(self) -> None:
        """Be due soon, and once more after that: a desired count moved."""
        if not self._denied:
            self._due = min(self._due, self._clock.monotonic() + SOON_S)
            self._again = 1

    def read_now(self) -> None:
        """Be due at once, also where it was denied: the login, or its rights, may be others now."""
        self._due = 0.0

    def read(self) -> None:
        """Read it where it is due. What cannot be read is a problem of its own; never raises SourceError."""
        if self.wait_s() > 0:
            return
        wait, self._denied = AGAIN_S if self._again else EVERY_S, False
        self._again = max(0, self._again - 1)
        try:
            self.problems = self._read()
            self._good_at = self._clock.monotonic()
        except RateLimited as later:
            wait = later.wait_s
        except errors.SourceError as error:
            self._denied = isinstance(error, NOT_OFFERED)
            if self._denied or self._clock.monotonic() - self._good_at >= LACKING_S:
                hint = PERMISSION if isinstance(error, errors.Denied) else error.hint
                self.problems = (PartialFailure(SourceState(error.state), SCOPE, error.message, hint),)
            wait = DENIED_S if self._denied else EVERY_S
        self._due = self._clock.monotonic() + wait

    def _read(self) -> tuple[PartialFailure, ...]:
        oldest = self._clock.now() - KEPT_S
        damage, paging, came = Damage(), Paging("", most=PAGES), 0
        for token in paging:
            page = self._client.read(
                DescribeScalingActivities,
                "DescribeScalingActivities",
                Priority.ACT if token else Priority.SWEEP,  # what was begun is ended
                damage,
                ServiceNamespace="ecs",
                MaxResults=PAGE,
                **({"NextToken": token} if token else {}),
            )
            some = page.scaling_activities
            came += len(some)
            known = any(self._over(one.activity_id) for one in some)
            self._found.update((one.activity_id, one) for one in some)
            if known or any(one.start_time < oldest for one in some):  # what follows is older
                break
            paging.follow(page.next_token)
        self._found = {id: one for id, one in self._found.items() if one.start_time >= oldest}
        return (*damage.problems(SCOPE), *paging.problems(SCOPE, came))

    def _over(self, id: str) -> bool:
        known = self._found.get(id)
        return known is not None and known.end_time is not None
