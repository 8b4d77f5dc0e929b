"""Which deploy is suspected of which alert, from the town alone: the rules in words, written apart from the program.

1. For each firing alert: the deploys of its service, then of its product, that were under way or ended in the look-back
   before the episode began. Own ones stand before the product's; no more of the order is given.
2. An episode begins at the first firing after 30 quiet minutes. One problem that several see is one: it begins when the
   first of them sees it.
3. Where there is none: no suspect. A deploy that began after the episode did is not the suspect, and that is said.
4. Three or more services of two or more products that fire within five minutes: a wide event; its suspects are "also
   deployed".

A deploy that is over, and of which nobody tells when it ended, is a suspect where it began in the look-back: nothing is
claimed that cannot be shown. Where the words of rule 4 can be read in two ways, both answers are right: whether a
firing that is acknowledged counts, whether a flap counts from its episode or from its last firing, whether a service
of no product counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product as every

from tests.oracle_suspects.town import FIRING, QUIET, WIDE, Deployed, Problem, Town


@dataclass(frozen=True)
class Answer:
    """Names of deploys. *first*: any of them may be the first suspect; empty: there is none."""

    began: float
    first: frozenset[str]
    suspects: frozenset[str]
    own: frozenset[str]  # of its own service: these stand before all others
    innocent: frozenset[str]  # of its own service, and has to be named as not the suspect
    later: frozenset[str]  # all of its service or product that began after the episode did


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
    return Answer(
        began=at,
        first=mine or theirs,
        suspects=mine | theirs,
        own=frozenset(d.name for d in own),
        innocent=frozenset(d.name for d in own if d.start > at),
        later=frozenset(d.name for d in (*own, *siblings) if d.start > at),
    )


def _found(town: Town, deploys: list[Deployed], at: float) -> frozenset[str]:
    """Those that were under way, or ended, in the look-back before *at*."""
    since = at - town.look_back
    return frozenset(
        d.name
        for d in deploys
        if d.start <= at and (d.going or d.start >= since or (d.end is not None and d.end >= since))
    )


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
