"""The board's side: a recorder's readings, taken instead of polls; where there is none, the board polls by itself.

One thread looks for the recorder's socket after the first frame. Until it knows, no source is polled, which takes a few
milliseconds where there is no socket, and ``HELLO_S`` where a recorder hangs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from oncall_tui.domain.on_call import Roster
from oncall_tui.domain.reading import SourceState
from oncall_tui.errors import SharingError
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker
from oncall_tui.sharing.messages import (
    MOST_TOLD,
    Frames,
    Hello,
    OnCallTold,
    ReadNow,
    Rows,
    SourceTold,
    Telling,
    TooLong,
    Welcome,
    frame,
    protocol,
    telling,
)
from oncall_tui.sharing.place import believe, peer_of
from oncall_tui.sharing.rows import RowsTold, UnknownRow
from oncall_tui.text.time_format import local_time

log = logging.getLogger(__name__)
HELLO_S = 2.0  # for the recorder's first message, whole
SILENT_S = 8.0  # and for each further one: a recorder says something every 2 s
AGAIN_S = 3.0  # between two attempts to find one
SAME_CLOCK_S = 1.0  # two processes of one machine have one monotonic clock
WATCHED = 100  # rows that one wish names: so it is sent whole, or not at all
# Of the recorder's account: this one may have another login, or more rights.
LOGINS = (SourceState.EXPIRED, SourceState.NO_CREDENTIALS, SourceState.DENIED)


class TakingSource(Protocol):
    """The part of a poller that takes readings."""

    name: str
    seen: PollState

    def give(self, seen: PollState | None, ask: Callable[[ReadRequest], None]) -> None: ...
    def take_back(self) -> None: ...


class NoRecorder(Exception):
    """Why no recorder's readings are taken, in words."""


class ReadingsClient:
    """Takes readings until ``stop``. *words* say for ``i`` who reads this board's sources; empty: not known yet.

    *digests*: source → the digest of its options, for those that may be another process's. *on_call* takes a roster.
    *changed* is called when the words change. *shared* is called with the recorder's journal file and the names of the
    sources that it reads for this board, whenever these change.
    """

    def __init__(
        self,
        path: Callable[[], Path],
        sources: Iterable[TakingSource],
        digests: Callable[[], Mapping[str, str]],
        clock: Clock,
        changed: Callable[[], None],
        read_only: bool = False,
        on_call: Callable[[Roster], None] = lambda roster: None,
        shared: Callable[[tuple[int, int] | None, Collection[str]], None] = lambda journal, names: None,
    ) -> None:
        self.words = ""
        self._path, self._digests, self._clock, self._changed = path, digests, clock, changed
        self._sources = {s.name: s for s in sources}
        self._read_only, self._on_call, self._shared = read_only, on_call, shared
        self._connection: socket.socket | None = None
        self._offset = 0.0  # this process's monotonic clock minus the recorder's
        self._rows: dict[str, RowsTold] = {}
        self._given: set[str] = set()
        self._said = ("", "")  # the words, without since when
        self._journal: tuple[int, int] | None = None
        self._sending = threading.Lock()
        self._ends = threading.Event()
        self.worker = Worker("recorder's readings", self._run)

    def start(self) -> None:
        """Hold every source, and look for the recorder."""
        for source in self._sources.values():
            source.give(None, partial(self._wish, source.name))
        self.worker.start()

    def stop(self) -> None:
        self._ends.set()
        self.worker.stop()
        with self._sending, contextlib.suppress(OSError):
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    def _wish(self, name: str, request: ReadRequest) -> None:
        """Ask the recorder to read now. From any thread; it never waits."""
        wish = frame(ReadNow(name, request.fresh, tuple(request.watch)[:WATCHED]))
        with self._sending:
            if self._connection is None:
                return  # the poller reads at once when it is taken back, and the recorder has read when it is found
            try:
                sent = os.write(self._connection.fileno(), wish)  # never waits: keys come this way
            except OSError:
                return  # it hangs, or is gone: this board polls soon
            if sent < len(wish):
                self._connection.shutdown(socket.SHUT_RDWR)

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                self._take_on()
            except NoRecorder as error:
                self._by_itself(str(error))
            except BaseException:
                self._by_itself("a bug: see the log")
                raise
            self._ends.wait(AGAIN_S)

    def _take_on(self) -> None:
        """Take what a recorder tells until it is lost. Raises NoRecorder."""
        try:
            connection = self._connected()
            try:
                frames = Frames(MOST_TOLD)
                waiting: deque[Telling] = deque()
                self._welcomed(self._next(connection, frames, waiting, HELLO_S))
                with self._sending:
                    self._connection = connection
                while not self._ends.is_set():
                    self._heard(self._next(connection, frames, waiting, SILENT_S))
            finally:
                with self._sending:
                    self._connection = None
                connection.close()
        except OSError as error:
            raise NoRecorder(f"the recorder is lost: {error.strerror or error}") from None
        except (TooLong, msgspec.MsgspecError, UnknownRow) as error:
            log.warning("recorder: %s", error)
            raise NoRecorder("the recorder said what is no reading") from None

    def _connected(self) -> socket.socket:
        try:
            path = self._path()
        except SharingError as error:
            raise NoRecorder(str(error)) from None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(HELLO_S)
            connection.connect(str(path))
            believe(peer_of(connection), path)
            connection.sendall(frame(Hello(protocol(), self._read_only)))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise NoRecorder("no recorder on this machine") from None
        except SharingError as error:
            connection.close()
            raise NoRecorder(f"the recorder is not believed: {error}") from None
        except (OSError, ValueError) as error:
            connection.close()
            why = getattr(error, "strerror", None) or str(error)
            raise NoRecorder(f"the recorder's socket {path} cannot be used: {why}") from None
        return connection

    def _next(self, connection: socket.socket, frames: Frames, waiting: deque[Telling], seconds: float) -> Telling:
        """Return the recorder's next message, which is whole within *seconds*: one that trickles is as one that hangs.

        Raises NoRecorder, OSError, TooLong, msgspec.MsgspecError.
        """
        until = self._clock.monotonic() + seconds
        while not waiting:
            left = until - self._clock.monotonic()
            if left <= 0:
                raise _late(frames, seconds)
            connection.settimeout(left)
            try:
                data = connection.recv(256 * 1024)
            except TimeoutError:
                raise _late(frames, seconds) from None
            if not data:
                raise NoRecorder("the recorder ended")
            waiting.extend(telling(body) for body in frames.feed(data))
        return waiting.popleft()

    def _welcomed(self, welcome: Telling) -> None:
        """Take the sources that both sides configure alike. Raises NoRecorder where there is none."""
        if not isinstance(welcome, Welcome):
            raise NoRecorder("the recorder said what is no reading")
        if welcome.protocol != protocol():
            older = welcome.program.partition("+")[0]
            raise NoRecorder(f"the recorder is another version ({older}): update and restart it")
        if welcome.read_only and not self._read_only:
            raise NoRecorder("the recorder is read only, and this board is not")
        own = self._digests()
        alike = {n for n, digest in own.items() if welcome.sources.get(n) == digest and n in self._sources}
        if not alike:
            raise NoRecorder("the recorder has another configuration of these sources")
        offset = self._clock.monotonic() - welcome.monotonic
        self._offset = 0.0 if abs(offset) < SAME_CLOCK_S else offset
        self._rows = {n: RowsTold(self._sources[n].seen.reading, self._read_only) for n in alike}
        for name in self._sources.keys() - alike:
            self._sources[name].take_back()
        for name in alike - self._given:  # those that were polled meanwhile go on until the recorder told of them
            if self._sources[name].seen.reading is None:
                self._sources[name].give(None, partial(self._wish, name))
        self._journal = welcome.journal
        self._say()

    def _heard(self, message: Telling) -> None:
        if isinstance(message, Rows) and message.source in self._rows:
            self._rows[message.source].take(message)
        elif isinstance(message, SourceTold) and message.state.name in self._rows:
            name = message.state.name
            self._take(name, self._here(self._rows[name].state(message)))
        elif isinstance(message, OnCallTold) and message.roster.source in self._rows:
            self._on_call(message.roster)

    def _take(self, name: str, state: PollState) -> None:
        """Give the poller what the recorder saw, or let it poll: where the recorder's login is not good, or it has read
        less so far than this board has.
        """
        source = self._sources[name]
        mine = source.seen.reading
        reading = state.reading
        part = reading is None or not reading.complete or bool(reading.behind)
        if state.error_state in LOGINS or (part and mine is not None and name not in self._given):
            source.take_back()
            if name in self._given:
                self._given.discard(name)
                self._say()
            return
        source.give(state, partial(self._wish, name))
        if name not in self._given:
            self._given.add(name)
            self._say()

    def _here(self, state: PollState) -> PollState:
        """Return the state with its monotonic times on this process's clock."""
        if not self._offset:
            return state
        return msgspec.structs.replace(
            state,
            read_since=self._moved(state.read_since),
            asking_since=self._moved(state.asking_since),
            answered_at=self._moved(state.answered_at),
            waits_since=state.waits_since + self._offset,
        )

    def _moved(self, at: float | None) -> float | None:
        return None if at is None else at + self._offset

    # --- who reads ----------------------------------------------------------------------------------------------------

    def _by_itself(self, why: str) -> None:
        """Let every source be polled here, and say why."""
        self._given.clear()
        self._rows = {}
        self._journal = None
        for source in self._sources.values():
            source.take_back()
        self._say(why)

    def _say(self, why: str = "") -> None:
        """Say who reads, where that is news."""
        given = sorted(self._given)
        own = sorted(self._sources.keys() - self._given)
        if given:
            head, why = (
                "reads for this board",
                ", ".join(given) + (f"; it reads {', '.join(own)} by itself" * bool(own)),
            )
        else:
            head = "this board reads by itself"
        if why and (head, why) != self._said:
            self._said, now = (head, why), self._clock.now()
            self.words = f"{head} since {local_time(now, now)}: {why}"
            log.info("recorder: %s", self.words)
            self._shared(self._journal if given else None, tuple(given))
            self._changed()


def _late(frames: Frames, seconds: float) -> NoRecorder:
    """Word what did not come in its time: nothing, or a part of a message."""
    said = "did not end a message within" if frames.begun else "said nothing for"
    return NoRecorder(f"the recorder {said} {seconds:.0f} s")
