"""Metrics: one call for all that is wanted, a period that fits the window, and what could not be read said for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_world import World, error

from oncall_tui import errors
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.providers.aws.cloudwatch.metrics import period_s
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

Make = Callable[..., EcsProvider]
HOUR, DAY = 3_600.0, 86_400.0
CPU = Metric(name="CPUUtilization", namespace="AWS/ECS", dimensions=(("ClusterName", "main"), ("ServiceName", "api")))


def asked(world: World) -> Any:
    return [params for operation, params, _ in world.sent if operation == "GetMetricData"]


def measure(make: Make, world: World, *metrics: Metric, hours: float = 1.0) -> tuple[Series, ...]:
    now = world.clock.now()
    return make().measure([(m.name, m) for m in metrics], now - hours * HOUR, now)


def test_what_ecs_tells_of_each_service_in_one_call(ecs: Make, world: World) -> None:
    now = world.clock.now()
    world.metrics["CPUUtilization Average"] = {"Timestamps": [now - 120, now - 60], "Values": [40.0, 42.5]}
    world.metrics["CPUUtilization SampleCount"] = {"Timestamps": [now - 60], "Values": [3.0], "StatusCode": "Complete"}
    provider = ecs(account="123456789012")
    wanted = provider.service_metrics("prod/main/api")
    assert not world.sent  # it makes no call
    assert [title for title, _ in wanted] == ["cpu %", "memory %", "running tasks (estimate)"]
    assert wanted[0][1].account == "123456789012"
    found = provider.measure(wanted, now - HOUR, now)
    assert [s.title for s in found] == [title for title, _ in wanted]
    assert found[0].points == ((now - 120, 40.0), (now - 60, 42.5))
    assert found[2].points == ((now - 60, 3.0),)
    assert world.asked == {"GetMetricData": 1}
    (params,) = asked(world)
    assert params["ScanBy"] == "TimestampAscending"
    stat = params["MetricDataQueries"][0]["MetricStat"]
    assert (stat["Period"], stat["Stat"]) == (60, "Average")
    dimensions = [{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "api"}]
    assert stat["Metric"] == {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": dimensions}


def test_running_tasks_where_ecs_sends_the_metric_every_20_s(ecs: Make, world: World) -> None:
    """Three samples a minute are three of one task: a look at the service tells, and costs one call once."""
    service = world.service("main", "api")
    revision = world.revision("main", "api", "r1", 41)
    told = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}
    world.revisions[revision]["monitoring"] = told
    service["currentServiceRevisions"] = [{"arn": revision}]
    provider = ecs()
    while not provider.read(ReadRequest()).services:
        pass
    assert provider.service_metrics("prod/main/api")[2][1].period_s == 60  # not known yet
    world.asked.clear()
    assert provider.inspect("prod/main/api").calls == sum(world.asked.values()) == 4
    assert provider.inspect("prod/main/api").calls == 3
    running = provider.service_metrics("prod/main/api")[2]
    now = world.clock.now()
    world.metrics["CPUUtilization SampleCount"] = {"Timestamps": [now - 60], "Values": [12.0], "StatusCode": "Complete"}
    for hours, period, tasks in ((1, 20, 12.0), (6, 60, 4.0), (12, 120, 2.0)):
        (found,) = provider.measure([running], now - hours * HOUR, now)
        assert asked(world)[-1]["MetricDataQueries"][0]["MetricStat"]["Period"] == period
        assert found.points[0][1] == pytest.approx(tasks)


def test_a_provider_that_never_polled_knows_how_often_too(ecs: Make, world: World) -> None:
    """A recorder reads the source: the first look tells what the polls would have."""
    service = world.service("main", "api")
    revision = world.revision("main", "api", "r1", 41)
    told = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}
    world.revisions[revision]["monitoring"] = told
    service["currentServiceRevisions"] = [{"arn": revision}]
    provider = ecs()
    assert provider.service_metrics("prod/main/api")[2][1].period_s == 60  # not known yet
    provider.inspect("prod/main/api")
    assert provider.service_metrics("prod/main/api")[2][1].period_s == 20


def test_points_are_oldest_first_however_they_come(ecs: Make, world: World) -> None:
    now = world.clock.now()
    world.metrics["CPUUtilization Average"] = {"Timestamps": [now - 60, now - 120], "Values": [2.0, 1.0]}
    assert measure(ecs, world, CPU)[0].points == ((now - 120, 1.0), (now - 60, 2.0))


@pytest.mark.parametrize(
    ("hours", "own", "began_days_ago", "period"),
    [
        (1, 60, 0, 60),
        (6, 60, 0, 60),
        (12, 60, 0, 120),
        (24, 60, 0, 240),
        (24, 300, 0, 300),
        (48, 300, 0, 600),
        (1, 10, 0, 10),
        (2, 10, 0, 60),
        (1, 10, 1, 60),
        (1, 60, 16, 300),
        (1, 180, 16, 900),
        (1, 60, 70, 3600),
        (24 * 30, 60, 30, 7200),
    ],
)
def test_a_period_that_the_window_fits_and_that_aws_still_has(
    hours: float, own: int, began_days_ago: float, period: int
) -> None:
    now = 1_800_000_000.0
    since = now - max(hours * HOUR, began_days_ago * DAY)
    found = period_s(Metric(name="m", namespace="n", period_s=own), since, since + hours * HOUR, now)
    assert found == period
    assert hours * HOUR / found <= 360


def test_what_is_added_up_stays_what_one_period_of_its_own_has(ecs: Make, world: World) -> None:
    """So that running tasks are tasks, and an alarm's threshold can be drawn beside its sum, in a wide window too."""
    now = world.clock.now()
    for statistic in ("SampleCount", "Sum", "Maximum"):
        world.metrics[f"CPUUtilization {statistic}"] = {"Timestamps": [now - 240], "Values": [12.0]}
    kinds = [Metric(name=CPU.name, namespace=CPU.namespace, statistic=s) for s in ("SampleCount", "Sum", "Maximum")]
    assert [s.points[0][1] for s in measure(ecs, world, *kinds, hours=24)] == [3.0, 3.0, 12.0]
    assert asked(world)[0]["MetricDataQueries"][0]["MetricStat"]["Period"] == 240


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"StatusCode": "InternalError"}, "CloudWatch could not read it"),
        ({"StatusCode": "Forbidden"}, "denied: needs cloudwatch:GetMetricData"),
        ({"StatusCode": "PartialData", "Timestamps": [1.8e9], "Values": [1.0]}, "only a part of it was read"),
        (
            {"StatusCode": "InternalError", "Messages": [{"Code": "X", "Value": "try again"}]},
            "CloudWatch could not read it: try again",
        ),
    ],
)
def test_what_could_not_be_read_is_said_for_each(ecs: Make, world: World, told: dict[str, Any], why: str) -> None:
    world.metrics["CPUUtilization Average"] = told
    bad, good = measure(ecs, world, CPU, Metric(name="MemoryUtilization", namespace="AWS/ECS"))
    assert bad.unread == why
    assert len(bad.points) == len(told.get("Values", []))
    assert good.unread == ""


def test_pages_are_put_together(ecs: Make, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = world.clock.now()
    pages = [
        {"Timestamps": [now - 120], "Values": [1.0], "StatusCode": "PartialData"},
        {"Timestamps": [now - 60], "Values": [2.0], "StatusCode": "Complete"},
    ]

    def answer(NextToken: str = "0", **_: Any) -> Any:
        at = int(NextToken)
        return {
            "MetricDataResults": [{"Id": "m0", **pages[min(at, 1)]}],
            **({} if at and not endless else {"NextToken": str(at + 1)}),
        }

    endless = False
    monkeypatch.setattr(world, "GetMetricData", answer, raising=False)
    (found,) = measure(ecs, world, CPU)
    assert ([v for _, v in found.points], found.unread) == ([1.0, 2.0], "")
    assert world.asked["GetMetricData"] == 2
    endless = True
    measure(ecs, world, CPU)
    assert world.asked["GetMetricData"] == 2 + 5  # bounded


def test_more_than_a_call_takes_is_said(ecs: Make, world: World) -> None:
    found = measure(ecs, world, *([CPU] * 503))
    assert [s.unread for s in found[499:501]] == ["", "at most 500 metrics are read at once"]
    assert world.asked["GetMetricData"] == 1


def test_a_metric_of_elsewhere_is_not_asked_here(ecs: Make, world: World) -> None:
    there = Metric(name="m", namespace="n", region="us-east-1")
    theirs = Metric(name="m", namespace="n", account="999999999999")
    now = world.clock.now()
    found = ecs(account="123456789012").measure([("a", there), ("b", theirs)], now - HOUR, now)
    assert [s.unread for s in found] == [
        "it is in us-east-1, and this source reads eu-west-1",
        "it is in the account 999999999999, and this source reads 123456789012",
    ]
    assert not world.sent
    assert ecs().measure([], now - HOUR, now) == ()


def test_a_denial_names_the_permission(ecs: Make, world: World) -> None:
    world.refuse["GetMetricData"] = error("GetMetricData", "AccessDenied", "", 403)
    with pytest.raises(errors.Denied) as caught:
        measure(ecs, world, CPU)
    assert caught.value.hint == "needs cloudwatch:GetMetricData"


def test_a_window_that_ends_before_it_begins_is_a_minute(ecs: Make, world: World, clock: FakeClock) -> None:
    ecs().measure([("cpu", CPU)], clock.now(), clock.now() - 5)
    (params,) = asked(world)
    assert params["StartTime"] < params["EndTime"]
