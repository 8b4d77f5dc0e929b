"""The journal: what was seen and done, written by one thread of its own, so that no key press waits for a disk.

Intents are the exception that is waited for: an action is sent only after its intent is on disk.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import JournalError

if TYPE_CHECKING:
    from oncall_tui.journal.store import Store

WRITE_TIMEOUT_S = 5.0


class Intent(msgspec.Struct, frozen=True):
    """An intent without an outcome, as an earlier session left it. *receipt* is None where no answer came."""

    plan: Plan
    receipt: dict[str, Any] | None
    at: float


_Job = tuple[list[Entry], "Future[None] | None"]


class Journal:
    """Thread-safe. *failure* says why nothing can be written now; empty: it can."""

    def __init__(self, path: Path, now: Callable[[], float], redact: Callable[[str], str] = lambda text: text) -> None:
        self.path = path
        self.failure = ""
        self._now = now
        self._redact = redact
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._session = {"host": socket.gethostname(), "pid": os.getpid()}
        self._thread = threading.Thread(target=self._write_on, name="journal", daemon=True)
        self._thread.start()

    # --- writing ------------------------------------------------------------------------------------------------------

    def record(self, entries: Iterable[Entry]) -> None:
        """Written soon; a failure shows in ``failure`` and is tried again with the next entry."""
        wanted = [self._clean(e) for e in entries]
        if wanted:
            self._jobs.put((wanted, None))

    def must(self, *entries: Entry) -> None:
        """Written when this returns; raises JournalError if it cannot be. Blocks: not for the UI's thread."""
        done: Future[None] = Future()
        self._jobs.put(([self._clean(entry) for entry in entries], done))
        try:
            done.result(WRITE_TIMEOUT_S)
        except TimeoutError:
            raise JournalError("the journal did not take an entry in time", "check the disk") from None

    def intents(self, plans: Iterable[Plan]) -> None:
        """The plans are on disk, all or none, before they are sent. Raises JournalError."""
        at = self._now()
        found = [
            Entry(
                at=at,
                kind=EntryKind.INTENT,
                subject=plan.id,
                actor=plan.actor.name,
                text=plan.title,
                data={"plan": msgspec.to_builtins(plan), **self._session},
            )
            for plan in plans
        ]
        self.must(*found)

    def outcome(
        self, plan: Plan, outcome: Outcome, receipt: dict[str, Any] | None = None, closed: bool = False
    ) -> None:
        """What came of it; *unknown* leaves the intent open for the next start, unless it is *closed*: never known."""
        data = {"state": outcome.state, "verb": plan.verb, "target": plan.target, "receipt": receipt}
        data |= {"did": plan.did} if plan.did else {}
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
        self._thread.join(timeout_s)

    # --- reading ------------------------------------------------------------------------------------------------------

    def open_intents(self) -> list[Intent]:
        """Intents that have no final outcome and whose process is gone, oldest first. Raises JournalError."""
        with self._lock:
            store = self._opened()
            intents = store.read("kind = ?", (EntryKind.INTENT,))
            outcomes = store.read("kind = ?", (EntryKind.OUTCOME,))
        last = {e.subject: e for e in outcomes}
        found = []
        for entry in intents:
            outcome = last.get(entry.subject)
            if outcome and (OutcomeState(outcome.data["state"]).final or outcome.data.get("closed")):
                continue
            if self._alive(entry.data):
                continue
            receipt = outcome.data.get("receipt") if outcome else None
            found.append(Intent(msgspec.convert(entry.data["plan"], Plan), receipt, entry.at))
        return found

    def recent(self, limit: int = 200, kinds: tuple[EntryKind, ...] = tuple(EntryKind)) -> list[Entry]:
        """The newest entries, oldest first. Raises JournalError."""
        marks = ",".join("?" * len(kinds))
        with self._lock:
            return self._opened().read(f"kind IN ({marks})", tuple(kinds), limit)

    def since(self, at: float, kinds: tuple[EntryKind, ...] = tuple(EntryKind)) -> list[Entry]:
        """The entries of these kinds from *at* (seconds since the epoch) on, oldest first. Raises JournalError."""
        marks = ",".join("?" * len(kinds))
        with self._lock:
            return self._opened().read(f"at >= ? AND kind IN ({marks})", (at, *kinds))

    def of(self, subject: str) -> list[Entry]:
        """Everything about one row or plan, oldest first. Raises JournalError."""
        with self._lock:
            return self._opened().read("subject = ?", (subject,))

    # --- inside -------------------------------------------------------------------------------------------------------

    def _opened(self) -> Store:
        if self._store is None:
            from oncall_tui.journal.store import Store  # sqlite3 is not needed for the first frame

            self._store = Store(self.path)
        return self._store

    def _write_on(self) -> None:
        backlog: list[Entry] = []
        while True:
            job = self._jobs.get()
            if job is None:
                self._write(backlog)
                return
            entries, done = job
            try:
                with self._lock:
                    self._opened().append((*backlog, *entries))
            except JournalError as error:
                self.failure = str(error)
                if done is not None:
                    done.set_exception(error)
                else:  # kept in memory, bounded, until the disk is back
                    backlog = (backlog + entries)[-10_000:]
                continue
            self.failure = ""
            backlog = []
            if done is not None:
                done.set_result(None)

    def _write(self, backlog: list[Entry]) -> None:
        with self._lock:
            try:
                if backlog:
                    self._opened().append(backlog)
            except JournalError as error:
                self.failure = str(error)
            if self._store is not None:
                self._store.close()
                self._store = None

    def _clean(self, entry: Entry) -> Entry:
        data = msgspec.json.decode(self._redact(msgspec.json.encode(entry.data).decode()))
        return msgspec.structs.replace(entry, text=self._redact(entry.text), data=data)

    def _alive(self, data: dict[str, Any]) -> bool:
        """Is the session that wrote this still running? Another host's sessions are taken to be."""
        if data.get("host") != self._session["host"]:
            return bool(self._now() - data["plan"]["made_at"] < 3600)
        pid = data.get("pid")
        if pid == os.getpid():
            return True
        try:
            os.kill(int(pid or 0), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
