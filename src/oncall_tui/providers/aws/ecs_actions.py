"""Rolling back: what can be chosen, the plan in words, the check, the one write, and what became of it."""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable
from typing import Any

from oncall_tui import errors
from oncall_tui.clock import Clock
from oncall_tui.contract import Receipt
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import Ask, Choice, Confirm, Plan
from oncall_tui.domain.revision import changed_settings
from oncall_tui.providers.aws import arn, ecs_facts, ecs_verify, rollback
from oncall_tui.providers.aws import ecs_rows as rows
from oncall_tui.providers.aws.ecs_facts import Seen, status_line
from oncall_tui.providers.aws.ecs_known import Known
from oncall_tui.providers.aws.rollback import Call, Decision, Facts
from oncall_tui.providers.aws.wire import Wire

CHOICES = 8
NOT_UNDONE = "load balancer, network, autoscaling, secrets' values, data that it changed"
_FLAGS = {Call.STOP: "stop-service-deployment", Call.UPDATE: "update-service"}


class RollBack:
    """The handler of ``roll back`` on services and deploys. A target is a service's id or a deploy's."""

    def __init__(
        self, source: str, wire: Wire, known: Known, clock: Clock, act_profile: str, touch: Callable[[str], None]
    ) -> None:
        self._source, self._wire, self._known, self._clock = source, wire, known, clock
        self._act_profile, self._touch = act_profile, touch  # *touch*: have the poller read this service first

    # --- before ---

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """What ran well before, newest first; what a plan without a choice would take is marked. Raises Refused."""
        seen, facts = self._see(target, board, "")
        usual = rollback.decide(facts).to
        current = seen.service.task_definition
        found = [
            Choice(
                id=p.revision.task_definition,
                label=p.revision.short,
                detail="  ".join((*status_line(p.revision).split("  ")[1:], _ran(p.since, p.until, facts.now))),
                default=usual is not None and usual.task_definition == p.revision.task_definition,
            )
            for p in facts.history
            if p.revision.task_definition != current
        ]
        return tuple(found[:CHOICES])

    def plan(self, ask: Ask, board: Board) -> Plan:
        """Read, decide, and say it. Raises Refused with the reason where it cannot or should not be done."""
        seen, facts = self._see(ask.target, board, ask.choice)
        if seen.unreadable:
            raise errors.Refused(f"what ran before cannot be read: {seen.unreadable}")
        self._as_was_seen(ask, board, seen)
        return self._plan(ask, seen, facts, rollback.decide(facts))

    def _see(self, target: str, board: Board, choice: str) -> tuple[Seen, Facts]:
        cluster, name = self._place(target, board)
        try:
            seen = ecs_facts.see(self._wire, self._known, cluster, name)
            return seen, ecs_facts.facts(self._wire, self._known, seen, choice, self._clock.now())
        except errors.SourceError as error:
            raise errors.Refused(f"it cannot be planned: {error.message}", error.hint) from error

    def _place(self, target: str, board: Board) -> tuple[str, str]:
        deploy = board.deploys.get(target)
        service_id = deploy.service_id if deploy else target
        path = service_id.removeprefix(f"{self._source}/").split("/")
        if service_id == target and target not in board.services and len(path) != 2:
            raise errors.Refused(f"{target} is not on the board")
        return path[0], path[1]

    def _as_was_seen(self, ask: Ask, board: Board, seen: Seen) -> None:
        """A deploy that was picked must still be the newest, and stand as it stood on screen."""
        deploy = board.deploys.get(ask.target)
        newest = seen.newest
        if newest is None:
            return
        if deploy is not None and deploy.native_id != newest.service_deployment_arn:
            now = self._known.revision(newest.target_arn).short
            raise errors.Refused(f"a newer deploy, of {now}, has taken over: act on that", "look at the newest deploy")
        row = rows.deploy_id(self._source, newest.service_deployment_arn)
        state = rows.STATES.get(newest.status, DeployState.UNKNOWN)
        version = f"{row}|{state.status_class}|{self._known.definition_of(newest.target_arn)}"
        if ask.version.startswith(f"{row}|") and ask.version != version:
            raise errors.Refused(f"moved since it was shown: the deploy is {state.value} now")

    def _plan(self, ask: Ask, seen: Seen, facts: Facts, decision: Decision) -> Plan:
        service, newest, frm, to = seen.service, seen.newest, decision.frm, decision.to
        if newest is None or frm is None or to is None or decision.call is None:
            raise errors.Refused(decision.why)
        at = arn.parse(service.service_arn)
        cluster = arn.parse(service.cluster_arn).name
        request: dict[str, Any] = {
            "operation": decision.call.value,
            "region": at.region,
            "account": at.account,
            "cluster": cluster,
            "service": service.service_name,
            "serviceDeploymentArn": newest.service_deployment_arn,
            "deployCreatedAt": newest.created_at,
            "status": newest.status,
            "from": frm.task_definition,
            "to": to.task_definition,
        }
        changes = changed_settings(frm, to)
        beside = () if decision.call is Call.STOP else self._known.differs(frm.arn, to.arn)
        kept = (f"UpdateService leaves as it is what differs besides: {', '.join(beside)}",) if beside else ()
        lines = (
            ("service", f"{cluster}/{service.service_name}"),
            ("account", f"{at.account}  {at.region}"),
            ("from", f"{status_line(frm)}  {_now(seen, facts)}"),
            ("to", f"{status_line(to)}  {self._ran_well(facts, decision)}".rstrip()),
            ("changes", " · ".join(changes) or "nothing that can be compared"),
            ("call", _call(decision.call, to.short)),
            ("not undone", NOT_UNDONE),
        )
        return Plan(
            id=uuid.uuid4().hex,
            verb=Verb.ROLL_BACK,
            source=self._source,
            target=ask.target,
            version=ask.version,
            actor=ask.actor,
            made_at=self._clock.now(),
            title=f"Roll back {self._source}/{service.service_name} {frm.short}→{to.short}",
            lines=lines,
            warnings=(*decision.warnings, *kept),
            confirm=Confirm.YES,
            confirm_name=service.service_name,
            request=request,
            commands=(self._command(decision.call, request),),
        )

    @staticmethod
    def _ran_well(facts: Facts, decision: Decision) -> str:
        to = decision.to.task_definition if decision.to else ""
        found = next((p for p in facts.history if p.revision.task_definition == to), None)
        return _ran(found.since, found.until, facts.now) if found else ""

    def _command(self, call: Call, request: dict[str, Any]) -> str:
        words = ["aws", "ecs", _FLAGS[call]]
        if call is Call.STOP:
            words += ["--service-deployment-arn", request["serviceDeploymentArn"], "--stop-type", "ROLLBACK"]
        else:
            words += ["--cluster", request["cluster"], "--service", request["service"]]
            words += ["--task-definition", request["to"]]
        words += ["--region", request["region"]]
        return shlex.join(words + (["--profile", self._act_profile] if self._act_profile else []))

    # --- the write ---

    def check(self, plan: Plan) -> None:
        """Read the target again. Raises Refused and says what moved."""
        asked = plan.request
        try:
            self._check(asked)
        except errors.Throttled as error:
            if asked["operation"] != Call.STOP:  # an update without a re-read could undo another's deploy
                raise errors.Refused(f"could not be read again: {error.message}", error.hint) from error
            # a stop names one deploy by its ARN: ECS itself refuses it if that has ended
        except errors.SourceError as error:
            raise errors.Refused(f"could not be read again: {error.message}", error.hint) from error

    def _check(self, asked: dict[str, Any]) -> None:
        pinned = asked["serviceDeploymentArn"]
        service = ecs_facts.read_service(self._wire, asked["cluster"], asked["service"])
        briefs = ecs_facts.read_briefs(self._wire, asked["cluster"], asked["service"])
        if not briefs or briefs[0].service_deployment_arn != pinned:
            raise errors.Refused(f"moved: a newer deploy, of {rollback.short(service.task_definition)}, is there now")
        was = rows.STATES.get(asked["status"], DeployState.UNKNOWN).status_class
        found = ecs_facts.read_deploy(self._wire, pinned)
        state = rows.STATES.get(found.status, DeployState.UNKNOWN) if found else DeployState.UNKNOWN
        if found is None or state.status_class != was:
            raise errors.Refused(f"moved: the deploy is {state.value} now")
        if any(h.status == "AWAITING_ACTION" for h in found.lifecycle_hook_details):
            raise errors.Refused("moved: the deploy is paused now, and waits for an answer to its hook")
        if found.lifecycle_stage == "CLEAN_UP" and asked["operation"] == Call.STOP:
            raise errors.Refused("moved: the old tasks are being removed already")
        if service.status != "ACTIVE":
            raise errors.Refused(f"moved: the service is {service.status}")

    def send(self, plan: Plan) -> Receipt:
        """One attempt, with the acting credentials. Raises Failed or Unknown."""
        asked = plan.request
        self._touch(f"{self._source}/{asked['cluster']}/{asked['service']}")
        if asked["operation"] == Call.STOP:
            arn_ = asked["serviceDeploymentArn"]
            self._wire.write("StopServiceDeployment", serviceDeploymentArn=arn_, stopType="ROLLBACK")
            return Receipt({"serviceDeploymentArn": arn_})
        answer = self._wire.write(
            "UpdateService", cluster=asked["cluster"], service=asked["service"], taskDefinition=asked["to"]
        )
        made = answer.get("service", {}).get("deployments", [])
        first = next((str(d.get("id", "")) for d in made if d.get("status") == "PRIMARY"), "")
        return Receipt({"deployment": first})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read what became of it. Raises SourceError where that cannot be read now."""
        now = self._clock.now()
        self._touch(f"{self._source}/{plan.request['cluster']}/{plan.request['service']}")
        try:
            if plan.request["operation"] == Call.STOP:
                return ecs_verify.stopped(self._wire, self._known, plan, receipt, now)
            return ecs_verify.updated(self._wire, plan, receipt, now)
        except errors.Refused as error:  # the service is gone
            return ecs_verify.failed(error.message)


def _call(call: Call, to: str) -> str:
    if call is Call.STOP:
        return "ecs StopServiceDeployment(ROLLBACK) on the deploy in progress"
    return f"ecs UpdateService(taskDefinition {to}): a new deploy"


def _now(seen: Seen, facts: Facts) -> str:
    newest = seen.newest
    target = newest.target_service_revision if newest else None
    running = target.running_task_count if target else seen.service.running_count
    breaker = newest.deployment_circuit_breaker if newest else None
    bad = breaker.failure_count if breaker else 0
    words = [f"now, for {rollback.ago(facts.now - facts.began)}", f"{running}/{seen.service.desired_count} running"]
    return ", ".join(words + ([f"{bad} failed"] if bad else []))


def _ran(since: float, until: float, now: float) -> str:
    return f"ran well until {rollback.ago(now - until)} ago, for {rollback.ago(until - since)}"
