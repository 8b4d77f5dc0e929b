"""The one line that holds tasks, targets and alerts together: a healthy count hides nothing."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest
from tests.support.fakes import deploy, revision, service
from tests.support.inside import stopped, target, task

from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import Health
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.tui.screens.detail.service_part import as_counted, same_reading, tasks_words, verdict
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene

OLD = "arn:aws:ecs:ap-northeast-1:111111111111:task-definition/api:41"
UPDATE: Any = None  # of no part here
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


def test_the_progress_of_a_deploy_is_counted_by_the_same_reading_as_its_health() -> None:
    made = deploy(old=revision(41), new=revision(42), running=4, desired=4, old_running=0)
    row = Subject(pane="deploys", row_id=made.id, service=service(running=4, desired=4), newest=made, deploy=made)
    tasks = (task(1), task(2, status="PENDING"), task(3, task_definition=OLD), stopped(4))
    of = same_reading(row, inside(tasks=tasks))
    assert of.newest is of.deploy
    assert of.deploy is not None
    assert (of.deploy.progress, of.deploy.pending, of.deploy.old_running) == ("1/4", 1, 1)
    assert same_reading(row, inside(tasks=tasks, at=1_700_000_000.0)) is row  # the poll's is newer
    assert same_reading(row, None) is row


def test_tasks_that_were_read_at_another_moment_than_the_service_say_when() -> None:
    rest = Scene(UPDATE, 1_800_000_020.0, UTC, 120)
    told = tasks_words(inside(at=1_799_999_970.0), service(running=0), rest)
    assert told == "2 running · as read at 07:59:30, before the last poll"
    assert tasks_words(inside(), service(running=0), rest) == "2 running"
