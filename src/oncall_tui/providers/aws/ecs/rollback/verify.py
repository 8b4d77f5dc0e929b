"""The outcome of a rollback or one of its relatives, read and put into words. Nothing here writes.

Each ``verify…`` raises SourceError where it cannot read. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from typing import Any

from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.providers.aws.client.client import AwsClient, AwsClients
from oncall_tui.providers.aws.client.errors import NOT_OFFERED
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.mapping import primary
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import decide, snapshot
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call
from oncall_tui.providers.aws.ecs.rollback.history import short
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.write_grace import WriteGrace
from oncall_tui.text.short_ids import short_ids

AGAIN_S = 3.0
NO_DEPLOY_S = 120.0  # after that a write that ECS took has started nothing (a plan may have been read for a minute)
TAKES_EFFECT_S = 20.0  # a write shows within so long; after a lost answer it is unknown from then on


def pending(message: str, again_in_s: float = AGAIN_S) -> Check:
    return Check(OutcomeState.PENDING, short_ids(message), again_in_s)


def done(message: str, evidence: str, since: float | None = None) -> Check:
    return Check(OutcomeState.DONE, message, AGAIN_S, evidence=evidence, since=since or 0.0)


def failed(message: str, hint: str = "") -> Check:
    return Check(OutcomeState.FAILED, short_ids(message), 0.0, hint)


def absent(message: str) -> Check:
    """Return that it does not show, which only time says: a write whose answer was lost may still arrive."""
    return Check(OutcomeState.FAILED, short_ids(message), absent=True)


def verify(clients: AwsClients, known: RevisionCache, plan: Plan, receipt: Receipt | None, grace: WriteGrace) -> Check:
    """Verify by the call that was sent. Raises SourceError where that cannot be read, Refused where it is gone."""
    match plan.request["operation"]:
        case Call.STOP | Call.HOOK:
            return verify_stopped(clients.ecs, known, plan, receipt, grace)
        case Call.CD_STOP:
            return verify_codedeploy_stopped(clients, plan, receipt, grace)
        case Call.CD_CREATE:
            return verify_codedeploy_created(clients, plan, receipt, grace)
        case _:
            return verify_updated(clients.ecs, known, plan, receipt, grace)


# --- ECS: the deploy under way was stopped ----------------------------------------------------------------------------


def verify_stopped(
    client: AwsClient, known: RevisionCache, plan: Plan, receipt: Receipt | None, grace: WriteGrace
) -> Check:
    """Verify after StopServiceDeployment(ROLLBACK) or ContinueServiceDeployment(ROLLBACK)."""
    asked = plan.request
    found = snapshot.read_deploy(client, asked["deploy"])
    arrow = _arrow(asked)
    if found is None:
        return failed("the deploy is not known to ECS any more")
    if found.status in decide.IN_PROGRESS:
        if receipt is None and _since(plan, receipt, grace) > TAKES_EFFECT_S:
            return absent(f"the deploy of {short(asked['from'])} goes on")
        return pending("asked to stop; the deploy has not begun to go back", 1.0)
    if found.status == "SUCCESSFUL":
        return failed(f"the deploy completed before the stop: {short(asked['from'])} runs", "roll back again")
    if found.status == "STOP_REQUESTED":
        return pending("the deploy is being stopped")
    if found.status == "STOPPED":
        return failed(f"the deploy was stopped, not rolled back: {found.status_reason or 'a newer one took over'}")
    if found.status == "ROLLBACK_FAILED":
        return failed(
            f"ECS could not roll back {arrow}: {found.status_reason or 'no reason given'}", "check its events"
        )
    if found.status not in (*decide.ROLLING_BACK, "ROLLBACK_SUCCESSFUL"):
        return pending(unknown_words("the deploy", found.status))
    service = snapshot.read_service(client, asked["cluster"], asked["service"])
    went, note = _went_to(client, known, found, asked)
    if found.status in decide.ROLLING_BACK:
        return pending(f"{_doing(asked)} {_tasks(service, went)}{note}")
    check = _settled(service, went, asked, note, found.finished_at)
    if went != asked["to"] and check.state is OutcomeState.DONE:
        return failed(f"ECS went back to {short(went)}, not to {short(asked['to'])} as shown before", "check it")
    return check


def _went_to(
    client: AwsClient, known: RevisionCache, found: w.EcsServiceDeployment, asked: dict[str, Any]
) -> tuple[str, str]:
    """The task definition that ECS goes back to, and a word where it is not the one that was previewed."""
    revision = found.rollback.service_revision_arn if found.rollback else ""
    if revision:
        try:
            known.read_revisions([revision], Priority.ACT)
        except NOT_OFFERED:
            return str(asked["to"]), ""
    went = known.definition_of(revision) or str(asked["to"])
    if went == asked["to"]:
        return went, ""
    return went, f"; ECS went back to {short(went)}, not to {short(asked['to'])} as shown before"


# --- ECS: a new deploy was started ------------------------------------------------------------------------------------


def verify_updated(
    client: AwsClient, known: RevisionCache, plan: Plan, receipt: Receipt | None, grace: WriteGrace
) -> Check:
    """Verify after UpdateService: follow the deploy that it made."""
    asked = plan.request
    service = snapshot.read_service(client, asked["cluster"], asked["service"])
    try:
        briefs = snapshot.read_briefs(client, asked["cluster"], asked["service"])
        newer = [b for b in briefs if b.created_at > float(asked["deployCreatedAt"])]
        known.read_revisions([b.target_service_revision_arn for b in newer], Priority.ACT)
    except NOT_OFFERED:
        return _by_deployments(plan, receipt, grace, service)
    ours = [b for b in newer if known.definition_of(b.target_service_revision_arn) == asked["to"]]
    if not ours:
        return _not_there(plan, receipt, grace, service, newer=bool(newer))
    mine = ours[0]  # where another began it anew since, that is what is followed
    if mine.status in decide.IN_PROGRESS:
        return pending(f"{_doing(asked)} {_tasks(service, asked['to'])}")
    if mine.status == "SUCCESSFUL":
        return _settled(service, asked["to"], asked, ended=mine.finished_at)
    return _ended_otherwise(asked, mine, newer, service)


def unknown_words(what: str, status: str) -> str:
    """Say that a state is not known: neither an end nor a success is read into it."""
    return f"AWS calls {what} {status or 'nothing'}, which oncall-tui does not know"


def _what(asked: dict[str, Any]) -> str:
    return "restart" if asked.get("force") else "redeploy" if asked.get("undo") else "deploy that was to go back"


def _runs_again(service: w.EcsService) -> str:
    """``:42 runs again``: what ECS put back."""
    first = primary(service)
    runs = short(first.task_definition) if first else short(service.task_definition)
    return f"{runs} runs again" if runs else "what ran before runs again"


def _ended_otherwise(asked: dict[str, Any], mine: w.EcsBrief, newer: list[w.EcsBrief], service: w.EcsService) -> Check:
    why = f": {mine.status_reason}" if mine.status_reason else ""
    what = _what(asked)
    if mine.status in (*decide.ROLLING_BACK, "STOP_REQUESTED"):
        return pending(f"the {what} is itself being {'stopped' if mine.status[0] == 'S' else 'rolled back'}{why}")
    if mine.status == "STOPPED" and newer[0].service_deployment_arn != mine.service_deployment_arn:
        return failed(f"a newer deploy took over before the {what} finished{why}", "check the newest deploy")
    if mine.status == "ROLLBACK_SUCCESSFUL":
        return failed(f"ECS rolled back the {what}, so {_runs_again(service)}{why}", "check its stopped tasks")
    if mine.status not in decide.ENDED:
        return pending(unknown_words(f"the {what}", mine.status))
    return failed(f"the {what} ended as {mine.status}{why}", "check its events")


def _by_deployments(plan: Plan, receipt: Receipt | None, grace: WriteGrace, service: w.EcsService) -> Check:
    """Verify by ``deployments[]``, because service deployments cannot be read."""
    asked = plan.request
    first = primary(service)
    old = first is None or first.created_at <= float(asked["deployCreatedAt"])
    mine = (d for d in service.deployments if d.created_at > float(asked["deployCreatedAt"]))
    fell = next((d for d in mine if d.task_definition == asked["to"] and d.rollout_state == "FAILED"), None)
    if fell is not None and first is not None and first.task_definition != asked["to"]:
        why = f": {fell.rollout_state_reason}" if fell.rollout_state_reason else ""
        return failed(f"ECS rolled back the {_what(asked)}, so {_runs_again(service)}{why}", "check its stopped tasks")
    if first is None or old or first.task_definition != asked["to"]:
        taken_over = first is not None and not old and first.task_definition != asked["from"]
        return _not_there(plan, receipt, grace, service, newer=taken_over)
    if first.rollout_state == "FAILED":
        return failed(f"the deploy that goes back failed: {first.rollout_state_reason}", "check its events")
    if first.rollout_state == "IN_PROGRESS":
        return pending(f"{_doing(asked)} {_tasks(service, asked['to'])}")
    return _settled(service, asked["to"], asked)


def _not_there(plan: Plan, receipt: Receipt | None, grace: WriteGrace, service: w.EcsService, newer: bool) -> Check:
    """Judge a write whose deploy does not show: it may still come, or never will."""
    first = primary(service)
    runs = short(first.task_definition) if first else "nothing"
    if _since(plan, receipt, grace) < TAKES_EFFECT_S:
        return pending("sent; ECS does not show it yet" if receipt is not None else "not visible yet", 1.0)
    if receipt is not None and newer:
        return failed(f"a deploy of {runs} is newer than this rollback")
    if receipt is not None and _since(plan, receipt, grace) < NO_DEPLOY_S:
        return pending("sent; ECS does not show it yet", 1.0)
    if receipt is not None:
        return failed(f"ECS accepted it but started no deploy: it intends to run {runs}", "check its events")
    if newer:
        return failed(f"it never took effect: somebody else's deploy, of {runs}, is there instead")
    return absent(f"{runs} still runs, and there is no newer deploy")


# --- CodeDeploy -------------------------------------------------------------------------------------------------------


def verify_codedeploy_stopped(clients: AwsClients, plan: Plan, receipt: Receipt | None, grace: WriteGrace) -> Check:
    """Verify after codedeploy StopDeployment(autoRollbackEnabled): to Stopped, then its rollback to its end."""
    asked = plan.request
    found = cd.read_one(clients.code_deploy, asked["deploy"])
    arrow, ended = _arrow(asked), found.complete_time
    if found.status not in cd.KNOWN:
        return pending(unknown_words("the deployment", found.status))
    if found.status == "Succeeded":
        return failed(f"the deployment completed before the stop: {short(asked['from'])} runs", "roll back again")
    if found.rolled_back_by:
        back = cd.read_one(clients.code_deploy, found.rolled_back_by)
        if back.open:
            return pending(f"rolling back {arrow}: {back.deployment_id} is {back.status}")
        if back.status != "Succeeded":
            why = back.error_information.message if back.error_information else "no reason given"
            return failed(f"CodeDeploy's rollback {back.deployment_id} ended as {back.status}: {why}")
        ended = back.complete_time
    elif found.open:
        if receipt is None and _since(plan, receipt, grace) > TAKES_EFFECT_S:
            return absent(f"the deployment of {short(asked['from'])} goes on")
        return pending("asked to stop; the deployment has not stopped yet", 1.0)
    elif grace.lasting_s(plan, "stopped, and not rolled back") < TAKES_EFFECT_S:
        return pending("the deployment is stopped; its rollback has not begun yet", 1.0)
    service = snapshot.read_service(clients.ecs, asked["cluster"], asked["service"])
    mine = (found.deployment_id, found.rolled_back_by)
    stopped = not found.rolled_back_by
    return _settled_task_sets(service, asked, mine, found.create_time, stopped, ended)


def verify_codedeploy_created(clients: AwsClients, plan: Plan, receipt: Receipt | None, grace: WriteGrace) -> Check:
    """Verify after codedeploy CreateDeployment: by its id, or by its description where the answer was lost."""
    asked = plan.request
    made = str(receipt.data.get("deploy", "")) if receipt else ""
    if not made:
        listed = cd.read_history(clients.code_deploy, asked["application"], asked["group"])
        made = next((d.deployment_id for d in listed if plan.id in d.description), "")
    if not made:
        if _since(plan, receipt, grace) > TAKES_EFFECT_S:
            return absent("no deployment of it is there")
        return pending("not visible yet", 1.0)
    found = cd.read_one(clients.code_deploy, made)
    arrow = _arrow(asked)
    if found.status not in cd.KNOWN:
        return pending(unknown_words("the deployment", found.status))
    service = snapshot.read_service(clients.ecs, asked["cluster"], asked["service"])
    first = _leading(service)
    if found.status in cd.FELL:
        why = found.error_information.message if found.error_information else "no reason given"
        runs = f"; {short(first.task_definition)} has the traffic" if first else ""
        return failed(f"the deployment that was to go back, {made}, ended as {found.status}: {why}{runs}")
    if first is None or (first.external_id != made and first.created_at <= found.create_time):
        wait = " and waits to be continued" if cd.wait_of(found) == "READY_WAIT" else ""
        return pending(f"rolling back {arrow}: {made} is {found.status}{wait}")
    ended = found.complete_time
    check = _settled_task_sets(service, asked, (made,), found.create_time, False, ended)
    if check.state is OutcomeState.DONE and found.open and cd.wait_of(found) != "TERMINATION_WAIT":
        return pending(f"{check.message}; {made} is still {found.status}")  # its last hooks may yet send it back
    return check


def _leading(service: w.EcsService) -> w.EcsTaskSet | None:
    """The task set that gets production traffic: the PRIMARY one (API reference, TaskSet)."""
    return next((t for t in service.task_sets if t.status == "PRIMARY"), None)


def _settled_task_sets(
    service: w.EcsService,
    asked: dict[str, Any],
    mine: tuple[str, ...],
    since: float,
    stopped: bool,
    ended: float | None,
) -> Check:
    """*mine*: the deployments that the rollback is made of, made at *since*, through at *ended*. A task set of
    another, newer one has the traffic by now, or takes it next."""
    to, arrow = str(asked["to"]), _arrow(asked)
    first = _leading(service)
    runs = short(first.task_definition) if first else "nothing"
    if first is not None and first.external_id not in ("", *mine) and first.created_at > since:
        return failed(f"rolled back {arrow}, but {runs} was deployed after it")
    if first is None or first.task_definition != to:
        if stopped:
            return failed(f"the deployment was stopped, and {runs} has the traffic: CodeDeploy rolled nothing back")
        return pending(f"rolling back {arrow}: {runs} still has the traffic")
    words = f"rolled back {arrow}, {first.running_count}/{first.computed_desired_count} running"
    besides = [t for t in service.task_sets if t.status == "ACTIVE"]
    left = next((t for t in besides if t.external_id in mine), None)
    if stopped and left is not None:
        bad = short(left.task_definition)
        return failed(
            f"the deployment was stopped, and CodeDeploy rolled nothing back: {bad} still runs beside {short(to)}",
            "it may have a share of the traffic: roll back again",
        )
    others = [t for t in besides if t.external_id not in ("", *mine)]
    newer = next((t for t in others if t.created_at > first.created_at), None)
    if newer is not None:
        return failed(f"{words}, but {short(newer.task_definition)} is being deployed now")
    if first.running_count < first.computed_desired_count or first.pending_count:
        return pending(words)
    if service.desired_count == 0 or first.computed_desired_count == 0:
        return _none_wanted(service, asked, f"rolled back {arrow}", to, "", first.id)
    return done(words, first.id, ended)


def verify_continued(clients: AwsClients, plan: Plan, receipt: Receipt | None, grace: WriteGrace) -> Check:
    """Verify a continued deploy: it waits no more, and was not rolled back instead."""
    asked = plan.request
    late = receipt is None and _since(plan, receipt, grace) > TAKES_EFFECT_S
    if asked["operation"] == Call.HOOK:
        found = snapshot.read_deploy(clients.ecs, asked["deploy"])
        if found is None:
            return failed("the deploy is not known to ECS any more")
        if found.waiting is not None and found.waiting.hook_id == asked["hookId"]:
            return absent("the deploy is still paused") if late else pending("still paused", 1.0)
        if found.status not in (*decide.IN_PROGRESS, *decide.ROLLING_BACK, "STOP_REQUESTED", *decide.ENDED):
            return pending(unknown_words("the deploy", found.status))
        if found.status not in (*decide.IN_PROGRESS, "SUCCESSFUL"):
            return failed(f"the deploy is {found.status} now: {found.status_reason or 'somebody else was first'}")
        stage = found.lifecycle_stage.lower().replace("_", " ")
        return done(f"the deploy of {short(asked['to'])} continues: {stage or found.status.lower()}", "")
    made = cd.read_one(clients.code_deploy, asked["deploy"])
    if cd.wait_of(made) == "READY_WAIT":
        return absent("the deployment still waits") if late else pending("still waiting", 1.0)
    if made.status in cd.FELL:
        return failed(f"the deployment is {made.status} now")
    if made.status not in cd.KNOWN:
        return pending(unknown_words("the deployment", made.status))
    return done(f"the deployment of {short(asked['to'])} continues: {made.status}", "")


# --- the tasks --------------------------------------------------------------------------------------------------------


def _settled(
    service: w.EcsService, to: str, asked: dict[str, Any], note: str = "", ended: float | None = None
) -> Check:
    """ECS calls it ended (at *ended*); it is done when the tasks say so too."""
    word = _did(asked)
    first = primary(service)
    if service.desired_count == 0 and first is not None and first.task_definition == to:
        return _none_wanted(service, asked, word, to, note, f"{first.id} {first.failed_tasks} failed")
    alone = len([d for d in service.deployments if d.running_count or d.pending_count]) <= 1
    there = first is not None and first.task_definition == to and first.running_count >= service.desired_count
    if there and alone and not service.pending_count:
        evidence = f"{first.id} {first.failed_tasks} failed" if first else ""
        held_since = ended if first is not None and not first.failed_tasks else None  # else one may have failed since
        return done(f"{word}, {_tasks(service, to)} running{note}", evidence, held_since)
    if first is not None and first.task_definition != to:
        return failed(f"{word}, but {short(first.task_definition)} is being deployed now{note}")
    return pending(f"{word}, {_tasks(service, to)} running{note}")


def _none_wanted(service: w.EcsService, asked: dict[str, Any], word: str, to: str, note: str, evidence: str) -> Check:
    """Judge a service that wants no task: none of the new ones runs, so nothing shows that they are healthy."""
    if asked.get("desired", 1) == 0:
        return done(f"{word}; desired is 0, as it was, so no task of it runs{note}", evidence)
    hint = f"check its health once {service.more_by}"
    return failed(f"{word}, but desired is 0 now: no task of {short(to)} runs{note}", hint)


def _since(plan: Plan, receipt: Receipt | None, grace: WriteGrace) -> float:
    """Seconds since it was sent; since it was planned, where an earlier session lost the answer."""
    return grace.waited_s(plan, receipt.data.get("at") if receipt is not None else None)


def _doing(asked: dict[str, Any]) -> str:
    if asked.get("force"):
        return f"restarting {short(asked['to'])}"
    word = "redeploying" if asked.get("undo") else "deploying" if asked.get("forward") else "rolling back"
    return f"{word} {_arrow(asked)}"


def _did(asked: dict[str, Any]) -> str:
    if asked.get("force"):
        return f"restarted {short(asked['to'])}"
    word = "redeployed" if asked.get("undo") else "deployed" if asked.get("forward") else "rolled back"
    return f"{word} {_arrow(asked)}"


def _arrow(asked: dict[str, Any]) -> str:
    """``from :42 to :41``: an arrow is kept for what a deploy brings."""
    return f"from {short(asked['from'])} to {short(asked['to'])}"


def _tasks(service: w.EcsService, definition: str) -> str:
    running = sum(d.running_count for d in service.deployments if d.task_definition == definition)
    return f"{running}/{service.desired_count}"
