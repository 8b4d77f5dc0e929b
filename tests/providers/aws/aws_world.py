"""An AWS account in memory: a transport that answers as bytes and checks each request against botocore's model."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

ACCOUNT, REGION = "123456789012", "eu-west-1"
SERVICES = ("ecs", "codedeploy", "elbv2", "cloudwatch", "logs", "rds", "application-autoscaling", "cloudtrail")
_models: dict[str, Any] = {}


def model(service: str) -> Any:
    """botocore's model of a service, loaded once for all tests."""
    if service not in _models:
        _models[service] = botocore.session.Session().get_service_model(service)
    return _models[service]


def error(operation: str, code: str, message: str = "", status: int = 400, **headers: str) -> ClientError:
    """What botocore raises for an error answer."""
    meta = {"HTTPStatusCode": status, "HTTPHeaders": {k.replace("_", "-"): v for k, v in headers.items()}}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}, operation)


def arn(kind: str, *path: str) -> str:
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{'/'.join(path)}"


def task_definition(family: str, number: int) -> str:
    return arn("task-definition", f"{family}:{number}")


class World:
    """*services* by (cluster, name); *refuse*: an operation, or (operation, cluster) -> what it raises or answers."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.services: dict[tuple[str, str], dict[str, Any]] = {}
        self.deploys: dict[str, dict[str, Any]] = {}  # by ARN
        self.revisions: dict[str, dict[str, Any]] = {}
        self.inactive: set[str] = set()
        self.container: dict[str, Any] = {}  # what a container has besides the usual
        self.tags: list[dict[str, str]] = []  # of each task definition
        self.tasks: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.activities: list[dict[str, Any]] = []  # of Application Auto Scaling
        self.targets: dict[str, list[dict[str, Any]]] = {}  # by target group's ARN, as DescribeTargetHealth has them
        self.metrics: dict[
            str, dict[str, Any]
        ] = {}  # "NAME STATISTIC" -> a member of MetricDataResults, without its id
        self.refuse: dict[Any, Any] = {}
        self.asked: Counter[str] = Counter()
        self.sent: list[tuple[str, dict[str, Any], bool]] = []

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        known = next(s for s in SERVICES if operation in model(s).operation_names)
        report = ParamValidator().validate(params, model(known).operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.asked[operation] += 1
        self.sent.append((operation, params, acting))
        for key in (operation, (operation, str(params.get("cluster", "")).rsplit("/", 1)[-1])):
            if key in self.refuse:
                answer = self.refuse[key]
                if isinstance(answer, Exception):
                    raise answer
                return bytes(answer)
        return json.dumps(getattr(self, operation)(**params)).encode()

    # --- building ---

    def service(
        self, cluster: str, name: str, *, desired: int = 2, number: int = 41, age: float = 30 * 86_400
    ) -> dict[str, Any]:
        """A service at rest."""
        at = self.clock.now() - age
        definition = task_definition(name, number)
        made = {
            "serviceArn": arn("service", cluster, name),
            "serviceName": name,
            "clusterArn": arn("cluster", cluster),
            "status": "ACTIVE",
            "desiredCount": desired,
            "runningCount": desired,
            "pendingCount": 0,
            "taskDefinition": definition,
            "deploymentController": {"type": "ECS"},
            "deployments": [self.deployment(f"ecs-svc/{name}-{number}", definition, desired, at)],
            "events": [{"id": str(i), "createdAt": at - i, "message": f"({name}) steady {i}"} for i in range(100)],
        }
        self.services[cluster, name] = made
        return made

    @staticmethod
    def deployment(id_: str, definition: str, desired: int, at: float, **more: Any) -> dict[str, Any]:
        rest = {"status": "PRIMARY", "rolloutState": "COMPLETED", "failedTasks": 0, "pendingCount": 0}
        counts = {"desiredCount": desired, "runningCount": desired, "createdAt": at, "updatedAt": at}
        return {"id": id_, "taskDefinition": definition, **rest, **counts, **more}

    def revision(self, cluster: str, name: str, id_: str, number: int, digest: str = "") -> str:
        made = arn("service-revision", cluster, name, id_)
        image = f"registry.example.com/{name}:v{number}"
        self.revisions[made] = {
            "serviceRevisionArn": made,
            "taskDefinition": task_definition(name, number),
            "containerImages": [
                {"containerName": "app", "image": image, "imageDigest": digest or f"sha256:{number:064x}"}
            ],
        }
        return made

    def deploy(
        self, cluster: str, name: str, old: int | None, new: int, *, age: float, status: str = "SUCCESSFUL", **more: Any
    ) -> dict[str, Any]:
        """A service deployment that began *age* seconds ago; its service's deployments[] are the caller's."""
        id_ = f"d{len(self.deploys):04d}"
        made = arn("service-deployment", cluster, name, id_)
        at = self.clock.now() - age
        target = {
            "arn": self.revision(cluster, name, f"r{id_}", new),
            "requestedTaskCount": 2,
            "runningTaskCount": 1,
            "pendingTaskCount": 1,
        }
        source = [] if old is None else [{"arn": self.revision(cluster, name, f"s{id_}", old), "runningTaskCount": 1}]
        self.deploys[made] = {
            "serviceDeploymentArn": made,
            "serviceArn": arn("service", cluster, name),
            "clusterArn": arn("cluster", cluster),
            "createdAt": at,
            "startedAt": at,
            **(
                {"finishedAt": at + 60}
                if status in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
                else {}
            ),
            "status": status,
            "targetServiceRevision": target,
            "sourceServiceRevisions": source,
            "deploymentConfiguration": {"strategy": "ROLLING"},
            **more,
        }
        return self.deploys[made]

    def rolling(self, cluster: str, name: str, old: int = 41, new: int = 42, age: float = 30.0) -> dict[str, Any]:
        """A service with a deploy under way, and the one before it, a week old."""
        service = self.service(cluster, name, number=old)
        self.deploy(cluster, name, old - 1, old, age=7 * 86_400)
        made = self.deploy(cluster, name, old, new, age=age, status="IN_PROGRESS")
        at = self.clock.now() - age
        service["taskDefinition"] = task_definition(name, new)
        service["deployments"][0] |= {"status": "ACTIVE"}
        first = self.deployment(
            f"ecs-svc/{name}-{new}", task_definition(name, new), 2, at, rolloutState="IN_PROGRESS", runningCount=1
        )
        service["deployments"].insert(0, first)
        service["currentServiceDeployment"] = made["serviceDeploymentArn"]
        return made

    def newest(self) -> dict[str, Any]:
        """The deploy that was made last."""
        return list(self.deploys.values())[-1]

    # --- answering ---

    def ListClusters(self, **_: Any) -> Any:
        return {"clusterArns": [arn("cluster", c) for c in dict.fromkeys(c for c, _ in self.services)]}

    def ListServices(self, cluster: str, maxResults: int = 10, nextToken: str = "0", **_: Any) -> Any:
        found = [s["serviceArn"] for (c, _), s in self.services.items() if c == cluster]
        at = int(nextToken)
        more = {"nextToken": str(at + maxResults)} if at + maxResults < len(found) else {}
        return {"serviceArns": found[at : at + maxResults], **more}

    def DescribeScalingActivities(self, **_: Any) -> Any:
        return {"ScalingActivities": self.activities}

    def DescribeClusters(self, clusters: list[str], **_: Any) -> Any:
        return {"clusters": [self._cluster(c) for c in clusters], "failures": []}

    def _cluster(self, name: str) -> Any:
        of = [s for (c, _), s in self.services.items() if c == name]
        return {
            "clusterArn": arn("cluster", name),
            "clusterName": name,
            "activeServicesCount": len(of),
            "runningTasksCount": sum(s["runningCount"] for s in of),
            "pendingTasksCount": sum(s["pendingCount"] for s in of),
        }

    def DescribeServices(self, cluster: str, services: list[str], **_: Any) -> Any:
        assert len(services) <= 10
        cluster = cluster.rsplit("/", 1)[-1]
        found = [self.services.get((cluster, n)) for n in services]
        missing = [
            {"arn": arn("service", cluster, n), "reason": "MISSING"}
            for n, s in zip(services, found, strict=True)
            if not s
        ]
        return {"services": [s for s in found if s], "failures": missing}

    def ListServiceDeployments(self, service: str, cluster: str, **_: Any) -> Any:
        key = arn("service", cluster.rsplit("/", 1)[-1], service)
        of = [d for d in self.deploys.values() if d["serviceArn"] == key]
        keys = ("serviceDeploymentArn", "createdAt", "startedAt", "finishedAt", "status")
        return {
            "serviceDeployments": [
                {k: d[k] for k in keys if k in d} | {"targetServiceRevisionArn": d["targetServiceRevision"]["arn"]}
                for d in of
            ]
        }

    def DescribeServiceDeployments(self, serviceDeploymentArns: list[str]) -> Any:
        assert len(serviceDeploymentArns) <= 20
        return {"serviceDeployments": [self.deploys[a] for a in serviceDeploymentArns if a in self.deploys]}

    def DescribeServiceRevisions(self, serviceRevisionArns: list[str]) -> Any:
        assert len(serviceRevisionArns) <= 20
        return {"serviceRevisions": [self.revisions[a] for a in serviceRevisionArns]}

    def DescribeTaskDefinition(self, taskDefinition: str, include: tuple[str, ...] = ()) -> Any:
        family, _, number = taskDefinition.rsplit("/", 1)[-1].partition(":")
        container = {
            "name": "app",
            "image": f"registry.example.com/{family}:v{number}",
            "environment": [{"name": "MODE", "value": "not to be kept"}],
            "secrets": [{"name": "TOKEN", "valueFrom": "not to be kept either"}],
            "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
        }
        container |= self.container
        return {
            "tags": self.tags if include else [],
            "taskDefinition": {
                "taskDefinitionArn": taskDefinition,
                "containerDefinitions": [container],
                "cpu": "256",
                "memory": "512" if int(number) < 42 else "1024",
                "status": "INACTIVE" if taskDefinition in self.inactive else "ACTIVE",
                "registeredBy": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/build",
            },
        }

    def ListTasks(self, cluster: str, serviceName: str, desiredStatus: str, maxResults: int = 100, **_: Any) -> Any:
        held = self.tasks.get((cluster.rsplit("/", 1)[-1], serviceName), [])
        arns = [t["taskArn"] for t in held if t.get("desiredStatus", "STOPPED") == desiredStatus]
        return {"taskArns": arns[:maxResults], **({"nextToken": "more"} if len(arns) > maxResults else {})}

    def DescribeTasks(self, cluster: str, tasks: list[str]) -> Any:
        assert len(tasks) <= 100
        found = [t for of in self.tasks.values() for t in of if t["taskArn"] in tasks and not t.get("gone")]
        there = {t["taskArn"] for t in found}
        return {"tasks": found, "failures": [{"arn": a, "reason": "MISSING"} for a in tasks if a not in there]}

    def DescribeTargetHealth(self, TargetGroupArn: str) -> Any:
        if TargetGroupArn not in self.targets:
            raise error("DescribeTargetHealth", "TargetGroupNotFound", "One or more target groups not found")
        return {"TargetHealthDescriptions": self.targets[TargetGroupArn]}

    def GetMetricData(self, MetricDataQueries: list[dict[str, Any]], **_: Any) -> Any:
        assert len(MetricDataQueries) <= 500
        results = []
        for query in MetricDataQueries:
            asked = query["MetricStat"]
            told = self.metrics.get(f"{asked['Metric']['MetricName']} {asked['Stat']}", {"StatusCode": "Complete"})
            results.append({"Id": query["Id"], "Timestamps": [], "Values": [], **told})
        return {"MetricDataResults": results, "Messages": []}

    def StopServiceDeployment(self, serviceDeploymentArn: str, stopType: str) -> Any:
        self.deploys[serviceDeploymentArn]["status"] = "ROLLBACK_REQUESTED"
        return {"serviceDeploymentArn": serviceDeploymentArn}

    def ContinueServiceDeployment(self, serviceDeploymentArn: str, hookId: str, action: str) -> Any:
        deploy = self.deploys[serviceDeploymentArn]
        (hook,) = deploy["lifecycleHookDetails"]
        assert hook["hookId"] == hookId
        hook["status"] = "SUCCEEDED"
        deploy["status"] = "ROLLBACK_REQUESTED" if action == "ROLLBACK" else deploy["status"]
        return {"serviceDeploymentArn": serviceDeploymentArn}

    def ListTaskDefinitions(self, familyPrefix: str, **_: Any) -> Any:
        return {"taskDefinitionArns": [task_definition(familyPrefix, n) for n in (43, 42, 41, 40, 39)]}

    def UpdateService(
        self, cluster: str, service: str, taskDefinition: str = "", forceNewDeployment: bool = False
    ) -> Any:
        made = self.services[cluster.rsplit("/", 1)[-1], service]
        taskDefinition = taskDefinition or made["taskDefinition"]
        number = int(made["taskDefinition"].rpartition(":")[2])
        new = int(taskDefinition.rpartition(":")[2])
        self.deploy(cluster.rsplit("/", 1)[-1], service, number, new, age=0.0, status="IN_PROGRESS")
        for one in made["deployments"]:
            one["status"] = "ACTIVE"
        id_ = f"ecs-svc/{len(self.deploys)}-new"
        first = self.deployment(id_, taskDefinition, 2, self.clock.now(), rolloutState="IN_PROGRESS", runningCount=0)
        made["deployments"].insert(0, first)
        made["taskDefinition"] = taskDefinition
        return {"service": made}
