"""A simulated EventBridge rule: what happens in an account becomes events in a queue, half a second later.

Forms: "Amazon ECS events" (ECS developer guide), "Overview of events for Amazon RDS" (RDS user guide), "Alarm events
and EventBridge" (CloudWatch user guide). Times are seconds since the epoch, UTC.
"""

from datetime import UTC, datetime
from typing import Any

from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsAccount, SimulatedEcsService, SimulatedEcsTask
from oncall_tui.simulator.services.aws.endpoint import Json
from oncall_tui.simulator.services.aws.sqs import SimulatedQueue, encoded
from oncall_tui.simulator.timeline import SimulatedTimeline

LATE_S = 0.5  # EventBridge delivers in about half a second, however fast the world runs
_DEPLOY_EVENTS = {
    "PENDING": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "IN_PROGRESS": ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
    "SUCCESSFUL": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "ROLLBACK_IN_PROGRESS": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
    "ROLLBACK_SUCCESSFUL": ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
    "ROLLBACK_FAILED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
    "STOPPED": ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
}


class EventRule:
    """One rule of one account. *enabled*: it sends; somebody may switch it off."""

    def __init__(self, account: SimulatedEcsAccount, queue: SimulatedQueue, timeline: SimulatedTimeline) -> None:
        self._account = account
        self.queue = queue
        self._timeline = timeline
        self.enabled = True
        self._sent = 0
        self._deploys: dict[str, str] = {}  # ARN -> the event that was sent last
        self._stopped: dict[str, str] = {}  # service -> the task that stopped last
        self._begun = False

    def begin(self) -> None:
        """Send what happens from now on: what was laid is no news."""
        self._begun = True
        for cluster in self._account.clusters.values():
            for service in cluster.services.values():
                self._happened(service)

    def changed(self, service: SimulatedEcsService) -> None:
        """Hear of a service that changed."""
        if self._begun and service.arn.startswith(self._account.arn("service/")):
            for kind, detail, resources in self._happened(service):
                self.tell("aws.ecs", kind, detail, resources)

    def tell(self, source: str, kind: str, detail: Json, resources: list[str], at: float | None = None) -> None:
        """Send an event. *at*: when it happened (epoch seconds; None: now)."""
        if not self.enabled:
            return
        self._sent += 1
        now = self._timeline.now()
        event: dict[str, Any] = {
            "version": "0",
            "id": f"drill-event-{self._sent}",
            "detail-type": kind,
            "source": source,
            "account": self._account.number,
            "time": stamp(now if at is None else at),
            "region": self._account.region,
            "resources": resources,
            "detail": detail,
        }
        body = encoded(event)
        self._timeline.after(LATE_S * self._timeline.speed, lambda: self.queue.send(body, self._timeline.now()))

    def database(self, at: float, name: str, kind: str, category: str, message: str) -> None:
        """Hear of what happened to a database."""
        cluster = kind == "db-cluster"
        arn = f"arn:aws:rds:{self._account.region}:{self._account.number}:{'cluster' if cluster else 'db'}:{name}"
        detail = {
            "EventCategories": [category],
            "SourceType": "CLUSTER" if cluster else "DB_INSTANCE",
            "SourceArn": arn,
            "Date": stamp(at),
            "Message": message,
            "SourceIdentifier": name,
        }
        self.tell("aws.rds", f"RDS DB {'Cluster' if cluster else 'Instance'} Event", detail, [arn], at)

    def _happened(self, service: SimulatedEcsService) -> list[tuple[str, Json, list[str]]]:
        """The events of a service since they were last asked for: (type, detail, resources)."""
        found: list[tuple[str, Json, list[str]]] = []
        cluster = self._account.arn(f"cluster/{service.cluster.name}")
        for deployment in service.deployments[:3]:
            kind, name = _DEPLOY_EVENTS.get(deployment.status, ("", ""))
            if not name or self._deploys.get(deployment.arn) == f"{name} {deployment.target.arn}":
                continue
            self._deploys[deployment.arn] = f"{name} {deployment.target.arn}"
            detail = {
                "eventType": kind,
                "eventName": name,
                "clusterArn": cluster,
                "deploymentId": service.primary.id,
                "updatedAt": stamp(deployment.updated_at),
                "reason": deployment.reason or f"ECS deployment {service.primary.id} in progress.",
            }
            found.append(("ECS Deployment State Change", detail, [service.arn]))
        for task in self._newly_stopped(service):
            found.append(("ECS Task State Change", _task(service, task, cluster), [task.arn]))
        return found

    def _newly_stopped(self, service: SimulatedEcsService) -> list[SimulatedEcsTask]:
        last, found = self._stopped.get(service.arn), []
        for task in service.stopped:
            if task.arn == last:
                break
            found.append(task)
        if found:
            self._stopped[service.arn] = found[0].arn
        return found[::-1]


def _task(service: SimulatedEcsService, task: SimulatedEcsTask, cluster: str) -> Json:
    return {
        "clusterArn": cluster,
        "taskArn": task.arn,
        "group": f"service:{service.name}",
        "lastStatus": task.last_status,
        "desiredStatus": task.desired_status,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "containers": [{"name": "app", "lastStatus": "STOPPED", "exitCode": task.exit_code}],
        "startedBy": task.rollout_id,
        "version": 5,
    }


def stamp(at: float) -> str:
    """A time as events have it: to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
