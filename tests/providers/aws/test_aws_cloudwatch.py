"""Alarms as alerts: states, severities, whose they are, what mutes them; and a mute rule's window."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alarm_world import SERVICE, Alarms, provider, read
from aws_world import ACCOUNT, REGION, error

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.metric import Metric
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.aws.cloudwatch.mute_rules import duration_s, window
from oncall_tui.providers.aws.cloudwatch.provider import CloudWatchProvider
from oncall_tui.providers.base import ReadRequest, Receipt


def test_states(alarms: Alarms) -> None:
    alarms.add("fires")
    alarms.add("fine", "OK")
    alarms.add("blind", "INSUFFICIENT_DATA")
    alarms.add("whole", AlarmRule="ALARM(fires)", ActionsSuppressedBy="Alarm", ActionsSuppressedReason="a deploy")
    alarms.add("TargetTracking-service/main/api-AlarmLow-1")
    found = read(alarms)
    assert {n: a.state for n, a in found.items() if not a.hidden} == {
        "fires": AlertState.FIRING,
        "blind": AlertState.NO_DATA,
        "whole": AlertState.INHIBITED,
    }
    assert found["whole"].comment == "a deploy"
    assert found["TargetTracking-service/main/api-AlarmLow-1"].hidden == "target tracking"
    assert not any(a.hidden for a in read(alarms, show_target_tracking=True).values())
    one = found["fires"]
    assert one.began == alarms.clock.now() - 60
    assert one.keys == (f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:fires",)
    assert dict(one.annotations)["threshold"] == "CPUUtilization > 80"
    assert one.verbs == {Verb.SILENCE}  # there is no acknowledge in CloudWatch
    assert not read(alarms, read_only=True)["fires"].verbs


def test_whose_it_is_in_both_shapes(alarms: Alarms) -> None:
    alarms.add("plain")
    query = {"Id": "m1", "MetricStat": {"Metric": {"Namespace": "AWS/ECS", "MetricName": "x", "Dimensions": SERVICE}}}
    alarms.add("math", Dimensions=[], Metrics=[{"Id": "e1", "Expression": "m1*2"}, query])
    alarms.add("other", Dimensions=[{"Name": "Queue", "Value": "q"}])
    found = read(alarms)
    for name in ("plain", "math"):
        hint = found[name].hint
        assert (hint.cluster, hint.service, hint.account, hint.region) == ("main", "api", ACCOUNT, REGION)
    assert found["other"].hint.service == ""


def test_the_worst_severity_that_matches(alarms: Alarms) -> None:
    for name in ("api-critical", "api-info", "api"):
        alarms.add(name)
    found = read(alarms, severity={"info": ("api-*",), "critical": ("*-critical",)})
    assert [found[n].severity for n in ("api-critical", "api-info", "api")] == [
        Severity.CRITICAL,
        Severity.INFO,
        Severity.WARNING,
    ]


def test_every_page_and_then_only_what_is_not_fine(alarms: Alarms) -> None:
    for i in range(250):
        alarms.add(f"fine-{i}", "OK")
    alarms.add("last")
    source = provider(alarms)
    assert [a.title for a in source.read(ReadRequest()).alerts] == ["last"]
    assert alarms.asked["DescribeAlarms"] == 3
    alarms.clock.advance(15)
    assert [a.title for a in source.read(ReadRequest()).alerts] == ["last"]
    assert alarms.asked["DescribeAlarms"] == 5  # ALARM, and once a minute INSUFFICIENT_DATA
    alarms.clock.advance(15)
    source.read(ReadRequest())
    assert alarms.asked["DescribeAlarms"] == 6


def test_a_composite_alarm_speaks_of_the_one_service_that_its_parts_speak_of(alarms: Alarms) -> None:
    other = [{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "jobs"}]
    alarms.add("api-5xx", "OK")
    alarms.add("api-slow", "OK")
    alarms.add("jobs-late", "OK", Dimensions=other)
    arn = alarms.alarms["api-slow"]["AlarmArn"]
    alarms.add("one", AlarmRule=f'ALARM("api-5xx") AND (ALARM({arn}) OR NOT OK( api-slow ))', Dimensions=[])
    alarms.add("two", AlarmRule="ALARM(api-5xx) OR ALARM('jobs-late')", Dimensions=[])
    alarms.add("none", AlarmRule="TRUE", Dimensions=[])
    hints = {a.title: a.hint.service for a in provider(alarms).read(ReadRequest()).alerts}
    assert hints == {"one": "api", "two": "", "none": ""}


def test_a_composite_alarm_is_the_same_problem_as_the_one_part_that_makes_it_fire(alarms: Alarms) -> None:
    alarms.add("api-5xx")
    alarms.add("api-slow", "OK")
    alarms.add("pages", AlarmRule="ALARM(api-5xx) OR ALARM(api-slow)", Dimensions=[])
    source = provider(alarms)
    keys = {a.title: a.keys for a in source.read(ReadRequest()).alerts}
    assert set(keys["pages"]) == {alarms.alarms["pages"]["AlarmArn"], *keys["api-5xx"]}
    alarms.add("api-slow")  # now it stands for two problems, and is neither
    keys = {a.title: a.keys for a in source.read(ReadRequest()).alerts}
    assert keys["pages"] == (alarms.alarms["pages"]["AlarmArn"],)


def test_composite_alarms_denied(alarms: Alarms) -> None:
    alarms.add("fires")
    alarms.refuse["composite"] = error("DescribeAlarms", "AccessDenied")
    reading = provider(alarms).read(ReadRequest())
    assert [a.title for a in reading.alerts] == ["fires"]
    assert [(p.scope, p.state) for p in reading.problems] == [("composite alarms", SourceState.DENIED)]


def test_denied_altogether(alarms: Alarms) -> None:
    alarms.refuse["DescribeAlarms"] = error("DescribeAlarms", "AccessDenied")
    with pytest.raises(errors.Denied, match="needs cloudwatch:DescribeAlarms"):
        provider(alarms).read(ReadRequest())


@pytest.mark.parametrize(
    "refusal",
    [
        error("ListAlarmMuteRules", "AccessDenied"),
        error("ListAlarmMuteRules", "500", "", 500, content_type="text/html"),
        error("ListAlarmMuteRules", "ThrottlingException"),
    ],
)
def test_mute_rules_that_cannot_be_read_cost_no_alarm(alarms: Alarms, refusal: Exception) -> None:
    alarms.add("fires")
    alarms.refuse["ListAlarmMuteRules"] = refusal
    reading = provider(alarms).read(ReadRequest())
    assert [a.state for a in reading.alerts] == [AlertState.FIRING]
    assert [p.scope for p in reading.problems] == ["mute rules"]


# --- silencing --------------------------------------------------------------------------------------------------------


def board(source: CloudWatchProvider) -> Board:
    reading = source.read(ReadRequest())
    return merge(1, reading.at, (), (reading,))


def plan(source: CloudWatchProvider, **more: Any) -> Plan:
    ask: dict[str, Any] = {"verb": Verb.SILENCE, "target": "alarms/fires", "version": "", "actor": Actor("Alice")}
    return source.handlers()[Verb.SILENCE].plan(
        ActionRequest(**ask | {"reason": "known", "for_s": 3600.0} | more), board(source)
    )


def test_a_silence_from_plan_to_row(alarms: Alarms) -> None:
    scaling = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:x"
    alarms.add("fires", OKActions=["arn:aws:sns:x"], AlarmActions=[scaling, "arn:aws:sns:x"])
    source = provider(alarms)
    made = plan(source)
    lines = dict(made.lines)
    assert "1 OK action: no resolve is sent while it is muted" in lines["lost"]
    assert "Auto Scaling" in lines["lost"]
    assert any("fire then" in words for words in made.warnings)
    assert made.commands[0].startswith("aws cloudwatch put-alarm-mute-rule --name oncall-tui-")
    handler = source.handlers()[Verb.SILENCE]
    handler.check(made)
    receipt = handler.send(made)
    assert handler.verify(made, receipt).state is OutcomeState.DONE
    alarms.clock.advance(61)
    row = source.read(ReadRequest(fresh=True)).alerts[0]
    assert (row.state, row.by, row.comment) == (AlertState.SILENCED, ("Alice",), "known")
    assert row.until == made.request["until"]
    assert not row.verbs
    alarms.clock.advance(3700)
    assert source.read(ReadRequest()).alerts[0].state is AlertState.FIRING  # also before the rules are read again


def test_what_moved_is_refused(alarms: Alarms) -> None:
    alarms.add("fires")
    source = provider(alarms)
    made = plan(source)
    handler = source.handlers()[Verb.SILENCE]
    alarms.add("fires", StateTransitionedTimestamp=alarms.clock.now())
    with pytest.raises(errors.Refused, match="fired anew"):
        handler.check(made)
    alarms.add("fires", "OK")
    with pytest.raises(errors.Refused, match="is OK now"):
        handler.check(made)
    with pytest.raises(errors.Refused, match="reason"):
        plan(source, reason=" ")
    with pytest.raises(errors.Refused, match="not on the board"):
        plan(source, target="alarms/other")


def test_a_mute_that_never_arrived(alarms: Alarms) -> None:
    alarms.add("fires")
    source = provider(alarms)
    made = plan(source)
    handler = source.handlers()[Verb.SILENCE]
    assert handler.verify(made, None).state is OutcomeState.PENDING
    alarms.clock.advance(30)
    assert handler.verify(made, None).state is OutcomeState.FAILED
    alarms.refuse["PutAlarmMuteRule"] = error("PutAlarmMuteRule", "LimitExceededFault", "too many rules")
    with pytest.raises(errors.ActionFailed, match="too many rules"):
        handler.send(made)
    alarms.clock.advance(30)
    assert handler.verify(made, Receipt()).state is OutcomeState.FAILED


@pytest.mark.parametrize("by", [-3 * 3600.0, 3 * 3600.0])
def test_a_clock_that_is_set_ends_no_mutes_grace_and_lengthens_none(alarms: Alarms, by: float) -> None:
    alarms.add("fires")
    source = provider(alarms)
    made = plan(source)
    handler = source.handlers()[Verb.SILENCE]
    alarms.clock.advance(60)  # a person took a minute to confirm: the grace counts from the write
    alarms.refuse["PutAlarmMuteRule"] = error("PutAlarmMuteRule", "InternalServiceFault", "", 500)
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(made)
    alarms.clock.step(by)
    assert handler.verify(made, None).state is OutcomeState.PENDING
    alarms.clock.advance(30)
    assert handler.verify(made, None).state is OutcomeState.FAILED


@pytest.mark.parametrize(
    ("for_s", "seconds", "duration"),
    [(1, 60, "PT1M"), (61, 120, "PT2M"), (3600, 3600, "PT60M"), (86_400 * 40, 86_400 * 15, "P15D")],
)
def test_a_window_keeps_to_aws_s_bounds(for_s: float, seconds: int, duration: str) -> None:
    begin, lasts, expression, said = window(1_800_000_001.0, for_s)
    assert (begin, lasts, said) == (1_800_000_060, seconds, duration)
    assert expression == "at(2027-01-15T08:01)"
    assert duration_s(said) == seconds


def test_durations() -> None:
    assert [duration_s(t) for t in ("PT4H", "P2DT12H", "PT", "x")] == [14_400, 216_000, None, None]


# --- what an alarm watches, and what happened to it ---


def watches(alarms: Alarms, **more: Any) -> Metric | None:
    alarms.add("it", **({"Namespace": "AWS/ECS", "Statistic": "Average", "Period": 300} | more))
    return read(alarms)["it"].metric


STAT = {
    "Metric": {"Namespace": "AWS/ECS", "MetricName": "MemoryUtilization", "Dimensions": SERVICE[:1]},
    "Period": 120,
    "Stat": "p90",
}
NONE = {"MetricName": "", "Namespace": "", "Statistic": "", "Dimensions": []}


def test_the_metric_that_an_alarm_watches(alarms: Alarms) -> None:
    assert watches(alarms) == Metric(
        name="CPUUtilization",
        namespace="AWS/ECS",
        dimensions=(("ClusterName", "main"), ("ServiceName", "api")),
        statistic="Average",
        period_s=300,
        threshold=80.0,
        comparison="GreaterThanThreshold",
        account=ACCOUNT,
        region=REGION,
    )
    found = watches(alarms, Statistic="", ExtendedStatistic="p99.9")
    assert found
    assert found.statistic == "p99.9"


def test_a_single_metric_among_metrics_is_one_too(alarms: Alarms) -> None:
    found = watches(alarms, Metrics=[{"Id": "m", "MetricStat": STAT, "ReturnData": True}], **NONE)
    assert found
    assert (found.name, found.statistic, found.period_s, found.threshold) == ("MemoryUtilization", "p90", 120, 80.0)
    assert found.dimensions == (("ClusterName", "main"),)


@pytest.mark.parametrize(
    "more",
    [
        {"Metrics": [{"Id": "e", "Expression": "m1/m2*100"}, {"Id": "m1", "MetricStat": STAT}], **NONE},
        {
            "Metrics": [{"Id": "m1", "MetricStat": STAT}, {"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m1)"}],
            **NONE,
        },
        {"Metrics": [{"Id": "q", "Expression": "SELECT MAX(x) FROM y", "Period": 60}], **NONE},
        {"Metrics": [{"Id": "m", "MetricStat": STAT, "AccountId": "999999999999"}], **NONE},
        {"AlarmRule": "ALARM(other)", **NONE},
        {"Threshold": None, "ThresholdMetricId": "b"},
        {"Statistic": ""},
    ],
)
def test_what_is_not_one_metric_with_a_threshold_is_none(alarms: Alarms, more: dict[str, Any]) -> None:
    assert watches(alarms, **more) is None


def test_a_row_stays_the_same_object_while_its_metric_does(alarms: Alarms) -> None:
    alarms.add("it", Namespace="AWS/ECS", Statistic="Average", Period=60)
    reader = provider(alarms)
    (first,), (second,) = reader.read(ReadRequest()).alerts, reader.read(ReadRequest()).alerts
    assert first.metric
    assert first is second
    alarms.alarms["it"]["Threshold"] = 90.0
    (third,) = reader.read(ReadRequest()).alerts
    assert third.metric
    assert third.metric.threshold == 90.0


def test_metrics_are_measured_by_an_alarms_source_too(alarms: Alarms, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = watches(alarms)
    assert metric
    points = {"Timestamps": [alarms.clock.now() - 300], "Values": [91.0], "StatusCode": "Complete"}
    answer = {"MetricDataResults": [{"Id": "m0", **points}]}
    monkeypatch.setattr(alarms, "GetMetricData", lambda **_: answer, raising=False)
    now = alarms.clock.now()
    (found,) = provider(alarms).measure([("cpu", metric)], now - 3600, now)
    assert (found.title, found.points, found.unread) == ("cpu", ((now - 300, 91.0),), "")
    assert provider(alarms).service_metrics("prod/main/api") == ()
    assert alarms.asked["GetMetricData"] == 1


def item(at: float, kind: str, summary: str, data: str = "") -> dict[str, Any]:
    return {"Timestamp": at, "HistoryItemType": kind, "HistorySummary": summary, "HistoryData": data}


def test_what_happened_to_an_alarm_is_told_newest_first(alarms: Alarms) -> None:
    data = json.dumps({"newState": {"stateValue": "ALARM", "stateReason": "Threshold Crossed: 3 datapoints"}})
    alarms.history["team/api"] = [
        item(100.0, "ConfigurationUpdate", 'Alarm "team/api" updated'),
        item(300.2, "Action", "Successfully executed action arn:aws:sns:eu-west-1:123456789012:on-call"),
        item(300.0, "StateUpdate", "Alarm updated from OK to ALARM", data),
        item(200.0, "StateUpdate", "Alarm updated from ALARM to OK", data[:30]),
    ]
    told = provider(alarms).timeline("alarms/team/api")
    assert [(t.at, t.by, t.text) for t in told] == [
        (300.2, "", "Successfully executed action arn:aws:sns:eu-west-1:123456789012:on-call"),
        (300.0, "", "Alarm updated from OK to ALARM: Threshold Crossed: 3 datapoints"),
        (200.0, "", "Alarm updated from ALARM to OK"),
        (100.0, "", 'Alarm "team/api" updated'),
    ]
    assert alarms.asked["DescribeAlarmHistory"] == 1


def test_a_long_history_is_bounded_and_says_so(alarms: Alarms) -> None:
    alarms.history["flaps"] = [item(1000.0 - i, "StateUpdate", f"change {i}") for i in range(450)]
    told = provider(alarms).timeline("alarms/flaps")
    assert (len(told), told[-1].text, alarms.asked["DescribeAlarmHistory"]) == (
        201,
        "what was before this is not read",
        2,
    )
    assert told[-2].text == "change 199"


def test_without_the_right_to_composite_alarms_a_metric_alarm_s_history_is_read(alarms: Alarms) -> None:
    alarms.history["it"] = [item(1.0, "StateUpdate", "Alarm updated from OK to ALARM")]
    alarms.refuse["composite"] = error("DescribeAlarmHistory", "AccessDenied", "no", 403)
    assert len(provider(alarms).timeline("alarms/it")) == 1
    alarms.refuse["DescribeAlarmHistory"] = error("DescribeAlarmHistory", "AccessDenied", "", 403)
    with pytest.raises(errors.Denied) as caught:
        provider(alarms).timeline("alarms/it")
    assert caught.value.hint == "needs cloudwatch:DescribeAlarmHistory"
