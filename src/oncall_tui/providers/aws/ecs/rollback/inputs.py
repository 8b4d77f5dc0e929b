"""A rollback's inputs for a service: the running revision, the deploy under way, and the stable ones before.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.remembered import ServiceHistory
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.client.client import AwsClient, AwsClients
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import codedeploy_inputs, history, standing
from oncall_tui.providers.aws.ecs.rollback.decide import ENDED, IN_PROGRESS, other_digest
from oncall_tui.providers.aws.ecs.rollback.decision_table import RollbackInputs
from oncall_tui.providers.aws.ecs.rollback.history import BadDeploy, Candidate, RunPeriod, SuccessfulDeploy
from oncall_tui.providers.aws.ecs.rollback.snapshot import (
    DID_NOT_STAND,
    ServiceSnapshot,
    again,
    read_family,
    read_status,
)

SETTLED = 5  # candidates whose task definition is read again, for its status of now
SAME_DEPLOY_S = 120.0  # a deploy that began so soon after a rollback was sent here is that rollback


def read_inputs(
    clients: AwsClients,
    known: RevisionCache,
    seen: ServiceSnapshot,
    recall: ServiceHistory,
    now: float,
    choice: str = "",
    picked: str = "",
) -> RollbackInputs:
    """The decision's input. The task definitions that may be gone back to are read for their status of now.

    *picked* is the ARN of the deploy that it is asked for, where that is an older one than the newest.
    """
    if seen.code_deploys:
        return codedeploy_inputs.read_codedeploy_inputs(clients, known, seen, recall, now, choice)
    service, newest = seen.service, seen.newest
    late = "" if seen.unreadable else history.late_words(service, seen.briefs, now)
    if late:
        return RollbackInputs(now=now, service_status=service.status, choice=choice, unreadable=late)
    if newest is None and service.controller == "ECS" and not seen.unreadable:
        return _quiet_facts(clients, known, seen, now, choice)
    if newest is None:
        return RollbackInputs(
            now=now,
            controller=service.controller,
            service_status=service.status,
            choice=choice,
            unreadable=seen.unreadable,
            source=_other_task_set(known, service),
        )
    return _inputs_of(newest, clients, known, seen, recall, now, choice, picked)


def _inputs_of(
    newest: w.EcsServiceDeployment,
    clients: AwsClients,
    known: RevisionCache,
    seen: ServiceSnapshot,
    recall: ServiceHistory,
    now: float,
    choice: str,
    picked: str,
) -> RollbackInputs:
    """Return the input of a service whose *newest* deploy ECS tells of."""
    service = seen.service
    going_back, by = _going_back(known, seen, newest, recall)
    before = history.source_of(newest, seen.briefs)
    left = history.replaced(newest, seen.briefs, known.definition_of) if going_back else ""
    went = newest.rollback.service_revision_arn if newest.rollback else ""
    target = known.revision(newest.target_arn, service.task_definition)
    source = known.revision(before) if before else None
    back = newest.status.startswith("ROLLBACK") and newest.status != "ROLLBACK_FAILED"
    current = (known.revision(went) if went else source or target) if back else target
    found = _candidates(known, seen, recall, current, source, picked, now)
    found = _settle(clients.ecs, known, (*_renewed(source, target), *found), choice, current)
    found = tuple(fared(known, seen, c) for c in found)
    hook = newest.waiting
    return RollbackInputs(
        now=now,
        controller=service.controller,
        strategy=newest.strategy,
        service_status=service.status,
        deploy=newest.service_deployment_arn,
        status=newest.status,
        stage=newest.lifecycle_stage,
        hook=hook.hook_id if hook else "",
        reason=(newest.rollback.reason if newest.rollback else "") or newest.status_reason,
        source=known.revision(before) if before else None,  # read anew: ``_settle`` renewed the status of both
        target=known.revision(newest.target_arn, service.task_definition),
        unsure=_unsure(known, seen, newest, before),
        went_back_to=known.revision(went) if went else None,
        began=newest.started_at or newest.created_at,
        since=_since(known, seen, newest, current, now),
        went_back_at=_went_back_at(known, seen, newest),
        undo=_undone(known, seen, target if back else source, now, newest) if going_back else None,
        by=by,
        going_back=going_back,
        left=known.definition_of(left),
        candidates=found,
        choice=choice,
        picked=picked,
    )


def _quiet_facts(
    clients: AwsClients, known: RevisionCache, seen: ServiceSnapshot, now: float, choice: str
) -> RollbackInputs:
    """Return the inputs for a service without a deploy in the 90 days that ECS remembers: only what runs is known."""
    service = seen.service
    current = known.revision("", service.task_definition)
    found = tuple(fared(known, seen, c) for c in _settle(clients.ecs, known, (), choice, current))
    first = rows.primary(service)
    return RollbackInputs(
        now=now,
        strategy=rows.strategy(service).upper().replace("-", "_"),
        service_status=service.status,
        target=known.revision("", service.task_definition),
        began=first.created_at if first else 0.0,
        since=first.created_at if first else 0.0,
        candidates=found,
        choice=choice,
    )


def _unsure(known: RevisionCache, seen: ServiceSnapshot, newest: w.EcsServiceDeployment, before: str) -> bool:
    """Return whether the previous revision never succeeded, while another did. ECS may go back to either
    ("the previous service revision", API reference, StopServiceDeployment; "the last
    deployment that completed", developer guide, circuit breaker)."""
    last = known.definition_of(history.succeeded_last(newest, seen.briefs))
    return bool(before and last) and last != known.definition_of(before)


def _going_back(
    known: RevisionCache, seen: ServiceSnapshot, newest: w.EcsServiceDeployment, recall: ServiceHistory
) -> tuple[str, str]:
    """Why the newest deploy is itself a rollback, and who sent that from here; empty: it is none that is known.

    ECS tells nobody who deploys: who registered a task definition weeks ago is not who went back to it.
    """
    to, began = known.definition_of(newest.target_arn), _went_back_at(known, seen, newest)
    by_ecs = newest.rollback is not None and newest.status != "ROLLBACK_FAILED"
    went = known.definition_of(newest.rollback.service_revision_arn) if newest.rollback and by_ecs else to
    mine = (s for s in recall.rollbacks if s.to == went and -5.0 <= began - s.at < SAME_DEPLOY_S)
    sent = next(mine, None)
    if sent is not None and went == to:
        return f"going back to {history.short(to)}", sent.by
    return history.goes_back(newest, seen.briefs, known.definition_of), sent.by if sent is not None else ""


def _went_back_at(known: RevisionCache, seen: ServiceSnapshot, newest: w.EcsServiceDeployment) -> float:
    """When the rollback that the newest deploy is, or ended in, began: ECS's own begins long after the deploy did."""
    if newest.rollback is not None and newest.status != "ROLLBACK_FAILED":
        return newest.rollback.started_at or newest.finished_at or newest.updated_at or newest.created_at
    return history.began_at(newest, seen.briefs, known.definition_of)


def _since(
    known: RevisionCache, seen: ServiceSnapshot, newest: w.EcsServiceDeployment, current: Revision, now: float
) -> float:
    """When *current* became what runs: at the end of ECS's own rollback, else of the deploy that put it there. 0: not
    told."""
    if newest.status == "ROLLBACK_SUCCESSFUL":
        return newest.finished_at or newest.updated_at or 0.0
    if put := history.put_there(seen.briefs, current.task_definition, known.definition_of):
        return put
    first = rows.primary(seen.service)
    settled = first is not None and first.rollout_state == "COMPLETED"
    return first.created_at if first and settled and first.task_definition == current.task_definition else 0.0


def fared(known: RevisionCache, seen: ServiceSnapshot, candidate: Candidate) -> Candidate:
    """The candidate with how its deploys that did not stand ended, and its tasks that run now."""
    name = candidate.revision.task_definition
    fell = tuple(f for f in standing.failed_deploys(known, seen) if f.task_definition == name)
    return msgspec.structs.replace(candidate, fell=fell, tasks=rows.tasks_of(seen.service, name))


def _undone(
    known: RevisionCache, seen: ServiceSnapshot, bad: Revision | None, now: float, newest: w.EcsServiceDeployment
) -> Candidate | None:
    """Return the revision that a rollback went back from, with its history: when it ran, and how that ended."""
    if bad is None:
        return None
    until = _went_back_at(known, seen, newest) if newest.status in IN_PROGRESS else now
    ran = history.run_periods(puts(known, seen.briefs), until)
    mine = tuple(s for s in ran if s.revision.task_definition == bad.task_definition)
    return fared(known, seen, Candidate(revision=bad, run_periods=mine, source=True))


def _candidates(
    known: RevisionCache,
    seen: ServiceSnapshot,
    recall: ServiceHistory,
    current: Revision,
    source: Revision | None,
    picked: str,
    now: float,
) -> tuple[Candidate, ...]:
    """Return the candidates for a rollback of the newest deploy, or of the older one that was *picked*."""
    newest = seen.newest
    assert newest is not None
    began = newest.started_at or newest.created_at
    ran = history.run_periods(puts(known, seen.briefs), now if current_ran(seen, known, current) else began)
    put = known.definition_of(newest.target_arn)
    away = {current.task_definition, put}
    ended_by, first = began, source
    if newest.status not in IN_PROGRESS and put != current.task_definition:
        ended_by, first = now, None  # it went back: what ran before it is what runs
    older = next((b for b in seen.briefs if b.service_deployment_arn == picked), None)
    if older is not None and picked != newest.service_deployment_arn:
        away.add(known.definition_of(older.target_service_revision_arn))
        ended_by = older.started_at or older.created_at
        first = source if source and _ran_by(ran, source, ended_by) else None
    if first is not None and _never_stood(known, seen, first):
        first = None
    return history.candidates(ran, recall.alerts, tuple(away), first, ended_by, _bad(known, seen, now))


def _bad(known: RevisionCache, seen: ServiceSnapshot, now: float) -> tuple[BadDeploy, ...]:
    """Return the deploys that did not stand, and whose task definition was read."""
    found = []
    for brief in seen.briefs:
        name = known.definition_of(brief.target_service_revision_arn)
        if name and brief.status in DID_NOT_STAND:
            over = brief.status in ENDED
            began = brief.started_at or brief.created_at
            ended = (brief.finished_at or began) if over else now
            found.append(BadDeploy(task_definition=name, began=began, ended=ended))
    return tuple(found)


def current_ran(seen: ServiceSnapshot, known: RevisionCache, current: Revision) -> bool:
    """Return whether the newest successful deploy's revision runs now. Then its period goes on."""
    good = next((b for b in seen.briefs if b.status == "SUCCESSFUL"), None)
    return good is not None and known.definition_of(good.target_service_revision_arn) == current.task_definition


def _ran_by(ran: tuple[RunPeriod, ...], revision: Revision, ended_by: float) -> bool:
    return any(s.revision.task_definition == revision.task_definition and s.started < ended_by for s in ran)


def _never_stood(known: RevisionCache, seen: ServiceSnapshot, source: Revision) -> bool:
    """Return whether every deploy of it in the history ended badly. Then nothing speaks for a rollback to it."""
    of = [b for b in seen.briefs if known.definition_of(b.target_service_revision_arn) == source.task_definition]
    return bool(of) and not any(b.status == "SUCCESSFUL" for b in of)


def _renewed(source: Revision | None, target: Revision) -> tuple[Candidate, ...]:
    """A deploy that only renews images under the same tag goes back to the same task definition, if stopped."""
    if source is None or source.task_definition != target.task_definition or not other_digest(source, target):
        return ()
    return (Candidate(revision=source, source=True),)


def puts(known: RevisionCache, briefs: tuple[w.EcsBrief, ...]) -> tuple[SuccessfulDeploy, ...]:
    """The deploys that succeeded, and whose revision was read."""
    found = []
    for brief in briefs:
        if brief.status == "SUCCESSFUL" and brief.target_service_revision_arn in known.revisions:
            began = brief.started_at or brief.created_at
            found.append(
                SuccessfulDeploy(
                    deploy=brief.service_deployment_arn,
                    revision=known.revision(brief.target_service_revision_arn),
                    started=began,
                    finished=brief.finished_at or began,
                )
            )
    return tuple(found)


def _settle(
    client: AwsClient, known: RevisionCache, found: tuple[Candidate, ...], choice: str, current: Revision
) -> tuple[Candidate, ...]:
    """Read the first few task definitions again, and on to one that can be the default: a deregistered one cannot be
    gone back to. A choice that history does not show is looked up among its family's ACTIVE revisions."""
    read_status(client, known, current.task_definition)
    names = [c.revision.task_definition for c in found]
    if choice and choice not in names and choice != current.task_definition:
        never = [r for r in read_family(client, known, current.task_definition) if r.task_definition == choice]
        found += tuple(Candidate(revision=r) for r in never)
        names += [r.task_definition for r in never]
    wanted = dict.fromkeys((*names[:SETTLED], *([choice] if choice in names else [])))
    for name in wanted:
        read_status(client, known, name)
    found = tuple(msgspec.structs.replace(c, revision=again(known, c.revision)) for c in found)
    while (default := history.best(found)) is not None and default.revision.task_definition not in wanted:
        wanted[default.revision.task_definition] = None
        read_status(client, known, default.revision.task_definition)
        found = tuple(msgspec.structs.replace(c, revision=again(known, c.revision)) for c in found)
    return found


def _other_task_set(known: RevisionCache, service: w.EcsService) -> Revision | None:
    """Return the revision that runs beside the newest task set."""
    sets = sorted(service.task_sets, key=lambda t: t.created_at, reverse=True)
    return known.revision("", sets[1].task_definition) if len(sets) > 1 else None
