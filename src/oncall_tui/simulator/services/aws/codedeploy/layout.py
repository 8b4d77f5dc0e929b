"""Puts deployment groups into CodeDeploy as a scenario describes the services, with the deployments of their past."""

from typing import Any

from oncall_tui.simulator.services.aws.codedeploy.deployments import CodeDeploy
from oncall_tui.simulator.services.aws.codedeploy.model import (
    ALL_AT_ONCE,
    EVENTS,
    CodeDeployment,
    SimulatedCodeDeployGroup,
    appspec,
    weights,
)
from oncall_tui.simulator.services.aws.ecs.history import EarlierDeploy
from oncall_tui.simulator.services.aws.ecs.model import SimulatedEcsService

Table = dict[str, Any]
_STATUS = {"SUCCESSFUL": "Succeeded"}


def lay_group(
    spec: Table, service: SimulatedEcsService, past: list[EarlierDeploy], held: CodeDeploy
) -> SimulatedCodeDeployGroup:
    """The deployment group of a service; the names are those that ECS's console gives, where the scenario has none."""
    given = spec.get("codedeploy", {})
    group = SimulatedCodeDeployGroup(
        given.get("application", f"AppECS-{service.cluster.name}-{service.name}"),
        given.get("group", f"DgpECS-{service.cluster.name}-{service.name}"),
        service,
        given.get("config", ALL_AT_ONCE),
        int(given.get("wait_minutes", 60)),
        int(given.get("ready_minutes", 0)),
        tuple(given.get("rollback_events", ["DEPLOYMENT_FAILURE"])),
        tuple(given.get("alarms", ())),
        held.account.hex_id(),
    )
    weights(group.config)
    held.groups[group.application, group.name] = group
    for it in [] if given.get("new") else past:
        _lay(group, it, held)
    if last := group.last(ended=True):
        service.primary.external_id = last.id
    return group


def _lay(group: SimulatedCodeDeployGroup, it: EarlierDeploy, held: CodeDeploy) -> CodeDeployment:
    deployment = held.record(group, appspec(it.definition, group.service.port), it.at)
    deployment.status, deployment.definition = _STATUS.get(it.status, "Stopped"), it.definition
    deployment.started_at, deployment.completed_at = it.at + 2, it.at + 60 * it.minutes
    deployment.updated_at = deployment.completed_at
    if deployment.status == "Succeeded":
        for name in EVENTS:
            deployment.events[name] = {"status": "Succeeded", "startTime": it.at + 2, "endTime": it.at + 60}
    if it.status == "ROLLBACK_SUCCESSFUL":
        before = next(d for d in group.deployments[1:] if d.status == "Succeeded")
        back = held.record(group, before.content, deployment.completed_at, "codeDeployRollback")
        back.status, back.definition = "Succeeded", before.definition
        back.started_at, back.completed_at = deployment.completed_at + 1, deployment.completed_at + 10
        back.rollback_of, deployment.rolled_back_by = deployment.id, back.id
    return deployment
