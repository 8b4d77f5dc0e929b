"""How a rolling deploy moves: tasks start, replace the old ones, die, and the circuit breaker counts.

The rules are those of the rolling strategy in ECS's developer guide with minimum 100 % and maximum 200 %: as many new
tasks as wanted are started beside the old ones, and an old one is stopped for each new one that runs.
"""

from collections.abc import Callable

from oncall_tui.drill.ecs.model import Account, Deployment, Revision, Rollout, Service, Task
from oncall_tui.drill.timeline import Timeline

RESTART_S = 3.0  # the scheduler's pause after a failed task


class Mover:
    """Moves the services of one account along the timeline; `changed` hears of every service that changed."""

    def __init__(self, account: Account, timeline: Timeline, changed: Callable[[Service], None]) -> None:
        self.account = account
        self._timeline = timeline
        self._changed = changed

    def now(self) -> float:
        """The world's time, in epoch seconds."""
        return self._timeline.now()

    # -- what others ask for

    def deploy(self, service: Service, revision: Revision) -> Deployment:
        """Start a deploy; one that is under way is superseded (STOP_REQUESTED, then STOPPED)."""
        now = self._timeline.now()
        sources = list({t.revision.arn: t.revision for t in service.tasks if t.live}.values())
        if service.deployments and service.deployments[0].status in UNDER_WAY_OR_STOPPING:
            self._supersede(service, service.deployments[0])
        arn = self.account.arn(f"service-deployment/{service.cluster.name}/{service.name}/{self.account.hex_id(20)}")
        deployment = Deployment(arn, revision, sources, now, updated_at=now, started_at=now)
        if not service.breaker.enable:
            deployment.breaker_status = "DISABLED"
        self.account.record(service, deployment)
        self._roll(service, revision)
        return deployment

    def roll_back(self, service: Service, deployment: Deployment, reason: str) -> None:
        """Go back to the last revision that was good, within the same service deployment."""
        target = service.good
        if target is None:
            return
        now = self._timeline.now()
        deployment.status, deployment.reason, deployment.updated_at = "ROLLBACK_IN_PROGRESS", reason, now
        deployment.rollback = {"reason": reason, "startedAt": now, "serviceRevisionArn": target.arn}
        failed = service.primary
        failed.state, failed.reason, failed.updated_at = "FAILED", reason, now
        self._roll(service, target, f"{reason} Rolling back to {target.definition.arn.rsplit('/')[-1]}.")

    def request_rollback(self, service: Service, deployment: Deployment) -> None:
        """StopServiceDeployment: requested now, under way a second later."""
        now = self._timeline.now()
        deployment.status, deployment.updated_at = "ROLLBACK_REQUESTED", now
        deployment.stopped_at = now
        deployment.reason = "Service deployment rollback requested by user."
        self._touch(service)

        def begin() -> None:
            if deployment.status == "ROLLBACK_REQUESTED":
                self.roll_back(service, deployment, "Service deployment rolled back because of a user's request.")

        self._timeline.after(1.0, begin)

    def scale(self, service: Service, desired: int) -> None:
        """Change how many tasks are wanted, without a deploy."""
        service.desired = desired
        self.step(service)

    def delete(self, service: Service) -> None:
        """DeleteService: no task is wanted, none runs, and what is under way ends."""
        service.desired, service.status = 0, "INACTIVE"
        if service.deployments[0].status in UNDER_WAY_OR_STOPPING:
            self._finish(service.deployments[0], "STOPPED", "Service was deleted.")
        self.step(service)

    def kill(self, service: Service, count: int, exit_code: int) -> None:
        """Let running tasks die, though their revision is good."""
        for task in [t for t in service.tasks if t.last_status == "RUNNING"][:count]:
            task.exit_code = exit_code
            self._stop(service, task, "EssentialContainerExited", "Essential container in task exited")
        self.step(service)

    def stop_task(self, service: Service, task: Task, reason: str) -> None:
        """StopTask: one task ends by a person's hand, and the scheduler replaces it."""
        self._stop(service, task, "UserInitiated", reason or "Task stopped by user")
        self.step(service)

    def event(self, service: Service, text: str) -> None:
        """Put a line into the service's event stream."""
        now = self._timeline.now()
        service.events.appendleft({"id": self.account.hex_id(), "createdAt": now, "message": text})

    # -- one step

    def step(self, service: Service) -> None:
        """Bring the tasks one step nearer to what is wanted, and look whether that was all."""
        primary = service.primary
        self._stop_surplus(service, primary)  # first, as it makes room: nothing else would look again
        if primary.state != "FAILED":
            self._start_missing(service, primary)
        self._drop_drained(service)
        self._watch_steady(service, primary)
        self._touch(service)

    def _start_missing(self, service: Service, primary: Rollout) -> None:
        if service.not_before > self._timeline.now():
            return
        mine = sum(1 for t in service.tasks if t.live and t.rollout_id == primary.id)
        room = 2 * service.desired - sum(1 for t in service.tasks if t.live)
        started = [self._start(service, primary) for _ in range(max(0, min(service.desired - mine, room)))]
        if started:
            names = " ".join(f"(task {task.arn.rsplit('/')[-1]})" for task in started)
            self.event(service, f"(service {service.name}) has started {len(started)} tasks: {names}.")

    def _start(self, service: Service, rollout: Rollout) -> Task:
        arn = self.account.arn(f"task/{service.cluster.name}/{self.account.hex_id()}")
        task = Task(arn, rollout.revision, rollout.id, self._timeline.now())
        service.tasks.append(task)
        self._timeline.after(self.account.uncertain(service.start_s), lambda: self._started(service, task))
        return task

    def _started(self, service: Service, task: Task) -> None:
        if not task.live:
            return
        fails = task.revision.definition.fails
        if fails is not None and fails.stop_code == "TaskFailedToStart":
            self._fail(service, task)
            return
        task.last_status, task.started_at = "RUNNING", self._timeline.now()
        if fails is not None:
            self._timeline.after(self.account.uncertain(fails.after_s), lambda: self._fail(service, task))
        self.step(service)

    def _fail(self, service: Service, task: Task) -> None:
        fails = task.revision.definition.fails
        if not task.live or fails is None:
            return
        task.exit_code, task.container_reason = fails.exit_code, fails.reason
        self._stop(service, task, fails.stop_code, fails.stopped_reason)
        if fails.stop_code == "ServiceSchedulerInitiated":
            name = task.arn.rsplit("/")[-1]
            self.event(service, f"(service {service.name}) (task {name}) failed container health checks.")
        self._count_failure(service, task)
        service.not_before = self._timeline.now() + RESTART_S / self._timeline.speed
        self._timeline.after(RESTART_S + 0.01, lambda: self.step(service))
        self.step(service)

    def _count_failure(self, service: Service, task: Task) -> None:
        rollout = service.primary
        if task.rollout_id != rollout.id or rollout.state != "IN_PROGRESS":
            return
        rollout.failed += 1
        rollout.updated_at = self._timeline.now()
        deployment = service.deployments[0]
        if deployment.status != "IN_PROGRESS":
            return
        deployment.failures += 1
        if service.breaker.enable and deployment.failures >= service.breaker.threshold:
            self._trip(service, deployment)

    def _trip(self, service: Service, deployment: Deployment) -> None:
        deployment.breaker_status = "TRIGGERED"
        name = f"(service {service.name}) (deployment {service.primary.id})"
        self.event(service, f"{name} deployment failed: tasks failed to start.")
        why = "Service deployment rolled back because the circuit breaker threshold was exceeded."
        if service.breaker.rollback and service.good is not None:
            self.roll_back(service, deployment, why)
            return
        service.primary.state = "FAILED"
        service.primary.reason = "ECS deployment circuit breaker: tasks failed to start."
        self._finish(deployment, "STOPPED", "Service deployment failed: the circuit breaker threshold was exceeded.")

    def _stop_surplus(self, service: Service, primary: Rollout) -> None:
        fresh = [t for t in service.tasks if t.rollout_id == primary.id]
        for task in [t for t in fresh if t.live][service.desired :]:
            self._stop(service, task, "ServiceSchedulerInitiated", self._because(primary))
        old = [t for t in service.tasks if t.live and t.rollout_id != primary.id]
        running = sum(1 for t in fresh if t.last_status == "RUNNING")
        going = [t for t in old if t.last_status == "PENDING"]
        old_running = [t for t in old if t.last_status == "RUNNING"]
        going += old_running[: max(0, len(old_running) + running - service.desired)]
        for task in going:
            self._stop(service, task, "ServiceSchedulerInitiated", self._because(primary))
        if going:
            names = " ".join(f"(task {task.arn.rsplit('/')[-1]})" for task in going)
            self.event(service, f"(service {service.name}) has stopped {len(going)} running tasks: {names}.")

    def _because(self, rollout: Rollout) -> str:
        return f"Scaling activity initiated by (deployment {rollout.id})"

    def _drop_drained(self, service: Service) -> None:
        live = {task.rollout_id for task in service.tasks}
        service.rollouts[1:] = [r for r in service.rollouts[1:] if r.id in live]

    def _watch_steady(self, service: Service, primary: Rollout) -> None:
        if not self._steady(service, primary):
            return
        youngest = max((t.started_at or 0.0 for t in service.tasks), default=0.0)
        settled = youngest + service.steady_s / self._timeline.speed
        wait = (settled - self._timeline.now()) * self._timeline.speed
        if wait <= 0:
            self._complete(service, primary)
            return
        self._timeline.after(wait + 0.01, lambda: self._settled(service, primary))

    def _settled(self, service: Service, primary: Rollout) -> None:
        if service.primary is primary and primary.state == "IN_PROGRESS":
            self.step(service)

    def _steady(self, service: Service, primary: Rollout) -> bool:
        if primary.state != "IN_PROGRESS" or len(service.tasks) != service.desired:
            return False
        return service.counted(primary, "RUNNING") == service.desired

    def _complete(self, service: Service, primary: Rollout) -> None:
        now = self._timeline.now()
        primary.state, primary.updated_at = "COMPLETED", now
        primary.reason = f"ECS deployment {primary.id} completed."
        self.event(service, f"(service {service.name}) (deployment {primary.id}) deployment completed.")
        self.event(service, f"(service {service.name}) has reached a steady state.")
        service.good = primary.revision
        deployment = service.deployments[0]
        if deployment.status == "ROLLBACK_IN_PROGRESS":
            self._finish(deployment, "ROLLBACK_SUCCESSFUL", deployment.reason)
        elif deployment.status in ("IN_PROGRESS", "ROLLBACK_REQUESTED"):  # completed before the stop took hold
            self._finish(deployment, "SUCCESSFUL", "Service deployment completed.")
        if deployment.breaker_status == "MONITORING":
            deployment.breaker_status = "MONITORING_COMPLETE"

    # -- small moves

    def _roll(self, service: Service, revision: Revision, reason: str = "") -> None:
        now = self._timeline.now()
        rollout = Rollout(f"ecs-svc/{self.account.decimal_id()}", revision, now, now)
        rollout.reason = reason or f"ECS deployment {rollout.id} in progress."
        service.rollouts.insert(0, rollout)
        service.not_before = 0.0
        self.step(service)

    def _supersede(self, service: Service, deployment: Deployment) -> None:
        now = self._timeline.now()
        deployment.status, deployment.updated_at, deployment.stopped_at = "STOP_REQUESTED", now, now
        deployment.reason = "Service deployment stopped: a newer one was started."

        def stopped() -> None:
            if deployment.status == "STOP_REQUESTED":
                self._finish(deployment, "STOPPED", deployment.reason)
                self._touch(service)

        self._timeline.after(1.0, stopped)

    def _finish(self, deployment: Deployment, status: str, reason: str) -> None:
        now = self._timeline.now()
        deployment.status, deployment.reason = status, reason
        deployment.finished_at = deployment.updated_at = now

    def _stop(self, service: Service, task: Task, code: str, reason: str) -> None:
        task.last_status = task.desired_status = "STOPPED"
        task.stopped_at = self._timeline.now()
        task.stop_code, task.stopped_reason = code, reason
        service.tasks.remove(task)
        service.stopped.appendleft(task)

    def _touch(self, service: Service) -> None:
        service.version += 1
        self._changed(service)


UNDER_WAY_OR_STOPPING = ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED")
