"""The plan of a rollback and its siblings, as a person reads it, and as it is sent. No call is made here."""

from __future__ import annotations

import json
import shlex
import uuid
from typing import Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import ActionRequest, Choice, Confirm, Plan
from oncall_tui.domain.revision import Revision, changes
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.arn import person
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import standing
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call, Decision, RollbackInputs
from oncall_tui.providers.aws.ecs.rollback.history import Candidate, forward
from oncall_tui.providers.aws.ecs.rollback.snapshot import ServiceSnapshot, status_line
from oncall_tui.text.time_format import local_time, span

NOT_RESTORED = "secrets' values, autoscaling, data that the deploy changed"
# A deploy tool's lock, and a build under way, are nothing that ECS knows of
AGAIN = "a pipeline may deploy {leaving} again meanwhile, which is not visible here: tell its owners, revert it there"


def request(seen: ServiceSnapshot, facts: RollbackInputs, call: str, leaving: Revision, to: Revision) -> dict[str, Any]:
    """Return the pinned request: enough to check, to send, and for a later start to verify."""
    service = seen.service
    at = arn.parse(service.service_arn)
    newest, code = seen.newest, seen.code_deploys[0] if seen.code_deploys else None
    found: dict[str, Any] = {
        "operation": call,
        "region": at.region,
        "account": at.account,
        "cluster": arn.parse(service.cluster_arn).name,
        "service": service.service_name,
        "deploy": facts.deploy,
        "deployCreatedAt": newest.created_at if newest else (code.create_time if code else 0.0),
        "status": facts.status,
        "desired": service.desired_count,
        "from": leaving.task_definition,
        "to": to.task_definition,
    }
    if call == Call.UPDATE and service.task_definition == to.task_definition:
        found["anew"] = True
    if facts.hook:
        found["hookId"] = facts.hook
    if code is not None:
        found |= {"application": code.application_name, "group": code.deployment_group_name}
    return found


def plan(
    source: str,
    seen: ServiceSnapshot,
    facts: RollbackInputs,
    decision: Decision,
    known: RevisionCache,
    ask: ActionRequest,
    profile: str,
) -> Plan:
    """The plan of a decision that names a call."""
    call, leaving, to = decision.call, decision.leaving, decision.to
    assert call is not None
    assert leaving is not None
    assert to is not None
    asked = request(seen, facts, call, leaving, to.revision)
    plan_id = uuid.uuid4().hex
    if call is Call.CD_CREATE:
        asked |= _earlier(seen, to)
        asked["description"] = f"oncall-tui {plan_id}: back to {to.revision.short}, by {ask.actor.name}"[:200]
    against = standing.against(seen, facts, call, leaving, to.revision)
    unplaceable = bool(standing.no_place(seen.service, facts.now))
    undo = ask.verb is Verb.UNDO_ROLLBACK
    if undo:
        asked["undo"] = True
    elif forward(leaving.task_definition, to.revision.task_definition):
        asked["forward"] = True
    return ask.plan(
        id=plan_id,
        source=source,
        made_at=facts.now,
        title=_title(f"{source}/{seen.service.service_name}", facts, leaving, to.revision, undo),
        lines=_lines(seen, facts, decision, known, leaving, to, back=not (undo or "forward" in asked)),
        warnings=(*against, *decision.warnings),
        confirm=Confirm.NAME if undo or unplaceable else Confirm.YES,
        confirm_name=seen.service.service_name,
        confirm_why="" if undo or not unplaceable else "It may not help",
        stands=standing.stands(known, seen, facts, leaving),
        failing="" if unplaceable else standing.failing(known, seen, facts, leaving),
        request=asked,
        commands=(command(asked, profile),),
    )


def _title(name: str, facts: RollbackInputs, leaving: Revision, to: Revision, undo: bool) -> str:
    """``Roll back prod/api: :42→:41``; the way forward again is no rollback, and says which one it undoes."""
    arrow = f"{name}: {leaving.short}→{to.short}"
    if undo:
        of = f" of {local_time(facts.went_back_at, facts.now)}" if facts.went_back_at else ""
        return f"Redeploy {arrow} (undoes the rollback{of})"
    return f"{'Deploy' if forward(leaving.task_definition, to.task_definition) else 'Roll back'} {arrow}"


def _lines(
    seen: ServiceSnapshot,
    facts: RollbackInputs,
    decision: Decision,
    known: RevisionCache,
    leaving: Revision,
    to: Candidate,
    back: bool,
) -> tuple[tuple[str, str], ...]:
    service = seen.service
    at = arn.parse(service.service_arn)
    lines = [
        ("service", f"{arn.parse(service.cluster_arn).name}/{service.service_name}"),
        ("account", f"{at.account}  {at.region}"),
        (
            "from",
            f"{status_line(leaving)}  {standing.from_words(known, seen, facts, leaving)}"
            f"{_age(known, leaving, facts.now)}",
        ),
        ("to", f"{status_line(to.revision)}  {to.summary(facts.now)}{_age(known, to.revision, facts.now)}"),
        ("passed over", "; ".join(decision.passed_over)),
        ("changes", " · ".join(changes(leaving, to.revision))),
        ("API call", call_words(decision.call, to.revision.short, facts)),
        ("not restored", not_restored(decision.call, known, leaving, to.revision)),
        ("afterwards", _afterwards(seen, facts, known, leaving) if back else ""),  # forward is what CI wants, too
    ]
    return tuple((name, text) for name, text in lines if text)


def _afterwards(seen: ServiceSnapshot, facts: RollbackInputs, known: RevisionCache, leaving: Revision) -> str:
    """Say whose the last deploy was, as far as its task definition tells: it may come again."""
    newest = seen.newest
    began = newest.created_at if newest else seen.code_deploys[0].create_time if seen.code_deploys else 0.0
    definition = known.definition_of(newest.target_arn) if newest else ""
    made = known.definitions.get(definition or leaving.task_definition)
    by = person(made.registered_by) if made and made.registered_by else ""
    when = f" {span(facts.now - began)} ago" if began else ""
    last = f"the last deploy came from {by}{when}" if by else "who deployed last is not known"
    return f"{last}; {AGAIN.format(leaving=leaving.short)}"


def not_restored(call: Call | None, known: RevisionCache, leaving: Revision, to: Revision) -> str:
    """Return the settings that this rollback leaves. Only ECS's own rollback restores the whole service revision."""
    if call in (Call.STOP, Call.HOOK):
        return NOT_RESTORED
    beside = known.differs(leaving.arn, to.arn)
    if beside:
        return f"{', '.join(beside)}, which differ and stay as they are; {NOT_RESTORED}"
    if not leaving.arn or not to.arn:
        return f"what else a service revision holds, as network and load balancers (not comparable); {NOT_RESTORED}"
    return NOT_RESTORED


def call_words(call: Call | None, to: str, facts: RollbackInputs) -> str:
    """The call, and what it makes happen."""
    match call:
        case Call.STOP if facts.stage == "BAKE_TIME":
            return "ecs StopServiceDeployment(ROLLBACK) while it bakes: traffic goes back to tasks that still run"
        case Call.STOP:
            return "ecs StopServiceDeployment(ROLLBACK) on the deploy in progress"
        case Call.HOOK:
            return "ecs ContinueServiceDeployment(ROLLBACK) at the hook where the deploy is paused"
        case Call.UPDATE:
            return f"ecs UpdateService(taskDefinition {to}): a new deploy"
        case Call.CD_STOP:
            return f"codedeploy StopDeployment({facts.deploy}, auto rollback)"
        case _:
            return f"codedeploy CreateDeployment with the AppSpec of {to}: a new deployment"


def choices(facts: RollbackInputs, family: tuple[Candidate, ...], usual: Candidate | None) -> tuple[Choice, ...]:
    """Return the choices: past revisions, newest first; then ACTIVE ones that never ran."""
    target = facts.target.task_definition if facts.target else ""
    running = facts.went_back_to.task_definition if facts.went_back_to else target
    found = list(facts.candidates)
    names = {c.revision.task_definition for c in found} | {running}
    found += [c for c in family if c.revision.task_definition not in names]
    return tuple(
        Choice(
            id=c.revision.task_definition,
            label=c.revision.short,
            detail="  ".join((*status_line(c.revision).split("  ")[1:], c.summary(facts.now))),
            default=usual is not None and usual.revision.task_definition == c.revision.task_definition,
            warning="; ".join(c.cautions(facts.now)),
        )
        for c in found
    )


def _earlier(seen: ServiceSnapshot, to: Candidate) -> dict[str, Any]:
    """The earlier deployment whose AppSpec is sent again."""
    newest = seen.code_deploys[0]
    wanted = to.run_periods[0].deploy if to.run_periods else ""
    made = next((d for d in seen.code_deploys if d.deployment_id == wanted), None)
    if made is not None:
        return {"revision": cd.location_request(made.revision), "earlier": made.deployment_id}
    return {"revision": cd.location_request(newest.previous_revision), "earlier": ""}


def _age(known: RevisionCache, revision: Revision, now: float) -> str:
    made = known.definitions.get(revision.task_definition)
    return f"; registered {span(now - made.registered_at)} ago" if made and made.registered_at else ""


_FLAGS = {
    Call.STOP: ("ecs", "stop-service-deployment"),
    Call.HOOK: ("ecs", "continue-service-deployment"),
    Call.UPDATE: ("ecs", "update-service"),
    Call.CD_STOP: ("deploy", "stop-deployment"),
    Call.CD_CREATE: ("deploy", "create-deployment"),
}


def command(asked: dict[str, Any], profile: str) -> str:
    """The equivalent command of the AWS CLI, to copy."""
    call = Call(asked["operation"])
    words = ["aws", *_FLAGS[call], *_arguments(call, asked), "--region", asked["region"]]
    return shlex.join(words + (["--profile", profile] if profile else []))


def _arguments(call: Call, asked: dict[str, Any]) -> list[str]:
    match call:
        case Call.STOP:
            return ["--service-deployment-arn", asked["deploy"], "--stop-type", "ROLLBACK"]
        case Call.HOOK:
            action = asked.get("action", "ROLLBACK")
            return ["--service-deployment-arn", asked["deploy"], "--hook-id", asked["hookId"], "--action", action]
        case Call.UPDATE:
            names = ["--cluster", asked["cluster"], "--service", asked["service"]]
            names += [] if asked.get("force") else ["--task-definition", asked["to"]]
            return names + (["--force-new-deployment"] if asked.get("force") or asked.get("anew") else [])
        case Call.CD_STOP:
            return ["--deployment-id", asked["deploy"], "--auto-rollback-enabled"]
        case Call.CD_CREATE:
            names = ["--application-name", asked["application"], "--deployment-group-name", asked["group"]]
            return [*names, "--revision", json.dumps(asked["revision"])]
