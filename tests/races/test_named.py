"""Races that went wrong once, or that have to be seen to go right, each made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.races.judge import judge, told
from tests.races.others import Deed, Moment
from tests.races.race import Race, made, scenario
from tests.races.scene import Scene
from tests.races.truth import PATH

Run = Callable[..., Scene]
AT_ONCE = {"config": "CodeDeployDefault.ECSAllAtOnce", "wait_minutes": 1}
CANARY = {"config": "CodeDeployDefault.ECSCanary10Percent5Minutes", "wait_minutes": 1}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Go through a race of this strategy with these parts, and hold it against the truth."""
    held: list[Scene] = []

    def go(strategy: str, service: dict[str, Any], pressed_s: float, **parts: Any) -> Scene:
        world = scenario("nothing", strategy, random.Random(1))
        world["services"][0] |= {"desired": 2, "start_s": 3, "steady_s": 5} | service
        plain = {
            "deeds": (),
            "faults": (),
            "ends": {},
            "late_s": None,
            "twice": "",
            "outage_s": 0.0,
            "before": (),
            "blind": False,
        }
        race: Race = made(1)._replace(
            kind="named",
            strategy=strategy,
            pressed_s=pressed_s,
            stale_s=1.0,
            looks_s=2.0,
            on_deploy=False,
            scenario=world,
            **(plain | parts),
        )
        held.append(Scene(race, tmp_path))
        held[-1].run()
        verdict = judge(held[-1])
        assert not verdict.wrongs, told(held[-1], verdict)
        return held[-1]

    yield go
    for scene in held:
        scene.close()


def words(scene: Scene) -> list[str]:
    return [f"{said.state}: {said.message}" for said in scene.said]


def test_a_rollback_that_failed_is_followed_by_another(run: Run) -> None:
    scene = run("ROLLING", {"steady_s": 60}, 8.0, ends={"service": PATH, "ends": "ROLLBACK_FAILED", "after_s": 2})
    assert [said.state for said in scene.said] == ["failed", "done"], words(scene)
    assert [sent.operation for sent in scene.sent] == ["StopServiceDeployment", "UpdateService"]
    assert scene.truth.served().alone(41)


def test_code_deploy_s_rollback_that_another_deploy_overtakes_is_not_done(run: Run) -> None:
    scene = run("CODE_DEPLOY", {"codedeploy": CANARY}, 30.0, deeds=(Deed(Moment("verify", 9), "deploy", 43),))
    assert "failed: rolled back from :42 to :41, 2/2 running, but :43 is being deployed now" in words(scene)[0]


def test_code_deploy_s_rollback_that_another_deploy_overtook_unseen_is_not_done(run: Run) -> None:
    deeds = (Deed(Moment("at", 25.0), "deploy", 43),)
    scene = run("CODE_DEPLOY", {"codedeploy": AT_ONCE}, 30.0, deeds=deeds, outage_s=90.0)
    assert [said.state for said in scene.said] == ["failed"], words(scene)
    assert scene.said[0].was_unknown


def test_a_code_deploy_that_was_stopped_halfway_is_not_done_and_is_rolled_back_to_what_ran(run: Run) -> None:
    ends = {"service": PATH, "ends": "STOPPED", "after_s": 1}
    scene = run("CODE_DEPLOY", {"codedeploy": CANARY}, 60.0, ends=ends)
    assert [said.state for said in scene.said] == ["failed", "done"], words(scene)
    assert ":42 still runs beside :41" in scene.said[0].message
    assert scene.truth.served().alone(41)


def test_a_rollback_by_code_deploy_is_not_undone_by_r(run: Run) -> None:
    """A second engineer's CreateDeployment of :41 is under way: stopping it would bring :42 again."""
    scene = run("CODE_DEPLOY", {"codedeploy": AT_ONCE}, 120.0, deeds=(Deed(Moment("plan", 1), "R"),))
    assert [sent.operation for sent in scene.sent] == ["CreateDeployment"], words(scene)
    assert scene.truth.served().alone(41)


def test_a_rollback_by_update_service_is_not_undone_by_r(run: Run) -> None:
    scene = run("ROLLING", {}, 120.0, deeds=(Deed(Moment("plan", 1), "R"),))
    assert [sent.operation for sent in scene.sent] == ["UpdateService"], words(scene)
    assert scene.truth.served().alone(41)


def test_a_bad_deploy_that_overtook_another_is_replaced_and_not_stopped(run: Run) -> None:
    """Every task was of :40 already when :42 overtook it, but :40 had not come through: a stop would bring :41."""
    before = (Deed(Moment("before", 0), "deploy", 40),)
    scene = run("ROLLING", {"start_s": 1, "steady_s": 60}, 3.0, before=before)
    assert [said.state for said in scene.said] == ["done"], words(scene)
    assert [sent.operation for sent in scene.sent] == ["UpdateService"]
    assert scene.truth.served().alone(40)


def test_the_bad_one_deployed_again_is_replaced_and_not_stopped(run: Run) -> None:
    """It overtakes our own way back: stopping it would bring :42 again, which succeeded last."""
    deeds = (Deed(Moment("verify", 6), "deploy", 42),)
    scene = run("ROLLING", {"start_s": 1, "steady_s": 30}, 120.0, deeds=deeds)
    assert [said.state for said in scene.said] == ["failed", "done"], words(scene)
    assert [sent.operation for sent in scene.sent] == ["UpdateService", "UpdateService"]
    assert scene.truth.served().alone(41)


def test_a_deploy_of_ours_is_not_taken_for_another_of_the_same(run: Run) -> None:
    """Between our check and our write a second engineer rolled back and a pipeline brought the bad one again."""
    deeds = (Deed(Moment("check", 3), "R"), Deed(Moment("check", 3), "deploy", 42))
    scene = run("ROLLING", {}, 120.0, deeds=deeds)
    assert "failed" not in {said.state for said in scene.said}, words(scene)
    assert scene.truth.served().alone(41)


@pytest.mark.parametrize("lost", [True, False])
def test_where_deploys_cannot_be_read_any_more_it_is_known_by_the_service(run: Run, lost: bool) -> None:
    faults = ({"source": "prod", "kind": "error500", "writes_only": True, "count": 1},) if lost else ()
    scene = run("ROLLING", {}, 120.0, faults=faults, blind=True)
    assert scene.said[-1].state == ("unknown" if lost else "done"), words(scene)
    assert not lost or "no effect is seen yet" in scene.said[-1].message
