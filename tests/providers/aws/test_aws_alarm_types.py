"""Alarms of every type that AWS has, what is said where one cannot be read, and what an alarm watches, in words."""

from __future__ import annotations

from typing import Any

import pytest
from alarm_world import SERVICE, Alarms, provider, read
from aws_world import ACCOUNT, REGION, error, model

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import merge
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.aws.cloudwatch.alarm_types import ALARM_TYPES
from oncall_tui.providers.aws.cloudwatch.mapping import console
from oncall_tui.providers.base import ReadRequest

LOG: dict[str, Any] = {
    "MetricName": "",
    "Dimensions": [],
    "ScheduledQueryConfiguration": {
        "QueryString": "fields @message | filter @message like /panic/",
        "LogGroupIdentifiers": [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/api:*"],
        "AggregationExpression": "count(*)",
    },
}
OF_TYPE: dict[str, dict[str, Any]] = {
    "MetricAlarm": {},
    "CompositeAlarm": {"AlarmRule": "ALARM(x)", "Dimensions": [], "MetricName": ""},
    "LogAlarm": LOG,
}


def test_an_alarm_of_every_type_of_the_model_is_a_row_with_its_history_and_a_silence(alarms: Alarms) -> None:
    assert set(OF_TYPE) == set(model("cloudwatch").shape_for("AlarmType").enum)
    for kind, more in OF_TYPE.items():
        alarms.add(kind, **more)
    source = provider(alarms)
    reading = source.read(ReadRequest())
    assert {a.title: a.state for a in reading.alerts} == dict.fromkeys(OF_TYPE, AlertState.FIRING)
    assert reading.problems == ()
    alarms.history["LogAlarm"] = [{"Timestamp": 1.0, "HistoryItemType": "Action", "HistorySummary": "sent"}]
    assert [t.text for t in source.timeline("alarms/LogAlarm")] == ["sent"]
    board = merge(1, reading.at, (), (reading,))
    for kind in OF_TYPE:
        ask = ActionRequest(
            verb=Verb.SILENCE,
            target=f"alarms/{kind}",
            version="",
            actor=Actor("Alice"),
            reason="known",
            for_s=3600.0,
        )
        made = source.handlers()[Verb.SILENCE].plan(ask, board)
        source.handlers()[Verb.SILENCE].check(made)


@pytest.mark.parametrize(
    ("refused", "scope"),
    [
        (("composite",), "composite alarms"),
        (("log",), "log alarms"),
        (("composite", "log"), "composite and log alarms"),
    ],
)
def test_a_type_that_is_denied_is_said_and_costs_no_other(alarms: Alarms, refused: tuple[str, ...], scope: str) -> None:
    for kind, more in OF_TYPE.items():
        alarms.add(kind, **more)
    alarms.refuse |= {name: error("DescribeAlarms", "AccessDenied") for name in refused}
    source = provider(alarms)
    for _ in range(2):
        reading = source.read(ReadRequest())
        lost = {"composite": "CompositeAlarm", "log": "LogAlarm"}
        assert {a.title for a in reading.alerts} == set(OF_TYPE) - {lost[name] for name in refused}
        assert [(p.scope, p.state) for p in reading.problems] == [(scope, SourceState.DENIED)]
    before = alarms.asked["DescribeAlarms"]
    source.read(ReadRequest())
    assert alarms.asked["DescribeAlarms"] == before + 1  # asked again for all types only in five minutes
    alarms.refuse.clear()
    alarms.clock.advance(301)
    reading = source.read(ReadRequest())
    assert (len(reading.alerts), reading.problems) == (3, ())


def test_an_endpoint_that_knows_no_log_alarms_has_none_and_all_is_well(alarms: Alarms) -> None:
    alarms.add("fires")
    alarms.add("both", AlarmRule="ALARM(fires)")
    alarms.refuse["log"] = error("DescribeAlarms", "ValidationError", "alarmTypes: Member must satisfy enum value set")
    alarms.history["fires"] = [{"Timestamp": 1.0, "HistoryItemType": "Action", "HistorySummary": "sent"}]
    source = provider(alarms)
    reading = source.read(ReadRequest())
    assert ({a.title for a in reading.alerts}, reading.problems) == ({"fires", "both"}, ())
    assert len(source.timeline("alarms/fires")) == 1


def test_a_type_that_only_a_newer_model_knows_is_said(alarms: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    source = provider(alarms)
    words = (*ALARM_TYPES, "TraceAlarm")
    monkeypatch.setattr(source._sessions, "enum", lambda service, shape: words if shape == "AlarmType" else ())
    (problem,) = source.read(ReadRequest()).problems
    assert (problem.scope, problem.state) == ("alarms of type TraceAlarm", SourceState.OK)
    assert "does not read them" in problem.message


def test_the_types_of_the_installed_model_are_known_once_a_client_is_there(alarms: Alarms) -> None:
    sessions = provider(alarms)._sessions
    assert sessions.enum("cloudwatch", "AlarmType") == ()
    sessions.client("cloudwatch")
    assert sessions.enum("cloudwatch", "AlarmType") == tuple(model("cloudwatch").shape_for("AlarmType").enum)


# --- what it watches, and whether that is evaluated -------------------------------------------------------------------


def stat(name: str, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": SERVICE}
    return {"Id": name[:2].lower(), "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, **more}


MATH = [
    {"Id": "rate", "Expression": "100*ht/re", "Label": "5xx rate", "ReturnData": True},
    stat("HTTPCode_Target_5XX_Count", ReturnData=False),
    stat("RequestCount", ReturnData=False),
]
BAND = [stat("Latency", ReturnData=True), {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(la, 2)"}]
NONE: dict[str, Any] = {"MetricName": "", "Dimensions": []}


@pytest.mark.parametrize(
    ("more", "metric", "threshold", "others"),
    [
        (
            {"Metrics": MATH} | NONE,
            "HTTPCode_Target_5XX_Count, RequestCount",
            "5xx rate > 80",
            {"expression": "rate = 100*ht/re"},
        ),
        (
            {"Metrics": BAND, "Threshold": None, "ThresholdMetricId": "b"}
            | {"ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold"}
            | NONE,
            "Latency",
            "Latency outside ANOMALY_DETECTION_BAND(la, 2)",
            {},
        ),
        (
            {"Metrics": [{"Id": "q", "Expression": "SELECT MAX(x) FROM y"}]} | NONE,
            "",
            "SELECT MAX(x) FROM y > 80",
            {"expression": "q = SELECT MAX(x) FROM y"},
        ),
        (
            {"EvaluationCriteria": {"PromQLCriteria": {"Query": "up == 0"}}, "Threshold": None} | NONE,
            "",
            "",
            {"query": "up == 0"},
        ),
        (
            LOG,
            "",
            "count(*) > 80",
            {"log groups": "/ecs/api", "query": LOG["ScheduledQueryConfiguration"]["QueryString"]},
        ),
        ({}, "CPUUtilization", "CPUUtilization > 80", {}),
    ],
)
def test_every_kind_of_alarm_names_what_it_watches(
    alarms: Alarms, more: dict[str, Any], metric: str, threshold: str, others: dict[str, str]
) -> None:
    alarms.add("it", **more)
    found = read(alarms)["it"]
    told = dict(found.annotations)
    assert (found.label("metric"), told.get("threshold", "")) == (metric, threshold)
    assert {key: told.get(key) for key in others} == others


@pytest.mark.parametrize(
    ("state", "evaluation", "wanted", "words"),
    [
        ("INSUFFICIENT_DATA", "EVALUATION_ERROR", AlertState.UNKNOWN, "configuration is wrong"),
        ("OK", "EVALUATION_ERROR", AlertState.UNKNOWN, "configuration is wrong"),
        ("ALARM", "EVALUATION_ERROR", AlertState.FIRING, "configuration is wrong"),
        ("INSUFFICIENT_DATA", "EVALUATION_FAILURE", AlertState.NO_DATA, "could not evaluate"),
        ("INSUFFICIENT_DATA", "", AlertState.NO_DATA, ""),
        ("INSUFFICIENT_DATA", "NEW_WORD", AlertState.NO_DATA, "new word"),
        ("ALARM", "PARTIAL_DATA", AlertState.FIRING, ""),
        ("NEW_STATE", "", AlertState.UNKNOWN, "NEW_STATE, which oncall-tui does not know"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_not_one_without_data(
    alarms: Alarms, state: str, evaluation: str, wanted: AlertState, words: str
) -> None:
    alarms.add("it", state, **({"EvaluationState": evaluation} if evaluation else {}))
    found = read(alarms)["it"]
    assert found.state is wanted
    assert words in found.comment if words else not found.comment
    assert bool(dict(found.annotations).get("evaluation")) is bool(evaluation)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ("us-iso-east-1", ""),
        ("eu-isoe-west-1", ""),
        ("", ""),
    ],
)
def test_an_alarm_s_link_is_of_its_partition(region: str, host: str) -> None:
    link = console(region, "a/b: c")
    assert link == (f"https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/a%2Fb%3A%20c" if host else "")
