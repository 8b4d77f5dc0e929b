"""A recorder's readings as they are told: each row sent once, whom the socket serves, a poller that is given them."""

from __future__ import annotations

import os
import random
import socket
import stat
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import FakeProvider, alert, deploy, service
from tests.support.sharing import FULL, Seat, state, until
from tests.unit.test_change import FAILOVER

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.errors import SharingError
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import HANDED_ON_S, Poller
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.sharing.messages import (
    MOST_ASKED,
    Frames,
    Hello,
    ReadNow,
    Rows,
    SourceTold,
    TooLong,
    frame,
    protocol,
    telling,
)
from oncall_tui.sharing.place import SocketPeer, believe, listen, may_read, peer_of, socket_path
from oncall_tui.sharing.rows import RowsTold, RowsToTell, UnknownRow

# --- rows -------------------------------------------------------------------------------------------------------------


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
