"""The recorder's side: its readings, told to the boards on its machine as they come. One thread serves all of them.

A board that takes nothing holds up nobody: while it has something to read, nothing more is put together for it, and
what it gets then is the newest. Times are monotonic seconds.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from oncall_tui import __version__
from oncall_tui.domain.on_call import Roster
from oncall_tui.errors import SharingError
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.worker import Worker
from oncall_tui.sharing.messages import (
    MOST_ASKED,
    Alive,
    Frames,
    Hello,
    OnCallTold,
    ReadNow,
    Telling,
    TooLong,
    Welcome,
    asked,
    frame,
    protocol,
)
from oncall_tui.sharing.place import listen, may_read, peer_of
from oncall_tui.sharing.rows import RowsToTell

log = logging.getLogger(__name__)
TICK_S = 0.5
ALIVE_S = 2.0  # a board hears something at least so often
HELLO_S = 5.0  # for a board's first message
STUCK_S = 30.0  # a board that took nothing for so long is left
BOARDS = 32
WATCHED = 200  # rows that one wish may name
READ_AGAIN_S = 1.0  # between two reads of a source that boards ask for
ACCEPT_AGAIN_S = 1.0  # where no more files can be opened: a board that waits would be heard of without a pause
LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
WISHES = 100  # of one board that wait


class ReadingSource(Protocol):
    """The part of a poller that is shared."""

    name: str

    @property
    def seen(self) -> PollState: ...
    def ask(self, request: ReadRequest) -> None: ...


class _Board:
    """One board that is connected."""

    def __init__(self, connection: socket.socket, now: float) -> None:
        self.connection = connection
        self.frames = Frames(MOST_ASKED)
        self.welcome = self.gone = False
        self.since = self.moved_at = self.heard_at = now
        self.out: deque[memoryview] = deque()
        self.rows: dict[str, RowsToTell] = {}
        self.told: dict[str, PollState] = {}
        self.rosters: dict[str, Roster] = {}


class ReadWishes:
    """The reads that boards ask for: of one source at most one each second, and what comes meanwhile is one more."""

    def __init__(self, sources: Mapping[str, ReadingSource]) -> None:
        self._sources = sources
        self._wait: dict[str, ReadRequest] = {}
        self._last: dict[str, float] = {}

    def add(self, wish: ReadNow) -> None:
        """Keep a wish; one for a source that is not read here is dropped."""
        if wish.source in self._sources:
            old = self._wait.get(wish.source, ReadRequest())
            watch = frozenset(list(old.watch | frozenset(wish.watch))[:WATCHED])
            self._wait[wish.source] = ReadRequest(fresh=old.fresh or wish.fresh, watch=watch)

    def pass_on(self, now: float) -> None:
        """Ask for what is due. *now* in monotonic seconds."""
        for name in [n for n in self._wait if now - self._last.get(n, -READ_AGAIN_S) >= READ_AGAIN_S]:
            self._last[name] = now
            self._sources[name].ask(self._wait.pop(name))


class ReadingServer:
    """Serves until ``stop``. *digests*: source → the digest of its options, for those that are shared at all."""

    def __init__(
        self,
        path: Path,
        group: int | None,
        sources: Iterable[ReadingSource],
        digests: Mapping[str, str],
        clock: Clock,
        rosters: Callable[[], Iterable[Roster]] = tuple,
        read_only: bool = False,
        journal: Path | None = None,
    ) -> None:
        self.path, self._group, self._clock, self._rosters = path, group, clock, rosters
        self._sources = {s.name: s for s in sources if s.name in digests}
        self._digests, self._read_only, self._journal = dict(digests), read_only, journal
        self._wishes = ReadWishes(self._sources)
        self._boards: set[_Board] = set()
        self._ends = False
        self._accepts_at: float | None = None  # when boards are accepted again; None: they are
        self._woken, self._wakes = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)
        self._listener = listen(path, group)
        self._listener.setblocking(False)
        self._file = os.stat(path).st_ino
        self.worker = Worker("readings for boards", self._run)

    def start(self) -> None:
        self.worker.start()

    def changed(self) -> None:
        """Tell the boards soon: a source was read. From any thread."""
        with contextlib.suppress(OSError):
            self._wakes.send(b"x")

    def stop(self) -> None:
        """End; the boards read by themselves at once."""
        self._ends = True
        self.changed()
        self.worker.stop()
        self.worker.join(1.0)
        with contextlib.suppress(OSError):
            if os.lstat(self.path).st_ino == self._file:  # else it is another recorder's by now
                os.unlink(self.path)

    @property
    def boards(self) -> int:
        """How many boards take the readings now."""
        return sum(board.welcome for board in self._boards)

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            self._accepts_at = None
            selector.register(self._woken, selectors.EVENT_READ)
            for board in self._boards:
                selector.register(board.connection, selectors.EVENT_READ, board)
            while not self._ends:
                for key, events in selector.select(TICK_S):
                    if key.data is not None:
                        self._serve(key.data, events)
                    elif key.fileobj is self._listener:
                        self._accept(selector)
                    else:
                        with contextlib.suppress(BlockingIOError):
                            self._woken.recv(4096)
                self._turn(selector)
            for board in self._boards:
                board.connection.close()
            self._listener.close()

    def _turn(self, selector: selectors.BaseSelector) -> None:
        """Put together what each board lacks, ask for what boards want read, and leave the boards that are gone."""
        now = self._clock.monotonic()
        self._wishes.pass_on(now)
        if self._accepts_at is not None and now >= self._accepts_at:
            self._accepts_at = None
            selector.register(self._listener, selectors.EVENT_READ)
        for board in tuple(self._boards):
            self._send(board, now)
            if board.welcome and not board.out and not board.gone:
                board.out.extend(memoryview(frame(m)) for m in self._lacking(board, now))
                self._send(board, now)
            if board.gone or self._stuck(board, now):
                self._boards.discard(board)
                selector.unregister(board.connection)
                board.connection.close()
            else:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if board.out else 0)
                selector.modify(board.connection, events, board)

    def _stuck(self, board: _Board, now: float) -> bool:
        silent = not board.welcome and now - board.since > HELLO_S
        return silent or (bool(board.out) and now - board.moved_at > STUCK_S)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # it went away again, or no more files can be opened: asked again
            if error.errno in LACKING:
                selector.unregister(self._listener)
                self._accepts_at = self._clock.monotonic() + ACCEPT_AGAIN_S
            return
        try:
            peer = peer_of(connection)
            refused = "" if may_read(peer, self._group) else f"the account {peer.uid} may not read"
        except (SharingError, OSError) as error:
            refused = str(error)
        if refused or len(self._boards) >= BOARDS:
            log.warning("a board is refused: %s", refused or f"{BOARDS} boards are connected")
            connection.close()
            return
        connection.setblocking(False)
        board = _Board(connection, self._clock.monotonic())
        self._boards.add(board)
        selector.register(connection, selectors.EVENT_READ, board)

    # --- one board ----------------------------------------------------------------------------------------------------

    def _serve(self, board: _Board, events: int) -> None:
        """Hear what a board asks; what it is sent is put together, and sent on, at the end of the turn."""
        if events & selectors.EVENT_READ:
            try:
                data = board.connection.recv(65536)
            except BlockingIOError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                board.gone = True
                return
            try:
                for body in board.frames.feed(data or b""):
                    self._heard(board, body)
            except (TooLong, msgspec.MsgspecError) as error:
                log.warning("a board is left: it sent what is no message: %s", error)
                board.gone = True

    def _heard(self, board: _Board, body: bytes) -> None:
        message = asked(body)
        if isinstance(message, Hello):
            board.out.append(memoryview(frame(self._welcome())))
            board.welcome = message.protocol == protocol()
        elif board.welcome and isinstance(message, ReadNow):
            self._wishes.add(message)

    def _welcome(self) -> Welcome:
        journal = None
        if self._journal is not None:
            with contextlib.suppress(OSError):
                found = os.stat(self._journal)
                journal = (found.st_dev, found.st_ino)
        return Welcome(
            protocol=protocol(),
            program=__version__,
            pid=os.getpid(),
            monotonic=self._clock.monotonic(),
            read_only=self._read_only,
            sources=self._digests,
            journal=journal,
        )

    def _lacking(self, board: _Board, now: float) -> Iterator[Telling]:
        for name, source in self._sources.items():
            state = source.seen
            if board.told.get(name) is not state:
                board.told[name] = state
                board.heard_at = now
                yield from board.rows.setdefault(name, RowsToTell()).messages(state)
        for roster in self._rosters():
            if roster.source in self._sources and board.rosters.get(roster.source) is not roster:
                board.rosters[roster.source] = roster
                yield OnCallTold(roster)
        if now - board.heard_at >= ALIVE_S:
            board.heard_at = now
            yield Alive()

    def _send(self, board: _Board, now: float) -> None:
        """Send what the socket takes now."""
        while board.out and not board.gone:
            try:
                sent = board.connection.send(board.out[0])
            except BlockingIOError:
                return
            except OSError:
                board.gone = True
                return
            board.moved_at = now
            if sent < len(board.out[0]):
                board.out[0] = board.out[0][sent:]
                return
            board.out.popleft()
