"""What R on a service goes back to, from its story alone: written from the rules in words, apart from the program.

1. A rollback goes away from what the newest deploy put there, to what ran before it. "Ran": a deploy of it succeeded.
   A task definition counts once. A spell of it lasts from the end of its first deploy to the start of the next
   successful deploy of another one, or of the newest deploy where that is of another one and was not rolled back.
2. Newest first by when they ran, never what the newest deploy puts there. What that found running goes first, unless
   deploys of it are known and none of them succeeded.
3. Doubted: its longest spell was under an hour, or an alert began within the hour after the start of one of its spells'
   deploys, and before that spell ended. Such an alert counts for nothing where a deploy of another task definition
   that did not stand was under way or had ended within the hour before, nor within the hour after a deploy that put
   back what ran earlier in place of a higher number. The newest without doubt that can be started; else the newest
   that can be.
4. What was never seen running is no default.
5. A rollback is never reversed: not one by ECS, not one sent from here, no deploy that puts back what ran earlier
   in place of a higher number. A restart of one that is a rollback is that rollback still.
6. A deploy in progress is stopped where that leads to the default; else, and after a finished one, the service is
   updated.

ECS remembers the deploys of 90 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from tests.oracle.story import DAY, HOUR, How, Step, Story

REMEMBERED, TWO_MINUTES = 90 * DAY, 115.0
LEFT_TASKS = (How.STOPPED, How.ROLLBACK_FAILED)


@dataclass(frozen=True)
class Answer:
    """*to* and *call*, or why it is *refused*."""

    to: int | None = None
    call: str = ""
    refused: str = ""


@dataclass(frozen=True)
class Spell:
    number: int
    deploys: tuple[Step, ...]
    end: float | None  # None: it lasts

    def length(self, now: float) -> float:
        start = self.deploys[0].ended
        assert start is not None
        return (now if self.end is None else self.end) - start


def known(story: Story) -> tuple[Step, ...]:
    return tuple(s for s in story.steps if s.began >= story.now - REMEMBERED)


def answer(story: Story) -> Answer:
    seen = known(story)
    if not seen:
        return Answer(refused="no deploy is known")
    newest = seen[-1]
    why = rollback(seen)
    if why:
        return Answer(refused=why)
    order = candidates(seen)
    if not order:
        return Answer(refused="nothing is known to have run before")
    able = [n for n in order if n not in story.gone]
    if not able:
        return Answer(refused="none can be started")
    of = spells(seen)
    to = next((n for n in able if not doubted(n, of, story)), able[0])
    stops = newest.how is How.GOING and newest.number != newest.before and to == newest.before
    return Answer(to, "StopServiceDeployment" if stops else "UpdateService")


def spells(seen: tuple[Step, ...]) -> list[Spell]:
    newest = seen[-1]
    groups = [tuple(g) for _, g in groupby((s for s in seen if s.how is How.SUCCEEDED), lambda s: s.number)]
    ends: list[float | None] = [g[0].began for g in groups[1:]]
    cut = newest.how is How.GOING or newest.how in LEFT_TASKS
    ends += [newest.began if cut and groups and newest.number != groups[-1][0].number else None]
    return [Spell(g[0].number, g, end) for g, end in zip(groups, ends, strict=False)]


def candidates(seen: tuple[Step, ...]) -> list[int]:
    newest = seen[-1]
    order = [s.number for s in reversed(spells(seen))]
    first = newest.before
    if first is not None:
        deploys = [s for s in seen[:-1] if s.number == first]
        if not deploys or any(s.how is How.SUCCEEDED for s in deploys):
            order.insert(0, first)
    return [n for n in dict.fromkeys(order) if n != newest.number]


def doubted(number: int, of: list[Spell], story: Story) -> bool:
    mine = [s for s in of if s.number == number]
    if mine and max(s.length(story.now) for s in mine) < HOUR:
        return True
    return any(
        deploy.began <= alert < deploy.began + HOUR and (spell.end is None or alert < spell.end)
        for spell in mine
        for deploy in spell.deploys
        for alert in story.alerts
        if not of_another(alert, number, story) and not follows_a_return(alert, spell, of)
    )


def of_another(alert: float, number: int, story: Story) -> bool:
    """Whether a deploy of another number that did not stand may have done it."""
    bad = (s for s in known(story) if s.number != number and s.how not in (How.SUCCEEDED, How.GOING))
    return any(s.began <= alert < (story.now if s.ended is None else s.ended) + HOUR for s in bad)


def follows_a_return(alert: float, spell: Spell, of: list[Spell]) -> bool:
    """Whether the spell began by putting back what ran earlier, within the hour, and was not renewed since."""
    at = of.index(spell)
    back = at > 0 and of[at - 1].number > spell.number and any(s.number == spell.number for s in of[:at])
    first, *others = spell.deploys
    return back and alert < first.began + HOUR and not any(s.began <= alert for s in others)


def rollback(seen: tuple[Step, ...]) -> str:
    """Why the newest deploy is itself a rollback; empty: it is none."""
    newest, older = seen[-1], seen[:-1]
    same = [at for at, step in enumerate(older) if (step.number, step.how) == (newest.number, How.SUCCEEDED)]
    if newest.how not in (How.ROLLED_BACK, How.ROLLING_BACK) and replaced(seen) == {newest.number} and same:
        return rollback(seen[: same[-1] + 1])
    if newest.how in (How.ROLLED_BACK, How.ROLLING_BACK):
        return "ECS rolled it back"
    sent = (s.began for s in seen if s.sent_from_here and s.number == newest.number)
    if any(newest.began - began < TWO_MINUTES for began in sent):
        return "it was sent from here"
    ran_earlier = any(s.number == newest.number and s.how is How.SUCCEEDED for s in older)
    if ran_earlier and any(newest.number < n for n in replaced(seen)):
        return "it puts back what ran earlier"
    return ""


def replaced(seen: tuple[Step, ...]) -> set[int]:
    """Whose tasks may have run when the newest began: the last that succeeded, and what failed since and stayed."""
    newest, found, cleaned = seen[-1], set(), False
    for step in reversed(seen[:-1]):
        cleaned = cleaned or step.how is How.ROLLED_BACK  # ECS put everything on the last that succeeded
        if step.how is How.SUCCEEDED:
            found.add(step.number)
            break
        if step.how in LEFT_TASKS and not cleaned:
            found.add(step.number)
    return found | ({newest.before} if newest.before is not None else set())
