"""Sorting by value: what comes first, what comes last, and how ties go."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert, deploy, revision, service

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import Health
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager
from oncall_tui.tui.presenters import sorting
from oncall_tui.tui.presenters.row_builder import ALERT_COLUMNS, DEPLOY_COLUMNS, SERVICE_COLUMNS
from oncall_tui.tui.presenters.sorting import Sort, Sorter, chosen

NOW = FakeClock().now()


def triaged(**rows: Any) -> TriagedBoard:
    rules = Rules(
        pages=({"severity": "critical"},),
        products=(Product(name="Ledger", alerts={"team": "l"}), Product(name="app", alerts={"team": "a"})),
    )
    return Triager(rules).triage(merge(1, NOW, (), (Reading(source="fake", at=NOW, **rows),)))


def ids(pane: str, rows: Any, column: str, down: bool = False) -> str:
    return " ".join(row.id.rpartition("/")[2] for row in Sorter().rows(pane, rows, (Sort(pane, column, down),)))


ALERTS = triaged(
    alerts=(
        alert("fake/a", severity=Severity.WARNING, began=NOW - 9_000, title="zebra", labels=(("team", "l"),)),
        alert("fake/b", severity=Severity.INFO, began=NOW - 600, title="Apple", state=AlertState.ACKNOWLEDGED),
        alert("fake/c", severity=Severity.CRITICAL, began=NOW - 60, title="mango", labels=(("team", "a"),)),
        alert("fake/d", severity=Severity.ERROR, began=NOW - 600, title="banana", state=AlertState.SILENCED),
    )
).alerts


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        ("severity", "c d a b", "b a d c"),
        ("age", "c b d a", "a b d c"),  # 150m is more than 10m, whatever the text; the tie goes by id, either way
        ("product", "c a b d", "a c b d"),  # without one: last, either way
        ("title", "b d c a", "a c d b"),
        ("state", "a c b d", "d b a c"),
    ],
)
def test_alerts(column: str, up: str, down: str) -> None:
    assert ids("alerts", ALERTS, column) == up
    assert ids("alerts", ALERTS, column, True) == down


SERVICES = (
    service("prod/main/a", revision=revision(9), health=Health.HEALTHY, running=10, desired=10, last_deploy=NOW - 5),
    service("prod/main/b", revision=revision(100), health=Health.DOWN, running=0, desired=2, last_deploy=NOW - 90_000),
    service("prod/main/c", revision=revision(20), health=Health.STOPPED, running=0, desired=0),
    service("prod/main/d", revision=revision(20), health=Health.DEGRADED, running=3, desired=4, last_deploy=NOW - 50),
)


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        ("revision", "a c d b", "b c d a"),  # 9 before 100
        ("health", "b d a c", "c a d b"),
        ("tasks", "b d a c", "a d b c"),
        ("deploy", "a d b c", "b d a c"),  # never deployed: last
        ("name", "a b c d", "d c b a"),
    ],
)
def test_services(column: str, up: str, down: str) -> None:
    assert ids("services", SERVICES, column) == up
    assert ids("services", SERVICES, column, True) == down


DEPLOYS = (
    deploy("prod/a", "prod/main/x", state=DeployState.SUCCEEDED, new=revision(7), started=NOW - 50, started_by="bob"),
    deploy("prod/b", "prod/main/w", waits="paused at a hook", new=revision(12), started=NOW - 500, running=0),
    deploy("prod/c", "prod/main/y", failed_tasks=2, new=revision(100), started=NOW - 5_000),
    deploy("prod/d", "prod/main/z", new=revision(8), started=NOW - 5, running=2, started_by="alice"),
    deploy("prod/e", "prod/main/v", state=DeployState.FAILED, new=revision(9), started=NOW - 55),
)


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [
        ("service", "e b a c d", "d c a b e"),
        ("arrow", "a d e b c", "c b e d a"),
        ("state", "b c d e a", "a e d c b"),
        ("age", "d a e b c", "c b e a d"),
        ("by", "d a b c e", "a d b c e"),
        ("how", "b a c e d", "d a c e b"),
    ],
)
def test_deploys(column: str, up: str, down: str) -> None:
    assert ids("deploys", DEPLOYS, column) == up
    assert ids("deploys", DEPLOYS, column, True) == down


@pytest.mark.parametrize("pane", sorting.COLUMNS)
@pytest.mark.parametrize("down", [False, True])
def test_any_order_of_the_same_rows_sorts_alike_and_rows_without_values_are_sorted_too(pane: str, down: bool) -> None:
    rows: list[Any] = list({"alerts": ALERTS, "services": SERVICES, "deploys": DEPLOYS}[pane])
    if pane == "services":
        odd = msgspec.structs.replace(revision(1), task_definition="no-number")
        rows += [service("prod/main/e", revision=odd), service("prod/main/f", revision=odd, health=Health.UNKNOWN)]
    for column in sorting.COLUMNS[pane]:
        sort = (Sort(pane, column, down),)
        expected = Sorter().rows(pane, rows, sort)
        for seed in range(5):
            other = random.Random(seed).sample(rows, len(rows))
            assert list(Sorter().rows(pane, other, sort)) == list(expected)


def test_every_column_that_has_a_title_can_be_sorted_by() -> None:
    for pane, columns in (("alerts", ALERT_COLUMNS), ("services", SERVICE_COLUMNS), ("deploys", DEPLOY_COLUMNS)):
        missing = {c.key for c in columns} - set(sorting.COLUMNS[pane])
        assert missing <= {"sign", "alerts"}, "the sign is the health's; the alerts have a pane of their own"


def test_chosen_again_is_reversed_and_each_pane_has_its_own() -> None:
    sorts = chosen((), "alerts", "age")
    assert sorting.words(sorts, "alerts") == "by age, newest first"
    sorts = chosen(sorts, "services", "tasks")
    sorts = chosen(sorts, "alerts", "age")
    assert sorting.words(sorts, "alerts") == "by age, oldest first"
    assert sorting.words(sorts, "services") == "by tasks, most missing first"
    sorts = chosen(sorts, "alerts", "age")
    assert sorting.words(sorts, "alerts") == "by age, newest first"
    sorts = chosen(sorts, "alerts", "")
    assert sorting.words(sorts, "alerts") == ""
    assert Sorter().rows("alerts", ALERTS, sorts) is ALERTS
