"""The task picker: running tasks, stopped ones, and those known from their lines alone."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime, tzinfo

from oncall_tui.domain.logs import LogLine
from oncall_tui.domain.plan import Choice
from oncall_tui.domain.service_detail import Task, short_task
from oncall_tui.errors import SourceError
from oncall_tui.providers.base import Provider, SupportsInspect
from oncall_tui.tui.screens.dialogs.choice import ChoiceDialog

ALL = "*"


class PickTask(ChoiceDialog):
    """Says a task's id, ALL, or None."""

    then = ""

    def __init__(self, choices: Future[tuple[Choice, ...]]) -> None:
        super().__init__("Pick a task", choices, "No task is known.")


def choices(
    provider: Provider, service_id: str, lines: Iterable[LogLine], chosen: str, tz: tzinfo
) -> tuple[Choice, ...]:
    """All of them, then each task: running first, then stopped, newest first, then those of which only lines are left.

    Reads the service's tasks where the provider can; where that fails the lines alone tell, and it is said.
    """
    counted: dict[str, int] = {}
    for line in lines:
        counted[line.stream.task] = counted.get(line.stream.task, 0) + 1
    counted.pop("", None)
    warning = ""
    tasks: tuple[Task, ...] = ()
    try:
        tasks = provider.inspect(service_id).tasks if isinstance(provider, SupportsInspect) else ()
    except SourceError as error:
        warning = f"which tasks there are could not be read: {error.message}"
    found = [Choice(ALL, "all tasks", "", not chosen, warning)]
    for task in tasks:
        found.append(Choice(task.id, short_task(task.id), _told(task, counted.pop(task.id, 0), tz), task.id == chosen))
    rest = sorted(counted.items(), key=lambda it: -it[1])
    found += [Choice(id_, short_task(id_), f"{count:,} lines here", id_ == chosen) for id_, count in rest]
    return tuple(found)


def _told(task: Task, lines: int, tz: tzinfo) -> str:
    parts = [task.revision, task.status.lower()]
    at = task.stopped or task.started or task.created
    if at is not None:
        parts.append(datetime.fromtimestamp(at, tz).strftime("%H:%M:%S"))
    if task.status == "STOPPED":
        parts += [f"exit {task.exit_code}" if task.exit_code is not None else "", task.reason]
    parts.append(f"{lines:,} lines here" if lines else "")
    return " · ".join(part for part in parts if part)
