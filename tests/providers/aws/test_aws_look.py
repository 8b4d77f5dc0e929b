"""The real adapters' on-demand reads against the drill, over its wires: JSON and XML, well and spoiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drill_world import Drill

from oncall_tui import errors
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.base import ReadRequest

SERVICE = "prod/prod-main/payments-api"
HOUR = 3600.0


@pytest.fixture
def drill(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drill]:
    running = Drill()
    for name, value in running.told["environment"].items():
        monkeypatch.setenv(name, value)
    yield running
    running.close()


@pytest.fixture
def prod(drill: Drill) -> Any:
    return drill.provider("prod")


def calls(drill: Drill, source: str) -> dict[str, int]:
    found: dict[str, int] = drill.control("calls")["sources"][source]
    return found


def test_a_service_at_rest_from_inside(drill: Drill, prod: Any) -> None:
    found = prod.inspect(SERVICE)
    assert [t.status for t in found.tasks] == ["RUNNING"] * 4
    assert [t.state for t in found.targets] == ["healthy"] * 4
    assert {t.group for t in found.targets} == {"payments-api"}
    assert found.events
    assert not found.problems
    assert found.calls == sum(calls(drill, "prod").values()) <= 6


def test_a_bad_deploy_from_inside_and_in_its_metrics(drill: Drill, prod: Any) -> None:
    began = drill.clock.now()
    for _ in range(30):
        drill.advance(6)
    found = prod.inspect(SERVICE)
    dead = [t for t in found.tasks if t.status == "STOPPED" and t.exit_code == 137]
    assert dead
    assert {t.revision for t in dead} == {":42"}
    assert "OutOfMemoryError" in dead[0].containers[0].reason
    stopped = [t.stopped for t in found.tasks if t.status == "STOPPED"]
    assert stopped == sorted(stopped, reverse=True)
    before = sum(calls(drill, "prod").values())
    now = drill.clock.now()
    cpu, memory, running = prod.measure(prod.service_metrics(SERVICE), now - HOUR, now)
    assert sum(calls(drill, "prod").values()) - before == 1
    assert (cpu.unread, memory.unread, running.unread) == ("", "", "")
    assert max(value for at, value in memory.points if at < began - 60) < 75
    assert max(value for at, value in memory.points if at > began) > 95
    assert {value for at, value in running.points if at < began - 60} == {4.0}


def test_an_alarm_s_own_metric_by_its_own_source_and_by_the_service_s(drill: Drill, prod: Any) -> None:
    alarms: Any = drill.provider("alarms")
    alert = next(a for a in alarms.read(ReadRequest()).alerts if a.title == "search-index-cpu-high")
    metric = alert.metric
    assert metric
    assert (metric.name, metric.statistic, metric.threshold) == ("CPUUtilization", "Average", 85.0)
    now = drill.clock.now()
    (here,) = alarms.measure([("cpu", metric)], now - HOUR, now)
    (there,) = prod.measure([("cpu", metric)], now - HOUR, now)
    assert here.points == there.points
    low = [value for at, value in here.points if at + 60 < alert.began]
    high = [value for at, value in here.points if at > alert.began]
    assert max(low) < 85 < min(high)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("denied", SourceState.DENIED),
        ("throttle", SourceState.THROTTLED),
        ("error500", SourceState.OFFLINE),
        ("expired", SourceState.EXPIRED),
        ("html", SourceState.MALFORMED),
        ("empty", SourceState.MALFORMED),
    ],
)
def test_what_spoils_the_targets_leaves_the_tasks(drill: Drill, prod: Any, kind: str, state: SourceState) -> None:
    drill.fault("prod", "DescribeTargetHealth", kind)
    found = prod.inspect(SERVICE)
    assert [(p.scope, p.state) for p in found.problems] == [("targets", state)]
    assert len(found.tasks) == 4
    if kind == "denied":
        assert found.problems[0].hint == "needs elasticloadbalancing:DescribeTargetHealth"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("denied", errors.Denied),
        ("throttle", errors.Throttled),
        ("expired", errors.Expired),
        ("html", errors.Malformed),
    ],
)
def test_what_spoils_the_metrics(drill: Drill, prod: Any, kind: str, wanted: type[errors.SourceError]) -> None:
    drill.fault("prod", "GetMetricData", kind)
    with pytest.raises(wanted):
        prod.measure(prod.service_metrics(SERVICE), drill.clock.now() - HOUR, drill.clock.now())


def test_targets_are_unhealthy_though_every_task_runs(drill: Drill, prod: Any) -> None:
    drill.control("do", event={"targets": {"service": SERVICE, "state": "unhealthy"}})
    found = prod.inspect(SERVICE)
    assert [t.status for t in found.tasks] == ["RUNNING"] * 4
    assert {(t.state, t.reason) for t in found.targets} == {
        ("unhealthy", "Target.ResponseCodeMismatch: Health checks failed with these codes: [503]")
    }
