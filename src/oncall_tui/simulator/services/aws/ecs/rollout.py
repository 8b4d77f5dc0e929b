"""How deploys move: tasks start, replace the old ones, die, and the circuit breaker counts.

The rules are those of the rolling strategy in ECS's developer guide with minimum 100 % and maximum 200 %: as many new
tasks as wanted are started beside the old ones, and an old one is stopped for each new one that runs. Deploys that
shift traffic instead are `shift`'s; both keep their tasks here.
"""

import math
from collections.abc import Callable

from oncall_tui.simulator.services.aws.ecs.model import (
    UNDER_WAY,
    Deployment,
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsRevision,
    SimulatedEcsService,
    SimulatedEcsTask,
)
from oncall_tui.simulator.services.aws.ecs.shift import Shifter
from oncall_tui.simulator.services.aws.ecs.tasks import Tasks
from oncall_tui.simulator.timeline import SimulatedTimeline

UNDER_WAY_OR_STOPPING = (*UNDER_WAY, "STOP_REQUESTED")
BY_USER = "Service deployment rolled back because of a user's request."


class Mover(Tasks):
    """Moves the services of one account along the timeline; `changed` hears of every service that changed."""

    def __init__(
        self, account: SimulatedEcsAccount, timeline: SimulatedTimeline, changed: Callable[[SimulatedEcsService], None]
    ) -> None:
        super().__init__(account, timeline, changed)
        self.shifter = Shifter(self)

    # -- what others ask for

    def deploy(self, service: SimulatedEcsService, revision: SimulatedEcsRevision) -> Deployment:
        """Start a deploy; one that is under way is superseded (STOP_REQUESTED, then STOPPED).

        That a newer one may start is documented (RECONCILE_SERVICE is for it); which of two revisions that share the
        traffic it starts from is not: here the one with the larger share.
        """
        now = self.now()
        sources = list({t.revision.arn: t.revision for t in service.tasks if t.live}.values())
        if service.deployments and service.deployments[0].status in UNDER_WAY_OR_STOPPING:
            self._supersede(service, service.deployments[0])
        arn = self.account.arn(f"service-deployment/{service.cluster.name}/{service.name}/{self.account.hex_id(20)}")
        deployment = Deployment(arn, revision, sources, now, "PENDING", updated_at=now)
        if not service.breaker.enable:
            deployment.breaker_status = "DISABLED"
        if service.strategy.alarms.enable:
            deployment.watched = "MONITORING"
        self.account.record(service, deployment)
        self._forget_shift(service)
        service.kept = self._serving(service)
        rollout = self.rollout(service, revision)
        rollout.scaled = False
        self.gate(service, deployment.arn, "PENDING", lambda: self._begin(service, deployment, len(sources) > 1))
        self.step(service)
        return deployment

    def roll_back(self, service: SimulatedEcsService, deployment: Deployment, reason: str) -> None:
        """Go back to the last revision that was good, within the same service deployment."""
        target = service.good
        if target is None:
            return
        self._mark_rollback(service, deployment, target, reason)
        if service.shift is not None or service.kept is not None:
            self.shifter.back(service, deployment, target)
            return
        self.rollout(service, target, f"{reason} Rolling back to {target.definition.arn.rsplit('/')[-1]}.")
        self.step(service)

    def _mark_rollback(
        self, service: SimulatedEcsService, deployment: Deployment, target: SimulatedEcsRevision, reason: str
    ) -> None:
        now = self.now()
        deployment.status, deployment.reason, deployment.updated_at = "ROLLBACK_IN_PROGRESS", reason, now
        deployment.rollback = {"reason": reason, "startedAt": now, "serviceRevisionArn": target.arn}
        failed = service.primary
        failed.state, failed.reason, failed.updated_at = "FAILED", reason, now

    def request_rollback(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        """StopServiceDeployment: requested now, under way a second later, or ended otherwise where a race is set."""
        now = self.now()
        deployment.status, deployment.updated_at = "ROLLBACK_REQUESTED", now
        deployment.stopped_at = now
        deployment.reason = "Service deployment rollback requested by user."
        if service.shift is not None:
            service.shift.turn += 1
            deployment.hooks = []
        ends, service.ends = service.ends, None
        if ends is not None:
            self.after(ends[1], lambda: self._lost_race(service, deployment, ends[0]))
        else:
            self.after(1.0, lambda: self._start_rollback(service, deployment))
        self.touch(service)

    def alarm(self, service: SimulatedEcsService, name: str) -> None:
        """Let an alarm go off: a deploy that watches it fails, and is rolled back where that is configured."""
        watched = service.strategy.alarms
        if name not in watched.names or not watched.enable or not service.deployments:
            return
        deployment = service.deployments[0]
        if deployment.status != "IN_PROGRESS":
            return
        deployment.triggered.append(name)
        deployment.watched = "TRIGGERED"
        self.event(service, f"(service {service.name}) deployment failed: alarm detected: {name}.")
        if watched.rollback and service.good is not None:
            self.roll_back(service, deployment, "Service deployment rolled back because an alarm was triggered.")
        else:
            self.stop_deployment(service, deployment, "Service deployment failed: an alarm was triggered.")

    def scale(self, service: SimulatedEcsService, desired: int) -> None:
        """Change how many tasks are wanted, without a deploy."""
        service.desired = desired
        self.step(service)

    def delete(self, service: SimulatedEcsService) -> None:
        """DeleteService: no task is wanted, none runs, and what is under way ends."""
        service.desired, service.status = 0, "INACTIVE"
        self._forget_shift(service)
        if service.deployments and service.deployments[0].status in UNDER_WAY_OR_STOPPING:
            self.finish(service.deployments[0], "STOPPED", "Service was deleted.")
        self.step(service)

    def complete_now(self, service: SimulatedEcsService) -> None:
        """The deploy under way succeeds at once. ValueError where none does that could."""
        deployment = service.deployments[0] if service.deployments else None
        if deployment is None or deployment.status not in ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED"):
            raise ValueError(f"no deploy of {service.name} is under way that could complete")
        primary = service.primary
        if service.shift is not None:
            deployment.stage = "CLEAN_UP"
        self._forget_shift(service)
        primary.scaled = True
        self.replace_at_once(service, primary)
        self._succeed(service, primary, deployment)

    def stop_deployment(self, service: SimulatedEcsService, deployment: Deployment, reason: str) -> None:
        """End it as failed without a rollback: start no new task, and keep the running ones."""
        if service.shift is not None:
            service.shift.turn += 1
        service.primary.state, service.primary.reason, service.awaits = "FAILED", reason, None
        deployment.hooks, deployment.stopped_at = [], self.now()
        self.finish(deployment, "STOPPED", reason)
        self.touch(service)

    # -- a hold: so that a test or a person can look at leisure

    def gate(self, service: SimulatedEcsService, arn: str, name: str, go: Callable[[], None]) -> None:
        """Leave a status or a stage now, or when its hold ends."""
        seconds = service.hold.pop(name, None)
        if seconds is None:
            go()
            return
        key = (arn, name)
        service.waiting[key] = go
        if math.isfinite(seconds):
            self.after(seconds, lambda: self._release(service, key, go))

    def held(self, service: SimulatedEcsService, deployment: Deployment, name: str) -> bool:
        """Return whether a gate is closed."""
        return (deployment.arn, name) in service.waiting

    def release(self, service: SimulatedEcsService) -> None:
        """Let everything that is held go on."""
        service.hold.clear()
        for key, go in list(service.waiting.items()):
            self._release(service, key, go)

    def _release(self, service: SimulatedEcsService, key: tuple[str, str], go: Callable[[], None]) -> None:
        if service.waiting.get(key) is go:
            del service.waiting[key]
            go()

    # -- ends and beginnings

    def _begin(self, service: SimulatedEcsService, deployment: Deployment, reconcile: bool) -> None:
        if deployment.status != "PENDING":
            return
        now = self.now()
        deployment.status, deployment.started_at, deployment.updated_at = "IN_PROGRESS", now, now
        if service.strategy.shifts:
            self.shifter.begin(service, deployment, reconcile)
            return
        service.primary.scaled, service.kept = True, None
        self.step(service)

    def _start_rollback(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        if deployment.status == "ROLLBACK_REQUESTED":
            self.gate(service, deployment.arn, "ROLLBACK_REQUESTED", lambda: self._rollback(service, deployment))

    def _rollback(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        if deployment.status == "ROLLBACK_REQUESTED":
            self.roll_back(service, deployment, BY_USER)

    def _fail_rollback(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        if deployment.status == "ROLLBACK_IN_PROGRESS":
            self.stop_deployment(service, deployment, "Service deployment rollback failed.")
            deployment.status = "ROLLBACK_FAILED"

    def _lost_race(self, service: SimulatedEcsService, deployment: Deployment, ends: str) -> None:
        if deployment.status != "ROLLBACK_REQUESTED":
            return
        if ends == "SUCCESSFUL":
            self.complete_now(service)
        elif ends == "ROLLBACK_FAILED" and service.good is not None:  # it brought nothing back
            self._mark_rollback(service, deployment, service.good, BY_USER)
            self.touch(service)
            self.after(2.0, lambda: self._fail_rollback(service, deployment))
        else:
            self.stop_deployment(service, deployment, "Service deployment stopped.")

    def completed(self, service: SimulatedEcsService, primary: Rollout) -> None:
        """End the deploy: the primary rollout is steady, and nothing else runs."""
        deployment = service.deployments[0]
        name = "ROLLBACK_IN_PROGRESS" if deployment.status == "ROLLBACK_IN_PROGRESS" else "IN_PROGRESS"
        if self.held(service, deployment, name):
            return
        status = deployment.status

        def end() -> None:
            if deployment.status == status and service.primary is primary and primary.state == "IN_PROGRESS":
                self._succeed(service, primary, deployment)

        self.gate(service, deployment.arn, name, end)

    def _succeed(self, service: SimulatedEcsService, primary: Rollout, deployment: Deployment) -> None:
        primary.state, primary.updated_at = "COMPLETED", self.now()
        primary.reason = f"ECS deployment {primary.id} completed."
        self.event(service, f"(service {service.name}) (deployment {primary.id}) deployment completed.")
        self.event(service, f"(service {service.name}) has reached a steady state.")
        service.good = primary.revision
        if deployment.status == "ROLLBACK_IN_PROGRESS":
            self.finish(deployment, "ROLLBACK_SUCCESSFUL", deployment.reason)
        elif deployment.status in UNDER_WAY:  # also where it completed before the stop took hold
            self.finish(deployment, "SUCCESSFUL", "Service deployment completed.")
        self.touch(service)

    def failed(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> None:
        """A task of the deploy under way died: the circuit breaker counts."""
        rollout = service.primary
        if task.rollout_id != rollout.id or rollout.state != "IN_PROGRESS":
            return
        rollout.failed += 1
        rollout.updated_at = self.now()
        deployment = service.deployments[0] if service.deployments else None
        if deployment is None or deployment.status != "IN_PROGRESS":
            return
        deployment.failures += 1
        if service.breaker.enable and deployment.failures >= service.breaker.threshold:
            self._trip(service, deployment)

    def _trip(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        deployment.breaker_status = "TRIGGERED"
        name = f"(service {service.name}) (deployment {service.primary.id})"
        self.event(service, f"{name} deployment failed: tasks failed to start.")
        why = "Service deployment rolled back because the circuit breaker threshold was exceeded."
        if service.breaker.rollback and service.good is not None:
            self.roll_back(service, deployment, why)
            return
        why = "Service deployment failed: the circuit breaker threshold was exceeded."
        self.stop_deployment(service, deployment, why)
        service.primary.reason = "ECS deployment circuit breaker: tasks failed to start."

    def _supersede(self, service: SimulatedEcsService, deployment: Deployment) -> None:
        now = self.now()
        deployment.status, deployment.updated_at, deployment.stopped_at = "STOP_REQUESTED", now, now
        deployment.reason, deployment.hooks = "Service deployment stopped: a newer one was started.", []

        def stopped() -> None:
            if deployment.status == "STOP_REQUESTED":
                self.finish(deployment, "STOPPED", deployment.reason)
                self.touch(service)

        self.after(1.0, lambda: self.gate(service, deployment.arn, "STOP_REQUESTED", stopped))

    def _forget_shift(self, service: SimulatedEcsService) -> None:
        if service.shift is not None:
            service.shift.turn += 1
        service.shift = service.kept = service.awaits = None

    def _serving(self, service: SimulatedEcsService) -> Rollout | None:
        if not service.rollouts or not service.strategy.shifts:
            return next((it for it in service.rollouts if it.scaled), None)
        most = max(service.rollouts, key=lambda it: it.weight)
        return most if most.weight else None
