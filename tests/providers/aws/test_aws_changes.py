"""Changes of services and alarms: desired counts that move, scaling activities, what ECS says, edited alarms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from alarm_world import Alarms
from alarm_world import provider as alarm_provider
from aws_world import ACCOUNT, REGION, World, error

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.providers.aws.ecs.poll.changes import UNTOLD, EcsChanges
from oncall_tui.providers.aws.ecs.poll.scaling import ScalingActivities
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock

API = "main/api"
Make = Callable[..., EcsProvider]


def activity(clock: FakeClock, count: int, ago: float = 0.0, took: float | None = 4.0, **more: Any) -> dict[str, Any]:
    at = clock.now() - ago
    end = {} if took is None else {"EndTime": at + took}
    return {
        "ActivityId": f"a-{count}-{int(at)}",
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{API}",
        "Description": f"Setting desired count to {count}.",
        "Cause": "monitor alarm TargetTracking-low in state ALARM triggered policy api-cpu",
        "StatusCode": "Successful",
        "StatusMessage": f"Successfully set desired count to {count}.",
        "StartTime": at,
        **end,
        **more,
    }


def polled(source: EcsProvider, clock: FakeClock, seconds: float) -> Reading:
    """Poll for *seconds*, as often as it wants to be."""
    end, reading = clock.now() + seconds, source.read(ReadRequest())
    while clock.now() < end:
        clock.advance(max(0.05, min(reading.next_in_s or 3.0, end - clock.now())))
        reading = source.read(ReadRequest())
    return reading


def scaling(reading: Reading) -> list[Change]:
    return [one for one in reading.changes if one.kind is ChangeKind.SCALING]


def test_a_count_that_moved_is_a_change_at_once_and_its_activity_tells_by_whom(
    clock: FakeClock, world: World, ecs: Make
) -> None:
    service = world.service("main", "api", desired=4)
    source = ecs(clusters=("main",))
    assert polled(source, clock, 5).changes == ()
    read_at = source.read(ReadRequest(fresh=True)).services[0].read_at
    clock.advance(240)  # nothing was read for so long: under load, or after a pause
    service["desiredCount"] = service["runningCount"] = 2
    reading = source.read(ReadRequest(fresh=True))
    (moved,) = scaling(reading)
    assert (moved.what, moved.by, moved.service_id) == ("desired count 4 → 2 of api", "", "prod/main/api")
    assert moved.text.startswith(UNTOLD)
    assert (moved.account, moved.region) == (ACCOUNT, REGION)
    assert (moved.not_before, moved.began) == (read_at, clock.now())  # it was between the two readings
    world.activities = [activity(clock, 2)]
    asked = world.asked["DescribeScalingActivities"]
    (told,) = scaling(polled(source, clock, 16))
    assert world.asked["DescribeScalingActivities"] == asked + 1
    assert (told.account, told.region) == (ACCOUNT, REGION)
    assert (told.id, told.what, told.by) == (moved.id, moved.what, "autoscaling")
    assert (told.began, told.not_before) == (world.activities[0]["StartTime"], None)
    assert told.text.startswith("monitor alarm TargetTracking-low")
    assert told.ended == world.activities[0]["EndTime"]


def test_a_count_that_moved_after_the_first_rows_were_told_is_a_change_too(
    clock: FakeClock, world: World, ecs: Make
) -> None:
    """The board showed 3 of them: what reads the same service again within the first poll shows 6."""
    service = world.service("main", "api", desired=3)
    source, told = ecs(clusters=("main",)), []

    def part(make: Callable[[], Reading]) -> None:
        told.append(make())
        service["desiredCount"] = 6
        service["runningCount"] = 2

    reading = source.read(ReadRequest(part=part))
    assert [row.desired for one in told for row in one.services] == [3]
    assert reading.services[0].desired == 6
    (moved,) = scaling(reading)
    assert moved.what == "desired count 3 → 6 of api"


def test_a_person_s_move_stays_nobody_s(clock: FakeClock, world: World, ecs: Make) -> None:
    service = world.service("main", "api", desired=4)
    source = ecs(clusters=("main",))
    polled(source, clock, 5)
    world.activities = [activity(clock, 4, ago=3000), activity(clock, 6, ago=2000)]  # of other counts and times
    service["desiredCount"] = 6
    source.read(ReadRequest(fresh=True))
    found = scaling(polled(source, clock, 70))
    assert [(one.what, one.by) for one in found] == [
        ("desired count 4 → 6 of api", ""),
        ("desired count 4 → 6 of api", "autoscaling"),
        ("desired count set to 4 of api", "autoscaling"),
    ]


def test_activities_before_the_start_and_under_way_and_of_others(clock: FakeClock, world: World, ecs: Make) -> None:
    world.service("main", "api", desired=3)
    world.activities = [
        activity(clock, 3, took=None, StatusCode="InProgress"),
        activity(clock, 9, ago=60, StatusCode="Failed"),
        activity(clock, 8, ago=90, ResourceId="service/other/api"),
        activity(clock, 5, ago=600),
        activity(clock, 4, ago=25 * 3600),
    ]
    found = scaling(polled(ecs(clusters=("main",)), clock, 3))
    assert [(one.what, one.under_way) for one in found] == [
        ("desired count 5 → 3 of api", True),
        ("desired count set to 5 of api", False),
    ]


def test_a_denied_permission_is_named_and_the_rest_goes_on(clock: FakeClock, world: World, ecs: Make) -> None:
    service = world.service("main", "api", desired=4)
    said = "User: x is not authorized to perform: application-autoscaling:DescribeScalingActivities"
    world.refuse["DescribeScalingActivities"] = error("DescribeScalingActivities", "AccessDeniedException", said)
    source = ecs(clusters=("main",))
    reading = polled(source, clock, 5)
    (problem,) = reading.problems
    assert (problem.state, problem.scope) == (SourceState.DENIED, "scaling activities")
    assert "application-autoscaling:DescribeScalingActivities" in problem.hint
    service["desiredCount"] = 2
    assert [one.what for one in scaling(source.read(ReadRequest(fresh=True)))] == ["desired count 4 → 2 of api"]
    asked = world.asked["DescribeScalingActivities"]
    del world.refuse["DescribeScalingActivities"]
    assert polled(source, clock, 310).problems == ()
    assert world.asked["DescribeScalingActivities"] - asked <= 3


def test_a_denial_is_asked_again_at_once_where_a_fresh_reading_is_asked_for(
    clock: FakeClock, world: World, ecs: Make
) -> None:
    world.service("main", "api", desired=4)
    world.refuse["DescribeScalingActivities"] = error("DescribeScalingActivities", "AccessDeniedException", "no")
    source = ecs(clusters=("main",))
    assert [one.scope for one in polled(source, clock, 5).problems] == ["scaling activities"]
    asked = world.asked["DescribeScalingActivities"]
    polled(source, clock, 60)
    assert world.asked["DescribeScalingActivities"] == asked  # by itself it waits
    assert source.read(ReadRequest(fresh=True)).problems != ()
    assert world.asked["DescribeScalingActivities"] == asked + 1
    del world.refuse["DescribeScalingActivities"]  # the permission was given, or the login is another one
    assert source.read(ReadRequest(fresh=True)).problems == ()


def test_a_fresh_reading_that_came_before_the_first_list_was_whole_is_not_forgotten(clock: FakeClock) -> None:
    asked: list[str] = []

    class Activities(ScalingActivities):
        def _read(self) -> tuple[PartialFailure, ...]:
            asked.append("read")
            return ()

    activities = Activities(None, clock)  # type: ignore[arg-type]
    changes = EcsChanges("prod", activities, clock)
    whole = Reading(source="prod", at=clock.now(), calls=1)
    changes.read(whole, fresh=False)
    changes.read(msgspec.structs.replace(whole, complete=False), fresh=True)
    assert asked == ["read"]
    changes.read(whole, fresh=False)
    assert asked == ["read", "read"]


def test_a_hiccup_is_no_problem_and_three_minutes_of_it_are(clock: FakeClock, world: World, ecs: Make) -> None:
    world.service("main", "api")
    source = ecs(clusters=("main",))
    polled(source, clock, 5)
    world.refuse["DescribeScalingActivities"] = error("DescribeScalingActivities", "ThrottlingException")
    assert polled(source, clock, 120).problems == ()
    (problem,) = polled(source, clock, 130).problems
    assert (problem.state, problem.scope) == (SourceState.THROTTLED, "scaling activities")
    del world.refuse["DescribeScalingActivities"]
    assert polled(source, clock, 70).problems == ()


def test_what_ecs_says_of_placing_tasks_is_an_effect(clock: FakeClock, world: World, ecs: Make) -> None:
    service = world.service("main", "api")
    at = clock.now()
    words = "(service api) was unable to place a task because no container instance met all of its requirements."
    sick = "(service api) (port 80) is unhealthy in (target-group api) due to (reason Health checks failed)."
    service["events"] = [
        {"createdAt": at - 60, "message": sick},
        {"createdAt": at - 100, "message": words},
        {"createdAt": at - 700, "message": words},
        {"createdAt": at - 7200, "message": words},
        {"createdAt": at - 9000, "message": "(service api) has reached a steady state."},
    ]
    found = polled(ecs(clusters=("main",)), clock, 3).changes
    assert [(one.what, one.began, one.ended) for one in found] == [
        ("unhealthy targets of api", at - 60, at - 60),
        ("failed placement of tasks of api", at - 700, at - 100),
        ("failed placement of tasks of api", at - 7200, at - 7200),
    ]
    assert all(one.effect and one.kind is ChangeKind.PLACEMENT and one.by == "ECS" for one in found)
    assert {(one.account, one.region) for one in found} == {(ACCOUNT, REGION)}


def test_two_hundred_services_at_rest_cost_one_call_a_minute_more(clock: FakeClock, world: World, ecs: Make) -> None:
    for n in range(200):
        world.service("main", f"s{n}")
    source = ecs(clusters=("main",))
    polled(source, clock, 120)
    before, activities = world.asked.total(), world.asked["DescribeScalingActivities"]
    reading = polled(source, clock, 600)
    assert world.asked["DescribeScalingActivities"] - activities == 10
    assert (world.asked.total() - before) / 600 <= 0.5
    assert source.read(ReadRequest()).changes is reading.changes  # the same object: nothing is drawn again


# --- alarms -----------------------------------------------------------------------------------------------------------


def edited(clock: FakeClock, name: str, ago: float, summary: str, **data: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Timestamp": clock.now() - ago,
        "HistoryItemType": "ConfigurationUpdate",
        "HistorySummary": summary,
        "HistoryData": json.dumps({"version": "1.0", **data}),
    }


def test_edits_of_alarms(clock: FakeClock, alarms: Alarms) -> None:
    before = {"threshold": 10.0, "evaluationPeriods": 3}
    after = {"threshold": 50.0, "evaluationPeriods": 3, "dimensions": []}
    one, more = {"threshold": 10.0}, {**before, "dimensions": [1]}
    alarms.history["api"] = [
        edited(clock, "api", 60, "updated", type="Update", updatedAlarm=after, originalUpdatedFields=one),
        edited(clock, "api", 90, "x", type="Update", updatedAlarm=after, originalUpdatedFields=more),
        {**edited(clock, "api", 120, 'Alarm "api" deleted'), "HistoryData": '{"cut'},
        edited(clock, "api", 150, 'Alarm "api" created', type="Create"),
        {**edited(clock, "api", 30, ""), "HistoryItemType": "StateUpdate"},
        edited(clock, "TargetTracking-service/x", 20, "updated", type="Update"),
    ]
    found = alarm_provider(alarms).read(ReadRequest()).changes
    assert [(one.what, one.text) for one in found] == [
        ("threshold 10 → 50 of alarm api", "updated"),
        ("edit of alarm api", "threshold 10 → 50, evaluation periods 3 → 3, dimensions"),
        ("deletion of alarm api", 'Alarm "api" deleted'),
        ("creation of alarm api", 'Alarm "api" created'),
    ]
    assert {(one.kind, one.resource, one.by) for one in found} == {(ChangeKind.ALARM, "api", "")}


def test_an_edit_is_of_its_account_and_region(clock: FakeClock, alarms: Alarms) -> None:
    alarms.history["api"] = [edited(clock, "api", 60, "updated", type="Update")]
    source = alarm_provider(alarms)
    assert [(one.account, one.region) for one in source.read(ReadRequest()).changes] == [("", REGION)]  # nobody tells
    alarms.add("web")
    clock.advance(15)
    assert [(one.account, one.region) for one in source.read(ReadRequest()).changes] == [(ACCOUNT, REGION)]


def test_edits_are_read_each_five_minutes_and_denied_ones_leave_the_alarms(clock: FakeClock, alarms: Alarms) -> None:
    alarms.add("api")
    source = alarm_provider(alarms)
    for _ in range(40):
        source.read(ReadRequest())
        clock.advance(15)
    assert alarms.asked["DescribeAlarmHistory"] == 2
    alarms.refuse["DescribeAlarmHistory"] = error("DescribeAlarmHistory", "AccessDenied", "not authorized")
    for _ in range(21):
        reading = source.read(ReadRequest())
        clock.advance(15)
    assert [(one.scope, one.hint) for one in reading.problems] == [
        ("edits of alarms", "needs cloudwatch:DescribeAlarmHistory on *")
    ]
    assert len(reading.alerts) == 1


def test_denied_edits_are_asked_for_again_at_once_where_a_fresh_reading_is_asked_for(
    clock: FakeClock, alarms: Alarms
) -> None:
    alarms.add("api")
    alarms.refuse["DescribeAlarmHistory"] = error("DescribeAlarmHistory", "AccessDenied", "not authorized")
    source = alarm_provider(alarms)
    assert source.read(ReadRequest()).problems != ()
    del alarms.refuse["DescribeAlarmHistory"]
    clock.advance(15)
    assert source.read(ReadRequest()).problems != ()
    clock.advance(15)
    assert source.read(ReadRequest(fresh=True)).problems == ()
    asked = alarms.asked["DescribeAlarmHistory"]
    source.read(ReadRequest(fresh=True))
    assert alarms.asked["DescribeAlarmHistory"] == asked  # what was read well waits for its time


def test_edits_are_read_at_once_where_an_alarm_fires_anew(clock: FakeClock, alarms: Alarms) -> None:
    source = alarm_provider(alarms)
    asked = []
    for name in ("", "api", "web", "", "", "worker"):
        if name:
            alarms.add(name)
        clock.advance(3)
        source.read(ReadRequest())
        asked.append(alarms.asked["DescribeAlarmHistory"])
    assert asked == [1, 1, 2, 2, 2, 3]  # five seconds are between two readings


def test_an_alarm_s_edit_on_an_endpoint_of_old_types(clock: FakeClock, alarms: Alarms) -> None:
    alarms.history["api"] = [edited(clock, "api", 60, 'Alarm "api" updated')]
    assert [one.what for one in alarm_provider(alarms).read(ReadRequest()).changes] == ["edit of alarm api"]


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"type": 5}', '{"type": "Update", "originalUpdatedFields": null}'])
def test_data_that_is_not_as_expected_is_an_edit_all_the_same(clock: FakeClock, alarms: Alarms, said: str) -> None:
    alarms.history["api"] = [{**edited(clock, "api", 60, 'Alarm "api" updated'), "HistoryData": said}]
    assert [one.what for one in alarm_provider(alarms).read(ReadRequest()).changes] == ["edit of alarm api"]
