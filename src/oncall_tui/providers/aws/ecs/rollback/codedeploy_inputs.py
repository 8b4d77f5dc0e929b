"""A rollback's inputs for a service that CodeDeploy deploys. Times are seconds since the epoch, UTC."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.remembered import ServiceHistory
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.client.client import AwsClient, AwsClients
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import history, standing
from oncall_tui.providers.aws.ecs.rollback.decision_table import RollbackInputs
from oncall_tui.providers.aws.ecs.rollback.history import BadDeploy, Candidate, FailedDeploy, SuccessfulDeploy
from oncall_tui.providers.aws.ecs.rollback.snapshot import ServiceSnapshot, again, read_status

SAME_DEPLOY_S = 120.0  # a deployment that began so soon after a rollback was sent here is that rollback
SETTLED = 5  # candidates whose task definition is read again, for its status of now


def read_codedeploy_inputs(
    clients: AwsClients, known: RevisionCache, seen: ServiceSnapshot, recall: ServiceHistory, now: float, choice: str
) -> RollbackInputs:
    """The decision's input, from what CodeDeploy and the task sets tell."""
    service, newest = seen.service, seen.code_deploys[0]
    sets = sorted(service.task_sets, key=lambda t: t.created_at, reverse=True)
    primary = next((t for t in sets if t.status == "PRIMARY"), None)
    running = primary.task_definition if primary else service.task_definition
    target = newest.definition if newest.open and newest.definition else (sets[0].task_definition if sets else running)
    if not newest.open:
        target = running or target
    if newest.status in cd.FELL and newest.definition and not newest.rolled_back_by:
        target = newest.definition  # away from what was on its way, not from what it left running
    before = next((t.task_definition for t in sets if t.task_definition != target), "") if newest.open else ""
    began = newest.start_time or newest.create_time
    put = [p for d in seen.code_deploys if (p := _put(known, d)) is not None]
    ran = history.run_periods(put, now if not newest.open else began)
    source = known.revision("", before) if before else None
    ended_by = began if newest.open else now
    found = history.candidates(ran, recall.alerts, (target,), source, ended_by, _bad(seen))
    previous = cd.definition_in(newest.previous_revision.content) if newest.previous_revision else ""
    if not found and previous not in ("", target):
        older = known.revision("", previous)
        found = (Candidate(revision=older, source=True),)
    current = known.revision("", target)
    found = _settle(clients.ecs, known, found, current)
    fell = standing.failed_deploys(known, seen)
    found = tuple(_fared(service, fell, c) for c in found)
    return RollbackInputs(
        now=now,
        controller=service.controller,
        strategy="CODE_DEPLOY",
        service_status=service.status,
        deploy=newest.deployment_id,
        unreadable=_unreadable(seen, found) if not newest.open else "",
        status=newest.status,
        stage=cd.wait_of(newest),
        reason=newest.reason,
        source=known.revision("", before) if before else None,
        target=known.revision("", target),
        began=began,
        since=_since(ran, primary, target),
        going_back=_going_back(newest, put, recall),
        undone=_undone(seen, put),
        candidates=found,
        choice=choice,
    )


def _since(ran: tuple[history.RunPeriod, ...], primary: w.EcsTaskSet | None, target: str) -> float:
    """When *target* became what runs; 0: it is not, or that is not told."""
    if primary is None or primary.task_definition != target:
        return 0.0
    return ran[0].since if ran and ran[0].revision.task_definition == target else 0.0


def _fared(service: w.EcsService, fell: tuple[FailedDeploy, ...], candidate: Candidate) -> Candidate:
    name = candidate.revision.task_definition
    mine = tuple(f for f in fell if f.task_definition == name)
    return msgspec.structs.replace(candidate, fell=mine, tasks=rows.tasks_of(service, name))


def _going_back(newest: cd.CodeDeployDeployment, put: list[SuccessfulDeploy], recall: ServiceHistory) -> str:
    """Why the newest deployment is itself a rollback; empty: it is none that is known. As for ECS's own deploys."""
    to = newest.definition
    words = f"going back to {history.short(to)}".rstrip()
    if newest.is_rollback:
        return words
    if not to or newest.status in cd.FELL:
        return ""
    sent = any(s.to == to and -5.0 <= newest.create_time - s.at < SAME_DEPLOY_S for s in recall.rollbacks)
    before = [p for p in put if p.deploy != newest.deployment_id]
    replaced = before[0].revision.task_definition if before else to
    earlier = any(p.revision.task_definition == to for p in before)
    back = earlier and replaced != to and not history.forward(replaced, to)
    return words if sent or back else ""


def _undone(seen: ServiceSnapshot, put: list[SuccessfulDeploy]) -> str:
    """Return the revision that the newest deployment, if a rollback, went back from; empty where that is not told."""
    newest, info = seen.code_deploys[0], seen.code_deploys[0].rollback_info
    bad = info.rollback_triggering_deployment_id if info else ""
    if bad:
        return next((d.definition for d in seen.code_deploys if d.deployment_id == bad), "")
    before = [p for p in put if p.deploy != newest.deployment_id]
    return before[0].revision.task_definition if before else ""


def _unreadable(seen: ServiceSnapshot, found: tuple[Candidate, ...]) -> str:
    """Return the words for earlier deployments whose revision is not known."""
    earlier = [d for d in seen.code_deploys[1:] if d.status == "Succeeded"]
    if found or not earlier or any(d.definition for d in earlier):
        return ""
    return "the AppSpecs of earlier deployments (in S3 or GitHub?) cannot be read from here"


def _put(known: RevisionCache, made: cd.CodeDeployDeployment) -> SuccessfulDeploy | None:
    if made.status != "Succeeded" or not made.definition:
        return None
    began = made.start_time or made.create_time
    return SuccessfulDeploy(
        deploy=made.deployment_id,
        revision=known.revision("", made.definition),
        started=began,
        finished=made.complete_time or began,
    )


def _bad(seen: ServiceSnapshot) -> tuple[BadDeploy, ...]:
    """Return the deployments that did not stand, and whose AppSpec was read."""
    return tuple(
        BadDeploy(
            task_definition=made.definition,
            began=made.start_time or made.create_time,
            ended=made.complete_time or made.start_time or made.create_time,
        )
        for made in seen.code_deploys
        if made.definition and made.status in standing.CD_HOW
    )


def _settle(
    client: AwsClient, known: RevisionCache, found: tuple[Candidate, ...], current: Revision
) -> tuple[Candidate, ...]:
    for name in dict.fromkeys((current.task_definition, *(c.revision.task_definition for c in found[:SETTLED]))):
        read_status(client, known, name)
    return tuple(msgspec.structs.replace(c, revision=again(known, c.revision)) for c in found)
