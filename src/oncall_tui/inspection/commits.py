"""The commits of a deploy, read when somebody looks: kept by repository and versions, since those do not change."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from typing import Protocol

from oncall_tui.domain.comparison import CommitRange, Comparison
from oncall_tui.errors import Offline, SourceError
from oncall_tui.runtime.clock import Clock

AT_ONCE = 8  # comparisons that are read for one report
KEPT = 100  # comparisons: of at most 250 commits each
MOVES_S = 600.0  # a branch moves, and a tag may: two hashes never do
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

Key = tuple[str, str, str]


class CommitReader(Protocol):
    """The reader: GitHub's API."""

    def between(self, repository: str, base: str, head: str) -> CommitRange: ...


class Commits:
    """Thread-safe. *make* makes the reader, on the thread that reads; None: none is configured. *api_url* is where it
    asks: a comparison at the page of another host is not read, since its repository there is somebody else's.

    *run* runs a job on a queue of that name, and returns its future.
    """

    def __init__(
        self,
        make: Callable[[], CommitReader] | None,
        run: Callable[[str, Callable[[], CommitRange]], Future[CommitRange]],
        clock: Clock,
        api_url: str = "https://api.github.com",
    ) -> None:
        self._make, self._run, self._clock, self._api_url = make, run, clock, api_url
        self._reader: CommitReader | None = None
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, CommitRange]] = OrderedDict()
        self._reading: dict[Key, Future[CommitRange]] = {}

    def can_read(self, of: Comparison) -> bool:
        """Tell whether anybody can be asked for these commits."""
        return self._make is not None and of.readable_at(self._api_url)

    def known(self, of: Comparison) -> CommitRange | None:
        """Return what was read already; makes no call."""
        key = _key(of)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or (not _fixed(key) and self._clock.monotonic() - kept[0] > MOVES_S):
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def read(self, of: Comparison) -> Future[CommitRange]:
        """Return the commits, read unless they are known; whoever asks meanwhile waits for the same call."""
        found = self.known(of)
        if found is not None:
            done: Future[CommitRange] = Future()
            done.set_result(found)
            return done
        key = _key(of)
        with self._lock:
            waiting = self._reading.get(key)
            if waiting is not None and not waiting.done():
                return waiting
        future = self._run("commits", lambda: self._ask(key))
        with self._lock:
            self._reading = {k: f for k, f in self._reading.items() if not f.done()} | {key: future}
        return future

    def within(self, of: Comparison, seconds: float) -> CommitRange:
        """Return them within *seconds*. Raises SourceError where they cannot be read by then."""
        try:
            return self.read(of).result(seconds)
        except NotYet:
            raise Offline(
                "not read yet: GitHub has not answered", "the detail of the deploy has them when it has"
            ) from None

    def fetch(self, wanted: Iterable[Comparison], seconds: float) -> None:
        """Have the first few of *wanted* read, and wait so long at the most: what is not there then is not known."""
        readable = [one for one in wanted if self.can_read(one) and self.known(one) is None]
        wait([self.read(one) for one in readable[:AT_ONCE]], seconds)

    def words(self, of: Comparison) -> str:
        """``3 commits by Bob · 2 files changed``, as far as they are known; empty: nobody could be asked."""
        if not self.can_read(of):
            return ""
        found = self.known(of)
        return found.words if found is not None else "commits not read"

    def _ask(self, key: Key) -> CommitRange:
        if self._make is None:
            raise SourceError("no github: is configured", "with github: {token: …} the commits are read")
        if self._reader is None:
            self._reader = self._make()
        found = self._reader.between(*key)
        with self._lock:
            self._kept[key] = (self._clock.monotonic(), found)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


def _key(of: Comparison) -> Key:
    return of.repository, of.base, of.head


def _fixed(key: Key) -> bool:
    return all(_HASH.fullmatch(name) for name in key[1:])
