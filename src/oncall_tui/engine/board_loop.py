"""Every source's poller and the thread that builds the board: what both engines start, wait for and stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from oncall_tui.inspection.reader import OnDemandReader
from oncall_tui.journal import Journal
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import Poller
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS

if TYPE_CHECKING:
    from oncall_tui.engine.recorder_watch import RecorderWatch
    from oncall_tui.engine.source_spec import SourceSpec

TICK_S = 1.0
POLLS_AT_ONCE = 4
AT_MOST_EVERY_S = 0.2  # boards: one screen shows at most four a second


class BoardLoop:
    """The pollers, the on-demand reader on their providers, and the board's thread, which runs *build*.

    *build* builds a board for each of ``changes``, and returns when these end.
    """

    def __init__(
        self, specs: tuple[SourceSpec, ...], journal: Journal, clock: Clock, build: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._changed, self._stopped = threading.Event(), threading.Event()
        self.polled: list[Callable[[], None]] = [self.changed]  # called after each poll, by its thread
        # Of their own each: ten accounts' services are read for seconds, and no alert waits for them, nor they for
        # alerts; a poll that waits for events takes no place from one that reads.
        services, alerts, events = (PollLimiter(POLLS_AT_ONCE, clock) for _ in range(3))
        self.pollers = {
            s.name: Poller(
                s.name,
                s.provider,
                s.build,
                clock,
                events if s.tells_events else services if s.provider in SERVICE_PROVIDERS else alerts,
                self._tell_polled,
                s.interval_s,
            )
            for s in specs
        }
        self.on_demand = OnDemandReader({name: p.ready for name, p in self.pollers.items()}, clock, journal)
        self.worker = Worker("board", build)
        self._recorder: RecorderWatch | None = None

    def start(self, recorder: RecorderWatch | None) -> None:
        """Start to read every source, or to take what *recorder* reads."""
        self._recorder = recorder
        if recorder is not None:
            recorder.start()
        for poller in self.pollers.values():
            poller.start()
        self.worker.start()

    def stop(self) -> None:
        """Stop asking; leave hung calls behind."""
        self._stopped.set()
        self._changed.set()
        self.worker.stop()
        if self._recorder is not None:
            self._recorder.stop()
        for poller in self.pollers.values():
            poller.stop()
        self.on_demand.stop()

    def changed(self) -> None:
        """Have the board built again soon. Any thread may call it."""
        self._changed.set()

    def changes(self) -> Iterator[None]:
        """Yield when the board is to be built: after a change or a tick, at most five times a second.

        It ends with ``stop``.
        """
        while not self._stopped.is_set():
            self._changed.wait(TICK_S)
            self._changed.clear()
            yield
            self._stopped.wait(AT_MOST_EVERY_S)

    @property
    def recorder_words(self) -> tuple[str, ...]:
        """Return whether a recorder watches, and reads for this program, as far as known: a line each."""
        return self._recorder.words if self._recorder is not None else ()

    @property
    def recorder_since(self) -> float | None:
        """Return since when a recorder watches (seconds since the epoch); None: none does."""
        return self._recorder.since if self._recorder is not None else None

    def troubles(self, others: Iterable[Worker]) -> tuple[str, ...]:
        """Return the bugs that these threads, the journal's and *others* met lately, in words without secrets."""
        watch = self._recorder.workers if self._recorder is not None else ()
        queues = (queue.worker for queue in self.on_demand.queues)
        pollers = (poller.worker for poller in self.pollers.values())
        workers = (self.worker, self._journal.worker, *watch, *others, *queues, *pollers)
        return tuple(redact(words) for words in (worker.trouble.summary for worker in workers) if words)

    def _tell_polled(self) -> None:
        for tell in self.polled:
            tell()
