"""Rolling back: what can be chosen, the plan in words, the check, the one write, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Choice, Plan
from oncall_tui.providers.aws.client.client import AwsClients
from oncall_tui.providers.aws.ecs import codedeploy as cd
from oncall_tui.providers.aws.ecs import mapping as rows
from oncall_tui.providers.aws.ecs.revision_cache import RevisionCache
from oncall_tui.providers.aws.ecs.rollback import (
    decide as rollback,
)
from oncall_tui.providers.aws.ecs.rollback import (
    history,
)
from oncall_tui.providers.aws.ecs.rollback import (
    inputs as ecs_facts,
)
from oncall_tui.providers.aws.ecs.rollback import (
    plan as ecs_plan,
)
from oncall_tui.providers.aws.ecs.rollback import (
    snapshot as ecs_seen,
)
from oncall_tui.providers.aws.ecs.rollback import (
    verify as ecs_verify,
)
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call, RollbackInputs
from oncall_tui.providers.aws.ecs.rollback.history import Candidate, short
from oncall_tui.providers.aws.ecs.rollback.snapshot import ServiceSnapshot
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.providers.write_grace import WriteGrace
from oncall_tui.runtime.clock import Clock

PINNED = frozenset({Call.STOP, Call.HOOK, Call.CD_STOP})  # AWS itself refuses these where that deploy has ended


class EcsHandler(ActionHandler):
    """The common part of every verb on a service's deploy. A target is a service's id or a deploy's."""

    def __init__(
        self,
        source: str,
        clients: AwsClients,
        known: RevisionCache,
        clock: Clock,
        act_profile: str,
        touch: Callable[[str], None],
    ) -> None:
        self._source, self._clients, self._known, self._clock = source, clients, known, clock
        self._grace = WriteGrace(clock)
        self._act_profile, self._touch = act_profile, touch  # *touch*: have the poller read this service first

    # --- reading ---

    def _see(
        self, target: str, board: Board, choice: str = "", stopped: bool = True
    ) -> tuple[ServiceSnapshot, RollbackInputs]:
        """The service and its deploys, read now, and its *stopped* tasks. Raises Refused where that cannot be."""
        cluster, name = self._place(target, board)
        deploy = board.deploys.get(target)
        try:
            seen = ecs_seen.read_snapshot(self._clients, self._known, cluster, name)
            if stopped:
                crashed = ecs_seen.read_crashed(self._clients.ecs, self._known, seen.service)
                seen = msgspec.structs.replace(seen, crashed=crashed)
            found = ecs_facts.read_inputs(
                self._clients,
                self._known,
                seen,
                board.recall,
                self._clock.now(),
                choice,
                deploy.native_id if deploy else "",
            )
        except errors.SourceError as error:
            raise errors.Refused(f"it cannot be planned: {error.message}", error.hint) from error
        return seen, found

    def _place(self, target: str, board: Board) -> tuple[str, str]:
        deploy = board.deploys.get(target)
        service_id = deploy.service_id if deploy else target
        path = service_id.removeprefix(f"{self._source}/").split("/")
        if len(path) != 2:
            raise errors.Refused(f"{target} is not on the board")
        return path[0], path[1]

    def _as_was_seen(self, ask: ActionRequest, board: Board, seen: ServiceSnapshot) -> None:
        """Check that the newest deploy and its state are still as on screen. Raises Refused."""
        newest = seen.newest
        shown, bar, _ = ask.version.partition("|")
        if newest is None or not bar or "/ecs-svc/" in shown:  # the last: a row of deployments[], which names no ARN
            return
        row = rows.deploy_id(self._source, newest.service_deployment_arn)
        state = rows.STATES.get(newest.status, DeployState.UNKNOWN)
        version = f"{row}|{state.status_class}|{self._known.definition_of(newest.target_arn)}"
        if shown == row and ask.version != version:
            self._touch(f"{self._source}/{self._place(ask.target, board)[0]}/{seen.service.service_name}")
            raise errors.Refused(f"moved since it was shown: the deploy is {state.value} now")
        older_row = ask.target in board.deploys and row in board.deploys  # both were on screen, and this one was meant
        if shown != row and not older_row:
            self._touch(f"{self._source}/{self._place(ask.target, board)[0]}/{seen.service.service_name}")
            now = self._known.revision(newest.target_arn).short
            raise errors.Refused(f"a newer deploy, of {now}, has taken over since it was shown", "check it first")

    # --- the write ---

    def check(self, plan: Plan) -> None:
        """Read the target again. Raises Refused and says what moved."""
        asked = plan.request
        try:
            self._check(asked)
        except errors.Throttled as error:
            if (
                asked["operation"] not in PINNED or asked.get("action") == "CONTINUE"
            ):  # an update without a re-read could undo another's deploy
                raise errors.Refused(f"could not be read again: {error.message}", error.hint) from error
        except errors.SourceError as error:
            raise errors.Refused(f"could not be read again: {error.message}", error.hint) from error

    def _check(self, asked: dict[str, Any]) -> None:
        if asked["operation"] in (Call.CD_STOP, Call.CD_CREATE):
            self._check_code_deploy(asked)
            return
        service = ecs_seen.read_service(self._clients.ecs, asked["cluster"], asked["service"])
        briefs = ecs_seen.read_briefs(self._clients.ecs, asked["cluster"], asked["service"])
        if (briefs[0].service_deployment_arn if briefs else "") != asked["deploy"]:
            raise errors.Refused(f"moved: a newer deploy, of {short(service.task_definition)}, is there now")
        if late := history.late_words(service, briefs, self._clock.now()):
            raise errors.Refused(f"moved: {late}", "plan it again in a moment")
        if service.status != "ACTIVE":
            raise errors.Refused(f"moved: the service is {service.status}")
        if not briefs and short(service.task_definition) != short(asked["from"]):
            raise errors.Refused(f"moved: {short(service.task_definition)} is what runs now")
        if briefs:
            self._check_deploy(asked)

    def _check_deploy(self, asked: dict[str, Any]) -> None:
        """The deploy that is pinned stands as it stood."""
        was = rows.STATES.get(asked["status"], DeployState.UNKNOWN).status_class
        found = ecs_seen.read_deploy(self._clients.ecs, asked["deploy"])
        state = rows.STATES.get(found.status, DeployState.UNKNOWN) if found else DeployState.UNKNOWN
        if found is None or state.status_class != was:
            raise errors.Refused(f"moved: the deploy is {state.value} now")
        waits = found.waiting.hook_id if found.waiting else ""
        if waits != asked.get("hookId", ""):
            if waits:
                raise errors.Refused("moved: the deploy is paused at another hook now, and waits for an answer")
            raise errors.Refused("moved: its hook was answered already")
        if found.lifecycle_stage == "CLEAN_UP" and asked["operation"] == Call.STOP:
            raise errors.Refused("moved: the old tasks are being removed already")

    def _check_code_deploy(self, asked: dict[str, Any]) -> None:
        found = cd.read_history(self._clients.code_deploy, asked["application"], asked["group"])
        newest = found[0] if found else None
        if newest is None or newest.deployment_id != asked["deploy"]:
            raise errors.Refused(f"moved: a newer deployment, {newest.deployment_id if newest else '?'}, is there now")
        if newest.open != (asked["status"] in cd.OPEN) or newest.rolled_back_by:
            raise errors.Refused(f"moved: the deployment is {newest.status} now")

    def send(self, plan: Plan) -> Receipt:
        """One attempt, with the acting credentials. Raises ActionFailed or OutcomeUnknown."""
        asked = plan.request
        self._touch(f"{self._source}/{asked['cluster']}/{asked['service']}")
        self._grace.note(plan)
        try:
            receipt = self._send(asked)
            return Receipt({**receipt.data, "at": self._clock.now()})
        except errors.ActionFailed as error:
            raise errors.ActionFailed(f"{error.message}{self._and_now(asked)}", error.hint) from error

    def _send(self, asked: dict[str, Any]) -> Receipt:
        ecs, code_deploy = self._clients.ecs, self._clients.code_deploy
        match asked["operation"]:
            case Call.STOP:
                ecs.write("StopServiceDeployment", serviceDeploymentArn=asked["deploy"], stopType="ROLLBACK")
                return Receipt({"deploy": asked["deploy"]})
            case Call.HOOK:
                action = asked.get("action", "ROLLBACK")  # the API's own default is CONTINUE
                ecs.write(
                    "ContinueServiceDeployment",
                    serviceDeploymentArn=asked["deploy"],
                    hookId=asked["hookId"],
                    action=action,
                )
                return Receipt({"deploy": asked["deploy"]})
            case Call.CD_STOP:
                code_deploy.write("StopDeployment", deploymentId=asked["deploy"], autoRollbackEnabled=True)
                return Receipt({"deploy": asked["deploy"]})
            case Call.CD_CREATE:
                answer = code_deploy.write(
                    "CreateDeployment",
                    applicationName=asked["application"],
                    deploymentGroupName=asked["group"],
                    revision=asked["revision"],
                    description=asked["description"],
                )
                return Receipt({"deploy": str(answer.get("deploymentId", ""))})
            case _:
                what: dict[str, Any] = {} if asked.get("force") else {"taskDefinition": asked["to"]}
                if asked.get("force") or asked.get("anew"):  # else ECS starts no deploy of what it has already
                    what["forceNewDeployment"] = True
                answer = ecs.write("UpdateService", cluster=asked["cluster"], service=asked["service"], **what)
                made = answer.get("service", {}).get("deployments", [])
                first = next((str(d.get("id", "")) for d in made if d.get("status") == "PRIMARY"), "")
                return Receipt({"deployment": first})

    def _and_now(self, asked: dict[str, Any]) -> str:
        """Return where the deploy stands after a refusal by AWS, because somebody else may have been first."""
        try:
            if asked["operation"] in (Call.STOP, Call.HOOK):
                found = ecs_seen.read_deploy(self._clients.ecs, asked["deploy"])
                state = rows.STATES.get(found.status, DeployState.UNKNOWN).value if found else "gone"
                return f"; the deploy is {state} now"
            if asked["operation"] == Call.CD_STOP:
                return f"; the deployment is {cd.read_one(self._clients.code_deploy, asked['deploy']).status} now"
        except errors.SourceError:
            pass
        return ""

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read what became of it. Raises SourceError where that cannot be read now."""
        self._touch(f"{self._source}/{plan.request['cluster']}/{plan.request['service']}")
        try:
            return ecs_verify.verify(self._clients, self._known, plan, receipt, self._grace)
        except errors.Refused as error:  # the service is gone
            return ecs_verify.failed(error.message)


class RollBack(EcsHandler):
    """The handler of ``roll back`` on services and deploys."""

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Return past revisions, newest first, then ACTIVE ones never seen running. Raises Refused."""
        seen, facts = self._see(target, board, stopped=False)
        family: tuple[Candidate, ...] = ()
        if facts.controller == "ECS" and facts.target is not None:
            try:
                found = ecs_seen.read_family(self._clients.ecs, self._known, facts.target.task_definition)
                family = tuple(ecs_facts.fared(self._known, seen, Candidate(revision=r)) for r in found)
            except errors.SourceError:
                family = ()
        return ecs_plan.choices(facts, family, rollback.decide(facts).to)

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read, decide, and say it. Raises Refused with the reason where it cannot or should not be done."""
        seen, facts = self._see(ask.target, board, ask.choice)
        self._as_was_seen(ask, board, seen)
        decision = rollback.decide(facts)
        if decision.call is None:
            raise errors.Refused(decision.why, decision.hint, decision.ways)
        return ecs_plan.plan(self._source, seen, facts, decision, self._known, ask, self._act_profile)
