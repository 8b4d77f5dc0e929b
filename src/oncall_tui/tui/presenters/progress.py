"""How far a deploy is and what is wrong with it, in words. Pure.

Where there is little room, what matters most stands first: what it waits for, what failed, traffic, tasks.
"""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.domain.deploy import BAKE_STAGE, Deploy, DeployState
from oncall_tui.domain.revision import version_arrow
from oncall_tui.domain.service_history import ALARM, BREAKER
from oncall_tui.text.history_words import back_of, breaker, deploy_status, rollback_status, stopped
from oncall_tui.text.time_format import age

_OVER = {
    DeployState.SUCCEEDED: "done",
    DeployState.ROLLBACK_FAILED: "failed",
}


def by_itself(deploy: Deploy) -> bool:
    """Return whether ECS itself rolled it back: a circuit breaker or an alarm that it named, or a full breaker."""
    back = back_of(deploy)
    return back is not None and back.by in (ALARM, BREAKER)


def state_word(deploy: Deploy) -> str:
    """One word, at most two, for a row. What was taken back since it failed is *failed*, never well."""
    back = back_of(deploy)
    if back is not None and back.state is not DeployState.UNKNOWN:
        over = back.state is DeployState.ROLLED_BACK and by_itself(deploy)
        return "failed" if over or back.state is DeployState.ROLLBACK_FAILED else str(back.state)
    if deploy.state is not DeployState.IN_PROGRESS:
        return _OVER.get(deploy.state, str(deploy.state))
    if deploy.waits:
        return "waits"
    if deploy.goes_back:
        return "going back"
    bakes = deploy.bake_until is not None and not deploy.keeps_old_tasks
    return "baking" if bakes or deploy.stage == BAKE_STAGE else deploy.strategy


def state_words(deploy: Deploy, tz: tzinfo | None = None, now: float = 0.0) -> str:
    """The same for the detail, whole: the state, the strategy, the stage."""
    words = deploy_status(deploy, tz, now)
    if by_itself(deploy):
        words = f"failed, {words}"
    strategy = f"{deploy.strategy} ({deploy.steps})" if deploy.steps else deploy.strategy
    return " · ".join(w for w in (words, strategy, f"stage {deploy.stage}" if deploy.stage else "") if w)


def how(deploy: Deploy, tz: tzinfo, now: float) -> tuple[str, str]:
    """(words, style) for a row, beside its ``state_word``: what matters comes first, since the rest may be cut."""
    running, back, said = deploy.state.running, back_of(deploy), state_word(deploy)
    failed = deploy.failed_tasks if running or deploy.state.bad else 0
    words = [
        deploy.waits.removeprefix(f"{said} ") if running else "",
        rollback_status(back, tz, now).removeprefix(f"{said} ") if back is not None else "",
        f"✗{failed}" if failed else "",
        _left(deploy, now).removeprefix(f"{said}, "),
        f"{deploy.traffic:.0f}%" if running and deploy.traffic is not None else "",
        _tasks(deploy),
        breaker(deploy) if failed and back is None else "",
        deploy.failures[0].summary if failed and deploy.failures else deploy.reason if deploy.state.bad else "",
    ]
    style = "warning" if running and deploy.waits else "critical" if failed or deploy.state.bad else ""
    return " · ".join(w for w in words if w), style


def far(deploy: Deploy, now: float) -> str:
    """``2/4 tasks · 10% traffic · baking, 4m left``."""
    tasks = _tasks(deploy)
    words = [
        f"{tasks} tasks{' of the old revision' if deploy.state is DeployState.ROLLING_BACK else ''}" if tasks else "",
        f"{deploy.traffic:.0f}% traffic" if deploy.traffic is not None else "",
        _left(deploy, now),
    ]
    return " · ".join(w for w in words if w)


def left(deploy: Deploy, now: float) -> str:
    """How long it still bakes, or keeps the old tasks, as a row shows it: changes with the time."""
    return age(deploy.bake_until - now) if deploy.bake_until is not None and deploy.bake_until > now else ""


def _left(deploy: Deploy, now: float) -> str:
    if not (time := left(deploy, now)):
        return ""
    about = "about " if deploy.bake_about else ""
    return f"old tasks stop in {time}" if deploy.keeps_old_tasks else f"baking, {about}{time} left"


def _tasks(deploy: Deploy) -> str:
    """New tasks of those wanted; while it goes back, the old ones; nothing where the count says nothing any more."""
    if deploy.state is DeployState.ROLLING_BACK:
        return f"{deploy.old_running}/{deploy.desired}" if deploy.old_running else ""
    shows = deploy.state.running or (
        deploy.state is DeployState.SUCCEEDED and deploy.running
    )  # else it is not what runs
    return deploy.progress if shows else ""


def tags(deploy: Deploy) -> str:
    """``v1.8.3→v1.9.0``, where both say something."""
    return version_arrow(deploy.old, deploy.new)


def why(deploy: Deploy) -> list[tuple[str, str, str]]:
    """Return the failures, as (name, words, style): tasks and breaker, the reason."""
    lines = []
    if deploy.failed_tasks or deploy.failures:
        reason = deploy.failures[0].summary if deploy.failures else "reason not read yet"
        counts = f" · {breaker(deploy)}" if deploy.breaker else ""
        lines.append(("failed", f"{stopped(deploy.failed_tasks)}: {reason}{counts}", "critical"))
    if deploy.reason and deploy.state is not DeployState.SUCCEEDED:
        lines.append(("reason", deploy.reason, "critical" if deploy.state.bad else ""))
    return lines
