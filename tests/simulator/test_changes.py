"""Changes that are no deploys, over the wire: databases' events, scaling activities, edited alarms, and who did it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from oncall_tui.simulator.scenarios.reader import ScenarioError, parse
from oncall_tui.simulator.start import open_world
from tests.simulator.conftest import PAYMENTS, Drill

SCENARIO = """
name: changes
sources:
  - {name: prod, provider: ecs, account: "111111111111", region: ap-northeast-1, clusters: [prod-main], trail_late_s: 5}
  - {name: alarms, provider: cloudwatch}
  - {name: db, provider: rds}
services:
  - {at: prod/prod-main/payments-api, desired: 4}
alarms:
  - {name: api-5xx, threshold: 10}
"""


@pytest.fixture
def changes(make_drill: Callable[..., Drill]) -> Drill:
    return make_drill(SCENARIO)


def said(drill: Drill, **asked: Any) -> list[tuple[str, str]]:
    told = drill.client("db", "rds").describe_events(Duration=60, **asked)["Events"]
    return [(it["SourceIdentifier"], it["Message"]) for it in told]


def trail(drill: Drill, **asked: Any) -> list[dict[str, Any]]:
    drill.advance(6)
    found: list[dict[str, Any]] = drill.client("prod", "cloudtrail").lookup_events(**asked)["Events"]
    return found


def test_a_failover_begins_and_ends(changes: Drill) -> None:
    changes.do(rds={"name": "payments-db", "what": "failover", "takes_s": 40, "by": "alice"})
    assert said(changes) == [("payments-db", "Multi-AZ instance failover started.")]
    changes.advance(41)
    assert [words for _, words in said(changes)][1:] == ["Multi-AZ instance failover completed"]
    (event,) = trail(changes)
    assert (event["EventName"], event["Username"]) == ("RebootDBInstance", "alice")
    assert json.loads(event["CloudTrailEvent"])["requestParameters"]["forceFailover"] is True


def test_a_cluster_has_words_of_its_own_and_what_was_before_is_laid(changes: Drill) -> None:
    changes.do(rds={"name": "orders", "what": "failover", "cluster": True, "minutes_ago": 10})
    assert said(changes, SourceType="db-instance") == []
    assert [words for _, words in said(changes, SourceType="db-cluster")] == [
        "Started cross AZ failover to DB instance: orders-2",
        "Completed failover to DB instance: orders-2",
    ]


def test_events_of_databases_are_paged_by_marker(changes: Drill) -> None:
    for _ in range(21):
        changes.do(rds={"name": "payments-db", "what": "storage"})
    client = changes.client("db", "rds")
    first = client.describe_events(MaxRecords=20)
    rest = client.describe_events(MaxRecords=20, Marker=first["Marker"])
    assert (len(first["Events"]), len(rest["Events"]), rest.get("Marker")) == (20, 1, None)
    assert "low storage" in first["Events"][0]["EventCategories"]
    with pytest.raises(ClientError, match="within the last 14 days"):
        client.describe_events(Duration=60 * 24 * 15)


def test_a_policy_scales_and_a_person_does(changes: Drill) -> None:
    changes.do(scale={"service": PAYMENTS, "desired": 2, "by": "autoscaling"})
    scaling = changes.client("prod", "application-autoscaling")
    (activity,) = scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert activity["ResourceId"] == "service/prod-main/payments-api"
    assert activity["Description"] == "Setting desired count to 2."
    assert activity["StatusCode"] == "InProgress"
    changes.advance(4)
    (activity,) = scaling.describe_scaling_activities(ServiceNamespace="ecs")["ScalingActivities"]
    assert activity["StatusCode"] == "Successful"
    assert activity["EndTime"] > activity["StartTime"]
    changes.do(scale={"service": PAYMENTS, "desired": 6, "by": "bob"})
    assert changes.service()["desired"] == 6
    by_bob, by_policy = trail(changes)
    assert by_bob["Username"] == "bob"
    assert "desiredCount" in by_bob["CloudTrailEvent"]
    assert json.loads(by_policy["CloudTrailEvent"])["userIdentity"]["invokedBy"].startswith("ecs.application-autosc")


def test_an_alarm_is_edited_and_deleted(changes: Drill) -> None:
    client = changes.client("alarms", "cloudwatch")
    changes.do(edit_alarm={"name": "api-5xx", "threshold": 50, "by": "bob"})
    changes.do(edit_alarm={"name": "api-5xx", "delete": True})
    told = client.describe_alarm_history(HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"]
    deleted, edited = sorted(told, key=lambda it: it["HistorySummary"])
    assert (deleted["HistorySummary"], edited["HistorySummary"]) == (
        'Alarm "api-5xx" deleted',
        'Alarm "api-5xx" updated',
    )
    data = json.loads(edited["HistoryData"])
    assert (data["originalUpdatedFields"], data["updatedAlarm"]["threshold"]) == ({"threshold": 10.0}, 50.0)
    assert client.describe_alarms()["MetricAlarms"] == []
    assert [it["EventName"] for it in trail(changes)] == ["PutMetricAlarm"]


def test_cloudtrail_is_late_and_allows_two_calls_a_second(changes: Drill) -> None:
    changes.do(cloudtrail={"event": "PutParameter", "by": "alice", "request": {"name": "/payments/pool"}, "api": "ssm"})
    client = changes.client("prod", "cloudtrail")
    assert client.lookup_events()["Events"] == []
    (event,) = trail(changes, LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}])
    assert event["EventSource"] == "ssm.amazonaws.com"
    client.lookup_events()
    with pytest.raises(ClientError, match="Rate exceeded"):
        client.lookup_events()


def test_what_was_written_over_the_wire_is_in_cloudtrail_and_so_is_a_deploy(changes: Drill) -> None:
    changes.do(deploy={"service": PAYMENTS})
    client = changes.client("prod")
    client.update_service(cluster="prod-main", service="payments-api", desiredCount=5)
    written, deployed = trail(changes)
    assert (written["Username"], deployed["Username"]) == ("alice", "deploy")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("rds: {name: x, what: failover, source: prod}", "expected the name of an rds source, got 'prod'"),
        ("rds: {name: x, what: storage, cluster: true}", "of a cluster expected one of failover, maintenance"),
        ("edit_alarm: {name: nothing}", "no alarm is 'nothing'"),
    ],
)
def test_a_mistake_has_its_line(event: str, words: str) -> None:
    with pytest.raises((ScenarioError, ValueError), match=words):
        open_world(parse(SCENARIO + f"events:\n  - {{after_s: 1, {event}}}\n", "test.yaml"), manual=True)
