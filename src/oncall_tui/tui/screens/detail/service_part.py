"""Lines about a service: how it is in one line, then its tasks, targets, alerts and events, each apart. Pure.

A count of healthy tasks hides what they depend on: so the first line says tasks, targets and alerts
together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Health, Service
from oncall_tui.domain.service_detail import ServiceDetail, TargetHealth, Task, short_task
from oncall_tui.inspection import timeline
from oncall_tui.inspection.timeline import why_stopped
from oncall_tui.text.history_words import stopped
from oncall_tui.text.time_format import ago, moment
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.screens.detail import pane
from oncall_tui.tui.screens.detail.alert_part import alert_line
from oncall_tui.tui.screens.detail.parts import Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene, Section, as_of, at, hint, line, no_service, standing
from oncall_tui.tui.widgets.text_lines import Line

HOUR_S = 3600.0
MOST_STOPPED = 90  # about as many stopped tasks as one reading has: there may be more
APART_S = 3.0  # what was read so long after something else is of another moment
EACH = 8  # running tasks that are listed one by one; more are counted by revision and health
STOPPED, EVENTS, ALERTS = 8, 8, 8
# A load balancer's states of a target (API reference, TargetHealth)
LEAVING = ("draining", "unused")
FAILING = ("unhealthy", "unhealthy.draining")
SICK = (*FAILING, "unavailable")


def alerts_of(service: Service, scene: Scene) -> list[TriagedAlert]:
    """The alerts of the service that ask for a person."""
    rows = scene.update.triaged.alerts
    return [a for a in rows if a.service and a.service.id == service.id and a.alert.state.asks]


def as_counted(service: Service, inside: ServiceDetail | None) -> tuple[Service, float]:
    """(the service as the newer of both readings counts its tasks, when that was): one screen has one number."""
    if inside is None or inside.at < service.read_at or any("tasks" in p.scope for p in inside.problems):
        return service, service.read_at
    run = len(_running(inside))
    health = service.health
    if run < service.desired and health is not Health.DEPLOYING:
        health = Health.DEGRADED if run else Health.DOWN
    elif run >= service.desired > 0 and health is Health.DOWN:
        health = Health.DEGRADED  # it runs again, and nobody has said yet that it is well
    pending = sum(_group(t) == "pending" for t in inside.tasks)
    return msgspec.structs.replace(service, running=run, pending=pending, health=health), inside.at


def same_reading(of: Subject, inside: ServiceDetail | None) -> Subject:
    """Return the row with its newest deploy's tasks as the reading counts them that ``as_counted`` takes: its progress
    beside its health is of one moment. Where both revisions are one, a task does not tell which deploy it is of.
    """
    made = of.newest
    if of.service is None or made is None or inside is None or as_counted(of.service, inside)[1] != inside.at:
        return of
    if inside.at == of.service.read_at or not (made.state.running or made.state is DeployState.SUCCEEDED):
        return of
    if made.old is not None and made.old.short == made.new.short:
        return of
    new = [t for t in inside.tasks if t.revision == made.new.short]
    counted = msgspec.structs.replace(
        made,
        running=sum(_group(t) == "running" for t in new),
        pending=sum(_group(t) == "pending" for t in new),
        old_running=sum(t.revision != made.new.short for t in _running(inside)),
    )
    its = counted if of.deploy is not None and of.deploy.id == made.id else of.deploy
    return msgspec.structs.replace(of, newest=counted, deploy=its)


def tasks_words(inside: ServiceDetail, service: Service, scene: Scene) -> str:
    """``3 running · 12 stopped``; when that was, where the service was polled later. Empty: it has none."""
    by_state = Counter(_group(t) for t in inside.tasks)
    words = [f"{_many(by_state[s], s)} {s}" for s in ("running", "pending", "stopping", "stopped") if by_state[s]]
    if words and service.read_at - inside.at > APART_S:
        words.append(f"as read at {moment(inside.at, scene.tz, scene.now, seconds=True)}, before the last poll")
    return " · ".join(words)


def verdict(service: Service, inside: ServiceDetail | None, firing: int, failed: int = 0) -> tuple[str, str]:
    """(one line, its style): whether what runs also works, from all that is known. What is not read is not claimed.

    *failed* is how many tasks of its newest deploy failed, where that began within the hour: a reading lists no more
    than about a hundred stopped tasks, and two numbers of one thing would be one too many.
    """
    seen = inside is not None and not any("tasks" in p.scope for p in inside.problems)
    run = as_counted(service, inside)[0].running
    died = [t for t in inside.tasks if _group(t) == "stopped" and t.failed] if inside else []
    targets = _counted(inside.targets) if inside else Counter()
    unhealthy = sum(n for state, n in targets.items() if state in SICK)
    sick = sum(t.health == "UNHEALTHY" for t in _running(inside))
    but = [
        _stopped_words(len(died), failed) if died else "",
        f"{sick} unhealthy by {'its' if sick == 1 else 'their'} own check" if sick else "",
        f"{unhealthy} of {targets.total()} targets unhealthy" if unhealthy else "",
        f"{firing} alert{'s fire' if firing > 1 else ' fires'}" if firing else "",
    ]
    told = ", ".join(words for words in but if words)
    if not seen and (told or run < service.desired):
        told += f"{', ' if told else ''}stopped tasks not loaded"
    if run < service.desired:
        some = f"{run} of {service.desired} tasks run: below desired count" if run else "no task runs"
        return some + (f"; {told}" if told else ""), "critical"
    all_run = f"all {service.desired} tasks run" if service.desired else "no task is wanted"
    if told:
        look = "" if died or sick or unhealthy or not seen else ": check its dependencies"
        return f"{all_run}, BUT {told}{look}", "critical" if died or sick or unhealthy else "warning"
    if inside is None:
        return f"{all_run}, no alerts for it; its targets are not read yet", ""
    healthy = f", {targets['healthy']}/{targets.total()} targets healthy" if targets["healthy"] else ""
    if inside.problems:
        return f"{all_run}{healthy}, no alerts for it; not all of it could be read, see below", "warning"
    return f"{all_run}{healthy}, no alerts for it", "ok"


def _stopped_words(listed: int, failed: int) -> str:
    if failed > listed:
        return f"{stopped(failed)} within the hour"
    return f"{'at least ' if listed >= MOST_STOPPED else ''}{stopped(listed)} within the hour"


def health_line(of: Subject, part: Part[ServiceDetail], scene: Scene) -> Line | None:
    """The verdict as a line; None where the row names no service."""
    if of.service is None:
        return None
    newest = of.newest
    failed = newest.failed_tasks if newest and scene.now - newest.started < HOUR_S else 0
    words, style = verdict(of.service, part.value, len(alerts_of(of.service, scene)), failed)
    source = scene.update.board.sources.get(of.service.source)
    if source is not None and not source.current and source.read_at is not None:
        return line("health", f"not known now; as of {at(source.read_at, scene.now, scene.tz)}: {words}", "stale")
    return line("health", words, style)


def service_section(of: Subject, part: Part[ServiceDetail], scene: Scene) -> Section:
    """The service: the verdict first."""
    service = of.service
    if service is None:
        name = of.deploy.service_id if of.deploy else "the row"
        return Section("service", (no_service(of, f"{name} names no ECS service that is on the board"),))
    counted, read_at = as_counted(service, part.value)
    poll = f" · last poll {moment(read_at, scene.tz, scene.now, seconds=True)}"
    lines = [line("service", pane.service_words(counted) + poll, "bold")]
    if of.triaged_alert is None and (verdict_ := health_line(of, part, scene)):  # an alert has it beside its own state
        lines.insert(0, verdict_)
    if service.note:
        lines.append(line("note", service.note, "warning"))
    if of.newest is not None and (of.triaged_alert is not None) and (of.deploy is None or of.newest.id != of.deploy.id):
        takes_keys = of.triaged_alert.alert.state is not AlertState.RESOLVED
        lines += pane.deploy_head(of.newest, scene.now, scene.tz, takes_keys)
    lines += standing(part, "tasks", scene)
    if part.value is not None:
        lines += _inside(part.value, service, scene)
    lines += _events(service, part.value, scene)
    key = service.key
    lines.append(line("where", f"account {key.account} · {key.region} · cluster {key.cluster} · {service.deployed_by}"))
    return Section("service", tuple(lines), as_of(part, scene))


def alerts_section(of: Subject, scene: Scene) -> Section:
    """A service's or a deploy's alerts, and those of its product, apart."""
    service = of.service
    mine = [a for a in scene.update.triaged.alerts if service and a.service and a.service.id == service.id]
    ids = {a.alert.id for a in mine}
    others = [
        a
        for a in scene.update.triaged.alerts
        if of.product and a.product and a.product.name == of.product.name and a.alert.id not in ids
    ]
    lines = [alert_line(a, scene) for a in mine[:ALERTS]]
    if not mine:
        unread = unread_words(scene.update.board.unread)
        lines.append(line("none", "no alerts for it in what was read" + (f"; {unread}" if unread else "")))
    if others:
        lines.append(line("product", f"other alerts of {of.product.name if of.product else ''}:", "dim"))
        lines += [alert_line(a, scene) for a in others[:ALERTS]]
    lines += pane.product_lines(of.product)
    return Section("alerts", tuple(lines))


def _inside(inside: ServiceDetail, service: Service, scene: Scene) -> Iterable[Line]:
    for problem in inside.problems:
        if problem.state is SourceState.OK:  # read, but not all of it
            yield line("but", f"{problem.scope}: {problem.message}", "warning")
        else:
            yield line("but", f"{problem.scope} could not be read: {problem.message}", "critical")
        if problem.hint:
            yield hint(renewing(problem.hint, scene.update.board.sources.values()))
    counts = tasks_words(inside, service, scene)
    lost = any("tasks" in p.scope for p in inside.problems)
    yield line("tasks", counts or ("not known" if lost else "none, nor any that stopped within the last hour"))
    yield from _stopped(inside, scene)
    yield from _live(inside, service, scene)
    yield from _targets(inside.targets)


_GROUPS = {
    "RUNNING": "running",
    "PROVISIONING": "pending",
    "PENDING": "pending",
    "ACTIVATING": "pending",
    "STOPPED": "stopped",
}


def _group(task: Task) -> str:
    if task.stopped is not None or task.status == "STOPPED":
        return "stopped"
    if task.desired == "STOPPED":
        return "stopping"
    return _GROUPS.get(task.status, "stopping")


def _many(count: int, state: str) -> str:
    """A reading lists about a hundred stopped tasks: there may be more."""
    return f"at least {count}" if state == "stopped" and count >= MOST_STOPPED else str(count)


def _running(inside: ServiceDetail | None) -> list[Task]:
    return [t for t in inside.tasks if _group(t) == "running"] if inside else []


def _stopped(inside: ServiceDetail, scene: Scene) -> Iterable[Line]:
    """Why tasks die: the same reason is told once, with how often and when last."""
    found: dict[tuple[str, str], list[Task]] = {}
    for task in inside.tasks:
        if _group(task) == "stopped":
            found.setdefault((why_stopped(task), task.revision), []).append(task)
    for (reason, revision), tasks in list(found.items())[:STOPPED]:
        times = [t.stopped for t in tasks if t.stopped is not None]
        last = f"last {at(max(times), scene.now, scene.tz)}" if len(tasks) > 1 and times else ""
        one = f"{at(times[0], scene.now, scene.tz)}" if len(tasks) == 1 and times else last
        count = f"{len(tasks)}× " if len(tasks) > 1 else ""
        ids = ", ".join(short_task(t.id) for t in tasks[:3])
        yield line(
            "stopped",
            " · ".join(part for part in (f"{count}{revision} {reason}", one, ids) if part),
            "critical" if any(t.failed for t in tasks) else "",
        )
    if len(found) > STOPPED:
        yield line("", f"and {len(found) - STOPPED} more reasons")


def _live(inside: ServiceDetail, service: Service, scene: Scene) -> Iterable[Line]:
    """Tasks that run, start or stop: one by one, or counted where there are many."""
    live = [t for t in inside.tasks if _group(t) != "stopped"]
    if len(live) <= EACH:
        for task in live:
            since = task.started or task.created
            old = f"started {ago(scene.now - since)}" if since else "not started yet"
            parts = (f"{short_task(task.id)} {task.revision} {_health(task)}", old, task.zone)
            yield line(
                _group(task),
                " · ".join(part for part in parts if part),
                "critical" if task.health == "UNHEALTHY" else "",
            )
        return
    for (group, revision, health), count in Counter((_group(t), t.revision, _health(t)) for t in live).most_common():
        yield line(group, f"{count} × {revision} {health}", "critical" if "unhealthy" in health else "")


def _health(task: Task) -> str:
    return {"HEALTHY": "healthy", "UNHEALTHY": "unhealthy"}.get(task.health, "no health check")


def _counted(targets: Iterable[TargetHealth]) -> Counter[str]:
    return Counter(t.state for t in targets if t.state not in LEAVING)


def _targets(targets: Sequence[TargetHealth]) -> Iterable[Line]:
    """The load balancer's own view, by target group; who is not healthy by name."""
    for group in dict.fromkeys(t.group for t in targets):
        there = [t for t in targets if t.group == group]
        counts = " · ".join(f"{n} {state or 'unknown'}" for state, n in Counter(t.state for t in there).most_common())
        bad = [t for t in there if t.state != "healthy" and t.state not in LEAVING]
        yield line("targets", f"{group}: {counts}", "critical" if any(t.state in FAILING for t in bad) else "")
        for target in bad[:EACH]:
            port = f":{target.port}" if target.port else ""
            yield line(
                "", f"{target.id}{port} {target.state} {target.reason}{f' · {target.zone}' if target.zone else ''}"
            )


def _events(service: Service, inside: ServiceDetail | None, scene: Scene) -> Iterable[Line]:
    """ECS's own words, newest first; what repeats is told once."""
    events = timeline.merge_timeline(service=service, inside=inside)
    told = [m for m in events if m.kind == timeline.EVENT][:EVENTS]
    for number, one in enumerate(told):
        many = f"{one.times}× " if one.times > 1 else ""
        yield line("events" if not number else "", f"{at(one.at, scene.now, scene.tz)}  {many}{one.text}", "dim")
