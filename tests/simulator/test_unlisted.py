"""A young deploy of ``deployments[]`` is never called unlisted while ECS lists it: whatever state it is in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.ecs.rollback.history import unlisted
from oncall_tui.runtime.decoding import decoder
from tests.simulator.conftest import Drill

Make = Callable[..., Drill]


def pairs(drill: Drill, cluster: str) -> Iterator[tuple[w.EcsService, list[w.EcsBrief]]]:
    """Each service of a cluster, and the deploys that are listed of it, as they come over the wire."""

    def ask(into: Any, operation: str, **asked: Any) -> Any:
        status, told = drill.raw("prod", operation, {"cluster": cluster, **asked})
        assert status == 200, told
        return decoder(into, strict=False).decode(json.dumps(told))

    arns = ask(w.ListServices, "ListServices", maxResults=100).service_arns
    for at in range(0, len(arns), 10):
        for service in ask(w.DescribeServices, "DescribeServices", services=arns[at : at + 10]).services:
            if service.controller == "ECS":
                listed = ask(w.ListServiceDeployments, "ListServiceDeployments", service=service.service_name)
                yield service, listed.service_deployments


def faults(drill: Drill, cluster: str) -> list[str]:
    """The services of which a deploy of the last 90 days, which ECS remembers, is called unlisted."""
    since = drill.state()["now"] - 90 * 86_400
    found = ((service.service_name, unlisted(service, briefs)) for service, briefs in pairs(drill, cluster))
    return [name for name, late in found if late is not None and late.created_at > since]


@pytest.mark.parametrize("size", [2, 12])
def test_no_strategy_and_no_state_of_one_has_an_unlisted_deploy(make_drill: Make, size: int) -> None:
    drill = make_drill("strategies")
    for _ in range(size):
        assert faults(drill, "main") == []
        drill.advance(45)


def test_nor_has_a_bad_deploy_its_rollback_or_what_takes_over(make_drill: Make) -> None:
    drill = make_drill("night")
    for _ in range(6):
        drill.advance(10)
        assert faults(drill, "prod-main") == []
    asked = {"serviceDeploymentArn": drill.service()["deployment"], "stopType": "ROLLBACK"}
    drill.raw("prod", "StopServiceDeployment", asked)
    for number in (40, 41):
        for _ in range(4):
            drill.advance(5)
            assert faults(drill, "prod-main") == []
        put = {"cluster": "prod-main", "service": "payments-api", "taskDefinition": f"payments-api:{number}"}
        assert drill.raw("prod", "UpdateService", put)[0] == 200
    drill.advance(5)
    assert faults(drill, "prod-main") == []
