"""Each source's place in its import: a small file beside the journal, so that a run goes on where one stopped.

It is state, not configuration: what cannot be read is left aside with a word, and costs calls alone, because whatever
is read twice is written once. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from oncall_tui.errors import JournalError
from oncall_tui.runtime.decoding import decoder
from oncall_tui.triage.past_episodes import HeldEpisode

MOST_BYTES = 64 * 1024 * 1024


class SourceProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source's import. *of* names its provider and place: of another one nothing of this holds.

    What began from *since* on and before *settled* is in the journal, and over. An import that was not finished has
    *until*, the page that is next (*after*) and the episodes that may go on (*held*); its *asked* is from when on its
    episodes count, and *start* from when on it reads.
    """

    of: str
    since: float | None = None
    settled: float | None = None
    asked: float = 0.0
    start: float = 0.0
    until: float | None = None
    after: str = ""
    oldest_open: float | None = None
    held: tuple[HeldEpisode, ...] = ()


class _KeptProgress(msgspec.Struct, frozen=True, kw_only=True):
    kept: Literal[1]
    sources: dict[str, SourceProgress] = {}


class ImportState:
    """The file. *notice* says why it could not be read; empty: it could, or there was none.

    *redact* takes secrets out of what is written.
    """

    def __init__(self, path: Path, redact: Callable[[str], str] = lambda text: text) -> None:
        self.path = path
        self._redact = redact
        self.notice = ""
        self._sources = self._read()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other import of this journal out. Raises JournalError where one is under way."""
        number = -1
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            number = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            raise JournalError("another import into this journal is under way", "wait until it has ended") from None
        except OSError:  # a file system without locks: whatever is read twice is written once by each
            pass
        try:
            yield
        finally:
            if number >= 0:
                os.close(number)

    def of(self, source: str, place: str) -> SourceProgress:
        """Return where the import of *source* stands, which is at *place*."""
        known = self._sources.get(source)
        return known if known is not None and known.of == place else SourceProgress(of=place)

    def keep(self, source: str, progress: SourceProgress) -> None:
        """Write it, as a whole or not at all. Raises JournalError."""
        self._sources[source] = progress
        text = msgspec.json.encode(_KeptProgress(kept=1, sources=self._sources)).decode()
        data = self._redact(text).encode()
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(number)
            os.replace(beside, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            why = error.strerror or "it cannot be written"
            raise JournalError(f"{self.path} cannot be written: {why}", "check its folder and its disk") from None

    def _read(self) -> dict[str, SourceProgress]:
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # what stands there may be a pipe
            with open(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    return self._aside("it is not a file")
                data = file.read(MOST_BYTES)
        except FileNotFoundError:
            return {}
        except OSError as error:
            return self._aside(error.strerror or "it cannot be read")
        try:
            return dict(decoder(_KeptProgress).decode(data).sources)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._aside("oncall-tui did not write it")

    def _aside(self, why: str) -> dict[str, SourceProgress]:
        self.notice = f"where the last import stopped is not known ({self.path.name}: {why}): all is read again"
        return {}


def beside(journal: Path) -> Path:
    """Return the file's path: ``journal.import.json`` beside ``journal.db``."""
    return journal.with_name(f"{journal.stem}.import.json")
