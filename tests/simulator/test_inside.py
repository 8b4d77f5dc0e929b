"""What a service is from inside, over the wire: its tasks, its load balancer's targets, its metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulator.conftest import Drill
from tests.simulator.shapes import enums_of

WHERE = {"cluster": "prod-main", "service": "payments-api"}


def group(drill: Drill, name: str = "payments-api") -> str:
    (service,) = drill.client("prod").describe_services(cluster="prod-main", services=[name])["services"]
    return str(service["loadBalancers"][0]["targetGroupArn"])


def targets(drill: Drill, name: str = "payments-api") -> list[dict[str, Any]]:
    answer = drill.client("prod", "elbv2").describe_target_health(TargetGroupArn=group(drill, name))
    assert enums_of("elbv2", "DescribeTargetHealth", answer) == []
    return list(answer["TargetHealthDescriptions"])


def states(drill: Drill, name: str = "payments-api") -> list[str]:
    return sorted(it["TargetHealth"]["State"] for it in targets(drill, name))


def tasks(drill: Drill, wanted: str = "RUNNING") -> list[dict[str, Any]]:
    client = drill.client("prod")
    arns = client.list_tasks(cluster="prod-main", serviceName="payments-api", desiredStatus=wanted)["taskArns"]
    return list(client.describe_tasks(cluster="prod-main", tasks=arns)["tasks"]) if arns else []


def series(drill: Drill, name: str, stat: str, source: str = "prod", minutes: int = 60) -> list[float]:
    now = drill.state()["now"]
    dimensions = [{"Name": "ClusterName", "Value": "prod-main"}, {"Name": "ServiceName", "Value": "payments-api"}]
    metric = {"Namespace": "AWS/ECS", "MetricName": name, "Dimensions": dimensions}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}
    client = drill.client(source, "cloudwatch")
    asked = {"StartTime": now - 60 * minutes, "EndTime": now, "ScanBy": "TimestampAscending"}
    (told,) = client.get_metric_data(MetricDataQueries=[query], **asked)["MetricDataResults"]
    assert told["StatusCode"] == "Complete"
    return list(told["Values"])


def test_targets_are_the_tasks_addresses(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    held = {c["networkInterfaces"][0]["privateIpv4Address"] for t in tasks(drill) for c in t["containers"]}
    assert {it["Target"]["Id"] for it in targets(drill)} == held
    assert states(drill) == ["healthy"] * 4
    assert {it["Target"]["AvailabilityZone"][:-1] for it in targets(drill)} == {"ap-northeast-1"}


def test_targets_are_unhealthy_while_tasks_run_where_a_scenario_says_so(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.do(targets={"service": "prod/prod-main/payments-api", "state": "unhealthy", "reason": "Request timed out"})
    assert states(drill) == ["unhealthy"] * 4
    health = targets(drill)[0]["TargetHealth"]
    assert health["Reason"] == "Target.ResponseCodeMismatch"
    assert health["Description"] == "Request timed out"
    assert [t["lastStatus"] for t in tasks(drill)] == ["RUNNING"] * 4
    drill.do(targets={"service": "prod/prod-main/payments-api"})
    assert states(drill) == ["healthy"] * 4


def test_targets_of_a_revision_that_a_load_balancer_does_not_like(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("""
name: t
sources: [{name: prod, provider: ecs, clusters: [prod-main]}]
services:
  - {at: prod/prod-main/payments-api, exec: true, targets: healthy, definitions: {13: {targets: unhealthy}}}
events: [{deploy: {service: prod/prod-main/payments-api, revision: 13}}]
""")
    for _ in range(12):
        drill.advance(5)
    assert states(drill)[-2:] == ["unhealthy", "unhealthy"]
    (task, _) = tasks(drill)
    assert task["enableExecuteCommand"]
    assert task["containers"][0]["managedAgents"][0]["lastStatus"] == "RUNNING"
    assert task["containers"][0]["runtimeId"].startswith(task["taskArn"].rsplit("/")[-1])


def test_a_group_that_is_not_there(make_drill: Callable[..., Drill]) -> None:
    client = make_drill("night").client("prod", "elbv2")
    with pytest.raises(ClientError) as caught:
        client.describe_target_health(TargetGroupArn="arn:aws:elasticloadbalancing:x:1:targetgroup/no/1")
    assert caught.value.response["Error"]["Code"] == "TargetGroupNotFound"


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "Throttling", 400),
        ("error500", "InternalFailure", 500),
        ("expired", "ExpiredToken", 403),
        ("unauthorized", "InvalidClientTokenId", 403),
        ("denied", "AccessDenied", 403),
    ],
)
def test_faults_in_xml(make_drill: Callable[..., Drill], kind: str, code: str, status: int) -> None:
    drill = make_drill("night")
    arn = group(drill)
    drill.fault(kind, "prod", operation="DescribeTargetHealth")
    with pytest.raises(ClientError) as caught:
        drill.client("prod", "elbv2").describe_target_health(TargetGroupArn=arn)
    told = caught.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    if kind == "denied":
        said = f"perform: elasticloadbalancing:DescribeTargetHealth on resource: {arn}"
        assert said in told["Error"]["Message"]
    assert drill.client("prod").list_clusters()["clusterArns"]  # nothing else is spoiled


def test_what_hangs_and_what_is_denied_of_metrics(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    id_ = drill.fault("hang", "prod", operation="GetMetricData", delay_s=3)
    asked = {"MetricDataQueries": [], "StartTime": 0, "EndTime": 60}
    with pytest.raises(ReadTimeoutError):
        drill.client("prod", "cloudwatch", timeout=0.2).get_metric_data(**asked)
    drill.control("DELETE", f"faults/{id_}")
    drill.fault("denied", "prod", operation="GetMetricData")
    with pytest.raises(ClientError, match="cloudwatch:GetMetricData"):
        drill.client("prod", "cloudwatch").get_metric_data(**asked)


def test_a_bad_deploy_is_seen_in_the_metrics(make_drill: Callable[..., Drill]) -> None:
    """Memory climbs to its end, and tasks are gone; before it, all is as usual."""
    drill = make_drill("night")
    for _ in range(48):
        drill.advance(5)
    memory, running = series(drill, "MemoryUtilization", "Maximum"), series(drill, "CPUUtilization", "SampleCount")
    assert max(memory[:50]) < 75
    assert max(memory[-3:]) > 95
    assert set(running[:50]) == {4.0}
    assert min(running[-2:]) < 4.0 or max(running[-4:]) > 4.0
    assert max(series(drill, "CPUUtilization", "Average")) <= 100
    assert series(drill, "MemoryUtilization", "Maximum", source="alarms") == memory


def test_no_task_no_metric(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.do(scale={"service": "prod/prod-main/payments-api", "desired": 0})
    drill.advance(600)
    assert series(drill, "CPUUtilization", "SampleCount", minutes=5) == []
    assert len(series(drill, "CPUUtilization", "SampleCount", minutes=30)) > 15


def test_an_alarm_s_history_has_its_states_and_what_was_sent(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    client = drill.client("alarms", "cloudwatch")

    def told(name: str) -> list[tuple[str, str]]:
        items = client.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
        return [(it["HistoryItemType"], it["HistorySummary"].partition(" action ")[0]) for it in items]

    assert told("search-index-cpu-high") == [
        ("Action", "Successfully executed"),
        ("StateUpdate", "Alarm updated from OK to ALARM"),
    ]
    assert told("payments-api-5xx-critical") == []
    for _ in range(12):
        drill.advance(10)
    assert told("payments-api-5xx-critical")[-1] == ("StateUpdate", "Alarm updated from OK to ALARM")


def test_an_alarm_that_is_in_alarm_below_its_threshold(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("health-check")
    for _ in range(8):
        drill.advance(5)
    client = drill.client("alarms", "cloudwatch")
    (alarm,) = client.describe_alarms()["MetricAlarms"]
    assert (alarm["StateValue"], alarm["ComparisonOperator"]) == ("ALARM", "LessThanThreshold")
    assert "less than the threshold (3.0)" in alarm["StateReason"]
    values = _last_minutes(drill, alarm)
    assert (values[0], values[-1]) == (3.0, 0.0)


def test_an_alarm_on_the_tasks_that_run_says_what_the_service_says(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("capacity")
    client = drill.client("alarms", "cloudwatch")
    (alarm,) = client.describe_alarms()["MetricAlarms"]
    assert alarm["StateValue"] == "OK"
    assert _last_minutes(drill, alarm)[-1] == 100.0  # all that are wanted, however few they are
    for _ in range(30):
        drill.advance(5)
    (alarm,) = client.describe_alarms()["MetricAlarms"]
    assert (alarm["StateValue"], alarm["ComparisonOperator"]) == ("ALARM", "LessThanThreshold")
    asked = {"cluster": "prod-main", "services": ["search-api"]}
    (service,) = drill.client("prod", "ecs").describe_services(**asked)["services"]
    assert (service["runningCount"], service["desiredCount"]) == (4, 6)
    assert _last_minutes(drill, alarm)[-1] == pytest.approx(100 * 4 / 6, abs=0.01)


def _last_minutes(drill: Drill, alarm: dict[str, Any]) -> list[float]:
    """The values of the alarm's metric in the last ten minutes, the oldest first."""
    client = drill.client("alarms", "cloudwatch")
    metric = {key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions")}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": alarm["Statistic"]}}
    now = drill.state()["now"]
    asked = {"StartTime": now - 600, "EndTime": now, "ScanBy": "TimestampAscending"}
    (told,) = client.get_metric_data(MetricDataQueries=[query], **asked)["MetricDataResults"]
    return list(told["Values"])
