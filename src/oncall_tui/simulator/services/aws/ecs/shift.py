"""How a deploy moves that keeps two revisions and shifts traffic between them: BLUE_GREEN, LINEAR and CANARY.

The order of the stages is that of ServiceDeploymentLifecycleStage in ECS's API model, and what each means is in its
documentation. Documented, too: linear and canary deploys go through the traffic shift's hooks at every step, the step's
bake time is not applied at 100 percent, and a stop is accepted while the deploy is IN_PROGRESS. Not documented, so
guesses: a hook of PRODUCTION_TRAFFIC_SHIFT runs after that step's traffic has moved; traffic goes back in one move;
the stage reads CLEAN_UP while the green tasks are stopped; and a stop in CLEAN_UP starts the blue tasks again.
"""

import base64
from collections.abc import Callable
from typing import Protocol

from oncall_tui.simulator.services.aws.ecs.model import (
    Deployment,
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsRevision,
    SimulatedEcsService,
    TrafficShift,
)
from oncall_tui.simulator.services.aws.ecs.strategy import MINUTE, Hook, HookDetail, Step


class Scheduler(Protocol):
    """The mover, as this module needs it."""

    account: SimulatedEcsAccount

    def now(self) -> float:
        """The world's time, in epoch seconds."""
        ...

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Schedule a call for later."""

    def scaled(self, seconds: float) -> float:
        """As long as it takes at this world's speed."""
        ...

    def gate(self, service: SimulatedEcsService, arn: str, name: str, go: Callable[[], None]) -> None:
        """Leave a status or a stage."""

    def step(self, service: SimulatedEcsService) -> None:
        """Bring the tasks nearer to what is wanted."""

    def touch(self, service: SimulatedEcsService) -> None:
        """Say that a service changed."""

    def event(self, service: SimulatedEcsService, text: str) -> None:
        """Put a line into the service's event stream."""

    def finish(self, deployment: Deployment, status: str, reason: str) -> None:
        """A service deployment comes to its end."""

    def request_rollback(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        """Request a rollback as StopServiceDeployment does."""

    def roll_back(self, service: SimulatedEcsService, deployment: Deployment, reason: str) -> None:
        """Go back to the last good revision."""


class Shifter:
    """Moves the deploys of one account that shift traffic."""

    def __init__(self, mover: Scheduler) -> None:
        self._mover = mover
        self._next: dict[str, Callable[[], None]] = {}
        """Keep each deploy's next step after its hooks, by its ARN."""

    def begin(self, service: SimulatedEcsService, deployment: Deployment, reconcile: bool) -> None:
        """Begin at the first stage; `reconcile` where more than one revision runs."""
        blue = service.kept
        for rollout in service.rollouts:
            rollout.weight, rollout.test_weight = 100.0 if rollout is blue else 0.0, 0.0
        service.shift = TrafficShift(deployment, service.primary, blue, service.strategy.steps(reconcile))
        self._enter(service, service.shift, 0)

    def back(self, service: SimulatedEcsService, deployment: Deployment, target: SimulatedEcsRevision) -> None:
        """Go back to `target`, which usually still runs: then only the traffic moves, and nothing is launched."""
        shift = service.shift or TrafficShift(deployment, service.primary, service.kept, [])
        shift.turn += 1
        deployment.hooks = []
        blue, now = shift.blue, self._mover.now()
        if blue is None or blue.revision is not target:
            blue = Rollout(f"ecs-svc/{self._mover.account.decimal_id()}", target, now, now)
        if blue not in service.rollouts:
            service.rollouts.append(blue)
        blue.state, blue.scaled, service.not_before = "COMPLETED", True, 0.0
        service.shift, service.kept, shift.blue = shift, blue, blue
        service.awaits = (blue, self._held_by(service, shift, lambda: self._flip(service, shift, blue)))
        self._mover.step(service)

    def answer(self, service: SimulatedEcsService, deployment: Deployment, detail: HookDetail, action: str) -> None:
        """ContinueServiceDeployment, or a hook's time-out."""
        shift = service.shift
        if shift is None:
            return
        if action == "ROLLBACK":
            detail.status = "FAILED" if detail.status != "TIMED_OUT" else detail.status
            self._mover.request_rollback(service, deployment)
            return
        if detail.status != "TIMED_OUT":
            detail.status = "SUCCEEDED"
        self._mover.touch(service)
        if all(it.status not in ("AWAITING_ACTION", "IN_PROGRESS") for it in deployment.hooks):
            self._next.pop(deployment.arn)()

    # -- stages

    def _enter(self, service: SimulatedEcsService, shift: TrafficShift, at: int) -> None:
        shift.at = at
        step = shift.steps[at]
        self._hooked(service, shift, step.before, lambda: self._do(service, shift, step))

    def _do(self, service: SimulatedEcsService, shift: TrafficShift, step: Step) -> None:
        shift.deployment.stage, shift.deployment.updated_at = step.stage, self._mover.now()
        if step.stage == "TEST_TRAFFIC_SHIFT":
            shift.green.test_weight = 100.0
        elif step.weight is not None:
            shift.green.weight = step.weight
            if shift.blue is not None:
                shift.blue.weight = round(100.0 - step.weight, 1)
        elif step.stage == "CLEAN_UP":
            service.kept, shift.green.test_weight = None, 0.0
        elif step.stage == "SCALE_UP":
            shift.green.scaled = True
            service.awaits = (shift.green, self._held_by(service, shift, lambda: self._leave(service, shift, step)))
        self._mover.step(service)
        if step.stage != "SCALE_UP":
            self._hooked(service, shift, (step.stage,), lambda: self._stay(service, shift, step))

    def _stay(self, service: SimulatedEcsService, shift: TrafficShift, step: Step) -> None:
        self._mover.after(step.wait_s, self._held_by(service, shift, lambda: self._leave(service, shift, step)))

    def _leave(self, service: SimulatedEcsService, shift: TrafficShift, step: Step) -> None:
        on = self._held_by(service, shift, lambda: self._go_on(service, shift))
        self._mover.gate(service, shift.deployment.arn, step.stage, on)

    def _go_on(self, service: SimulatedEcsService, shift: TrafficShift) -> None:
        shift.deployment.hooks = []
        if shift.at + 1 < len(shift.steps):
            self._enter(service, shift, shift.at + 1)
        else:
            self._complete(service, shift)

    def _complete(self, service: SimulatedEcsService, shift: TrafficShift) -> None:
        green = shift.green
        green.state, green.updated_at = "COMPLETED", self._mover.now()
        green.reason = f"ECS deployment {green.id} completed."
        service.shift, service.good = None, green.revision
        self._mover.event(service, f"(service {service.name}) (deployment {green.id}) deployment completed.")
        self._mover.event(service, f"(service {service.name}) has reached a steady state.")
        self._mover.finish(shift.deployment, "SUCCESSFUL", "Service deployment completed.")
        self._mover.step(service)

    def _flip(self, service: SimulatedEcsService, shift: TrafficShift, blue: Rollout) -> None:
        """Take the traffic back; then what is green stops."""
        deployment = shift.deployment
        for rollout in service.rollouts:
            rollout.weight, rollout.test_weight = 100.0 if rollout is blue and service.shifts else 0.0, 0.0
        service.rollouts.remove(blue)
        service.rollouts.insert(0, blue)
        service.kept = None
        if deployment.stage is not None:
            deployment.stage = "CLEAN_UP"
        self._mover.step(service)

        def end() -> None:
            if deployment.status == "ROLLBACK_IN_PROGRESS":
                service.shift, service.good = None, blue.revision
                self._mover.finish(deployment, "ROLLBACK_SUCCESSFUL", deployment.reason)
                self._mover.step(service)

        leave = self._held_by(service, shift, end)
        gate = self._held_by(
            service, shift, lambda: self._mover.gate(service, deployment.arn, "ROLLBACK_IN_PROGRESS", leave)
        )
        self._mover.after(service.strategy.stage_s, gate)

    def _held_by(self, service: SimulatedEcsService, shift: TrafficShift, do: Callable[[], None]) -> Callable[[], None]:
        """`do`, but not any more once the deploy was stopped, superseded or ended."""
        turn = shift.turn

        def perhaps() -> None:
            if shift.turn == turn and service.shift is shift:
                do()

        return perhaps

    # -- hooks

    def _hooked(
        self, service: SimulatedEcsService, shift: TrafficShift, stages: tuple[str, ...], then: Callable[[], None]
    ) -> None:
        """Run the hooks of these stages, then go on."""
        mine = [hook for hook in service.strategy.hooks if set(hook.stages) & set(stages)]
        if not mine:
            then()
            return
        deployment = shift.deployment
        self._next[deployment.arn] = self._held_by(service, shift, then)
        deployment.hooks = [self._run(service, shift, hook) for hook in mine]
        deployment.updated_at = self._mover.now()
        self._mover.touch(service)

    def _run(self, service: SimulatedEcsService, shift: TrafficShift, hook: Hook) -> HookDetail:
        mover, deployment = self._mover, shift.deployment
        kind = "pause" if hook.target == "PAUSE" else "lambda"
        raw = bytes.fromhex(mover.account.hex_id(64))
        id = f"ecs-{kind}-{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"
        status = "AWAITING_ACTION" if hook.target == "PAUSE" else "IN_PROGRESS"
        detail = HookDetail(id, hook, status, mover.now() + mover.scaled(hook.timeout_minutes * MINUTE))

        def timed_out() -> None:
            if detail.status in ("AWAITING_ACTION", "IN_PROGRESS"):
                detail.status = "TIMED_OUT"
                self.answer(service, deployment, detail, hook.on_timeout)

        def ran() -> None:
            if detail.status != "IN_PROGRESS":
                return
            if hook.fails:
                detail.status = "FAILED"
                why = "Service deployment rolled back because a lifecycle hook failed."
                mover.roll_back(service, deployment, why)
            else:
                self.answer(service, deployment, detail, "CONTINUE")

        mover.after(hook.timeout_minutes * MINUTE, self._held_by(service, shift, timed_out))
        if hook.target != "PAUSE":
            mover.after(hook.takes_s, self._held_by(service, shift, ran))
        return detail
