"""On-call schedules, read on the on-demand queues because no action may wait for them, and seldom to save calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

import msgspec

from oncall_tui.domain.on_call import Roster
from oncall_tui.errors import SourceError, unexpected
from oncall_tui.providers.base import Provider, SupportsOnCall
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact

log = logging.getLogger(__name__)
EVERY_S = 300.0
OLD_S = 2 * EVERY_S  # a recorder that told nothing for so long tells no more: it is asked here again
AGAIN_S = 10.0  # after a failure it may be asked so soon: when an engineer opens it again, or its source is back


class OnCallReader:
    """The rosters of the sources that tell who is on call. Thread-safe; nothing here waits for a provider.

    *sources*: name → its provider once that is built (raises SourceError before). *run* runs a job on a queue, by its
    source's name. *changed* is called whenever a roster is another one. Nothing is asked by itself before ``start``: a
    command has no use for it.
    """

    def __init__(
        self,
        sources: Mapping[str, Callable[[float], Provider]],
        run: Callable[[str, Callable[[], None]], object],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._sources, self._run, self._clock, self._changed = sources, run, clock, changed
        self._lock = threading.Lock()
        self._rosters = {name: Roster(source=name) for name in sources}
        self._asked: dict[str, float] = {}
        self._coming: dict[str, Future[Roster]] = {}
        self._lost: set[str] = set()  # the sources that were not current since it was asked last
        self._on = False
        self._given: set[str] = set()  # the sources whose roster a recorder told, and goes on to tell

    @property
    def rosters(self) -> tuple[Roster, ...]:
        """Return each source's last roster, in the order of the configuration."""
        with self._lock:
            return tuple(self._rosters.values())

    def start(self) -> None:
        """Let ``tick`` ask from now on."""
        self._on = True

    def tick(self, current: Collection[str]) -> None:
        """Ask those that were not asked for 5 minutes, and those that failed as soon as their source is back.

        Only of *current* sources: a queue that hangs would hold up the engineer who opens it.
        """
        for roster in self.rosters:
            name = roster.source
            if name not in current:
                self._lost.add(name)
                continue
            if not roster.message:
                self._lost.discard(name)
            if name in self._given and self._since(name) < OLD_S:
                continue
            back = name in self._lost and self._since(name) >= AGAIN_S
            if self._on and (back or self._since(name) >= EVERY_S):
                self._lost.discard(name)
                self.ask(name)

    def give(self, roster: Roster, email: str) -> None:
        """Take a roster that a recorder read: it is not asked for here while that goes on to tell it.

        Whether the user of this address is on call is told by the roster's people: the recorder is another user.
        """
        if roster.source not in self._sources or roster.read_at is None:
            return
        people = [shift.email.casefold() for shift in roster.shifts if shift.email]
        mine = email.casefold() in people if email and people else None
        with self._lock:
            if roster.source in self._coming:
                return  # an engineer has asked for it here
            self._given.add(roster.source)
            self._asked[roster.source] = self._clock.monotonic()
            self._rosters[roster.source] = msgspec.structs.replace(roster, mine=mine, asking=False)
        self._changed()

    def refresh(self) -> list[Future[Roster]]:
        """Ask, as an engineer opens it, what is older than 5 minutes, or failed; what is on its way is waited for."""
        futures = []
        for roster in self.rosters:
            wait = AGAIN_S if roster.message or roster.read_at is None else EVERY_S
            if roster.asking or self._since(roster.source) >= wait:
                futures.append(self.ask(roster.source))
        return futures

    def ask(self, source: str) -> Future[Roster]:
        """Read it now, on a queue. The future has a roster in any case: a failure is told in it."""
        with self._lock:
            coming = self._coming.get(source)
            if coming is not None:
                return coming
            future = self._coming[source] = Future()
            future.set_running_or_notify_cancel()  # many may wait for it: none can cancel it
            self._asked[source] = self._clock.monotonic()
            self._rosters[source] = msgspec.structs.replace(self._rosters[source], asking=True)
        self._changed()
        self._run(source, lambda: self._read(source))
        return future

    def _since(self, source: str) -> float:
        """Seconds since it was asked."""
        asked = self._asked.get(source)
        return float("inf") if asked is None else self._clock.monotonic() - asked

    # --- on the queue -------------------------------------------------------------------------------------------------

    def _read(self, source: str) -> None:
        at = self._clock.now()
        try:
            provider = self._sources[source](0.0)
        except SourceError as error:
            self._asked.pop(source, None)  # nobody was asked: it is as soon as it is there
            self._over(source, **_failure(source, error))
            return
        try:
            if not isinstance(provider, SupportsOnCall):
                raise SourceError("this source does not tell who is on call")
            shifts, lacks = provider.on_call(), provider.on_call_lacks
        except Exception as error:  # noqa: BLE001 - a bug is told as well, and nobody else's
            self._over(source, **_failure(source, error))
            return
        # Whether I am among them is a job of its own: what an engineer asks for may come between the two.
        self._run(source, lambda: self._read_mine(source, provider, shifts=shifts, read_at=at, lacks=lacks))

    def _read_mine(self, source: str, provider: SupportsOnCall, **told: object) -> None:
        mine: bool | None = None
        try:
            mine = provider.on_call_now()
        except Exception as error:  # noqa: BLE001 - then it is not known
            _failure(source, error)
        self._over(source, mine=mine, message="", hint="", **told)

    def _over(self, source: str, **changes: object) -> None:
        with self._lock:
            roster = self._rosters[source] = msgspec.structs.replace(self._rosters[source], asking=False, **changes)
            future = self._coming.pop(source)
        future.set_result(roster)
        self._changed()


def _failure(source: str, error: Exception) -> dict[str, str]:
    """Log the failure, and return its words."""
    if isinstance(error, SourceError):
        log.warning("source %s: who is on call: %s", source, redact(error.message))
        return {"message": redact(error.message), "hint": redact(error.hint)}
    log.error("source %s: bug while reading who is on call", source, exc_info=error)
    message, hint = unexpected(error, "bug in this provider")
    return {"message": redact(message), "hint": hint}
