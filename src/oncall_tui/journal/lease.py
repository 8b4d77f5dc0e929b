"""The lease of a recorder: of all recorders of one journal one records, and the others stand by.

Times that are told are seconds since the epoch, UTC; what waits is measured with monotonic seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from oncall_tui.errors import JournalError
from oncall_tui.journal.set_aside import alone
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import decoder
from oncall_tui.text.time_format import local_time

RENEWED_S = 5.0  # whoever has the lease takes it again so often, and whoever stands by asks for it
LOST_S = 45.0  # a holder that did not renew it for so long has lost it: with RENEWED_S a takeover stays under 60 s
TRIES = 3  # of a lock that a board holds for a moment, to see whether it is held
BETWEEN_S = 0.02
MOST_BYTES = 4096


class LeaseHolder(msgspec.Struct, frozen=True):
    """The recorder that has a lease. *since* is when it took that, *at* when it renewed it last: seconds since the
    epoch (0: it has not told yet). *beat* counts the renewals.
    """

    host: str = ""
    pid: int = 0
    since: float = 0.0
    at: float = 0.0
    beat: int = 0

    def answers(self, now: float) -> bool:
        """Return whether it watches, and renewed its lease lately. *now* in seconds since the epoch."""
        return bool(self.since) and now - self.at <= LOST_S

    def words(self, now: float) -> str:
        """``watches since 02:41 JST (bastion, pid 812)``, or since when it did not answer; *now*: since the epoch."""
        if not self.since:
            return "starts just now"
        who = f"{self.host}, pid {self.pid}"
        if not self.answers(now):
            return f"did not answer since {local_time(self.at, now)} ({who})"
        return f"watches since {local_time(self.since, now)} ({who})"


class Lease(Protocol):
    """The right to record into one journal. One thread's own, but for ``holder``."""

    def take(self) -> bool:
        """Take it, or renew what is taken: to be called every ``RENEWED_S``. False: another recorder has it.

        A holder that did not renew it for ``LOST_S``, by the clock of whoever asks, has lost it. Raises JournalError
        where that cannot be told.
        """

    def release(self) -> None:
        """Give it back, so that who stands by has it at once. Raises nothing."""

    def holder(self) -> LeaseHolder | None:
        """Return who has it now; None: nobody. Thread-safe. Raises JournalError where that cannot be read."""


class FileLease:
    """The lease of a journal on this machine's disk: a file beside it, locked while its recorder lives.

    The system gives the lock back when the process ends, however that is. What hangs keeps its lock: so each renewal
    is written into the file, and a file that does not change for ``LOST_S`` is replaced by another one.
    """

    def __init__(self, journal: Path, clock: Clock, pause: Callable[[float], None] = time.sleep) -> None:
        self.path = journal.with_name(f"{journal.name}.recorder")
        self._clock, self._pause = clock, pause
        self._file: int | None = None
        self._mine = LeaseHolder(socket.gethostname(), os.getpid())
        self._other: tuple[bytes, float] | None = None  # what the holder's file said, and since when (monotonic)

    def take(self) -> bool:
        """As the protocol says. Raises JournalError."""
        try:
            if self._file is not None:
                return self._renew(self._file)
            return self._lock() or self._replace_what_hangs()
        except OSError as error:
            raise JournalError(
                f"the recorder's lease {self.path} cannot be taken: {error.strerror or error}",
                "the journal has to be on a local disk, in a folder that can be written",
            ) from None

    def release(self) -> None:
        """As the protocol says."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def holder(self) -> LeaseHolder | None:
        """As the protocol says. Raises JournalError."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror or error}") from None
        try:
            if _locked(file, fcntl.LOCK_SH):
                return None  # closing the file gives this lock back
            return _told(os.pread(file, MOST_BYTES, 0))
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {error.strerror or error}") from None
        finally:
            os.close(file)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _renew(self, file: int) -> bool:
        """Write that it goes on. False: the file was replaced, because this process had hung."""
        if not self._is_at_the_path(file):
            self.release()
            return False
        self._mine = msgspec.structs.replace(self._mine, at=self._clock.now(), beat=self._mine.beat + 1)
        text = msgspec.json.encode(self._mine)
        os.pwrite(file, text.ljust(os.fstat(file).st_size), 0)
        return True

    def _lock(self) -> bool:
        """Lock the file, and be its holder; False: another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        kept = False
        try:
            for again in range(TRIES):
                if _locked(file, fcntl.LOCK_EX):
                    break
                if again + 1 < TRIES:
                    self._pause(BETWEEN_S)
            else:
                return False
            if not self._is_at_the_path(file):
                return False
            self._mine = msgspec.structs.replace(self._mine, since=self._clock.now(), beat=0)
            self._file, self._other, kept = file, None, True
            return self._renew(file)
        finally:
            if not kept:
                os.close(file)

    def _replace_what_hangs(self) -> bool:
        """Take the lease of a holder whose file did not change for too long."""
        now, text = self._clock.monotonic(), self._text()
        if self._other is None or self._other[0] != text:
            self._other = (text, now)
            return False
        if now - self._other[1] < LOST_S:
            return False
        with alone(self.path.parent):  # of two that stand by one replaces it
            if self._text() != text:
                return False
            self.path.unlink(missing_ok=True)
        self._other = None
        return self._lock()

    def _text(self) -> bytes:
        try:
            return self.path.read_bytes()[:MOST_BYTES]
        except FileNotFoundError:
            return b""

    def _is_at_the_path(self, file: int) -> bool:
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        mine = os.fstat(file)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _locked(file: int, how: int) -> bool:
    """Lock the open file, without waiting; False: another one has it. Raises OSError where there are no locks."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _told(text: bytes) -> LeaseHolder:
    """Return what the holder wrote; nothing of it where that is not whole yet."""
    try:
        return decoder(LeaseHolder).decode(text.strip() or b"{}")
    except msgspec.MsgspecError:
        return LeaseHolder()
