"""When a source is asked, and what is said of it."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.fakes import FakeProvider

from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.engine.engine import LONGEST_LIST_S, Engine
from oncall_tui.errors import OF_THE_MACHINE, Denied, Expired, Malformed, NoCredentials, Offline, SourceError, Throttled
from oncall_tui.polling.limiter import PollLimiter
from oncall_tui.polling.poller import Poller
from oncall_tui.polling.schedule import Schedule
from oncall_tui.polling.status import LATE_S, PollState, status_of
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.answers import answered
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.runtime.waiting import waiting_for


def make(provider: FakeProvider) -> tuple[Poller, list[int]]:
    told: list[int] = []
    gate = PollLimiter(4, provider.clock)
    poller = Poller(
        provider.source, "fake", lambda: provider, provider.clock, gate, lambda: told.append(1), rng=random.Random(1)
    )
    return poller, told


def test_success_waits_the_interval_or_what_the_provider_wants() -> None:
    schedule = Schedule(10.0, random.Random(1))
    assert 9.5 <= schedule.after_success(None) <= 10.5
    assert 2.8 <= schedule.after_success(3.0) <= 3.2
    assert schedule.after_success(0.0) == 0.0


def test_failures_back_off_to_a_minute_with_jitter_and_never_give_up() -> None:
    schedule = Schedule(10.0, random.Random(1))
    waits = [schedule.after_failure(Offline("down")) for _ in range(50)]
    assert 1.0 <= waits[0] <= 2.0
    assert waits[2] > waits[0]
    assert all(30.0 <= wait <= 60.0 for wait in waits[8:])
    assert len({round(w, 3) for w in waits[8:]}) > 10
    assert schedule.after_success(None) <= 10.5
    assert schedule.after_failure(Offline("down")) <= 2.0


def test_what_the_other_side_asks_for_is_honoured_within_bounds() -> None:
    schedule = Schedule(10.0, random.Random(1))
    assert schedule.after_failure(Throttled("slow down", retry_after_s=42)) == 42
    assert schedule.after_failure(Throttled("slow down", retry_after_s=9000)) == 300


@pytest.mark.parametrize("error", [Offline, Expired, Denied, Throttled, NoCredentials, Malformed])
def test_each_failure_becomes_the_state_and_keeps_the_last_good_rows(error: type[SourceError]) -> None:
    provider = FakeProvider()
    provider.add("a")
    poller, told = make(provider)
    poller._poll(ReadRequest())
    provider.read_raises = [error("it is so", "do this")]
    provider.clock.advance(5)
    poller._poll(ReadRequest())
    status = status_of(poller.seen, provider.clock.now(), provider.clock.monotonic())
    assert (status.state, status.message, status.hint) == (error.state, "it is so", "do this")
    assert status.age_s(provider.clock.now()) == 5
    assert poller.seen.reading is not None
    assert len(poller.seen.reading.alerts) == 1
    assert len(told) == 2


def test_a_custom_endpoint_that_is_known_only_once_it_was_asked_is_said() -> None:
    provider = FakeProvider()
    poller, _ = make(provider)
    poller._provider()
    assert poller.seen.banner == ""
    provider.banner = "endpoint http://127.0.0.1:4566"  # as of a profile's endpoint_url in ~/.aws/config
    poller._poll(ReadRequest())
    assert poller.seen.banner == provider.banner


def test_a_bug_in_a_provider_is_that_sources_state_and_the_poller_goes_on() -> None:
    provider = FakeProvider()
    provider.read_raises = [ZeroDivisionError("oops")]
    poller, _ = make(provider)
    poller._poll(ReadRequest())
    assert poller.seen.error_state is SourceState.MALFORMED
    assert "bug in this provider: ZeroDivisionError" in poller.seen.message
    poller._poll(ReadRequest())
    assert status_of(poller.seen, provider.clock.now(), provider.clock.monotonic()).state is SourceState.OK


def test_what_the_machine_lacks_is_no_bug() -> None:
    """Also where a module is imported with too many files open."""
    provider = FakeProvider()
    provider.read_raises = [OSError(errno.EMFILE, "Too many open files", "provider.py")]
    poller, _ = make(provider)
    poller._poll(ReadRequest())
    assert poller.seen.error_state is SourceState.OFFLINE
    assert (poller.seen.message, poller.seen.hint) == (
        "this machine: Too many open files",
        OF_THE_MACHINE[errno.EMFILE],
    )


def test_a_provider_that_cannot_be_built_is_tried_again() -> None:
    provider = FakeProvider()
    fail = [NoCredentials("no such profile", "aws configure")]

    def build() -> FakeProvider:
        if fail:
            raise fail.pop()
        return provider

    poller = Poller("x", "fake", build, provider.clock, PollLimiter(1, provider.clock), lambda: None)
    poller._poll(ReadRequest())
    assert poller.seen.error_state is SourceState.NO_CREDENTIALS
    with pytest.raises(SourceError, match="no such profile"):
        poller.ready(0)
    poller._poll(ReadRequest())
    assert poller.ready(0) is provider


def test_a_renewed_login_rebuilds_credentials_before_the_next_read() -> None:
    provider = FakeProvider()
    poller, _ = make(provider)
    poller._poll(ReadRequest())
    poller.renew()
    poller._poll(ReadRequest())
    assert provider.renewed == 1


def test_the_threads_read_at_once_when_asked_and_one_at_a_time() -> None:
    provider = FakeProvider()
    provider.clock = SystemClock()  # type: ignore[assignment]
    inside, most, read = 0, 0, threading.Semaphore(0)
    inner = provider.read

    def counted(request: ReadRequest) -> Reading:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            return inner(request)
        finally:
            inside -= 1
            read.release()

    provider.read = counted  # type: ignore[method-assign]
    poller, _ = make(provider)
    poller.start()
    for _ in range(5):
        assert read.acquire(timeout=5)
        poller.ask()
    assert read.acquire(timeout=5)
    poller.stop()
    assert most == 1
    assert any(request.fresh for request in provider.reads)


def seen(**fields: object) -> PollState:
    since = {"read_since": 100.0} if "reading" in fields else {}
    return PollState(name="prom", provider="alertmanager", stale_after_s=30.0, **since, **fields)  # type: ignore[arg-type]


READ = Reading(source="prom", at=100.0)
PARTLY = Reading(source="prom", at=100.0, problems=(PartialFailure(SourceState.DENIED, "deploys", "no", "ecs:List"),))


@pytest.mark.parametrize(
    ("known", "now", "state", "words"),
    [
        (seen(), 1.0, "waiting", "not read yet"),
        (seen(asking_since=0.0), 12.0, "offline", "no answer for 12 s"),
        (seen(reading=READ), 110.0, "ok", ""),
        (seen(reading=READ), 131.0, "stale", "its poll is late"),
        (seen(reading=READ, asking_since=105.0), 131.0, "stale", "no answer for 26 s"),
        (seen(asking_since=0.0, answered_at=11.0), 12.0, "waiting", "still reading: the list is long"),
        (seen(asking_since=0.0, answered_at=2.0), 12.0, "offline", "no answer for 10 s"),
        (seen(reading=READ, asking_since=105.0, answered_at=130.0), 131.0, "stale", "still reading: the list is long"),
        (seen(reading=READ, asking_since=105.0, answered_at=121.0), 131.0, "stale", "no answer for 10 s"),
        (seen(reading=READ, error_state=SourceState.EXPIRED, message="m"), 101.0, "expired", "m"),
        (seen(reading=PARTLY), 101.0, "denied", "deploys: no"),
        (seen(reading=Reading(source="prom", at=100.0, complete=False)), 101.0, "waiting", "still reading"),
    ],
)
def test_the_state_of_a_source(known: PollState, now: float, state: str, words: str) -> None:
    status = status_of(known, 7_000.0 + now, now)
    assert (status.state, status.message) == (state, words)
    assert status.live == (state == "ok")


def test_late_is_silence_since_the_last_answer_never_the_length_of_a_list() -> None:
    """Seventeen pages of 0.9 s each were told as "no answer for 8 s", and commands ended with 1."""
    provider = FakeProvider()
    poller, _ = make(provider)
    states = []

    def paged(request: ReadRequest) -> Reading:
        for _ in range(17):
            provider.clock.advance(0.9)
            answered()
            states.append(status_of(poller.seen, provider.clock.now(), provider.clock.monotonic()).state)
        provider.clock.advance(8.5)  # and then a call hangs
        states.append(status_of(poller.seen, provider.clock.now(), provider.clock.monotonic()).state)
        return Reading(source=provider.source, at=provider.clock.now(), calls=17)

    provider.read = paged  # type: ignore[method-assign]
    poller._poll(ReadRequest())
    assert states == [SourceState.WAITING] * 17 + [SourceState.OFFLINE]
    answered()  # on this thread nobody listens any more
    assert status_of(poller.seen, provider.clock.now(), provider.clock.monotonic()).live


def test_a_command_waits_for_a_long_list_while_its_pages_come_and_no_longer() -> None:
    clock = FakeClock()
    seen_at = [clock.monotonic()]

    class Waiting:
        """The parts of an engine that a wait looks at: one source, whose pages come until it falls silent."""

        update = None
        _answers_come = Engine._answers_come

        def __init__(self, answers: int) -> None:
            self.clock, self.left = clock, answers
            self._pollers = {"pager": self}

        @property
        def seen(self) -> PollState:
            return seen(asking_since=seen_at[0], answered_at=seen_at[-1])

        def wait(self, until: Callable[[Any], bool], timeout_s: float) -> bool:
            clock.advance(timeout_s)
            if self.left:
                self.left -= 1
                seen_at.append(clock.monotonic())
            return until(None)

    engine: Any = Waiting(answers=100)
    assert Engine.wait_for_answers(engine, lambda _: engine.left == 40, 45.0)  # 60 answers: the list is whole
    silent: Any = Waiting(answers=3)
    began = clock.monotonic()
    assert not Engine.wait_for_answers(silent, lambda _: False, 45.0)
    assert clock.monotonic() - began <= 45.0 + 3 * 0.5 + LATE_S + 1.0
    endless: Any = Waiting(answers=10**9)
    began = clock.monotonic()
    assert not Engine.wait_for_answers(endless, lambda _: False, 45.0)
    assert clock.monotonic() - began <= LONGEST_LIST_S + 1.0


def test_a_hung_poll_does_not_use_up_the_gate() -> None:
    clock = FakeClock()
    gate = PollLimiter(1, clock, hung_after_s=1.0)
    hung = threading.Thread(target=gate.enter)  # enters and never leaves
    hung.start()
    hung.join()
    clock.advance(2)
    gate.enter(patience_s=0.0)
    assert gate._counted() == 1  # only this one: the hung one is not counted any more


def test_a_queue_runs_in_order_later_jobs_later_and_gives_exceptions_to_the_asker() -> None:
    queue = JobQueue("x", SystemClock())
    order: list[str] = []
    late = queue.run(lambda: order.append("late"), delay_s=0.05)
    first = queue.run(lambda: order.append("first"))
    broken = queue.run(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.result(5)
    first.result(5)
    late.result(5)
    assert order == ["first", "late"]
    queue.stop()


def test_a_poll_without_a_call_is_no_newer_and_ends_no_error() -> None:
    provider = FakeProvider()
    poller, _ = make(provider)
    poller._poll(ReadRequest())
    read_at = provider.clock.now()
    provider.clock.advance(5)
    provider.read_raises = [Throttled("slow down")]
    poller._poll(ReadRequest())
    inner = provider.read
    provider.read = lambda request: Reading(source="fake", at=provider.clock.now(), calls=0)  # type: ignore[method-assign]
    poller._poll(ReadRequest())
    assert poller.seen.reading is not None
    assert (poller.seen.error_state, poller.seen.reading.at) == (SourceState.THROTTLED, read_at)
    provider.read = inner  # type: ignore[method-assign]
    poller._poll(ReadRequest())
    assert (poller.seen.error_state, poller.seen.reading.at) == (None, provider.clock.now())


@pytest.mark.parametrize("error", [Offline, Expired, Denied, Throttled, NoCredentials, Malformed])
def test_every_failure_says_what_to_do(error: type[SourceError]) -> None:
    assert error("what is wrong").hint
    assert error("what is wrong", "do this").hint == "do this"


# --- what is waited for beside the source -----------------------------------------------------------------------------

HELPER = "credential_process of profile prod"


@pytest.mark.parametrize(
    ("waited", "state"),
    [(2.0, SourceState.WAITING), (5.0, SourceState.WAITING), (9.0, SourceState.NO_CREDENTIALS)],
)
def test_a_first_reading_that_waits_for_its_credentials_says_so(waited: float, state: SourceState) -> None:
    """The network is not to blame, and nobody who starts ``status`` waits for it for ever."""
    seen = PollState(
        name="prod", provider="ecs", stale_after_s=60.0, asking_since=0.0, waits_for=HELPER, waits_since=0.0
    )
    status = status_of(seen, 1000.0, waited)
    assert status.state is state
    words = f"waiting for {HELPER} ({waited:.0f} s)" if waited > 3 else ""
    assert status.waits == words
    assert status.message == (words or "not read yet")
    assert ("has no terminal" in status.hint) is bool(words)


def test_rows_that_were_read_stay_what_they_are_while_credentials_are_waited_for() -> None:
    provider = FakeProvider()
    provider.add("a")
    poller, _ = make(provider)
    poller._poll(ReadRequest())
    poller._set(asking_since=provider.clock.monotonic(), waits_for=HELPER, waits_since=provider.clock.monotonic())
    told = []
    for seconds in (5.0, 80.0):
        provider.clock.advance(seconds)
        status = status_of(poller.seen, provider.clock.now(), provider.clock.monotonic())
        told.append((status.state, status.message))
    assert told == [
        (SourceState.OK, f"waiting for {HELPER} (5 s)"),
        (SourceState.STALE, f"waiting for {HELPER} (85 s)"),
    ]


def test_a_poller_tells_what_its_provider_waits_for_and_when_that_is_over() -> None:
    provider = FakeProvider()
    poller, _ = make(provider)
    names = []

    def build() -> FakeProvider:
        with waiting_for(HELPER):
            names.append(poller.seen.waits_for)
            with waiting_for("the role of profile prod"):
                names.append(poller.seen.waits_for)
            names.append(poller.seen.waits_for)
        names.append(poller.seen.waits_for)
        return provider

    poller._build = build
    poller._poll(ReadRequest())
    assert names == [HELPER, "the role of profile prod", HELPER, ""]
    provider.read_raises = [NoCredentials("none")]
    poller._poll(ReadRequest())
    assert poller.seen.waits_for == ""
