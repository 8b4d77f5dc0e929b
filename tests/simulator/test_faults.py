"""Each kind of fault, as boto3 and plain HTTP see it; how it is limited, counted and taken away."""

import threading
import time
import urllib.request
from http.client import IncompleteRead
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, ReadTimeoutError

from tests.simulator.conftest import Drill


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "ThrottlingException", 400),
        ("error500", "ServerException", 500),
        ("expired", "ExpiredTokenException", 400),
        ("unauthorized", "UnrecognizedClientException", 400),
        ("denied", "AccessDeniedException", 400),
    ],
)
@pytest.mark.parametrize("source", ["prod", "alarms"])
def test_what_aws_answers(drill: Drill, kind: str, code: str, status: int, source: str) -> None:
    drill.fault(kind, source)
    call = (
        drill.client("prod").list_clusters if source == "prod" else drill.client(source, "cloudwatch").describe_alarms
    )
    with pytest.raises(ClientError) as caught:
        call()
    told = caught.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_what_a_denied_call_says(drill: Drill) -> None:
    drill.fault("denied", "prod", operation="DescribeServices")
    with pytest.raises(ClientError) as caught:
        drill.client("prod").describe_services(cluster="prod-main", services=["payments-api"])
    message = caught.value.response["Error"]["Message"]
    assert "is not authorized to perform: ecs:DescribeServices on resource: arn:aws:ecs:" in message
    assert ":service/prod-main/payments-api because no identity-based policy allows" in message
    assert drill.client("prod").list_clusters()["clusterArns"]


@pytest.mark.parametrize(
    ("kind", "status"), [("throttle", 429), ("error500", 500), ("expired", 401), ("unauthorized", 401), ("denied", 403)]
)
def test_what_http_sources_answer(drill: Drill, kind: str, status: int) -> None:
    drill.fault(kind, "prom", operation="GET /api/v2/alerts")
    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/alerts", timeout=5)
    with caught.value as answer:
        assert answer.code == status
        assert (answer.headers.get("Retry-After") is not None) == (kind == "throttle")
    urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/status", timeout=5).close()


def test_html_and_a_redirect_to_a_page(drill: Drill) -> None:
    drill.fault("html", "prom", count=1)
    with urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/alerts", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/html")
    drill.fault("redirect", "prom", count=1)
    with urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/alerts", timeout=5) as answer:
        assert answer.url.endswith("/_drill/portal")
        assert b"sign in" in answer.read()


def test_an_empty_answer(drill: Drill) -> None:
    drill.fault("empty", "*", count=2)
    with urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/alerts", timeout=5) as answer:
        assert (answer.status, answer.read()) == (200, b"")
    assert "clusterArns" not in drill.client("prod").list_clusters()


def test_a_truncated_answer(drill: Drill) -> None:
    """boto3 takes it for a success without the expected key; the socket tells that bytes are missing."""
    drill.fault("truncated", "prod")
    assert "services" not in drill.client("prod").describe_services(cluster="prod-main", services=["payments-api"])
    with pytest.raises(IncompleteRead):
        drill.raw("prod", "ListClusters", {})


def test_a_refused_connection_and_its_return(drill: Drill) -> None:
    client = drill.client("prod")
    client.list_clusters()
    id = drill.fault("refuse", "prod")
    with pytest.raises((EndpointConnectionError, HTTPClientError)):
        client.list_clusters()
    with pytest.raises(EndpointConnectionError):
        client.list_clusters()
    drill.client("edge").list_clusters()
    drill.control("DELETE", f"faults/{id}")
    assert client.list_clusters()["clusterArns"]


def test_a_hung_call_and_one_that_is_let_go(drill: Drill) -> None:
    drill.fault("hang", "prod")
    with pytest.raises(ReadTimeoutError):
        drill.client("prod", timeout=0.2).list_clusters()
    ended: list[Exception] = []

    def ask() -> None:
        try:
            drill.client("prod", timeout=20).list_clusters()
        except HTTPClientError as error:
            ended.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while drill.control("GET", "calls")["sources"]["prod"]["ListClusters"] < 2:
        time.sleep(0.01)
    assert drill.control("DELETE", "faults")["removed"] == 1
    asking.join(5)
    assert len(ended) == 1


def test_a_slow_call(drill: Drill) -> None:
    drill.fault("slow", "prod", delay_s=0.2)
    began = time.monotonic()
    drill.client("prod").list_clusters()
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("kind", ["hang", "error500", "throttle"])
def test_a_write_that_takes_effect_and_then_fails(drill: Drill, kind: str) -> None:
    drill.fault(kind, "prod", writes_only=True, after_effect=True, count=1, delay_s=0.3)
    client = drill.client("prod", timeout=0.2)
    assert client.list_clusters()["clusterArns"]
    with pytest.raises((ClientError, HTTPClientError)):
        client.update_service(cluster="prod-main", service="payments-api", taskDefinition="payments-api:43")
    assert drill.service()["task_definition"].endswith(":43")


@pytest.mark.parametrize("kind", ["hang", "error500"])
def test_a_write_that_takes_effect_long_after_it_failed(drill: Drill, kind: str) -> None:
    drill.fault(kind, "prod", operation="UpdateService", late_s=30, count=1, delay_s=0.3)
    client = drill.client("prod", timeout=0.2)
    with pytest.raises((ClientError, HTTPClientError)):
        client.update_service(cluster="prod-main", service="payments-api", taskDefinition="payments-api:43")
    drill.advance(29)
    assert drill.service()["task_definition"].endswith(":41")
    drill.advance(2)
    assert drill.service()["task_definition"].endswith(":43")


def test_a_write_that_fails_without_an_effect(drill: Drill) -> None:
    drill.fault("error500", "prod", operation="UpdateService")
    with pytest.raises(ClientError):
        drill.client("prod").update_service(cluster="prod-main", service="payments-api", forceNewDeployment=True)
    assert drill.state()["deployments"]["prod/prod-main/payments-api"][0]["status"] == "SUCCESSFUL"
    calls = drill.control("GET", "calls")
    assert calls["sources"]["prod"] == {"UpdateService": 1}
    assert [(it["source"], it["operation"]) for it in calls["writes"]] == [("prod", "UpdateService")]


def test_count_and_reset(drill: Drill) -> None:
    drill.fault("throttle", "prod", count=2)
    client = drill.client("prod")
    for _ in range(2):
        with pytest.raises(ClientError):
            client.list_clusters()
    client.list_clusters()
    assert drill.control("GET", "calls")["sources"]["prod"] == {"ListClusters": 3}
    drill.control("POST", "calls/reset")
    assert drill.control("GET", "calls") == {"sources": {name: {} for name in drill.endpoints}, "writes": []}


def test_the_nth_call_of_one_operation(drill: Drill) -> None:
    drill.fault("throttle", "prod", operation="DescribeServices", skip=1, count=1)
    client = drill.client("prod")
    asked = {"cluster": "prod-main", "services": ["payments-api"]}
    client.describe_services(**asked)
    client.list_clusters()
    with pytest.raises(ClientError):
        client.describe_services(**asked)
    client.describe_services(**asked)


def test_a_login_ends_expired_faults_of_its_source_alone(drill: Drill) -> None:
    drill.fault("expired", "prod")
    drill.fault("expired", "edge")
    assert drill.control("POST", "login", {"source": "prod"}) == {"removed": 1}
    drill.client("prod").list_clusters()
    with pytest.raises(ClientError):
        drill.client("edge").list_clusters()


def test_a_login_at_one_source_where_all_have_expired(drill: Drill) -> None:
    drill.fault("expired")
    assert drill.control("POST", "login", {"source": "prod"}) == {"removed": 1}
    assert drill.control("POST", "login", {"source": "prod"}) == {"removed": 0}
    drill.client("prod").list_clusters()
    with pytest.raises(ClientError):
        drill.client("edge").list_clusters()


def test_a_mistake_of_the_worlds_own_is_an_answer_and_says_nothing_on_stderr(
    drill: Drill, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(request: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(drill.opened.story.world.peers["prom"], "handle", broken)
    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(f"{drill.endpoints['prom']}/api/v2/alerts", timeout=5)
    with caught.value as answer:
        assert answer.code == 500
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "body",
    [
        {"source": "nowhere", "kind": "hang"},
        {"source": "prod", "kind": "gremlins"},
        {"source": "prod", "kind": "hang", "count": 0},
        {"source": "prod", "kind": "hang", "cuont": 1},
        {"source": "prod", "kind": "hang", "skip": -1},
        {"source": "prod", "kind": "hang", "late_s": "soon"},
        {"source": "prod", "kind": "refuse", "count": 1},
        [],
    ],
)
def test_a_fault_that_is_asked_for_wrongly(drill: Drill, body: object) -> None:
    with pytest.raises(HTTPError) as caught:
        drill.control("POST", "faults", body)
    with caught.value as answer:
        assert answer.code == 400
        assert b"expected" in answer.read()
