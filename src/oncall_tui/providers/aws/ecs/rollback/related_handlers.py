"""The relatives of a rollback: undo it, continue a deploy at a hook or a wait, force a new deploy."""

from __future__ import annotations

from typing import Any

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import NOT_KNOWN
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import (
    decide as rollback,
)
from oncall_tui.providers.aws.ecs.rollback import (
    plan as ecs_plan,
)
from oncall_tui.providers.aws.ecs.rollback import (
    standing as ecs_now,
)
from oncall_tui.providers.aws.ecs.rollback import (
    verify as ecs_verify,
)
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call, Decision, RollbackInputs, Rule
from oncall_tui.providers.aws.ecs.rollback.handlers import EcsHandler
from oncall_tui.providers.aws.ecs.rollback.history import GONE, Candidate, tasks_failed
from oncall_tui.providers.aws.ecs.rollback.snapshot import ServiceSnapshot, status_line
from oncall_tui.providers.base import Receipt
from oncall_tui.text.time_format import span

WAIT = "ContinueDeployment"
RESTART = "restart"


class UndoRollback(EcsHandler):
    """Redeploy what the last rollback went back from: never by ``R``, and always with the name typed."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Plan it. Raises Refused where the newest deploy is no rollback that has ended or runs by UpdateService."""
        seen, facts = self._see(ask.target, board)
        self._as_was_seen(ask, board, seen)
        decision = _undo(facts)
        if decision.call is None:
            raise errors.Refused(decision.why, decision.hint, decision.ways)
        return ecs_plan.plan(self._source, seen, facts, decision, self._known, ask, self._act_profile)


def _undo(facts: RollbackInputs) -> Decision:
    def no(why: str, hint: str = "", *ways: errors.WayOut) -> Decision:
        return Decision(line=Rule.IS_ROLLBACK, call=None, why=why, hint=hint, ways=ways)

    if facts.controller != "ECS" or facts.target is None:
        return no("only a rollback that ECS itself deploys can be undone from here", "deploy it anew")
    if facts.status in rollback.ROLLING_BACK:
        return no("ECS is still rolling back", "wait for its end")
    bad = facts.target if facts.status.startswith("ROLLBACK") else facts.source
    current = facts.went_back_to if facts.status.startswith("ROLLBACK") else facts.target
    if not facts.going_back or bad is None or current is None:
        return no("the last deploy is not a rollback: nothing to undo", "", errors.WayOut.ROLL_BACK)
    if bad.task_definition == current.task_definition:
        return no(f"what {current.short} came in place of never ran whole: nothing to undo", "deploy that anew")
    if facts.status == "STOP_REQUESTED":
        return no("this deploy is being stopped: act on the newer one")
    if facts.stage == "CLEAN_UP" and facts.status in rollback.IN_PROGRESS:
        return no("the old tasks are being removed already", "", errors.WayOut.AGAIN)
    call = Call.UPDATE
    if facts.status in rollback.IN_PROGRESS and not facts.unsure:
        call = Call.HOOK if facts.hook else Call.STOP
    elif facts.status in rollback.IN_PROGRESS and facts.strategy != "ROLLING":
        return no("it is not known what stopping this deploy restores", "wait for its end")
    to = facts.undo or Candidate(revision=bad, source=True)
    if call is Call.UPDATE and not to.startable:
        return no(f"{bad.short} is {bad.status} (deregistered): ECS will not start it")
    return Decision(line=Rule.IS_ROLLBACK, call=call, leaving=current, to=to, warnings=(_redeploys(facts, to),))


def _redeploys(facts: RollbackInputs, to: Candidate) -> str:
    """``this redeploys :42, the rolled-back version: rolled back 5m ago by Alice, 128 tasks failed``."""
    ago = f"rolled back {span(facts.now - facts.went_back_at)} ago" if facts.went_back_at else "rolled back"
    ago += f" {facts.doer}"
    last = to.fell[0] if to.fell else None
    words = [ago, *([tasks_failed(last.failed)] if last and last.failed else [])]
    # what ECS says of a deploy that succeeded is no reason for going back
    reason = f" ({facts.reason})" if facts.status.startswith("ROLLBACK") and facts.reason else ""
    return f"this redeploys {to.revision.short}, the rolled-back version: {', '.join(words)}{reason}"


class ContinueDeploy(EcsHandler):
    """Continue a deploy where it waits: a paused hook, or CodeDeploy's wait before its traffic shift.

    CodeDeploy's TERMINATION_WAIT is never continued: that removes the old tasks, and with them the way back.
    """

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Plan it. Raises Refused where nothing waits for an answer."""
        seen, facts = self._see(ask.target, board)
        self._as_was_seen(ask, board, seen)
        if facts.target is None:
            raise errors.Refused(f"its deploy cannot be read: {facts.unreadable or 'there is none'}")
        if facts.controller == "CODE_DEPLOY":
            return self._code_deploy(ask, seen, facts, facts.target)
        newest = seen.newest
        hook = newest.waiting if newest else None
        if newest is None or hook is None:
            raise errors.Refused("the deploy is not paused: nothing waits for an answer")
        stage = newest.lifecycle_stage.lower().replace("_", " ")
        until = f", else {hook.timeout_action} {rows.when(hook.expires_at, facts.now)}" if hook.expires_at else ""
        asked = ecs_plan.request(seen, facts, Call.HOOK, facts.target, facts.target) | {"action": "CONTINUE"}
        lines = (
            ("paused", f"at its hook in {stage or 'the deploy'}{until}"),
            ("traffic", _traffic(newest.target_service_revision)),
            ("API call", "ecs ContinueServiceDeployment(CONTINUE) at this hook: the deploy goes to its next stage"),
        )
        return self._plan(ask, seen, facts, asked, facts.target, lines, (ecs_plan.command(asked, self._act_profile),))

    def _code_deploy(self, ask: ActionRequest, seen: ServiceSnapshot, facts: RollbackInputs, target: Revision) -> Plan:
        if facts.stage == "TERMINATION_WAIT":
            raise errors.Refused(
                "only the removal of the old tasks waits: continuing would destroy the way back", "let it end by itself"
            )
        if facts.stage != "READY_WAIT":
            raise errors.Refused(f"the deployment is {facts.status}: nothing waits for an answer")
        asked = ecs_plan.request(seen, facts, WAIT, target, target)
        words = f"aws deploy continue-deployment --deployment-id {facts.deploy} --deployment-wait-type READY_WAIT"
        lines = (
            ("waits", "before production traffic goes to the new tasks"),
            ("API call", f"codedeploy ContinueDeployment({facts.deploy}, READY_WAIT): production traffic is shifted"),
        )
        return self._plan(ask, seen, facts, asked, target, lines, (words,))

    def _plan(
        self,
        ask: ActionRequest,
        seen: ServiceSnapshot,
        facts: RollbackInputs,
        asked: dict[str, Any],
        target: Revision,
        lines: tuple[tuple[str, str], ...],
        commands: tuple[str, ...],
    ) -> Plan:
        at = arn.parse(seen.service.service_arn)
        name = seen.service.service_name
        before = facts.source.short if facts.source else NOT_KNOWN
        return ask.plan(
            source=self._source,
            made_at=facts.now,
            title=f"Continue the deploy of {self._source}/{name}: {before}→{target.short}",
            lines=(
                ("service", f"{arn.parse(seen.service.cluster_arn).name}/{name}"),
                ("account", f"{at.account}  {at.region}"),
                ("forward", f"{status_line(target)}  {ecs_now.from_words(self._known, seen, facts, target)}"),
                *((n, t) for n, t in lines if t),
            ),
            warnings=_against_continuing(self._known, seen, facts, target),
            confirm=Confirm.NAME,
            confirm_name=name,
            stands=ecs_now.stands(self._known, seen, facts, target),
            request=asked,
            commands=commands,
        )

    def _check(self, asked: dict[str, Any]) -> None:
        if asked["operation"] != WAIT:
            super()._check(asked)
            return
        found = cd.read_one(self._clients.code_deploy, asked["deploy"])
        if cd.wait_of(found) != "READY_WAIT":
            raise errors.Refused(f"moved: the deployment is {found.status} now, and waits for no answer")

    def _send(self, asked: dict[str, Any]) -> Receipt:
        if asked["operation"] != WAIT:
            return super()._send(asked)
        self._clients.code_deploy.write(
            "ContinueDeployment", deploymentId=asked["deploy"], deploymentWaitType="READY_WAIT"
        )
        return Receipt({"deploy": asked["deploy"]})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Done when what waited waits no more, and the deploy was not rolled back instead."""
        self._touch(f"{self._source}/{plan.request['cluster']}/{plan.request['service']}")
        return ecs_verify.verify_continued(self._clients, plan, receipt, self._grace)


class Restart(EcsHandler):
    """Force a new deploy of what runs: new tasks of the same task definition."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Plan it. Raises Refused where another controller deploys, or a deploy is under way."""
        seen, facts = self._see(ask.target, board)
        self._as_was_seen(ask, board, seen)
        current = self._may(facts)
        asked = ecs_plan.request(seen, facts, Call.UPDATE, current, current) | {"force": True}
        name = seen.service.service_name
        at = arn.parse(seen.service.service_arn)
        tags = [i.short for i in current.images if "@sha256:" not in i.image]
        warnings = list(ecs_now.against(seen, facts, Call.UPDATE, current, current))
        if tags:
            warnings.append(f"{', '.join(tags)}: ECS starts what the tag means now, which may be another image")
        unplaceable = bool(ecs_now.no_place(seen.service, facts.now))
        now = ecs_now.from_words(self._known, seen, facts, current)
        lines = (
            ("service", f"{arn.parse(seen.service.cluster_arn).name}/{name}"),
            ("account", f"{at.account}  {at.region}"),
            ("restarts", f"{status_line(current)}  {now}"),
            ("API call", "ecs UpdateService(forceNewDeployment): a new deploy of the same task definition"),
            ("not undone", "a restart is not a rollback: it changes nothing that was deployed"),
        )
        return ask.plan(
            source=self._source,
            made_at=facts.now,
            title=f"Restart {self._source}/{name}: {current.short}",
            lines=lines,
            warnings=tuple(warnings),
            confirm=Confirm.NAME if unplaceable else Confirm.YES,
            confirm_name=name,
            confirm_why="It may not help" if unplaceable else "",
            stands=ecs_now.stands(self._known, seen, facts, current),
            request=asked,
            commands=(ecs_plan.command(asked, self._act_profile),),
        )

    @staticmethod
    def _may(facts: RollbackInputs) -> Revision:
        if facts.controller != "ECS":
            raise errors.Refused(f"ECS forces no new deploy where {facts.controller} deploys", "deploy it anew there")
        if facts.target is None:
            raise errors.Refused(f"its deploys cannot be read: {facts.unreadable or 'there is none'}")
        if facts.service_status != "ACTIVE":
            raise errors.Refused(f"the service is {facts.service_status}")
        if facts.deploy and facts.status not in rollback.ENDED:
            raise errors.Refused(
                "a deploy is under way, and starts new tasks itself", "wait for its end", (errors.WayOut.ROLL_BACK,)
            )
        current = facts.went_back_to if facts.status == "ROLLBACK_SUCCESSFUL" else facts.target
        if current is None:
            raise errors.Refused("what runs cannot be read")
        if current.status in GONE:
            raise errors.Refused(f"{current.short} is {current.status} (deregistered): ECS will not start it")
        return current


def _against_continuing(
    known: RevisionCache, seen: ServiceSnapshot, facts: RollbackInputs, target: Revision
) -> tuple[str, ...]:
    """Return the reasons in the deploy's own state against continuing it."""
    bad = ecs_now.failing(known, seen, facts, target)
    found = [f"{bad}: continuing takes it further"] if bad else []
    if facts.going_back:
        found.append(f"this deploy is a rollback ({facts.going_back}): continuing completes it")
    return (*found, *ecs_now.against(seen, facts, Call.HOOK, target, target))


def _traffic(target: Any) -> str:
    weight = target.requested_production_traffic_weight if target else None
    return f"{weight:.0f}% of production traffic goes to the new revision now" if weight is not None else ""
