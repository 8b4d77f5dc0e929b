"""What a rollback has to know of a service, read now: the service, its newest deploy, and what ran well before."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from oncall_tui import errors
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws import ecs_decode as w
from oncall_tui.providers.aws import ecs_rows as rows
from oncall_tui.providers.aws.budget import Lane
from oncall_tui.providers.aws.ecs_known import Known
from oncall_tui.providers.aws.errors import NOT_OFFERED, Gone
from oncall_tui.providers.aws.rollback import Facts, Past, goes_back, source_of
from oncall_tui.providers.aws.wire import Wire

HISTORY = 20


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One service as just read. *newest* None: service deployments are not to be had, *unreadable* says why."""

    service: w.ServiceW
    briefs: tuple[w.BriefW, ...] = ()
    newest: w.ServiceDeploymentW | None = None
    unreadable: str = ""


def read_service(wire: Wire, cluster: str, name: str) -> w.ServiceW:
    """DescribeServices of one. Raises SourceError, and Refused where there is no such service."""
    answer = wire.read(w.DescribeServices, "DescribeServices", Lane.ACT, cluster=cluster, services=[name])
    if not answer.services:
        raise errors.Refused(f"{cluster}/{name} is not there any more")
    return answer.services[0]


def read_deploy(wire: Wire, arn: str) -> w.ServiceDeploymentW | None:
    """DescribeServiceDeployments of one; None where ECS does not know it."""
    answer = wire.read(
        w.DescribeServiceDeployments, "DescribeServiceDeployments", Lane.ACT, serviceDeploymentArns=[arn]
    )
    return next(iter(answer.service_deployments), None)


def read_briefs(wire: Wire, cluster: str, name: str) -> tuple[w.BriefW, ...]:
    """ListServiceDeployments, newest first: 90 days, or the last hundred."""
    answer = wire.read(
        w.ListServiceDeployments,
        "ListServiceDeployments",
        Lane.ACT,
        cluster=cluster,
        service=name,
        maxResults=100,
    )
    return tuple(sorted(answer.service_deployments, key=lambda b: b.created_at, reverse=True))


def see(wire: Wire, known: Known, cluster: str, name: str) -> Seen:
    """Read a service and its deploys: four calls at most, without the task definitions. Raises SourceError, Refused."""
    service = read_service(wire, cluster, name)
    if service.controller != "ECS":
        return Seen(service=service)
    try:
        briefs = read_briefs(wire, cluster, name)
        newest = read_deploy(wire, briefs[0].service_deployment_arn) if briefs else None
        good = [b.target_service_revision_arn for b in briefs if b.status == "SUCCESSFUL"][:HISTORY]
        if newest is not None:
            good += [newest.target_arn, *(s.arn for s in newest.source_service_revisions)]
            good.append(newest.rollback.service_revision_arn if newest.rollback else "")
        known.read_revisions(good, Lane.ACT)
    except NOT_OFFERED as error:
        return Seen(service=service, unreadable=f"{error.message} ({error.hint})" if error.hint else error.message)
    return Seen(service=service, briefs=briefs, newest=newest)


def facts(wire: Wire, known: Known, seen: Seen, choice: str, now: float, settle: bool = True) -> Facts:
    """The decision's input. With *settle* the task definitions that may be gone back to are read for their status."""
    service, newest = seen.service, seen.newest
    if newest is None:
        return Facts(now=now, controller=service.controller, service_status=service.status, choice=choice)
    before = source_of(newest, seen.briefs)
    went = newest.rollback.service_revision_arn if newest.rollback else ""
    history = past(known, seen)
    if settle:
        told = [choice, known.definition_of(before), *(p.revision.task_definition for p in history)]
        current = known.definition_of(newest.target_arn)
        _read_status(wire, known, [current, *dict.fromkeys(t for t in told if t)][:4])
        history = past(known, seen)
    target = known.revision(newest.target_arn, service.task_definition)
    definition = known.definitions.get(target.task_definition)
    hook = next((h.hook_id for h in newest.lifecycle_hook_details if h.status == "AWAITING_ACTION"), "")
    return Facts(
        now=now,
        controller=service.controller,
        service_status=service.status,
        deploy=newest.service_deployment_arn,
        status=newest.status,
        stage=newest.lifecycle_stage,
        waiting_hook=hook,
        reason=(newest.rollback.reason if newest.rollback else "") or newest.status_reason,
        source=known.revision(before) if before else None,
        target=target,
        went_back_to=known.revision(went) if went else None,
        began=newest.started_at or newest.created_at,
        by=rows.person(definition.registered_by) if definition else "",
        going_back=goes_back(newest, seen.briefs, known.definition_of),
        history=history,
        choice=choice,
    )


def past(known: Known, seen: Seen) -> tuple[Past, ...]:
    """Earlier successful deploys, newest first, each task definition once; how long each was what ran."""
    found: dict[str, Past] = {}
    until = seen.newest.started_at or seen.newest.created_at if seen.newest else 0.0
    for brief in seen.briefs[1:]:
        if brief.status != "SUCCESSFUL":
            continue
        since = brief.finished_at or brief.started_at or brief.created_at
        revision = known.revision(brief.target_service_revision_arn)
        if revision.task_definition != "?" and revision.task_definition not in found:
            one = Past(deploy=brief.service_deployment_arn, revision=revision, since=since, until=max(since, until))
            found[revision.task_definition] = one
        until = brief.started_at or brief.created_at
    return tuple(found.values())


def _read_status(wire: Wire, known: Known, definitions: list[str]) -> None:
    """The task definitions with their status of now: a deregistered one cannot be gone back to."""
    for name in definitions:
        with suppress(*NOT_OFFERED, Gone):  # then ECS itself will say so
            if name:
                known.read_definition(name, Lane.ACT, again=True)


def status_line(revision: Revision) -> str:
    """``:42  payments:v1.9.0  sha256:9f1c…``."""
    images = [f"{i.short}  {i.digest[:14]}…" if i.digest else i.short for i in revision.images]
    return "  ".join((revision.short, *images))
