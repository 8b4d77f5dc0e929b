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


def answer(town: Town, problem: Problem) -> Answer:
    at = began(problem)
    own = [d for d in town.deploys if problem.service and d.service == problem.service]
    product = problem.product or town.product_of(problem.service)
    siblings = [d for d in town.deploys if d not in own and product and town.product_of(d.service) == product]
    mine, theirs = _found(town, own, at), _found(town, siblings, at)
    about = [c for c in town.changes if _about(c, problem, product)]
    changes = [c for c in about if _suspected(town, c, at)]
    return Answer(
        began=at,
        first=_first(
            problem, at, [d for d in own if d.name in mine], [d for d in siblings if d.name in theirs], changes
        ),
        suspects=mine | theirs | {c.name for c in changes},
        harm=frozenset(c.name for c in changes if _harms(c, at)),
        later_changes=frozenset(c.name for c in about if c.first > at and _near(c, problem)),
        own=frozenset(d.name for d in own),
        innocent=frozenset(d.name for d in own if d.start > at),
        later=frozenset(d.name for d in (*own, *siblings) if d.start > at),
    )


def _about(change: Changed, problem: Problem, product: str) -> bool:
    """Rule 5."""
    if change.what in ("schedule", "effect"):
        return False
    if change.alarm:
        return change.alarm == problem.name and not change.elsewhere
    return bool((problem.service and change.service == problem.service) or (product and product in change.products))


def _near(change: Changed, problem: Problem) -> bool:
    return not change.service or change.service == problem.service


def _suspected(town: Town, change: Changed, at: float) -> bool:
    """Rule 1, of a change; and rule 7."""
    return change.first <= at and (change.end is None or change.end >= at - town.look_back)


def _harms(change: Changed, at: float) -> bool:
    if change.start > at:
        return False
    taken = change.what == "scale-in" and (change.by != "autoscaling" or at - change.start <= SOON)
    return taken or change.what in ("failover", "edit", "alarm")


def _wrong(deploy: Deployed, at: float) -> bool:
    bad = deploy.failed or deploy.how in ("failed", "rolled back")
    return bool(bad) and (deploy.going or (deploy.end or deploy.start) >= at - SOON)


def _names(found: Iterable[Deployed | Changed]) -> frozenset[str]:
    return frozenset(one.name for one in found)


def _newest(found: list[Changed]) -> Changed | None:
    return max(found, key=lambda c: c.first, default=None)


def _first(
    problem: Problem, at: float, mine: list[Deployed], theirs: list[Deployed], changes: list[Changed]
) -> frozenset[str]:
    """Rule 6. Where a deploy of several is meant and the rules do not say which, each of them may be."""
    near = _newest([c for c in changes if _harms(c, at) and _near(c, problem)])
    far = _newest([c for c in changes if _harms(c, at) and not _near(c, problem)])
    if near is not None and not mine:
        return frozenset({near.name})
    if near is not None:
        last = max(mine, key=lambda d: d.start)
        if last.start > near.first or _wrong(last, at):
            return _names(mine)
        return frozenset({near.name}) | (_names(mine) if any(_wrong(d, at) for d in mine) else frozenset())
    if mine:
        return _names(mine)
    if far is not None:
        before = [d.start < far.first for d in theirs]
        return (frozenset({far.name}) if any(before) or not theirs else frozenset()) | (
            frozenset() if all(before) else _names(theirs)
        )
    return _names(theirs) or _names(c for c in changes if _near(c, problem)) or _names(changes)


def _found(town: Town, deploys: Sequence[Deployed | Changed], at: float) -> frozenset[str]:
    """Those that were under way, or ended, in the look-back before *at*."""
    since = at - town.look_back
    return frozenset(
        d.name
        for d in deploys
        if d.start <= at and (_going(d) or d.start >= since or (d.end is not None and d.end >= since))
    )


def _going(one: Deployed | Changed) -> bool:
    return one.going if isinstance(one, Deployed) else one.end is None


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
