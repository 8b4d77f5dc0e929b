"""Against moto's server, where it is faithful: alarms' states, services as data; and what it lacks fails in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import httpx
import msgspec
import pytest

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.logs import LogDestination, LogQuery
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import ServiceKey
from oncall_tui.providers.aws.client.session import RAW, Sessions
from oncall_tui.providers.aws.cloudwatch import provider as cloudwatch
from oncall_tui.providers.aws.ecs import provider as ecs
from oncall_tui.providers.aws.eventbridge import provider as eventbridge
from oncall_tui.providers.aws.options import CloudWatchOptions, EcsOptions, EventBridgeOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import SystemClock

pytestmark = [pytest.mark.moto, pytest.mark.xdist_group("aws moto")]
CONTEXT = Context(source="aws", actor_email="alice@example.com", clock=SystemClock())
_SIGNED = "AWS4-HMAC-SHA256 Credential=testing/20300101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    moto = pytest.importorskip("moto.server")  # not while tests are collected, which each process does
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()  # its state is the whole process's
    for service in (
        "cloudwatch",
        "ecs",
        "logs",
        "sqs",
        "sts",
    ):  # moto imports each at its first call, which may take a while
        httpx.post(f"http://{host}:{port}/", headers={"Authorization": _SIGNED.format(service)}, timeout=120)
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def options(endpoint: str) -> dict[str, Any]:
    return {"name": "aws", "region": "eu-west-1", "endpoint_url": endpoint}


@pytest.fixture
def client(options: dict[str, Any]) -> Callable[[str], Any]:
    """Whole clients: the program's own have no operation that it does not call."""
    return partial(boto3.client, region_name=options["region"], endpoint_url=options["endpoint_url"])


def test_alarms_and_their_states(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    made = client("cloudwatch")
    for name, state in (("api-critical", "ALARM"), ("api-quiet", "OK"), ("api-blind", "INSUFFICIENT_DATA")):
        made.put_metric_alarm(
            AlarmName=name,
            MetricName="CPUUtilization",
            Namespace="AWS/ECS",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=80,
            ComparisonOperator="GreaterThanThreshold",
            Dimensions=[{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "api"}],
        )
        made.set_alarm_state(AlarmName=name, StateValue=state, StateReason="told so")
    chosen = CloudWatchOptions(provider="cloudwatch", severity={"critical": ("*-critical",)}, **options)
    provider = cloudwatch.build(chosen, CONTEXT)
    assert provider.banner.startswith("endpoint http://127.0.0.1:")
    reading = provider.read(ReadRequest())
    alarms = {a.title: a for a in reading.alerts}
    assert {n: a.state for n, a in alarms.items()} == {
        "api-critical": AlertState.FIRING,
        "api-blind": AlertState.NO_DATA,
    }
    firing = alarms["api-critical"]
    assert firing.severity is Severity.CRITICAL
    assert (firing.hint.cluster, firing.hint.service, firing.hint.region) == ("main", "api", "eu-west-1")
    assert abs(firing.began - CONTEXT.clock.now()) < 60
    assert [p.scope for p in reading.problems] == ["mute rules", "edits of alarms"]  # moto has neither


def test_a_mute_fails_in_words(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    test_alarms_and_their_states(options, client)
    provider = cloudwatch.build(CloudWatchOptions(provider="cloudwatch", **options), CONTEXT)
    reading: Reading = provider.read(ReadRequest())
    board = merge(1, reading.at, (), (reading,))
    ask = ActionRequest(
        verb=Verb.SILENCE, target="aws/api-critical", version="", actor=Actor("Alice"), reason="known", for_s=600.0
    )
    with pytest.raises(errors.Refused, match="no alarm mute rules"):
        provider.handlers()[Verb.SILENCE].plan(ask, board)


def test_services_without_service_deployments(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    made = client("ecs")
    made.create_cluster(clusterName="main")
    container = {"name": "app", "image": "api:v1", "memory": 128}
    made.register_task_definition(family="api", containerDefinitions=[container])
    made.create_service(cluster="main", serviceName="api", taskDefinition="api", desiredCount=2)
    provider = ecs.build(EcsOptions(provider="ecs", **options), CONTEXT)
    for _ in range(20):
        reading = provider.read(ReadRequest())
        if reading.next_in_s:
            break
    (service,) = reading.services
    assert (service.id, service.revision.short) == ("aws/main/api", ":1")
    assert "deploys: offline" in service.note
    lacks = [(p.scope, p.state.value) for p in reading.problems]
    assert lacks == [("deploys", "offline"), ("scaling activities", "offline")]  # moto has neither


def test_botocore_lets_the_answer_past_its_parser(options: dict[str, Any]) -> None:
    """``before-parse`` is no public event: this tells when a release of botocore takes it away."""
    answer = Sessions(EcsOptions(provider="ecs", **options)).client("ecs").list_clusters()
    assert b"clusterArns" in answer[RAW]
    assert "clusterArns" not in answer


def test_a_role_is_assumed_for_acting_alone(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    role = "arn:aws:iam::123456789012:role/operator"
    sessions = Sessions(EcsOptions(provider="ecs", name="aws", region="eu-west-1", act_role_arn=role))
    assert sessions.client("ecs")._get_credentials().method == "env"
    sessions.resolve("ecs", acting=True)
    acting = sessions.client("ecs", acting=True)._get_credentials()
    assert acting.method == "assume-role"
    assert acting.token
    assert b"clusterArns" in sessions.client("ecs", acting=True).list_clusters()[RAW]


def test_lines_of_a_log_group(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    """moto passes over the prefix of the streams' names, so that other streams' lines come too: they are left out."""
    made, now = client("logs"), CONTEXT.clock.now()
    made.create_log_group(logGroupName="/ecs/api")
    for stream in ("ecs/app/t1", "ecs/app/t2", "other/app/t3"):
        made.create_log_stream(logGroupName="/ecs/api", logStreamName=stream)
        events = [{"timestamp": int(1000 * (now - 9 + i)), "message": f"line {i} of {stream}"} for i in range(3)]
        made.put_log_events(logGroupName="/ecs/api", logStreamName=stream, logEvents=events)
    provider = ecs.build(EcsOptions(provider="ecs", **options), CONTEXT)
    place = LogDestination(
        container="app",
        driver="awslogs",
        where="",
        readable=True,
        group="/ecs/api",
        region="eu-west-1",
        prefix="ecs/app/",
    )
    first = provider.log_page(LogQuery(place=place, since=now - 60, limit=4))
    rest = provider.log_page(LogQuery(place=place, since=now - 60, limit=100, token=first.token))
    lines = [*first.lines, *rest.lines]
    assert sorted({it.stream.task for it in lines}) == ["t1", "t2"]
    assert len({it.id for it in lines}) == len(lines) == 6
    assert provider.log_page(LogQuery(place=msgspec.structs.replace(place, group="/none"), since=now)).missing


def test_metrics_that_were_put_are_read_back_in_one_call(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    now = float(int(CONTEXT.clock.now()) // 60 * 60)
    dimensions = [{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "api"}]
    data = [
        {"MetricName": "CPUUtilization", "Dimensions": dimensions, "Timestamp": now - 120, "Value": value}
        for value in (20.0, 40.0, 60.0)
    ]
    client("cloudwatch").put_metric_data(Namespace="AWS/ECS", MetricData=data)
    provider = ecs.build(EcsOptions(provider="ecs", **options), CONTEXT)
    cpu, memory, running = provider.measure(provider.service_metrics("aws/main/api"), now - 3600, now)
    assert [value for _, value in cpu.points] == [40.0]
    assert [value for _, value in running.points] == [3.0]
    assert abs(cpu.points[0][0] - (now - 120)) <= 60
    assert memory.points == ()
    assert provider.calls == {"GetMetricData": 1}


def test_a_service_from_inside(options: dict[str, Any], client: Callable[[str], Any]) -> None:
    """Its targets come in XML; moto runs no task by itself."""
    where = {"endpoint_url": options["endpoint_url"], "region_name": options["region"]}
    vpc = boto3.client("ec2", **where).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = client("elbv2").create_target_group(Name="api", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    client("elbv2").register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.7", "Port": 8080}])
    made = client("ecs")
    made.create_cluster(clusterName="inside")
    container = {"name": "app", "image": "api:v1", "memory": 128}
    made.register_task_definition(family="inside", containerDefinitions=[container])
    behind = {"targetGroupArn": arn, "containerName": "app", "containerPort": 8080}
    made.create_service(
        cluster="inside", serviceName="api", taskDefinition="inside", desiredCount=1, loadBalancers=[behind]
    )
    found = ecs.build(EcsOptions(provider="ecs", **options), CONTEXT).inspect("aws/inside/api")
    assert [(t.group, t.id, t.port) for t in found.targets] == [("api", "10.0.0.7", 8080)]
    assert found.targets[0].state
    assert not found.problems


def test_events_off_a_queue_by_its_url_and_by_its_name(
    options: dict[str, Any], client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventbridge, "WAIT_S", 0)  # an empty queue is waited for
    made, arn = client("sqs"), "arn:aws:ecs:eu-west-1:123456789012:service/main/api"
    url = f"{options['endpoint_url']}/123456789012/oncall-events"
    context = msgspec.structs.replace(CONTEXT, stays=True)
    for n, queue in enumerate((url, "oncall-events")):
        made.create_queue(QueueName="oncall-events")
        event = {
            "id": f"e{n}",
            "source": "aws.ecs",
            "detail-type": "ECS Deployment State Change",
            "account": "123456789012",
            "region": "eu-west-1",
            "time": "2027-01-15T08:00:00Z",
            "resources": [arn],
            "detail": {"eventName": "SERVICE_DEPLOYMENT_FAILED", "deploymentId": "ecs-svc/1", "reason": "x"},
        }
        for body in (json.dumps(event), "no event"):
            made.send_message(QueueUrl=url, MessageBody=body)
        chosen = EventBridgeOptions(provider="eventbridge", queue=queue, **options)
        provider = eventbridge.build(chosen, context)
        reading = provider.read(ReadRequest())
        assert reading.moved == (ServiceKey("123456789012", "eu-west-1", "main", "api"),)
        assert reading.tells_of == (("123456789012", "eu-west-1"),)
        assert "1 in the last 10m is no event" in reading.problems[0].message
        provider.read(ReadRequest())
        attributes = made.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])  # past botocore's own parser
        counts = attributes["Attributes"]
        left = int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
        assert left == 1  # what is no event
        made.delete_queue(QueueUrl=url)
        provider.close()


def test_a_queue_that_is_not_there(options: dict[str, Any]) -> None:
    for queue in ("nobody-has-it", f"{options['endpoint_url']}/123456789012/nobody-has-it"):
        chosen = EventBridgeOptions(provider="eventbridge", queue=queue, **options)
        with pytest.raises(errors.Malformed, match="no queue nobody-has-it"):
            eventbridge.build(chosen, msgspec.structs.replace(CONTEXT, stays=True)).read(ReadRequest())
