"""Page sizes and limits of the API reference, and what a caller is told beyond them."""

from collections.abc import Callable

import pytest

from tests.simulator.conftest import Drill
from tests.simulator.shapes import error_names

SEVERAL = "name: several\nsources: [{name: prod, provider: ecs, clusters: [main]}]\nservices:\n" + "".join(
    f"  - {{at: prod/main/s{index:03d}, desired: 1}}\n" for index in range(25)
)


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("DescribeServices", {"cluster": "main", "services": [f"s{index:03d}" for index in range(11)]}),
        ("DescribeServices", {"cluster": "main", "services": []}),
        ("DescribeServiceDeployments", {"serviceDeploymentArns": ["arn"] * 21}),
        ("DescribeServiceRevisions", {"serviceRevisionArns": ["arn"] * 21}),
        ("DescribeTasks", {"cluster": "main", "tasks": ["t"] * 101}),
        ("ListServices", {"cluster": "main", "maxResults": 101}),
        ("ListServices", {"cluster": "main", "nextToken": "nonsense"}),
    ],
)
def test_beyond_a_limit(make_drill: Callable[..., Drill], operation: str, asked: dict[str, object]) -> None:
    status, answer = make_drill(SEVERAL).raw("prod", operation, asked)
    assert (status, answer["__type"]) == (400, "InvalidParameterException")
    assert answer["__type"] in error_names("ecs", operation)


def test_services_come_in_pages_of_ten_unless_asked_otherwise(make_drill: Callable[..., Drill]) -> None:
    ecs = make_drill(SEVERAL).client("prod")
    pages = list(ecs.get_paginator("list_services").paginate(cluster="main"))
    assert [len(page["serviceArns"]) for page in pages] == [10, 10, 5]
    assert len(ecs.list_services(cluster="main", maxResults=100)["serviceArns"]) == 25


def test_deployments_are_filtered_by_status_and_time(drill: Drill) -> None:
    ecs = drill.client("prod")
    where = {"cluster": "prod-main", "service": "payments-api"}
    every = ecs.list_service_deployments(**where)["serviceDeployments"]
    assert {it["status"] for it in every} == {"SUCCESSFUL"}
    assert ecs.list_service_deployments(**where, status=["IN_PROGRESS"])["serviceDeployments"] == []
    newest = max(it["createdAt"] for it in every)
    some = ecs.list_service_deployments(**where, createdAt={"after": newest})["serviceDeployments"]
    assert [it["createdAt"] for it in some] == [newest]
    first = ecs.list_service_deployments(**where, maxResults=1)
    second = ecs.list_service_deployments(**where, maxResults=1, nextToken=first["nextToken"])
    assert first["serviceDeployments"] != second["serviceDeployments"]


def test_task_definitions_that_are_inactive_are_listed_apart(drill: Drill) -> None:
    ecs = drill.client("prod")
    listed = ecs.list_task_definitions(familyPrefix="payments-api", sort="DESC")["taskDefinitionArns"]
    assert [arn.rpartition(":")[2] for arn in listed] == ["43", "42", "41"]
    gone = ecs.list_task_definitions(familyPrefix="payments-api", status="INACTIVE")["taskDefinitionArns"]
    assert [arn.rpartition(":")[2] for arn in gone] == ["38"]
    told = ecs.describe_task_definition(taskDefinition=gone[0])["taskDefinition"]
    assert (told["status"], told["revision"]) == ("INACTIVE", 38)


def test_each_account_has_its_own(drill: Drill) -> None:
    assert drill.client("prod", "sts").get_caller_identity()["Account"] == "111111111111"
    assert drill.client("edge", "sts").get_caller_identity()["Account"] == "222222222222"
    arns = drill.client("edge").list_services(cluster="edge-main")["serviceArns"]
    assert arns == ["arn:aws:ecs:us-east-1:222222222222:service/edge-main/gateway"]


def test_what_is_not_simulated_says_so(drill: Drill) -> None:
    assert drill.raw("prod", "CreateService", {})[1]["__type"] == "UnknownOperationException"
    assert drill.raw("prod", "ListClusters", {}, signed=False)[0] == 403
    assert drill.raw("prod", "DescribeServices", {"cluster": "prod-main"})[0] == 400
