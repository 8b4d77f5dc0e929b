"""The one line that holds tasks, targets and alerts together: a healthy count hides nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.fakes import service
from tests.support.inside import stopped, target, task

from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import Health
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.tui.screens.detail.service_part import as_counted, verdict

RUN = (task(1), task(2))
OK = (target(1), target(2))
DENIED = PartialFailure(SourceState.DENIED, "targets", "denied")


def inside(**fields: Any) -> ServiceDetail:
    return ServiceDetail(
        **{"service_id": "prod/main/api", "at": 1_800_000_009.0, "tasks": RUN, "targets": OK, **fields}
    )


CASES: dict[str, tuple[dict[str, Any], ServiceDetail | None, int, str, str]] = {
    "well": ({}, inside(), 0, "all 2 tasks run, 2/2 targets healthy, no alerts for it", "ok"),
    "no load balancer": ({}, inside(targets=()), 0, "all 2 tasks run, no alerts for it", "ok"),
    "not read yet is not well": ({}, None, 0, "all 2 tasks run, no alerts for it; its targets are not read yet", ""),
    "targets denied is not well": (
        {},
        inside(targets=(), problems=(DENIED,)),
        0,
        "all 2 tasks run, no alerts for it; not all of it could be read, see below",
        "warning",
    ),
    "tasks run, targets do not answer": (
        {},
        inside(targets=(target(1), target(2, "unhealthy"))),
        1,
        "all 2 tasks run, BUT 1 of 2 targets unhealthy, 1 alert fires",
        "critical",
    ),
    "a target that fails its checks and leaves": (
        {},
        inside(targets=(target(1), target(2, "unhealthy.draining"))),
        0,
        "all 2 tasks run, BUT 1 of 2 targets unhealthy",
        "critical",
    ),
    "tasks that a sick machine took with it": (
        {},
        inside(tasks=(*RUN, stopped(3, 137, "", stop_code="InfrastructureHealth"))),
        0,
        "all 2 tasks run, 2/2 targets healthy, no alerts for it",
        "ok",
    ),
    "a dead dependency": (
        {},
        inside(),
        2,
        "all 2 tasks run, BUT 2 alerts fire: check its dependencies",
        "warning",
    ),
    "an alert, and nothing is read yet": (
        {},
        None,
        1,
        "all 2 tasks run, BUT 1 alert fires, stopped tasks not loaded",
        "warning",
    ),
    "tasks die and come again": (
        {},
        inside(tasks=(*RUN, stopped(3), stopped(4))),
        0,
        "all 2 tasks run, BUT 2 tasks stopped within the hour",
        "critical",
    ),
    "replaced by a deploy is not dead": (
        {},
        inside(tasks=(*RUN, stopped(3, None, "", stop_code="ServiceSchedulerInitiated"))),
        0,
        "all 2 tasks run, 2/2 targets healthy, no alerts for it",
        "ok",
    ),
    "unhealthy by its own check": (
        {},
        inside(tasks=(task(1), task(2, health="UNHEALTHY"))),
        0,
        "all 2 tasks run, BUT 1 unhealthy by its own check",
        "critical",
    ),
    "too few": (
        {"running": 1},
        inside(tasks=(task(1),)),
        1,
        "1 of 2 tasks run: below desired count; 1 alert fires",
        "critical",
    ),
    "what was read just now is newer than the board": (
        {},
        inside(tasks=(stopped(1), stopped(2))),
        0,
        "no task runs; 2 tasks stopped within the hour",
        "critical",
    ),
    "what was read before the board was is older": (
        {"running": 0},
        inside(at=1_700_000_000.0),
        0,
        "no task runs",
        "critical",
    ),
    "tasks that could not be read are not none": (
        {},
        inside(tasks=(), problems=(PartialFailure(SourceState.DENIED, "tasks", "denied"),)),
        0,
        "all 2 tasks run, 2/2 targets healthy, no alerts for it; not all of it could be read, see below",
        "warning",
    ),
    "none wanted": (
        {"running": 0, "desired": 0},
        inside(tasks=(), targets=()),
        0,
        "no task is wanted, no alerts for it",
        "ok",
    ),
    "draining targets are no targets": (
        {},
        inside(targets=(*OK, target(3, "draining"), target(4, "unused"))),
        0,
        "all 2 tasks run, 2/2 targets healthy, no alerts for it",
        "ok",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str) -> None:
    fields, within, firing, words, style = CASES[name]
    assert verdict(service(**fields), within, firing) == (words, style)


def test_more_tasks_failed_than_a_reading_lists_and_that_is_one_number() -> None:
    listed = tuple(stopped(n) for n in range(3, 99))
    assert verdict(service(), inside(tasks=(*RUN, *listed)), 0, 128)[0] == (
        "all 2 tasks run, BUT 128 tasks stopped within the hour"
    )
    assert verdict(service(), inside(tasks=(*RUN, *listed)), 0)[0].endswith("at least 96 tasks stopped within the hour")
    assert verdict(service(), inside(), 0, 128)[0] == "all 2 tasks run, 2/2 targets healthy, no alerts for it"


def test_one_screen_counts_by_one_reading_the_newer() -> None:
    board = service(running=4, desired=4, health=Health.HEALTHY)
    counted, at = as_counted(board, inside(tasks=(task(1),)))
    assert (counted.running, counted.health, at) == (1, Health.DEGRADED, 1_800_000_009.0)
    assert as_counted(board, inside(tasks=()))[0].health is Health.DOWN
    assert as_counted(board, inside(at=1_700_000_000.0)) == (board, board.read_at)
    assert as_counted(board, None) == (board, board.read_at)
    denied = PartialFailure(SourceState.DENIED, "tasks", "denied")
    assert as_counted(board, inside(tasks=(), problems=(denied,)))[0] is board
