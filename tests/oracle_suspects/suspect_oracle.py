"""Which deploy or change is suspected of which alert, from the town alone: the rules in words, apart from the program.

1. For each firing alert: the deploys of its service, then of its product, that were under way or ended in the look-back
   before the episode began. Own ones stand before the product's; no more of the order is given.
2. An episode begins at the first firing after 30 quiet minutes. One problem that several see is one: it begins when the
   first of them sees it.
3. Where there is none: no suspect. A deploy that began after the episode did is not the suspect, and that is said.
4. Three or more services of two or more products that fire within five minutes: a wide event; its suspects are "also
   deployed".

5. A change is a suspect by rule 1, of the alert's service, or of a thing that its product owns; an edit of an alarm of
   what that alarm fires for, in that account and region, and of nothing else; an edit of an on-call schedule, or an
   effect, of nothing.
6. What does harm by itself is a failover, an edit, and tasks taken away: by a person, or at most ten minutes before.
   Done to the service itself or to a thing of its product, it stands before the service's deploys that began before
   it, where these do not go wrong (tasks stop or it failed, not longer ago than ten minutes), and before other
   services' deploys. Done to another service, it stands before other services' deploys that began before it, and
   before none of its own. What does no harm by itself stands behind every deploy.
7. Of some changes nobody knows when they began, only between which times (two readings of a count). Such a one is a
   suspect unless it surely began after the episode, and only then is it said not to be the suspect. Where it may have
   begun after the episode it is no evidence that stands before a deploy; and it began after a deploy only if it surely
   did.

8. What began while the problem was quiet within its episode is judged by the firing after that quiet time, as if the
   episode had begun there: it stands before what is suspected of the first firing, the newest first. A deploy that had
   gone by the time (it failed, or was rolled back) does not stand before a change that was done since.
9. It is weak evidence, and stands behind every deploy and all that does harm, where the problem had fired again before
   with no deploy of its service (where it names none, of its product) in the quiet time before that. What fired until
   a rollback was done is the rolled back deploy's. And it is weak where it may have begun while the problem fired.

A source that tells whole seconds rounds them down: what began within that second is told to have begun with the alert.
No town has anything so close.

A deploy that is over, and of which nobody tells when it ended, is a suspect where it began in the look-back: nothing is
claimed that cannot be shown. Where the words of rule 4 can be read in two ways, both answers are right: whether a
firing that is acknowledged counts, whether a flap counts from its episode or from its last firing, whether a service
of no product counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product as every

from tests.oracle_suspects.town import FIRING, QUIET, SOON, WIDE, Changed, Deployed, Problem, Town

One = Deployed | Changed


@dataclass(frozen=True)
class Answer:
    """Names of deploys and changes. *first*: any of them may be the first suspect; empty: there is none."""

    began: float
    first: frozenset[str]
    suspects: frozenset[str]
    own: frozenset[str]  # of its own service: these stand before all others
    innocent: frozenset[str]  # of its own service, and has to be named as not the suspect
    later: frozenset[str]  # all of its service or product that began after the episode did
    harm: frozenset[str] = frozenset()  # the suspected changes that do harm by themselves: these stand before the rest
    later_changes: frozenset[str] = frozenset()  # of its service or its product's things, and have to be named
    weak: frozenset[str] = frozenset()  # of the suspects, those that are possibly it
    again: frozenset[str] = frozenset()  # of the suspects, those of a later firing than the first


@dataclass(frozen=True)
class Wide:
    """*is_one* is None where the words can be read both ways. *members*: problems that are surely of it."""

    is_one: bool | None
    members: frozenset[str] = frozenset()
    plain: bool = False  # every reading finds the same


def began(problem: Problem) -> float:
    """When its episode began."""
    start, _ = problem.firings[-1]
    for earlier_start, earlier_end in reversed(problem.firings[:-1]):
        assert earlier_end is not None
        if start - earlier_end >= QUIET:
            break
        start = earlier_start
    return start


@dataclass(frozen=True)
class Judged:
    """One suspect. *at* is the begin of the firing that it is judged by, *again*: that is not the episode's first."""

    one: One
    at: float
    again: bool
    weak: bool

    @property
    def harms(self) -> bool:
        return isinstance(self.one, Changed) and not self.weak and _harms(self.one, self.at)


def answer(town: Town, problem: Problem) -> Answer:
    at = began(problem)
    own = [d for d in town.deploys if problem.service and d.service == problem.service]
    product = problem.product or town.product_of(problem.service)
    siblings = [d for d in town.deploys if d not in own and product and town.product_of(d.service) == product]
    about = [c for c in town.changes if _about(c, problem, product)]
    causes = own if problem.service else siblings

    def judged(told: Iterable[One]) -> list[Judged]:
        found = (_judged(problem, one, causes) for one in told)
        return [it for it in found if it is not None and _ended_late(it, town.look_back)]

    def cleared(told: Iterable[One]) -> list[One]:
        return [one for one in told if _judged(problem, one, causes) is None]

    mine, theirs, changes = judged(own), judged(siblings), judged(about)
    everything = [*mine, *theirs, *changes]
    return Answer(
        began=at,
        first=_first(problem, mine, theirs, changes),
        suspects=_names(it.one for it in everything),
        harm=_names(it.one for it in changes if it.harms),
        later_changes=_names(c for c in cleared(about) if isinstance(c, Changed) and _near(c, problem)),
        own=_names(own),
        innocent=_names(cleared(own)),
        later=_names(cleared([*own, *siblings])),
        weak=_names(it.one for it in everything if it.weak),
        again=_names(it.one for it in everything if it.again),
    )


def _span(one: One) -> tuple[float, float]:
    """Between which times it began."""
    return (one.first, one.start) if isinstance(one, Changed) else (one.start, one.start)


def _quiet_times(problem: Problem) -> list[tuple[float, float]]:
    """The quiet times within the present episode."""
    told = [(a, b) for a, b in problem.firings if a >= began(problem)]
    return [(b, told[n + 1][0]) for n, (_, b) in enumerate(told[:-1]) if b is not None]


def _judged(problem: Problem, one: One, causes: Sequence[Deployed]) -> Judged | None:
    """Rules 1, 7, 8 and 9; None: it began while the problem fired, or after all of it."""
    first, last = _span(one)
    at = began(problem)
    if first <= at:
        return Judged(one, at, False, last > at)
    for stop, start in reversed(_quiet_times(problem)):
        if last > stop and first <= start:
            weak = first < stop or last > start or _by_itself(problem, first, start, causes)
            return Judged(one, start, True, weak)
    return None


def _by_itself(problem: Problem, at: float, before: float, causes: Sequence[Deployed]) -> bool:
    """Rule 9: of the firing that began *before*, and of what began *at* then."""
    back = [d.end for d in causes if d.how == "rolled back" and d.end is not None and d.end < at]
    for stop, start in _quiet_times(problem):
        came_back = start < before and all(start > end for end in back)
        if came_back and not any(stop < d.start <= start for d in causes):
            return True
    return False


def _ended_late(it: Judged, look_back: float) -> bool:
    """Rule 1: it was under way, or ended in the look-back before its firing."""
    since = it.at - look_back
    if isinstance(it.one, Changed):
        return it.one.end is None or it.one.end >= since
    return it.one.going or it.one.start >= since or (it.one.end is not None and it.one.end >= since)


def _about(change: Changed, problem: Problem, product: str) -> bool:
    """Rule 5."""
    if change.what in ("schedule", "effect"):
        return False
    if change.alarm:
        return change.alarm == problem.name and not change.elsewhere
    return bool((problem.service and change.service == problem.service) or (product and product in change.products))


def _near(change: One, problem: Problem) -> bool:
    return not change.service or change.service == problem.service


def _harms(change: Changed, at: float) -> bool:
    if change.start > at:
        return False
    taken = change.what == "scale-in" and (change.by != "autoscaling" or at - change.start <= SOON)
    return taken or change.what in ("failover", "edit", "alarm")


def _wrong(deploy: Judged, near: Judged) -> bool:
    """Rule 6: it goes wrong as the firing begins that the change *near* is judged by; and rule 8."""
    told = deploy.one
    assert isinstance(told, Deployed)
    bad = told.how in ("failed", "rolled back")
    if near.again and not deploy.again and bad and not told.going:
        return False
    return bool(told.failed or bad) and (told.going or (told.end or told.start) >= near.at - SOON)


def _names(found: Iterable[One]) -> frozenset[str]:
    return frozenset(one.name for one in found)


def _named(found: Iterable[Judged]) -> frozenset[str]:
    return _names(it.one for it in found)


def _newest(found: list[Judged]) -> Judged | None:
    return max(found, key=lambda it: _span(it.one)[0], default=None)


def _first(problem: Problem, mine: list[Judged], theirs: list[Judged], changes: list[Judged]) -> frozenset[str]:
    """Rules 6, 8 and 9. Where a deploy of several is meant and the rules do not say which, each of them may be."""
    strong, others = [it for it in mine if not it.weak], [it for it in theirs if not it.weak]
    near = _newest([it for it in changes if it.harms and _near(it.one, problem)])
    far = _newest([it for it in changes if it.harms and not _near(it.one, problem)])
    if strong:
        last = max(strong, key=lambda it: it.one.start)
        either = _named([last] if last.again else strong)
        if near is None or last.one.start > _span(near.one)[0] or _wrong(last, near):
            return either
        old = not last.again and any(_wrong(it, near) for it in strong)
        return _named([near]) | (either if old else frozenset())
    if near is not None:
        return _named([near])
    others = [it for it in others if it.again] or others
    if far is not None:
        before = [it.one.start < _span(far.one)[0] for it in others]
        return (_named([far]) if any(before) or not others else frozenset()) | (
            frozenset() if all(before) else _named(others)
        )
    weak = [it for it in changes if _near(it.one, problem)]
    return _named(others) or _named(mine) or _named(theirs) or _named(weak) or _named(changes)


def wide(town: Town) -> Wide:
    """Whether it is a wide event, in every reading of the words."""
    readings = [_wide(town, *how) for how in every((False, True), repeat=3)]
    if not any(readings):
        return Wide(False)
    if not all(readings):
        return Wide(None)
    return Wide(True, frozenset.intersection(*readings), len(set(readings)) == 1)


def _wide(town: Town, acknowledged: bool, episodes: bool, lone: bool) -> frozenset[str]:
    """The problems of wide events, read in one way; empty: there is none."""
    states = (FIRING, "acknowledged") if acknowledged else (FIRING,)
    found = []
    for p in town.problems:
        product = town.product_of(p.service)
        if p.state in states and p.service and (product or lone):
            found.append((began(p) if episodes else p.firings[-1][0], p.name, p.service, product))
    members: set[str] = set()
    for begin, *_ in found:
        window = [it for it in found if begin <= it[0] <= begin + WIDE]
        if len({it[2] for it in window}) >= 3 and len({it[3] for it in window if it[3]}) >= 2:
            members |= {it[1] for it in window}
    return frozenset(members)
