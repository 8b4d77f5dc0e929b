"""What rolling back a service would be: which call, to which revision, or why not. Pure, so that it can be a table.

Rules from the ECS API reference (StopServiceDeployment, UpdateService, ServiceDeployment) and the developer guide's
"Stop Amazon ECS service deployments"; where ECS's behaviour is only reported by others, the words say less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from oncall_tui.domain.revision import Revision
from oncall_tui.providers.aws import ecs_decode as w

ROLLING_BACK = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
IN_PROGRESS = ("PENDING", "IN_PROGRESS")


class Call(StrEnum):
    """The call that does it."""

    STOP = "StopServiceDeployment"
    UPDATE = "UpdateService"


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier successful deploy: what it put there, and from when until when that ran well."""

    deploy: str
    revision: Revision
    since: float
    until: float


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a service just now. *history* is newest first, without the newest deploy itself.

    *deploy* is the newest service deployment's ARN, *status* its API word, *source* what ran before it (None: a first
    deploy), *target* what it puts there, *going_back* why it is itself a rollback, *choice* a task definition's ARN.
    """

    now: float
    controller: str = "ECS"
    service_status: str = "ACTIVE"
    deploy: str = ""
    status: str = ""
    stage: str = ""
    waiting_hook: str = ""
    reason: str = ""
    source: Revision | None = None
    target: Revision | None = None
    went_back_to: Revision | None = None
    began: float = 0.0
    by: str = ""
    going_back: str = ""
    history: tuple[Past, ...] = ()
    choice: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """*call* None: refused, *why* says the reason. Else go *to*, away from *frm*; *warnings* are to be read first."""

    call: Call | None
    why: str = ""
    frm: Revision | None = None
    to: Revision | None = None
    warnings: tuple[str, ...] = ()


def no(why: str) -> Decision:
    """Refused."""
    return Decision(call=None, why=why)


def decide(facts: Facts) -> Decision:
    """What to call to roll back, or why not."""
    if facts.controller == "CODE_DEPLOY":
        return no("CodeDeploy deploys this service: roll back there (UpdateService is rejected)")
    if facts.controller != "ECS":
        return no(f"the {facts.controller} controller deploys this service: roll back there")
    if facts.service_status != "ACTIVE":
        return no(f"the service is {facts.service_status or 'not there'}")
    if not facts.deploy or facts.target is None:
        return no("no deploy of this service can be read, so what ran before is not known")
    if facts.status in ROLLING_BACK:
        to = f" to {facts.went_back_to.short}" if facts.went_back_to else ""
        return no(f"a rollback{to} is under way" + (f": {facts.reason}" if facts.reason else ""))
    if facts.status == "STOP_REQUESTED":
        return no("this deploy is being stopped: act on the newer one")
    if facts.status in IN_PROGRESS:
        return _under_way(facts, facts.target)
    return _finished(facts, facts.target)


def _under_way(facts: Facts, target: Revision) -> Decision:
    if facts.going_back:
        back = f"; stopping it would bring {facts.source.short} back" if facts.source else ""
        return no(f"this deploy is itself a rollback: {_who(facts)}{back}")
    if facts.waiting_hook:
        return no(
            f"the deploy is paused and waits for an answer to its hook {facts.waiting_hook}: "
            "answer it with ContinueServiceDeployment, action ROLLBACK"
        )
    if facts.source is None:
        return no("this is the service's first deploy: nothing ran before it")
    if facts.stage == "CLEAN_UP":
        return no("the old tasks are being removed already: wait for the deploy's end, then roll back")
    if facts.choice and facts.choice != facts.source.task_definition:
        return no(f"a deploy under way goes back to what ran before it, {facts.source.short}, and nowhere else")
    warnings = []
    good = facts.history[0].revision if facts.history else None
    if good is not None and good.task_definition != facts.source.task_definition:
        warnings.append(f"ECS goes back to the last deploy that succeeded, which may be {good.short}")
    if facts.source.task_definition == target.task_definition:
        warnings.append(f"both are {target.short}: this deploy only renews its tasks")
    return Decision(call=Call.STOP, frm=target, to=facts.source, warnings=tuple(warnings))


def _finished(facts: Facts, target: Revision) -> Decision:
    current = target
    if facts.status == "ROLLBACK_SUCCESSFUL":
        current = facts.went_back_to or facts.source or target
        if not facts.choice:
            return no(f"it was rolled back to {current.short} already" + (f": {facts.reason}" if facts.reason else ""))
    if facts.choice:
        return _chosen(facts, current)
    if facts.going_back:
        bad = facts.source.short if facts.source else "what it replaced"
        return no(f"the last deploy was itself a rollback: {_who(facts)}; before it ran {bad}, which it was to undo")
    if facts.source is None and not facts.history:
        return no("this is the service's first deploy: nothing ran before it")
    warnings: list[str] = []
    to = facts.source
    if to is not None and to.task_definition == current.task_definition:
        if _other_digest(to, current):
            return no(
                f"before and after are both {current.short}, with another image under the same tag: "
                "UpdateService cannot bring the old image back; deploy it by its digest"
            )
        warnings.append(f"the last deploy only renewed {current.short}; this goes back to what ran before that")
        to = None
    to = to or next((p.revision for p in facts.history if p.revision.task_definition != current.task_definition), None)
    if to is None:
        return no(f"no earlier deploy of another task definition than {current.short} succeeded in the last 90 days")
    return _update(current, to, warnings)


def _chosen(facts: Facts, current: Revision) -> Decision:
    known = [p.revision for p in facts.history] + ([facts.source] if facts.source else [])
    to = next((r for r in known if r.task_definition == facts.choice), None)
    if to is None:
        return no(f"{facts.choice.rsplit('/', 1)[-1]} never ran well in this service, as far as can be read")
    if to.task_definition == current.task_definition:
        return no(f"{current.short} is what runs")
    warnings = []
    if facts.going_back and facts.source and to.task_definition == facts.source.task_definition:
        warnings.append(f"the last deploy went back from {to.short}: this brings it again")
    return _update(current, to, warnings)


def _update(current: Revision, to: Revision, warnings: list[str]) -> Decision:
    if to.status == "INACTIVE":
        return no(f"{to.short} is INACTIVE (deregistered): ECS will not start it; register it anew and deploy that")
    if to.status == "DELETED":
        return no(f"{to.short} is deleted")
    tags = {i.image for i in to.images if "@sha256:" not in i.image} & {i.image for i in current.images}
    for image in sorted(tags):
        warnings.append(
            f"both name {image.rsplit('/', 1)[-1]}: whatever that tag means now is started, not the old image"
        )
    return Decision(call=Call.UPDATE, frm=current, to=to, warnings=tuple(warnings))


def _other_digest(one: Revision, other: Revision) -> bool:
    digests = {i.container: i.digest for i in one.images if i.digest}
    return any(digests.get(i.container, i.digest) != i.digest for i in other.images if i.digest)


def _who(facts: Facts) -> str:
    by = f", by {facts.by}" if facts.by else ""
    return f"{facts.going_back}, {ago(facts.now - facts.began)} ago{by}"


# --- knowing a rollback when one is seen ------------------------------------------------------------------------------


def source_of(made: w.ServiceDeploymentW, briefs: Sequence[w.BriefW]) -> str:
    """The service revision that ran before *made*. Where several did (it overtook a deploy), one that succeeded."""
    found = [s for s in made.source_service_revisions if s.arn and s.arn != made.target_arn]
    good = {b.target_service_revision_arn for b in briefs if b.status == "SUCCESSFUL"}
    best = sorted(found, key=lambda s: (s.arn not in good, -s.running_task_count))
    return best[0].arn if best else ""


def goes_back(made: w.ServiceDeploymentW, briefs: Sequence[w.BriefW], definition_of: Callable[[str], str]) -> str:
    """Why *made* is itself a rollback; empty: it is none that can be known.

    It is one where ECS says so, or where it puts back a task definition that an older deploy had put there well. The
    same task definition as before is a forced redeploy, and a higher number of the same family is a way forward again.
    """
    if made.rollback is not None and (made.status in ROLLING_BACK or made.status.startswith("ROLLBACK")):
        to = short(definition_of(made.rollback.service_revision_arn))
        return f"going back to {to}" if to else "going back"
    to, frm = definition_of(made.target_arn), definition_of(source_of(made, briefs))
    if not to or not frm or to == frm or _forward(frm, to):
        return ""
    earlier = (b for b in briefs if b.status == "SUCCESSFUL" and b.created_at < made.created_at)
    ran = any(definition_of(b.target_service_revision_arn) == to for b in earlier)
    return f"going back to {short(to)}" if ran else ""


def _forward(frm: str, to: str) -> bool:
    (family, _, old), (other, _, new) = frm.rpartition(":"), to.rpartition(":")
    return family == other and old.isdigit() and new.isdigit() and int(new) > int(old)


def short(task_definition: str) -> str:
    """``:41``; empty for an empty name."""
    return Revision(task_definition=task_definition).short if task_definition else ""


def ago(seconds: float) -> str:
    """``12 s``, ``3m``, ``6d``."""
    seconds = max(0.0, seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f} s"
