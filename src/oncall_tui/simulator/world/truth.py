"""The truth about a world, whatever its sources answer: for tests."""

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.services.aws.codedeploy.model import CodeDeployment
from oncall_tui.simulator.services.aws.ecs.model import Deployment, SimulatedEcsService
from oncall_tui.simulator.world import destinations
from oncall_tui.simulator.world.events import ScenarioRunner


def truth(story: ScenarioRunner) -> Table:
    """Return the truth, whatever the sources answer: for tests."""
    services, deployments = {}, {}
    for source, (account, _) in story.accounts.items():
        for cluster in account.clusters.values():
            for it in cluster.services.values():
                path = f"{source}/{cluster.name}/{it.name}"
                services[path] = told_of(it)
                deployments[path] = [told_of_deployment(it, d) for d in it.deployments]
        for group in story.codedeploys[source].groups.values():
            path = f"{source}/{group.service.cluster.name}/{group.service.name}"
            deployments[path] = [told_of_codedeploy(it) for it in group.deployments]
            services[path]["deployment"] = group.deployments[0].id if group.deployments else None
    told: Table = {"now": story.world.timeline.now(), "services": services, "deployments": deployments}
    told |= {"queues": {name: rule.queue.state() for name, rule in story.rules.items()}} if story.rules else {}
    for databases, _ in story.databases.values():
        told |= databases.state()
    for peer in (story.alerts, story.pager, story.alarms, story.issues, story.mackerel, story.datadog):
        told |= getattr(peer, "state", _nothing)()
    return told | destinations.told(story.world)


def _nothing() -> Table:
    return {}


def told_of(it: SimulatedEcsService) -> Table:
    """Return the truth about a service: what runs, and what gets the traffic."""
    traffic = it.traffic()
    arns = dict.fromkeys([*(t.revision.arn for t in it.tasks), *traffic])
    return {
        "running": it.running(),
        "pending": it.pending(),
        "desired": it.desired,
        "controller": it.controller,
        "strategy": it.strategy.name,
        "task_definition": it.primary.revision.definition.arn,
        "healthy": it.healthy(),
        "deployment": it.deployments[0].arn if it.deployments else None,
        "good": it.good.arn if it.good else None,
        "revisions": [
            {
                "arn": arn,
                "task_definition": it.revisions[arn].definition.arn,
                "digests": it.revisions[arn].digests,
                "running": sum(1 for t in it.tasks if t.revision.arn == arn and t.last_status == "RUNNING"),
                "traffic": traffic.get(arn, 0.0),
            }
            for arn in arns
        ],
    }


def told_of_deployment(it: SimulatedEcsService, deployment: Deployment) -> Table:
    """Return the truth about a service deployment."""
    back = (deployment.rollback or {}).get("serviceRevisionArn")
    return {
        "arn": deployment.arn,
        "status": deployment.status,
        "stage": deployment.stage,
        "created_at": deployment.created_at,
        "finished_at": deployment.finished_at,
        "revision": deployment.target.arn,
        "task_definition": deployment.target.definition.arn,
        "rolled_back_to": it.revisions[back].definition.arn if back else None,
    }


def told_of_codedeploy(it: CodeDeployment) -> Table:
    """Return the truth about a CodeDeploy deployment."""
    return {
        "arn": it.id,
        "status": it.status,
        "stage": it.waits or None,
        "created_at": it.created_at,
        "finished_at": it.completed_at,
        "task_definition": it.definition.arn if it.definition else None,
        "rollback_of": it.rollback_of or None,
        "rolled_back_by": it.rolled_back_by or None,
    }
