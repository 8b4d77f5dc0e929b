"""The merged timeline: what it is made of, in which order, and that nothing is told twice."""

from __future__ import annotations

import msgspec
import pytest
from tests.support.fakes import alert, deploy, service
from tests.support.inside import stopped, task

from oncall_tui.domain.deploy import DeployRollback, DeployState, TaskFailure
from oncall_tui.domain.service_detail import ServiceDetail
from oncall_tui.inspection.timeline import ACTION, ALERT, DEPLOY, EVENT, TASK, merge_timeline
from oncall_tui.providers.base import TimelineEvent
from oncall_tui.text.short_ids import short_ids

T = 1_800_000_000.0


def test_alert_deploy_tasks_events_and_actions_are_one_list_newest_first() -> None:
    found = merge_timeline(
        [alert("alarms/a", began=T, title="5xx")],
        {
            "alarms/a": [
                TimelineEvent(T + 60, "Bob", "acknowledged"),
                TimelineEvent(T + 90, "Alice", "roll back: done", "here"),
            ]
        },
        [deploy(started=T - 180, finished=T + 120, state=DeployState.ROLLED_BACK, reason="breaker", started_by="ci")],
        service(events=((T - 100, "has started 2 tasks"),)),
        ServiceDetail(service_id="prod/main/api", at=T, tasks=(task(1), stopped(2, stopped=T - 50)), events=()),
    )
    assert [(m.at - T, m.kind, m.by, m.where) for m in found] == [
        (120, DEPLOY, "", "prod"),
        (90, ACTION, "Alice", "here"),
        (60, ACTION, "Bob", "alarms"),
        (0, ALERT, "", "alarms"),
        (-50, TASK, "", "prod"),
        (-100, EVENT, "", "prod"),
        (-180, DEPLOY, "ci", "prod"),
    ]
    assert found[0].text == "deploy api :41→:42 rolled back to :41 by the circuit breaker: breaker"
    assert "exit 137" in found[4].text


def test_what_two_places_tell_alike_is_told_once() -> None:
    events = ((T, "has started 1 tasks: (task 0123456789abcdef)."),)
    inside = ServiceDetail(service_id="prod/main/api", at=T, tasks=(stopped(3, stopped=T),), events=events)
    failed = deploy(failures=(TaskFailure(stopped(3).id, T, "OutOfMemoryError", 137),), started=T - 9)
    found = merge_timeline([], {}, [failed], service(events=events), inside)
    assert [m.kind for m in found] == [TASK, EVENT, DEPLOY]


def test_a_storm_of_the_same_is_one_line_with_its_count_and_when_it_began() -> None:
    tasks = tuple(stopped(n, stopped=T + 10 * n) for n in range(60))
    events = tuple((T + 10 * n, f"(service api) has started 1 tasks: (task {n:032x}).") for n in range(60))
    found = merge_timeline(
        [], {}, [], None, ServiceDetail(service_id="prod/main/api", at=T, tasks=tasks, events=events)
    )
    assert [(m.kind, m.times, m.at - T, m.since - T) for m in found] == [(TASK, 60, 590, 0), (EVENT, 60, 590, 0)]
    assert found[0].text.startswith("task :42 stopped: exit 137")
    assert found[1].text == "(service api) has started 1 tasks"


def test_what_was_long_before_is_a_line_of_its_own() -> None:
    tasks = (stopped(1, stopped=T), stopped(2, stopped=T - 3600))
    found = merge_timeline([], {}, [], None, ServiceDetail(service_id="prod/main/api", at=T, tasks=tasks))
    assert [(m.times, m.at - T) for m in found] == [(1, 0), (1, -3600)]


def test_two_people_doing_the_same_are_two() -> None:
    told = [TimelineEvent(T, "Alice", "note: looking"), TimelineEvent(T - 5, "Bob", "note: looking")]
    assert [m.by for m in merge_timeline([], {"pager/P1": told})] == ["Alice", "Bob"]


def test_as_many_tasks_stopped_as_their_deploy_says() -> None:
    """A deploy remembers its newest failures alone; five lines beside "128 tasks stopped" would be two numbers."""
    failures = tuple(TaskFailure(f"t{n}", T - n, "OutOfMemoryError", 137) for n in range(5))
    (told,) = [
        m
        for m in merge_timeline(deploys=[deploy(started=T - 60, failed_tasks=128, failures=failures)])
        if m.kind == TASK
    ]
    assert (told.text, told.times, told.at, told.since) == (
        "task :42 stopped: exit 137 OutOfMemoryError", 128, T, T - 60,
    )  # fmt: skip


def test_an_arn_is_told_by_the_name_that_it_ends_in_and_a_task_by_eight_characters() -> None:
    arn = "arn:aws:ecs:ap-northeast-1:111111111111"
    text = f"(service {arn}:service/main/api) stopped (task {arn}:task/main/0123456789abcdef0123456789abcdef)."
    assert short_ids(text) == "(service api) stopped (task 01234567)."
    assert short_ids(f"alarm {arn.replace('ecs', 'cloudwatch')}:alarm:api-5xx fires") == "alarm api-5xx fires"
    assert short_ids("nothing of that kind: 5") == "nothing of that kind: 5"


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("elasticloadbalancing:ap-northeast-1:111111111111:targetgroup/payments-api/73e2d6bc24d8a067", "payments-api"),
        ("elasticloadbalancing:ap-northeast-1:111111111111:loadbalancer/app/front/50dc6c495c0c9188", "front"),
        ("elasticloadbalancing:ap-northeast-1:111111111111:loadbalancer/classic", "classic"),
        ("ecs:ap-northeast-1:111111111111:task-definition/api:42", "api:42"),
        ("ecs:ap-northeast-1:111111111111:container-instance/main/0123456789abcdef0123456789abcdef", "01234567"),
        ("iam::111111111111:role/service-role/deployer", "deployer"),
        ("secretsmanager:ap-northeast-1:111111111111:secret:payments/db-AbCdEf", "payments/db-AbCdEf"),
        ("logs:ap-northeast-1:111111111111:log-group:/ecs/api:*", "/ecs/api"),
        ("sns:ap-northeast-1:111111111111:pages", "pages"),
    ],
)
def test_an_arn_of_any_kind_is_told_by_its_name(resource: str, name: str) -> None:
    assert short_ids(f"Task failed ELB health checks in (target-group arn:aws:{resource}).") == (
        f"Task failed ELB health checks in (target-group {name})."
    )


def test_a_task_id_of_the_older_kind_is_short_too() -> None:
    assert short_ids("(task 0b69d5c0-d655-4695-98cd-5d2d526d9d5a) is unhealthy") == "(task 0b69d5c0) is unhealthy"


def test_a_rollback_is_on_the_timeline_where_it_was_asked_for_and_where_it_ended() -> None:
    back = DeployRollback(state=DeployState.ROLLED_BACK, to=":41", by="Alice", began=T, ended=T + 60)
    rolled = deploy(started=T - 60, finished=T + 60, state=DeployState.ROLLED_BACK, taken_back=back)
    again = msgspec.structs.replace(rolled, taken_back=msgspec.structs.replace(back, again_at=T + 90, again_by="Bob"))
    assert merge_timeline(deploys=[again]) == merge_timeline(deploys=[rolled])
    assert [(m.at - T, m.text, m.by) for m in merge_timeline(deploys=[rolled])] == [
        (60, "deploy api :41→:42 rolled back to :41 by Alice", ""),
        (0, "deploy api :41→:42, rolling back to :41", "Alice"),
        (-60, "deploy api :41→:42 started by unknown", ""),
    ]
