"""A deploy as JSON: the object of ``deploys --json``, and how a deploy was rolled back, as every command has it."""

from __future__ import annotations

import msgspec

from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.text.history_words import back_of, deploy_summary, noun
from oncall_tui.text.json_types import JsonTime
from oncall_tui.text.time_format import rfc3339, stamp


class RolledBackOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How a deploy was rolled back. *deploy* did it (null: ECS, within the same one); *again*: deployed anew."""

    state: DeployState
    to: str
    by: str | None
    began: JsonTime | None
    ended: JsonTime | None
    deploy: str | None
    again: JsonTime | None
    again_by: str | None


class StoppedTaskOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A task that stopped; *exit* is null where no container had an exit code."""

    task: str
    at: JsonTime
    exit: int | None
    reason: str


class DeployOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A deploy. *kind*: deploy, rollback, redeploy or restart; *says* is all of it in one sentence."""

    id: str
    service: str
    state: DeployState
    strategy: str
    stage: str
    from_: str | None = msgspec.field(name="from")
    to: str
    started: JsonTime
    finished: JsonTime | None
    running: int
    desired: int
    traffic_percent: float | None
    waits: str
    failed_tasks: int
    failures: tuple[StoppedTaskOutput, ...]
    alarms: tuple[str, ...]
    kind: str
    started_by: str | None
    rolled_back: RolledBackOutput | None
    says: str
    reason: str


def deploy_output(deploy: Deploy) -> DeployOutput:
    """Return one deploy as the documented object."""
    failures = (
        StoppedTaskOutput(task=f.task, at=rfc3339(f.at), exit=f.exit_code, reason=f.reason) for f in deploy.failures
    )
    return DeployOutput(
        id=deploy.id,
        service=deploy.service_id,
        state=deploy.state,
        strategy=deploy.strategy,
        stage=deploy.stage,
        from_=deploy.old.family_revision if deploy.old else None,
        to=deploy.new.family_revision,
        started=rfc3339(deploy.started),
        finished=stamp(deploy.finished),
        running=deploy.running,
        desired=deploy.desired,
        traffic_percent=deploy.traffic,
        waits=deploy.waits,
        failed_tasks=deploy.failed_tasks,
        failures=tuple(failures),
        alarms=deploy.alarms,
        kind=noun(deploy),
        started_by=deploy.started_by or None,
        rolled_back=rolled_back(deploy),
        says=deploy_summary(deploy),
        reason=deploy.reason,
    )


def rolled_back(deploy: Deploy) -> RolledBackOutput | None:
    """Return how it was rolled back; None: it was not."""
    back = back_of(deploy)
    if back is None:
        return None
    return RolledBackOutput(
        state=back.state,
        to=back.to,
        by=back.by or None,
        began=stamp(back.began),
        ended=stamp(back.ended),
        deploy=back.deploy or None,
        again=stamp(back.again_at),
        again_by=back.again_by or None,
    )
