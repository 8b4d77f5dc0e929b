"""Incidents on the real adapters: which deploy or change is suspected of each alert, in which words, and where none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from oncall_tui import bootstrap
from oncall_tui.domain.alert import AlertState
from oncall_tui.engine.engine import Update
from oncall_tui.simulator.scenarios.reader import load
from oncall_tui.triage.cautions import cautions
from oncall_tui.triage.consent import suspected_deploys
from oncall_tui.triage.triager import TriagedAlert
from tests.end_to_end.suspects import INCIDENTS, OF_CHANGES, SPEED, Watched, flapped, played, row_of
from tests.end_to_end.test_commands import Shell
from tests.end_to_end.world import World, until

ONE_WORKER = pytest.mark.xdist_group("suspects")
SHIPPING = "prod/prod-main/shipping-api"


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Watched]]:
    with pytest.MonkeyPatch.context() as patch, played(tmp_path_factory.mktemp("incidents")) as held:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield held


@ONE_WORKER
@pytest.mark.core(2)
@pytest.mark.parametrize("name", INCIDENTS)
def test_the_first_suspect_and_its_words(incidents: dict[str, Watched], name: str) -> None:
    said = incidents[name].said(60.0)
    for told in INCIDENTS[name].told:
        found = said[told.title]
        suspects = ((told.first,) if told.first else ()) + told.besides
        assert found.suspects == suspects, found
        assert found.accused <= set(suspects), "accused of it for a while"
        assert found.innocent == told.innocent
        assert re.search(told.words, found.line), found.line


def test_each_can_be_played_alone() -> None:
    assert len(INCIDENTS) == 10 + len(OF_CHANGES)
    assert [load(name)["name"] for name in INCIDENTS] == list(INCIDENTS)


@pytest.mark.everything
def test_a_restart_between_two_flaps_does_not_blame_the_deploy(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first flaps are known from the journal alone; the deploy began before the one that fires now."""
    title = "quotes take 3 s"
    world = make_world("--scenario", "flapping", "--speed", str(SPEED))
    for name, value in world.told["environment"].items():
        monkeypatch.setenv(name, value)
    config = bootstrap.load_config(str(world.configure(0.5)))
    first = bootstrap.make_engine(config)
    first.start()
    try:
        assert first.wait(lambda u: row_of(u, title) is not None, 30)
        assert first.wait(lambda u: (row := row_of(u, title)) is not None and row.firings == 2, 30)
    finally:
        first.stop()
    until(lambda: world.service(SHIPPING)["task_definition"].endswith(":37"), "the deploy", 30)
    second = bootstrap.make_engine(config)
    second.start()
    try:
        assert second.wait(flapped(title), 60)
        row = row_of(second.update, title)
    finally:
        second.stop()
    assert row is not None
    assert row.suspicion.suspects == ()
    assert [s.deploy.service_id for s in row.suspicion.innocent] == [SHIPPING]


def test_status_tells_scripts_the_same(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", str(2 * SPEED))
    shell = Shell(world)
    until(lambda: world.incident() and world.state["alarms"]["payments-api-5xx-critical"] == "ALARM", "the page", 30)
    told = shell("status", "--json").json
    (deploy,) = (d for d in told["deploys"] if d["service"] == "prod/prod-main/payments-api")
    assert len(told["alerts"]) == 3
    assert len({a["problem"] for a in told["alerts"]}) == 1
    assert [a["source"] for a in told["alerts"] if a["leads"]] == ["pager"]
    for alert in told["alerts"]:
        assert [(s["deploy"], s["service"]) for s in alert["suspects"]] == [(deploy["id"], deploy["service"])]
        assert alert["suspicion"] == alert["suspects"][0]["words"]
        assert "deploy :41→:42 of prod/payments-api started" in alert["suspicion"]
        assert alert["not_suspect"] == []


@pytest.mark.everything
def test_a_bad_version_that_is_deployed_again_is_named(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same night: rolled back, quiet, and deployed again; what fires then is the second deploy's."""
    payments = "prod/prod-main/payments-api"
    world = make_world("--scenario", "night", "--speed", str(SPEED))
    for name, value in world.told["environment"].items():
        monkeypatch.setenv(name, value)
    engine = bootstrap.make_engine(bootstrap.load_config(str(world.configure(0.5))))
    engine.start()

    def row(update: Update) -> TriagedAlert | None:
        found = (r for r in update.triaged.alerts if r.service is not None and r.service.id == payments and r.pages)
        return next((r for r in found if r.alert.state is AlertState.FIRING), None)

    try:
        assert engine.wait(lambda u: row(u) is not None, 60)
        world.do(deploy={"service": payments, "revision": 41})
        assert engine.wait(lambda u: row(u) is None, 120)
        world.do(deploy={"service": payments, "revision": 42})
        assert engine.wait(lambda u: (r := row(u)) is not None and r.suspect is not None, 120)
        found = row(engine.update)
    finally:
        engine.stop()
    assert found is not None
    first = found.suspicion.deploys[0]
    assert (first.deploy.new.short, first.again, first.possible) == (":42", True, False)
    assert "before it fired again" in first.words
    assert not any("not caused by it" in line for line in cautions(engine.update.triaged, payments, first.deploy))
    assert first.deploy.id in {deploy.id for _, deploy in suspected_deploys(engine.update.triaged, payments)}
