"""What became of a rollback: read, and said in words. Nothing here writes."""

from __future__ import annotations

from typing import Any

from oncall_tui.contract import Receipt
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.providers.aws import ecs_decode as w
from oncall_tui.providers.aws import ecs_facts, rollback
from oncall_tui.providers.aws.budget import Lane
from oncall_tui.providers.aws.ecs_known import Known
from oncall_tui.providers.aws.ecs_rows import primary
from oncall_tui.providers.aws.errors import NOT_OFFERED
from oncall_tui.providers.aws.wire import Wire

AGAIN_S = 3.0
TAKES_EFFECT_S = 20.0  # after that a write that shows nowhere never arrived


def pending(message: str, again_in_s: float = AGAIN_S) -> Check:
    return Check(OutcomeState.PENDING, message, again_in_s)


def done(message: str, evidence: str) -> Check:
    return Check(OutcomeState.DONE, message, AGAIN_S, evidence=evidence)


def failed(message: str, hint: str = "") -> Check:
    return Check(OutcomeState.FAILED, message, 0.0, hint)


def stopped(wire: Wire, known: Known, plan: Plan, receipt: Receipt | None, now: float) -> Check:
    """After StopServiceDeployment(ROLLBACK). Raises SourceError where it cannot be read."""
    asked = plan.request
    found = ecs_facts.read_deploy(wire, asked["serviceDeploymentArn"])
    arrow = f"{rollback.short(asked['from'])}→{rollback.short(asked['to'])}"
    if found is None:
        return failed("the deploy is not known to ECS any more")
    if found.status in rollback.IN_PROGRESS:
        if receipt is None and now - plan.made_at > TAKES_EFFECT_S:
            return failed(f"it never took effect: the deploy of {rollback.short(asked['from'])} goes on")
        return pending("asked to stop; the deploy has not begun to go back", 1.0)
    if found.status == "SUCCESSFUL":
        return failed(f"the deploy completed before the stop: {rollback.short(asked['from'])} runs", "roll back again")
    if found.status == "STOP_REQUESTED":
        return pending("the deploy is being stopped")
    if found.status == "STOPPED":
        return failed(f"the deploy was stopped, not rolled back: {found.status_reason or 'a newer one took over'}")
    if found.status == "ROLLBACK_FAILED":
        return failed(
            f"ECS could not roll {arrow} back: {found.status_reason or 'no reason given'}", "look at its events"
        )
    service = ecs_facts.read_service(wire, asked["cluster"], asked["service"])
    went, note = _went_to(wire, known, found, asked)
    if found.status in rollback.ROLLING_BACK:
        return pending(f"rolling back {arrow} {_tasks(service, went)}{note}")
    return _settled(service, went, arrow, note)


def _went_to(wire: Wire, known: Known, found: w.ServiceDeploymentW, asked: dict[str, Any]) -> tuple[str, str]:
    """The task definition that ECS goes back to, and a word where it is not the one that was previewed."""
    revision = found.rollback.service_revision_arn if found.rollback else ""
    if revision:
        try:
            known.read_revisions([revision], Lane.ACT)
        except NOT_OFFERED:
            return str(asked["to"]), ""
    went = known.definition_of(revision) or str(asked["to"])
    if went == asked["to"]:
        return went, ""
    return went, f"; ECS went back to {rollback.short(went)}, not to {rollback.short(asked['to'])} as shown before"


def updated(wire: Wire, plan: Plan, receipt: Receipt | None, now: float) -> Check:
    """After UpdateService(taskDefinition). Raises SourceError where it cannot be read."""
    asked = plan.request
    service = ecs_facts.read_service(wire, asked["cluster"], asked["service"])
    first = primary(service)
    arrow = f"{rollback.short(asked['from'])}→{rollback.short(asked['to'])}"
    if first is None or first.task_definition != asked["to"]:
        return _not_there(wire, plan, receipt, now, first)
    if first.rollout_state == "FAILED":
        return failed(f"the deploy that goes back failed: {first.rollout_state_reason}", "look at its events")
    if first.rollout_state == "IN_PROGRESS":
        return pending(f"rolling back {arrow} {_tasks(service, asked['to'])}")
    return _settled(service, asked["to"], arrow, "")


def _not_there(wire: Wire, plan: Plan, receipt: Receipt | None, now: float, first: w.DeploymentW | None) -> Check:
    """The newest deployment is of another task definition: did ours come and go, or never come?"""
    asked = plan.request
    runs = rollback.short(first.task_definition) if first else "nothing"
    pinned = float(asked.get("deployCreatedAt", plan.made_at))
    briefs = ecs_facts.read_briefs(wire, asked["cluster"], asked["service"])
    newer = [b for b in briefs if b.created_at > pinned]
    ended = next((b for b in newer if b.status.startswith("ROLLBACK") or b.status == "STOPPED"), None)
    if receipt is None and not newer:
        if now - plan.made_at > TAKES_EFFECT_S:
            return failed(f"it never took effect: {runs} is what runs, and no newer deploy is there")
        return pending("not to be seen yet", 1.0)
    if ended is not None:
        return failed(f"the deploy that was to go back ended as {ended.status}: {ended.status_reason}".rstrip(": "))
    if receipt is not None and now - plan.made_at < TAKES_EFFECT_S:
        return pending("sent; ECS does not show it yet", 1.0)
    return failed(f"a deploy of {runs} is newer than this rollback")


def _settled(service: w.ServiceW, to: str, arrow: str, note: str) -> Check:
    """ECS calls it ended; it is done when the tasks say so too."""
    first = primary(service)
    alone = len([d for d in service.deployments if d.running_count or d.pending_count]) <= 1
    there = first is not None and first.task_definition == to and first.running_count >= service.desired_count
    if there and alone and not service.pending_count:
        evidence = f"{first.id} {first.failed_tasks} failed" if first else ""
        return done(f"rolled back {arrow}, {_tasks(service, to)} running{note}", evidence)
    if first is not None and first.task_definition != to:
        return failed(f"rolled back {arrow}, but {rollback.short(first.task_definition)} is being deployed now{note}")
    return pending(f"rolled back {arrow}, {_tasks(service, to)} running{note}")


def _tasks(service: w.ServiceW, definition: str) -> str:
    running = sum(d.running_count for d in service.deployments if d.task_definition == definition)
    return f"{running}/{service.desired_count}"
