"""What R on a service goes back to: 200 made-up histories, the program's plan held against an oracle of its own.

``-s`` prints the counts; ``ORACLE_HISTORIES`` and ``ORACLE_SEED`` ask for more, or for others.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import replace
from functools import cache

import msgspec
import pytest

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.plan import ActionRequest, Actor
from oncall_tui.errors import Refused
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from tests.oracle.account import CLUSTER, NAME, Account, recall
from tests.oracle.history_oracle import Answer, answer, known, rollback
from tests.oracle.story import DAY, HOUR, MINUTE, How, Step, Story, Why, tell
from tests.providers.aws.aws_world import task_definition
from tests.support.level import rounds

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "200"))  # `make test` plays a quarter
SEED = int(os.environ.get("ORACLE_SEED", "4"))
NOW = FakeClock().now()


@cache
def stories() -> tuple[Story, ...]:
    return tuple(tell(SEED, index, NOW) for index in range(HISTORIES))


def asked(story: Story, verb: Verb = Verb.ROLL_BACK) -> tuple[Account, ActionHandler, ActionRequest, Board]:
    """This story's account, and *verb* asked for its service as the program shows it."""
    clock = FakeClock(story.now)
    account = Account(clock, story)
    context = Context(source="prod", actor_email="alice@example.com", clock=clock)
    provider = EcsProvider(EcsOptions(name="prod", provider="ecs", region="eu-west-1"), context, account)
    reading = provider.read(ReadRequest())
    board = msgspec.structs.replace(merge(1, reading.at, (), (reading,)), recall=recall(story))
    ask = ActionRequest(verb=verb, target=f"prod/{CLUSTER}/{NAME}", version="", actor=Actor("Alice"))
    return account, provider.handlers()[verb], ask, board


def program(story: Story) -> Answer:
    """What the program does on this story's account: planned, checked and sent; what went out is what counts."""
    account, handler, ask, board = asked(story)
    try:
        plan = handler.plan(ask, board)
    except Refused as refused:
        assert not any(acting for _, _, acting in account.sent)
        return Answer(refused=str(refused))
    to = str(plan.request["to"])
    assert [choice.id for choice in handler.choices(ask.target, board) if choice.default] == [to]
    stopped = list(account.deploys)[-1]
    handler.check(plan)
    handler.send(plan)
    ((operation, sent, _),) = [one for one in account.sent if one[2]]
    if operation == "UpdateService":
        forced = {"forceNewDeployment": True} if to == task_definition(NAME, story.current) else {}
        assert sent == {"cluster": CLUSTER, "service": NAME, "taskDefinition": to} | forced
    else:
        assert sent == {"serviceDeploymentArn": stopped, "stopType": "ROLLBACK"}
    return Answer(int(to.rpartition(":")[2]), operation)


def agree(one: Answer, other: Answer) -> bool:
    """The same revision by the same call, or refused by both (for whatever reason)."""
    return bool(one.refused and other.refused) or one == other


def test_two_hundred_histories(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    wrong = []
    for story in stories()[: rounds(HISTORIES)]:
        oracle, ours = answer(story), program(story)
        counts["histories"] += 1
        counts.update(kinds(story))
        counts[f"oracle: {'refused, ' + oracle.refused if oracle.refused else oracle.call}"] += 1
        counts["agreed" if agree(oracle, ours) else "disagreed"] += 1
        if not agree(oracle, ours):
            wrong.append(f"{story}\n  oracle: {oracle}\n  program: {ours}")
    with capsys.disabled():
        sys.stdout.write("\n" + "".join(f"  {n:5} {what}\n" for what, n in sorted(counts.items())))
        sys.stdout.write(f"  {counts['disagreed']:5} disagreed\n" if not wrong else "\n".join(wrong) + "\n")
    assert not wrong, f"{len(wrong)} of {len(stories())} histories"


def kinds(story: Story) -> set[str]:
    """What a history holds, for the counts."""
    seen, newest = known(story), story.newest
    assert newest is not None
    found = {f"with a {step.why}" for step in seen} | {f"with one {step.how}" for step in seen}
    found |= {f"newest: {newest.how}"} if seen else {"quiet: nothing in 90 days"}
    found |= {"newest: forced redeploy"} if seen and newest.why is Why.FORCED else set()
    found |= {"newest: first deploy"} if len(story.steps) == 1 else set()
    found |= {"older than 90 days in part"} if seen and len(seen) < len(story.steps) else set()
    found |= {"with deregistered definitions"} if story.gone else set()
    found |= {"with alerts"} if story.alerts else set()
    return found


def test_the_histories_are_worth_it() -> None:
    """Each kind is there, and "what succeeded before" alone would be wrong in many."""
    counts: Counter[str] = Counter()
    naive = 0
    for story in stories():
        counts.update(kinds(story))
        told = answer(story)
        ran = [s.number for s in known(story)[:-1] if s.how is How.SUCCEEDED]
        naive += bool(told.to and ran and told.to != ran[-1])
    for why in Why:
        assert counts[f"with a {why}"] >= len(stories()) // 20, (why, counts)
    for how in How:
        assert counts[f"newest: {how}"] >= len(stories()) // 50, (how, counts)
    for kind in ("quiet: nothing in 90 days", "older than 90 days in part", "newest: first deploy"):
        assert counts[kind] >= len(stories()) // 50, (kind, counts)
    assert naive >= len(stories()) // 10


def test_the_oracle_knows_the_rollbacks_of_the_stories() -> None:
    """By what somebody had in mind: nothing else is taken for a rollback, and none that left a trace is missed."""
    for told in stories():
        seen = known(told)
        if not seen or seen[-1].how in (How.ROLLED_BACK, How.ROLLING_BACK):
            continue
        newest = seen[-1]
        ran = any(s.number == newest.number and s.how is How.SUCCEEDED for s in seen[:-1])
        here = any(s.sent_from_here and s.number == newest.number and newest.began - s.began < 115 for s in seen)
        meant = newest.why is Why.ROLLBACK and (ran or here)
        assert bool(rollback(seen)) == meant, told


# --- worked out by hand ---


def step(number: int, ago: float, minutes: float, before: int | None, how: How = How.SUCCEEDED) -> Step:
    """A deploy that began *ago* seconds ago and took *minutes*."""
    began = NOW - ago
    ended = None if how in (How.GOING, How.ROLLING_BACK) else began + minutes * MINUTE
    return Step(number, began, ended, how, Why.RELEASE, before)


def story(*steps: Step, alerts: tuple[float, ...] = (), gone: tuple[int, ...] = (), current: int = 0) -> Story:
    """*alerts* are seconds ago; *current* is the newest deploy's, unless told."""
    numbers = tuple(range(38, 46))
    began = tuple(NOW - a for a in alerts)
    return Story("by hand", NOW, steps, began, numbers, frozenset(gone), current or steps[-1].number)


GOOD = (step(40, 20 * DAY, 10, 39), step(41, 10 * DAY, 10, 40))
BAD = step(42, 2 * HOUR, 10, 41)
BAD_ALERT = 2 * HOUR - 12 * MINUTE
FIX = step(43, 30 * MINUTE, 5, 42)
UPDATE, STOP, NO = "UpdateService", "StopServiceDeployment", Answer(refused="in any words")
BY_HAND = {
    "what ran before": (story(*GOOD, BAD), Answer(41, UPDATE)),
    "41 good, 42 bad, 43 a hot-fix that helped nothing": (
        story(*GOOD, BAD, FIX, alerts=(BAD_ALERT,)),
        Answer(41, UPDATE),
    ),
    "an hour without an alert is good enough": (story(*GOOD, BAD, FIX), Answer(42, UPDATE)),
    "all doubted: the newest that can be started": (
        story(BAD, FIX, step(44, 10 * MINUTE, 5, 43), alerts=(BAD_ALERT,), gone=(43,)),
        Answer(42, UPDATE),
    ),
    "deregistered: the next one": (story(*GOOD, BAD, gone=(41,)), Answer(40, UPDATE)),
    "none can be started": (story(*GOOD, BAD, gone=(39, 40, 41)), NO),
    "a forced redeploy is no other revision": (story(*GOOD, BAD, step(42, HOUR, 5, 42)), Answer(41, UPDATE)),
    "in progress": (story(*GOOD, step(42, 60, 0, 41, How.GOING)), Answer(41, STOP)),
    "in progress, and what ran before is doubted": (
        story(*GOOD, BAD, step(43, 60, 0, 42, How.GOING), alerts=(BAD_ALERT,)),
        Answer(41, UPDATE),
    ),
    "a forced redeploy in progress": (story(*GOOD, BAD, step(42, 60, 0, 42, How.GOING)), Answer(41, UPDATE)),
    "ECS rolled it back": (story(*GOOD, step(42, HOUR, 5, 41, How.ROLLED_BACK), current=41), NO),
    "a rolled-back deploy does not end what ran": (
        story(*GOOD, step(42, 9.99 * DAY, 5, 41, How.ROLLED_BACK), step(43, HOUR, 5, 41)),
        Answer(41, UPDATE),
    ),
    "the rollback of it failed": (story(*GOOD, step(42, HOUR, 5, 41, How.ROLLBACK_FAILED)), Answer(41, UPDATE)),
    "and the service is on the old one again, which may not run": (
        story(*GOOD, step(42, HOUR, 5, 41, How.ROLLBACK_FAILED), current=41),
        Answer(41, UPDATE),
    ),
    "stopped midway": (story(*GOOD, step(42, HOUR, 5, 41, How.STOPPED)), Answer(41, UPDATE)),
    "what ran before it ran no longer than until it began": (
        story(*GOOD, step(42, 150 * MINUTE, 5, 41), step(43, 2 * HOUR, 5, 42, How.STOPPED)),
        Answer(41, UPDATE),
    ),
    "what was half put back ran before": (
        story(*GOOD, BAD, step(41, HOUR, 5, 42, How.STOPPED), step(43, HOUR / 2, 5, 41)),
        Answer(41, UPDATE),
    ),
    "a rollback by UpdateService": (story(*GOOD, BAD, step(41, HOUR, 5, 42)), NO),
    "a rollback over what was stopped midway": (
        story(*GOOD, step(42, 2 * HOUR, 5, 41, How.STOPPED), step(41, HOUR, 5, 41)),
        NO,
    ),
    "a rollback that overtook what it went back from": (
        story(*GOOD, step(42, 35 * MINUTE, 5, 41, How.STOPPED), replace(step(41, HOUR / 2, 5, 41), besides=42)),
        NO,
    ),
    "and is under way": (
        story(*GOOD, step(42, 6 * MINUTE, 5, 41, How.STOPPED), replace(step(41, 60, 0, 41, How.GOING), besides=42)),
        NO,
    ),
    "an alert after a forced redeploy is a doubt too": (
        story(*GOOD, step(41, 5 * DAY, 5, 41), BAD, alerts=(5 * DAY - 600,)),
        Answer(40, UPDATE),
    ),
    "more deregistered ones than a glance": (
        story(*(step(n, (50 - n) * DAY, 5, n - 1) for n in range(38, 46)), gone=tuple(range(39, 45))),
        Answer(38, UPDATE),
    ),
    "deregistered, every one of many": (
        story(*(step(n, (50 - n) * DAY, 5, n - 1) for n in range(38, 46)), gone=tuple(range(38, 45))),
        NO,
    ),
    "a rollback of a rollback is a deploy like another": (
        story(*GOOD, BAD, step(41, HOUR, 5, 42), step(42, 20 * MINUTE, 5, 41)),
        Answer(41, UPDATE),
    ),
    "what ran before never succeeded": (
        story(*GOOD, step(42, 3 * HOUR, 5, 41, How.STOPPED), step(43, HOUR, 5, 42)),
        Answer(41, UPDATE),
    ),
    "what ran before is older than the history": (story(step(41, 100 * DAY, 5, 40), BAD), Answer(41, UPDATE)),
    "a quiet service": (story(*(step(n, (200 - n) * DAY, 5, n - 1) for n in (40, 41))), NO),
    "a quiet service, restarted": (story(step(41, 100 * DAY, 5, 40), step(41, DAY, 5, 41)), NO),
    "a first deploy": (story(step(41, HOUR, 5, None)), NO),
    "a first deploy in progress": (story(step(41, 60, 0, None, How.GOING)), NO),
    "an alert in a spell's second hour is no doubt": (
        story(*GOOD, BAD, step(43, 20 * MINUTE, 5, 42), alerts=(30 * MINUTE,)),
        Answer(42, UPDATE),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_worked_out_by_hand(name: str) -> None:
    told, want = BY_HAND[name]
    assert agree(answer(told), want), f"the oracle says {answer(told)}"
    assert agree(program(told), want), f"{told}\n  the program: {program(told)}"


def test_a_rollback_sent_from_here_over_what_is_too_old_to_be_known() -> None:
    sent = Step(41, NOW - HOUR, NOW - HOUR + 300, How.SUCCEEDED, Why.ROLLBACK, 42, sent_from_here=True)
    old = (step(41, 200 * DAY, 5, 40), step(42, 100 * DAY, 5, 41))
    assert program(story(*old, sent)).refused
    assert answer(story(*old, sent)).refused


@pytest.mark.parametrize("overtook", [None, 42])
def test_what_never_ran_whole_is_not_brought_again(overtook: int | None) -> None:
    """A rollback that overtook a deploy: undoing it has nothing to bring, and R says that it is a rollback."""
    back = replace(step(41, HOUR / 2, 5, 41), besides=overtook)
    told = story(*GOOD, step(42, 35 * MINUTE, 5, 41, How.STOPPED), back)
    _, handler, ask, board = asked(told, Verb.UNDO_ROLLBACK)
    with pytest.raises(Refused, match="never ran whole"):
        handler.plan(ask, board)
    assert "itself a rollback: going back to :41" in program(told).refused


def test_the_definition_that_is_gone_back_to_is_in_the_account() -> None:
    account = Account(FakeClock(NOW), story(*GOOD, BAD, gone=(41,)))
    assert task_definition(NAME, 41) in account.inactive
    assert len(account.ListServiceDeployments(NAME, CLUSTER)["serviceDeployments"]) == 3
