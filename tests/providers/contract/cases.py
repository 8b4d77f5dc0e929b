"""The contract that every HTTP provider keeps: the same cases for each, against a server on loopback.

To plug a provider in, add a ``Plug`` to ``plugs.py``:

    name      the provider's name
    build     (url, context) -> the provider, pointed at that url. Its token is $PLANTED_TOKEN; keep ``TOKEN`` in every
              header that is made from it.
    world     (now, count) -> the drill's source with so many problems, each with its own id. It pages as the API does.
    items     (request, body) -> where that request is the list that a reading stands on, the items in its decoded
              answer, to be changed in place; else None.
    title     (item, text): set the item's title to *text*.
    unknown   (item): put a word that nobody knows where the item says its state.
    optional  the item's fields that may be missing, ``a.b`` for one inside another.
    write     (verb, what an ActionRequest for it has besides): one thing that can be done to an item, tried in each
              way to fail. None where the provider has no handler of its own: the cases of a write are left out.

Nothing else: ``test_contract.py`` runs every case for every plug, and ``python -m tests.providers.contract`` prints
them as a table. A case is a function that takes a ``Bench`` and is listed in ``CASES``; its docstring's first line is
what the table calls it. What is special to one API (its verbs, its own headers) is tested beside its provider.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol
from unittest import mock

import pytest
from tests.providers.contract.server import Handler, Said, Server
from tests.support.network import dead_port
from tests.support.polled import no_clock_that_is_set_stops_it

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import merge
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.providers.base import ActionHandler, Context, Provider, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.server.messages import Request, SimulatedAnswer

GATEWAY = {"X-Scope-OrgID": "payments"}
TOKEN = "drill-planted-token"
ODD = "[/prod] ディスク満杯 \x1b[31m \u202e\x00[bold] 🔥"
PAGE = b"\n<!doctype html><title>Log in</title>"
ECHO = json.dumps({"message": f"bad {TOKEN}", "error": {"message": f"bad {TOKEN}\x1b[31m"}, "errors": [TOKEN]}).encode()
READ_S = 0.5  # in place of 5 s, so that a time-out is quick


class Peer(Protocol):
    def handle(self, request: Request) -> SimulatedAnswer: ...


class Plug(NamedTuple):
    """One provider, as the cases need it. See the module."""

    name: str
    build: Callable[[str, Context], Provider]
    world: Callable[[Callable[[], float], int], Peer]
    items: Callable[[Request, Any], list[Any] | None]
    title: Callable[[Any, str], None]
    unknown: Callable[[Any], None]
    optional: tuple[str, ...]
    write: tuple[Verb, dict[str, Any]] | None


class Bench:
    """One provider in front of a server. *count* problems are there; *edit* changes the items of each list."""

    def __init__(self, plug: Plug, clock: FakeClock) -> None:
        self.plug = plug
        self.clock = clock
        self.skew = 0.0
        self.server = Server(self.good, lambda: clock.now() + self.skew)
        context = Context(source="it", actor_email="alice@example.com", clock=clock)
        self.provider = plug.build(self.server.url, context)
        self.edit: Callable[[list[Any]], None] = lambda items: None
        self.fill(1)

    def close(self) -> None:
        self.provider.close()
        self.server.close()

    def fill(self, count: int) -> None:
        """A new world with so many problems."""
        self.peer = self.plug.world(lambda: self.clock.now() + self.skew, count)

    def good(self, request: Request) -> SimulatedAnswer:
        """The world's own answer, with the list's items edited."""
        answer = self.peer.handle(request)
        if request.method != "GET" or answer.status != 200:
            return answer
        body = json.loads(answer.body)
        items = self.plug.items(request, body)
        if items is None:
            return answer
        self.edit(items)
        return answer._replace(body=json.dumps(body).encode())

    def read(self) -> Reading:
        """One poll; everything is asked for anew."""
        return self.provider.read(ReadRequest(fresh=True))

    def planned(self) -> tuple[Plan, ActionHandler]:
        """The plug's write on the only row there is, checked and ready to be sent."""
        reading = self.read()
        (alert,) = reading.alerts
        assert self.plug.write is not None
        verb, more = self.plug.write
        handler = self.provider.handlers()[verb]
        actor = Actor(name="Alice", email="alice@example.com")
        ask = ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=actor, **more)
        plan = handler.plan(ask, merge(1, reading.at, (), (reading,)))
        handler.check(plan)
        return plan, handler

    def spoils(self, spoil: Handler, kind: type[errors.ActionError]) -> tuple[Plan, ActionHandler, errors.ActionError]:
        """The write answered by *spoil*, reads as ever: it fails as *kind* after one request, without the token."""
        plan, handler = self.planned()
        self.server.answer = lambda request: self.good(request) if request.method == "GET" else spoil(request)
        with pytest.raises(errors.ActionError) as caught:
            handler.send(plan)
        said = str(caught.value)
        assert type(caught.value) is kind, f"{type(caught.value).__name__}: {said}"
        assert len(self.server.writes) == 1
        assert said.isprintable()
        assert TOKEN not in said + repr(plan)
        self.server.answer = self.good
        return plan, handler, caught.value

    def fails(self, handler: Handler, kind: type[errors.SourceError]) -> errors.SourceError:
        """Read well, then under *handler*: it fails as *kind*, in words without the token, and recovers by itself."""
        assert len(self.read().alerts) == 1
        self.server.answer = handler
        with pytest.raises(errors.SourceError) as caught:
            self.read()
        error = caught.value
        said = str(error)
        assert isinstance(error, kind), f"{type(error).__name__}: {said}"
        assert said.isprintable()
        assert error.hint
        assert len(said) < 500
        assert TOKEN not in said + repr(error)
        self.server.answer = self.good
        self.clock.advance(4_000)  # past every pause that was asked for
        self.fill(1)
        assert len(self.read().alerts) == 1
        return error


def says(status: int, body: bytes = b"", **headers: str) -> Handler:
    """The same answer to everything."""
    return lambda request: Said(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def drop(item: Any, path: str) -> None:
    """Take a field out of *item*: ``a.b`` is b of a."""
    *above, last = path.split(".")
    for name in above:
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict):
        item.pop(last, None)


# --- reading well -----------------------------------------------------------------------------------------------------


def empty(bench: Bench) -> None:
    """nothing is there"""
    bench.fill(0)
    reading = bench.read()
    assert (reading.alerts, reading.problems, reading.complete) == ((), (), True)


def paged(bench: Bench) -> None:
    """paging: 250 items, each once"""
    bench.fill(250)
    _all_there(bench.read(), 250)


def five_thousand(bench: Bench) -> None:
    """5,000 items, and unchanged ones are the same rows"""
    bench.fill(5_000)
    first = bench.read()
    _all_there(first, 5_000)
    known = {alert.id: alert for alert in first.alerts}
    bench.clock.advance(5.0)
    again = bench.read()
    assert all(known[alert.id] is alert for alert in again.alerts)


def _all_there(reading: Reading, count: int) -> None:
    assert len({alert.id for alert in reading.alerts}) == len(reading.alerts) == count
    assert {problem.state for problem in reading.problems} <= {"stale"}  # parts that are read bit by bit may come later


def unknown_word(bench: Bench) -> None:
    """an unknown state is shown as unknown"""
    bench.edit = lambda items: [bench.plug.unknown(item) for item in items] and None
    (alert,) = bench.read().alerts
    assert alert.state is AlertState.UNKNOWN
    assert alert.state.asks


def foreign_words(bench: Bench) -> None:
    """a word that no document has, in any field, keeps the row, and makes it neither harmless nor over"""
    (whole,) = bench.read().alerts
    found: list[list[tuple[str, ...]]] = []
    bench.edit = lambda items: found.append([path for item in items for path in _words(item)])
    bench.read()
    (paths,) = [some for some in found if some][:1]
    assert len(paths) >= 2, "the simulated item has every field of the document, not only those that are used"
    for path in paths:
        bench.edit = lambda items, path=path: [_put(item, path, "pondering") for item in items] and None
        reading = bench.read()
        assert [alert.id for alert in reading.alerts] == [whole.id], path
        (alert,) = reading.alerts
        assert alert.state not in (AlertState.RESOLVED, AlertState.SILENCED, AlertState.INHIBITED), path
        assert not alert.hidden, path
        assert alert.severity.rank <= Severity.WARNING.rank or alert.severity is whole.severity, path
        assert not any(problem.state == "malformed" for problem in reading.problems), path


_NAMES = frozenset({"id", "fingerprint", "incident_key", "service_id", "monitorId", "hostId"})  # which one it is


def _words(item: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of an item's texts that may be of a vendor's vocabulary: one word, or a few."""
    if isinstance(item, dict):
        for name, value in item.items():
            if name not in _NAMES:
                yield from _words(value, (*path, name))
    elif isinstance(item, list):
        for n, value in enumerate(item):
            yield from _words(value, (*path, str(n)))
    elif isinstance(item, str) and re.fullmatch(r"[A-Za-z]+([ _-][A-Za-z]+)*", item):
        yield path


def _put(item: Any, path: tuple[str, ...], word: str) -> None:
    for name in path[:-1]:
        item = item[int(name)] if isinstance(item, list) else item.get(name, {})
    if isinstance(item, list):
        item[int(path[-1])] = word
    elif path[-1] in item:
        item[path[-1]] = word


def missing_fields(bench: Bench) -> None:
    """an optional field is missing, or null"""
    (whole,) = bench.read().alerts
    for path in bench.plug.optional:
        for edit in (lambda item, path=path: drop(item, path), lambda item, path=path: _null(item, path)):
            bench.edit = lambda items, edit=edit: [edit(item) for item in items] and None
            reading = bench.read()
            assert [alert.id for alert in reading.alerts] == [whole.id], path
            assert reading.alerts[0].title, path


def _null(item: Any, path: str) -> None:
    *above, last = path.split(".")
    for name in above:
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict) and last in item:
        item[last] = None


def one_bad(bench: Bench) -> None:
    """one item is nonsense: the others stay, and it is said"""
    bench.fill(3)
    bench.edit = lambda items: items and items.__setitem__(1, {"nonsense": True})
    reading = bench.read()
    assert len(reading.alerts) == 2
    assert "malformed" in {problem.state for problem in reading.problems}


def odd_text(bench: Bench) -> None:
    """unicode and control characters"""
    bench.edit = lambda items: [bench.plug.title(item, ODD) for item in items] and None
    (alert,) = bench.read().alerts
    assert "ディスク満杯" in alert.title
    assert "[/prod]" in alert.title


def other_clock(bench: Bench) -> None:
    """the server's clock is an hour off"""
    for skew in (3_600.0, -3_600.0):
        bench.skew = skew
        bench.fill(1)
        reading = bench.read()
        assert len(reading.alerts) == 1
        assert reading.at == bench.clock.now()  # a reading's age is by our own clock
        assert reading.problems == ()
        assert abs(reading.clock_off_s - skew) <= 60.0  # and a person is told


def our_clock_set(bench: Bench) -> None:
    """our own clock is set back, and on"""

    def step(seconds: float) -> None:
        bench.clock.step(seconds)
        bench.skew -= seconds  # theirs goes on as it was

    asked = bench.server.asked
    polled = no_clock_that_is_set_stops_it(bench.provider, bench.clock, step, lambda: len(asked))
    bench.server.answer = says(500)
    step(-3_600.0)
    polled.go(30)
    assert polled.status.state is SourceState.OFFLINE
    assert polled.age >= 20.0


def proof_of_one_try(bench: Bench) -> None:
    """a failing read is asked once"""
    bench.read()
    bench.server.answer = says(500)
    before = len(bench.server.asked)
    with pytest.raises(errors.SourceError):
        bench.read()
    paths = [request.path for request in bench.server.asked[before:]]
    assert len(paths) == len(set(paths))


# --- failing ----------------------------------------------------------------------------------------------------------


def unauthorized(bench: Bench) -> None:
    """401"""
    error = bench.fails(says(401, ECHO), errors.Expired)
    assert "PLANTED_TOKEN" in error.hint


def forbidden(bench: Bench) -> None:
    """403"""
    refuse = says(403, ECHO)

    def lists_alone(request: Request) -> SimulatedAnswer | Said:
        """The list is denied; that the login itself is good can still be asked (Datadog's ``validate``)."""
        answer = bench.peer.handle(request)
        is_list = answer.status == 200 and bench.plug.items(request, json.loads(answer.body)) is not None
        return refuse(request) if is_list else answer

    bench.fails(lists_alone, errors.Denied)


def not_found(bench: Bench) -> None:
    """404"""
    bench.fails(says(404, ECHO), errors.Malformed)


def throttled(bench: Bench) -> None:
    """429 with Retry-After"""
    error = bench.fails(says(429, ECHO, Retry_After="7"), errors.Throttled)
    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s == 7.0


def throttled_bare(bench: Bench) -> None:
    """429 without headers"""
    error = bench.fails(says(429, b""), errors.Throttled)
    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s is None


def broken(bench: Bench) -> None:
    """500"""
    bench.fails(says(500, ECHO), errors.Offline)


def timed_out(bench: Bench) -> None:
    """no answer in time"""

    def hang(request: Request) -> Said:
        bench.server.over.wait(3 * READ_S)
        return Said(200, b"{}")

    bench.fails(hang, errors.Offline)


def malformed(bench: Bench) -> None:
    """JSON of another shape"""
    bench.fails(says(200, b'"hello"'), errors.Malformed)


def truncated(bench: Bench) -> None:
    """JSON that is cut"""

    def cut(request: Request) -> Said:
        body = bench.good(request).body
        return Said(200, body[: len(body) // 2])

    bench.fails(cut, errors.Malformed)


def cut_off(bench: Bench) -> None:
    """the line drops in the middle of the body"""

    def cut(request: Request) -> Said:
        body = bench.good(request).body
        return Said(200, body[: len(body) // 2], promised=len(body))

    bench.fails(cut, errors.Malformed)


def web_page(bench: Bench) -> None:
    """HTML with status 200"""
    bench.fails(says(200, PAGE, Content_Type="text/html"), errors.Malformed)


def login_page(bench: Bench) -> None:
    """a redirect to a login page"""
    error = bench.fails(says(302, b"", Location=f"https://sso.example/login?t={TOKEN}"), errors.Expired)
    assert "sso.example/login" in error.message


def gateway(bench: Bench) -> None:
    """a gateway that wants a header of its own"""

    def answer(request: Request) -> SimulatedAnswer | Said:
        given = {name: request.headers.get(name.lower()) for name in GATEWAY}
        return bench.good(request) if given == GATEWAY else Said(403, b"no tenant")

    bench.server.answer = answer
    assert len(bench.read().alerts) == 1
    if bench.plug.write is not None:
        plan, handler = bench.planned()
        handler.send(plan)


def dead_proxy(bench: Bench) -> None:
    """a proxy that is dead is named, and NO_PROXY goes past it"""
    around = {"http_proxy": f"http://me:{TOKEN}@127.0.0.1:{dead_port()}", "no_proxy": "10.0.0.0/8"}
    with mock.patch.dict(os.environ, around):
        with pytest.raises(errors.Offline, match=r"\$http_proxy") as caught:
            bench.read()
        assert TOKEN not in str(caught.value)
        assert not bench.server.asked
    bench.provider.close()
    with mock.patch.dict(os.environ, {**around, "no_proxy": "127.0.0.0/8"}):
        assert len(bench.read().alerts) == 1


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(gzip.compress(bytes(80 << 20), 1))


def packed_bomb(bench: Bench) -> None:
    """an answer that unpacks to gigabytes is given up"""
    error = bench.fails(says(200, _bomb(), Content_Encoding="gzip, gzip"), errors.Malformed)
    assert "MiB" in error.message


# --- writing ----------------------------------------------------------------------------------------------------------


def write_done(bench: Bench) -> None:
    """a write is one request, and done once it is read"""
    plan, handler = bench.planned()
    receipt = handler.send(plan)
    assert len(bench.server.writes) == 1
    assert handler.verify(plan, receipt).state is OutcomeState.DONE


def write_forbidden(bench: Bench) -> None:
    """a write: 403"""
    bench.spoils(says(403, ECHO), errors.ActionFailed)


def write_throttled(bench: Bench) -> None:
    """a write: 429, and it is not sent again"""
    *_, error = bench.spoils(says(429, ECHO, Retry_After="9"), errors.ActionFailed)
    assert "9 s" in str(error)


def write_broken(bench: Bench) -> None:
    """a write: 500 without effect is unknown, and failed once it cannot come any more"""
    plan, handler, _ = bench.spoils(says(500, ECHO), errors.OutcomeUnknown)
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    bench.clock.advance(60.0)
    assert handler.verify(plan, None).state is OutcomeState.FAILED


def write_lost(bench: Bench) -> None:
    """a write: it took effect and the answer was lost; reading tells"""

    def taken(request: Request) -> Said:
        bench.peer.handle(request)
        bench.server.over.wait(3 * READ_S)
        return Said(200, b"{}")

    plan, handler, _ = bench.spoils(taken, errors.OutcomeUnknown)
    assert handler.verify(plan, None).state is OutcomeState.DONE


CASES: dict[str, Callable[[Bench], None]] = {
    case.__name__: case
    for case in (
        paged,
        our_clock_set,
        empty,
        unauthorized,
        forbidden,
        not_found,
        throttled,
        throttled_bare,
        broken,
        timed_out,
        malformed,
        truncated,
        cut_off,
        web_page,
        login_page,
        gateway,
        dead_proxy,
        packed_bomb,
        unknown_word,
        foreign_words,
        missing_fields,
        one_bad,
        five_thousand,
        odd_text,
        other_clock,
        proof_of_one_try,
        write_done,
        write_forbidden,
        write_throttled,
        write_broken,
        write_lost,
    )
}
WRITES = frozenset(name for name in CASES if name.startswith("write_"))


def cases_of(plug: Plug) -> list[str]:
    """The cases that a provider has to keep: those of a write only where it writes."""
    return [name for name in CASES if plug.write is not None or name not in WRITES]
