"""The ECS API: AWS JSON 1.1, with the page limits and errors of the API reference."""

import json
from collections.abc import Callable

from oncall_tui.simulator.services.aws.ecs import task_views, views
from oncall_tui.simulator.services.aws.ecs.model import (
    SimulatedEcsAccount,
    SimulatedEcsCluster,
    SimulatedEcsService,
    SimulatedEcsTask,
    TaskDefinition,
)
from oncall_tui.simulator.services.aws.ecs.rollout import Mover
from oncall_tui.simulator.services.aws.ecs.writes import Writes
from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, page, required

KEPT_S = 90 * 86400.0  # how far back the history of service deployments goes, by the developer guide


class EcsApi:
    """One account's ECS in one region."""

    prefix = "AmazonEC2ContainerServiceV20141113"
    version = "1.1"
    permission = "ecs"

    def __init__(self, account: SimulatedEcsAccount, mover: Mover) -> None:
        self.account = account
        self._mover = mover
        writes = Writes(account, mover, self)
        self._operations: dict[str, Callable[[Json], Json | bytes]] = {
            "ListClusters": self._list_clusters,
            "DescribeClusters": self._describe_clusters,
            "ListServices": self._list_services,
            "DescribeServices": self._describe_services,
            "ListServiceDeployments": self._list_deployments,
            "DescribeServiceDeployments": self._describe_deployments,
            "DescribeServiceRevisions": self._describe_revisions,
            "DescribeTaskDefinition": self._describe_definition,
            "ListTaskDefinitions": self._list_definitions,
            "DescribeTaskSets": self._describe_sets,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "UpdateService": writes.update_service,
            "StopServiceDeployment": writes.stop_deployment,
            "ContinueServiceDeployment": writes.continue_deployment,
            "StopTask": writes.stop_task,
        }

    def call(self, operation: str, asked: Json) -> Json | bytes:
        """The answer, or AwsError."""
        if operation not in self._operations:
            raise AwsError("UnknownOperationException", f"{operation} is not simulated")
        return self._operations[operation](asked)

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        for key in ("serviceDeploymentArn", "service"):
            if str(asked.get(key, "")).startswith("arn:"):
                return str(asked[key])
        for key in ("serviceDeploymentArns", "serviceRevisionArns"):
            if asked.get(key):
                return str(asked[key][0])
        cluster = str(asked.get("cluster", "default")).rsplit("/")[-1]
        names = asked.get("services") or [asked.get("service") or "*"]
        if "task" in asked:
            return self.account.arn(f"task/{cluster}/{str(asked['task']).rsplit('/')[-1]}")
        if "cluster" in asked:
            return self.account.arn(f"service/{cluster}/{str(names[0]).rsplit('/')[-1]}")
        return self.account.arn("cluster/*") if "clusters" in asked else "*"

    # -- finding

    def find_cluster(self, asked: Json) -> SimulatedEcsCluster:
        """Find it by name or ARN; `default` where none is given. Raises AwsError."""
        name = str(asked.get("cluster", "default")).rsplit("/")[-1]
        if name not in self.account.clusters:
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return self.account.clusters[name]

    def find_service(self, asked: Json) -> SimulatedEcsService:
        """Find it by name or ARN, in the cluster asked for (an ARN names its own). Raises AwsError."""
        given = required(asked, "service")
        parts = given.split("/")
        cluster = self.find_cluster(asked if len(parts) < 3 else {"cluster": parts[1]})
        if parts[-1] not in cluster.services:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return cluster.services[parts[-1]]

    def find_definition(self, given: str) -> TaskDefinition:
        """Find it by ARN, `family:revision`, or `family` for the newest that is active. Raises AwsError."""
        family, _, number = given.rsplit("/")[-1].partition(":")
        held = self.account.families.get(family, {})
        if not number:
            active = [it for it in held.values() if it.active]
            if active:
                return max(active, key=lambda it: it.number)
        elif number.isdigit() and int(number) in held:
            return held[int(number)]
        raise AwsError("ClientException", "Unable to describe task definition.")

    def find_tasks(self, cluster: SimulatedEcsCluster) -> dict[str, tuple[SimulatedEcsService, SimulatedEcsTask]]:
        """Every task that is still shown, by its id."""
        every = [
            (service, task) for service in cluster.services.values() for task in (*service.tasks, *service.stopped)
        ]
        return {task.arn.rsplit("/")[-1]: (service, task) for service, task in every}

    # -- reading

    def _list_clusters(self, asked: Json) -> Json:
        arns, more = page([c.arn for c in self.account.clusters.values()], asked, "maxResults", "nextToken", 100, 100)
        return {"clusterArns": arns, **more}

    def _describe_clusters(self, asked: Json) -> Json:
        found, failures, include = [], [], asked.get("include", [])
        for given in _at_most(asked.get("clusters") or ["default"], 100, "clusters"):
            it = self.account.clusters.get(given.rsplit("/")[-1])
            if it is None:
                failures.append(self._missing(given, "cluster/"))
            else:
                found.append(views.cluster(it, "STATISTICS" in include, "TAGS" in include))
        return {"clusters": found, "failures": failures}

    def _list_services(self, asked: Json) -> Json:
        services = self.find_cluster(asked).services.values()
        arns, more = page(
            [s.arn for s in services if s.status != "INACTIVE"], asked, "maxResults", "nextToken", 10, 100
        )
        return {"serviceArns": arns, **more}

    def _describe_services(self, asked: Json) -> bytes:
        cluster = self.find_cluster(asked)
        shown = views.tagged_bytes if "TAGS" in asked.get("include", []) else views.service_bytes
        found, failures = [], []
        for given in _at_most(asked.get("services"), 10, "services"):
            it = cluster.services.get(given.rsplit("/")[-1])
            if it is None:
                failures.append(self._missing(given, f"service/{cluster.name}/"))
            else:
                found.append(shown(self.account, it))
        return b'{"services":[' + b",".join(found) + b'],"failures":' + json.dumps(failures).encode() + b"}"

    def _list_deployments(self, asked: Json) -> Json:
        service = self.find_service(asked)
        wanted, created = asked.get("status") or [], asked.get("createdAt") or {}
        after, before = _ms(created.get("after", 0.0)), _ms(created.get("before", 1e12))
        found = [
            views.deployment_brief(service, it)
            for it in service.deployments
            if it.created_at >= self._mover.now() - KEPT_S
            and (not wanted or it.status in wanted)
            and after <= _ms(it.created_at) <= before
        ]
        some, more = page(found, asked, "maxResults", "nextToken", 20, 100)
        return {"serviceDeployments": some, **more}

    def _describe_deployments(self, asked: Json) -> Json:
        found, failures = [], []
        for arn in _at_most(asked.get("serviceDeploymentArns"), 20, "serviceDeploymentArns"):
            if held := self.account.deployments.get(arn):
                found.append(views.deployment(*held))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return {"serviceDeployments": found, "failures": failures}

    def _describe_revisions(self, asked: Json) -> Json:
        found, failures = [], []
        for arn in _at_most(asked.get("serviceRevisionArns"), 20, "serviceRevisionArns"):
            if held := self.account.revisions.get(arn):
                found.append(views.revision(*held))
            else:
                failures.append({"arn": arn, "reason": "MISSING"})
        return {"serviceRevisions": found, "failures": failures}

    def _describe_sets(self, asked: Json) -> Json:
        service = self.find_service(asked)
        wanted = [str(it).rsplit("task-set/")[-1] for it in asked.get("taskSets") or []]
        mine = service.rollouts if service.controller != "ECS" else []
        held = {it.id: it for it in mine}
        ids = ["/".join(it.split("/")[-2:]) for it in wanted] or list(held)
        arn = service.arn.replace(":service/", ":task-set/")
        missing = [{"arn": f"{arn}/{id}", "reason": "MISSING"} for id in ids if id not in held]
        return {"taskSets": [views.task_set(service, held[id]) for id in ids if id in held], "failures": missing}

    def _describe_definition(self, asked: Json) -> Json:
        it = self.find_definition(required(asked, "taskDefinition"))
        told: Json = {"taskDefinition": task_views.task_definition(self.account, it)}
        return told | ({"tags": task_views.definition_tags(it)} if "TAGS" in asked.get("include", []) else {})

    def _list_definitions(self, asked: Json) -> Json:
        wanted = asked.get("status", "ACTIVE")
        prefix = asked.get("familyPrefix")
        families = [prefix] if prefix else sorted(self.account.families)
        held = [it for name in families for _, it in sorted(self.account.families.get(name, {}).items())]
        arns = [it.arn for it in held if it.active == (wanted == "ACTIVE")]
        if asked.get("sort") == "DESC":
            arns.reverse()
        arns, more = page(arns, asked, "maxResults", "nextToken", 100, 100)
        return {"taskDefinitionArns": arns, **more}

    def _list_tasks(self, asked: Json) -> Json:
        cluster = self.find_cluster(asked)
        services = list(cluster.services.values())
        if asked.get("serviceName"):
            services = [self.find_service({"cluster": cluster.name, "service": asked["serviceName"]})]
        wanted = asked.get("desiredStatus", "RUNNING")
        arns = [task.arn for s in services for task in (*s.tasks, *s.stopped) if task.desired_status == wanted]
        arns, more = page(arns, asked, "maxResults", "nextToken", 100, 100)
        return {"taskArns": arns, **more}

    def _describe_tasks(self, asked: Json) -> Json:
        cluster = self.find_cluster(asked)
        wanted = _at_most(asked.get("tasks"), 100, "tasks")
        held = self.find_tasks(cluster)
        found, failures = [], []
        for given in wanted:
            if it := held.get(given.rsplit("/")[-1]):
                found.append(task_views.task(self.account, *it))
            else:
                failures.append(self._missing(given, f"task/{cluster.name}/"))
        return {"tasks": found, "failures": failures}

    def _missing(self, given: str, kind: str) -> Json:
        arn = given if given.startswith("arn:") else self.account.arn(kind + given)
        return {"arn": arn, "reason": "MISSING"}


def _ms(at: float) -> int:
    """Whole milliseconds: clients keep no more than microseconds of a timestamp that they send back."""
    return round(at * 1000)


def _at_most(given: list[str] | None, most: int, name: str) -> list[str]:
    if not given:
        raise AwsError("InvalidParameterException", f"{name} cannot be empty.")
    if len(given) > most:
        raise AwsError("InvalidParameterException", f"{name} cannot contain more than {most} items.")
    return given
