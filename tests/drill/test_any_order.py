"""Whatever is done to a service in whatever order: its numbers agree, and it comes to rest."""

import random

import pytest

from tests.drill.conftest import PAYMENTS, Drill
from tests.drill.shapes import faults_of

WHERE = {"cluster": "prod-main", "service": "payments-api"}


def _do_something(drill: Drill, rng: random.Random) -> None:
    """One write or event; a refusal (400) is as good an answer as any, an error of the world's own (500) is not."""
    what = rng.choice(("deploy", "update", "force", "stop", "scale", "kill", "stop task", "nothing"))
    status = 200
    if what == "deploy":
        drill.do(deploy={"service": PAYMENTS, "revision": rng.choice((41, 42, 43))})
    elif what == "update":
        asked = {**WHERE, "taskDefinition": f"payments-api:{rng.choice((38, 41, 42, 43))}"}
        status, _ = drill.raw("prod", "UpdateService", asked)
    elif what == "force":
        status, _ = drill.raw("prod", "UpdateService", {**WHERE, "forceNewDeployment": True})
    elif what == "stop":
        asked = {"serviceDeploymentArn": drill.service()["deployment"], "stopType": "ROLLBACK"}
        status, _ = drill.raw("prod", "StopServiceDeployment", asked)
    elif what == "scale":
        drill.do(scale={"service": PAYMENTS, "desired": rng.randrange(7)})
    elif what == "kill":
        drill.do(kill={"service": PAYMENTS, "count": rng.randrange(1, 4)})
    elif what == "stop task":
        for arn in drill.raw("prod", "ListTasks", {"cluster": "prod-main"})[1]["taskArns"][:1]:
            status, _ = drill.raw("prod", "StopTask", {"cluster": "prod-main", "task": arn})
    assert status in (200, 400)


def _check_numbers(drill: Drill) -> None:
    asked = {"cluster": "prod-main", "services": ["payments-api"]}
    answer = drill.raw("prod", "DescribeServices", asked)[1]
    assert faults_of("ecs", "DescribeServices", answer) == []
    told = answer["services"][0]
    assert [it["status"] for it in told["deployments"]].count("PRIMARY") == 1
    assert told["runningCount"] == sum(it["runningCount"] for it in told["deployments"])
    assert told["pendingCount"] == sum(it["pendingCount"] for it in told["deployments"])
    assert len(told["events"]) <= 100


@pytest.mark.parametrize("seed", range(8))
def test_it_comes_to_rest(drill: Drill, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(30):
        _do_something(drill, rng)
        drill.advance(rng.choice((0, 0.5, 1, 3, 10, 20)))
        _check_numbers(drill)
    drill.do(deploy={"service": PAYMENTS, "revision": 43})
    drill.do(scale={"service": PAYMENTS, "desired": 3})
    drill.advance(120)
    state = drill.service()
    assert (state["running"], state["pending"], state["healthy"]) == (3, 0, True)
    newest, *earlier = [it["status"] for it in drill.state()["deployments"][PAYMENTS]]
    assert newest == "SUCCESSFUL"
    assert set(earlier) <= {"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL"}
