"""Stories: what truly happened to a service, deploy by deploy. Made up from a seed; nothing here knows of an API."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


class How(StrEnum):
    """How a deploy ended, or where it is now."""

    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled back by ECS"
    STOPPED = "stopped"
    ROLLBACK_FAILED = "rollback failed"
    GOING = "going"
    ROLLING_BACK = "being rolled back by ECS"


class Why(StrEnum):
    """What whoever deployed had in mind: for the counts, and to check the oracle; no API tells it."""

    RELEASE = "release"
    HOT_FIX = "hot-fix"
    FORCED = "forced redeploy"
    RETRY = "retry of a failed one"
    ROLLBACK = "rollback by UpdateService"
    UNDO = "rollback of a rollback"


@dataclass(frozen=True)
class Step:
    """One deploy of task definition *number*. *before*: whose tasks ran when it began (None: nobody's).

    *besides*: tasks of this one ran too, left by a deploy that was stopped or failed.
    """

    number: int
    began: float
    ended: float | None
    how: How
    why: Why
    before: int | None
    besides: int | None = None
    sent_from_here: bool = False  # a rollback that this machine's journal knows of


@dataclass(frozen=True)
class Story:
    """*steps* oldest first; *alerts* are times; *numbers* is every task definition ever registered."""

    name: str
    now: float
    steps: tuple[Step, ...]
    alerts: tuple[float, ...] = ()
    numbers: tuple[int, ...] = ()
    gone: frozenset[int] = frozenset()  # deregistered
    current: int = 0  # the service's task definition now; of a rollback that failed the old one, or not

    @property
    def newest(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    def __str__(self) -> str:
        """The story as lines that a person can check by hand."""
        lines = [f"{self.name}: on :{self.current}, deregistered {sorted(self.gone)}"]
        for s in self.steps:
            ended = "now" if s.ended is None else f"{(s.ended - s.began) / MINUTE:.0f}m"
            here = " (sent from here)" if s.sent_from_here else ""
            before = "nothing" if s.before is None else f":{s.before}"
            before += "" if s.besides is None else f" and :{s.besides}"
            ago = (self.now - s.began) / HOUR
            lines.append(f"  {ago:9.2f}h ago :{s.number} {s.why}{here}, {before} ran, {ended}: {s.how}")
        lines += [f"  {(self.now - a) / HOUR:9.2f}h ago an alert began" for a in self.alerts]
        return "\n".join(lines)


@dataclass
class _Telling:
    """A story while it is told: *at* runs from zero, and is moved to end now when the story is done."""

    rng: Random
    next_number: int
    at: float = 0.0
    current: int = 0
    runs: int | None = None  # what last succeeded
    left: int | None = None  # what a stopped or failed deploy left tasks of
    there: set[int] = field(default_factory=set)  # what runs, and all that was left since that succeeded
    ran: list[int] = field(default_factory=list)  # every definition that succeeded, in order of success
    steps: list[Step] = field(default_factory=list)
    alerts: list[float] = field(default_factory=list)

    def pick(self) -> tuple[Why, int]:
        """What somebody does next, and the task definition that it puts there."""
        rng, last = self.rng, self.steps[-1] if self.steps else None
        able = [(Why.RELEASE, 34, self.next_number)]
        if last is not None:
            able.append((Why.FORCED, 16, self.current))
            lower = sorted({n for n in self.ran if n < self.current})
            if lower:
                to = max(lower) if rng.random() < 0.7 else rng.choice(lower)
                able.append((Why.ROLLBACK, 18, to))
            if last.how is How.ROLLED_BACK and last.number != self.current:
                able.append((Why.RETRY, 60, last.number))
            undoes = last.why is Why.ROLLBACK and last.how is not How.ROLLED_BACK
            if undoes and last.before is not None and last.before > last.number:
                able.append((Why.UNDO, 80, last.before))
            if self.runs is not None:
                able.append((Why.HOT_FIX, 16, self.next_number))
        why, _, number = rng.choices(able, [w for _, w, _ in able])[0]
        if why is not Why.ROLLBACK and number in self.ran and any(number < n for n in self.there):
            why = Why.ROLLBACK  # a rollback that was stopped or rolled back, put there again
        return why, number

    def wait(self, why: Why) -> None:
        """Time goes by before the next deploy: minutes before a hot-fix or a rollback, mostly, else up to weeks."""
        rng = self.rng
        shortly = 0.8 if why in (Why.HOT_FIX, Why.ROLLBACK, Why.RETRY) else 0.2
        if rng.random() < shortly:
            self.at += rng.uniform(4, 55) * MINUTE
        elif rng.random() < 0.4:
            self.at += rng.uniform(1.1, 20) * HOUR
        else:
            self.at += rng.uniform(1, 12) * DAY
        if rng.random() < 0.12:
            self.at += rng.uniform(30, 100) * DAY

    def found(self) -> tuple[int | None, int | None]:
        """What runs when a deploy begins: what succeeded, what a deploy left that did not, or both."""
        if self.left is None or self.runs is None:
            return (self.runs if self.left is None or self.rng.random() < 0.5 else self.left), None
        return self.rng.choice(((self.left, None), (self.runs, None), (self.runs, self.left)))

    def step(self, how: How) -> None:
        """One more deploy, ending like *how*."""
        rng = self.rng
        why, number = self.pick()
        overtaken = self.steps and self.steps[-1].how is How.STOPPED and rng.random() < 0.4
        if self.steps and not overtaken:
            self.wait(why)
        self.next_number = max(self.next_number, number + rng.choice((1, 1, 1, 2)))
        before, besides = self.found()
        if before is None and how in (How.ROLLED_BACK, How.ROLLING_BACK):
            how = How.STOPPED  # there is nothing to roll back to
        began = self.at
        going = how in (How.GOING, How.ROLLING_BACK)
        self.at += rng.uniform(0.5, 25) * MINUTE
        stopped = how in (How.ROLLED_BACK, How.ROLLING_BACK)
        here = (stopped or why is Why.ROLLBACK) and rng.random() < 0.4
        self.steps.append(Step(number, began, None if going else self.at, how, why, before, besides, here))
        if rng.random() < (0.2 if why in (Why.ROLLBACK, Why.FORCED) else 0.4):
            self.alerts.append(began + rng.uniform(0.5, 59) * MINUTE)
        if rng.random() < 0.2:
            self.alerts.append(began + rng.uniform(1.05, 30) * HOUR)
        self._settle(number, how, before)

    def _settle(self, number: int, how: How, before: int | None) -> None:
        if how is How.SUCCEEDED:
            self.current = self.runs = number
            self.left, self.there = None, {number}
            self.ran.append(number)
        elif how in (How.ROLLED_BACK, How.ROLLING_BACK):
            assert before is not None
            self.current = before if self.runs is None else self.runs
            self.left, self.there = None, {self.current}
        else:
            back = how is How.ROLLBACK_FAILED and self.runs is not None and self.rng.random() < 0.5
            self.current = self.runs if back and self.runs is not None else number
            self.left = number if number != self.runs else None
            self.there.add(number)


ENDINGS = (
    (How.SUCCEEDED, 80),
    (How.ROLLED_BACK, 14),
    (How.STOPPED, 10),
    (How.ROLLBACK_FAILED, 5),
)
NEWEST = (
    (How.SUCCEEDED, 40),
    (How.GOING, 30),
    (How.STOPPED, 9),
    (How.ROLLBACK_FAILED, 7),
    (How.ROLLED_BACK, 8),
    (How.ROLLING_BACK, 4),
)


def _one(rng: Random, table: tuple[tuple[How, int], ...]) -> How:
    return rng.choices([h for h, _ in table], [w for _, w in table])[0]


def tell(seed: int, index: int, now: float) -> Story:
    """The *index*-th story of *seed*: the same one each time."""
    rng = Random(f"{seed}/{index}")
    first = rng.randint(10, 60)
    telling = _Telling(rng, first)
    for _ in range(rng.choice((0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 10))):
        telling.step(_one(rng, ENDINGS))
    telling.step(_one(rng, NEWEST))
    last = telling.steps[-1]
    if last.ended is None:
        ago = rng.uniform(0.5, 20) * MINUTE if rng.random() < 0.8 else rng.uniform(20, 150) * MINUTE
    elif rng.random() < 0.12:
        ago = rng.uniform(91, 300) * DAY  # a quiet service
    else:
        ago = last.ended - last.began + rng.choice((rng.uniform(1, 50) * MINUTE, rng.uniform(1.1, 200) * HOUR))
    return _finish(telling, f"{seed}/{index}", now, now - ago - last.began, first)


def _finish(telling: _Telling, name: str, now: float, shift: float, first: int) -> Story:
    rng = telling.rng
    steps = tuple(
        replace(s, began=s.began + shift, ended=None if s.ended is None else s.ended + shift) for s in telling.steps
    )
    numbers = tuple(range(first - 2, telling.next_number + 1))
    share = rng.choice((0.0, 0.0, 0.1, 0.3, 1.0)) if rng.random() < 0.6 else 0.15
    gone = frozenset(n for n in numbers if n != telling.current and n != steps[-1].number and rng.random() < share)
    alerts = tuple(sorted((a + shift for a in telling.alerts if a + shift < now), reverse=True))
    return Story(name, now, steps, alerts, numbers, gone, telling.current)
