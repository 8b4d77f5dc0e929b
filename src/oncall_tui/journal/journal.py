"""The journal: what was seen and done, written by one thread of its own, so that no key press waits for a disk.

Intents are the exception that is waited for: an action is sent only after its intent is on disk.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError, unexpected
from oncall_tui.journal.sessions import lives
from oncall_tui.runtime.decoding import convert, plain
from oncall_tui.runtime.worker import Worker

if TYPE_CHECKING:
    from oncall_tui.journal.peers import Peers
    from oncall_tui.journal.store import Damaged, Store

T = TypeVar("T")
log = logging.getLogger(__name__)
WRITE_TIMEOUT_S = 5.0
AGAIN_S = 2.0  # what could not be written is tried again so often
OBSERVATIONS = 1_500_000  # alerts, deploys and watches that are kept at the most, against a flood: about 1 GB
PRUNED_EVERY = 5_000  # entries written
PRUNED_EVERY_S = 6 * 3600.0
KEEP_DAYS = 400
BACKLOG = 10_000  # entries that wait in memory for the disk
AT_ONCE = 1_000  # entries of one write


class Intent(msgspec.Struct, frozen=True):
    """An intent without an outcome, as another session left it. *receipt* is None where no answer came; *alive* tells
    whether that session still runs, *host* and *pid* which it is. *at* is in seconds since the epoch.
    """

    plan: Plan
    receipt: dict[str, Any] | None
    at: float
    alive: bool = False
    host: str = ""
    pid: int = 0


_Job = tuple[list[Entry], "Future[None] | None"]


class Journal:
    """Thread-safe. *failure* says why nothing can be written or read now; empty: it can.

    A row that another version or program wrote, and that cannot be read, is left out everywhere and named in *skipped*.
    What is older than *keep_days* is removed. Each of *written* is called, on the writer's thread, after a write.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        redact: Callable[[str], str] = lambda text: text,
        keep_days: float = KEEP_DAYS,
    ) -> None:
        self.path = path
        self.written: list[Callable[[], None]] = []
        self.keep_s = keep_days * 86_400.0
        self._pruned_at = time.monotonic()
        self._write_failure = self._read_failure = ""
        self._now = now
        self._redact = redact
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._backlog: list[Entry] = []
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._unwritten: list[str] = []
        self._notices: list[str] = []
        self._since_pruned = PRUNED_EVERY  # entries; the first write prunes too
        self._session = {"host": socket.gethostname(), "pid": os.getpid()}
        self.worker = Worker("journal", self._write_on)
        self.worker.start()

    @property
    def failure(self) -> str:
        return self._write_failure or self._read_failure

    @failure.setter
    def failure(self, words: str) -> None:
        self._write_failure, self._read_failure = words, ""

    @property
    def skipped(self) -> tuple[str, ...]:
        """Return the failures of single entries, in words; oldest first."""
        store = self._store
        for _ in range(3):
            try:
                skipped = sorted(store.skipped.items()) if store is not None else ()
                return (*(words for _, words in skipped), *self._unwritten)
            except RuntimeError:  # another thread skips one just now
                continue
        return ()

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what happened to the file itself since the start, in words; oldest first."""
        return tuple(self._notices)

    # --- writing ------------------------------------------------------------------------------------------------------

    def record(self, entries: Iterable[Entry]) -> None:
        """Write soon; a failure shows in ``failure``, and the write is tried again until it succeeds."""
        wanted = [self.cleaned(e) for e in entries]
        if wanted:
            self._jobs.put((wanted, None))

    def must(self, *entries: Entry) -> None:
        """Write before returning; raises JournalError where that fails. Blocks: not for the UI's thread."""
        done: Future[None] = Future()
        self._jobs.put(([self.cleaned(entry) for entry in entries], done))
        try:
            done.result(WRITE_TIMEOUT_S)
        except TimeoutError:
            if not done.cancel():  # it is being written just now: is it, or is it not?
                with contextlib.suppress(TimeoutError):
                    done.result(WRITE_TIMEOUT_S)
                    return
            raise JournalError("the journal did not take an entry in time", "check the disk") from None

    def intents(self, plans: Iterable[Plan]) -> None:
        """Put the plans on disk, all or none, before they are sent. Raises JournalError."""
        at = self._now()
        found = [
            Entry(
                at=at,
                kind=EntryKind.INTENT,
                subject=plan.id,
                actor=plan.actor.name,
                text=f"{plan.title} ({plan.overridden})" if plan.overrides else plan.title,
                data={"plan": msgspec.to_builtins(plan), **self._session},
            )
            for plan in plans
        ]
        self.must(*found)

    def outcome(
        self, plan: Plan, outcome: Outcome, receipt: dict[str, Any] | None = None, closed: bool = False
    ) -> None:
        """Write the outcome. *unknown* leaves the intent open for the next start, unless *closed*: it stays unknown."""
        data = {"state": outcome.state, "verb": plan.verb, "target": plan.target, "receipt": receipt}
        data |= {"did": plan.did} if plan.did else {}
        data |= {"override": plan.overridden} if plan.overrides else {}
        self.record(
            [
                Entry(
                    at=outcome.at,
                    kind=EntryKind.OUTCOME,
                    subject=plan.id,
                    actor=plan.actor.name,
                    text=outcome.message,
                    data=data | ({"closed": True} if closed else {}),
                )
            ]
        )

    def close(self, timeout_s: float = 0.3) -> None:
        """Write what is waiting, but no longer than *timeout_s* seconds: quitting never hangs on a disk."""
        self._jobs.put(None)
        self.worker.stop()
        self.worker.join(timeout_s)

    # --- reading ------------------------------------------------------------------------------------------------------

    def open_intents(self) -> list[Intent]:
        """Intents that have no final outcome and whose process is gone, oldest first. Raises JournalError."""
        intents, outcomes = self._read(
            lambda store: (store.read("kind = ?", (EntryKind.INTENT,)), store.read("kind = ?", (EntryKind.OUTCOME,)))
        )
        last = {e.subject: e for e in outcomes}
        found = []
        for entry in intents:
            outcome = last.get(entry.subject)
            if outcome and (OutcomeState(outcome.data["state"]).final or outcome.data.get("closed")):
                continue
            if self._alive(entry.data):
                continue
            receipt = outcome.data.get("receipt") if outcome else None
            found.append(Intent(convert(entry.data["plan"], Plan), receipt, entry.at))
        return found

    def under_way(self, verb: Verb) -> list[Intent]:
        """Intents of *verb* of which nobody said yet how they ended, also this session's, in the order in which they
        were written. Blocks: not for the UI's thread. Raises JournalError.
        """
        from oncall_tui.journal.store import IS_UNDER_WAY

        found = self._read(lambda store: store.read(IS_UNDER_WAY, (verb,)))
        return [
            Intent(
                convert(entry.data["plan"], Plan),
                None,
                entry.at,
                self._alive(entry.data),
                str(entry.data.get("host") or ""),
                int(entry.data.get("pid") or 0),
            )
            for entry in found
        ]

    def recent(self, limit: int = 200, kinds: tuple[EntryKind, ...] = tuple(EntryKind)) -> list[Entry]:
        """The newest entries, oldest first; of a team's those that arrived last. Raises JournalError."""
        marks = ",".join("?" * len(kinds))
        return _in_time(self._read(lambda store: store.read(f"kind IN ({marks})", tuple(kinds), limit)))

    def since(
        self, at: float, kinds: tuple[EntryKind, ...] = tuple(EntryKind), until: float | None = None
    ) -> list[Entry]:
        """The entries of these kinds from *at* on, and up to *until* where it is given (seconds since the epoch),
        oldest first. Raises JournalError.
        """
        marks = ",".join("?" * len(kinds))
        last = float("inf") if until is None else until
        where, values = f"at >= ? AND at <= ? AND kind IN ({marks})", (at, last, *kinds)
        return _in_time(self._read(lambda store: store.read(where, values)))

    def of(self, subject: str) -> list[Entry]:
        """Everything about one row or plan, oldest first. Raises JournalError."""
        return self._read(lambda store: store.read("subject = ?", (subject,)))

    def after(self, seq: int, limit: int) -> tuple[list[Entry], int]:
        """The first *limit* entries behind the number *seq*, oldest first, and the number up to which that is. Raises
        JournalError.
        """
        return self._read(lambda store: store.after(seq, limit))

    # --- a team's -----------------------------------------------------------------------------------------------------

    def exchange(self, use: Callable[[Peers], T]) -> T:
        """*use* what of the file a team shares. Not for the UI's thread. Raises JournalError."""
        from oncall_tui.journal.peers import Peers

        with self._lock:
            return self._with_store(lambda store: use(Peers(store)), writing=True)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _read(self, query: Callable[[Store], T]) -> T:
        """The query's result; how the reading went is told in ``failure``. Raises JournalError."""
        with self._lock:
            try:
                found = self._with_store(query)
            except JournalError as error:
                self._read_failure = str(error)
                self._jobs.put(([], None))  # the writer sees when it is over
                raise
            self._read_failure = ""
            return found

    def _with_store(self, use: Callable[[Store], T], writing: bool = False) -> T:
        """*use* the open file, this thread's alone. A damaged one is put aside, and *use* gets the new one."""
        from oncall_tui.journal.store import Damaged  # sqlite3 is not needed for the first frame

        if writing and self._store is not None and self._store.unwritable:  # perhaps it can be written by now
            self._store.close()
            self._store = None
        try:
            return use(self._opened())
        except Damaged as error:
            self._put_aside(error)
            return use(self._opened())

    def _put_aside(self, error: Damaged) -> None:
        from oncall_tui.journal.set_aside import set_aside

        if self._store is not None:
            self._unwritten += self._store.skipped.values()
            self._store.close()
            self._store = None
        if words := set_aside(self.path, error.file, error.why):
            self._notices.append(words)

    def _opened(self) -> Store:
        if self._store is not None and not self._store.there:  # removed, or put back from a copy, under the program
            log.warning("the journal %s is another file now: it is opened anew", self.path)
            self._unwritten += self._store.skipped.values()
            self._store.close()
            self._store = None
        if self._store is None:
            from oncall_tui.journal.store import Store  # sqlite3 is not needed for the first frame

            self._store = Store(self.path)
        return self._store

    # --- the writer's thread ------------------------------------------------------------------------------------------

    def _write_on(self) -> None:
        while True:
            waiting = AGAIN_S if self._backlog or self.failure else None
            try:
                job = self._jobs.get(timeout=waiting)
            except queue.Empty:
                self._try_again()
                continue
            for each in self._together(job):
                if each is None:
                    self._end()
                    return
                self._do(each)
            del job, each  # else the last entries, thousands perhaps, are kept until the next come

    def _together(self, job: _Job | None) -> Iterator[_Job | None]:
        """Yield *job*, with what is queued behind it where nobody waits for either, as one write; then what ends that.

        An intent is waited for, and three hundred outcomes may be queued before it: on a slow disk each write takes
        long, however small.
        """
        while job is not None and job[1] is None and len(job[0]) < AT_ONCE:
            try:
                following = self._jobs.get_nowait()
            except queue.Empty:
                break
            if following is None or following[1] is not None:
                yield job
                job = following
            else:
                job = ([*job[0], *following[0]], None)
        yield job

    def _do(self, job: _Job) -> None:
        entries, done = job
        if done is not None and not done.set_running_or_notify_cancel():
            return  # who waited for it has given up, and was told that it is not written
        error = self._write(entries, kept=done is None) if entries else None
        if done is not None:
            done.set_exception(error) if error else done.set_result(None)

    def _try_again(self) -> None:
        """Try whether the disk is back: write what waits, or see whether it can be written, and read, at all."""
        if self._read_failure:
            with contextlib.suppress(JournalError):
                self.recent(1)
        if self._backlog:
            self._write([], kept=True)
        elif self._write_failure:
            try:
                with self._lock:
                    self._with_store(lambda store: store.probe(), writing=True)
                self._write_failure = ""
            except JournalError as error:
                self._write_failure = str(error)

    def _write(self, entries: list[Entry], kept: bool) -> JournalError | None:
        """Write them after what waits. What cannot be written waits, bounded, where it is *kept*."""
        try:
            with self._lock:
                self._with_store(lambda store: self._append(store, entries, kept), writing=True)
        except JournalError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 - a bug here loses no entry and ends no thread
            self.worker.trouble.report(error, "writing")
            failed = JournalError(*unexpected(error))
        else:
            self._write_failure, self._backlog = "", []
            self._prune(len(entries))
            for told in self.written:
                told()
            return None
        self._write_failure = str(failed)
        if kept:
            self._backlog = [*self._backlog, *entries][-BACKLOG:]
        return failed

    def _prune(self, written: int) -> None:
        """Now and then, after a write; where it fails the next one tries again."""
        self._since_pruned += written
        if self._since_pruned >= PRUNED_EVERY or time.monotonic() - self._pruned_at >= PRUNED_EVERY_S:
            with self._lock, contextlib.suppress(JournalError):
                now = self._now()
                self._with_store(lambda store: store.prune(OBSERVATIONS, now - self.keep_s, now))
                self._since_pruned, self._pruned_at = 0, time.monotonic()

    def _append(self, store: Store, entries: list[Entry], kept: bool) -> None:
        from oncall_tui.journal.store import Unwritable

        with contextlib.suppress(Unwritable):
            store.append((*self._backlog, *entries))
            return
        for entry in (*self._backlog, *(entries if kept else ())):  # one that no disk takes never holds up the others
            try:
                store.append([entry])
            except Unwritable as why:
                words = f"an entry about {entry.subject[:60]} could not be written: {why.message}; left out"
                log.error("journal: %s", words)
                self._unwritten.append(words)
        self._backlog = []
        if not kept:
            store.append(entries)

    def _end(self) -> None:
        if self._backlog:
            self._write([], kept=True)
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def cleaned(self, entry: Entry) -> Entry:
        """Return the entry as it is written: without secrets and without lone surrogates, which no file takes."""
        data = plain(self._redact(msgspec.json.encode(_whole(entry.data)).decode()))
        return msgspec.structs.replace(
            entry,
            subject=_whole(entry.subject),
            actor=_whole(entry.actor),
            text=self._redact(_whole(entry.text)),
            data=data,
        )

    def _alive(self, data: dict[str, Any]) -> bool:
        """Return whether the session that wrote this still runs. Another host's counts as running for an hour."""
        if data.get("host") != self._session["host"]:
            return bool(abs(self._now() - data["plan"]["made_at"]) < 3600)
        return lives(int(data.get("pid") or 0))


def _in_time(entries: list[Entry]) -> list[Entry]:
    """Return *entries* in the order of their times, where several machines wrote them: those of one arrive after all of
    another's. Where one machine wrote all of it they stay as they were written, whatever its clock did.
    """
    first = entries[0].origin if entries else ""
    return entries if all(e.origin == first for e in entries) else sorted(entries, key=lambda e: e.at)


def _whole(value: Any) -> Any:
    """The same with each half of a character (a lone surrogate) replaced."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(one) for one in value]
    return value
