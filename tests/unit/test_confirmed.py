"""What the terminal has drawn, by its own answers: how much may be on its way, and what was in sight at a key."""

from __future__ import annotations

import pytest

from oncall_tui.tui.terminal.confirmed import (
    ASK_AFTER,
    LATE_S,
    LOST_S,
    MOST,
    OPEN_AT_MOST,
    SLOW_ASK_AFTER,
    SLOW_MOST,
    Confirmed,
)

RTT = 0.5


class Link:
    """A terminal behind a link that takes so many characters a second, and answers in order."""

    def __init__(self, per_s: float = 1_000.0, rtt: float = RTT) -> None:
        self.confirmed, self.now = Confirmed(), 100.0
        self._per_s, self._rtt, self._free_at = per_s, rtt, 100.0
        self._due: list[float] = []
        self.confirmed.asked(self.now)  # as at the start
        self._due.append(self.now + rtt)
        self.wait(rtt)

    def write(self, size: int) -> None:
        self._free_at = max(self._free_at, self.now) + size / self._per_s
        if self.confirmed.given(size, self.now):
            self.ask()

    def ask(self) -> None:
        self.confirmed.asked(self.now)
        self._due.append(self._free_at + self._rtt)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self._due and self._due[0] <= until:
            self.now = max(self.now, self._due.pop(0))
            self.confirmed.answered(self.now)
        self.now = until

    @property
    def queued_s(self) -> float:
        """How long it takes until what was written is there."""
        return max(0.0, self._free_at - self.now)


def test_on_a_slow_link_no_more_is_on_its_way_than_it_passes_on_in_seconds() -> None:
    link, most = Link(), 0.0
    for _ in range(400):  # ten seconds of a key that repeats
        if not link.confirmed.full(link.now):
            link.write(450)
        most = max(most, link.queued_s)
        link.wait(0.025)
    assert most <= (MOST + ASK_AFTER) / 1_000, "before it is known to be slow"
    most = 0.0
    for _ in range(400):
        if not link.confirmed.full(link.now):
            link.write(450)
        most = max(most, link.queued_s)
        link.wait(0.025)
    assert 1.0 < most <= (SLOW_MOST + 450) / 1_000


@pytest.mark.parametrize(("rtt", "size"), [(0.03, 9_000), (0.28, 500)], ids=["near, whole screens", "far, rows"])
def test_on_a_good_link_nothing_waits(rtt: float, size: int) -> None:
    link = Link(per_s=1e6, rtt=rtt)
    for _ in range(400):
        assert not link.confirmed.full(link.now)
        link.write(size)
        link.wait(0.033)


def test_a_terminal_that_answers_nothing_is_asked_nothing_more_and_never_waited_for() -> None:
    confirmed = Confirmed()
    confirmed.asked(100.0)
    for at in range(100, 200):
        assert not confirmed.given(9_000, float(at))
        assert not confirmed.full(float(at))
        assert confirmed.drawn_at(float(at), float(at)) == at
    assert not confirmed.unasked


def test_what_was_drawn_is_known_by_the_answer_to_a_question_that_follows_it() -> None:
    link = Link()
    link.write(SLOW_ASK_AFTER - 1)  # too little for a question of its own
    link.write(0)
    drawn, at = link._free_at, link.now
    assert link.confirmed.drawn_at(at, link.now) is None
    assert link.confirmed.unasked
    link.ask()
    link.wait(drawn - link.now + RTT / 2)
    assert link.confirmed.drawn_at(at, link.now) is None, "it is there, and its answer is on the way back"
    link.wait(RTT)
    assert link.confirmed.drawn_at(at, link.now) == drawn + RTT
    assert not link.confirmed.unasked
    link.write(100)
    assert link.confirmed.drawn_at(at, link.now) == drawn + RTT, "what is drawn later does not count"


def test_few_questions_are_open_at_once() -> None:
    link = Link(per_s=100.0)
    link.write(ASK_AFTER)
    link.wait(45.0)
    assert link.confirmed.slow
    asked = 0
    for _ in range(10):
        asked += link.confirmed.given(SLOW_ASK_AFTER, link.now)
        if asked <= OPEN_AT_MOST:
            link.confirmed.asked(link.now)
    assert asked == OPEN_AT_MOST


def test_an_answer_that_is_late_is_not_waited_for_and_tells_of_a_slow_link_when_it_comes() -> None:
    link = Link()
    link.confirmed.took = 0.1  # so far it was fast
    link.write(9_000)
    at = link.now
    link.wait(0.2)
    assert link.confirmed.full(link.now)
    link.wait(LATE_S)
    assert not link.confirmed.full(link.now)
    assert link.confirmed.drawn_at(at, link.now) == at
    assert not link.confirmed.given(9_000, link.now), "nothing more is asked meanwhile"
    link.wait(9.0)
    assert link.confirmed.slow
    link.write(SLOW_ASK_AFTER)
    assert link.confirmed.drawn_at(link.now, link.now) is None, "it is asked again"


def test_an_answer_that_was_lost_is_not_waited_for_for_ever_nor_taken_for_that_of_another_question() -> None:
    link = Link(per_s=1e6, rtt=0.01)
    link.write(ASK_AFTER)
    link._due.clear()  # it was lost
    link.wait(LATE_S + 1)
    assert not link.confirmed.full(link.now)
    link.write(ASK_AFTER)
    assert not link._due, "nothing is asked until it is known what became of the first"
    link.wait(LOST_S)
    link.write(ASK_AFTER)
    at = link.now
    assert link.confirmed.drawn_at(at, link.now) is None
    link.wait(0.1)
    assert link.confirmed.drawn_at(at, link.now) is not None


def test_a_screen_that_was_anothers_begins_anew() -> None:
    link = Link()
    link.write(9_000)
    link.confirmed.begin()
    assert not link.confirmed.full(link.now)
    assert not link.confirmed.answers
