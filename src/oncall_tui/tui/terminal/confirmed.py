"""How much of what was written the terminal has drawn. Pure; times are seconds, monotonic.

What takes the program's bytes (a pseudo-terminal, and the SSH server that reads it) takes far more than the link passes
on: a frame that is written may be on screen half a minute later. So the terminal is asked now and then ("are you
there?", ECMA-48's DSR). It answers in the order of what it is sent: what stood before the question is drawn then.

While much is on its way, the next frame waits, so that a key's effect is never behind a queue of older frames; and a
key counts as pressed in sight of something only if it came after the answer. A terminal that answers nothing is asked
once, at the start, and never waited for.
"""

from __future__ import annotations

import threading
from collections import deque

ASK_AFTER = 2_000  # characters without a question, on a link that is fast
SLOW_ASK_AFTER = 400  # and on one that is not
OPEN_AT_MOST = 2  # what a shell would be sent, were it the next to read
# Characters on their way to a terminal that has not answered for a while: a key that repeats sends 5,000 in the 0.3 s
# that a good link to the other side of the world may take.
MOST, SLOW_MOST = 8_000, 2_000
SLOW_S = 0.1  # a terminal on a good link answers sooner
SLOW_LINK_S = 0.3  # an answer that takes longer tells of a slow link
LATE_S, SLOW_LATE_S = 3.0, 20.0  # an answer that takes longer, since the last one, is not waited for
LOST_S = 20.0  # nor does it come at all
KEPT = 256  # writes and answers: more than a second has


class Confirmed:
    """Written by the loop, answered by the thread that reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Know nothing: the terminal was another program's."""
        self.answers = False  # the terminal answers
        self._late = False  # an answer is late: nothing is asked, or waited for, until each has come, or is lost
        self.took = 0.0  # seconds, from the last question that was answered to its answer
        self._sent = self._drawn = self._asked = 0  # characters: given, confirmed, and those that a question follows
        self._given: deque[tuple[float, int]] = deque(maxlen=KEPT)  # (when, how much in all)
        self._answered: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self._open: deque[tuple[float, int]] = deque()  # questions
        self._heard = 0.0

    def given(self, size: int, now: float) -> bool:
        """Take note of a text that is written. Return whether a question is to follow it."""
        with self._lock:
            self._sent += size
            self._given.append((now, self._sent))
            after = SLOW_ASK_AFTER if self.slow else ASK_AFTER
            asks = self.answers and not self._is_late(now)
            return asks and self._sent - self._asked >= after and len(self._open) < OPEN_AT_MOST

    def asked(self, now: float) -> None:
        """Take note of a question."""
        with self._lock:
            self._asked = self._sent
            self._open.append((now, self._sent))

    def answered(self, now: float) -> None:
        """Take note of an answer: it is the oldest question's."""
        with self._lock:
            self.answers, self._heard = True, now
            if self._open:
                at, self._drawn = self._open.popleft()
                self.took = now - at
                self._answered.append((now, self._drawn))
            self._late = self._late and bool(self._open)

    def full(self, now: float) -> bool:
        """Return whether so much is on its way that the next frame waits."""
        with self._lock:
            if not self.answers or not self._open or self._is_late(now):
                return False
            if self.slow:
                return self._sent - self._drawn > SLOW_MOST
            return now - self._open[0][0] > SLOW_S and self._sent - self._drawn > MOST

    def _is_late(self, now: float) -> bool:
        silent = now - max(self._open[0][0], self._heard) if self._open else 0.0
        if silent > LOST_S:
            self._open.clear()
        self._late = bool(self._open) and (self._late or silent > (SLOW_LATE_S if self.slow else LATE_S))
        return self._late

    def drawn_at(self, at: float, now: float) -> float | None:
        """Return when the terminal had drawn what was written until *at*; None: it has not yet, or was not asked. Where
        it answers nothing, or not for long: *at*.
        """
        with self._lock:
            if not self.answers or self._is_late(now):
                return at
            size = next((size for when, size in reversed(self._given) if when <= at), 0)
            if size > self._drawn:
                return None
            return next((max(at, when) for when, drawn in self._answered if drawn >= size), at)

    @property
    def unasked(self) -> bool:
        """Return whether no question follows what was written last, to a terminal that answers."""
        return self.answers and not self._late and self._sent > self._asked

    @property
    def slow(self) -> bool:
        """Return whether the link is slow: the last answer took long."""
        return self.took > SLOW_LINK_S
