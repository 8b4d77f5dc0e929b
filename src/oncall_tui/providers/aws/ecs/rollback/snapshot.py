"""One service and its deploys, read now for an action: an engineer who waits is never held back.

No decision is made here. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from oncall_tui import errors
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.client.client import AwsClient, AwsClients
from oncall_tui.providers.aws.client.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import history
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.paging import Paging

HISTORY = 40  # earlier successful deploys that are read
PAGES = 5  # of a hundred deploys
FELL = 19  # deploys that did not stand, read in the same call as the newest one
DID_NOT_STAND = (
    *("ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED"),
    *("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED"),
)
UNDESCRIBED = "ECS lists the newest deploy and does not describe it yet (try again in a moment)"
SPECS = 8  # earlier CodeDeploy deployments whose AppSpec is read


class CrashedTask(msgspec.Struct, frozen=True):
    """A task that failed: of which task definition, when it was created and when it stopped."""

    task_definition: str
    began: float
    at: float


class ServiceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One service as just read. *unreadable* says why its deploys cannot be had; *code_deploys* newest first.

    *fell* holds the deploys that did not stand, newest first: each knows how many of its own tasks failed. *crashed*
    holds the tasks that failed lately, as far as ECS lists them; None: they could not be read.
    """

    service: w.EcsService
    briefs: tuple[w.EcsBrief, ...] = ()
    newest: w.EcsServiceDeployment | None = None
    fell: tuple[w.EcsServiceDeployment, ...] = ()
    code_deploys: tuple[cd.CodeDeployDeployment, ...] = ()
    crashed: tuple[CrashedTask, ...] | None = None
    unreadable: str = ""


def read_service(client: AwsClient, cluster: str, name: str) -> w.EcsService:
    """DescribeServices of one. Raises SourceError, and Refused where there is no such service."""
    answer = client.read(w.DescribeServices, "DescribeServices", Priority.ACT, cluster=cluster, services=[name])
    if not answer.services:
        raise errors.Refused(f"{cluster}/{name} is not there any more")
    return answer.services[0]


def read_deploy(client: AwsClient, arn: str) -> w.EcsServiceDeployment | None:
    """DescribeServiceDeployments of one; None where ECS does not know it. Raises SourceError."""
    return read_deploys(client, [arn]).get(arn)


def read_deploys(client: AwsClient, arns: list[str]) -> dict[str, w.EcsServiceDeployment]:
    """DescribeServiceDeployments of 20 at most, by ARN; without those that ECS does not know. Raises SourceError."""
    answer = client.read(
        w.DescribeServiceDeployments, "DescribeServiceDeployments", Priority.ACT, serviceDeploymentArns=arns
    )
    return {d.service_deployment_arn: d for d in answer.service_deployments}


def read_briefs(
    client: AwsClient,
    cluster: str,
    name: str,
    priority: Priority = Priority.ACT,
    pages: int = PAGES,
    damage: Damage | None = None,
) -> tuple[w.EcsBrief, ...]:
    """ListServiceDeployments, newest first: 90 days, or the first *pages* hundreds (their order is not promised).

    Raises SourceError. With *damage*, those that are not as ECS promises are left out; without it one is an error.
    """
    found: list[w.EcsBrief] = []
    paging = Paging("", most=pages)
    for token in paging:
        more = {"nextToken": token} if token else {}
        answer = client.read(
            w.ListServiceDeployments,
            "ListServiceDeployments",
            Priority.ACT if token else priority,  # what was begun is ended
            damage,
            cluster=cluster,
            service=name,
            maxResults=100,
            **more,
        )
        found += answer.service_deployments
        paging.follow(answer.next_token)
    return tuple(sorted(found, key=lambda b: b.created_at, reverse=True))


def read_snapshot(clients: AwsClients, known: RevisionCache, cluster: str, name: str) -> ServiceSnapshot:
    """Read a service and its deploys, without the task definitions. Raises SourceError, Refused."""
    service = read_service(clients.ecs, cluster, name)
    try:
        if service.controller == "CODE_DEPLOY":
            return _see_code_deploy(clients.code_deploy, known, service)
        if service.controller != "ECS":
            return ServiceSnapshot(service=service)
        briefs = read_briefs(clients.ecs, cluster, name)
        newest, fell = _newest_and_fell(clients.ecs, briefs)
        if briefs and newest is None:
            return ServiceSnapshot(service=service, briefs=briefs, unreadable=UNDESCRIBED)
        good = [b.target_service_revision_arn for b in briefs if b.status == "SUCCESSFUL"][:HISTORY]
        if newest is not None:
            good += [newest.target_arn, *(s.arn for s in newest.source_service_revisions)]
            good.append(newest.rollback.service_revision_arn if newest.rollback else "")
            good += history.left_behind(briefs, newest.created_at)
            good += [d.target_arn for d in fell]
        known.read_revisions(good, Priority.ACT)
    except (*NOT_OFFERED, Gone) as error:
        return ServiceSnapshot(
            service=service, unreadable=f"{error.message} ({error.hint})" if error.hint else error.message
        )
    return ServiceSnapshot(service=service, briefs=briefs, newest=newest, fell=fell)


def read_crashed(client: AwsClient, known: RevisionCache, service: w.EcsService) -> tuple[CrashedTask, ...] | None:
    """Return the failed ones of the stopped tasks that ECS lists (a hundred at most); None where that is refused."""
    try:
        listed = client.read(
            w.ListTasks,
            "ListTasks",
            Priority.ACT,
            cluster=service.cluster_arn,
            serviceName=service.service_name,
            desiredStatus="STOPPED",
            maxResults=100,
        )
        known.read_tasks(service.cluster_arn, listed.task_arns, Priority.ACT)
    except errors.SourceError:
        return None
    found = (known.tasks.get(arn) for arn in listed.task_arns)
    return tuple(CrashedTask(of, began or why.at, why.at) for of, began, why in filter(None, found) if why is not None)


def _newest_and_fell(
    client: AwsClient, briefs: tuple[w.EcsBrief, ...]
) -> tuple[w.EcsServiceDeployment | None, tuple[w.EcsServiceDeployment, ...]]:
    """The newest deploy, and those that did not stand: in one call."""
    if not briefs:
        return None, ()
    newest = briefs[0].service_deployment_arn
    fell = [b.service_deployment_arn for b in briefs if b.status in DID_NOT_STAND and b is not briefs[0]][:FELL]
    found = read_deploys(client, [newest, *fell])
    mine = [found[a] for a in (newest, *fell) if a in found]
    return found.get(newest), tuple(d for d in mine if d.status in DID_NOT_STAND)


def _see_code_deploy(client: AwsClient, known: RevisionCache, service: w.EcsService) -> ServiceSnapshot:
    shown = cd.external_id(service)
    if not shown:
        return ServiceSnapshot(service=service, unreadable="no task set names its CodeDeploy deployment")
    one = cd.read_one(client, shown)
    found = cd.read_history(client, one.application_name, one.deployment_group_name)
    good = [d for d in found if d.status == "Succeeded"][:SPECS]
    cd.with_specs(client, [*found[:2], *good], known.specs)  # the second may be what the first went back from
    return ServiceSnapshot(service=service, code_deploys=tuple(found) or (one,))


def read_family(client: AwsClient, known: RevisionCache, task_definition: str) -> tuple[Revision, ...]:
    """The ACTIVE revisions of a task definition's family, newest first, twenty at most; empty where that is denied.

    Raises SourceError where it fails otherwise.
    """
    family = task_definition.rsplit("/", 1)[-1].rpartition(":")[0]
    with suppress(*NOT_OFFERED, Gone):
        answer = client.read(
            w.ListTaskDefinitions,
            "ListTaskDefinitions",
            Priority.ACT,
            familyPrefix=family,
            status="ACTIVE",
            sort="DESC",
            maxResults=20,
        )
        mine = [a for a in answer.task_definition_arns if a.rsplit("/", 1)[-1].rpartition(":")[0] == family]
        return tuple(msgspec.structs.replace(known.revision("", a), status="ACTIVE") for a in mine)
    return ()


def again(known: RevisionCache, revision: Revision) -> Revision:
    """The revision with what was read of its task definition since."""
    fresh = known.revision(revision.arn, revision.task_definition)
    return fresh if fresh.status else revision


def read_status(client: AwsClient, known: RevisionCache, name: str) -> None:
    if not name.startswith("arn:"):
        return
    try:
        known.read_definition(name, Priority.ACT, again=True)
    except Gone:
        known.definitions.put(name, w.EcsTaskDefinition(task_definition_arn=name, status="DELETED"))
    except NOT_OFFERED:
        return  # then ECS itself will say so


def status_line(revision: Revision) -> str:
    """``:42  payments:v1.9.0  sha256:9f1c…``."""
    images = [f"{i.short}  {i.digest[:14]}…" if i.digest else i.short for i in revision.images]
    return "  ".join((revision.short, *images))
