"""The AWS account that a story leaves behind, and what this machine remembers of it."""

from __future__ import annotations

from random import Random
from typing import Any

from oncall_tui.domain.remembered import AlertStart, PastRollback, ServiceHistory
from oncall_tui.runtime.clock import FakeClock
from tests.oracle.story import DAY, How, Step, Story
from tests.providers.aws.aws_world import World, task_definition

CLUSTER, NAME = "main", "api"
STATUS = {
    How.SUCCEEDED: "SUCCESSFUL",
    How.ROLLED_BACK: "ROLLBACK_SUCCESSFUL",
    How.STOPPED: "STOPPED",
    How.ROLLBACK_FAILED: "ROLLBACK_FAILED",
    How.GOING: "IN_PROGRESS",
    How.ROLLING_BACK: "ROLLBACK_IN_PROGRESS",
}


class Account(World):
    """A world of one service. As ECS does, it lists the service deployments of the last 90 days, in no order."""

    def __init__(self, clock: FakeClock, story: Story) -> None:
        super().__init__(clock)
        self.story = story
        self._arns: dict[int, str] = {}  # the newest service revision of each task definition
        self._runs: int | None = None  # the last that succeeded: what ECS goes back to
        self.inactive = {task_definition(NAME, n) for n in story.gone}
        for step in story.steps:
            self._add(step)
        self._serve()

    def _add(self, step: Step) -> None:
        more: dict[str, Any] = {} if step.ended is None else {"finishedAt": step.ended}
        found = [n for n in (step.before, step.besides) if n is not None]
        source = [{"arn": self._arn(n), "runningTaskCount": 1} for n in found]
        if step.how in (How.ROLLED_BACK, How.ROLLING_BACK, How.ROLLBACK_FAILED) and source:
            began = step.began + 20.0
            back = source[0]["arn"] if self._runs is None else self._arn(self._runs)
            more["rollback"] = {"reason": "tasks failed", "startedAt": began, "serviceRevisionArn": back}
        made = self.deploy(
            CLUSTER, NAME, None, step.number, age=self.clock.now() - step.began, status=STATUS[step.how], **more
        )
        made["sourceServiceRevisions"] = sorted(source, key=lambda s: str(s["arn"]))
        self._arns[step.number] = made["targetServiceRevision"]["arn"]
        self._runs = step.number if step.how is How.SUCCEEDED else self._runs

    def _arn(self, number: int) -> str:
        if number not in self._arns:
            self._arns[number] = self.revision(CLUSTER, NAME, f"known{number}", number)
        return self._arns[number]

    def _serve(self) -> None:
        story, newest = self.story, self.story.newest
        assert newest is not None
        age = self.clock.now() - newest.began
        service = self.service(CLUSTER, NAME, number=story.current, age=age)
        if newest.how is How.SUCCEEDED:
            return
        first = service["deployments"][0]
        first["rolloutState"] = "COMPLETED" if newest.how is How.ROLLED_BACK else "FAILED"
        if newest.ended is not None:
            return
        first |= {"rolloutState": "IN_PROGRESS", "runningCount": 1}
        other = newest.number if newest.how is How.ROLLING_BACK else newest.before
        if other is not None:
            old = self.deployment(f"ecs-svc/old-{other}", task_definition(NAME, other), 2, newest.began - DAY)
            service["deployments"].append(old | {"status": "ACTIVE"})
        service["currentServiceDeployment"] = self.newest()["serviceDeploymentArn"]

    def ListServiceDeployments(self, service: str, cluster: str, **asked: Any) -> Any:
        answer = super().ListServiceDeployments(service, cluster, **asked)
        since = self.clock.now() - 90 * DAY
        found = [d for d in answer["serviceDeployments"] if d["createdAt"] >= since]
        Random(self.story.name).shuffle(found)
        return {"serviceDeployments": found}

    def ListTaskDefinitions(self, familyPrefix: str, status: str = "ACTIVE", **_: Any) -> Any:
        numbers = [n for n in self.story.numbers if (n in self.story.gone) == (status == "INACTIVE")]
        return {"taskDefinitionArns": [task_definition(familyPrefix, n) for n in sorted(numbers, reverse=True)]}


def recall(story: Story) -> ServiceHistory:
    """What the board and the journal of this machine hold: when alerts began, and the rollbacks sent from here."""
    sent = [_sent(s) for s in reversed(story.steps) if s.sent_from_here]
    return ServiceHistory(alerts=tuple(AlertStart(at, "5xx") for at in story.alerts), rollbacks=tuple(sent))


def _sent(step: Step) -> PastRollback:
    """A rollback by UpdateService was sent just before its deploy began; one by a stop, into a deploy."""
    here, other = task_definition(NAME, step.number), task_definition(NAME, step.before or 0)
    if step.how in (How.ROLLED_BACK, How.ROLLING_BACK):
        return PastRollback(at=step.began + 15.0, from_arn=here, to=other, by="alice")
    return PastRollback(at=step.began - 5.0, from_arn=other, to=here, by="alice")
