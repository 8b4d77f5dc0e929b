"""The task picker: running tasks, stopped ones, and those known from their lines alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from concurrent.futures import Future
from datetime import datetime, tzinfo

from oncall_tui.domain.logs import LogLine
from oncall_tui.domain.plan import Choice
from oncall_tui.domain.service_detail import Task, short_task
from oncall_tui.errors import SourceError
from oncall_tui.providers.base import Provider, SupportsInspect
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import ago
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

ALL = "*"
STOPPED = "STOPPED"


class PickTask(ChoiceDialog):
    """Says a task's id, ALL, or None."""

    then = ""

    def __init__(self, choices: Future[tuple[Choice, ...]]) -> None:
        super().__init__("Pick a task", choices, "No task is known.")


def choices(
    provider: Provider, service_id: str, lines: Iterable[LogLine], chosen: str, tz: tzinfo, now: float
) -> tuple[Choice, ...]:
    """All of them, then each task: running first, then stopped, newest first, then those of which only lines are left.

    Tasks that stopped for the same reason are one choice, the newest of them. Reads the service's tasks where the
    provider can; where that fails the lines alone tell, and it is said.
    """
    counted = Counter(line.stream.task for line in lines)
    counted.pop("", None)
    warning = ""
    tasks: tuple[Task, ...] = ()
    try:
        tasks = provider.inspect(service_id).tasks if isinstance(provider, SupportsInspect) else ()
    except SourceError as error:
        warning = f"which tasks there are could not be read: {error.message}"
    found = [Choice(ALL, "all tasks", "", not chosen, warning)]
    for same in _alike(tasks, chosen):
        newest = max(same, key=_at)
        said = _told(newest, counted[newest.id], tz)
        if len(same) > 1:
            since = ago(now - _at(newest)) if _at(newest) else "at times that are not told"
            said = f"{count(len(same), 'task')} stopped: {_why(newest)}, newest {since} · {said}"
        found.append(Choice(newest.id, short_task(newest.id), said, newest.id == chosen))
        for task in same:
            counted.pop(task.id, None)
    rest = sorted(counted.items(), key=lambda it: -it[1])
    found += [Choice(id_, short_task(id_), f"{number:,} lines here", id_ == chosen) for id_, number in rest]
    return tuple(found)


def _alike(tasks: Iterable[Task], chosen: str) -> list[list[Task]]:
    """The tasks in their order; those of one revision that stopped for one reason together, but for the chosen one."""
    groups: dict[Hashable, list[Task]] = {}
    for task in tasks:
        alone = task.status != STOPPED or task.id == chosen
        groups.setdefault(task.id if alone else (task.revision, _why(task)), []).append(task)
    return list(groups.values())


def _why(task: Task) -> str:
    """``exit 137 OutOfMemoryError``: what its container says, else what ECS says."""
    container = next((c.reason for c in task.containers if c.reason), "")
    words = [f"exit {task.exit_code}" if task.exit_code is not None else "", container or task.reason]
    return " ".join(word for word in words if word) or "no reason given"


def _at(task: Task) -> float:
    """When it stopped, else began; 0 where that is not told."""
    return task.stopped or task.started or task.created or 0.0


def _told(task: Task, lines: int, tz: tzinfo) -> str:
    parts = [task.revision, task.status.lower()]
    if at := _at(task):
        parts.append(datetime.fromtimestamp(at, tz).strftime("%H:%M:%S"))
    if task.status == STOPPED:
        parts.append(_why(task))
    parts.append(f"{lines:,} lines here" if lines else "")
    return " · ".join(part for part in parts if part)
