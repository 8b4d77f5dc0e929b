"""Log lines: their level, the bounded store, and what is asked next, on a clock that the test moves."""

from __future__ import annotations

import random

import pytest

from oncall_tui.domain.logs import LogDestination, LogLine, LogPage, LogQuery, LogStream, level_of
from oncall_tui.errors import Denied, Offline, SourceError, Throttled
from oncall_tui.inspection.logs.buffer import BESIDE, LogBuffer
from oncall_tui.inspection.logs.query import LAST_S, POLL_S, LogReader
from oncall_tui.runtime.clock import FakeClock

APP = LogDestination(
    container="app",
    driver="awslogs",
    where="/g in r",
    readable=True,
    group="/g",
    region="r",
    prefix="ecs/app/",
)
SIDE = LogDestination(container="side", driver="awslogs", where="/s in r", readable=True, group="/s", region="r")
STREAMS = {task: LogStream(f"ecs/app/{task}", "app", task) for task in ("t1", "t2")}


def line(at: float, text: str = "", task: str = "t1", id_: str = "") -> LogLine:
    return LogLine(at, id_ or f"{at}-{task}", text or f"line at {at}", STREAMS[task])


# --- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"time":"x","level":"error","msg":"no"}', "error"),
        ('{"severity": "WARNING", "message": "an Error: here is no level"}', "warning"),
        ('{"level":50,"msg":"pino"}', "error"),
        ('{"level":30,"msg":"ERROR in the text alone"}', "info"),
        ("ts=1 level=warn msg=slow", "warning"),
        ("2026-01-01T00:00:00Z ERROR it failed", "error"),
        ("\x1b[1;31mERROR\x1b[0m coloured", "error"),
        ("2026 INFO GET /error?x=Error: 200", "info"),
        ("WARN only", "warning"),
        ("Traceback (most recent call last):", "error"),
        ("java.lang.NullPointerException: null", "error"),
        ("panic: runtime error", "error"),
        ("\tat com.example.Main(Main.java:3)", ""),
        ("GET /errors 200", ""),
        ("level=unheard-of but ERROR", "error"),
    ],
)
def test_levels(text: str, level: str) -> None:
    assert level_of(text) == level


# --- the store --------------------------------------------------------------------------------------------------------


def test_lines_are_kept_once_in_the_order_of_their_time() -> None:
    store = LogBuffer()
    assert store.add([line(1), line(3)]) == 2
    assert store.add([line(2), line(3), line(3)]) == 1
    assert [it.at for it in store.kept.lines] == [1, 2, 3]
    assert store.add([line(0.5)], newest_stay=False) == 1
    assert [it.at for it in store.kept.lines] == [0.5, 1, 2, 3]
    assert (store.kept.seen, store.kept.before, store.kept.after) == (4, 0, 0)


def test_lines_of_one_time_stay_as_they_came() -> None:
    store = LogBuffer()
    store.add([line(1, "a", id_="a"), line(1, "b", id_="b"), line(2)])
    store.add([line(1, "c", id_="c")])
    assert [it.text for it in store.kept.lines] == ["a", "b", "c", "line at 2"]


def test_the_oldest_go_and_are_counted() -> None:
    store = LogBuffer(most_lines=10)
    for at in range(25):
        store.add([line(at)])
    assert [it.at for it in store.kept.lines] == list(range(15, 25))
    assert (store.kept.before, store.kept.seen) == (15, 25)
    assert store.add([line(3), line(14)]) == 0  # an overlap brings again what was dropped
    store.add([line(14, id_="x"), line(13, id_="y")][::-1], newest_stay=False)
    assert store.kept.lines[0].at == 13  # older ones were wanted: the newest go
    assert (store.kept.after, len(store.kept.lines)) == (2, 10)


def test_bytes_are_bounded() -> None:
    store = LogBuffer(most_bytes=100_000)
    rng = random.Random(1)
    for at in range(500):
        store.add([line(at, "x" * rng.randrange(10_000))])
        assert store.kept.bytes <= 100_000
        assert store.kept.bytes == sum(len(it.text) + 49 + BESIDE for it in store.kept.lines)
    store.add([line(1000, "x" * 200_000)])
    assert [it.at for it in store.kept.lines] == [1000]  # one is always kept


@pytest.mark.parametrize("seed", range(20))
def test_the_store_against_a_plain_list(seed: int) -> None:
    rng = random.Random(seed)
    store, known = LogBuffer(most_lines=10_000), {}
    for _ in range(60):
        page = sorted((line(rng.randrange(300)) for _ in range(rng.randrange(12))), key=lambda it: it.at)
        known.update({it.id: it for it in page})
        store.add(page, newest_stay=rng.random() < 0.5)
    assert [it.at for it in store.kept.lines] == sorted(it.at for it in known.values())
    assert store.kept.bytes == sum(len(it.text) + 49 + BESIDE for it in known.values())


# --- what is asked next -----------------------------------------------------------------------------------------------


class Side:
    """A provider: its *lines* are readable from (their time + *late*) on. *fail*: raised instead."""

    def __init__(self, clock: FakeClock, *places: LogDestination) -> None:
        self.clock, self.places = clock, places or (APP,)
        self.lines: list[tuple[LogLine, float]] = []
        self.asked: list[LogQuery] = []
        self.fail: SourceError | None = None
        self.page = LogPage()
        self.per_page = 0

    def log(self, *lines: LogLine, late: float = 0.0) -> None:
        self.lines += [(it, it.at + late) for it in lines]

    def log_places(self, service_id: str) -> tuple[LogDestination, ...]:
        if self.fail:
            raise self.fail
        return self.places

    def log_page(self, wanted: LogQuery) -> LogPage:
        self.asked.append(wanted)
        if self.fail:
            raise self.fail
        if self.page != LogPage():
            return self.page
        until = self.clock.now() if wanted.until is None else wanted.until
        found = sorted(
            (
                it
                for it, seen in self.lines
                if wanted.since <= it.at <= until
                and seen <= self.clock.now()
                and wanted.task in ("", it.stream.task)
                and wanted.place == APP
            ),
            key=lambda it: it.at,
            reverse=wanted.newest,
        )
        begin = int(wanted.token or 0)
        size = min(self.per_page or 10_000, wanted.limit or 10_000)
        some = found[begin : begin + size]
        token = str(begin + size) if begin + size < len(found) else ""
        return LogPage(lines=tuple(some[::-1] if wanted.newest else some), token=token)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def drive(reader: LogReader, side: Side, seconds: float = 0.0) -> int:
    """Ask what is due, for so long; how many steps that took."""
    steps, end = 0, side.clock.now() + seconds
    while True:
        while reader.due():
            reader.step(side)
            steps += 1
            assert steps < 1000
        if side.clock.now() >= end:
            return steps
        side.clock.advance(0.25)


def texts(reader: LogReader) -> list[str]:
    return [it.text for it in reader.kept.lines]


def test_around_a_time_what_led_to_it_and_what_followed(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(*(line(now - 3600 + 10 * i) for i in range(360)))
    reader = LogReader("prod/c/api", clock, around=now - 1800)
    drive(reader, side)
    times = [it.at for it in reader.kept.lines]
    assert (times[0], times[-1]) == (now - 3600, now - 1200)
    assert reader.searched == (now - 3600, now - 1200)
    assert not reader.reading
    assert reader.calls == 3
    assert drive(reader, side, 60.0) == 0  # nothing is asked while nothing is wanted
    reader.later()
    drive(reader, side)
    assert reader.kept.lines[-1].at == now - 600
    side.log(line(now - 4000, "before"))
    reader.earlier()
    drive(reader, side)
    assert texts(reader)[0] == "before"


def test_a_flood_is_read_only_so_far_and_then_by_a_key(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(*(line(now - 600 + i / 50) for i in range(30_000)))
    reader = LogReader("prod/c/api", clock, around=now - 300)
    drive(reader, side)
    assert reader.calls == 1 + 4 + 1
    assert len(reader.kept.lines) == 4400 - 1  # the line of that very time came twice
    assert reader.searched is not None
    assert reader.searched[1] == reader.kept.lines[-1].at < now
    reader.later()
    drive(reader, side)
    assert len(reader.kept.lines) == 6400 - 2


def test_live_has_every_line_once_though_some_come_late(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    rng = random.Random(3)
    for i in range(400):
        side.log(line(now - 100 + i, task=rng.choice(["t1", "t2"])), late=rng.choice([0.0, 1.0, 8.0, 25.0]))
    reader = LogReader("prod/c/api", clock)
    drive(reader, side, 330.0)
    assert len(reader.kept.lines) == 400
    assert [it.at for it in reader.kept.lines] == [now - 100 + i for i in range(400)]
    assert reader.calls <= 2 + 330 / POLL_S + 2
    assert reader.behind_s == 0


def test_live_follows_every_page_and_says_how_far_behind_it_is(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(line(now - 1))
    reader = LogReader("prod/c/api", clock)
    drive(reader, side)
    side.per_page = 100
    side.log(*(line(now + i / 100) for i in range(1000)))
    clock.advance(60)
    reader.step(side)
    assert len(reader.kept.lines) <= 101
    assert 50 < reader.behind_s < 62
    drive(reader, side)
    assert (len(reader.kept.lines), reader.behind_s) == (1001, 0)


def test_a_pause_asks_nothing_and_nothing_is_missed(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(*(line(now + i) for i in range(100)))
    reader = LogReader("prod/c/api", clock)
    drive(reader, side, 10.0)
    reader.pause()
    assert drive(reader, side, 60.0) == 0
    reader.resume()
    drive(reader, side, 40.0)
    assert len(reader.kept.lines) == 100


def test_one_task_at_once_from_what_is_known_then_from_the_source(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(*(line(now - 100 + i, task="t1" if i % 2 else "t2") for i in range(90)))
    reader = LogReader("prod/c/api", clock, around=now - 50)
    drive(reader, side)
    reader.pick("t2")
    assert {it.stream.task for it in reader.kept.lines} == {"t2"}
    assert len(reader.kept.lines) == 45
    asked = len(side.asked)
    drive(reader, side)
    assert {w.task for w in side.asked[asked:]} == {"t2"}
    reader.pick("")
    drive(reader, side)
    assert len(reader.kept.lines) == 90


def test_a_late_answer_to_another_look_is_dropped(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    side.log(line(now - 10, task="t1"), line(now - 9, task="t2"))
    reader = LogReader("prod/c/api", clock, around=now - 10)
    reader.step(side)
    run = reader.run

    class Changes(Side):
        def log_page(self, wanted: LogQuery) -> LogPage:
            reader.pick("t2")  # a key, while the answer is on its way
            return super().log_page(wanted)

    other = Changes(clock)
    other.lines = side.lines
    reader.step(other)
    assert reader.run is not run
    assert reader.kept.lines == ()


@pytest.mark.parametrize(
    ("error", "again_s"),
    [
        (Throttled("slow down", retry_after_s=7.0), 7.0),
        (Throttled("slow down"), 5.0),
        (Offline("no answer"), 5.0),
        (Denied("no", "needs logs:FilterLogEvents"), 60.0),
    ],
)
def test_what_goes_wrong_is_kept_and_asked_again(clock: FakeClock, error: SourceError, again_s: float) -> None:
    side, now = Side(clock), clock.now()
    side.log(line(now - 1))
    reader = LogReader("prod/c/api", clock)
    drive(reader, side)
    side.fail = error
    drive(reader, side, POLL_S)
    assert reader.run.troubles == {APP: error}
    assert len(reader.kept.lines) == 1  # blanks nothing
    calls = reader.calls
    drive(reader, side, again_s - 1.0)
    assert reader.calls == calls
    side.fail = None
    drive(reader, side, 1.5)
    assert reader.run.troubles == {}
    side.fail = error
    drive(reader, side, POLL_S + 0.5)
    side.fail = None
    reader.retry()
    assert reader.due()


def test_one_place_that_fails_leaves_the_others(clock: FakeClock) -> None:
    side, now = Side(clock, SIDE, APP), clock.now()
    side.log(line(now - 1))

    class Half(Side):
        def log_page(self, wanted: LogQuery) -> LogPage:
            if wanted.place == SIDE:
                raise Denied("no")
            return super().log_page(wanted)

    half = Half(clock, SIDE, APP)
    half.lines = side.lines
    reader = LogReader("prod/c/api", clock)
    drive(reader, half)
    assert texts(reader) == [f"line at {now - 1}"]
    assert list(reader.run.troubles) == [SIDE]


def test_where_no_place_is_found_and_where_the_group_is_not_there(clock: FakeClock) -> None:
    side = Side(clock)
    side.fail = Denied("no", "needs ecs:DescribeServices")
    reader = LogReader("prod/c/api", clock)
    drive(reader, side)
    assert reader.trouble is side.fail
    assert reader.calls == 1
    side.fail = None
    reader.retry()
    side.page = LogPage(missing="/g is not there")
    drive(reader, side, 120.0)
    assert reader.run.missing == {APP: "/g is not there"}
    assert len(side.asked) == 1
    reader.retry()
    drive(reader, side)
    assert len(side.asked) == 2


def test_the_own_limit_on_calls_makes_it_wait(clock: FakeClock) -> None:
    side = Side(clock)
    side.page = LogPage(wait_s=0.4)
    reader = LogReader("prod/c/api", clock)
    reader.step(side)
    reader.step(side)
    assert not reader.due()
    assert reader.calls == 1
    clock.advance(0.5)
    assert reader.due()


class EmptyPages(Side):
    """Answers an empty page each time, and names another one."""

    def log_page(self, wanted: LogQuery) -> LogPage:
        self.page = LogPage(token=f"more {len(self.asked)}")
        return super().log_page(wanted)


def test_empty_pages_are_followed_only_so_far_and_then_by_a_key(clock: FakeClock) -> None:
    side = EmptyPages(clock)
    reader = LogReader("prod/c/api", clock, around=clock.now() - 5000)
    drive(reader, side)
    assert len(side.asked) == 40
    reader.earlier()
    drive(reader, side)
    assert len(side.asked) == 60
    assert all(w.token.startswith("more") for w in side.asked[41:])


def test_a_token_that_comes_again_is_the_end_and_is_said(clock: FakeClock) -> None:
    """The same token for ever was asked for twice a second, for ever."""
    side = Side(clock)
    side.page = LogPage(token="more")
    reader = LogReader("prod/c/api", clock, around=clock.now() - 5000)
    drive(reader, side)
    assert len(side.asked) <= 4  # two stretches, and the second page of each
    (trouble,) = set(map(str, reader.run.troubles.values()))
    assert "repeat themselves" in trouble
    live = LogReader("prod/c/api", clock)
    drive(live, side, 20.0)
    assert len(side.asked) <= 4 + 2 * 12  # two calls a look, never without end


def test_lines_that_cannot_be_read_are_counted(clock: FakeClock) -> None:
    side = Side(clock)
    side.page = LogPage(lines=(line(clock.now()),), lacks="1 lines are not as CloudWatch promises: timestamp: missing")
    reader = LogReader("prod/c/api", clock)
    drive(reader, side)
    assert len(reader.kept.lines) == 1
    assert any("1 lines are not as CloudWatch promises" in str(t) for t in reader.run.troubles.values())


def test_what_is_being_read_is_not_dropped(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    reader = LogReader("prod/c/api", clock)
    reader.run.store.most_lines = 1000
    side.log(*(line(now + i / 10) for i in range(30_000)))
    drive(reader, side, 60.0)
    first = reader.kept.lines[0].at
    reader.looking_at = first
    drive(reader, side, 600.0)
    assert reader.paused == "memory"
    assert reader.kept.lines[0].at <= first + 60  # what was on screen may be a step from it
    assert reader.looking_at in [it.at for it in reader.kept.lines]
    reader.looking_at = None
    reader.resume()
    drive(reader, side, 60.0)
    assert reader.kept.lines[0].at > first
    assert len(reader.kept.lines) <= 1000


def test_nothing_is_asked_where_nothing_can_be_read(clock: FakeClock) -> None:
    side = Side(clock, LogDestination(container="app", driver="none", where="nowhere"))
    reader = LogReader("prod/c/api", clock)
    assert drive(reader, side, 60.0) == 1
    assert (reader.readable, reader.reading) == ((), False)
    assert side.asked == []
    assert LAST_S >= 600


def test_a_flood_is_not_read_again_from_before_it_was_opened(clock: FakeClock) -> None:
    """Live begins with the newest few hundred lines: the overlap for late ones must not fetch what is before."""
    side, now = Side(clock), clock.now()
    side.log(*(line(now - 60 + i / 20) for i in range(1200)))
    reader = LogReader("prod/c/api", clock)
    drive(reader, side)
    assert len(reader.kept.lines) == 400
    side.log(line(now - 30 + 0.01, "late, and older than what was wanted"), line(now + 0.5, "new"))
    drive(reader, side, 5.0)
    assert len(reader.kept.lines) == 401
    assert "new" in texts(reader)


def test_a_line_that_comes_late_before_the_first_is_found(clock: FakeClock) -> None:
    side, now = Side(clock), clock.now()
    reader = LogReader("prod/c/api", clock)
    drive(reader, side, 4.0)
    side.log(line(now + 2), line(now + 1), late=0.0)
    side.log(line(now + 0.5, "late"), late=9.0)
    drive(reader, side, 20.0)
    assert texts(reader) == ["late", f"line at {now + 1}", f"line at {now + 2}"]
