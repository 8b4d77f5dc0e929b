"""How CodeDeploy's deployments of ECS services move, and how they are stopped and rolled back.

Documented (CodeDeploy's API model and user guide): the statuses, the two waits, that blue is kept until the termination
wait ends, that a stop with rollback makes a new deployment and that both name each other. Guesses: that the replacement
task set becomes PRIMARY with the last share of the traffic, and that a rollback moves all traffic in one go.

Times are seconds since the epoch, UTC.
"""

import random
from collections.abc import Callable

from oncall_tui.simulator.services.aws.codedeploy.model import (
    ENDED,
    EVENTS,
    CodeDeployment,
    SimulatedCodeDeployGroup,
    appspec,
    digest,
    task_definition_of,
    weights,
)
from oncall_tui.simulator.services.aws.ecs.model import (
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsService,
    TaskDefinition,
)
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.services.aws.ecs.strategy import MINUTE

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_STAGE_S = 2.0  # a lifecycle event that has no time of its own


class CodeDeploy:
    """One account's CodeDeploy in one region."""

    def __init__(self, account: SimulatedEcsAccount, mover: Mover) -> None:
        self.account = account
        self.groups: dict[tuple[str, str], SimulatedCodeDeployGroup] = {}
        self.deployments: dict[str, CodeDeployment] = {}
        self.revisions: dict[tuple[str, str], str] = {}
        """(application, sha256) -> AppSpec."""
        self._mover = mover

    def now(self) -> float:
        """The world's time, in epoch seconds."""
        return self._mover.now()

    def group_of(self, service: SimulatedEcsService) -> SimulatedCodeDeployGroup:
        """The deployment group of a service."""
        return next(group for group in self.groups.values() if group.service is service)

    def record(self, group: SimulatedCodeDeployGroup, content: str, at: float, creator: str = "user") -> CodeDeployment:
        """A new deployment, which does not move yet."""
        chosen = random.Random(self.account.hex_id())
        id = "d-" + "".join(chosen.choice(_LETTERS) for _ in range(9))
        deployment = CodeDeployment(id, group, content, at, config=group.config, creator=creator, updated_at=at)
        self.deployments[id] = deployment
        group.deployments.insert(0, deployment)
        self.revisions[group.application, digest(content)] = content
        return deployment

    def active(self, group: SimulatedCodeDeployGroup) -> CodeDeployment | None:
        """The one that is under way."""
        return next((it for it in group.deployments if it.status not in ENDED), None)

    def deploy(self, service: SimulatedEcsService, definition: TaskDefinition) -> CodeDeployment:
        """Deploy as a pipeline does. ValueError where one is under way."""
        group = self.group_of(service)
        if self.active(group):
            raise ValueError(f"a deploy of {service.name} is under way")
        return self.start(self.record(group, appspec(definition, service.port), self.now()))

    def start(self, deployment: CodeDeployment) -> CodeDeployment:
        """Created, then Queued, then InProgress."""

        def queued() -> None:
            self._set(deployment, "Queued")
            self._later(deployment, 1.0, lambda: self._gate(deployment, "Queued", lambda: self._install(deployment)))

        self._later(deployment, 1.0, lambda: self._gate(deployment, "Created", queued))
        return deployment

    def proceed(self, deployment: CodeDeployment) -> None:
        """End the wait that it is in, as ContinueDeployment does."""
        waited, deployment.waits = deployment.waits, ""
        deployment.turn += 1
        if waited == "READY_WAIT":
            self._set(deployment, "InProgress")
            self._shift(deployment, 0)
        else:
            self._end(deployment)

    def stop(self, deployment: CodeDeployment, rollback: bool) -> None:
        """Stopped a second later; then the rollback is a deployment of its own."""
        if deployment.stopping:
            return
        service = deployment.group.service
        ends, service.ends = service.ends, None
        deployment.turn += 1
        deployment.stopping = True

        def stopped() -> None:
            if ends is not None and ends[0] == "SUCCESSFUL":
                self.complete_now(deployment)
                return
            self._set(deployment, "Stopped")
            deployment.waits = ""
            service.awaits = None
            for event in deployment.events.values():
                if event["status"] == "InProgress":
                    event |= {"status": "Failed", "endTime": self.now()}
            self._mover.touch(service)
            if rollback and ends is None:
                self._roll_back(deployment)

        self._later(deployment, ends[1] if ends else 1.0, lambda: self._gate(deployment, "Stopping", stopped))

    def alarm(self, service: SimulatedEcsService, name: str) -> None:
        """Let an alarm of the group go off."""
        group = self.group_of(service)
        deployment = self.active(group)
        if deployment is None or name not in group.alarms or deployment.rollback_of:
            return
        deployment.error = {"code": "ALARM_ACTIVE", "message": f"One or more alarms have been activated: {name}."}
        self.stop(deployment, "DEPLOYMENT_STOP_ON_ALARM" in group.rollback_events)

    def complete_now(self, deployment: CodeDeployment) -> None:
        """Let it succeed at once."""
        service, green = deployment.group.service, deployment.green
        deployment.turn += 1
        deployment.waits = ""
        if green is None:
            self._install(deployment)
            green = deployment.green
        if green is None:
            return
        service.awaits = None
        self._mover.replace_at_once(service, green)
        service.good = green.revision
        for name in EVENTS:
            self._event(deployment, name, "Succeeded")
        self._set(deployment, "Succeeded")
        self._mover.step(service)

    # -- one deployment

    def _install(self, deployment: CodeDeployment) -> None:
        service, now = deployment.group.service, self.now()
        deployment.started_at = now
        self._set(deployment, "InProgress")
        definition = self._definition(deployment)
        if definition is None or not definition.active:
            self._fail(deployment, "ECS_UPDATE_ERROR", "The ECS service cannot be updated: TaskDefinition is inactive")
            return
        deployment.definition = definition
        for other in service.rollouts[1:]:
            other.draining, other.weight = True, 0.0
        deployment.blue = service.rollouts[0]
        revision = self.account.revise(service, definition, now)
        green = Rollout(f"ecs-svc/{self.account.decimal_id()}", revision, now, now, external_id=deployment.id)
        deployment.green, service.not_before = green, 0.0
        service.rollouts.append(green)
        self._event(deployment, "BeforeInstall", "Succeeded")
        self._event(deployment, "Install", "InProgress")
        gate = self._still(
            deployment, lambda: self._gate(deployment, "InProgress", lambda: self._installed(deployment))
        )
        service.awaits = (green, gate)
        self._mover.step(service)

    def _installed(self, deployment: CodeDeployment) -> None:
        for name in EVENTS[1:5]:
            self._event(deployment, name, "Succeeded")
        group = deployment.group
        if not group.ready_minutes:
            self._shift(deployment, 0)
            return
        deployment.waits = "READY_WAIT"
        self._set(deployment, "Ready")

        def too_late() -> None:
            self._set(deployment, "Stopped")
            deployment.waits = ""
            self._drain(deployment.green, group.service)

        self._later(deployment, group.ready_minutes * MINUTE, too_late)

    def _shift(self, deployment: CodeDeployment, at: int) -> None:
        service, green, blue = deployment.group.service, deployment.green, deployment.blue
        if green is None or blue is None:
            return
        if at == 0:
            self._event(deployment, "BeforeAllowTraffic", "Succeeded")
            self._event(deployment, "AllowTraffic", "InProgress")
        steps = weights(deployment.config)
        weight, stays_s = steps[at]
        green.weight, blue.weight = weight, 100.0 - weight
        if at + 1 < len(steps):
            on: Callable[[], None] = lambda: self._shift(deployment, at + 1)  # noqa: E731
        else:
            service.rollouts.remove(green)
            service.rollouts.insert(0, green)
            on = lambda: self._shifted(deployment)  # noqa: E731
        deployment.updated_at = green.updated_at = blue.updated_at = self.now()
        self._mover.step(service)
        self._later(deployment, stays_s, lambda: self._gate(deployment, "AllowTraffic", on))

    def _shifted(self, deployment: CodeDeployment) -> None:
        self._event(deployment, "AllowTraffic", "Succeeded")
        self._event(deployment, "AfterAllowTraffic", "Succeeded")
        deployment.waits, deployment.updated_at = "TERMINATION_WAIT", self.now()
        self._mover.touch(deployment.group.service)
        self._later(deployment, deployment.group.wait_minutes * MINUTE, lambda: self._end(deployment))

    def _end(self, deployment: CodeDeployment) -> None:
        deployment.waits = ""
        service = deployment.group.service
        if deployment.green is not None:
            service.good = deployment.green.revision
        self._set(deployment, "Succeeded")
        self._drain(deployment.blue, service)

    def _fail(self, deployment: CodeDeployment, code: str, message: str) -> None:
        self._set(deployment, "Failed")
        deployment.error = {"code": code, "message": message}

    def _roll_back(self, stopped: CodeDeployment) -> None:
        """A deployment of its own, which gives the traffic back to the task set that it came from."""
        group = stopped.group
        before = group.last(ended=True)
        if before is None:  # a guess: that there is nothing to redeploy is documented, the words are not
            stopped.message = f"Deployment {stopped.id} cannot be rolled back: nothing was deployed before it."
            return
        deployment = self.record(group, before.content, self.now(), "codeDeployRollback")
        deployment.rollback_of, stopped.rolled_back_by = stopped.id, deployment.id
        deployment.definition = before.definition
        deployment.message = f"Deployment {stopped.id} was stopped; this deployment rolls it back."
        stopped.message = f"Deployment {stopped.id} is rolled back by {deployment.id}."
        deployment.green, deployment.blue = stopped.blue, stopped.green

        def begin() -> None:
            deployment.started_at = self.now()
            self._set(deployment, "InProgress")
            self._event(deployment, "AllowTraffic", "InProgress")
            self._later(
                deployment, _STAGE_S, lambda: self._gate(deployment, "RollingBack", lambda: self._back(deployment))
            )

        self._later(deployment, 1.0, begin)

    def _back(self, deployment: CodeDeployment) -> None:
        service = deployment.group.service
        old = deployment.green or service.rollouts[0]
        for rollout in service.rollouts:
            rollout.weight = 100.0 if rollout is old else 0.0
        service.rollouts.remove(old)
        service.rollouts.insert(0, old)
        self._event(deployment, "AllowTraffic", "Succeeded")
        self._set(deployment, "Succeeded")
        self._drain(deployment.blue, service)

    # -- small moves

    def _definition(self, deployment: CodeDeployment) -> TaskDefinition | None:
        try:
            arn = task_definition_of(deployment.content)
        except ValueError:
            return None
        family, _, number = arn.rpartition("/")[2].partition(":")
        held = self.account.families.get(family, {})
        return held.get(int(number)) if number.isdigit() else None

    def _drain(self, rollout: Rollout | None, service: SimulatedEcsService) -> None:
        if rollout is not None:
            rollout.draining, rollout.weight = True, 0.0
        self._mover.step(service)

    def _event(self, deployment: CodeDeployment, name: str, status: str) -> None:
        event = deployment.events.setdefault(name, {"startTime": self.now()})
        event["status"] = status
        if status != "InProgress":
            event.setdefault("endTime", self.now())
        deployment.updated_at = self.now()

    def _set(self, deployment: CodeDeployment, status: str) -> None:
        deployment.status, deployment.updated_at = status, self.now()
        if status in ENDED:
            deployment.completed_at = self.now()
        self._mover.touch(deployment.group.service)

    def _still(self, deployment: CodeDeployment, do: Callable[[], None]) -> Callable[[], None]:
        """`do`, but not any more once it was stopped, continued or ended."""
        turn = deployment.turn

        def perhaps() -> None:
            if deployment.turn == turn and deployment.status not in ENDED:
                do()

        return perhaps

    def _later(self, deployment: CodeDeployment, seconds: float, do: Callable[[], None]) -> None:
        self._mover.after(seconds, self._still(deployment, do))

    def _gate(self, deployment: CodeDeployment, name: str, go: Callable[[], None]) -> None:
        self._mover.gate(deployment.group.service, deployment.id, name, self._still(deployment, go))
