"""Every ECS and CloudWatch answer has the shape that botocore's service models give it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.conftest import Drill
from tests.simulator.shapes import faults_of

MUTE = {"Rule": {"Schedule": {"Expression": "at(2020-01-01T00:00)", "Duration": "PT30M"}}}


def _check(drill: Drill, source: str, operation: str, asked: object) -> Any:
    status, answer = drill.raw(source, operation, asked)
    service = "cloudwatch" if source == "alarms" else "ecs"
    assert status == 200, answer
    assert faults_of(service, operation, answer) == []
    return answer


def _read_all(drill: Drill) -> None:
    _check(drill, "prod", "ListClusters", {})
    clusters = _check(drill, "prod", "DescribeClusters", {"clusters": ["prod-main", "no"], "include": ["STATISTICS"]})
    assert clusters["failures"][0]["reason"] == "MISSING"
    arns = _check(drill, "prod", "ListServices", {"cluster": "prod-main"})["serviceArns"]
    _check(drill, "prod", "DescribeServices", {"cluster": "prod-main", "services": [*arns[:9], 'no"such']})
    where = {"cluster": "prod-main", "service": "payments-api"}
    some = _check(drill, "prod", "ListServiceDeployments", where)["serviceDeployments"]
    arns = [it["serviceDeploymentArn"] for it in some]
    full = _check(drill, "prod", "DescribeServiceDeployments", {"serviceDeploymentArns": [*arns, "arn:no"]})
    revisions = [it["targetServiceRevision"]["arn"] for it in full["serviceDeployments"]]
    _check(drill, "prod", "DescribeServiceRevisions", {"serviceRevisionArns": [*revisions, "arn:no"]})
    _check(drill, "prod", "DescribeTaskDefinition", {"taskDefinition": "payments-api"})
    _check(drill, "prod", "ListTaskDefinitions", {"familyPrefix": "payments-api", "sort": "DESC"})
    for wanted in ("RUNNING", "STOPPED"):
        tasks = _check(drill, "prod", "ListTasks", {"cluster": "prod-main", "desiredStatus": wanted})["taskArns"]
        if tasks:
            _check(drill, "prod", "DescribeTasks", {"cluster": "prod-main", "tasks": tasks})


def test_shapes_at_rest(make_drill: Callable[..., Drill]) -> None:
    _read_all(make_drill("night"))


def test_shapes_through_a_bad_deploy_and_its_rollback(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    for _ in range(12):
        drill.advance(5)
        _read_all(drill)
    arn = drill.service()["deployment"]
    _check(drill, "prod", "StopServiceDeployment", {"serviceDeploymentArn": arn, "stopType": "ROLLBACK"})
    for _ in range(6):
        drill.advance(5)
        _read_all(drill)
    assert drill.state()["deployments"]["prod/prod-main/payments-api"][0]["status"] == "ROLLBACK_SUCCESSFUL"
    asked = {"cluster": "prod-main", "service": "payments-api", "taskDefinition": "payments-api:40"}
    _check(drill, "prod", "UpdateService", asked)


@pytest.mark.parametrize("after", [0, 60])
def test_cloudwatch_shapes(make_drill: Callable[..., Drill], after: int) -> None:
    drill = make_drill("night")
    drill.advance(after)
    both = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    assert _check(drill, "alarms", "DescribeAlarms", both)["CompositeAlarms"]
    assert _check(drill, "alarms", "DescribeAlarms", {})["CompositeAlarms"] == []
    items = _check(drill, "alarms", "DescribeAlarmHistory", both)["AlarmHistoryItems"]
    assert items  # of what is in ALARM since before the world began
    _check(drill, "alarms", "PutAlarmMuteRule", {"Name": "m", "MuteTargets": {"AlarmNames": ["a"]}, **MUTE})
    assert _check(drill, "alarms", "ListAlarmMuteRules", {})["AlarmMuteRuleSummaries"][0]["Status"] == "EXPIRED"
    _check(drill, "alarms", "GetAlarmMuteRule", {"AlarmMuteRuleName": "m"})
    _check(drill, "alarms", "DeleteAlarmMuteRule", {"AlarmMuteRuleName": "m"})
    assert drill.raw("alarms", "GetAlarmMuteRule", {"AlarmMuteRuleName": "m"})[0] == 404


def test_alarms_of_every_type_and_a_service_of_express_mode() -> None:
    from oncall_tui.simulator.scenarios.reader import parse
    from oncall_tui.simulator.start import open_world

    words = """
name: kinds
sources: [{name: alarms, provider: cloudwatch, account: prod}, {name: prod, provider: ecs}]
services: [{at: prod/main/api, revision: 2, express: true}]
alarms:
  - {name: metric, state: ALARM}
  - {name: all, any_of: [metric]}
  - {name: panics, state: ALARM, query: "fields @message | filter @message like /panic/"}
"""
    opened = open_world(parse(words, "kinds.yaml"), manual=True)
    try:
        drill = Drill(opened)
        kinds = ["MetricAlarm", "CompositeAlarm", "LogAlarm"]
        for some in (*([kind] for kind in kinds), kinds):
            told = _check(drill, "alarms", "DescribeAlarms", {"AlarmTypes": some})
            assert [len(told[f"{kind}s"]) for kind in kinds] == [int(kind in some) for kind in kinds]
        assert drill.raw("alarms", "DescribeAlarms", {"AlarmTypes": ["TraceAlarm"]})[0] == 400
        (found,) = _check(drill, "prod", "DescribeServices", {"cluster": "main", "services": ["api"]})["services"]
        assert found["resourceManagementType"] == "ECS"
    finally:
        opened.close()


def test_metric_data_goes_with_the_alarms(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.advance(180)
    now = drill.state()["now"]

    def query(id: str, namespace: str, name: str, service: str) -> object:
        dimensions = [{"Name": "ClusterName", "Value": "prod-main"}, {"Name": "ServiceName", "Value": service}]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}

    queries = [
        query("bad", "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "payments-api"),
        query("cpu", "AWS/ECS", "CPUUtilization", "auth-api"),
        query("none", "AWS/ECS", "Nothing", "auth-api"),
    ]
    asked = {"MetricDataQueries": queries, "StartTime": now - 3600, "EndTime": now + 60, "ScanBy": "TimestampAscending"}
    told = _check(drill, "alarms", "GetMetricData", asked)["MetricDataResults"]
    assert [len(it["Values"]) for it in told] in ([61, 61, 0], [60, 60, 0])  # 60 where a minute ends just then
    assert max(told[0]["Values"][:50]) < 50 < told[0]["Values"][-1]
    assert drill.raw("alarms", "GetMetricData", {**asked, "EndTime": 0})[0] == 400
    assert (
        drill.raw("alarms", "GetMetricData", {**asked, "MetricDataQueries": [{"Id": "m", "Expression": "1"}]})[0] == 400
    )


def test_scale_shapes_and_pages(make_drill: Callable[..., Drill]) -> None:
    from oncall_tui.simulator.scenarios.scale import scale
    from oncall_tui.simulator.start import open_world

    opened = open_world(scale(240, 30), manual=True)
    try:
        drill = Drill(opened)
        pages = drill.client("prod").get_paginator("list_services").paginate(cluster="prod-main")
        names = [arn for page in pages for arn in page["serviceArns"]]
        assert len(names) == 60
        answer = _check(drill, "prod", "DescribeServices", {"cluster": "prod-main", "services": names[:10]})
        assert [len(service["events"]) for service in answer["services"]] == [100] * 10
        assert len(drill.state()["alerts"]) == 30
    finally:
        opened.close()
