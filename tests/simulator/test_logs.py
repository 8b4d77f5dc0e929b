"""The simulated CloudWatch Logs: what tasks log, and that it is paged, filtered and late as at AWS."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.conftest import Drill
from tests.simulator.shapes import error_names, faults_of

GROUP = "/ecs/prod-main/payments-api"


def _all(drill: Drill, **asked: Any) -> list[Any]:
    """Every event of a question, page by page; each page has the shape that botocore's model gives it."""
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(500):
        status, answer = drill.raw("prod", "FilterLogEvents", {"logGroupName": GROUP, **asked, **token}, api="logs")
        assert status == 200, answer
        assert faults_of("logs", "FilterLogEvents", answer) == []
        found += answer["events"]
        if "nextToken" not in answer:
            return found
        token = {"nextToken": answer["nextToken"]}
    raise AssertionError("the pages have no end")


def _ms(drill: Drill) -> int:
    return int(1000 * drill.state()["now"])


def test_the_same_lines_whatever_the_pages_and_the_way(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    now = _ms(drill)
    window = {"startTime": now - 300_000, "endTime": now - 5_000}
    whole = _all(drill, **window)
    assert len(whole) > 500
    assert [e["timestamp"] for e in whole] == sorted(e["timestamp"] for e in whole)
    assert len({e["eventId"] for e in whole}) == len(whole)
    assert _all(drill, **window, limit=17) == whole
    assert _all(drill, **window, limit=50, startFromHead=False) == whole[::-1]
    streams = sorted({e["logStreamName"] for e in whole})
    assert len(streams) == 4
    assert [e for e in whole if e["logStreamName"] == streams[0]] == _all(drill, **window, logStreamNames=streams[:1])
    assert _all(drill, **window, logStreamNamePrefix=streams[0]) == _all(drill, **window, logStreamNames=streams[:1])


def test_a_page_may_be_empty_and_go_on(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    now = _ms(drill)
    asked = {"logGroupName": "/ecs/prod-jobs/orders-export", "startTime": now - 7_200_000, "limit": 10_000}
    _, answer = drill.raw("prod", "FilterLogEvents", asked, api="logs")
    assert "nextToken" in answer
    assert len(answer["events"]) < 400


def test_lines_arrive_late(make_drill: Callable[..., Drill]) -> None:
    """What was read up to the newest has holes, which later answers fill."""
    drill = make_drill(
        "name: many\nsources: [{name: prod, provider: ecs, clusters: [prod-main]}]\n"
        "services:\n  - {at: prod/prod-main/payments-api, log_per_s: 50}\n"
    )
    start = _ms(drill)
    drill.advance(5)
    first = _all(drill, startTime=start)
    newest = first[-1]["timestamp"]
    drill.advance(5)
    again = _all(drill, startTime=start, endTime=newest)
    known = {e["eventId"] for e in first}
    assert known < {e["eventId"] for e in again}


def test_a_task_that_dies_says_of_what(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.advance(60)
    texts = [e["message"] for e in _all(drill, startTime=_ms(drill) - 60_000)]
    assert any("v1.9.0 starting" in text for text in texts)
    assert any("MemoryError" in text for text in texts)
    assert "Traceback (most recent call last):" in texts
    stopped = drill.raw("prod", "ListTasks", {"cluster": "prod-main", "desiredStatus": "STOPPED"})[1]["taskArns"]
    task = next(arn for arn in stopped).rsplit("/")[-1]
    assert _all(drill, logStreamNamePrefix=f"ecs/app/{task}")


def test_an_image_that_cannot_be_pulled_logs_nothing(make_drill: Callable[..., Drill]) -> None:
    text = """
name: pull
sources: [{name: prod, provider: ecs, clusters: [prod-main]}]
services:
  - {at: prod/prod-main/payments-api, definitions: {13: {fails: pull}}}
events: [{deploy: {service: prod/prod-main/payments-api, revision: 13}}]
"""
    drill = make_drill(text)
    drill.advance(30)
    tasks = drill.raw("prod", "ListTasks", {"cluster": "prod-main", "desiredStatus": "STOPPED"})[1]["taskArns"]
    assert tasks
    assert _all(drill, logStreamNamePrefix=f"ecs/app/{tasks[0].rsplit('/')[-1]}") == []


def test_a_scenario_says_what_is_logged(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    drill.do(log={"service": "prod/prod-main/payments-api", "text": "ledger is down, try {n}", "share": 0.5})
    start = _ms(drill)
    drill.advance(30)
    drill.do(log_no_more={"service": "prod/prod-main/payments-api"})
    end = _ms(drill)
    drill.advance(30)
    said = [e["timestamp"] for e in _all(drill, startTime=start - 30_000) if "ledger is down" in e["message"]]
    assert said
    assert start <= min(said) <= max(said) <= end


def test_what_is_refused(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("night")
    client = drill.client("prod", "logs")
    for code, asked in (
        ("ResourceNotFoundException", {"logGroupName": "/ecs/none"}),
        ("ResourceNotFoundException", {"logGroupName": GROUP, "logStreamNames": ["ecs/app/none"]}),
        ("InvalidParameterException", {"logGroupName": GROUP, "nextToken": "x"}),
        ("InvalidParameterException", {"logGroupName": GROUP, "startTime": 0, "startFromHead": False}),
        ("InvalidParameterException", {"logGroupName": GROUP, "logStreamNames": ["a"], "logStreamNamePrefix": "a"}),
    ):
        assert code in error_names("logs", "FilterLogEvents")
        with pytest.raises(ClientError) as caught:
            client.filter_log_events(**asked)
        assert caught.value.response["Error"]["Code"] == code
    drill.fault("denied", "prod", operation="FilterLogEvents")
    with pytest.raises(ClientError) as caught:
        client.filter_log_events(logGroupName=GROUP)
    assert "logs:FilterLogEvents on resource: arn:aws:logs:" in caught.value.response["Error"]["Message"]
