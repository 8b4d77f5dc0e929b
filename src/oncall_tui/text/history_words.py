"""The one place that words what happened to a deploy. Every surface says it with these. Pure.

An arrow is always old → new of that deploy; a rollback is told as what happened to it:
``:41→:42, rolled back to :41 by Alice 05:16``. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from datetime import tzinfo

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import WENT_BACK, Deploy, DeployRollback, DeployState
from oncall_tui.domain.service_history import cause
from oncall_tui.text.time_format import moment

_ARROW = r":? (\S+)→(\S+)"
UNKNOWN = "unknown"  # said where a person's name would stand
_NOUNS = {Verb.UNDO_ROLLBACK: "redeploy", Verb.RESTART: "restart"}


def noun(deploy: Deploy) -> str:
    """``deploy``, ``rollback``, ``redeploy`` (of what was rolled back) or ``restart``."""
    if deploy.verb in _NOUNS:
        return _NOUNS[deploy.verb]
    return "rollback" if deploy.goes_back or (deploy.verb is Verb.ROLL_BACK and not deploy.forward) else "deploy"


def named(deploy: Deploy) -> str:
    """``:41→:42``; ``rollback :42→:41`` where the deploy is no plain one."""
    word = noun(deploy)
    return deploy.arrow if word == "deploy" else f"{word} {deploy.arrow}"


def deploy_status(deploy: Deploy, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """Say how it ended, or stands: ``rolled back to :41 by Alice 05:16``. Without *tz* no time is said."""
    return ended(deploy.state, back_of(deploy), tz, now)


def ended(state: str, back: DeployRollback | None, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """The same of a state and how it was taken back (None: it was not)."""
    if back is None:
        return str(state)
    return rollback_status(back, tz, now) if state in WENT_BACK else f"{state}, {rollback_status(back, tz, now)}"


def _only_state(deploy: Deploy) -> DeployRollback | None:
    """Return the words for a deploy whose history is not known yet."""
    if deploy.state not in WENT_BACK:
        return None
    to = deploy.rollback_to or (deploy.old.short if deploy.old else "")
    return DeployRollback(state=deploy.state, to=to, by=cause(deploy), ended=deploy.finished)


def rollback_status(back: DeployRollback, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """``rolling back to :41 by Alice since 05:15``, ``rolled back …``, ``the rollback to :41 by Alice failed``."""
    to, doer = f" to {back.to}" if back.to else "", f" {by(back.by)}"
    if back.state is DeployState.ROLLING_BACK:
        words = f"rolling back{to}{doer}{_at(back.began, tz, now, ' since')}"
    elif back.state is DeployState.ROLLED_BACK:
        words = f"rolled back{to}{doer}{_at(back.ended, tz, now)}"
    elif back.state is DeployState.ROLLBACK_FAILED:
        words = f"the rollback{to}{doer} failed{_at(back.ended, tz, now)}"
    else:
        words = f"a rollback{to}{doer} was begun{_at(back.began, tz, now)}; how it ended is not known"
    if back.again_at is not None:
        words += f", deployed again {by(back.again_by)}{_at(back.again_at, tz, now)}"
    return words


def back_of(deploy: Deploy) -> DeployRollback | None:
    """Return how it was rolled back, as far as it is known; None: it was not."""
    return deploy.taken_back or _only_state(deploy)


def deploy_summary(deploy: Deploy, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """Say the whole: ``:41→:42, rolled back to :41 by Alice 05:16``."""
    return f"{named(deploy)}, {deploy_status(deploy, tz, now)}"


def step_summary(deploy: Deploy) -> str:
    """``2/4 running, 10 % traffic, 3 tasks stopped``: how far it is."""
    parts = [f"{deploy.progress} running", deploy.stage.lower()]
    parts += [f"{deploy.traffic:.0f} % traffic"] if deploy.traffic is not None else []
    parts += [stopped(deploy.failed_tasks)] if deploy.failed_tasks else []
    return ", ".join(part for part in (*parts, deploy.waits) if part)


def by(who: str) -> str:
    """``by Alice``, ``by unknown``: nobody is left out in silence, as if there were none to ask."""
    return f"by {who or UNKNOWN}"


def began_by(deploy: Deploy) -> str:
    """Name who began it."""
    return by(deploy.started_by)


def going_back(title: str) -> str:
    """``Roll back prod/api from :42 to :41`` of a plan's title: an arrow is kept for what a deploy brings."""
    return re.sub(_ARROW, r" from \1 to \2", title, count=1)


def stopped(count: int) -> str:
    """``1 task stopped``, ``128 tasks stopped``."""
    return f"{count} task{'' if count == 1 else 's'} stopped"


def breaker(deploy: Deploy) -> str:
    """``breaker at 68 of 200 failures``: how near ECS's circuit breaker is; empty where none counts."""
    failed, _, most = deploy.breaker.partition("/")
    return f"breaker at {failed} of {most} failures" if most else ""


def _at(at: float | None, tz: tzinfo | None, now: float, word: str = "") -> str:
    return "" if at is None or tz is None else f"{word} {moment(at, tz, now)}"
