"""A recorder and a board that takes its readings: when the board polls by itself, whom it leaves, and what it says."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import shutil
import socket
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert
from tests.support.sharing import FULL, Seat, state, until

from oncall_tui.domain.on_call import OnCallShift, Roster
from oncall_tui.domain.reading import SourceState
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.sharing import client as clients
from oncall_tui.sharing import server as servers
from oncall_tui.sharing.client import NoRecorder, ReadingsClient
from oncall_tui.sharing.messages import (
    MOST_TOLD,
    Alive,
    Frames,
    Hello,
    ReadNow,
    SourceTold,
    Telling,
    Welcome,
    frame,
    protocol,
)
from oncall_tui.sharing.place import listen
from oncall_tui.sharing.server import READ_AGAIN_S, ReadingServer, ReadWishes


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


@pytest.mark.parametrize("first", [b"", frame(Alive())], ids=["welcome", "later"])
def test_a_recorder_that_trickles_a_message_is_left(pair: Pair, first: bytes) -> None:
    clock = FakeClock()
    client = ReadingsClient(lambda: pair.path, [], dict, clock, lambda: None)
    here, there = socket.socketpair()
    frames, waiting, most = Frames(MOST_TOLD), deque[Telling](), 8.0
    with here, there:
        there.sendall(first)
        if first:
            assert client._next(here, frames, waiting, most) == Alive()
        told = frame(_welcome())
        here_recv, steps = here.recv, iter(told)

        class Trickles(socket.socket):
            """One byte each time it is asked, and two seconds later."""

            def recv(self, most: int, flags: int = 0) -> bytes:
                clock.advance(2.0)
                there.sendall(bytes([next(steps)]))
                return here_recv(most)

        with Trickles(fileno=os.dup(here.fileno())) as slow:
            with pytest.raises(NoRecorder, match="did not end a message within 8 s"):
                client._next(slow, frames, waiting, most)
            assert slow.gettimeout() == 2.0  # what was left of its time


def test_a_board_whose_recorder_trickles_reads_by_itself_and_says_why(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "SILENT_S", 0.3)
    monkeypatch.setattr(clients, "AGAIN_S", 60.0)
    listener = listen(pair.path, None)
    listener.settimeout(5)
    pair.client.start()
    pair.board.poller.start()
    with listener, listener.accept()[0] as connection:
        connection.sendall(frame(_welcome()) + frame(SourceTold(state(alerts=()), ((), (), (), ()))))
        until(lambda: says(pair.client, "reads for this board", "prod"))
        connection.sendall(b"\0\x10\0\0")  # of a message of a megabyte, which comes a byte at a time

        def left() -> bool:
            with contextlib.suppress(OSError):  # it hung up
                connection.sendall(b"x")
            return "did not end a message within" in pair.client.words

        until(left)
        until(lambda: pair.board.polls > 0)
        assert pair.client.words.startswith("this board reads by itself since ")


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
