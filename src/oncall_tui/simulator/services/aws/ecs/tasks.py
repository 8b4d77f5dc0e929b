"""The scheduler's work on tasks: it starts missing ones, stops surplus ones, and sees them die."""

from collections.abc import Callable

from oncall_tui.simulator.services.aws.ecs.model import (
    Deployment,
    Rollout,
    SimulatedEcsAccount,
    SimulatedEcsRevision,
    SimulatedEcsService,
    SimulatedEcsTask,
)
from oncall_tui.simulator.services.aws.ecs.views import load_balancers
from oncall_tui.simulator.timeline import SimulatedTimeline

RESTART_S = 3.0  # the scheduler's pause after a failed task
NO_PLACE = (  # on Fargate, by the developer guide's "service event messages", which says it once until it is resolved
    "was unable to place a task. Reason: Capacity is unavailable at this time. "
    "Please try again later or in a different availability zone."
)


class Tasks:
    """The scheduler of one account; `changed` hears of every service that changed."""

    def __init__(
        self, account: SimulatedEcsAccount, timeline: SimulatedTimeline, changed: Callable[[SimulatedEcsService], None]
    ) -> None:
        self.account = account
        self._timeline = timeline
        self._changed = changed

    def now(self) -> float:
        """The world's time, in epoch seconds."""
        return self._timeline.now()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Schedule a call, `seconds` of unscaled scenario time from now."""
        self._timeline.after(seconds, do)

    def scaled(self, seconds: float) -> float:
        """How long unscaled seconds take at this world's speed."""
        return seconds / self._timeline.speed

    def completed(self, service: SimulatedEcsService, primary: Rollout) -> None:
        """Take it that the primary rollout is steady, and nothing else runs."""
        raise NotImplementedError

    def failed(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> None:
        """Take it that a task stopped by its own fault."""
        raise NotImplementedError

    # -- what others ask for

    def kill(self, service: SimulatedEcsService, count: int, exit_code: int) -> None:
        """Let running tasks die, though their revision is good."""
        for task in [t for t in service.tasks if t.last_status == "RUNNING"][:count]:
            task.exit_code = exit_code
            self._stop(service, task, "EssentialContainerExited", "Essential container in task exited")
        self.step(service)

    def stop_task(self, service: SimulatedEcsService, task: SimulatedEcsTask, reason: str) -> None:
        """StopTask: one task ends by a person's hand, and the scheduler replaces it."""
        self._stop(service, task, "UserInitiated", reason or "Task stopped by user")
        self.step(service)

    def event(self, service: SimulatedEcsService, text: str) -> None:
        """Put a line into the service's event stream."""
        service.events.appendleft({"id": self.account.hex_id(), "createdAt": self.now(), "message": text})

    def rollout(self, service: SimulatedEcsService, revision: SimulatedEcsRevision, reason: str = "") -> Rollout:
        """A new primary rollout."""
        now = self.now()
        rollout = Rollout(f"ecs-svc/{self.account.decimal_id()}", revision, now, now)
        rollout.reason = reason or f"ECS deployment {rollout.id} in progress."
        service.rollouts.insert(0, rollout)
        service.not_before = 0.0
        return rollout

    def finish(self, deployment: Deployment, status: str, reason: str) -> None:
        """A service deployment comes to its end."""
        deployment.status, deployment.reason = status, reason
        deployment.finished_at = deployment.updated_at = self.now()
        deployment.hooks = []
        if deployment.breaker_status == "MONITORING":
            deployment.breaker_status = "MONITORING_COMPLETE"
        if deployment.watched == "MONITORING":
            deployment.watched = "MONITORING_COMPLETE"

    def touch(self, service: SimulatedEcsService) -> None:
        """Say that a service changed."""
        service.version += 1
        self._changed(service)

    # -- one step

    def step(self, service: SimulatedEcsService) -> None:
        """Bring the tasks one step nearer to what is wanted, and look whether that was all."""
        self._stop_surplus(service)  # first, as it makes room: nothing else would look again
        for rollout in service.rollouts:
            if rollout.state != "FAILED" or rollout is service.kept:
                self._start_missing(service, rollout)
        self._drop_drained(service)
        self._watch_steady(service)
        self.touch(service)

    def replace_at_once(self, service: SimulatedEcsService, rollout: Rollout) -> None:
        """All tasks are this rollout's, and run."""
        for other in service.rollouts:
            other.weight = other.test_weight = 0.0
        rollout.weight = 100.0 if service.shifts else 0.0
        for task in [t for t in service.tasks if t.rollout_id != rollout.id]:
            self._stop(service, task, "ServiceSchedulerInitiated", _because(rollout))
        mine = [t for t in service.tasks if t.rollout_id == rollout.id]
        mine += [self._start(service, rollout) for _ in range(service.desired - len(mine))]
        for task in mine:
            if task.last_status == "PENDING":
                task.last_status, task.started_at = "RUNNING", self.now()
        service.rollouts[:] = [rollout]

    def _start_missing(self, service: SimulatedEcsService, rollout: Rollout) -> None:
        if service.not_before > self.now():
            return
        live = [t for t in service.tasks if t.live]
        mine = sum(1 for t in live if t.rollout_id == rollout.id)
        room = (3 if service.shifts else 2) * service.desired - len(live)
        missing = max(0, min(service.wanted(rollout) - mine, room))
        placed = missing if service.room is None else max(0, min(missing, service.room - len(live)))
        if placed < missing and not service.crowded:
            self.event(service, f"(service {service.name}) {NO_PLACE}")
        if missing or rollout is service.primary:
            service.crowded = placed < missing
        started = [self._start(service, rollout) for _ in range(placed)]
        if started:
            names = " ".join(f"(task {task.arn.rsplit('/')[-1]})" for task in started)
            self.event(service, f"(service {service.name}) has started {len(started)} tasks: {names}.")

    def _start(self, service: SimulatedEcsService, rollout: Rollout) -> SimulatedEcsTask:
        arn = self.account.arn(f"task/{service.cluster.name}/{self.account.hex_id()}")
        task = SimulatedEcsTask(arn, rollout.revision, rollout.id, self.now())
        service.tasks.append(task)
        self.after(self.account.uncertain(service.start_s), lambda: self._started(service, task))
        return task

    def _started(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> None:
        if not task.live:
            return
        fails = task.revision.definition.fails
        if fails is not None and fails.stop_code == "TaskFailedToStart":
            self._fail(service, task)
            return
        if task.last_status != "RUNNING":
            task.last_status, task.started_at = "RUNNING", self.now()
        if fails is not None:
            self.after(self.account.uncertain(fails.after_s), lambda: self._fail(service, task))
        self.step(service)

    def _fail(self, service: SimulatedEcsService, task: SimulatedEcsTask) -> None:
        fails = task.revision.definition.fails
        if not task.live or fails is None:
            return
        task.exit_code, task.container_reason = fails.exit_code, fails.reason
        group = next((str(it["targetGroupArn"]) for it in load_balancers(service)), "none")
        self._stop(service, task, fails.stop_code, fails.stopped_reason.replace("TARGET_GROUP", group))
        if fails.event:
            name = f"(service {service.name}) (task {task.arn.rsplit('/')[-1]})"
            self.event(service, f"{name} {fails.event.replace('TARGET_GROUP', group)}")
        self.failed(service, task)
        service.not_before = self.now() + RESTART_S / self._timeline.speed
        self.after(RESTART_S + 0.01, lambda: self.step(service))
        self.step(service)

    def _stop_surplus(self, service: SimulatedEcsService) -> None:
        wanted = {it.id: service.wanted(it) for it in service.rollouts}
        going: list[SimulatedEcsTask] = []
        for rollout in service.rollouts:
            mine = [t for t in service.tasks if t.live and t.rollout_id == rollout.id]
            going += mine[wanted[rollout.id] :] if wanted[rollout.id] else []
        old = [t for t in service.tasks if t.live and not wanted.get(t.rollout_id)]
        if service.shifts or service.kept is not None:
            going += old
        else:
            running = service.counted(service.primary, "RUNNING")
            old_running = [t for t in old if t.last_status == "RUNNING"]
            going += [t for t in old if t.last_status == "PENDING"]
            going += old_running[: max(0, len(old_running) + running - service.desired)]
        for task in going:
            self._stop(service, task, "ServiceSchedulerInitiated", _because(service.primary))
        if going:
            names = " ".join(f"(task {task.arn.rsplit('/')[-1]})" for task in going)
            self.event(service, f"(service {service.name}) has stopped {len(going)} running tasks: {names}.")

    def _drop_drained(self, service: SimulatedEcsService) -> None:
        live = {task.rollout_id for task in service.tasks}
        held = (service.kept, service.awaits[0] if service.awaits else None)
        service.rollouts[1:] = [
            it for it in service.rollouts[1:] if it.id in live or it.weight or it in held or service.wanted(it)
        ]

    def _watch_steady(self, service: SimulatedEcsService) -> None:
        rollout = service.awaits[0] if service.awaits else service.primary
        if not self._steady(service, rollout):
            return
        mine = [t for t in service.tasks if t.rollout_id == rollout.id]
        youngest = max((t.started_at or 0.0 for t in mine), default=0.0)
        settled = youngest + service.steady_s / self._timeline.speed
        wait = (settled - self.now()) * self._timeline.speed
        if wait > 0:
            self.after(wait + 0.01, lambda: self._settled(service, rollout))
        elif service.awaits:
            then, service.awaits = service.awaits[1], None
            then()
        else:
            self.completed(service, rollout)

    def _settled(self, service: SimulatedEcsService, rollout: Rollout) -> None:
        waited = service.awaits is not None and service.awaits[0] is rollout
        if waited or (service.primary is rollout and rollout.state == "IN_PROGRESS"):
            self.step(service)

    def _steady(self, service: SimulatedEcsService, rollout: Rollout) -> bool:
        running = service.counted(rollout, "RUNNING")
        if service.awaits:
            return running == service.wanted(rollout)
        if service.shifts or service.kept is not None or rollout.state != "IN_PROGRESS":
            return False
        return len(service.tasks) == service.desired and running == service.desired

    def _stop(self, service: SimulatedEcsService, task: SimulatedEcsTask, code: str, reason: str) -> None:
        task.last_status = task.desired_status = "STOPPED"
        task.stopped_at = self.now()
        task.stop_code, task.stopped_reason = code, reason
        service.tasks.remove(task)
        service.stopped.appendleft(task)


def _because(rollout: Rollout) -> str:
    return f"Scaling activity initiated by (deployment {rollout.id})"
