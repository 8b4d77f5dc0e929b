"""Who changed a service: CloudTrail's events in words, which are the service's, how late and how much was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_world import ACCOUNT, REGION, World, error, task_definition

from oncall_tui import errors
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import ChangeKind
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.inspection import who as inspection
from oncall_tui.providers import registry
from oncall_tui.providers.aws.client.arn import person
from oncall_tui.providers.aws.cloudtrail.event_words import CALLS, told
from oncall_tui.providers.aws.cloudtrail.lookup import LATE_S
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import Context
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.start import open_world

Make = Callable[..., EcsProvider]
STS = f"arn:aws:sts::{ACCOUNT}:assumed-role"
GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/api-web/0123"
FORCED = {"dBInstanceIdentifier": "db", "forceFailover": True}
PEOPLE = {
    f"{STS}/AWSReservedSSO_Operator_0123456789abcdef/alice": "alice",
    f"{STS}/AWSReservedSSO_Operator_0123456789abcdef/bob@example.com": "bob@example.com",
    f"{STS}/deployer/run-7": "deployer/run-7",
    f"arn:aws:iam::{ACCOUNT}:user/alice": "alice",
    f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Ops_1/alice": "alice",
    "no ARN": "",
    "": "",
}


@pytest.mark.parametrize(("principal", "name"), PEOPLE.items())
def test_a_session_of_single_sign_on_is_its_person(principal: str, name: str) -> None:
    assert person(principal) == name


@pytest.mark.parametrize(
    ("name", "request_", "words", "kind"),
    [
        ("UpdateService", {"service": "api", "desiredCount": 5}, "desired count set to 5 of service api", "scaling"),
        ("UpdateService", {"service": "api", "taskDefinition": "api:42"}, "deploy of api:42 to service api", ""),
        ("UpdateService", {"service": "api", "forceNewDeployment": True}, "forced deploy of service api", ""),
        ("UpdateService", {"service": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/api"}, "update of service api", ""),
        ("PutScalingPolicy", {"resourceId": "service/main/api"}, "scaling policy of api", "scaling"),
        ("ModifyTargetGroup", {"targetGroupArn": GROUP}, "edit of target group api-web", ""),
        ("DeleteAlarms", {"alarmNames": ["a", "b"]}, "deletion of alarm a, b", "alarm"),
        ("RebootDBInstance", FORCED, "reboot with failover of database db", "database"),
        ("PutParameter", {"name": "/api/pool", "value": "hidden"}, "edit of parameter /api/pool", ""),
        ("TagResource", {"resourceArn": GROUP}, "TagResource of api-web", "other"),
        ("Odd", {"deep": [{"a": {"b": 5}}]}, "Odd", "other"),
    ],
)
def test_calls_in_words(name: str, request_: dict[str, Any], words: str, kind: str) -> None:
    said, _, of = told(name, request_)
    assert (said, of) == (words, ChangeKind(kind or "configuration"))


def test_the_calls_that_are_worded_are_calls_of_aws() -> None:
    import botocore.session

    services = ("ecs", "application-autoscaling", "iam", "elbv2", "cloudwatch", "rds", "ec2", "ssm", "secretsmanager")
    session = botocore.session.Session()
    known = {name for service in services for name in session.get_service_model(service).operation_names}
    assert set(CALLS) <= known
    assert len(CALLS) >= 25


class Trail:
    """CloudTrail in memory, which answers *world*'s transport."""

    def __init__(self, world: World) -> None:
        self.world, self.events = world, list[dict[str, Any]]()
        self.page = 50
        world.LookupEvents = self.lookup  # type: ignore[attr-defined]

    def add(self, name: str, by: str = "deployer/run-7", ago: float = 1200.0, **request: Any) -> None:
        error_code = request.pop("errorCode", "")
        record: dict[str, Any] = {"userIdentity": {"arn": f"{STS}/{by}"}, "requestParameters": request or None}
        if by.startswith("AWSServiceRole"):
            record["userIdentity"]["sessionContext"] = {"sessionIssuer": {"userName": by.partition("/")[0]}}
        if error_code:
            record["errorCode"] = error_code
        event = {"EventId": f"e{len(self.events)}", "EventName": name, "EventTime": self.world.clock.now() - ago}
        told = json.dumps({**record, "readOnly": False})
        self.events.append({**event, "EventSource": "ecs.amazonaws.com", "CloudTrailEvent": told})

    def lookup(self, StartTime: Any, EndTime: Any, LookupAttributes: Any, MaxResults: int, NextToken: str = "0") -> Any:
        assert LookupAttributes == [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
        since, until = StartTime.timestamp(), EndTime.timestamp()
        found = sorted((e for e in self.events if since <= e["EventTime"] <= until), key=lambda e: -e["EventTime"])
        at = int(NextToken)
        more = {"NextToken": str(at + self.page)} if at + self.page < len(found) else {}
        return {"Events": found[at : at + self.page], **more}


@pytest.fixture
def trail(world: World) -> Trail:
    service = world.service("main", "api")
    service["loadBalancers"] = [{"targetGroupArn": GROUP}]
    return Trail(world)


def asked(source: EcsProvider, clock: FakeClock, *names: str) -> WhoAnswer:
    source._who._lookup._pause = clock.advance
    return source.who("prod/main/api", names, clock.now() - 3600, clock.now())


def test_what_is_the_service_s_and_who_did_it(clock: FakeClock, trail: Trail, ecs: Make) -> None:
    sso = "AWSReservedSSO_Operator_01/alice"
    trail.add("UpdateService", sso, 1000, cluster="main", service="api", desiredCount=2)
    trail.add("UpdateService", sso, 1010, cluster="other", service="api", desiredCount=2)
    trail.add("UpdateService", sso, 1020, cluster="main", service="else", desiredCount=2)
    trail.add("UpdateService", sso, 1030, cluster="other", service="api", taskDefinition="api:42")
    trail.add("ModifyTargetGroup", ago=1100, targetGroupArn=GROUP)
    trail.add("RegisterTargets", "AWSServiceRoleForECS/ecs", 1150, targetGroupArn=GROUP)
    trail.add("PutMetricAlarm", ago=1200, alarmName="api-5xx", threshold=9)
    trail.add("PutMetricAlarm", ago=1210, alarmName="other-5xx", threshold=9)
    trail.add(
        "PutScalingPolicy", "AWSServiceRoleForApplicationAutoScaling_ECSService/x", 1300, resourceId="service/main/api"
    )
    trail.add("RegisterTaskDefinition", ago=1400, family="api")
    trail.add("DeleteService", ago=1500, cluster="main", service="api", errorCode="AccessDenied")
    trail.add("UpdateService", sso, 4000, cluster="main", service="api")
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:api-5xx"
    answer = asked(ecs(clusters=("main",)), clock, alarm)
    assert [(one.what, one.by, one.effect) for one in answer.changes] == [
        ("desired count set to 2 of service api", "alice", False),
        ("edit of target group api-web", "deployer/run-7", False),
        ("edit of alarm api-5xx", "deployer/run-7", False),
        ("scaling policy of api", "autoscaling", False),
        ("new task definition of api", "deployer/run-7", False),
        ("refused (AccessDenied): deletion of service api", "deployer/run-7", True),
    ]
    assert (answer.notes, answer.read_to) == ((), clock.now() - LATE_S)
    assert {one.service_id for one in answer.changes} == {"prod/main/api"}


def test_the_task_role_is_the_service_s(clock: FakeClock, trail: Trail, ecs: Make) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/app/api-task"
    definition = {"taskDefinitionArn": task_definition("api", 41), "taskRoleArn": role}
    trail.world.refuse["DescribeTaskDefinition"] = json.dumps({"taskDefinition": definition}).encode()
    trail.add("AttachRolePolicy", roleName="api-task", policyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    trail.add("AttachRolePolicy", roleName="other")
    assert [one.what for one in asked(ecs(clusters=("main",)), clock).changes] == ["policy attached to role api-task"]


def test_pages_keep_to_two_calls_a_second_and_what_is_not_read_is_said(
    clock: FakeClock, trail: Trail, ecs: Make
) -> None:
    trail.page = 5
    for n in range(60):
        trail.add("TagResource", ago=600 + n)
    trail.add("UpdateService", ago=900, cluster="main", service="api")
    before, source = clock.now(), ecs(clusters=("main",))
    answer = asked(source, clock)
    assert trail.world.asked["LookupEvents"] == 10
    assert clock.now() - before >= (10 - 2) / 2 - 0.01
    assert answer.changes == ()
    assert answer.notes == ("more than 50 calls wrote in that time",)
    assert answer.read_from == trail.events[49]["EventTime"]


def test_a_throttle_or_a_denial_is_said(clock: FakeClock, trail: Trail, ecs: Make) -> None:
    trail.page = 1
    trail.add("UpdateService", ago=900, cluster="main", service="api", desiredCount=3)
    trail.add("UpdateService", ago=950, cluster="main", service="api", desiredCount=4)
    whole, calls = trail.lookup, 0

    def throttled(**params: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise error("LookupEvents", "ThrottlingException", "Rate exceeded")
        return whole(**params)

    trail.world.LookupEvents = throttled  # type: ignore[attr-defined]
    source = ecs(clusters=("main",))
    answer = asked(source, clock)
    assert [one.what for one in answer.changes] == ["desired count set to 3 of service api"]
    assert answer.notes == ("LookupEvents was throttled (ThrottlingException)",)
    assert answer.read_from == trail.events[0]["EventTime"]
    clock.advance(60)
    said = "User: x is not authorized to perform: cloudtrail:LookupEvents"
    trail.world.refuse["LookupEvents"] = error("LookupEvents", "AccessDeniedException", said)
    with pytest.raises(errors.Denied) as caught:
        asked(source, clock)
    assert "cloudtrail:LookupEvents" in caught.value.hint


def test_what_it_stands_on_is_not_known_where_ecs_does_not_tell(clock: FakeClock, trail: Trail, ecs: Make) -> None:
    trail.world.refuse["DescribeServices"] = error("DescribeServices", "AccessDeniedException", "not authorized")
    trail.add("UpdateService", ago=900, cluster="main", service="api", desiredCount=3)
    answer = asked(ecs(clusters=("main",)), clock)
    assert len(answer.changes) == 1
    assert answer.notes[0].startswith("its target groups and roles are not known: ")


def test_the_hour_before_an_alert_and_a_while_after(clock: FakeClock) -> None:
    from tests.support.fakes import alert

    now = clock.now()
    one: Alert = alert("a", provider="cloudwatch", began=now - 5 * 3600)
    assert inspection.span((one,), now) == (now - 6 * 3600, now - 4.5 * 3600)
    assert inspection.span((), now) == (now - 3600, now)
    assert inspection.names_of((one, alert("b", provider="pagerduty"))) == (one.native_id,)


def test_a_real_client_asks_the_simulated_trail() -> None:
    world = "name: who\nsources:\n  - {name: prod, provider: ecs, clusters: [main], trail_late_s: 0}\n"
    world += "services:\n  - {at: prod/main/api, desired: 4}\n"
    opened = open_world(parse(world, "test.yaml"), manual=True)
    try:
        with opened.story.world.lock:
            opened.story.do({"scale": {"service": "prod/main/api", "desired": 2, "by": "alice"}})
            opened.story.do({"scale": {"service": "prod/main/api", "desired": 3, "by": "autoscaling"}})
            request = {"targetGroupArn": "…:targetgroup/other/1"}
            opened.story.do({"cloudtrail": {"event": "ModifyTargetGroup", "by": "bob", "request": request}})
        clock = FakeClock(opened.story.world.timeline.now() + 1)
        url = opened.told["endpoints"]["prod"]
        options = EcsOptions(name="prod", provider="ecs", region="eu-west-1", endpoint_url=url)
        source: Any = registry.build(options, Context("prod", "alice@example.com", clock))
        answer = source.who("prod/main/api", (), clock.now() - 3600, clock.now())
        source.close()
        assert {(one.what, one.by) for one in answer.changes} == {
            ("desired count set to 2 of service api", "alice"),
            ("desired count set to 3 of service api", "autoscaling"),
        }
    finally:
        opened.close()
