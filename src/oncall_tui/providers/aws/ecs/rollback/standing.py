"""How a service and each of its revisions stand, as just read: every number from the record that it is of. Pure.

Tasks are counted by their task definition, as ECS counts them (``deployments[]``, task sets): those that run
are of what runs, and those that failed are of the deploy that started them. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re

from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback.decide import CD_OPEN, ENDED, IN_PROGRESS
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call, RollbackInputs
from oncall_tui.providers.aws.ecs.rollback.history import GONE, FailedDeploy, tasks_failed
from oncall_tui.providers.aws.ecs.rollback.snapshot import ServiceSnapshot
from oncall_tui.text.short_ids import short_ids
from oncall_tui.text.time_format import span

UNDER_WAY = (*IN_PROGRESS, *CD_OPEN)
HOW = {
    "ROLLBACK_SUCCESSFUL": "rolled back",
    "ROLLBACK_FAILED": "failed, as did its rollback,",
    "STOPPED": "stopped before it was complete,",
    "STOP_REQUESTED": "being stopped; its deploy began",
    "ROLLBACK_REQUESTED": "being rolled back; its deploy began",
    "ROLLBACK_IN_PROGRESS": "being rolled back; its deploy began",
}
CD_HOW = {"Failed": "failed", "Stopped": "stopped before it was complete,"}
SAME_SPAN = 1.05  # two spans of this ratio are one, in words
CRASHES_S = 300.0  # the minutes in which a plan counts the tasks that stopped
LISTED = 100  # stopped tasks that one call lists
PLACES_S = 3600.0  # an older word of ECS on placing tasks tells nothing of now
# ECS's service events (developer guide, "service event messages")
_NO_PLACE = re.compile(
    r"unable to place a task(?:\. Reason:| because)\s*(.+?)\.?(?:\s+For more information.*)?$", re.DOTALL
)
_STEADY = "has reached a steady state"


def failed_of(known: RevisionCache, seen: ServiceSnapshot, definition: str) -> int:
    """Failed tasks of the newest deploy, where that puts *definition* there: as its row counts them."""
    newest = seen.newest
    if newest is None:
        of = [d for d in seen.service.deployments if d.task_definition == definition]
        return max(of, key=lambda d: d.created_at).failed_tasks if of else 0
    if known.definition_of(newest.target_arn) != definition:
        return 0
    breaker = newest.deployment_circuit_breaker
    counted = rows.failed_tasks(seen.service, definition, newest, seen.briefs)
    return max(counted, breaker.failure_count if breaker else 0)


def failed_deploys(known: RevisionCache, seen: ServiceSnapshot) -> tuple[FailedDeploy, ...]:
    """The deploys that did not stand, newest first."""
    return tuple(_fell(known, seen, made) for made in seen.fell) + tuple(
        FailedDeploy(
            deploy=made.deployment_id,
            task_definition=made.definition,
            how="rolled back" if made.rolled_back_by else CD_HOW[made.status],
            at=made.complete_time or made.create_time,
            reason=made.reason,
        )
        for made in seen.code_deploys
        if made.definition and made.status in CD_HOW
    )


def _fell(known: RevisionCache, seen: ServiceSnapshot, made: w.EcsServiceDeployment) -> FailedDeploy:
    definition = known.definition_of(made.target_arn)
    breaker = made.deployment_circuit_breaker
    counted = breaker.failure_count if breaker else 0
    ended = made.finished_at or made.stopped_at or (made.rollback.started_at if made.rollback else None)
    return FailedDeploy(
        deploy=made.service_deployment_arn,
        task_definition=definition,
        how=HOW[made.status],
        at=ended if made.status in ENDED and ended else made.started_at or made.created_at,
        failed=max(counted, failed_of(known, seen, definition) if made is seen.newest else 0),
        reason=short_ids((made.rollback.reason if made.rollback else "") or made.status_reason),
    )


def from_words(known: RevisionCache, seen: ServiceSnapshot, facts: RollbackInputs, leaving: Revision) -> str:
    """``0/4 running, 12 tasks failed, deploying for 3m``; ``4/4 running, current for 2d``.

    Of a crash loop a count is one moment's: ``4/4 running now, but 9 tasks stopped in the last 5m``; where none runs,
    there is no "but".
    """
    words = [f"{rows.tasks_of(seen.service, leaving.task_definition)}/{seen.service.desired_count} running"]
    failed, stops = failed_of(known, seen, leaving.task_definition), crashes(seen, facts, leaving)
    whole = being_deployed(facts, leaving) and facts.now - facts.began <= CRASHES_S  # then both count the same tasks
    told = [*([stops] if stops and not (failed and whole) else []), *([tasks_failed(failed)] if failed else [])]
    none = words[0].startswith("0/")
    words = [f"{words[0]} now, {'' if none else 'but '}{told[0]}", *told[1:]] if stops else [*words, *told]
    if being_deployed(facts, leaving):
        words.append(f"deploying for {span(facts.now - facts.began)}")
    elif facts.since:
        words.append(f"current for {span(_current_s(facts))}")
    return ", ".join(words)


def _current_s(facts: RollbackInputs) -> float:
    """How long what runs has been current: since its deploy ended, or began, where that is the same but for a rounding.

    Its row, and the line of who deployed last, say when the deploy began.
    """
    ended, began = facts.now - facts.since, facts.now - facts.began
    return began if ended < began <= ended * SAME_SPAN else ended


def crashes(seen: ServiceSnapshot, facts: RollbackInputs, of: Revision) -> str:
    """``9 tasks stopped in the last 5m``: those of *of* that failed; since its deploy began, where that is shorter."""
    ours = facts.target is not None and facts.target.task_definition == of.task_definition
    since = max(facts.now - CRASHES_S, facts.began if ours else 0.0)
    mine = [c for c in seen.crashed or () if c.task_definition == of.task_definition]
    count = sum(c.at >= since and c.began >= (facts.began if ours else 0.0) for c in mine)
    many = f"at least {count}" if count >= LISTED else str(count)
    return f"{many} task{'' if count == 1 else 's'} stopped in the last {span(facts.now - since)}" if count else ""


def being_deployed(facts: RollbackInputs, leaving: Revision) -> bool:
    """Return whether *leaving* is being deployed now."""
    target = facts.target.task_definition if facts.target is not None else ""
    return facts.status in UNDER_WAY and target == leaving.task_definition


def stands(known: RevisionCache, seen: ServiceSnapshot, facts: RollbackInputs, leaving: Revision) -> str:
    """``:33 has run for 2d and its tasks are healthy``: how what runs stands, for the question whether to leave it."""
    running, desired = rows.tasks_of(seen.service, leaving.task_definition), seen.service.desired_count
    failed = failed_of(known, seen, leaving.task_definition)
    if desired == 0:
        return f"desired is 0, and no task of {leaving.short} is wanted"
    if being_deployed(facts, leaving):
        count = tasks_failed(failed) if failed else crashes(seen, facts, leaving) or "no task failed"
        so_far = span(facts.now - facts.began)
        return f"{leaving.short} has been deploying for {so_far}, {running}/{desired} run and {count}"
    lasts = f"has run for {span(_current_s(facts))}" if facts.since else "runs"
    stops = crashes(seen, facts, leaving) or ("stopped tasks not loaded" if seen.crashed is None else "")
    if running >= desired and not failed and not stops:
        return f"{leaving.short} {lasts} and its tasks are healthy"
    count = "".join(f", {words}" for words in (tasks_failed(failed) if failed else "", stops) if words)
    return f"{leaving.short} {lasts}, {running} of {desired} tasks run{count}"


def failing(known: RevisionCache, seen: ServiceSnapshot, facts: RollbackInputs, leaving: Revision) -> str:
    """Return the reason to roll back a deploy under way: failed tasks, or no running task. Empty: none."""
    if not being_deployed(facts, leaving) or not seen.service.desired_count:
        return ""
    if failed := failed_of(known, seen, leaving.task_definition):
        return f"{tasks_failed(failed)} of {leaving.short}, which is being deployed"
    return "" if seen.service.running_count else f"no task runs while {leaving.short} is being deployed"


def no_place(service: w.EcsService, now: float) -> str:
    """Why ECS cannot place a task, in its own words, where that was its last word on it and tasks are missing."""
    if service.running_count >= service.desired_count:
        return ""
    for event in sorted(service.events, key=lambda e: -e.created_at):
        if now - event.created_at > PLACES_S or _STEADY in event.message:
            return ""
        if found := _NO_PLACE.search(event.message):
            return f"{short_ids(found.group(1))} ({span(now - event.created_at)} ago)"
    return ""


def against(
    seen: ServiceSnapshot, facts: RollbackInputs, call: str, leaving: Revision, to: Revision
) -> tuple[str, ...]:
    """Return the reasons in the service's own state against replacing *leaving* by *to*."""
    found = []
    if why := no_place(seen.service, facts.now):
        helps = "no new deploy can help while that lasts"
        if call == Call.HOOK and leaving.task_definition == to.task_definition:
            helps = "the deploy cannot complete while that lasts"
        elif being_deployed(facts, leaving) and call != Call.UPDATE:
            helps = f"going back helps only where {to.short} needs less room than {leaving.short}"
        found.append(f"ECS cannot place a task: {why}; {helps}")
    if call == Call.UPDATE and seen.service.mode:
        managed = f"ECS itself manages this service ({seen.service.mode})"
        found.append(f"{managed}: a plain UpdateService may conflict with its next update")
    if seen.service.desired_count == 0:
        found.append(f"desired is 0: no task of {to.short} will run until {seen.service.more_by}")
    if leaving.status in GONE and leaving.task_definition != to.task_definition:
        found.append(f"{leaving.short} is {leaving.status} (deregistered): there is no way back to it")
    return tuple(found)
