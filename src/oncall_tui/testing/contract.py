"""The contract that every provider over HTTP keeps: the same cases for each, against a server on loopback.

A ``Plug`` says of one provider what the cases need. A case is a function that takes a ``Bench`` and is marked ``case``
with the words for what it tries; ``CASES`` has them all by name. What is special to one API (its verbs, its own
headers) is tested beside its provider.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import pytest

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
from oncall_tui.testing.polled import no_clock_that_is_set_stops_it
from oncall_tui.testing.server import Handler, Said, Server, dead_port

GATEWAY = {"X-Scope-OrgID": "payments"}
TOKEN = "drill-planted-token"
ODD = "[/prod] ディスク満杯 \x1b[31m \u202e\x00[bold] 🔥"
PAGE = b"\n<!doctype html><title>Log in</title>"
ECHO = json.dumps({"message": f"bad {TOKEN}", "error": {"message": f"bad {TOKEN}\x1b[31m"}, "errors": [TOKEN]}).encode()
READ_S = 0.5  # in place of 5 s, so that a time-out is quick


class OtherSide(Protocol):
    def handle(self, request: Request) -> SimulatedAnswer: ...


class Plug(NamedTuple):
    """One provider, as the cases need it.

    name      the provider's name
    build     (url, context) -> the provider, pointed at that url. Its token is $PLANTED_TOKEN; keep ``TOKEN`` in every
              header that is made from it, and give it ``GATEWAY`` as further headers.
    world     (now, count) -> the other side with so many problems, each with its own id: ``handle`` answers a request.
              It pages as the API does, and each item has every field of the API's document.
    items     (request, body) -> where that request is the list that a reading stands on, the items in its decoded
              answer, to be changed in place; else None.
    title     (item, text): set the item's title to *text*.
    unknown   (item): put a word that nobody knows where the item says its state.
    optional  the item's fields that may be missing, ``a.b`` for one inside another.
    write     (verb, what an ActionRequest for it has besides): one thing that can be done to an item, tried in each
              way to fail. None where the provider has no handler of its own: the cases of a write are left out.
    """

    name: str
    build: Callable[[str, Context], Provider]
    world: Callable[[Callable[[], float], int], OtherSide]
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
        self.edit: Callable[[list[Any]], object] = lambda items: None
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

    def edit_each(self, change: Callable[[Any], None]) -> None:
        """Let each item of each list be changed before it is answered."""

        def edit(items: list[Any]) -> None:
            for item in items:
                change(item)

        self.edit = edit

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


class Case(NamedTuple):
    """One case; *words* are for people."""

    words: str
    run: Callable[[Bench], None]


CASES: dict[str, Case] = {}


def case(words: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Make a function a case of the contract, under its own name."""

    def add(run: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CASES[run.__name__] = Case(words, run)
        return run

    return add


# --- reading well -----------------------------------------------------------------------------------------------------


@case("nothing is there")
def empty(bench: Bench) -> None:
    bench.fill(0)
    reading = bench.read()
    assert (reading.alerts, reading.problems, reading.complete) == ((), (), True)


@case("paging: 250 items, each once")
def paged(bench: Bench) -> None:
    bench.fill(250)
    _all_there(bench.read(), 250)


@case("5,000 items, and unchanged ones are the same rows")
def five_thousand(bench: Bench) -> None:
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


@case("an unknown state is shown as unknown")
def unknown_word(bench: Bench) -> None:
    bench.edit_each(bench.plug.unknown)
    (alert,) = bench.read().alerts
    assert alert.state is AlertState.UNKNOWN
    assert alert.state.asks


@case("a word that no document has, in any field, keeps the row, and makes it neither harmless nor over")
def foreign_words(bench: Bench) -> None:
    (whole,) = bench.read().alerts
    found: list[list[tuple[str, ...]]] = []
    bench.edit = lambda items: found.append([path for item in items for path in _words(item)])
    bench.read()
    (paths,) = [some for some in found if some][:1]
    assert len(paths) >= 2, "the simulated item has every field of the document, not only those that are used"
    for path in paths:
        bench.edit_each(partial(_put, path=path, word="pondering"))
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


@case("an optional field is missing, or null")
def missing_fields(bench: Bench) -> None:
    (whole,) = bench.read().alerts
    for path in bench.plug.optional:
        for edit in (partial(drop, path=path), partial(_null, path=path)):
            bench.edit_each(edit)
            reading = bench.read()
            assert [alert.id for alert in reading.alerts] == [whole.id], path
            assert reading.alerts[0].title, path


def _null(item: Any, path: str) -> None:
    *above, last = path.split(".")
    for name in above:
        item = item.get(name) if isinstance(item, dict) else None
    if isinstance(item, dict) and last in item:
        item[last] = None


@case("one item is nonsense: the others stay, and it is said")
def one_bad(bench: Bench) -> None:
    bench.fill(3)
    bench.edit = _spoil_second
    reading = bench.read()
    assert len(reading.alerts) == 2
    assert "malformed" in {problem.state for problem in reading.problems}


def _spoil_second(items: list[Any]) -> None:
    items[1:2] = [{"nonsense": True}] if len(items) > 1 else []


@case("unicode and control characters")
def odd_text(bench: Bench) -> None:
    bench.edit_each(lambda item: bench.plug.title(item, ODD))
    (alert,) = bench.read().alerts
    assert "ディスク満杯" in alert.title
    assert "[/prod]" in alert.title


@case("the server's clock is an hour off")
def other_clock(bench: Bench) -> None:
    for skew in (3_600.0, -3_600.0):
        bench.skew = skew
        bench.fill(1)
        reading = bench.read()
        assert len(reading.alerts) == 1
        assert reading.at == bench.clock.now()  # a reading's age is by our own clock
        assert reading.problems == ()
        assert abs(reading.clock_off_s - skew) <= 60.0  # and a person is told


@case("our own clock is set back, and on")
def our_clock_set(bench: Bench) -> None:

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


@case("a failing read is asked once")
def proof_of_one_try(bench: Bench) -> None:
    bench.read()
    bench.server.answer = says(500)
    before = len(bench.server.asked)
    with pytest.raises(errors.SourceError):
        bench.read()
    paths = [request.path for request in bench.server.asked[before:]]
    assert len(paths) == len(set(paths))


# --- failing ----------------------------------------------------------------------------------------------------------


@case("401")
def unauthorized(bench: Bench) -> None:
    error = bench.fails(says(401, ECHO), errors.Expired)
    assert "PLANTED_TOKEN" in error.hint


@case("403")
def forbidden(bench: Bench) -> None:
    refuse = says(403, ECHO)

    def lists_alone(request: Request) -> SimulatedAnswer | Said:
        """Deny the list; that the login itself is good can still be asked (Datadog's ``validate``)."""
        answer = bench.peer.handle(request)
        is_list = answer.status == 200 and bench.plug.items(request, json.loads(answer.body)) is not None
        return refuse(request) if is_list else answer

    bench.fails(lists_alone, errors.Denied)


@case("404")
def not_found(bench: Bench) -> None:
    bench.fails(says(404, ECHO), errors.Malformed)


@case("429 with Retry-After")
def throttled(bench: Bench) -> None:
    error = bench.fails(says(429, ECHO, Retry_After="7"), errors.Throttled)
    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s == 7.0


@case("429 without headers")
def throttled_bare(bench: Bench) -> None:
    error = bench.fails(says(429, b""), errors.Throttled)
    assert isinstance(error, errors.Throttled)
    assert error.retry_after_s is None


@case("500")
def broken(bench: Bench) -> None:
    bench.fails(says(500, ECHO), errors.Offline)


@case("no answer in time")
def timed_out(bench: Bench) -> None:

    def hang(request: Request) -> Said:
        bench.server.over.wait(3 * READ_S)
        return Said(200, b"{}")

    bench.fails(hang, errors.Offline)


@case("JSON of another shape")
def malformed(bench: Bench) -> None:
    bench.fails(says(200, b'"hello"'), errors.Malformed)


@case("JSON that is cut")
def truncated(bench: Bench) -> None:

    def cut(request: Request) -> Said:
        body = bench.good(request).body
        return Said(200, body[: len(body) // 2])

    bench.fails(cut, errors.Malformed)


@case("the line drops in the middle of the body")
def cut_off(bench: Bench) -> None:

    def cut(request: Request) -> Said:
        body = bench.good(request).body
        return Said(200, body[: len(body) // 2], promised=len(body))

    bench.fails(cut, errors.Malformed)


@case("HTML with status 200")
def web_page(bench: Bench) -> None:
    bench.fails(says(200, PAGE, Content_Type="text/html"), errors.Malformed)


@case("a redirect to a login page")
def login_page(bench: Bench) -> None:
    error = bench.fails(says(302, b"", Location=f"https://sso.example/login?t={TOKEN}"), errors.Expired)
    assert "sso.example/login" in error.message


@case("a gateway that wants a header of its own")
def gateway(bench: Bench) -> None:

    def answer(request: Request) -> SimulatedAnswer | Said:
        given = {name: request.headers.get(name.lower()) for name in GATEWAY}
        return bench.good(request) if given == GATEWAY else Said(403, b"no tenant")

    bench.server.answer = answer
    assert len(bench.read().alerts) == 1
    if bench.plug.write is not None:
        plan, handler = bench.planned()
        handler.send(plan)


@case("a proxy that is dead is named, and NO_PROXY goes past it")
def dead_proxy(bench: Bench) -> None:
    around = {"http_proxy": f"http://me:{TOKEN}@127.0.0.1:{dead_port()}", "no_proxy": "10.0.0.0/8"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in around.items():
            environment.setenv(name, value)
        with pytest.raises(errors.Offline, match=r"\$http_proxy") as caught:
            bench.read()
        assert TOKEN not in str(caught.value)
        assert not bench.server.asked
        bench.provider.close()
        environment.setenv("no_proxy", "127.0.0.0/8")
        assert len(bench.read().alerts) == 1


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(gzip.compress(bytes(80 << 20), 1))


@case("an answer that unpacks to gigabytes is given up")
def packed_bomb(bench: Bench) -> None:
    error = bench.fails(says(200, _bomb(), Content_Encoding="gzip, gzip"), errors.Malformed)
    assert "MiB" in error.message


# --- writing ----------------------------------------------------------------------------------------------------------


@case("a write is one request, and done once it is read")
def write_done(bench: Bench) -> None:
    plan, handler = bench.planned()
    receipt = handler.send(plan)
    assert len(bench.server.writes) == 1
    assert handler.verify(plan, receipt).state is OutcomeState.DONE


@case("a write: 403")
def write_forbidden(bench: Bench) -> None:
    bench.spoils(says(403, ECHO), errors.ActionFailed)


@case("a write: 429, and it is not sent again")
def write_throttled(bench: Bench) -> None:
    *_, error = bench.spoils(says(429, ECHO, Retry_After="9"), errors.ActionFailed)
    assert "9 s" in str(error)


@case("a write: 500 without effect is unknown, and never failed by time alone")
def write_broken(bench: Bench) -> None:
    plan, handler, _ = bench.spoils(says(500, ECHO), errors.OutcomeUnknown)
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    bench.clock.advance(60.0)
    check = handler.verify(plan, None)
    assert check.state is OutcomeState.PENDING or check.absent


@case("a write: it took effect and the answer was lost; reading tells")
def write_lost(bench: Bench) -> None:

    def taken(request: Request) -> Said:
        bench.peer.handle(request)
        bench.server.over.wait(3 * READ_S)
        return Said(200, b"{}")

    plan, handler, _ = bench.spoils(taken, errors.OutcomeUnknown)
    assert handler.verify(plan, None).state is OutcomeState.DONE


WRITES = frozenset(name for name in CASES if name.startswith("write_"))


def cases_of(plug: Plug) -> list[str]:
    """Return the cases that a provider has to keep: those of a write only where it writes."""
    return [name for name in CASES if plug.write is not None or name not in WRITES]
