"""Events off a queue: what each becomes, who takes them, and what hostile queues come to."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from aws_world import ACCOUNT, REGION, error
from queue_world import HIDDEN_S, Queue, denied, deployment, event, provider, rds, task

from oncall_tui import errors
from oncall_tui.domain.change import ChangeKind
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.domain.service import DeployGroup, ServiceKey
from oncall_tui.providers.aws.eventbridge.mapping import HEALTH_OPEN_S
from oncall_tui.providers.aws.eventbridge.provider import BEHIND, LOOK_AGAIN_S, OLD_S, RECEIVES, WAIT_S, _placed
from oncall_tui.providers.aws.options import EventBridgeOptions
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

SCALED = "Application Auto Scaling Scaling Activity State Change"
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


def test_code_deploy_names_its_deployment_group(queue: Queue, clock: FakeClock) -> None:
    detail = {"deploymentId": "d-1", "state": "FAILURE", "application": "x", "deploymentGroup": "y", "region": REGION}
    told = event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", detail, clock.now())
    reading = read(queue, clock, told)
    assert (reading.moved, reading.moved_groups) == ((), (DeployGroup(ACCOUNT, REGION, "x", "y"),))


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


def test_databases_of_one_name_in_two_accounts_are_two(queue: Queue, clock: FakeClock) -> None:
    at = clock.now() - 60
    begin = rds(at, ["failover"], "Multi-AZ instance failover started.", "a")
    there = {**begin, "id": "b", "account": "222222222222"}
    end = {**rds(at + 9, ["failover"], "Multi-AZ instance failover completed", "c"), "account": "222222222222"}
    told = {c.account: (c.began, c.ended, c.region) for c in read(queue, clock, begin, there, end).changes}
    assert told == {ACCOUNT: (at, None, REGION), "222222222222": (at, at + 9, REGION)}


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


def health(
    at: str, status: str = "open", end: str = "", id: str = "h1", category: str = "issue", sent: float = 1_800_000_000.0
) -> Any:
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
    return event("aws.health", "AWS Health Event", detail, sent, id)


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


@pytest.mark.parametrize("ago_s", [0.0, 300.0])
def test_an_older_update_of_aws_health_takes_no_end_back(queue: Queue, clock: FakeClock, ago_s: float) -> None:
    one = provider(queue, clock)
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", "closed", "Fri, 15 Jan 2027 07:58:00 GMT", "h2"))
    one.read(ReadRequest())
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", sent=clock.now() - ago_s))
    assert [c.ended for c in one.read(ReadRequest()).changes] == [clock.now() - 120]


def test_what_aws_health_never_closes_ends_twelve_hours_after_its_last_update(queue: Queue, clock: FakeClock) -> None:
    one, sent = provider(queue, clock), clock.now()
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", sent=sent))
    one.read(ReadRequest())
    clock.at += HEALTH_OPEN_S
    assert [c.under_way for c in one.read(ReadRequest()).changes] == [True]
    clock.at += 1
    change = one.read(ReadRequest()).changes[0]
    assert (change.ended, change.text) == (sent, "We are investigating. (its end was not told)")
    queue.send(health("Fri, 15 Jan 2027 07:50:00 GMT", id="h2", sent=clock.now()))
    assert [c.under_way for c in one.read(ReadRequest()).changes] == [True]
    clock.at += 2 * 86_400
    assert one.read(ReadRequest()).changes == ()
    assert not one._changes


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
    edit = {"alarmName": "api-5xx", "operation": "update", "configuration": {}}
    reading = read(
        queue,
        clock,
        event("aws.application-autoscaling", SCALED, detail, clock.now(), "a"),
        event("aws.cloudwatch", "CloudWatch Alarm Configuration Change", edit, clock.now(), "b"),
        event("aws.application-autoscaling", SCALED, {**detail, "serviceNamespace": "dynamodb"}, clock.now(), "c"),
    )
    assert [(c.what, c.kind) for c in reading.changes] == [("edit of alarm api-5xx", ChangeKind.ALARM)]
    assert [(c.account, c.region) for c in reading.changes] == [(ACCOUNT, REGION)]
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
    "an application's event": event("shop.orders", "Order Paid", {"order": 17}, 1.8e9, "p3"),
    "a partner's event": event("aws.partner/shop.example/orders", "Order Paid", {"order": 17}, 1.8e9, "p4"),
    "256 kB": "x" * 262_144,
    "nested": "[" * 100_000,
    "SNS's, and no event in it": {"Type": "Notification", "Message": "x"},
    "SNS's confirmation": {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "Token": "t"},
    "half a character": '{"id": "\\ud800"}',  # SQS takes no character that is none, but one may be written so
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_message_that_is_no_event_is_left_and_counted_and_holds_up_no_other(
    queue: Queue, clock: FakeClock, poison: Any
) -> None:
    one = provider(queue, clock)
    queue.send(poison if isinstance(poison, str) else json.dumps(poison))
    queue.send(deployment(clock.now()))
    reading = one.read(ReadRequest())
    assert reading.moved == (API,)
    problem = reading.problems[0]
    assert (problem.state, problem.scope) == (SourceState.MALFORMED, "messages")
    assert "1 in the last 10m is no event of AWS, and left in the queue: " in problem.message
    assert len(problem.message) < 200
    one.read(ReadRequest())
    assert list(queue.messages) == ["m1"]
    queue.messages.clear()  # its retention ended
    clock.at += 601
    assert [p.scope for p in one.read(ReadRequest()).problems] == ["changes"]
    clock.at += 3600
    assert one.read(ReadRequest()).problems == ()


@pytest.mark.parametrize("more", [{"detail": "x"}, {"resources": ["arn:aws:ecs:eu-west-1:1:cluster/main"]}])
def test_an_event_that_is_not_as_documented_is_counted_and_deleted(queue: Queue, clock: FakeClock, more: Any) -> None:
    one = provider(queue, clock)
    queue.send(deployment(clock.now(), "odd") | more)
    problem = one.read(ReadRequest()).problems[0]
    assert problem.state is SourceState.MALFORMED
    assert "1 in the last 10m is not as AWS documents it, and of no use: aws.ecs ECS Deplo" in problem.message
    one.read(ReadRequest())
    assert not queue.messages


def test_a_queue_of_something_else_is_left_alone(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    for _ in range(17):
        queue.send({"order": 17, "charge": True})
    for _ in range(30):
        with pytest.raises(
            errors.Malformed, match=r"^not a queue of EventBridge: the 10 messages .* none was del"
        ) as it:
            one.read(ReadRequest())
        clock.at += 15
    assert "check queue:" in it.value.hint
    assert (len(queue.messages), queue.asked["ReceiveMessage"], queue.asked["DeleteMessageBatch"]) == (17, 1, 0)
    assert not [m for m in queue.messages.values() if m["hidden"] > clock.monotonic() - 440]  # hidden for 5 s
    queue.messages.clear()
    queue.send(deployment(clock.now()))
    clock.at += LOOK_AGAIN_S
    assert one.read(ReadRequest()).moved == (API,)


def test_what_is_left_in_a_queue_of_events_comes_seldom_and_holds_up_no_event(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    queue.send(deployment(clock.now()))
    one.read(ReadRequest())
    for n in range(100):
        queue.send(f"poison {n}")
    calls = queue.asked["ReceiveMessage"]
    for _ in range(300):
        before = queue.asked["ReceiveMessage"]
        reading = one.read(ReadRequest())
        assert queue.asked["ReceiveMessage"] - before <= RECEIVES
        assert reading.next_in_s == WAIT_S
        clock.at += WAIT_S
    assert queue.asked["ReceiveMessage"] - calls < 300 + 60  # a quiet queue costs 300
    assert reading.problems[0].message.startswith("100 in the last 10m are no events of AWS, and left in the queue")
    queue.send(deployment(clock.now(), "e2"))
    assert one.read(ReadRequest()).moved == (API,)
    assert one.read(ReadRequest()).next_in_s == WAIT_S
    assert len(queue.messages) == 100


def test_a_poll_that_fails_half_way_tells_what_it_had_with_the_next_reading(queue: Queue, clock: FakeClock) -> None:
    one = provider(queue, clock)
    for n in range(10):
        queue.send(deployment(clock.now(), f"e{n}", f"api-{n}"))
    queue.fails_at = 2
    with pytest.raises(errors.Offline):
        one.read(ReadRequest())
    assert len(one.read(ReadRequest()).moved) == 10
    assert len(queue.messages) == 10  # deleted once the reading was published
    assert one.read(ReadRequest()).moved == ()
    assert not queue.messages


@pytest.mark.parametrize(("look_back_s", "hours", "span"), [(60.0, 1, "hour"), (7200.0, 2, "120 minutes")])
def test_a_queue_knows_no_change_until_it_was_read_for_as_long_as_suspects_are_looked_for(
    queue: Queue, clock: FakeClock, look_back_s: float, hours: int, span: str
) -> None:
    one = provider(queue, clock, look_back_s=look_back_s)
    words = f"a queue tells nothing of the {span} before it was read"
    assert [p.message for p in one.read(ReadRequest()).problems] == [words]
    clock.at += hours * 3600 - 1
    assert [p.message for p in one.read(ReadRequest()).problems] == [words]
    clock.at += 1
    assert one.read(ReadRequest()).problems == ()


ODD = (
    "",
    0,
    -1,
    1e308,
    10**30,
    None,
    True,
    [],
    {},
    "x",
    "\x00",
    "Mon, 01 Jan 2020 00:00:00 +99999999999999999",
    "9" * 400,
)
ODD_TIMES = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "Fri, 31 Dec 9999 23:59:59 -9999", "1 2 3", "-1")


def mutated(node: Any, rng: random.Random) -> Any:
    """Return a copy of an event with one of its values another."""
    if isinstance(node, (dict, list)) and node and rng.random() < 0.85:
        at = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        copy: Any = node.copy()
        if isinstance(node, dict) and rng.random() < 0.1:
            del copy[at]
        else:
            copy[at] = mutated(node[at], rng)
        return copy
    if isinstance(node, str) and node and rng.random() < 0.4:
        at = rng.randrange(len(node))
        return node[:at] + rng.choice(("", ":", "/", "9", "é", "\ud800")) + node[at + 1 :]
    return rng.choice(ODD + ODD_TIMES)


def test_a_hundred_mutations_of_each_event_end_no_poll(queue: Queue, clock: FakeClock) -> None:
    now, rng = clock.now(), random.Random(7)
    scaling = {"resourceId": "service/main/api", "serviceNamespace": "ecs", "startTime": "2027-01-15T07:59:00Z"}
    edit = {"alarmName": "api-5xx", "operation": "update"}
    events = [
        deployment(now),
        task(now),
        rds(now, ["failover"], "x"),
        health("Fri, 15 Jan 2027 07:50:00 GMT", "closed", "Fri, 15 Jan 2027 07:58:00 GMT"),
        event("aws.codedeploy", "CodeDeploy Deployment State-change Notification", {}, now),
        event("aws.application-autoscaling", SCALED, scaling, now),
        event("aws.cloudwatch", "CloudWatch Alarm Configuration Change", edit, now),
    ]
    bodies = [one | {"time": when} for one in events for when in ODD + ODD_TIMES]
    bodies += [mutated(one, rng) for one in events for _ in range(100)]
    one = provider(queue, clock)
    queue.send(deployment(now, "first"))
    one.read(ReadRequest())
    for n, body in enumerate(bodies):
        queue.send({**body, "id": f"n{n}"} if isinstance(body, dict) and body.get("id") == "e1" else body)
    for _ in range(len(bodies) // 80 + 2):
        reading = one.read(ReadRequest())
        assert all(change.began <= now for change in reading.changes)
    assert reading.changes


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
    assert read(queue, clock, forged, task(clock.now(), group="service:web")).moved == (
        ServiceKey(ACCOUNT, REGION, "main", "web"),
    )


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
