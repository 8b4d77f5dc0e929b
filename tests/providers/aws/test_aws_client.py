"""One attempt, typed answers, and what a socket can do to a write. The other side is a server of one's own."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from oncall_tui import errors
from oncall_tui.providers.aws.client import session
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited, TokenBucket
from oncall_tui.providers.aws.client.session import Sessions, login_command
from oncall_tui.providers.aws.ecs import schema as w
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.runtime.clock import FakeClock

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n%s"


def answer(body: bytes) -> bytes:
    return JSON % (len(body), body)


class Server:
    """Answers each request with the same bytes and hangs up; counts the requests."""

    def __init__(self, says: bytes) -> None:
        self.says, self.requests = says, []  # type: bytes, list[bytes]
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line:
                self.requests.append(_whole(line))
                if self.says != b"hang":
                    line.sendall(self.says)
                else:
                    line.recv(1)  # until the other side gives up

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _whole(line: socket.socket) -> bytes:
    """A request to its end: hanging up with some of it unread would be a reset."""
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += line.recv(65_536)
    head, _, body = asked.partition(b"\r\n\r\n")
    length = int(next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")).split(b":")[1])
    while len(body) < length:
        body += line.recv(65_536)
    return head


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], tuple[AwsClient, Server]]]:
    servers: list[Server] = []

    def make(says: bytes) -> tuple[AwsClient, Server]:
        server = Server(says)
        servers.append(server)
        options = EcsOptions(name="p", provider="ecs", region="eu-west-1", endpoint_url=server.url)
        return AwsClient(Sessions(options), "ecs", TokenBucket(FakeClock()), Counter()), server

    yield make
    for server in servers:
        server.close()


Serve = Callable[[bytes], tuple[AwsClient, Server]]


def test_a_good_answer_is_typed(serve: Serve) -> None:
    wire, server = serve(answer(b'{"clusterArns": ["arn:aws:ecs:eu-west-1:1:cluster/main"], "new": 1}'))
    assert wire.read(w.ListClusters, "ListClusters").cluster_arns == ["arn:aws:ecs:eu-west-1:1:cluster/main"]
    assert wire.calls == {"ListClusters": 1}
    assert b"oncall-tui" in server.requests[0]


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (answer(b"<html>please log in</html>"), errors.Malformed),
        (answer(b'{"clusterArns": ["a'), errors.Malformed),
        (answer(b"{}"), errors.Malformed),
        (answer(b""), errors.Malformed),
        (JSON % (500, b'{"clusterArns"'), errors.Malformed),  # the line is cut before its end
        (b"", errors.Offline),
        (b"not http at all\r\n\r\n", errors.Offline),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", errors.Malformed),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", errors.Offline),
        (b'HTTP/1.1 400 No\r\nContent-Length: 35\r\n\r\n{"__type": "ThrottlingException"}   ', errors.Throttled),
    ],
)
def test_what_is_no_answer(serve: Serve, says: bytes, kind: type[Exception]) -> None:
    wire, server = serve(says)
    with pytest.raises(kind):
        wire.read(w.ListClusters, "ListClusters")
    assert len(server.requests) == 1  # one attempt


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (b"", errors.OutcomeUnknown),
        (answer(b"<html>please log in</html>"), errors.OutcomeUnknown),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", errors.OutcomeUnknown),
        (b'HTTP/1.1 400 No\r\nContent-Length: 32\r\n\r\n{"__type": "ConflictException"}  ', errors.ActionFailed),
    ],
)
def test_a_write_is_sent_once(serve: Serve, says: bytes, kind: type[Exception]) -> None:
    wire, server = serve(says)
    with pytest.raises(kind):
        wire.write("StopServiceDeployment", serviceDeploymentArn="arn:x", stopType="ROLLBACK")
    assert len(server.requests) == 1


def test_a_write_that_times_out_is_unknown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONFIG", session.CONFIG.merge(session.Config(read_timeout=0.05)))
    wire, server = serve(b"hang")
    with pytest.raises(errors.OutcomeUnknown):
        wire.write("StopServiceDeployment", serviceDeploymentArn="arn:x", stopType="ROLLBACK")
    assert len(server.requests) == 1


def test_a_write_to_nobody_was_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    options = EcsOptions(name="p", provider="ecs", region="eu-west-1", endpoint_url=url)
    wire = AwsClient(Sessions(options), "ecs", TokenBucket(FakeClock()), Counter())
    with pytest.raises(errors.ActionFailed, match="nothing was sent"):
        wire.write("StopServiceDeployment", serviceDeploymentArn="arn:x", stopType="ROLLBACK")


# --- sessions ---------------------------------------------------------------------------------------------------------

CONFIG = """
[profile sso]
sso_session = team
[profile legacy]
sso_start_url = https://example.com/start
[profile builder]
source_profile = sso
role_arn = arn:aws:iam::123456789012:role/x
[profile logged]
login_session = arn:aws:iam::123456789012:user/alice
[profile mfa]
source_profile = keys
role_arn = arn:aws:iam::123456789012:role/x
mfa_serial = arn:aws:iam::123456789012:mfa/alice
[profile keys]
region = eu-central-1
aws_access_key_id = testing
aws_secret_access_key = testing
"""


@pytest.fixture
def _profiles(tmp_path: Any) -> None:
    (tmp_path / "config").write_text(CONFIG)


def options(**more: Any) -> EcsOptions:
    return EcsOptions(**{"name": "p", "provider": "ecs", "region": "eu-west-1"} | more)


SSO = ("aws", "sso", "login", "--use-device-code", "--profile")


@pytest.mark.usefixtures("_profiles")
@pytest.mark.parametrize(
    ("profile", "command"),
    [
        ("sso", (*SSO, "sso")),
        ("legacy", (*SSO, "legacy")),
        ("builder", (*SSO, "sso")),
        ("logged", ("aws", "login", "--remote", "--profile", "logged")),
        ("keys", ()),
        ("none", ()),
        ("", ()),
    ],
)
def test_the_command_that_logs_in(profile: str, command: tuple[str, ...]) -> None:
    assert login_command(profile) == command


@pytest.mark.usefixtures("_profiles")
def test_mfa_is_never_asked_for_on_the_terminal() -> None:
    wire = AwsClient(Sessions(options(profile="mfa")), "ecs", TokenBucket(FakeClock()), Counter())
    with pytest.raises(errors.NoCredentials, match="MFA"):
        wire.read(w.ListClusters, "ListClusters")


@pytest.mark.usefixtures("_profiles")
def test_no_region_and_no_profile_are_said() -> None:
    for chosen, words in ((options(region=""), "no region"), (options(profile="none"), "none")):
        with pytest.raises(errors.NoCredentials, match=words):
            AwsClient(Sessions(chosen), "ecs", TokenBucket(FakeClock()), Counter()).read(w.ListClusters, "ListClusters")


@pytest.mark.usefixtures("_profiles")
def test_clients_are_made_once_and_share_the_models() -> None:
    one, other = Sessions(options()), Sessions(options(profile="keys", region=""))
    assert one.client("ecs") is one.client("ecs")
    assert one.client("ecs") is not one.client("ecs", acting=True)
    assert other.region("ecs") == ""
    assert other.client("ecs").meta.region_name == "eu-central-1"
    loaders = {id(s.get_component("data_loader")) for x in (one, other) for s in (k.session for k in x._keys.values())}
    assert len(loaders) == 1
    model = one.client("ecs").meta.service_model
    assert "UpdateService" in model.operation_names
    assert not model.documentation  # half of a model's memory
    before = one.client("ecs")
    one.renew()
    assert one.client("ecs") is not before


def test_a_banner_where_it_is_not_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Sessions(options()).banner("ecs") == ""
    assert Sessions(options(endpoint_url="http://127.0.0.1:1")).banner("ecs") == "endpoint http://127.0.0.1:1"
    assert Sessions(options(endpoint_url="https://ecs.eu-west-1.amazonaws.com")).banner("ecs") == ""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:3")
    assert Sessions(options()).banner("ecs") == "endpoint http://127.0.0.1:3"
    assert Sessions(options()).banner("cloudwatch") == "endpoint http://127.0.0.1:2"


# --- the budget -------------------------------------------------------------------------------------------------------


def test_a_sweep_leaves_some_for_what_deploys() -> None:
    clock = FakeClock()
    budget = TokenBucket(clock, rate=2.0, burst=10.0, reserve=4.0)
    for _ in range(6):
        budget.take(Priority.SWEEP)
    with pytest.raises(RateLimited) as later:
        budget.take(Priority.SWEEP)
    assert later.value.wait_s == pytest.approx(0.5)
    for _ in range(4):
        budget.take(Priority.HOT)
    with pytest.raises(RateLimited):
        budget.take(Priority.HOT)
    budget.take(Priority.ACT)  # an engineer never waits
    clock.advance(1.0)
    budget.take(Priority.HOT)


@pytest.mark.parametrize("greedy", [1, 3])
@pytest.mark.parametrize("priority", [Priority.HOT, Priority.SWEEP])
def test_sources_that_share_a_budget_take_turns(greedy: int, priority: Priority) -> None:
    """However often the others ask, one that asks each 15 seconds gets its call."""
    clock = FakeClock()
    budget = TokenBucket(clock, rate=2.0, burst=10.0)
    got: Counter[str] = Counter()
    names = [f"greedy {n}" for n in range(greedy)]
    due, late = 15.0, []
    began = clock.monotonic()
    while (at := clock.monotonic() - began) < 300.0:
        for name in names:
            with suppress(RateLimited):
                while True:
                    budget.take(Priority.HOT, name)
                    got[name] += 1
        if at >= due:
            with suppress(RateLimited):
                budget.take(priority, "alarms")
                late.append(at - due)
                due = at + 15.0
        clock.advance(0.1)
    assert len(late) >= (15 if priority is Priority.HOT else 9)
    assert max(late) <= (2.2 if priority is Priority.HOT else 15.0)
    assert sum(got.values()) + len(late) <= 10 + 2 * 300
    assert max(got.values()) - min(got.values()) <= 12  # the first of them found the bucket full


def test_who_does_not_come_back_gives_up_its_turn() -> None:
    clock = FakeClock()
    budget = TokenBucket(clock, rate=1.0, burst=1.0)
    budget.take(Priority.HOT, "one")
    with pytest.raises(RateLimited):
        budget.take(Priority.HOT, "two")
    with pytest.raises(RateLimited) as refused:
        budget.take(Priority.HOT, "one")
    assert refused.value.wait_s == pytest.approx(2.0)  # the other's call comes first
    clock.advance(6.5)
    budget.take(Priority.HOT, "one")


def test_throttling_halves_the_budget_for_two_minutes_at_the_most() -> None:
    clock = FakeClock()
    budget = TokenBucket(clock, rate=8.0)
    budget.drain(5.0)
    assert budget.rate == 4.0
    clock.advance(5.1)
    budget.take(Priority.HOT)
    for _ in range(20):
        budget.drain(5.0)
    assert budget.rate == 0.5
    clock.advance(120.0)
    assert budget.rate == 8.0


def test_a_throttled_account_is_left_alone_for_a_while() -> None:
    clock = FakeClock()
    budget = TokenBucket(clock)
    budget.drain(5.0)
    with pytest.raises(RateLimited):
        budget.take(Priority.HOT)
    clock.advance(5.1)
    budget.take(Priority.HOT)
