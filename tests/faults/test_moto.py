"""The engine over moto's server: alarms in every state, what moto lacks told in words, and never a false "done"."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from oncall_tui import bootstrap, errors
from oncall_tui.cli.status import as_object
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.aws.cloudwatch.silence import read_alarm
from oncall_tui.triage.empty_board import nothing
from tests.faults.world import Ahead, Rig, wait_for

pytestmark = [pytest.mark.moto, pytest.mark.xdist_group("faults moto")]
REGION = "eu-west-1"
STATES = {"api-5xx-critical": "ALARM", "api-quiet": "OK", "api-blind": "INSUFFICIENT_DATA", "db-slow": "ALARM"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """One server for this file, on loopback. What it has not got it logs with a traceback each time."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    moto = pytest.importorskip("moto.server")  # not while tests are collected, which each process does
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()  # its state is the whole process's
    url = f"http://{host}:{port}"
    _fill(url)
    yield url
    server.stop()


def _client(endpoint: str, service: str) -> Any:
    return boto3.client(service, region_name=REGION, endpoint_url=endpoint)


def _fill(endpoint: str) -> None:
    cloudwatch, ecs = _client(endpoint, "cloudwatch"), _client(endpoint, "ecs")
    for name, state in STATES.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="CPUUtilization",
            Namespace="AWS/ECS",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=80,
            ComparisonOperator="GreaterThanThreshold",
            Dimensions=[{"Name": "ClusterName", "Value": "main"}, {"Name": "ServiceName", "Value": "api"}],
            AlarmActions=["arn:aws:sns:eu-west-1:123456789012:pages"],
            OKActions=["arn:aws:sns:eu-west-1:123456789012:pages"],
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="told so")
    for cluster, names in {"main": ("api", "web"), "jobs": ("import",)}.items():
        ecs.create_cluster(clusterName=cluster)
        for name in names:
            container = {"name": "app", "image": f"{name}:v1", "memory": 128}
            ecs.register_task_definition(family=name, containerDefinitions=[container])
            ecs.create_service(cluster=cluster, serviceName=name, taskDefinition=name, desiredCount=2)


@pytest.fixture
def rig(endpoint: str, tmp_path: Path) -> Iterator[Rig]:
    """The engine over moto's CloudWatch and ECS, read once."""
    aws = {"region": REGION, "endpoint_url": endpoint}
    config = {
        "me": {"name": "Alice", "email": "alice@example.com"},
        "journal": str(tmp_path / "journal.db"),
        "sources": [
            {"name": "alarms", "provider": "cloudwatch", "severity": {"critical": ["*-critical"]}, **aws},
            {"name": "aws", "provider": "ecs", **aws},
        ],
    }
    rig = Rig(bootstrap.make_engine(bootstrap.load_config_text(json.dumps(config), "moto"), clock=Ahead()))
    rig.engine.start()
    try:
        rig.wait(lambda u: all(s.state is SourceState.OFFLINE for s in u.board.sources.values()), "both are read")
        assert (len(rig.update.board.services), len(rig.update.board.alerts)) == (3, 3)
        yield rig
    finally:
        rig.engine.stop()


@pytest.mark.everything
def test_alarms_in_every_state(rig: Rig) -> None:
    board = rig.update.board
    assert {a.title: a.state for a in board.alerts.values()} == {
        "api-5xx-critical": AlertState.FIRING,
        "db-slow": AlertState.FIRING,
        "api-blind": AlertState.NO_DATA,
    }
    first = rig.update.triaged.alerts[0]
    assert (first.alert.title, first.service and first.service.id) == ("api-5xx-critical", "aws/main/api")
    source = board.sources["alarms"]
    assert source.partial  # all but its mute rules and its history, which moto has not: neither all well nor all lost
    assert source.current
    assert {p.scope for p in source.problems} == {"mute rules", "edits of alarms"}
    assert source.message.startswith("mute rules: ")


def test_what_is_not_whole_is_not_all_well(rig: Rig) -> None:
    """Both sources lack something here: an empty list would not be good news either."""
    shown = as_object(rig.update, rig.engine.clock.now())
    assert [s["state"] for s in shown["sources"]] == ["offline", "offline"]
    assert [s for s in shown["sources"] if not (s["message"] and s["hint"])] == []
    assert nothing(rig.update.board, rig.engine.clock.now()).startswith("No alert in what could be read. 0/2 sources")


def test_services_without_service_deployments(rig: Rig) -> None:
    rig.wait(
        lambda u: all(s.note.startswith("deploys: ") for s in u.board.services.values()),
        "what could not be read of deploys is told",
    )
    board = rig.update.board
    assert {s.id: s.revision.short for s in board.services.values()} == {
        "aws/main/api": ":1",
        "aws/main/web": ":1",
        "aws/jobs/import": ":1",
    }
    assert {d.service_id for d in board.deploys.values()} == set(board.services)  # out of deployments[]
    source = board.sources["aws"]
    assert source.partial
    assert source.current
    assert "deploys" in {p.scope for p in source.problems}
    assert all(p.message for p in source.problems)


def test_a_new_state_is_read_with_the_next_poll(rig: Rig, endpoint: str) -> None:
    cloudwatch = _client(endpoint, "cloudwatch")
    try:
        cloudwatch.set_alarm_state(AlarmName="db-slow", StateValue="OK", StateReason="told so")
        titles = {a.title for a in rig.poll(["alarms"]).board.alerts.values()}
        assert titles == {"api-5xx-critical", "api-blind"}
    finally:
        cloudwatch.set_alarm_state(AlarmName="db-slow", StateValue="ALARM", StateReason="told so")
    assert len(rig.poll(["alarms"]).board.alerts) == 3


def _ask(rig: Rig) -> ActionRequest:
    alert = next(a for a in rig.update.board.alerts.values() if a.title == "api-5xx-critical")
    return ActionRequest(
        verb=Verb.SILENCE,
        target=alert.id,
        version=alert.version,
        actor=rig.engine.actor,
        reason="known, see the ticket",
        for_s=600.0,
    )


def test_a_mute_is_refused_before_anything_is_sent(rig: Rig) -> None:
    with pytest.raises(errors.Refused, match="no alarm mute rules, so nothing was sent"):
        rig.engine.actions.plan(_ask(rig)).result(10)
    assert rig.engine.actions.outcomes == ()
    assert rig.engine.journal.open_intents() == []

    def told() -> list[str]:
        return [e.text for e in rig.engine.journal.recent(10, (EntryKind.REFUSED,))]

    wait_for(told, "the journal has the refusal")
    assert ["no alarm mute rules" in text for text in told()] == [True]


def test_a_mute_that_was_planned_all_the_same_is_never_done(rig: Rig) -> None:
    """As if the endpoint had lost its mute rules between the plan and the write."""
    handler = rig.engine.provider("alarms").handlers()[Verb.SILENCE]
    ask = _ask(rig)
    client = handler._client  # type: ignore[attr-defined]
    plan: Plan = handler._plan(ask, read_alarm(client, "api-5xx-critical"), "")  # type: ignore[attr-defined]
    done = rig.engine.actions.execute(plan)
    wait_for(lambda: "cannot be verified yet" in str(rig.engine.actions.outcomes), "it was sent and is being verified")
    rig.engine.clock.by += 30.0  # type: ignore[attr-defined]  # it gives up
    outcome = done.result(20)
    # HTTP 500 to the write, and to each look at what came of it: nobody knows, and that is what is said.
    assert outcome.state is OutcomeState.UNKNOWN, outcome
    assert outcome.message.startswith("sent; cannot be verified: GetAlarmMuteRule: HTTP 500")
    assert outcome.hint

    def told() -> list[object]:
        return [e.data["state"] for e in rig.engine.journal.of(plan.id) if e.kind is EntryKind.OUTCOME]

    wait_for(told, "the journal has how it stands")
    assert told() == ["unknown"]
    assert OutcomeState.DONE not in {o.state for o in rig.engine.actions.outcomes}
    alerts = rig.poll(["alarms"]).board.alerts.values()
    assert {a.title: a.state for a in alerts}["api-5xx-critical"] is AlertState.FIRING
