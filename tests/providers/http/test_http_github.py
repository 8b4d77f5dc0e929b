"""Reading commits from the drill's GitHub, in this process: what came, and each way in which it does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.providers.github.commits import GithubCommits
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.github import SimulatedCommit, SimulatedGithub

TOKEN = "drill-planted"
SHAS = [f"{number:040x}" for number in range(400)]


@pytest.fixture
def github(clock: FakeClock) -> SimulatedGithub:
    made = SimulatedGithub(clock.now)
    for number, sha in enumerate(SHAS):
        files = tuple(f"f{number}-{n}" for n in range(2))
        commit = SimulatedCommit(sha, f"change {number} \x1b[31m", "Bob" if number % 2 else "Carol", clock.now(), files)
        made.push("example/api", commit, f"release/{number}")
    return made


def reader(clock: FakeClock, transport: Any, monkeypatch: pytest.MonkeyPatch, token: str = TOKEN) -> GithubCommits:
    monkeypatch.setenv("PLANTED_TOKEN", token)
    return GithubCommits(clock, Secret("env", ("PLANTED_TOKEN",)), "https://api.github.com", transport=transport)


def test_one_call_has_them_the_newest_first(
    github: SimulatedGithub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reader(clock, (asked := Asked(github)).transport, monkeypatch)
    three = found.between("example/api", "release/0", SHAS[3])
    assert [one.title for one in three.commits] == [f"change {n} ␛[31m" for n in (3, 2, 1)]
    assert three.words == "3 commits by Bob (2), Carol · 6 files changed"
    assert three.commits[0].at == clock.now() // 1
    many = found.between("example/api", SHAS[0], SHAS[399])
    assert (len(many.commits), many.total, many.files, many.more_files) == (250, 399, 300, True)
    back = found.between("example/api", SHAS[3], SHAS[1])
    assert (back.total, back.behind) == (0, 2)
    assert found.http.calls == 3
    request = asked.requests[0]
    assert request.url.raw_path == b"/repos/example/api/compare/release%2F0..." + SHAS[3].encode()
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        ("expired", errors.Expired, "does not accept the login: Bad credentials"),
        ("denied", errors.Denied, "Resource not accessible by personal access token"),
        ("error500", errors.Offline, "answered 502: Server Error"),
        ("throttle", errors.Throttled, "GitHub's limit of calls is used up, again in 2m"),
    ],
)
def test_why_they_cannot_be_read_in_words(
    github: SimulatedGithub,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    state: type[errors.SourceError],
    words: str,
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        answer = github.fault(kind, Request("GET", request.url.path, {}, {}, b""))
        assert answer is not None
        return httpx.Response(answer.status, content=answer.body, headers=answer.headers)

    found = reader(clock, httpx.MockTransport(refuse), monkeypatch)
    with pytest.raises(state) as told:
        found.between("example/api", "v1", "v2")
    assert words in told.value.message
    assert TOKEN not in f"{told.value.message} {told.value.hint}"
    if kind == "throttle":
        with pytest.raises(errors.Throttled):
            found.between("example/api", "v1", "v2")
        assert found.http.calls == 1  # no call is made before then


def test_what_is_not_there_and_what_was_moved(
    github: SimulatedGithub, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reader(clock, Asked(github).transport, monkeypatch)
    with pytest.raises(errors.SourceError, match="no example/other with both v1 and v2, or the token may not read it"):
        found.between("example/other", "v1", "v2")
    moved = httpx.MockTransport(lambda _: httpx.Response(301, headers={"Location": "https://api.github.com/x/1"}))
    with pytest.raises(errors.Malformed, match="example/api was moved or renamed"):
        reader(clock, moved, monkeypatch).between("example/api", "v1", "v2")
    other = httpx.MockTransport(lambda _: httpx.Response(200, json={"message": "hello"}))
    with pytest.raises(errors.Malformed):
        reader(clock, other, monkeypatch).between("example/api", "v1", "v2")
