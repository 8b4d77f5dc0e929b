"""One source's poller: its own daemon thread, one attempt a poll, never two at once, never given up."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable

import msgspec

from oncall_tui.domain.reading import Reading, SourceState, with_former
from oncall_tui.errors import OF_THE_MACHINE, SourceError, unexpected
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.schedule import BACKOFF_FIRST_S, Schedule
from oncall_tui.polling.status import PollState
from oncall_tui.providers.base import Provider, ReadRequest
from oncall_tui.runtime.answers import told_of_answers
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.secret import redact
from oncall_tui.runtime.waiting import telling
from oncall_tui.runtime.worker import Worker

log = logging.getLogger(__name__)
RATE_WINDOW_S = 60.0
PART_EVERY_S = 1.0  # of a first list: putting together what was read so far takes time from reading the rest
NEVER_S = 3600.0  # between two polls while another process reads the source
HANDED_ON_S = 120.0  # another process's last whole reading is kept for so long while the own first one is not whole
FRESH = ReadRequest(fresh=True)


class Poller:
    """Reads one source for as long as the program runs. ``seen`` is its newest state, replaced whole.

    *build* makes the provider (it imports client libraries, so it runs here, after the first frame). *changed* is
    called from this thread after each poll. A bug in a provider becomes this source's visible state.

    Another process may read the source in its place: it is *given* what that one saw, polls nothing, and builds its
    provider only when somebody acts or looks.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        build: Callable[[], Provider],
        clock: Clock,
        gate: PollLimiter,
        changed: Callable[[], None],
        interval_s: float | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.name = name
        self.provider: Provider | None = None
        self.seen = PollState(name=name, provider=kind, stale_after_s=60.0)
        self._build, self._clock, self._gate, self._changed = build, clock, gate, changed
        self._interval_s = interval_s
        self._schedule = Schedule(interval_s or 15.0, rng or random.Random())
        self._wake = threading.Condition()
        self._due = 0.0
        self._request = ReadRequest()
        self._told = False  # events tell of what moves at this source
        self._renew = False
        self._stopped = False
        self._ready = threading.Event()
        self._given: Callable[[ReadRequest], None] | None = None  # asks whoever reads in its place; None: nobody does
        self._wanted = False  # its provider, while another process reads
        self._lacks: tuple[str, str] | None = None  # why that could not be built, and what to do
        self._handed_on: float | None = None  # since when the rows are those that the other process read last
        self._calls: deque[tuple[float, int]] = deque()
        self.worker = Worker(f"poll {name}", self._run, self._broke)

    def start(self) -> None:
        self.worker.start()

    def stop(self) -> None:
        """Ask it to end. It is a daemon: a hung call is left behind, never waited for."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self.worker.stop()

    def ask(self, request: ReadRequest = FRESH) -> None:
        """Read again now (or right after the poll that runs), whatever the schedule says."""
        with self._wake:
            if (given := self._given) is not None:
                given(request)
                return
            self._request = ReadRequest(
                fresh=self._request.fresh or request.fresh, watch=self._request.watch | request.watch
            )
            self._due = 0.0
            self._wake.notify()

    @property
    def polls(self) -> bool:
        """Return whether it reads its source itself, and no other process does in its place."""
        return self._given is None

    def events_tell(self, tell: bool) -> None:
        """Note whether events tell of what moves at this source. From when they do not, it looks for it again."""
        with self._wake:
            if tell == self._told:
                return
            self._told = tell
            if not tell:
                self._due = 0.0
                self._wake.notify()

    def doubt(self, words: str = "", note: str = "") -> None:
        """Say why what this source tells is not all (*words*; empty: nobody doubts it), or what is not known of it.

        Where another process reads in its place, that one says so.
        """
        if self.polls and (words, note) != (self.seen.doubt, self.seen.note):
            self._set(doubt=words, note=note)
            self._changed()

    def renew(self) -> None:
        """Forget the credentials, because the login was renewed, then read."""
        self._renew = True
        self.want()
        self.ask()

    def ready(self, timeout_s: float) -> Provider:
        """The provider, once it is built. Raises SourceError while it is not."""
        self.want()
        if not self._ready.wait(timeout_s) or self.provider is None:
            message, hint = self._lacks or (self.seen.message, self.seen.hint)
            raise SourceError(f"{self.name} is not ready: {message or 'still starting'}", hint)
        return self.provider

    # --- another process reads in its place ---------------------------------------------------------------------------

    def give(self, seen: PollState | None, ask: Callable[[ReadRequest], None]) -> None:
        """Take what another process *seen*, and poll nothing until ``take_back``; None: nothing new, only do not poll.

        *ask* asks that process to read now. Times in *seen* are this process's monotonic seconds. From any thread.
        """
        with self._wake:
            self._given = ask
            if seen is not None:
                self.seen = seen
        if seen is not None:
            self._changed()

    def take_back(self) -> None:
        """Poll again, at once: nobody reads in its place any more. What was read last stays, and grows older."""
        with self._wake:
            if self._given is None:
                return
            self._given = None
            reading = self.seen.reading
            self._handed_on = self._clock.monotonic() if reading is not None and reading.complete else None
            self.seen = msgspec.structs.replace(self.seen, asking_since=None, answered_at=None, waits_for="")
            self._due = 0.0
            self._wake.notify()

    def want(self) -> None:
        """Build the provider soon, though another process reads: somebody acts, or looks."""
        with self._wake:
            if self._given is not None and (self.provider is None or self._renew):
                self._wanted = True
                self._wake.notify()

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and not self._wanted and (left := self._left_s()) > 0:
                    self._wake.wait(left)
                if self._stopped:
                    return
                wanted, self._wanted = self._wanted, False
                if not wanted:
                    request, self._request = self._request, ReadRequest()
            if wanted:
                self._build_alone()
                continue
            wait = self._poll(request)
            with self._wake:
                # A request that came while polling keeps its "now".
                asked = self._request.fresh or bool(self._request.watch)
                self._due = 0.0 if asked else self._clock.monotonic() + wait

    def _left_s(self) -> float:
        return NEVER_S if self._given is not None else self._due - self._clock.monotonic()

    def _build_alone(self) -> None:
        """Build the provider, without a poll. Why it cannot be built is what its state says then."""
        try:
            self._provider()
        except SourceError as error:
            self._lacks = redact(error.message), redact(error.hint)
            log.warning("source %s: not built: %s", self.name, self._lacks[0])
        except Exception as error:  # as a poll does: a bug is told, and nobody else's
            log.exception("source %s: bug while it was built", self.name)
            text, hint = unexpected(error, "bug in this provider")
            self._lacks = redact(text), hint

    def _poll(self, request: ReadRequest) -> float:
        """One poll; returns the seconds to wait."""
        began = self._clock.monotonic()
        self._set(asking_since=began, answered_at=None, waits_for="")
        self._gate.enter()
        try:
            with told_of_answers(self._answered), telling(self._waits):
                provider = self._provider()
                request = msgspec.structs.replace(request, told=self._told)
                reading = provider.read(self._with_parts(request, began))
        except SourceError as error:
            return self._failed(error, SourceState(error.state), redact(error.message), redact(error.hint))
        except BaseException as error:  # a provider's bug is this source's state, and nobody else's
            log.exception("source %s: bug while reading", self.name)
            text, hint = unexpected(error, "bug in this provider")
            lacking = isinstance(error, OSError) and error.errno in OF_THE_MACHINE
            return self._failed(error, SourceState.OFFLINE if lacking else SourceState.MALFORMED, redact(text), hint)
        finally:
            self._gate.leave()
        self._succeeded(reading, began)
        if reading.calls == 0 and self.seen.error_state is not None:
            return reading.next_in_s or BACKOFF_FIRST_S  # nothing was tried: the back-off goes on where it was
        return self._schedule.after_success(reading.next_in_s)

    def _with_parts(self, request: ReadRequest, began: float) -> ReadRequest:
        """Let a first list be told in parts: no row that was ever told is missing before it is known to be gone."""
        if self.seen.reading is not None and self.seen.reading.complete:
            return request
        told_at = float("-inf")

        def tell(make: Callable[[], Reading]) -> None:
            nonlocal told_at
            now = self._clock.monotonic()
            if now - told_at >= PART_EVERY_S:
                self._set(reading=with_former(make(), self.seen.reading), read_since=began)
                self._changed()
                told_at = self._clock.monotonic()

        return msgspec.structs.replace(request, part=tell)

    def _answered(self) -> None:
        self._set(answered_at=self._clock.monotonic())

    def _waits(self, what: str) -> None:
        """Keep the name of what the poll waits for beside the source itself (a credential command)."""
        now = self._clock.monotonic()
        self._set(waits_for=what, waits_since=now, answered_at=now)  # the source's own silence begins after that

    def _provider(self) -> Provider:
        if self.provider is None:
            self.provider = self._build()
            self._schedule.interval_s = self._interval_s or self.provider.interval_s
            self._set(
                stale_after_s=max(self.provider.stale_after_s, 3 * self._schedule.interval_s),
                login=self.provider.login,
                banner=self.provider.banner,
                handles=frozenset(self.provider.handlers()),
            )
            self._lacks = None
            self._ready.set()
        if self._renew:
            self._renew = False
            self.provider.renew()
        return self.provider

    def _succeeded(self, reading: Reading, began: float) -> None:
        now = self._clock.monotonic()
        if reading.calls == 0:
            # Without a call nothing was read (the allowance of calls is used up): it is no newer, and no error is over.
            old = self.seen.reading
            self._set(asking_since=None, reading=old and msgspec.structs.replace(reading, at=old.at))
            self._changed()
            return
        self._calls.append((now, reading.calls))
        while self._calls and now - self._calls[0][0] > RATE_WINDOW_S:
            self._calls.popleft()
        span = max(10.0, now - self._calls[0][0])
        rate = sum(n for _, n in self._calls) / span
        # True at a time that the wall showed; the poll's own begin and end bound what that was.
        since = min(now, max(began, now - (self._clock.now() - reading.at)))
        self._set(asking_since=None, calls_per_s=round(rate, 2))
        if self.provider is not None:  # an endpoint that the AWS configuration names is known once a client was made
            self._set(banner=self.provider.banner)
        if not self._keeps_handed_on(reading, now):
            self._set(reading=reading, read_since=since, error_state=None, message="", hint="")
        self._changed()

    def _keeps_handed_on(self, reading: Reading, now: float) -> bool:
        """Tell whether the other process's last reading is still the better one: the own first one is not whole yet."""
        if self._handed_on is not None and (
            (reading.complete and not reading.behind) or now - self._handed_on > HANDED_ON_S
        ):
            self._handed_on = None
        return self._handed_on is not None

    def _failed(self, error: BaseException, state: SourceState, message: str, hint: str) -> float:
        log.warning("source %s: %s: %s", self.name, state, message)
        self._set(error_state=state, message=message, hint=hint, asking_since=None)
        self._changed()
        return self._schedule.after_failure(error)

    def _broke(self, error: BaseException) -> None:
        """The poller itself met a bug: nothing is read until it begins again, in a moment."""
        text = redact(f"bug in its poller: {error.__class__.__name__}: {error}")
        self._set(error_state=SourceState.MALFORMED, message=text, hint="please report it with the log")
        self._changed()

    def _set(self, **changes: object) -> None:
        with self._wake:
            if self._given is None:  # else it is another process's: what a poll that began before found is not taken
                self.seen = msgspec.structs.replace(self.seen, **changes)
