"""A recorder's readings on a board: the very rows, each sent once; whom the socket serves, and when a board polls."""

from __future__ import annotations

import errno
import os
import random
import re
import selectors
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import FakeProvider, alert, deploy, service
from tests.unit.test_change import FAILOVER

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Assignee, ServiceHint
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.metric import Metric
from oncall_tui.domain.on_call import OnCallShift, Roster
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.errors import SharingError
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import HANDED_ON_S, Poller
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.sharing import client as clients
from oncall_tui.sharing import server as servers
from oncall_tui.sharing.client import ReadingsClient
from oncall_tui.sharing.messages import (
    MOST_ASKED,
    Alive,
    Frames,
    Hello,
    ReadNow,
    Rows,
    SourceTold,
    TooLong,
    Welcome,
    frame,
    protocol,
    telling,
)
from oncall_tui.sharing.place import SocketPeer, believe, listen, may_read, peer_of, socket_path
from oncall_tui.sharing.rows import RowsTold, RowsToTell, UnknownRow
from oncall_tui.sharing.server import READ_AGAIN_S, ReadingServer, ReadWishes

# --- rows -------------------------------------------------------------------------------------------------------------


def state(**rows: Any) -> PollState:
    reading = Reading(source="prod", at=100.0, calls=3, **rows)
    return PollState(name="prod", provider="ecs", stale_after_s=60.0, reading=reading, read_since=5.0)


def passed(teller: RowsToTell, taker: RowsTold, told: PollState) -> tuple[PollState, int]:
    """What the board has after the recorder told this; and how many rows were sent for it."""
    sent = 0
    for message in teller.messages(told):
        got = telling(frame(message)[4:])
        if isinstance(got, Rows):
            sent += len(got.alerts) + len(got.services) + len(got.deploys) + len(got.changes)
            taker.take(got)
        else:
            assert isinstance(got, SourceTold)
            return taker.state(got), sent
    raise AssertionError("no state")


FULL = alert(
    "prod/a",
    by=("Alice",),
    by_at=3.5,
    labels=(("job", "api"),),
    label_sets=((("a", "b"),), (("c", "d"), ("e", "f"))),
    had=(Assignee("Bob", 2.0, 1),),
    hint=ServiceHint("main", "api", "1234", "eu-west-1"),
    metric=Metric(name="CPUUtilization", namespace="AWS/ECS", dimensions=(("ServiceName", "api"),)),
    verbs=frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE}),
    keys=("k",),
)


def test_a_reading_arrives_as_it_is_with_every_field() -> None:
    rolled = deploy("prod/d", failures=(TaskFailure("t", 1.0, "killed", 137),), verbs=frozenset({Verb.ROLL_BACK}))
    told = msgspec.structs.replace(
        state(
            alerts=(FULL,),
            services=(service(),),
            deploys=(rolled,),
            changes=(FAILOVER,),
            behind=2,
            pace="slow",
            complete=False,
        ),
        error_state=SourceState.DENIED,
        handles=frozenset({Verb.ROLL_BACK}),
        login=("aws", "sso", "login"),
        banner="endpoint",
    )
    problem = PartialFailure(SourceState.DENIED, "cluster main", "no", "ask")
    assert told.reading is not None
    told = msgspec.structs.replace(told, reading=msgspec.structs.replace(told.reading, problems=(problem,)))
    found, sent = passed(RowsToTell(), RowsTold(None, False), told)
    assert found == told
    assert sent == 4


def test_a_row_that_did_not_change_is_sent_once_and_stays_the_same_object() -> None:
    teller, taker, rng = RowsToTell(), RowsTold(None, False), random.Random(7)
    alerts = [alert(f"prod/{n}") for n in range(500)]
    shown, sent = passed(teller, taker, state(alerts=tuple(alerts)))
    assert sent == 500
    for step in range(30):
        before = shown.reading
        assert before is not None
        changed = rng.sample(range(len(alerts)), 3)
        for n in changed:
            alerts[n] = msgspec.structs.replace(alerts[n], count=step + 2)
        gone = alerts.pop(rng.randrange(len(alerts)))
        alerts.insert(rng.randrange(len(alerts)), alert(f"prod/new{step}"))
        rng.shuffle(alerts)
        shown, sent = passed(teller, taker, state(alerts=tuple(alerts)))
        assert shown.reading is not None
        assert sent <= 4
        assert shown.reading.alerts == tuple(alerts)
        assert gone.id not in {a.id for a in shown.reading.alerts}
        same = {id(a) for a in before.alerts}
        assert sum(id(a) in same for a in shown.reading.alerts) >= len(alerts) - 4


def test_where_nothing_changed_only_the_state_is_sent() -> None:
    teller, taker = RowsToTell(), RowsTold(None, False)
    rows = tuple(alert(f"prod/{n}") for n in range(1000))
    first, _ = passed(teller, taker, state(alerts=rows))
    messages = list(teller.messages(msgspec.structs.replace(state(alerts=rows), calls_per_s=0.5)))
    assert [type(m) for m in messages] == [SourceTold]
    assert len(frame(messages[0])) < 1000
    again = taker.state(messages[0])  # type: ignore[arg-type]
    assert again.calls_per_s == 0.5
    assert first.reading is not None
    assert again.reading is not None
    assert again.reading.alerts is first.reading.alerts


def test_after_a_new_connection_equal_rows_stay_the_objects_that_are_shown() -> None:
    rows = {"alerts": (FULL,), "services": (service(),), "changes": (FAILOVER,)}
    first, _ = passed(RowsToTell(), RowsTold(None, False), state(**rows))
    second, sent = passed(RowsToTell(), RowsTold(first.reading, False), state(**rows))
    assert sent == 3
    assert first.reading is not None
    assert second.reading is not None
    assert second.reading.alerts[0] is first.reading.alerts[0]
    assert second.reading.services[0] is first.reading.services[0]
    assert second.reading.changes[0] is first.reading.changes[0]


def test_a_board_that_may_write_nothing_gets_no_verbs() -> None:
    found, _ = passed(RowsToTell(), RowsTold(None, True), state(alerts=(FULL,)))
    assert found.reading is not None
    assert found.reading.alerts[0].verbs == frozenset()


def test_a_number_that_was_never_sent_is_noticed() -> None:
    taker = RowsTold(None, False)
    with pytest.raises(UnknownRow):
        taker.state(SourceTold(state(), ((7,), (), (), ())))
    with pytest.raises(UnknownRow):
        taker.state(SourceTold(state(), None))


# --- messages ---------------------------------------------------------------------------------------------------------


def test_messages_are_whole_however_they_come() -> None:
    wanted = [Hello("p", True), ReadNow("prod", True, ("a", "b")), Hello("q")]
    data = b"".join(map(frame, wanted))
    for size in (1, 3, 7, len(data)):
        frames, found = Frames(MOST_ASKED), []
        for at in range(0, len(data), size):
            found += list(frames.feed(data[at : at + size]))
        assert found == [frame(m)[4:] for m in wanted]
    with pytest.raises(TooLong):
        list(Frames(10).feed(frame(Hello("x" * 50))))


def test_another_field_is_another_protocol() -> None:
    of = {name: msgspec.defstruct("Row", [("id", str), *more]) for name, more in (("a", []), ("b", [("new", int, 0)]))}
    assert protocol((of["a"],)) != protocol((of["b"],))
    assert protocol() == protocol()


# --- who may ----------------------------------------------------------------------------------------------------------


def test_the_socket_is_its_accounts_alone_and_replaces_what_was_left(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for _ in range(2):
        listener = listen(path, None)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        listener.close()
    listener = listen(path, os.getgid())
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    listener.close()
    path.unlink()
    path.write_text("a file")
    with pytest.raises(SharingError):
        listen(path, None)


def test_only_its_account_root_or_the_group_may_read() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert peer_of(here) == (os.getpid(), os.geteuid(), os.getegid())
    assert may_read(SocketPeer(1, os.geteuid(), 5), None)
    assert may_read(SocketPeer(1, 0, 5), None)
    assert not may_read(SocketPeer(1, 54_321, 5), None)
    assert may_read(SocketPeer(1, 54_321, 5), 5)
    assert not may_read(SocketPeer(1, 54_321, 6), 5)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be others")
@pytest.mark.parametrize(("uid", "gid", "group", "reads"), [(0, 0, None, True), (7, 8, None, False), (7, 8, 8, True)])
def test_another_account_reads_only_in_the_group(
    pair: Pair, uid: int, gid: int, group: int | None, reads: bool
) -> None:
    """As a process of its own: the system says who it is, and no message does."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folder lets nobody in
    folder.chmod(0o755)
    pair.path = folder / "s"
    pair.recorder.poller.seen = state(alerts=(FULL,))
    pair.serve(group)
    pair.path.chmod(0o666)  # so that the system's own check lets everybody connect: the recorder's is what refuses
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = b"failed"
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as there:
                there.connect(str(pair.path))
                there.settimeout(5)
                there.sendall(frame(Hello(protocol())))
                found = b"reads" if there.recv(10) else b"refused"
        except ConnectionError:  # closed before, or while, it said who it is
            found = b"refused"
        finally:
            os.write(write, found)
            os._exit(0)
    os.close(write)
    with open(read, "rb") as told:
        assert told.read() == (b"reads" if reads else b"refused")
    os.waitpid(child, 0)
    shutil.rmtree(folder)


def test_nobody_else_is_believed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    believe(SocketPeer(1, os.geteuid(), 0), folder / "s")
    believe(SocketPeer(1, 0, 0), folder / "s")
    with pytest.raises(SharingError, match="it runs as the account 54321"):
        believe(SocketPeer(1, 54_321, 0), folder / "s")
    folder.chmod(0o777)
    with pytest.raises(SharingError, match="can be written by everybody"):
        believe(SocketPeer(1, os.geteuid(), 0), folder / "s")
    folder.chmod(0o1777)
    with pytest.raises(SharingError):
        believe(SocketPeer(1, 54_321, 0), folder / "s")


def test_the_socket_is_beside_the_journal_or_where_the_path_is_short() -> None:
    journal = Path("/var/lib/oncall-tui/journal.db")
    assert socket_path("", journal, {}) == Path("/var/lib/oncall-tui/journal.db.socket")
    assert socket_path("/run/x.socket", journal, {}) == Path("/run/x.socket")
    deep = Path("/" + "d" * 120 + "/journal.db")
    assert socket_path("", deep, {"XDG_RUNTIME_DIR": "/run/user/7"}).parent == Path("/run/user/7")
    with pytest.raises(SharingError):
        socket_path("", deep, {})


# --- the poller -------------------------------------------------------------------------------------------------------


class Seat:
    """A poller with its thread, over a provider that is counted."""

    def __init__(self, name: str = "prod", interval_s: float = 0.05) -> None:
        self.provider = FakeProvider(name)
        self.provider.clock = SystemClock()  # type: ignore[assignment]
        self.built = self.polls = 0
        clock = SystemClock()
        self.poller = Poller(name, "fake", self._build, clock, PollLimiter(4, clock), lambda: None, interval_s)

    def _build(self) -> Any:
        self.built += 1
        read = self.provider.read

        def counted(request: ReadRequest) -> Reading:
            self.polls += 1
            return read(request)

        self.provider.read = counted  # type: ignore[method-assign]
        return self.provider


def until(found: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "not within its time"
        time.sleep(0.005)


def test_a_given_poller_polls_nothing_and_builds_only_when_somebody_acts() -> None:
    seat, asked = Seat(), []
    seat.poller.give(None, asked.append)
    seat.poller.start()
    seat.poller.give(state(alerts=(FULL,)), asked.append)
    assert seat.poller.seen.reading is not None
    seat.poller.ask(ReadRequest(fresh=True))
    assert asked == [ReadRequest(fresh=True)]
    assert (seat.built, seat.polls) == (0, 0)
    assert seat.poller.ready(5.0) is seat.provider
    assert (seat.built, seat.polls) == (1, 0)
    seat.poller.take_back()
    until(lambda: seat.polls > 1)
    assert seat.poller.seen.reading is not None
    assert seat.poller.seen.reading.alerts == ()
    seat.poller.stop()


def test_the_rows_that_were_handed_on_stay_until_the_own_reading_is_whole() -> None:
    clock = FakeClock()
    provider = FakeProvider("prod")
    provider.clock = clock
    poller = Poller("prod", "fake", lambda: provider, clock, PollLimiter(4, clock), lambda: None)
    poller.give(state(alerts=(FULL,)), lambda request: None)
    poller.take_back()
    part = Reading(source="prod", at=clock.now(), complete=False, calls=1)
    provider.read = lambda request: part  # type: ignore[method-assign]
    poller._poll(ReadRequest())
    assert poller.seen.reading is not None
    assert poller.seen.reading.alerts == (FULL,)
    provider.read = lambda request: msgspec.structs.replace(part, complete=True)  # type: ignore[method-assign]
    poller._poll(ReadRequest())
    assert poller.seen.reading.alerts == ()
    poller.give(state(alerts=(FULL,)), lambda request: None)
    poller.take_back()
    provider.read = lambda request: part  # type: ignore[method-assign]
    clock.advance(HANDED_ON_S + 1)
    poller._poll(ReadRequest())
    assert poller.seen.reading.alerts == ()  # not for ever: what is read is newer


# --- both sides -------------------------------------------------------------------------------------------------------


def says(client: ReadingsClient, head: str, why: str) -> bool:
    return re.fullmatch(rf"{head} since \d\d:\d\d UTC: {re.escape(why)}", client.words) is not None


class Pair:
    """A recorder's server over pollers that tests set, and a board that takes what it tells."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clients, "AGAIN_S", 0.02)
        self.path, self.recorder, self.board = folder / "s", Seat(), Seat()
        self.digests = {"prod": "d1"}
        self.rosters: list[Roster] = []
        self.on_call: list[Roster] = []
        self.server: ReadingServer | None = None
        self.client = self.make_client(self.board)

    def make_client(self, seat: Seat, **more: Any) -> ReadingsClient:
        return ReadingsClient(
            lambda: self.path, [seat.poller], lambda: {"prod": "d1"}, SystemClock(), lambda: None, **more
        )

    def serve(self, group: int | None = None, **more: Any) -> ReadingServer:
        made = ReadingServer(
            self.path, group, [self.recorder.poller], self.digests, SystemClock(), lambda: self.rosters, **more
        )
        made.start()
        self.server = made
        return made

    def tells(self, told: PollState) -> None:
        self.recorder.poller.seen = told
        assert self.server is not None
        self.server.changed()

    @property
    def alerts(self) -> tuple[str, ...]:
        reading = self.board.poller.seen.reading
        return tuple(a.id for a in reading.alerts) if reading else ()

    def close(self) -> None:
        self.client.stop()
        self.board.poller.stop()
        if self.server is not None:
            self.server.stop()


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    made = Pair(tmp_path, monkeypatch)
    yield made
    made.close()


def test_a_board_takes_readings_polls_where_there_is_no_recorder_and_takes_them_again(pair: Pair) -> None:
    pair.recorder.poller.seen = state(alerts=(FULL,))
    server = pair.serve()
    pair.client.start()
    pair.board.poller.start()
    until(lambda: pair.alerts == ("prod/a",))
    assert says(pair.client, "reads for this board", "prod")
    assert pair.board.built == 0
    first = pair.board.poller.seen.reading
    pair.tells(state(alerts=(FULL, alert("prod/b"))))
    until(lambda: pair.alerts == ("prod/a", "prod/b"))
    second = pair.board.poller.seen.reading
    assert first is not None
    assert second is not None
    assert second.alerts[0] is first.alerts[0]
    server.stop()
    until(lambda: pair.board.polls > 0)
    assert pair.client.words.startswith("this board reads by itself since ")
    pair.serve()
    until(lambda: says(pair.client, "reads for this board", "prod"))
    until(lambda: pair.alerts == ("prod/a", "prod/b"))
    polls = pair.board.polls
    time.sleep(0.2)  # four of its intervals
    assert pair.board.polls <= polls + 1  # the one that ran just then


def test_where_there_is_no_socket_the_board_polls_at_once(pair: Pair) -> None:
    pair.client.start()
    pair.board.poller.start()
    until(lambda: pair.board.polls > 0, 2.0)
    until(lambda: bool(pair.client.words))
    assert says(pair.client, "this board reads by itself", "no recorder on this machine")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"protocol": "0.0.9+feed"}, "the recorder is another version (0.0.9): update and restart it"),
        ({"sources": {"prod": "d2"}}, "the recorder has another configuration of these sources"),
        ({"sources": {}}, "the recorder has another configuration of these sources"),
        ({"read_only": True}, "the recorder is read only, and this board is not"),
    ],
)
def test_a_recorder_that_is_another_is_not_taken_and_that_is_said(pair: Pair, told: dict[str, Any], words: str) -> None:
    full: dict[str, Any] = {"protocol": protocol(), "sources": {"prod": "d1"}, "read_only": False, **told}
    welcome = Welcome(program=full["protocol"].partition("+")[0], pid=1, monotonic=time.monotonic(), **full)
    listener = listen(pair.path, None)
    listener.settimeout(5)
    pair.client.start()
    pair.board.poller.start()
    with listener, listener.accept()[0] as connection:
        connection.sendall(frame(welcome))
        until(lambda: pair.board.polls > 0)
        until(lambda: says(pair.client, "this board reads by itself", words))


def test_a_recorder_that_hangs_is_left(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clients.HELLO_S + clients.SILENT_S + clients.AGAIN_S <= 15.0  # the time that is promised
    monkeypatch.setattr(clients, "HELLO_S", 0.1)
    monkeypatch.setattr(clients, "SILENT_S", 0.2)
    listener = listen(pair.path, None)
    listener.settimeout(5)
    pair.client.start()
    pair.board.poller.start()
    with listener:
        with listener.accept()[0]:
            until(lambda: pair.board.polls > 0)  # it never says hello
        with listener.accept()[0] as connection:
            connection.sendall(frame(_welcome()) + frame(SourceTold(state(alerts=()))))
            until(lambda: "said nothing for" in pair.client.words)


def _welcome() -> Welcome:
    return Welcome(
        protocol=protocol(), program="x", pid=1, monotonic=time.monotonic(), read_only=False, sources={"prod": "d1"}
    )


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\3abc", frame(Alive()), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_recorder_is_left(pair: Pair, data: bytes) -> None:
    listener = listen(pair.path, None)
    listener.settimeout(5)
    pair.client.start()
    pair.board.poller.start()
    with listener, listener.accept()[0] as connection:
        connection.sendall(data)
        until(lambda: "said what is no reading" in pair.client.words)
        until(lambda: pair.board.polls > 0)


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\3abc", frame(ReadNow("prod", True))])
def test_a_board_that_says_what_is_no_message_ends_no_other(pair: Pair, data: bytes) -> None:
    pair.recorder.poller.seen = state(alerts=(FULL,))
    pair.serve()
    with socket.socket(socket.AF_UNIX) as odd:
        odd.connect(str(pair.path))
        odd.sendall(data)
        pair.client.start()
        until(lambda: pair.alerts == ("prod/a",))
    assert pair.recorder.polls == 0


def test_where_no_file_can_be_opened_a_board_that_waits_keeps_no_core_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    server = ReadingServer(tmp_path / "s", None, [], {}, clock)

    class FullListener(socket.socket):
        def accept(self) -> Any:
            raise OSError(errno.EMFILE, "Too many open files")

    full = FullListener(fileno=server._listener.detach())
    monkeypatch.setattr(server, "_listener", full)
    with full, selectors.DefaultSelector() as selector:
        selector.register(full, selectors.EVENT_READ)
        server._accept(selector)
        server._turn(selector)
        assert not selector.get_map()
        clock.advance(servers.ACCEPT_AGAIN_S)
        server._turn(selector)
        assert [key.fileobj for key in selector.get_map().values()] == [full]


def test_a_board_that_takes_nothing_holds_up_no_other(pair: Pair) -> None:
    pair.recorder.poller.seen = state(alerts=tuple(alert(f"prod/{n}", comment="x" * 500) for n in range(3000)))
    pair.serve()
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(pair.path))
        slow.sendall(frame(Hello(protocol())))
        pair.client.start()
        until(lambda: len(pair.alerts) == 3000)
        pair.tells(state(alerts=(FULL,)))
        until(lambda: pair.alerts == ("prod/a",))


@pytest.mark.parametrize("error", [SourceState.EXPIRED, SourceState.NO_CREDENTIALS, SourceState.DENIED])
def test_a_login_that_is_not_good_there_may_be_good_here(pair: Pair, error: SourceState) -> None:
    pair.recorder.poller.seen = state(alerts=(FULL,))
    pair.serve()
    pair.client.start()
    pair.board.poller.start()
    until(lambda: pair.alerts == ("prod/a",))
    pair.tells(msgspec.structs.replace(state(alerts=(FULL,)), error_state=error))
    until(lambda: pair.board.polls > 0)
    pair.tells(state(alerts=(FULL,)))
    until(lambda: says(pair.client, "reads for this board", "prod"))


def test_a_recorder_that_has_read_less_is_not_taken_yet(pair: Pair) -> None:
    pair.client.start()
    pair.board.provider.add("own")
    pair.board.poller.start()
    until(lambda: pair.alerts != ())
    own = pair.alerts
    pair.recorder.poller.seen = state(alerts=(), complete=False)
    pair.serve()
    until(lambda: pair.server is not None and pair.server.boards == 1)
    time.sleep(0.1)
    assert pair.alerts == own
    pair.tells(state(alerts=(FULL,)))
    until(lambda: pair.alerts == ("prod/a",))


def test_a_boards_wish_to_read_now_reaches_the_recorders_poller(pair: Pair) -> None:
    asked: list[ReadRequest] = []
    pair.recorder.poller.ask = asked.append  # type: ignore[method-assign,assignment]
    pair.recorder.poller.seen = state(alerts=(FULL,))
    pair.serve()
    pair.client.start()
    until(lambda: pair.alerts == ("prod/a",))
    pair.board.poller.ask(ReadRequest(fresh=True, watch=frozenset({"prod/a"})))
    until(lambda: asked)
    assert asked == [ReadRequest(fresh=True, watch=frozenset({"prod/a"}))]


def test_wishes_are_passed_on_at_most_once_a_second_and_none_is_lost() -> None:
    seat, asked, now = Seat(), [], 100.0
    seat.poller.ask = asked.append  # type: ignore[method-assign]
    wishes = ReadWishes({"prod": seat.poller})
    for n in range(50):
        wishes.add(ReadNow("prod", n == 7, (f"r{n}",)))
        wishes.add(ReadNow("another"))
        wishes.pass_on(now)
        now += 0.01
    assert len(asked) == 1
    wishes.pass_on(now + READ_AGAIN_S)
    assert len(asked) == 2
    assert asked[1].fresh
    assert asked[1].watch == {f"r{n}" for n in range(1, 50)}


def test_who_is_on_call_is_told_too(pair: Pair) -> None:
    client = pair.make_client(pair.board, on_call=pair.on_call.append)
    pair.recorder.poller.seen = state(alerts=())
    roster = Roster(source="prod", shifts=(OnCallShift(policy="p", level=1, person="Bob"),), read_at=5.0)
    pair.rosters = [roster, Roster(source="elsewhere")]
    pair.serve()
    client.start()
    until(lambda: pair.on_call)
    assert pair.on_call == [roster]
    client.stop()
