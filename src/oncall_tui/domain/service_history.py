"""The one history of a service's deploys and rollbacks: what became of each, and by whom. Pure.

AWS tells that a deploy was rolled back, not by whom; this machine's journal tells what was asked for from here. Both
together give each deploy how it ended, once: every surface reads it from the deploy itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import WENT_BACK, Deploy, DeployRollback, DeployState
from oncall_tui.domain.revision import Revision

BREAKER, ALARM = "the circuit breaker", "an alarm"
USER = "an unknown user"  # AWS says that somebody asked for it, and not who
SHOWS_WITHIN_S = 600.0  # a deploy that was asked for begins within this, or it is another one
_MAKES_ANOTHER = ("CodeDeploy", "deployments[]")
_NOT_PEOPLE = ("codeDeployRollback",)


class PastAction(msgspec.Struct, frozen=True, kw_only=True):
    """One write to a service's deploys that was sent from this machine. *at* in seconds since the epoch.

    *deploy* is the deploy that was the newest when it was planned (ARN or id), *after* when that was created;
    *within*: it is that deploy which goes back, and no new one. *made* is the id of the deploy that the write made,
    where the answer told it. *from_arn* and *to* are task definitions.
    """

    plan: str
    verb: Verb
    service_id: str
    by: str
    at: float
    deploy: str = ""
    after: float = 0.0
    within: bool = False
    from_arn: str = ""
    to: str = ""
    made: str = ""


def deploy_history(
    deploys: Iterable[Deploy], past_actions: Sequence[PastAction], name_of: Callable[[str], str] = str
) -> tuple[Deploy, ...]:
    """*deploys* of one service, each with how it was rolled back, by whom, and who began it; newest first.

    *past_actions* are those of the service, in any order. *name_of* gives a person whom AWS calls otherwise the name
    that the journal has.
    """
    rows = sorted(deploys, key=lambda d: -d.started)
    makers = _makers(rows, past_actions)
    rows = [_who(d, makers.get(d.id), name_of) for d in rows]
    return tuple(_told(at, rows, past_actions) for at in range(len(rows)))


def cause(deploy: Deploy) -> str:
    """Name what made ECS take it back, as far as ECS says; empty: it says nothing."""
    return cause_of(deploy.reason, deploy.breaker)


def cause_of(reason: str, breaker: str = "") -> str:
    """The same of ECS's *reason*, and how full its circuit breaker was."""
    reason = reason.lower()
    failed, _, threshold = breaker.partition("/")
    if "breaker" in reason:
        return BREAKER
    if "alarm" in reason:
        return ALARM
    if "user" in reason and "request" in reason:
        return USER
    full = failed.isdigit() and threshold.isdigit() and int(failed) >= int(threshold)
    return BREAKER if full and "requested" not in reason else ""


def _who(deploy: Deploy, past_action: PastAction | None, name_of: Callable[[str], str]) -> Deploy:
    """The deploy with who began it. Who registered the old task definition did not roll back to it."""
    if past_action is not None:
        return msgspec.structs.replace(
            deploy, started_by=past_action.by, verb=past_action.verb, old=_left(deploy, past_action)
        )
    if deploy.goes_back and (deploy.read_from != "CodeDeploy" or deploy.started_by in _NOT_PEOPLE):
        return msgspec.structs.replace(deploy, started_by="")
    name = name_of(deploy.started_by)
    return deploy if name == deploy.started_by else msgspec.structs.replace(deploy, started_by=name)


def _left(deploy: Deploy, past_action: PastAction) -> Revision | None:
    """Return the replaced revision: the planned one, where AWS names none, or only the new one itself."""
    if past_action.from_arn in ("", deploy.new.task_definition) or (deploy.old and not _same(deploy.old, deploy.new)):
        return deploy.old
    return Revision(task_definition=past_action.from_arn)


def _makers(rows: Sequence[Deploy], past_actions: Iterable[PastAction]) -> dict[str, PastAction]:
    """Return each deploy's write from this machine. One write makes one deploy: the first that fits."""
    found: dict[str, PastAction] = {}
    for past_action in sorted(past_actions, key=lambda d: d.at):
        mine = [d for d in reversed(rows) if d.id not in found]
        if (
            past_action.within
        ):  # ECS goes back in the deploy itself; CodeDeploy, and a list without history, show another one
            mine = [d for d in mine if d.goes_back and d.read_from in _MAKES_ANOTHER]
        named = next((d for d in mine if past_action.made and d.native_id == past_action.made), None)
        made = named or next((d for d in mine if _fits(past_action, d)), None)
        if made is not None:
            found[made.id] = past_action
    return found


def _fits(past_action: PastAction, deploy: Deploy) -> bool:
    if past_action.to != deploy.new.task_definition or past_action.deploy == deploy.native_id:
        return False
    return (
        past_action.after < deploy.started <= past_action.at + SHOWS_WITHIN_S
        and deploy.started >= past_action.at - SHOWS_WITHIN_S
    )


def _told(at: int, rows: Sequence[Deploy], past_actions: Sequence[PastAction]) -> Deploy:
    """The deploy at this place with how it was taken back: within itself, or by a later one."""
    deploy = rows[at]
    back = _within(deploy, rows[:at], past_actions) if deploy.state in WENT_BACK else _by_later(deploy, rows[:at])
    if back is None:
        return deploy
    again = next((d for d in reversed(rows[:at]) if _again(d, deploy, back)), None)
    if again is not None:
        back = msgspec.structs.replace(back, again_at=again.started, again_by=again.started_by)
    return msgspec.structs.replace(deploy, taken_back=back)


def _within(deploy: Deploy, later: Sequence[Deploy], past_actions: Iterable[PastAction]) -> DeployRollback:
    past_action = max(
        (d for d in past_actions if d.within and d.deploy == deploy.native_id), key=lambda d: d.at, default=None
    )
    doer = next((d for d in reversed(later) if d.goes_back and d.old and _same(d.old, deploy.new)), None)
    if deploy.read_from != "CodeDeploy":
        doer = None  # ECS goes back within the deploy; CodeDeploy makes another one for it
    by = past_action.by if past_action else cause(deploy)
    return DeployRollback(
        state=deploy.state,
        to=deploy.rollback_to or (doer.new.short if doer else "") or (deploy.old.short if deploy.old else ""),
        by=by,
        began=past_action.at if past_action else None,
        ended=None if deploy.state.running else (doer.finished if doer and doer.finished else deploy.finished),
        deploy=doer.id if doer else "",
    )


_ENDS = {
    DeployState.SUCCEEDED: DeployState.ROLLED_BACK,
    DeployState.FAILED: DeployState.ROLLBACK_FAILED,
    DeployState.ROLLED_BACK: DeployState.ROLLBACK_FAILED,
    DeployState.ROLLBACK_FAILED: DeployState.ROLLBACK_FAILED,
}


def _by_later(deploy: Deploy, later: Sequence[Deploy]) -> DeployRollback | None:
    """Return the rollback by the next deploy of another revision, where that one left this deploy's revision.

    What was overtaken took nothing back, and what only renewed the same revision's tasks changed nothing.
    """
    others = (d for d in reversed(later) if d.state is not DeployState.STOPPED and not _same(d.new, deploy.new))
    doer = next(others, None)
    if doer is None or not (doer.goes_back or doer.verb is Verb.ROLL_BACK) or deploy.goes_back:
        return None
    if doer.old is not None and not _same(doer.old, deploy.new):
        return None
    return DeployRollback(
        state=DeployState.ROLLING_BACK if doer.state.running else _ENDS.get(doer.state, DeployState.UNKNOWN),
        to=doer.new.short,
        by=doer.started_by,
        began=doer.started,
        ended=None if doer.state.running else doer.finished,
        deploy=doer.id,
    )


def _again(later: Deploy, deploy: Deploy, back: DeployRollback) -> bool:
    """Tell whether *later* puts the revision there again that was taken back."""
    return later.id != back.deploy and _same(later.new, deploy.new) and later.started > (back.began or deploy.started)


def _same(one: object, other: object) -> bool:
    return getattr(one, "task_definition", "") == getattr(other, "task_definition", None)


class DeployHistories:
    """The histories of all services; rows that did not change stay the same objects. One thread's own."""

    def __init__(self, name_of: Callable[[str], str] = str) -> None:
        self._name_of = name_of
        self._known: dict[str, tuple[tuple[Deploy, ...], tuple[PastAction, ...], tuple[Deploy, ...]]] = {}

    def apply(
        self, deploys: Mapping[str, Deploy], past_actions: Mapping[str, Sequence[PastAction]]
    ) -> dict[str, Deploy]:
        """Every deploy by id, in its order; *past_actions* by service."""
        of: dict[str, list[Deploy]] = {}
        for deploy in deploys.values():
            of.setdefault(deploy.service_id, []).append(deploy)
        told: dict[str, Deploy] = {}
        known: dict[str, tuple[tuple[Deploy, ...], tuple[PastAction, ...], tuple[Deploy, ...]]] = {}
        for service, rows in of.items():
            mine, done = tuple(rows), tuple(past_actions.get(service, ()))
            old = self._known.get(service)
            if old is None or old[1] != done or len(old[0]) != len(mine) or not all(map(_is, old[0], mine)):
                kept = {d.id: d for d in old[2]} if old else {}
                made = deploy_history(mine, done, self._name_of)
                old = (mine, done, tuple(kept[d.id] if kept.get(d.id) == d else d for d in made))
            known[service] = old
            told.update((d.id, d) for d in old[2])
        self._known = known
        return {i: told[i] for i in deploys}


def _is(one: object, other: object) -> bool:
    return one is other
