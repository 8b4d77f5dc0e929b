"""Which deploy or change is suspected: 200 made-up towns, what the program says held against an oracle of its own.

``-s`` prints the counts; ``ORACLE_TOWNS`` and ``ORACLE_SEED`` ask for more, or for others.
``python -m tests.oracle_suspects 400`` judges so many towns.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import DeployState
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.cautions import cautions
from oncall_tui.triage.consent import suspected_deploys
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert, TriagedBoard
from tests.oracle_suspects.played import alert_id, deploy_id, played, service_id
from tests.oracle_suspects.suspect_oracle import Answer, answer, began, wide
from tests.oracle_suspects.test_the_oracle import BY_HAND
from tests.oracle_suspects.town import FIRING, Problem, Town, build, without_deploys
from tests.support.level import rounds

TOWNS = int(os.environ.get("ORACLE_TOWNS", "200"))  # `make test` plays a quarter
SEED = int(os.environ.get("ORACLE_SEED", "5"))
NOW = FakeClock().now()
TOLD = 3  # deploys that are named as not the suspect: the newest of them


@cache
def towns() -> tuple[Town, ...]:
    return tuple(build(SEED, index, NOW) for index in range(rounds(TOWNS)))


def ids(names: frozenset[str]) -> set[str]:
    return set(map(deploy_id, names))


def row_of(triaged: TriagedBoard, problem: Problem) -> TriagedAlert:
    row = triaged.find(alert_id(problem))
    assert row is not None
    return row


def suspect_id(one: Suspect | SuspectChange) -> str:
    return one.deploy.id if isinstance(one, Suspect) else one.change.id


def wrongs(town: Town, problem: Problem, row: TriagedAlert) -> list[str]:
    """What the program says of this problem otherwise than the oracle, each under a word that is counted."""
    want = answer(town, problem)
    said = [suspect_id(s) for s in row.suspicion.suspects]
    found = [f"episode began {row.began - want.began:.0f} s late"] if abs(row.began - want.began) > 1 else []
    found += [f"missed {name}" for name in sorted(ids(want.suspects) - set(said))]
    found += [f"falsely accused {name}" for name in sorted(set(said) - ids(want.suspects))]
    if (said[0] if said else "") not in (ids(want.first) or {""}):
        found.append(f"first suspect {said[0] if said else 'none'}, wanted one of {sorted(want.first)}")
    deploys = row.suspicion.deploys
    own = [s.deploy.id in ids(want.own) for s in deploys]
    place = [(s.deploy.id in ids(want.weak), not mine) for s, mine in zip(deploys, own, strict=True)]
    if place != sorted(place) or own != [s.own for s in deploys]:
        found.append("order: the product's before its own, or what is possible before what is likely")
    again = [s.deploy for s in deploys if s.own and not s.possible]
    if again != sorted(again, key=lambda d: -d.started):
        found.append("order: of its own not the newest first")
    found += [
        f"weak: {suspect_id(s)}: {s.words}"
        for s in row.suspicion.suspects
        if (suspect_id(s) in ids(want.weak)) != ("possibly the suspect" in s.words)
        or (suspect_id(s) in ids(want.again)) != ("it fired again" in s.words)
    ]
    harm = [s.change.id in ids(want.harm) for s in row.suspicion.suspects if isinstance(s, SuspectChange)]
    if harm != sorted(harm, reverse=True):
        found.append("order: what does no harm by itself before what does")
    return found + wrong_words(town, want, row)


def wrong_words(town: Town, want: Answer, row: TriagedAlert) -> list[str]:
    """Of what is said beside the suspects."""
    said, found = row.suspicion, []
    told = {s.deploy.id for s in said.innocent if isinstance(s, Suspect)}
    changes = {s.change.id for s in said.innocent if isinstance(s, SuspectChange)}
    if changes - ids(want.later_changes) or len(changes) < min(TOLD, len(want.later_changes)):
        found.append(f"not the suspect: says {sorted(changes)}, wanted {sorted(want.later_changes)}")
    if told - ids(want.later) or len(told & ids(want.innocent)) < min(TOLD, len(want.innocent)):
        found.append(f"not the suspect: says {sorted(told)}, wanted {sorted(want.innocent)}")
    if any("not the suspect" not in s.words for s in said.innocent):
        found.append("not the suspect: does not say so")
    line = said.words(town.now)
    if not said.suspects:
        mine = sorted((d for d in town.deploys if d.name in want.own), key=lambda d: d.start)
        last = {None} if not mine else {deploy_id(mine[-1].name)}
        last |= {deploy_id(d.name) for d in [d for d in mine if d.start <= want.began][-1:]}
        if (said.last.id if said.last else None) not in last or "no suspect" not in line:
            found.append(f"no suspect: says {line!r}")
        if said.last is not None and "ago" not in line:
            found.append("no suspect: no age of the last deploy")
    elif said.suspects[0].words not in line:
        found.append(f"words: {line!r}")
    return found


def wrong_plan(town: Town, problem: Problem, triaged: TriagedBoard) -> list[str]:
    """Of what a plan says and asks for: it has to agree with the row."""
    want, row, found = answer(town, problem), row_of(triaged, problem), []
    service = service_id(problem.service)
    rows = [r for r in triaged.alerts if r.service is not None and r.service.id == service]
    if not problem.service or row.alert.state not in (AlertState.FIRING, AlertState.ACKNOWLEDGED) or len(rows) > TOLD:
        return []
    asked = {d.id for r, d in suspected_deploys(triaged, service) if r is row}
    for deploy in (triaged.board.deploys[name] for name in ids(want.own)):
        lines = [
            line.removeprefix(row.alert.title)
            for line in cautions(triaged, service, deploy)
            if line.startswith((f"{row.alert.title} ", f"{row.alert.title}:"))
        ]
        innocent, weak = deploy.id in ids(want.innocent), deploy.id in ids(want.weak)
        sure = deploy.id in ids(want.suspects) and not weak
        if any("not caused by it" in line for line in lines) != innocent:
            found.append(f"plan: {deploy.id} innocent {innocent}: {lines}")
        if any("possibly" in line for line in lines) != weak or bool(lines) == sure:
            found.append(f"plan: {deploy.id} weak {weak}, sure {sure}: {lines}")
        gone = deploy.state in (DeployState.ROLLED_BACK, DeployState.ROLLING_BACK)
        if (deploy.id in asked) != (sure and not gone and not row.suspicion.wide):
            found.append(f"plan: {deploy.id} sure {sure}, asked for {deploy.id in asked}")
    return found


def wrong_wide(town: Town, triaged: TriagedBoard) -> list[str]:
    want = wide(town)
    found = []
    if want.is_one is not None and want.is_one != (triaged.multi_service_incident is not None):
        found.append(f"wide: says {triaged.multi_service_incident}, wanted {want.is_one}")
    if want.plain and triaged.multi_service_incident is not None:
        of = [p for p in town.problems if p.name in want.members]
        said = (
            triaged.multi_service_incident.since,
            triaged.multi_service_incident.services,
            triaged.multi_service_incident.products,
        )
        counted = (len({p.service for p in of}), len({town.product_of(p.service) for p in of} - {""}))
        most = len({p.service for p in town.problems})  # a straggler may be counted in: the words leave it open
        if said[0] != min(map(began, of)) or not counted[0] <= said[1] <= most or said[2] < counted[1]:
            found.append(f"wide: says {said}, wanted {counted}")
    for problem in (p for p in town.problems if p.state != "resolved"):
        said = row_of(triaged, problem).suspicion
        also = said.words(town.now).startswith(("also deployed", "also changed"))
        if said.suspects and problem.name in want.members and not also:
            found.append(f'wide: {problem.name} is of it, and does not say "also deployed"')
        if also and triaged.multi_service_incident is None:
            found.append(f'wide: {problem.name} says "also deployed", and nothing is wide')
    return found


def judged(told: Iterable[Town]) -> tuple[Counter[str], list[str]]:
    """What the program says of all these towns held against the oracle: the counts, and each town that is wrong."""
    counts: Counter[str] = Counter({"misses": 0, "false accusations": 0, "wrong first suspects": 0})
    wrong = []
    for town in told:
        triaged = played(town)
        counts["towns"] += 1
        counts[f"towns: wide {wide(town).is_one}"] += 1
        found = wrong_wide(town, triaged)
        for problem in (p for p in town.problems if p.state != "resolved"):
            want, row = answer(town, problem), row_of(triaged, problem)
            counts["problems"] += 1
            counts[f"problems: {problem.state}"] += 1
            counts["problems: no suspect" if not want.first else "problems: with a suspect"] += 1
            if problem.cause and want.suspects:
                first = row.suspicion.first
                right = first is not None and suspect_id(first) == deploy_id(problem.cause)
                counts[f"the cause stands first: {right}"] += 1
            counts["problems: a change stands first"] += row.suspicion.change_first is not None
            here = [*wrongs(town, problem, row), *wrong_plan(town, problem, triaged)]
            counts["problems: suspects of a later firing"] += bool(want.again)
            counts["problems: possibly a suspect"] += bool(want.weak)
            counts["misses"] += sum(w.startswith("missed") for w in here)
            counts["false accusations"] += sum(w.startswith("falsely") for w in here)
            counts["wrong first suspects"] += sum(w.startswith("first") for w in here)
            counts["otherwise wrong"] += sum(not w.startswith(("missed", "falsely", "first")) for w in here)
            found += [f"{problem.name}: {w}" for w in here]
        if found:
            wrong.append("\n    ".join([str(town), *found]))
    return counts, wrong


def told(counts: Counter[str], wrong: list[str]) -> str:
    """The counts as lines, and the first towns that are wrong."""
    lines = "".join(f"  {n:5} {what}\n" for what, n in sorted(counts.items()))
    return lines + ("\n".join(wrong[:5]) + "\n" if wrong else "")


def test_two_hundred_towns(capsys: pytest.CaptureFixture[str]) -> None:
    counts, wrong = judged(towns())
    with capsys.disabled():
        sys.stdout.write("\n" + told(counts, wrong))
    assert not wrong, f"{len(wrong)} of {len(towns())} towns"


def test_nothing_is_accused_where_nothing_was_deployed() -> None:
    for town in map(without_deploys, towns()):
        for row in played(town).alerts:
            said = row.suspicion
            assert (row.suspect, said.suspects, said.innocent, said.last) == (None, (), (), None)
            assert said.words(town.now).startswith("no suspect")


@pytest.mark.parametrize("name", BY_HAND)
def test_worked_out_by_hand(name: str) -> None:
    town, _ = BY_HAND[name]
    (problem,) = town.problems
    assert wrongs(town, problem, row_of(played(town), problem)) == []


@pytest.mark.parametrize("state", [FIRING, "acknowledged", "silenced"])
def test_whatever_somebody_did_about_it(state: str) -> None:
    town, _ = BY_HAND["of its product"]
    told = replace(town, problems=tuple(replace(p, state=state) for p in town.problems))
    (problem,) = told.problems
    assert wrongs(told, problem, row_of(played(told), problem)) == []
