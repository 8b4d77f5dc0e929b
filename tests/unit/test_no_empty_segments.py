"""A line of parts with `` · `` between them has no empty one, whatever of a task or a target is not known."""

from __future__ import annotations

import itertools
import re
from datetime import UTC
from typing import Any

import pytest
from tests.support.fakes import service
from tests.support.inside import stopped, target, task

from oncall_tui.domain.service_detail import ServiceDetail, Task
from oncall_tui.tui.screens.detail import service_part
from oncall_tui.tui.screens.detail.words import Scene
from oncall_tui.tui.screens.logs import tasks as log_tasks

NOW = 1_800_000_000.0
SCENE = Scene(update=None, now=NOW, tz=UTC, cells=200)  # type: ignore[arg-type]  # no line here asks for the board
EMPTY = re.compile(r"·\s*·|·\s*$|^\s*·|started not|, ,")
LEFT_OUT: dict[str, Any] = {
    "stopped": None,
    "started": None,
    "created": None,
    "zone": "",
    "reason": "",
    "stop_code": "",
    "health": "",
    "containers": (),
}


def variants(make: Any, number: int) -> list[Task]:
    """The task without each one, each two, and all of what may be missing."""
    names = list(LEFT_OUT)
    sets = [*itertools.combinations(names, 1), *itertools.combinations(names, 2), tuple(names)]
    return [make(number, **{name: LEFT_OUT[name] for name in some}) for some in sets]


@pytest.mark.parametrize("make", [task, stopped], ids=["runs", "stopped"])
def test_no_choice_of_a_log_s_task_has_an_empty_segment(make: Any) -> None:
    for one in variants(make, 1):
        assert not EMPTY.search(log_tasks._told(one, 0, UTC)), one


@pytest.mark.parametrize("make", [task, stopped], ids=["runs", "stopped"])
def test_no_line_of_a_task_has_an_empty_segment(make: Any) -> None:
    for one in variants(make, 1):
        for some in ((one,), (one, make(2)), (one, *(make(n) for n in range(3, 14)))):
            inside = ServiceDetail(service_id="prod/main/api", at=NOW, tasks=some, targets=(target(1, "", ""),))
            for line in service_part._inside(inside, service("prod/main/api"), SCENE):
                text = "".join(part for part, _ in line)
                assert not EMPTY.search(text.partition("  ")[2] or text), (text, one)


def test_a_task_that_has_not_started_is_not_said_to_have_started() -> None:
    inside = ServiceDetail(service_id="prod/main/api", at=NOW, tasks=(task(1, started=None, created=None, zone=""),))
    told = ["".join(p for p, _ in line) for line in service_part._inside(inside, service("prod/main/api"), SCENE)]
    assert any("not started yet" in text for text in told)
