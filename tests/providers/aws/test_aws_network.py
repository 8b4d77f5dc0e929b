"""What stands between the program and AWS: proxies, authorities, answers that never end; and signatures."""

from __future__ import annotations

import datetime
import os
import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aws_world import SERVICES
from botocore import exceptions as boto
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.support.network import (
    Authority,
    Talk,
    always,
    answer,
    asked,
    dead_port,
    serving,
    trickling,
    tunnelling,
)

from oncall_tui import errors
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.alertmanager.provider import build
from oncall_tui.providers.aws.client import session as sessions
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.http_session import BoundHttpSession
from oncall_tui.providers.aws.client.network_errors import network
from oncall_tui.providers.aws.client.rate_limit import TokenBucket
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.client.sigv4 import build_signer
from oncall_tui.providers.aws.ecs import schema
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.runtime.network.proxies import ProxyRules

GOOD = answer(b'{"clusterArns": []}', Content_Type="application/x-amz-json-1.1")
OURS = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client(url: str) -> AwsClient:
    options = EcsOptions(name="p", provider="ecs", region="eu-west-1", endpoint_url=url)
    return AwsClient(Sessions(options), "ecs", TokenBucket(FakeClock()), Counter())


def reads(url: str) -> None:
    assert client(url).read(schema.ListClusters, "ListClusters").cluster_arns == []


def fails(url: str, kind: type[errors.SourceError] = errors.Offline) -> str:
    with pytest.raises(kind) as caught:
        client(url).read(schema.ListClusters, "ListClusters")
    said = str(caught.value)
    assert caught.value.hint
    assert said.isprintable()
    assert "s3cretpass" not in said
    return said


def refuses(url: str, kind: type[errors.ActionError] = errors.ActionFailed) -> str:
    with pytest.raises(errors.ActionError) as caught:
        client(url).write("StopServiceDeployment", serviceDeploymentArn="arn:x")
    assert type(caught.value) is kind
    assert "s3cretpass" not in str(caught.value)
    return str(caught.value)


# --- proxies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dead_proxy_is_named(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    dead = dead_port()
    monkeypatch.setenv("ALL_PROXY", f"http://me:s3cretpass@127.0.0.1:{dead}")
    for said in (fails(f"{scheme}://ecs.example"), refuses(f"{scheme}://ecs.example")):
        assert f"the proxy http://me:•••@127.0.0.1:{dead} ($ALL_PROXY) refuses connections" in said
        assert "NO_PROXY" in said


@pytest.mark.parametrize("login", ["", "me:s3cretpass@", "me:p%C3%A4ss@"])
def test_a_proxy_that_wants_a_login_says_so(monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    seen: list[bytes] = []
    with serving(always(answer(b"", "407 Proxy Authentication Required"), seen)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{login}127.0.0.1:{proxy.port}")
        said = fails("https://ecs.example")
        refuses("https://ecs.example")
    assert "(407)" in said
    assert "https_proxy" in said
    assert (b"proxy-authorization: basic" in seen[0].lower()) is bool(login)


def test_a_plain_endpoint_behind_a_proxy_that_wants_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"<html>", "407 Proxy Authentication Required"))) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        said = fails("http://ecs.example")
    assert "(407)" in said
    assert "$http_proxy" in said


def test_a_proxy_that_does_not_connect_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"", "403 Forbidden"))) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        said = fails("https://ecs.example")
    assert "does not connect to https://ecs.example: 403 Forbidden" in said
    assert "put ecs.example into NO_PROXY" in said


@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8", "::1/128, 127.0.0.1", "*"])
def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, no_proxy: str) -> None:
    through: list[bytes] = []
    with serving(always(GOOD, through)) as proxy, serving(always(GOOD)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        reads(server.url)
        assert len(through) == 1
        monkeypatch.setenv("no_proxy", no_proxy)
        reads(server.url)
        assert len(through) == 1


@pytest.mark.parametrize(
    ("value", "words"), [("socks5h://127.0.0.1:1", "cannot serve AWS calls"), ("http://proxy:99999", "no number")]
)
def test_a_proxy_variable_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    for said in (fails("https://ecs.example"), refuses("https://ecs.example")):
        assert "$ALL_PROXY" in said
        assert words in said


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_an_authority_is_added_by_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(always(GOOD), authority.server_tls()) as server:
        for said in (fails(server.url), refuses(server.url)):
            assert "is not trusted" in said
            assert "AWS_CA_BUNDLE" in said
        for variable in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"):
            with monkeypatch.context() as patch:
                patch.setenv(variable, str(authority.file))
                reads(server.url)
        seen: list[bytes] = []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        with serving(tunnelling(seen)) as proxy:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
            reads(server.url)
        assert seen[0].startswith(b"CONNECT ")


def test_a_certificate_for_another_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with serving(always(GOOD), authority.server_tls("other.example")) as server:
        assert "another name" in fails(server.url)


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_stale_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    stale = tmp_path / "gone.pem"
    monkeypatch.setenv(variable, str(stale))
    for said in (fails("https://ecs.example"), refuses("https://ecs.example")):
        assert variable in said
        assert f"names {stale}, which does not exist" in said


def test_a_key_log_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no" / "folder"))
    for said in (fails("https://ecs.example"), refuses("https://ecs.example")):
        assert "unset SSLKEYLOGFILE" in said


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2",
        b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n",
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_trickle_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, head: bytes, tls: bool) -> None:
    monkeypatch.setattr("oncall_tui.providers.aws.client.http_session.TOTAL_S", 0.3)
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    over: list[bool] = []
    with serving(trickling(head, lambda: bool(over)), authority.server_tls() if tls else None) as server:
        said = fails(server.url)
        assert "in all to answer" in said
        assert "in all to answer" in refuses(server.url, errors.OutcomeUnknown)
    over.append(True)


def _endless(connection: socket.socket) -> None:
    asked(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(bytes(1 << 20))


def test_an_answer_is_bounded_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oncall_tui.providers.aws.client.http_session.MAX_BODY", 4 << 20)
    with serving(_endless) as server:
        assert "MiB" in fails(server.url, errors.Malformed)
        assert "MiB" in refuses(server.url, errors.OutcomeUnknown)


def test_every_client_of_a_session_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the ones that botocore makes for itself, and the one that asks an instance for its keys."""
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    session = sessions._session("")
    for service in (*SERVICES, "sts", "sso", "sso-oidc", "sns"):
        made = session.create_client(service, region_name="eu-west-1")
        assert isinstance(made._endpoint.http_session, BoundHttpSession), service
    ways = [getattr(way, "_inner", way) for way in session.get_component("credential_provider").providers]
    fetchers = [way._role_fetcher for way in ways if way.METHOD == "iam-role"]
    fetchers += [way._fetcher for way in ways if way.METHOD == "container-role"]
    assert [type(fetcher._session) for fetcher in fetchers] == [BoundHttpSession, BoundHttpSession]


def test_a_proxy_that_is_asked_by_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    seen: list[bytes] = []
    with serving(always(GOOD)) as server, serving(always(GOOD, seen), authority.server_tls()) as proxy:
        monkeypatch.setenv("http_proxy", f"https://127.0.0.1:{proxy.port}")
        reads(server.url)
    assert seen


def test_a_big_good_answer_is_read_whole() -> None:
    arns = [f"arn:aws:ecs:eu-west-1:1:cluster/{i}" for i in range(30_000)]
    body = ('{"clusterArns": [' + ",".join(f'"{arn}"' for arn in arns) + "]}").encode()
    with serving(always(answer(body, Content_Type="application/x-amz-json-1.1"))) as server:
        assert client(server.url).read(schema.ListClusters, "ListClusters").cluster_arns == arns


# --- signatures for an Alertmanager -----------------------------------------------------------------------------------


def _amp(url: str, **more: Any) -> Any:
    options = AlertmanagerOptions(name="amp", provider="alertmanager", url=url, auth="sigv4", **more)
    return build(options, Context(source="amp", actor_email="", clock=SystemClock(), signer=build_signer))


def _checked(service: str, region: str, status: dict[str, str]) -> Talk:
    """A gateway that computes the signature of what arrived, by botocore, and compares."""

    def talk(connection: socket.socket) -> None:
        head = asked(connection).decode()
        line, *rest = head.partition("\r\n\r\n")[0].split("\r\n")
        headers = {k.lower(): v for k, _, v in (h.partition(": ") for h in rest)}
        method, target, _ = line.split(" ")
        given = headers.get("authorization", "")
        status["said"] = given
        request = AWSRequest(method=method, url=f"http://{headers['host']}{target}", data=head.partition("\r\n\r\n")[2])
        signed = re.search(r"SignedHeaders=([^,]+)", given)
        for name in signed[1].split(";") if signed else ():
            request.headers[name] = headers[name]
        request.context["timestamp"] = headers.get("x-amz-date", "")
        auth = SigV4Auth(Credentials("testing", "testing", headers.get("x-amz-security-token")), service, region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        good = given.endswith("Signature=" + auth.signature(text, request))
        wrong = b'{"message": "The request signature we calculated does not match the signature you provided."}'
        connection.sendall(answer() if good else answer(wrong, "403 Forbidden"))

    return talk


@pytest.mark.parametrize("token", ["", "a-session-token"])
@pytest.mark.parametrize("filters", [(), ('team="pay ments"', 'severity=~"a|b+c~d é*\'()!"')])
def test_a_request_is_signed_as_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, token: str, filters: tuple[str, ...]
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    status: dict[str, str] = {}
    with serving(_checked("aps", "eu-west-1", status)) as server:
        provider = _amp(f"{server.url}/workspaces/ws-1/alertmanager", region="eu-west-1", filter=filters)
        assert provider.read(ReadRequest()).alerts == ()
    assert "/eu-west-1/aps/aws4_request" in status["said"]
    today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
    assert today[:6] in status["said"]


def test_a_wrong_signature_says_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(_checked("execute-api", "eu-west-1", {})) as server, pytest.raises(errors.NoCredentials) as caught:
        _amp(server.url, region="eu-west-1").read(ReadRequest())
    assert "region and signing_service" in caught.value.hint


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("Missing Authentication Token", errors.Denied, "check the url's path"),
        ("The security token included in the request is expired", errors.Expired, "expired"),
        ("Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z", errors.Offline, "clock"),
        ("The security token included in the request is invalid.", errors.NoCredentials, "does not accept these keys"),
        (
            "User: x is not authorized to perform: aps:ListAlertManagerAlerts on resource: y",
            errors.Denied,
            "needs aps:",
        ),
    ],
)
def test_a_refused_signature_in_words(message: str, kind: type[errors.SourceError], words: str) -> None:
    refusal = answer(f'{{"message": "{message}"}}'.encode(), "403 Forbidden")
    with serving(always(refusal)) as server, pytest.raises(kind) as caught:
        _amp(server.url, region="eu-west-1").read(ReadRequest())
    assert words in str(caught.value)


def test_no_keys_is_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with serving(always(answer())) as server, pytest.raises(errors.NoCredentials):
        _amp(server.url, region="eu-west-1").read(ReadRequest())


def test_no_region_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer())) as server, pytest.raises(errors.NoCredentials, match="region"):
        _amp(server.url).read(ReadRequest())


def test_the_region_is_the_urls() -> None:
    url = "https://aps-workspaces.ap-northeast-1.amazonaws.com/workspaces/ws-1/alertmanager"
    options = AlertmanagerOptions(name="amp", provider="alertmanager", url=url, auth="sigv4")
    assert options.signing_region == "ap-northeast-1"
    assert os.environ.get("AWS_REGION") is None


@pytest.mark.parametrize(("status", "login"), [("403 Forbidden", False), ("407 Proxy Authentication Required", True)])
def test_the_digits_of_an_address_are_no_status(status: str, login: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:34071")
    error = boto.ProxyConnectionError(proxy_url="http://127.0.0.1:34071", error=f"Tunnel connection failed: {status}")
    error.proxy = ProxyRules().proxy_for("https://ecs.example")
    said = network(error, "https://ecs.example")
    assert said is not None
    assert ("wants a login" in said.message) is login
