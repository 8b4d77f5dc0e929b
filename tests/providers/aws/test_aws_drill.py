"""The real adapters against the drill: a bad deploy is seen, rolled back, and what became of it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drill_world import Drill, board

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.domain.service import Health
from oncall_tui.providers.base import Provider, ReadRequest, Receipt

SERVICE = "prod/prod-main/payments-api"
ALICE = Actor("Alice", "alice@example.com")


@pytest.fixture
def drill(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drill]:
    running = Drill()
    for name, value in running.told["environment"].items():
        monkeypatch.setenv(name, value)
    yield running
    running.close()


def ask(target: str, version: str = "", choice: str = "") -> ActionRequest:
    return ActionRequest(verb=Verb.ROLL_BACK, target=target, version=version, actor=ALICE, choice=choice)


def bad_deploy(drill: Drill, provider: Provider) -> Reading:
    """payments-api:42 is rolled out 20 s into the night, and its tasks fail."""
    return drill.read(provider, lambda r: any(d.failures for d in r.deploys))


def follow(drill: Drill, provider: Provider, plan: Plan, receipt: Receipt | None) -> list[Check]:
    seen = []
    for _ in range(80):
        seen.append(provider.handlers()[Verb.ROLL_BACK].verify(plan, receipt))
        if seen[-1].state is not OutcomeState.PENDING:
            return seen
        drill.advance(seen[-1].again_in_s)
    raise AssertionError(seen[-1])


def test_a_bad_deploy_is_seen_with_its_reason(drill: Drill) -> None:
    provider = drill.provider("prod")
    reading = bad_deploy(drill, provider)
    (deploy,) = reading.deploys
    assert (deploy.arrow, deploy.state, deploy.service_id) == (":41→:42", DeployState.IN_PROGRESS, SERVICE)
    assert deploy.failures[0].exit_code == 137
    assert deploy.failed_tasks
    assert deploy.new.images[0].short == "payments-api:v1.9.0"
    assert not reading.problems
    service = next(s for s in reading.services if s.id == SERVICE)
    assert service.health in (Health.DEGRADED, Health.DOWN)
    assert len(reading.services) == 32


def test_roll_back_a_deploy_under_way(drill: Drill) -> None:
    provider = drill.provider("prod")
    reading = bad_deploy(drill, provider)
    (deploy,) = reading.deploys
    handler = provider.handlers()[Verb.ROLL_BACK]
    plan = handler.plan(ask(deploy.id, deploy.version), board(reading))
    lines = dict(plan.lines)
    assert plan.request["operation"] == "StopServiceDeployment"
    assert lines["from"].startswith(":42  payments-api:v1.9.0  sha256:")
    assert lines["to"].startswith(":41  payments-api:v1.8.3  sha256:")
    assert "stable until" in lines["to"]
    assert "memory" in lines["changes"]
    assert plan.commands[0].startswith("aws ecs stop-service-deployment --service-deployment-arn arn:")
    handler.check(plan)
    seen = follow(drill, provider, plan, handler.send(plan))
    assert seen[-1].state is OutcomeState.DONE, seen[-1]
    assert "rolling back from :42 to :41" in " ".join(c.message for c in seen)
    after = drill.read(provider, lambda r: r.deploys[0].state is DeployState.ROLLED_BACK)
    assert after.deploys[0].rollback == "going back to :41"
    with pytest.raises(errors.Refused, match="rolled back to :41 already"):
        handler.plan(ask(SERVICE), board(after))
    with pytest.raises(errors.Refused, match="moved"):
        handler.check(plan)
    with pytest.raises(errors.ActionFailed):
        handler.send(plan)


def test_roll_back_a_finished_deploy_and_no_ping_pong(drill: Drill) -> None:
    service = "prod/prod-main/search-api"
    provider = drill.provider("prod")
    reading = drill.read(provider)
    handler = provider.handlers()[Verb.ROLL_BACK]
    plan = handler.plan(ask(service), board(reading))
    assert plan.request["operation"] == "UpdateService"
    assert plan.request["to"].endswith(":63")
    assert any(c.default and c.label == ":63" for c in handler.choices(service, board(reading)))
    handler.check(plan)
    receipt = handler.send(plan)
    assert receipt.data["deployment"].startswith("ecs-svc/")
    going = drill.read(provider, lambda r: any(d.state.running and d.service_id == service for d in r.deploys))
    (deploy,) = (d for d in going.deploys if d.service_id == service and d.state.running)
    assert deploy.rollback == "going back to :63"
    with pytest.raises(errors.Refused, match=r"itself a rollback: going back to :63.*stopping it restores :64"):
        handler.plan(ask(deploy.id, deploy.version), board(going))
    assert follow(drill, provider, plan, receipt)[-1].state is OutcomeState.DONE
    with pytest.raises(errors.Refused, match="was itself a rollback"):
        handler.plan(ask(service), board(going))


def test_a_write_that_timed_out_is_unknown_and_found_by_reading(drill: Drill) -> None:
    provider = drill.provider("prod")
    reading = bad_deploy(drill, provider)
    handler = provider.handlers()[Verb.ROLL_BACK]
    plan = handler.plan(ask(SERVICE), board(reading))
    drill.fault("prod", "StopServiceDeployment", "error500", after_effect=True, count=1)
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert follow(drill, provider, plan, None)[-1].state is OutcomeState.DONE


def test_a_write_that_does_not_arrive_may_still_come(drill: Drill) -> None:
    provider = drill.provider("prod")
    reading = bad_deploy(drill, provider)
    handler = provider.handlers()[Verb.ROLL_BACK]
    plan = handler.plan(ask(SERVICE), board(reading))
    last = follow(drill, provider, plan, None)[-1]
    assert (last.state, last.absent) == (OutcomeState.FAILED, True)
    assert last.message == "the deploy of :42 goes on"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("expired", errors.Expired),
        ("denied", errors.Denied),
        ("throttle", errors.Throttled),
        ("html", errors.Malformed),
        ("truncated", errors.Malformed),
        ("refuse", errors.Offline),
        ("error500", errors.Offline),
        ("unauthorized", errors.NoCredentials),
        ("redirect", errors.Malformed),
    ],
)
def test_each_fault_has_its_state(drill: Drill, kind: str, error: type[errors.SourceError]) -> None:
    provider = drill.provider("prod")
    assert drill.read(provider).services
    drill.fault("prod", "*", kind)
    drill.advance(100)
    found: list[errors.SourceError] = []
    for _ in range(20):
        try:
            provider.read(ReadRequest(fresh=True))
        except errors.SourceError as one:
            found.append(one)
            break
        drill.advance(5)
    assert found, kind
    assert isinstance(found[0], error), found[0]
    drill.clear()
    drill.advance(100)
    assert len(drill.read(provider).services) == 32


def test_deploys_denied_while_services_are_readable(drill: Drill) -> None:
    provider = drill.provider("prod")
    drill.fault("prod", "ListServiceDeployments", "denied")
    reading = drill.read(provider, lambda r: any(d.state.running for d in r.deploys))
    assert reading.deploys[0].read_from == "deployments[]"
    (problem,) = reading.problems
    assert (problem.state, problem.hint) == (SourceState.DENIED, "needs ecs:ListServiceDeployments")
    assert problem.scope.startswith("deploys")


def test_silence_an_alarm(drill: Drill) -> None:
    provider: Any = drill.provider("alarms")
    reading = provider.read(ReadRequest())
    alarm = next(a for a in reading.alerts if a.state is AlertState.FIRING and not a.hidden)
    handler = provider.handlers()[Verb.SILENCE]
    wanted = ActionRequest(
        verb=Verb.SILENCE, target=alarm.id, version=alarm.version, actor=ALICE, reason="known", for_s=1800.0
    )
    plan = handler.plan(wanted, board(reading))
    assert "has notified already" in " ".join(plan.warnings)
    handler.check(plan)
    receipt = handler.send(plan)
    assert handler.verify(plan, receipt).state is OutcomeState.DONE
    drill.advance(61)
    assert handler.verify(plan, None).message.startswith("muted until")
    after = next(a for a in provider.read(ReadRequest(fresh=True)).alerts if a.id == alarm.id)
    assert (after.state, after.by, after.comment) == (AlertState.SILENCED, ("Alice",), "known")
    assert after.until == pytest.approx(plan.request["until"])
    drill.control("do", event={"alarm": {"name": alarm.title, "state": "OK", "reason": "fine again"}})
    told = provider.timeline(alarm.id)
    assert told[0].text.startswith("Alarm updated from ALARM to OK: fine again")
    assert any("from OK to ALARM" in line.text for line in told)


def test_a_start_with_every_strategy_under_way_reads_all_of_it_within_half_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What CodeDeploy does was asked for again and again, and never to its end, while calls were short."""
    running = Drill("--scenario", "strategies")
    for name, value in running.told["environment"].items():
        monkeypatch.setenv(name, value)
    provider, clock = running.provider("prod"), running.clock
    began, calls, whole = clock.now(), 0, None
    while clock.now() - began < 40:
        reading = provider.read(ReadRequest())
        made, calls = provider.calls.total() - calls, provider.calls.total()  # type: ignore[attr-defined]
        running.advance(made * 0.04 + max(0.01, reading.next_in_s or 0.0))
        if reading.complete and whole is None:
            whole = clock.now() - began
            assert len(reading.services) == 76
        if reading.complete and not reading.behind:
            break
    assert whole is not None
    assert whole <= 5.0
    assert clock.now() - began <= 30.0
    running.close()


def test_a_service_that_codedeploy_deploys_knows_its_deployment_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Events of CodeDeploy name the group alone: by this one the service is found that they are of."""
    scenario = tmp_path / "group.yaml"
    scenario.write_text(
        "name: group\n"
        "sources: [{name: prod, provider: ecs, clusters: [main]}]\n"
        "services:\n"
        "  - {at: prod/main/web, desired: 2, controller: CODE_DEPLOY, codedeploy: {application: shop, group: web},\n"
        "     definitions: {42: {image: v2}}}\n"
        "  - {at: prod/main/jobs, desired: 2, controller: CODE_DEPLOY, codedeploy: {application: shop, group: jobs}}\n"
    )
    drill = Drill("--scenario", str(scenario))
    try:
        for name, value in drill.told["environment"].items():
            monkeypatch.setenv(name, value)
        provider = drill.provider("prod")
        drill.control("do", event={"deploy": {"service": "prod/main/web", "revision": 42}})
        reading = drill.read(provider, lambda r: any(d.read_from == "CodeDeploy" for d in r.deploys))
        groups = {service.name: service.deploy_group for service in reading.services}
        assert groups == {"web": "shop/web", "jobs": ""}  # of the other one no deployment was read: nothing is claimed
    finally:
        drill.close()
