"""The decision of a rollback: the call and the revision, or a refusal. Pure, so that it can be a table.

Rules from the ECS API reference (StopServiceDeployment, ContinueServiceDeployment, UpdateService, ServiceDeployment),
the developer guide's "Stop Amazon ECS service deployments", and the CodeDeploy API reference (StopDeployment,
CreateDeployment, DeploymentInfo). Where a behaviour is only reported by others, the words say less.
"""

from __future__ import annotations

from oncall_tui.domain.revision import Revision
from oncall_tui.errors import WayOut
from oncall_tui.providers.aws.ecs.rollback.decision_table import Call, Decision, RollbackInputs, Rule
from oncall_tui.providers.aws.ecs.rollback.history import Candidate, best
from oncall_tui.text.time_format import span

ROLLING_BACK = ("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS")
IN_PROGRESS = ("PENDING", "IN_PROGRESS")
ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")
CD_OPEN = ("Created", "Queued", "InProgress", "Baking", "Ready")
CD_ENDED = ("Succeeded", "Failed", "Stopped")
REMEMBERED_S = 90 * 86_400.0
NEVER_RAN = "ACTIVE revisions of its family can be picked, never seen running"


def decide(facts: RollbackInputs) -> Decision:
    """Decide the call that rolls back, or the refusal."""
    if facts.service_status != "ACTIVE":
        return _no(Rule.INACTIVE, f"the service is {facts.service_status or 'not there'}")
    if facts.controller == "EXTERNAL":
        return _external(facts)
    if facts.unreadable:
        return _no(Rule.UNREADABLE, f"what ran before cannot be read: {facts.unreadable}")
    if facts.controller not in ("ECS", "CODE_DEPLOY"):
        return _no(Rule.UNREADABLE, f"oncall-tui does not know the controller {facts.controller}", "roll back there")
    if facts.target is None or not (facts.deploy or facts.target.task_definition):
        return _no(Rule.UNREADABLE, "no deploy of this service can be read, so what ran before is not known")
    return _code_deploy(facts, facts.target) if facts.controller == "CODE_DEPLOY" else _ecs(facts, facts.target)


def _no(line: Rule, why: str, hint: str = "", *ways: WayOut) -> Decision:
    return Decision(line=line, call=None, why=why, hint=hint, ways=ways)


def _ecs(facts: RollbackInputs, target: Revision) -> Decision:
    if facts.status in ROLLING_BACK:
        to = f" to {facts.went_back_to.short}" if facts.went_back_to else ""
        return _no(Rule.GOING_BACK, f"a rollback{to} is under way" + _because(facts.reason), "", WayOut.FOLLOW)
    if facts.status == "STOP_REQUESTED":
        return _no(Rule.STOPPING, "this deploy is being stopped: act on the newer one")
    if facts.status in IN_PROGRESS:
        return _under_way(facts, target)
    if facts.status in ENDED:
        return _finished(facts, target)
    if not facts.deploy:
        return _quiet(facts, target)
    return _no(Rule.UNREADABLE, f"ECS calls this deploy {facts.status or 'nothing'}, which oncall-tui does not know")


# --- a deploy under way -----------------------------------------------------------------------------------------------


def _under_way(facts: RollbackInputs, target: Revision) -> Decision:
    if facts.going_back:
        bad = _replaced(facts, target)
        back = f"; stopping it restores {bad}" if bad else ""
        return _no(Rule.IS_ROLLBACK, f"this deploy is itself a rollback: {_who(facts)}{back}", "", WayOut.UNDO)
    if facts.source is None and not facts.candidates:
        return _no(Rule.FIRST, "this is the service's first deploy: nothing ran before it")
    if facts.stage == "CLEAN_UP":
        return _no(Rule.CLEAN_UP, "the old tasks are being removed already", "", WayOut.AGAIN)
    wanted = _wanted(facts)
    if isinstance(wanted, Decision):
        return wanted
    if not _reaches(facts, target, wanted):
        return _elsewhere(facts, target, wanted)
    line, call = Rule.PROGRESS, Call.STOP
    if facts.hook:
        line, call = Rule.PAUSED, Call.HOOK
    elif facts.stage == "BAKE_TIME":
        line = Rule.BAKING
    warnings = list(_doubts(facts, wanted))
    if facts.source is not None and facts.source.task_definition == target.task_definition:
        warnings.append(f"both are {target.short}, with another image under the same tag: ECS goes back to that image")
    return Decision(line=line, call=call, leaving=target, to=wanted, warnings=tuple(warnings))


def _replaced(facts: RollbackInputs, target: Revision) -> str:
    """``:42``, in whose place the newest deploy came; empty where ECS does not tell, or it overtook that one."""
    source = facts.source
    return source.short if source is not None and source.task_definition != target.task_definition else ""


def _reaches(facts: RollbackInputs, target: Revision, wanted: Candidate) -> bool:
    """Return whether stopping the deploy reaches the wanted revision. ECS goes back to the source revision alone."""
    if facts.source is None or (facts.unsure and facts.strategy == "ROLLING"):  # else blue still runs: it is the source
        return False
    same = wanted.revision.task_definition == facts.source.task_definition
    renewed = facts.source.task_definition == target.task_definition
    return same and (not renewed or other_digest(facts.source, target))


def _elsewhere(facts: RollbackInputs, target: Revision, wanted: Candidate) -> Decision:
    back = facts.source.short if facts.source else "nothing"
    to = wanted.revision.short
    if facts.strategy != "ROLLING" or facts.hook:
        why = f"a {facts.strategy.lower().replace('_', '/')} deploy under way goes back to {back}, and nowhere else"
        return _no(
            Rule.ELSEWHERE, f"{why}; wanted is {to}", f"go back to {back}, or wait for its end and go back to {to}"
        )
    refused = _unstartable(wanted)
    if refused is not None:
        return refused
    starts = f"this starts {to} in its place"
    warning = f"a deploy is under way, and stopping it restores {back}: {starts}"
    if facts.unsure:
        warning = f"a deploy is under way that overtook another, and what stopping it restores is not known: {starts}"
    if facts.source is not None and facts.source.task_definition == target.task_definition:
        warning = f"the deploy under way only renews {target.short}: {starts}"
    return _update(Rule.ELSEWHERE, facts, target, wanted, warning)


# --- a deploy that ended ----------------------------------------------------------------------------------------------


def _finished(facts: RollbackInputs, target: Revision) -> Decision:
    current = target
    if facts.status == "ROLLBACK_SUCCESSFUL":
        current = facts.went_back_to or facts.source or target
        if not facts.choice:
            why = f"it was rolled back to {current.short} already{_ago(facts)}{_because(facts.reason)}"
            return _no(Rule.IS_ROLLBACK, why, "another revision goes further back", WayOut.PICK)
        if facts.choice == target.task_definition:
            return _no(Rule.IS_ROLLBACK, _undoes(facts, target.short, current.short), "", WayOut.UNDO)
    elif facts.going_back:
        bad = _replaced(facts, target)
        if not facts.choice:
            why = f"the last deploy was itself a rollback: {_who(facts)}" + (f"; before it ran {bad}" if bad else "")
            return _no(Rule.IS_ROLLBACK, why, "another revision goes further back", WayOut.PICK, WayOut.UNDO)
        source = facts.source.task_definition if facts.source is not None and bad else ""
        if facts.choice in {facts.left, source} - {""}:
            left = Revision(task_definition=facts.choice).short
            return _no(Rule.IS_ROLLBACK, _undoes(facts, left, current.short), "", WayOut.UNDO)
    if facts.source is None and not facts.candidates:
        return _no(Rule.FIRST, "this is the service's first deploy: nothing ran before it")
    if facts.choice == current.task_definition:
        return _no(Rule.NOWHERE, f"{current.short} is already running")
    if not facts.choice and facts.picked in ("", facts.deploy) and _only_digest(facts, current):
        return _no(
            Rule.NOWHERE,
            f"before and after are both {current.short}, with another image under the same tag: "
            "UpdateService cannot bring the old image back",
            "deploy the old image by its digest",
            WayOut.PICK,
        )
    wanted = _wanted(facts)
    if isinstance(wanted, Decision):
        return wanted
    refused = _unstartable(wanted)
    if refused is not None:
        return refused
    return _update(Rule.FINISHED, facts, current, wanted)


def _quiet(facts: RollbackInputs, current: Revision) -> Decision:
    """Decide without a deploy in the 90 days that ECS remembers: only a revision that a person picks by name."""
    if not facts.choice:
        none = "no deploy in the 90 days that ECS remembers"
        if facts.began and facts.now - facts.began < REMEMBERED_S:
            ago = f"{span(facts.now - facts.began)} ago"
            none = f"ECS lists no deploy of this service in the 90 days that it remembers, though one began {ago}"
        return _no(
            Rule.NOWHERE,
            f"{none}: what ran before is not known",
            NEVER_RAN,
            WayOut.PICK,
        )
    if facts.choice == current.task_definition:
        return _no(Rule.NOWHERE, f"{current.short} is already running")
    wanted = _wanted(facts)
    if isinstance(wanted, Decision):
        return wanted
    return _unstartable(wanted) or _update(Rule.FINISHED, facts, current, wanted)


def _update(line: Rule, facts: RollbackInputs, current: Revision, wanted: Candidate, *warnings: str) -> Decision:
    return Decision(
        line=line,
        call=Call.UPDATE,
        leaving=current,
        to=wanted,
        warnings=(*warnings, *_doubts(facts, wanted), *same_tags(current, wanted.revision)),
        passed_over=_passed_over(facts, wanted),
    )


def _only_digest(facts: RollbackInputs, current: Revision) -> bool:
    """Return whether the last deploy changed only the image behind a tag."""
    source = facts.source
    return source is not None and source.task_definition == current.task_definition and other_digest(source, current)


def _wanted(facts: RollbackInputs) -> Candidate | Decision:
    """The candidate that was picked, or the best one."""
    if facts.choice:
        found = next((c for c in facts.candidates if c.revision.task_definition == facts.choice), None)
        if found is None:
            name = facts.choice.rsplit("/", 1)[-1]
            return _no(
                Rule.NOWHERE, f"{name} is neither of this service's history nor an ACTIVE revision of its family"
            )
        return found
    wanted = best(facts.candidates)
    if wanted is not None:
        return wanted
    gone = [c for c in facts.candidates if c.ran]
    if gone:
        names = ", ".join(f"{c.revision.short} is {c.revision.status}" for c in gone[:3])
        return _no(
            Rule.NOWHERE, f"nothing that ran before can be started: {names}", "register it anew, and deploy that"
        )
    return _no(
        Rule.NOWHERE,
        "no earlier deploy of another task definition succeeded in the 90 days that ECS remembers",
        NEVER_RAN,
        WayOut.PICK,
    )


def _unstartable(wanted: Candidate) -> Decision | None:
    if wanted.startable:
        return None
    to = wanted.revision
    return _no(
        Rule.NOWHERE,
        f"{to.short} is {to.status} (deregistered): ECS will not start it",
        "register it anew and deploy that",
    )


def _doubts(facts: RollbackInputs, wanted: Candidate) -> tuple[str, ...]:
    """Return the doubts about it, and a note, to be read, if its newest deploy did not stand."""
    fell, name = wanted.fell_last, wanted.revision.short
    told = (f"{name}: {fell.summary(facts.now)}",) if fell is not None else ()
    return (*told, *(f"{name} {doubt}" for doubt in wanted.doubts))


def _passed_over(facts: RollbackInputs, wanted: Candidate) -> tuple[str, ...]:
    """Why newer candidates were not taken; nothing where a person picked."""
    if facts.choice:
        return ()
    newer = facts.candidates[: facts.candidates.index(wanted)]
    return tuple(f"{c.revision.short} {' and '.join(c.doubts)}" for c in newer)


# --- other controllers ------------------------------------------------------------------------------------------------


def _code_deploy(facts: RollbackInputs, target: Revision) -> Decision:
    if facts.going_back and facts.choice and facts.choice == facts.undone and facts.status not in CD_OPEN:
        bad = Revision(task_definition=facts.choice).short
        return _no(Rule.CD_ROLLBACK, _undoes(facts, bad, target.short), "deploy it anew")
    if facts.going_back and (facts.status in CD_OPEN or not facts.choice):
        return _no(Rule.CD_ROLLBACK, f"CodeDeploy is rolling back, or has: {_who(facts)}", "", WayOut.FOLLOW)
    if facts.status in CD_OPEN:
        if facts.source is None:
            return _no(Rule.FIRST, "this is the service's first deploy: nothing ran before it")
        if facts.choice and facts.choice != facts.source.task_definition:
            return _no(
                Rule.CD_PROGRESS,
                f"a CodeDeploy deployment under way goes back to {facts.source.short}, and nowhere else",
            )
        to = next((c for c in facts.candidates if c.revision.task_definition == facts.source.task_definition), None)
        to = to or Candidate(revision=facts.source, source=True)
        return Decision(line=Rule.CD_PROGRESS, call=Call.CD_STOP, leaving=target, to=to, warnings=_doubts(facts, to))
    if facts.status not in CD_ENDED:
        return _no(
            Rule.UNREADABLE, f"CodeDeploy calls this {facts.status or 'nothing'}, which oncall-tui does not know"
        )
    wanted = _wanted(facts)
    if isinstance(wanted, Decision):
        if facts.source is None and not facts.candidates:
            return _no(Rule.FIRST, "CodeDeploy remembers no earlier deployment: nothing to go back to")
        return wanted
    refused = _unstartable(wanted)
    if refused is not None:
        return refused
    return Decision(
        line=Rule.CD_FINISHED,
        call=Call.CD_CREATE,
        leaving=target,
        to=wanted,
        warnings=(*_doubts(facts, wanted), *same_tags(target, wanted.revision)),
        passed_over=_passed_over(facts, wanted),
    )


def _external(facts: RollbackInputs) -> Decision:
    old = f" back to that of {facts.source.short}" if facts.source else ""
    return _no(
        Rule.EXTERNAL,
        "an external controller deploys this service, and would undo what ECS is told",
        f"roll back there; by hand: aws ecs update-task-set --scale, then update-service-primary-task-set{old}",
    )


# --- words ------------------------------------------------------------------------------------------------------------


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _ago(facts: RollbackInputs) -> str:
    """``, 5m ago by Alice``: when ECS's own rollback began, and who sent that from here."""
    ago = f", {span(facts.now - facts.went_back_at)} ago" if facts.went_back_at else ""
    return f"{ago} {facts.doer}"


def _undoes(facts: RollbackInputs, bad: str, to: str) -> str:
    """Say why it is not deployed as a rollback: ``it was rolled back from :42 to :41, 5m ago by Alice``."""
    return f"it was rolled back from {bad} to {to}{_ago(facts)}: this would undo that"


def _who(facts: RollbackInputs) -> str:
    return f"{facts.going_back}, {span(facts.now - (facts.went_back_at or facts.began))} ago, {facts.doer}"


def same_tags(current: Revision, to: Revision) -> tuple[str, ...]:
    """Warnings for images that both name by the same tag: what is started is what the tag means *now*."""
    now = {i.container: i for i in current.images}
    found = []
    for image in to.images:
        other = now.get(image.container)
        if other is None or other.image != image.image or "@sha256:" in image.image:
            continue
        if image.digest and other.digest and image.digest == other.digest:
            continue  # the very same image: the difference is elsewhere
        moved = "had another digest then" if image.digest and other.digest else "is a tag that can move"
        found.append(f"both name {image.short}, which {moved}: ECS starts what it means now, not the old image")
    return tuple(dict.fromkeys(found))


def other_digest(one: Revision, other: Revision) -> bool:
    """Return whether both run the same container from images with different digests."""
    digests = {i.container: i.digest for i in one.images if i.digest}
    return any(digests.get(i.container, i.digest) != i.digest for i in other.images if i.digest)
