"""How often a service is read again: the longer it did not change, the more seldom. Pure.

Times are monotonic seconds. A deploy that is young and moves is *lively*; the pace of all others is bounded together
(``fair_share.paces``), so that deploys which never end cost little.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.poll.fair_share import Purpose
from oncall_tui.runtime.clock import Instant

MOVING_S = 3.0
STILL_S = 10.0  # after ten minutes without a movement
VERY_STILL_S = 30.0  # after an hour
UNWELL_S = 15.0  # fewer tasks than wanted, and nothing deploys
YOUNG_S = 600.0
DESCRIBE_CALLS = 1 / 20  # for each service, each time: twenty deploys go into one call
CODE_DEPLOY_CALLS = 2.0
LIVELY_S = 60.0  # a young deploy that did not move for so long is not lively


class RolloutProgress(msgspec.Struct, frozen=True):
    """A rollout as the answers show it. *marks* differ where it moved, one of each answer (empty: not read yet);
    *extra* are the calls that it costs each time besides DescribeServices.
    """

    id: str
    marks: tuple[tuple[object, ...], ...]
    began: float
    changed: float  # when the other side says that it last changed
    extra: float = 0.0


class Attention(msgspec.Struct, frozen=True):
    """A service's movements: its *rollout* (None: it lacks tasks), and the last time it moved."""

    rollout: RolloutProgress | None
    counts: tuple[int, ...]
    moved_at: float
    every: float
    lively: bool = False

    @property
    def extra(self) -> float:
        return self.rollout.extra if self.rollout else 0.0


def every_s(still_s: float) -> float:
    """Return the seconds between two reads of a service that did not move for *still_s* seconds."""
    return max(MOVING_S, min(STILL_S, still_s / 60), min(VERY_STILL_S, still_s / 120))


def progress(
    service: w.EcsService, details: Iterable[w.EcsServiceDeployment], code_deploy: tuple[object, ...], now: Instant
) -> RolloutProgress:
    """Return the rollout of a service that deploys; *details* are those of its deploys that have not ended."""
    parts: list[w.EcsDeployment | w.EcsTaskSet] = [*service.deployments, *service.task_sets]
    began = max((p.created_at for p in parts), default=now.wall)
    changed = max((p.updated_at or p.created_at for p in parts), default=now.wall)
    counts = tuple((p.id, p.status, p.running_count, p.pending_count) for p in parts)
    states = tuple((d.desired_count, d.failed_tasks, d.rollout_state) for d in service.deployments)
    stages = tuple((d.status, d.lifecycle_stage, *(h.status for h in d.lifecycle_hook_details)) for d in details)
    return RolloutProgress(
        id=parts[0].id if parts else "",
        marks=(counts, states, stages, code_deploy),
        began=now.due - max(0.0, now.wall - began),
        changed=now.due - max(0.0, now.wall - changed),
        extra=CODE_DEPLOY_CALLS if service.controller == "CODE_DEPLOY" else DESCRIBE_CALLS,
    )


def of_rollout(before: Attention | None, rollout: RolloutProgress, now: float, first: bool) -> Attention:
    """Return the attention for a rollout that was just read; *first*: the service was never read before."""
    if before is not None and before.rollout is not None and not _moved(before.rollout, rollout):
        moved = before.moved_at
    else:
        moved = min(now, rollout.changed) if first else now
    still = now - moved
    lively = now - rollout.began < YOUNG_S and still < LIVELY_S
    return Attention(rollout, (), moved, every_s(still), lively)


def _moved(before: RolloutProgress, after: RolloutProgress) -> bool:
    return before.id != after.id or any(
        old != new for old, new in zip(before.marks, after.marks, strict=True) if old and new
    )


def of_unwell(before: Attention | None, counts: tuple[int, ...], now: float) -> Attention:
    """Return the attention for a service that lacks tasks, and deploys nothing."""
    same = before is not None and before.rollout is None and before.counts == counts
    moved = before.moved_at if before is not None and same else now
    return Attention(None, counts, moved, max(UNWELL_S, every_s(now - moved)))


def purpose(care: Attention | None, focus: bool) -> Purpose:
    """Return what a re-read of the service's deploys is for."""
    if focus:
        return Purpose.FOCUS
    return Purpose.LIVELY if care is not None and care.lively else Purpose.LINGERING


def is_new(before: Attention | None, rollout: RolloutProgress | None) -> bool:
    """Return whether *rollout* was not there when the service was last read."""
    known = before.rollout.id if before is not None and before.rollout is not None else ""
    return rollout is not None and rollout.id != known
