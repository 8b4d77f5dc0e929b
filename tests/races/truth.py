"""What is so at the simulated world's one service, whatever the program was answered, and who did what to it."""

from __future__ import annotations

from typing import NamedTuple

from oncall_tui.simulator.services.aws.codedeploy.model import ENDED, CodeDeployment
from oncall_tui.simulator.services.aws.ecs.model import Deployment
from oncall_tui.simulator.start import RunningWorld
from oncall_tui.simulator.world.truth import told_of

PATH = "prod/main/api"
BAD = 42
GOOD = frozenset({39, 40, 41})
BACK = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
STILL = ("PENDING", "IN_PROGRESS", *BACK[:2])


class Served(NamedTuple):
    """Who gets the traffic: revision's number -> percent; *steady*: as many tasks of one run as are wanted."""

    traffic: dict[int, float]
    steady: bool

    def alone(self, number: int) -> bool:
        """Does *number* get all of it, from as many tasks as are wanted?"""
        return self.steady and set(self.traffic) == {number}


class Truth:
    """The world's own words. A deploy's *number* is its task definition's."""

    def __init__(self, opened: RunningWorld) -> None:
        story = opened.story
        self.world = story.world
        self.service = story.service(PATH)[0]
        self.group = None
        if self.service.controller == "CODE_DEPLOY":
            self.group = story.codedeploys["prod"].group_of(self.service)
        self._last: tuple[str, str] = ("", "")  # the deploy that was started or changed last, and by whom

    # --- who did what ---

    def mark(self) -> dict[str, object]:
        """What another's write would change, by deploy."""
        if self.group is not None:
            return {d.id: (d.status, d.stopping, d.waits) for d in self.group.deployments}
        return {d.arn: (d.status, tuple(h.status for h in d.hooks)) for d in self.service.deployments}

    def changed(self, before: dict[str, object]) -> str:
        """The deploy that is new or other than it was; empty: none."""
        now = self.mark()
        made = [it for it in now if it not in before]
        return next(iter([*made, *(it for it in now if before.get(it) != now[it])]), "")

    def ours(self, deploy: str) -> None:
        if deploy:
            self._last = (deploy, "ours")

    def theirs(self, deploy: str) -> None:
        if deploy:
            self._last = (deploy, "theirs")

    @property
    def last_by(self) -> str:
        """Whose write took effect last: ``ours``, ``theirs``; empty: nobody's."""
        return self._last[1]

    # --- what is so ---

    def served(self) -> Served:
        told = told_of(self.service)
        running = {_number(r["task_definition"]): 0 for r in told["revisions"]}
        traffic: dict[int, float] = {}
        for it in told["revisions"]:
            number = _number(it["task_definition"])
            running[number] += it["running"]
            if it["traffic"]:
                traffic[number] = traffic.get(number, 0.0) + it["traffic"]
        steady = len(traffic) == 1 and running[next(iter(traffic))] >= told["desired"]
        return Served(traffic, steady)

    @property
    def under_way(self) -> bool:
        """Does a deploy move still?"""
        if self.group is not None:
            return any(it.status not in ENDED for it in self.group.deployments)
        return bool(self.service.deployments) and self.service.deployments[0].status in STILL

    @property
    def waits(self) -> bool:
        """Does a deploy wait for a person's answer?"""
        if self.group is not None:
            return any(it.status == "Ready" for it in self.group.deployments)
        newest = self.service.deployments[0]
        return any(hook.status == "AWAITING_ACTION" for hook in newest.hooks)

    def heads_to(self) -> int:
        """The revision that the newest deploy will leave there, as things stand."""
        if self.group is not None:
            active = next((it for it in self.group.deployments if it.status not in ENDED), None)
            if active is not None and active.definition is not None and not active.stopping:
                return active.definition.number
            return self.service.good.definition.number if active and self.service.good else self._primary()
        newest = self.service.deployments[0]
        if newest.status in BACK and self.service.good is not None:
            return self._back(newest) or self.service.good.definition.number
        if newest.status in ("PENDING", "IN_PROGRESS", "SUCCESSFUL"):
            return newest.target.definition.number
        return self._primary()

    def _primary(self) -> int:
        traffic = self.served().traffic
        return max(traffic, key=lambda n: traffic[n]) if traffic else self.service.primary.revision.definition.number

    def went(self, deploy: str) -> tuple[str, int]:
        """How a deploy stands, and where it goes or went (0: nowhere)."""
        if self.group is not None:
            return self._went(next(it for it in self.group.deployments if it.id == deploy))
        found = next(it for it in self.service.deployments if it.arn == deploy)
        return found.status, self._back(found) if found.rollback else found.target.definition.number

    def puts(self, deploy: str) -> int:
        """The revision that a deploy is of, wherever it ended."""
        if self.group is not None:
            made = next(it for it in self.group.deployments if it.id == deploy)
            return made.definition.number if made.definition else 0
        return next(it for it in self.service.deployments if it.arn == deploy).target.definition.number

    def _went(self, found: CodeDeployment) -> tuple[str, int]:
        held = self.group.deployments if self.group else []
        back = next((it for it in held if it.id == found.rolled_back_by), None)
        if back is not None and back.definition is not None:
            return "ROLLBACK_SUCCESSFUL" if back.status == "Succeeded" else back.status, back.definition.number
        return found.status, found.definition.number if found.definition else 0

    def _back(self, deploy: Deployment) -> int:
        arn = (deploy.rollback or {}).get("serviceRevisionArn")
        return self.service.revisions[arn].definition.number if arn else 0

    def story(self) -> str:
        """In one line, for a race that went wrong."""
        if self.group is not None:
            held = [f"{d.id}:{d.definition.number if d.definition else '?'} {d.status}" for d in self.group.deployments]
        else:
            held = [
                f"{d.arn[-6:]}:{d.target.definition.number} {d.status} {d.stage or ''}→{self._back(d) or ''}"
                for d in self.service.deployments
            ]
        return f"{self.served()} | {' | '.join(held[:5])}"


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])
