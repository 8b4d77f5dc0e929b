"""Events off a queue: what each becomes, who takes them, and what hostile queues come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_world import ACCOUNT, REGION, error
from queue_world import HIDDEN_S, Queue, denied, deployment, event, provider, rds, task

from oncall_tui import errors
from oncall_tui.domain.change import ChangeKind
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.domain.service import ServiceKey
from oncall_tui.providers.aws.eventbridge.provider import BEHIND, OLD_S, RECEIVES, WAIT_S, _placed
from oncall_tui.providers.aws.options import EventBridgeOptions
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

API = ServiceKey(ACCOUNT, REGION, "main", "api")


@pytest.fixture
def queue(clock: FakeClock) -> Queue:
    return Queue(clock)


def read(queue: Queue, clock: FakeClock, *bodies: Any, **more: Any) -> Reading:
    for body in bodies:
        queue.send(body)
    return provider(queue, clock, **more).read(ReadRequest())


# --- what an event becomes --------------------------------------------------------------------------------------------


def test_a_deploy_moves_its_service_whatever_becomes_of_it(queue: Queue, clock: FakeClock) -> None:
    names = ("SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED")
    for name in names:
        assert read(queue, clock, deployment(clock.now(), id=name, event_name=name)).moved == (API,)
        queue.messages.clear()
    queue.messages.clear()
    of_deploy = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-deployment/main/api/x"
    assert read(queue, clock, deployment(clock.now()) | {"resources": [of_deploy]}).moved == (API,)
    queue.messages.clear()
    old_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/api"
    detail = {"eventName": "SERVICE_STEADY_STATE", "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/main"}
    action = event("aws.ecs", "ECS Service Action", detail, clock.now(), resources=[old_arn])
    assert read(queue, clock, action).moved == (API,)


def test_a_task_that_stopped_moves_its_service_and_no_other_task_does(queue: Queue, clock: FakeClock) -> None:
    assert read(queue, clock, task(clock.now())).moved == (API,)
    queue.messages.clear()
    others = task(clock.now(), "RUNNING", id="a"), task(clock.now(), group="family:batch", id="b")
    assert read(queue, clock, *others).moved == ()


def test_code_deploy_names_no_service(queue: Queue, clock: FakeClock) -> None:
    detail = {"deploymentId": "d-1", "state": "FAILURE", "application": "x", "deploymentGroup": "y", "region": REGION}
    told = event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", detail, clock.now())
    assert read(queue, clock, told).moved == (ServiceKey(ACCOUNT, REGION, "", ""),)


def test_a_database_s_failover_is_a_change_and_its_backup_is_none(queue: Queue, clock: FakeClock) -> None:
    at = clock.now() - 60
    reading = read(
        queue,
        clock,
        rds(at, ["failover"], "Multi-AZ instance failover completed", "a"),
        rds(at, ["availability"], "DB instance restarted", "b"),
        rds(at, ["backup"], "Backing up DB instance", "c"),
    )
    told = {one.what: (one.kind, one.began, one.resource, one.text) for one in reading.changes}
    assert told == {
        "RDS failover of payments-db": (
            ChangeKind.DATABASE,
            at,
            "payments-db",
            "Multi-AZ instance failover completed",
        ),
        "RDS restart of payments-db": (ChangeKind.DATABASE, at, "payments-db", "DB instance restarted"),
    }
    assert reading.moved == ()


def test_what_begins_and_what_ends_are_one_change_also_where_the_end_came_first(queue: Queue, clock: FakeClock) -> None:
    at = clock.now()
    begin = rds(at - 60, ["failover"], "Multi-AZ instance failover started.", "a")
    end = rds(at - 20, ["failover"], "Multi-AZ instance failover completed", "b")
    one = provider(queue, clock)
    queue.send(begin)
    assert [c.under_way for c in one.read(ReadRequest()).changes] == [True]
    queue.send(end)
    assert [(c.began, c.ended) for c in one.read(ReadRequest()).changes] == [(at - 60, at - 20)]
    assert [(c.began, c.ended) for c in read(Queue(clock), clock, end, begin).changes] == [(at - 60, at - 20)]


def health(at: str, status: str = "open", end: str = "", id: str = "h1", category: str = "issue") -> Any:
    detail = {
        "eventArn": "arn:aws:health:eu-west-1::event/RDS/AWS_RDS_OPERATIONAL_ISSUE/x",
        "service": "RDS",
        "eventTypeCode": "AWS_RDS_OPERATIONAL_ISSUE",
        "eventTypeCategory": category,
        "startTime": at,
        "statusCode": status,
        "eventDescription": [{"language": "en_US", "latestDescription": "We are investigating."}],
        "affectedEntities": [{"entityValue": "arn:aws:rds:eu-west-1:123456789012:db:payments-db"}],
        **({"endTime": end} if end else {}),
    }
    return event("aws.health", "AWS Health Event", detail, 1_800_000_000.0, id)


def test_what_aws_health_tells_goes_on_until_it_says_that_it_is_closed(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT"))
    change = one.read(ReadRequest()).changes[0]
    assert (change.what, change.kind, change.by) == (
        "AWS RDS operational issue of payments-db",
        ChangeKind.MAINTENANCE,
        "AWS",
    )
    assert change.under_way
    assert change.began == clock.now() - 600
    assert change.text == "We are investigating."
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", "closed", "Fri, 15 Jan 2027 07:58:00 GMT", "h2"))
    assert [c.ended for c in one.read(ReadRequest()).changes] == [clock.now() - 120]
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", category="accountNotification", id="h3"))
    assert len(one.read(ReadRequest()).changes) == 1


def test_maintenance_that_is_to_come_is_told_once_it_has_begun(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    queue.send(health("Fri, 15 Jan 2027 08:10:00 GMT", "upcoming", "Fri, 15 Jan 2027 09:00:00 GMT"))
    assert one.read(ReadRequest()).changes == ()
    clock.at += 660
    assert [c.began for c in one.read(ReadRequest()).changes] == [clock.now() - 60]


def test_scaling_moves_its_service_and_an_alarm_s_edit_is_a_change(queue: Queue, clock: FakeClock) -> None:
    detail = {
        "startTime": "2027-01-15T07:59:00Z",
        "endTime": "2027-01-15T07:59:30Z",
        "oldDesiredCapacity": 4,
        "newDesiredCapacity": 8,
        "maxCapacity": 8,
        "resourceId": "service/main/api",
        "serviceNamespace": "ecs",
        "statusCode": "Successful",
        "scaledToMax": True,
    }
    kind = "Application Auto Scaling Scaling Activity State Change"
    edit = {"alarmName": "api-5xx", "operation": "update", "configuration": {}}
    reading = read(
        queue,
        clock,
        event("aws.application-autoscaling", kind, detail, clock.now(), "a"),
        event("aws.cloudwatch", "CloudWatch Alarm Configuration Change", edit, clock.now(), "b"),
        event("aws.application-autoscaling", kind, {**detail, "serviceNamespace": "dynamodb"}, clock.now(), "c"),
    )
    assert [(c.what, c.kind) for c in reading.changes] == [("edit of alarm api-5xx", ChangeKind.ALARM)]
    assert reading.moved == (API,)


def test_an_event_that_came_by_way_of_sns_is_the_same(queue: Queue, clock: FakeClock) -> None:
    outer = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(deployment(clock.now()))}
    assert read(queue, clock, outer).moved == (API,)


# --- who takes them ---------------------------------------------------------------------------------------------------


def test_what_was_taken_is_deleted_once_its_reading_was_told(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    for n in range(23):
        queue.send(deployment(clock.now(), f"e{n}", f"api-{n}"))
    assert len(one.read(ReadRequest()).moved) == 23
    assert (queue.asked["ReceiveMessage"], queue.waits, len(queue.messages)) == (3, [WAIT_S, 0, 0], 23)
    assert one.read(ReadRequest()).moved == ()
    assert (queue.asked["DeleteMessageBatch"], len(queue.messages)) == (3, 0)


def test_what_a_program_took_before_it_was_killed_comes_to_the_next(queue: Queue, clock: FakeClock) -> None:
    read(queue, clock, deployment(clock.now()))
    assert read(queue, clock).moved == ()
    clock.at += HIDDEN_S
    assert read(queue, clock).moved == (API,)


@pytest.mark.parametrize("more", [{"read_only": True}, {"stays": False}, {"read_only": True, "stays": False}])
def test_who_is_read_only_or_does_not_stay_takes_none(queue: Queue, clock: FakeClock, more: Any) -> None:
    reading = read(queue, clock, deployment(clock.now()), **more)
    assert set(queue.asked) == {"GetQueueAttributes"}
    assert (reading.moved, reading.tells_of, reading.next_in_s) == ((), (), 60.0)
    assert [p.state for p in reading.problems] == [SourceState.OK]
    assert "not taken, because" in reading.problems[0].message
    assert "1 wait" in reading.problems[0].message


def test_two_readers_of_one_queue_each_miss_what_the_other_has_and_neither_shows_anything_wrong(
    queue: Queue, clock: FakeClock
) -> None:
    first, second = provider(queue, clock), provider(queue, clock)
    told = []
    for n in range(4):
        queue.send(deployment(clock.now(), f"e{n}", f"api-{n}"))
        told.append(((first, second)[n % 2]).read(ReadRequest()).moved)
    assert [len(moved) for moved in told] == [1, 1, 1, 1]


def test_a_queue_by_its_name_costs_one_call_more(queue: Queue, clock: FakeClock) -> None:
    assert read(queue, clock, deployment(clock.now()), named="oncall-events").moved == (API,)
    assert queue.asked["GetQueueUrl"] == 1


@pytest.mark.parametrize("name", ["", "events.fifo", "a b", "https://sqs.eu-west-1.amazonaws.com/", "x" * 81])
def test_what_is_no_queue_is_a_mistake_of_the_configuration(name: str) -> None:
    with pytest.raises(ValueError, match=r"^queue: "):
        EventBridgeOptions(name="events", provider="eventbridge", queue=name)


# --- hostile queues ---------------------------------------------------------------------------------------------------

POISON = {
    "nothing": "",
    "no JSON": "deploy payments!",
    "other JSON": {"hello": "world"},
    "a list": [1, 2],
    "wrong types": {**deployment(0.0), "detail": None, "id": 7},
    "a detail that is no object": deployment(1.8e9, "p1") | {"detail": "x"},
    "no service": deployment(1.8e9, "p2") | {"resources": ["arn:aws:ecs:eu-west-1:1:cluster/main"]},
    "256 kB": "x" * 262_144,
    "nested": "[" * 100_000,
    "SNS's, and no event in it": {"Type": "Notification", "Message": "x"},
    "SNS's confirmation": {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "Token": "t"},
    "half a character": '{"id": "\\ud800"}',  # SQS takes no character that is none, but one may be written so
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_message_that_is_no_event_is_dropped_and_counted_and_holds_up_no_other(
    queue: Queue, clock: FakeClock, poison: Any
) -> None:
    one = provider(queue, clock)
    queue.send(poison if isinstance(poison, str) else json.dumps(poison))
    queue.send(deployment(clock.now()))
    reading = one.read(ReadRequest())
    assert reading.moved == (API,)
    problem = reading.problems[0]
    assert (problem.state, problem.scope) == (SourceState.MALFORMED, "messages")
    assert "1 in the last 10m is no event of EventBridge, and dropped: " in problem.message
    assert len(problem.message) < 200
    one.read(ReadRequest())
    assert not queue.messages
    clock.at += 601
    assert [p.scope for p in one.read(ReadRequest()).problems] == ["changes"]
    clock.at += 3600
    assert one.read(ReadRequest()).problems == ()


def test_a_type_that_nobody_knows_is_counted_apart_and_shows_nothing(queue: Queue, clock: FakeClock) -> None:
    odd = [event("aws.ecs", f"ECS \x1b]52;c;x\x07 {n} {'x' * 9000}", {}, clock.now(), f"o{n}") for n in range(200)]
    one = provider(queue, clock)
    for body in odd:
        queue.send(body)
    for _ in range(4):
        reading = one.read(ReadRequest())
    problem = next(p for p in reading.problems if p.scope == "events")
    assert problem.state is SourceState.OK
    assert problem.message.isprintable()
    assert len(problem.message) < 400
    assert (reading.moved, reading.changes) == ((), ())
    assert len(one._unused) <= 50


def test_a_type_of_that_name_from_elsewhere_tells_nothing(queue: Queue, clock: FakeClock) -> None:
    forged = deployment(clock.now()) | {"source": "my.app"}
    assert read(queue, clock, forged).moved == ()


def test_an_event_that_comes_twice_is_told_once(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    for _ in range(2):
        queue.send(deployment(clock.now(), "same"))
    assert one.read(ReadRequest()).moved == (API,)
    queue.send(deployment(clock.now(), "same"))
    assert one.read(ReadRequest()).moved == ()


def test_events_out_of_order_end_in_the_same_changes(queue: Queue, clock: FakeClock) -> None:
    at = clock.now()
    one, two = rds(at - 60, ["failover"], "a", "a"), rds(at - 30, ["failover"], "b", "b")
    assert read(queue, clock, one, two).changes == read(Queue(clock), clock, two, one).changes


def test_an_old_event_is_no_news_though_its_change_has_its_own_time(queue: Queue, clock: FakeClock) -> None:
    queue.send(deployment(clock.now() - OLD_S - 5), OLD_S + 5)
    queue.send(rds(clock.now() - OLD_S - 5, ["failover"], "x"), OLD_S + 5)
    reading = read(queue, clock)
    assert reading.moved == ()
    assert [c.began for c in reading.changes] == [clock.now() - OLD_S - 5]


@pytest.mark.parametrize("off_s", [-7200, 7200, 10**12])
def test_a_sender_whose_clock_is_off_makes_nothing_newer_than_it_came(
    queue: Queue, clock: FakeClock, off_s: float
) -> None:
    body = rds(clock.now(), ["failover"], "x")
    when = "2999-01-01T00:00:00Z" if off_s > 10**9 else None
    body["time"] = body["detail"]["Date"] = when or rds(clock.now() + off_s, [], "")["time"]
    reading = read(queue, clock, body, deployment(clock.now() + min(off_s, 9000), "d"))
    assert reading.moved == (API,)
    assert [c.began for c in reading.changes] == [clock.now() + min(off_s, 0)]


def test_a_million_behind_is_said_costs_a_bounded_number_of_calls_and_is_not_believed(
    queue: Queue, clock: FakeClock
) -> None:
    one = provider(queue, clock)
    for n in range(200):
        queue.send(deployment(clock.now() - 9000, f"e{n}", f"api-{n}"), 9000)
    queue.waiting = 1_000_000
    for _ in range(2):
        before = queue.asked.total()
        reading = one.read(ReadRequest())
        assert queue.asked.total() - before <= 2 * RECEIVES + 1
    assert (reading.moved, reading.tells_of) == ((), ())
    assert reading.problems[0].state is SourceState.STALE
    assert reading.problems[0].message.startswith("1,000,000 behind: what is taken now may be old")
    assert "160 older than 10m were no news" in reading.problems[0].message
    queue.waiting = BEHIND
    clock.at += 61
    assert one.read(ReadRequest()).tells_of == ((ACCOUNT, REGION),)


def test_a_queue_that_is_gone_says_what_to_check(queue: Queue, clock: FakeClock) -> None:
    for code in ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
        queue.refuse = {op: error(op, code, "x", 400) for op in ("GetQueueAttributes", "ReceiveMessage")}
        with pytest.raises(errors.Malformed, match="no queue oncall-events") as caught:
            read(queue, clock)
        assert "check queue:" in caught.value.hint


@pytest.mark.parametrize(
    ("operation", "permission"),
    [("ReceiveMessage", "sqs:ReceiveMessage"), ("GetQueueUrl", "sqs:GetQueueUrl")],
)
def test_a_queue_that_may_not_be_read_names_the_permission(
    queue: Queue, clock: FakeClock, operation: str, permission: str
) -> None:
    queue.refuse[operation] = denied(operation)
    with pytest.raises(errors.Denied) as caught:
        read(queue, clock, named="oncall-events")
    assert caught.value.hint == f"needs {permission}"


def test_without_the_right_to_delete_each_message_comes_again_and_is_told_once(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    queue.refuse["DeleteMessageBatch"] = denied("DeleteMessage")
    queue.send(deployment(clock.now()))
    assert one.read(ReadRequest()).moved == (API,)
    for _ in range(2):
        reading = one.read(ReadRequest())
        clock.at += HIDDEN_S
    assert reading.moved == ()
    problem = reading.problems[0]
    assert (problem.state, problem.hint) == (SourceState.DENIED, "needs sqs:DeleteMessage")
    assert queue.asked["DeleteMessageBatch"] == 1  # the next in a minute
    del queue.refuse["DeleteMessageBatch"]
    for _ in range(3):
        reading = one.read(ReadRequest())
        clock.at += HIDDEN_S
    assert [p.state for p in reading.problems] == [SourceState.OK]
    assert not queue.messages


def test_without_the_right_to_count_it_is_read_all_the_same(queue: Queue, clock: FakeClock) -> None:
    queue.refuse["GetQueueAttributes"] = denied("GetQueueAttributes")
    reading = read(queue, clock, deployment(clock.now()))
    assert reading.moved == (API,)
    assert reading.tells_of == ((ACCOUNT, REGION),)
    assert reading.problems[0].hint == "needs sqs:GetQueueAttributes"


def test_a_queue_that_is_throttled_is_asked_less_often(queue: Queue, clock: FakeClock) -> None:
    for code in ("RequestThrottled", "OverLimit", "KmsThrottled"):
        queue.refuse["ReceiveMessage"] = error("ReceiveMessage", code, "Rate exceeded", 403)
        with pytest.raises(errors.Throttled):
            read(queue, FakeClock())


def test_a_server_that_does_not_wait_is_asked_every_two_seconds(queue: Queue, clock: FakeClock) -> None:
    assert read(queue, clock).next_in_s == WAIT_S
    assert read(queue, clock, deployment(clock.now())).next_in_s == 0.0


def test_its_reading_stays_the_same_object_where_nothing_changed(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    queue.send(rds(clock.now(), ["failover"], "x"))
    assert one.read(ReadRequest()).changes[0] is one.read(ReadRequest()).changes[0]


def test_a_region_is_taken_from_the_url() -> None:
    url = "https://sqs.ap-northeast-1.amazonaws.com/123456789012/oncall-events"
    options = EventBridgeOptions(name="e", provider="eventbridge", queue=url)
    assert _placed(options).region == "ap-northeast-1"
