"""The simulated queue, by botocore's own client, and what a rule puts into it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Timer
from typing import Any

import pytest
from botocore.exceptions import ClientError

SCENARIO = """
name: told
sources:
  - {name: prod, provider: ecs, account: "111111111111", region: ap-northeast-1, clusters: [main]}
  - {name: db, provider: rds, of: prod}
  - {name: events, provider: eventbridge, of: prod}
services:
  - at: prod/main/api
    desired: 2
    breaker: {enable: true, rollback: true, threshold: 2}
    definitions: {11: {image: "api:v11"}, 13: {image: "api:v13", fails: exit}}
"""


@pytest.fixture
def drill(make_drill: Callable[..., Any]) -> Any:
    return make_drill(SCENARIO)


def client(drill: Any) -> Any:
    return drill.client("events", "sqs")


def url(drill: Any) -> str:
    return f"{drill.endpoints['events']}/111111111111/oncall-events"


def taken(drill: Any, **more: Any) -> list[dict[str, Any]]:
    """The events that are there, off the queue."""
    sqs, found = client(drill), []
    while messages := sqs.receive_message(QueueUrl=url(drill), MaxNumberOfMessages=10, **more).get("Messages"):
        found += [json.loads(one["Body"]) for one in messages]
        entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        assert len(sqs.delete_message_batch(QueueUrl=url(drill), Entries=entries)["Successful"]) == len(messages)
    return found


def test_a_deploy_that_fails_is_told_from_its_begin_to_its_rollback_s_end(drill: Any) -> None:
    drill.do(deploy={"service": "prod/main/api", "revision": 13})
    assert taken(drill) == []
    for _ in range(60):
        drill.advance(3)
    told = taken(drill)
    names = [e["detail"]["eventName"] for e in told if e["detail-type"] == "ECS Deployment State Change"]
    assert names == [
        "SERVICE_DEPLOYMENT_IN_PROGRESS",
        "SERVICE_DEPLOYMENT_FAILED",
        "SERVICE_DEPLOYMENT_COMPLETED",
    ]
    first = next(e for e in told if e["detail-type"] == "ECS Deployment State Change")
    assert first["resources"] == ["arn:aws:ecs:ap-northeast-1:111111111111:service/main/api"]
    assert {"version", "id", "source", "account", "time", "region", "detail"} <= first.keys()
    stops = [e["detail"] for e in told if e["detail-type"] == "ECS Task State Change"]
    assert {d["lastStatus"] for d in stops} == {"STOPPED"}
    assert "EssentialContainerExited" in {d["stopCode"] for d in stops}
    assert len({e["id"] for e in told}) == len(told)


def test_a_database_s_failover_is_told_and_so_is_whatever_a_scenario_sends(drill: Any) -> None:
    drill.do(rds={"name": "payments-db", "what": "failover"})
    detail = {"eventArn": "arn:aws:health:x", "service": "RDS", "eventTypeCode": "AWS_RDS_OPERATIONAL_ISSUE"}
    drill.do(send={"event": {"source": "aws.health", "type": "AWS Health Event", "detail": detail}})
    drill.advance(50)
    told = taken(drill)
    assert [e["detail-type"] for e in told] == ["RDS DB Instance Event", "AWS Health Event", "RDS DB Instance Event"]
    assert [e["detail"].get("Message") for e in told if e["source"] == "aws.rds"] == [
        "Multi-AZ instance failover started.",
        "Multi-AZ instance failover completed",
    ]


def test_a_rule_that_is_switched_off_sends_nothing(drill: Any) -> None:
    drill.do(rule={"enabled": False})
    drill.do(deploy={"service": "prod/main/api", "revision": 13})
    drill.advance(30)
    assert taken(drill) == []


def test_a_message_is_one_reader_s_until_it_comes_again(drill: Any) -> None:
    drill.do(send={"body": "x", "minutes_ago": 5})
    sqs = client(drill)
    asked = {"QueueUrl": url(drill), "VisibilityTimeout": 30, "MessageSystemAttributeNames": ["SentTimestamp"]}
    (first,) = sqs.receive_message(**asked)["Messages"]
    assert 290 < drill.state()["now"] - int(first["Attributes"]["SentTimestamp"]) / 1000 < 310
    assert "Messages" not in sqs.receive_message(**asked)
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url(drill), AttributeNames=counts)["Attributes"]
    assert found == {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}
    drill.advance(31)
    (second,) = sqs.receive_message(**asked)["Messages"]
    assert second["MessageId"] == first["MessageId"]
    sqs.delete_message(QueueUrl=url(drill), ReceiptHandle=second["ReceiptHandle"])
    drill.advance(31)
    assert "Messages" not in sqs.receive_message(**asked)


def test_a_million_cost_nothing_until_they_are_received(drill: Any) -> None:
    drill.do(send={"body": '{"id": "{n}"}', "count": 1_000_000, "minutes_ago": 60})
    assert drill.state()["queues"]["events"]["waiting"] == 1_000_000
    found = client(drill).receive_message(QueueUrl=url(drill), MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(one["Body"])["id"] for one in found] == [str(n) for n in range(1, 11)]
    assert drill.state()["queues"]["events"] == {"waiting": 999_990, "held": 10, "deleted": 0}


def test_who_waits_gets_it_as_it_comes_and_nothing_when_the_time_is_over(drill: Any) -> None:
    sqs, told = client(drill), Timer(0.3, lambda: drill.do(send={"body": "x"}))
    told.start()
    began = time.monotonic()
    assert sqs.receive_message(QueueUrl=url(drill), WaitTimeSeconds=2)["Messages"]
    assert time.monotonic() - began < 1.9
    assert "Messages" not in sqs.receive_message(QueueUrl=url(drill), WaitTimeSeconds=1)
    assert time.monotonic() - began >= 1.0
    assert drill.control("GET", "calls")["sources"]["events"]["ReceiveMessage"] == 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"QueueUrl": "https://sqs/1/other"}, "QueueDoesNotExist"),
        ({"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ({"WaitTimeSeconds": 21}, "InvalidParameterValue"),
    ],
)
def test_what_sqs_refuses_is_refused(drill: Any, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        client(drill).receive_message(**{"QueueUrl": url(drill), **asked})
    assert caught.value.response["Error"]["Code"].endswith(code)


def test_a_queue_is_found_by_its_name(drill: Any) -> None:
    assert client(drill).get_queue_url(QueueName="oncall-events")["QueueUrl"].endswith("/111111111111/oncall-events")
    with pytest.raises(ClientError):
        client(drill).get_queue_url(QueueName="other")
