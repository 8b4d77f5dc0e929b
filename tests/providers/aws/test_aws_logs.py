"""Where a service's containers log to, and their lines out of CloudWatch Logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from aws_world import World, error, task_definition
from drill_world import Drill

from oncall_tui import errors
from oncall_tui.domain.logs import LogDestination, LogQuery
from oncall_tui.providers.aws.client.session import RAW, Sessions
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.inspect.log_destinations import places
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

APP = LogDestination(
    container="app",
    driver="awslogs",
    where="",
    readable=True,
    group="/ecs/api",
    region="eu-west-1",
    prefix="ecs/app/",
)


def _definition(*containers: dict[str, Any], number: int = 1) -> w.EcsTaskDefinition:
    """As it comes over the wire."""
    raw = {"taskDefinitionArn": task_definition("api", number), "containerDefinitions": list(containers)}
    return msgspec.json.decode(json.dumps(raw), type=w.EcsTaskDefinition)


def _container(driver: str, name: str = "app", **options: str) -> dict[str, Any]:
    return {
        "name": name,
        "logConfiguration": {
            "logDriver": driver,
            "options": {k.replace("__", "-"): v for k, v in options.items()},
            "secretOptions": [{"name": "apikey", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/not-to-be-kept"}],
        },
    }


def _one(*containers: dict[str, Any]) -> LogDestination:
    return places([_definition(*containers)], "eu-west-1", "api")[0]


AWSLOGS = {"awslogs__group": "/ecs/api", "awslogs__region": "eu-west-1", "awslogs__stream__prefix": "ecs"}


def test_awslogs() -> None:
    place = _one(_container("awslogs", **AWSLOGS))
    assert (place.readable, place.group, place.region, place.prefix) == (True, "/ecs/api", "eu-west-1", "ecs/app/")
    assert (place.where, place.note) == ("/ecs/api in eu-west-1", "")


def test_awslogs_in_another_region_and_without_a_prefix() -> None:
    place = _one(_container("awslogs", awslogs__group="/ecs/api", awslogs__region="us-east-1"))
    assert (place.region, place.prefix, place.readable) == ("us-east-1", "", True)
    assert "a task's lines cannot be picked" in place.note


def test_a_group_that_may_be_many_services() -> None:
    place = _one(_container("awslogs", awslogs__group="/ecs/all", awslogs__stream__prefix="ecs"))
    assert "other services" in place.note


@pytest.mark.parametrize(
    ("container", "where"),
    [
        (_container("splunk", splunk__url="https://user:drill-account@splunk.example.com:8088/services/x"),
         "Splunk: splunk-url https://splunk.example.com:8088"),
        (_container("json-file"), "a file on the container instance (json-file)"),
        (_container("none"), "nowhere: the driver is none"),
        (_container("syslog", syslog__address="udp://10.0.0.1:514"), "syslog: syslog-address udp://10.0.0.1:514"),
        (_container("acme"), "acme"),
        ({"name": "app"}, "no log driver is configured (on EC2 Docker's own, json-file)"),
        (_container("awsfirelens", Name="datadog", Host="http-intake.logs.example.com", dd_service="pay", apikey="s3"),
         "FireLens → Datadog: host http-intake.logs.example.com, dd_service pay"),
        (_container("awsfirelens", Name="firehose", delivery_stream="pay-logs", region="us-east-1"),
         "FireLens → Data Firehose: stream pay-logs, region us-east-1"),
        (_container("awsfirelens", **{"@type": "s3", "bucket": "pay-logs"}), "FireLens → S3: bucket pay-logs"),
        (_container("awsfirelens"), "FireLens, and no container of the task routes it"),
    ],
)  # fmt: skip
def test_where_else_lines_go(container: dict[str, Any], where: str) -> None:
    place = _one(container)
    assert (place.where, place.readable) == (where, False)


def test_firelens_as_its_router_s_own_file_says() -> None:
    router = {"name": "log_router", "firelensConfiguration": {
        "type": "fluentbit", "options": {"config-file-type": "file", "config-file-value": "/fluent.conf"}}}  # fmt: skip
    place = _one(_container("awsfirelens"), router)
    assert place.where == "FireLens → as fluentbit's own configuration in log_router says: /fluent.conf"


def test_firelens_to_cloudwatch_is_read_there() -> None:
    options = {
        "Name": "cloudwatch_logs",
        "log_group_name": "/app/api",
        "log_stream_prefix": "x-",
        "region": "us-east-1",
    }
    place = _one(_container("awsfirelens", **options))
    assert (place.readable, place.group, place.region, place.prefix) == (
        True, "/app/api", "us-east-1", "x-app-firelens-")  # fmt: skip
    templated = _one(_container("awsfirelens", **(options | {"log_group_name": "/app/$(ecs_cluster)"})))
    assert not templated.readable


def test_no_option_that_may_be_a_secret_is_kept() -> None:
    kept = _definition(_container("splunk", splunk__token="drill-account", splunk__url="https://a.example.com"))
    assert "drill-account" not in msgspec.json.encode(kept).decode()
    assert "not-to-be-kept" not in msgspec.json.encode(kept).decode()


def test_the_places_of_what_runs(ecs: Callable[..., EcsProvider], world: World) -> None:
    world.rolling("main", "api", 41, 42)
    provider = ecs()
    assert [p.where for p in provider.log_places("prod/main/api")] == [
        "no log driver is configured (on EC2 Docker's own, json-file)"
    ]  # the same for both revisions
    assert world.asked["DescribeTaskDefinition"] == 2
    provider.log_places("prod/main/api")
    assert world.asked["DescribeTaskDefinition"] == 2  # they never change
    assert provider.log_places("prod/main/none") == ()


def _events(*events: tuple[float, str, str], token: str = "", stream: str = "ecs/app/t1") -> Callable[..., Any]:
    def answer(**_: Any) -> Any:
        found = [
            {"eventId": i, "timestamp": int(at * 1000), "ingestionTime": 0, "message": m, "logStreamName": stream}
            for at, i, m in events
        ]
        return {"events": found, "searchedLogStreams": [], **({"nextToken": token} if token else {})}

    return answer


def test_a_page(ecs: Callable[..., EcsProvider], world: World, clock: FakeClock) -> None:
    world.FilterLogEvents = _events((10.5, "b", "ERROR no\n"), (9.0, "a", "fine"), token="more")  # type: ignore[attr-defined]
    wanted = LogQuery(place=APP, since=5.0, until=20.0, task="t1", limit=100, token="before")
    page = ecs().log_page(wanted)
    assert [(it.at, it.id, it.text, it.level) for it in page.lines] == [
        (9.0, "a", "fine", ""),
        (10.5, "b", "ERROR no", "error"),
    ]
    assert (page.lines[0].stream.task, page.lines[0].stream.container, page.token) == ("t1", "app", "more")
    assert world.sent[-1][1] == {
        "logGroupName": "/ecs/api", "startTime": 5000, "endTime": 20000, "logStreamNamePrefix": "ecs/app/t1",
        "limit": 100, "nextToken": "before"}  # fmt: skip


def test_newest_first_is_asked_for_only_where_it_is_known(ecs: Callable[..., EcsProvider], world: World) -> None:
    world.FilterLogEvents = _events()  # type: ignore[attr-defined]
    provider = ecs()
    provider.log_page(LogQuery(place=APP, since=1_800_000_000.0, newest=True))
    assert world.sent[-1][1]["startFromHead"] is False
    provider.log_page(LogQuery(place=APP, since=1_600_000_000.0, newest=True))
    assert "startFromHead" not in world.sent[-1][1]


def test_lines_of_other_streams_and_endless_ones(ecs: Callable[..., EcsProvider], world: World) -> None:
    """An endpoint that passes over the prefix (a simulation) must not mix in others' lines; memory is bounded."""
    world.FilterLogEvents = _events((1.0, "a", "other"), stream="ecs/other/t9")  # type: ignore[attr-defined]
    assert ecs().log_page(LogQuery(place=APP, since=0.0)).lines == ()
    world.FilterLogEvents = _events((1.0, "a", "x" * 200_000))  # type: ignore[attr-defined]
    (line,) = ecs().log_page(LogQuery(place=APP, since=0.0)).lines
    assert len(line.text) < 33_000
    assert line.text.endswith("(cut: 200000 characters)")


def test_two_calls_a_second_at_the_most(ecs: Callable[..., EcsProvider], world: World, clock: FakeClock) -> None:
    world.FilterLogEvents = _events()  # type: ignore[attr-defined]
    provider = ecs()
    for _ in range(200):  # 10 seconds, asked 20 times a second
        provider.log_page(LogQuery(place=APP, since=0.0))
        clock.advance(0.05)
    assert 20 <= world.asked["FilterLogEvents"] <= 24
    page = [provider.log_page(LogQuery(place=APP, since=0.0)) for _ in range(2)][-1]
    assert 0 < page.wait_s <= 0.5


def test_what_goes_wrong(ecs: Callable[..., EcsProvider], world: World, clock: FakeClock) -> None:
    provider = ecs()
    wanted = LogQuery(place=APP, since=0.0)
    cases = [
        (
            "AccessDeniedException",
            "not authorized to perform: logs:FilterLogEvents on x",
            errors.Denied,
            "needs logs:F",
        ),
        ("ThrottlingException", "Rate exceeded", errors.Throttled, ""),
        ("ExpiredTokenException", "expired", errors.Expired, ""),
        (
            "InvalidOperationException",
            "/x is of log-group-class INFREQUENT_ACCESS. FilterLogEvents is not supported for this log class.",
            errors.Malformed,
            "of the class Infrequent Access is read by Logs Insights",
        ),
        ("ValidationException", "ESSENTIALS: not supported", errors.Malformed, "class Essentials"),
        ("ValidationException", "not for DELIVERY, only for STANDARD", errors.Malformed, "class Delivery only passes"),
        ("ValidationException", "only supported on the Standard log class.", errors.Malformed, "class Standard are"),
    ]
    for code, text, kind, hint in cases:
        clock.advance(60)
        world.refuse = {"FilterLogEvents": error("FilterLogEvents", code, text)}
        with pytest.raises(kind) as caught:
            provider.log_page(wanted)
        assert hint in caught.value.hint
    clock.advance(60)
    world.refuse = {"FilterLogEvents": error("FilterLogEvents", "InvalidParameterException", "a bad token")}
    with pytest.raises(errors.Malformed) as caught:
        provider.log_page(wanted)
    assert "class" not in caught.value.hint
    clock.advance(60)
    world.refuse = {"FilterLogEvents": error("FilterLogEvents", "ResourceNotFoundException", "no such group")}
    assert provider.log_page(wanted).missing == "the log group /ecs/api is not there in eu-west-1"
    clock.advance(60)
    world.refuse = {"FilterLogEvents": b"<html>sign in</html>"}
    with pytest.raises(errors.Malformed):
        provider.log_page(wanted)


def test_a_group_in_another_region_is_asked_there(ecs: Callable[..., EcsProvider], world: World) -> None:
    world.FilterLogEvents = _events()  # type: ignore[attr-defined]
    provider = ecs(account="123456789012")
    provider.log_page(LogQuery(place=APP, since=0.0))
    other = msgspec.structs.replace(APP, region="us-east-1")
    provider.log_page(LogQuery(place=other, since=0.0))
    wires = provider._logs._clients
    assert {region: wire.sessions.client("logs").meta.region_name for region, wire in wires.items()} == {
        "eu-west-1": "eu-west-1",
        "us-east-1": "us-east-1",
    }
    assert wires["eu-west-1"]._budget is not wires["us-east-1"]._budget
    provider.renew()
    provider.close()


# --- the drill, over the wire -----------------------------------------------------------------------------------------


@pytest.fixture
def drill() -> Iterator[Drill]:
    held = Drill("--scenario", "night")
    yield held
    held.close()


def test_over_the_wire(drill: Drill) -> None:
    provider = drill.provider("prod")
    assert isinstance(provider, EcsProvider)
    provider.read(ReadRequest())
    (place,) = provider.log_places("prod/prod-main/payments-api")
    assert place.where == "/ecs/prod-main/payments-api in ap-northeast-1"
    now = drill.clock.now()
    page = provider.log_page(LogQuery(place=place, since=now - 60, until=now))
    assert len(page.lines) > 100
    assert len({it.stream.task for it in page.lines}) == 4
    assert all(len(it.stream.task) == 32 for it in page.lines)
    drill.fault("prod", "FilterLogEvents", "denied")
    with pytest.raises(errors.Denied) as caught:
        provider.log_page(LogQuery(place=place, since=now - 60))
    assert caught.value.hint == "needs logs:FilterLogEvents"


def test_answers_go_past_botocore_s_parser(drill: Drill) -> None:
    """Its events are known by the service's id, which is not its endpoint's name."""
    (options,) = (s for s in drill.told["config"]["sources"] if s["name"] == "prod")
    provider = drill.provider("prod")
    assert isinstance(provider, EcsProvider)
    client = Sessions(provider._logs._options).client("logs")
    answer = client.filter_log_events(logGroupName="/ecs/prod-main/payments-api", limit=1)
    assert b'"events"' in answer[RAW]
    assert options["region"] == "ap-northeast-1"
