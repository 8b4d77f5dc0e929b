"""What a race came to, held against the world's truth alone."""

from __future__ import annotations

from typing import NamedTuple

from oncall_tui.domain.action import Verb
from tests.races.scene import Scene
from tests.races.truth import BAD, GOOD
from tests.races.wire import Sent


class Verdict(NamedTuple):
    """*wrongs* are the breaches, in words: none is allowed. *possible*: could it be rolled back by its end? *came*: was
    it?"""

    wrongs: tuple[str, ...]
    outcomes: tuple[str, ...]
    possible: bool
    came: bool
    resolved: tuple[str, ...]  # "lost, then done": no answer came to the write; "unknown, …": shown as such


def judge(scene: Scene) -> Verdict:
    """Held once nothing moves any more."""
    wrongs = [*_false_words(scene), *_wrong_revisions(scene), *_left_open(scene)]
    served, denied = scene.truth.served(), _denied(scene)
    overtaken = scene.truth.last_by == "theirs" and scene.truth.heads_to() not in GOOD
    lost = [f"{'unknown' if s.was_unknown else 'lost'}, {s.state}" for s in scene.said if s.was_unknown or s.lost]
    return Verdict(
        wrongs=tuple(wrongs),
        outcomes=tuple(s.state for s in scene.said),
        possible=not denied and not overtaken,
        came=any(served.alone(number) for number in GOOD),
        resolved=tuple(lost),
    )


def _denied(scene: Scene) -> bool:
    return any(fault["kind"] == "denied" for fault in scene.race.faults)


def _false_words(scene: Scene) -> list[str]:
    """``done`` where it was not so; ``failed``, ``refused`` or left unknown where the write did what the plan said."""
    found = []
    for said in scene.said:
        if said.state == "done" and not said.served.alone(said.to):
            found.append(f"false done at {said.at:.0f}: {said.message}: {said.served}")
        if said.state in ("failed", "refused", "unknown") and said.plan:
            found += _false_failed(scene, said.plan, said.message, said.to, said.at)
    return found


def _false_failed(scene: Scene, plan: str, message: str, to: int, at: float) -> list[str]:
    """Its write took effect, and its deploy ended where the plan said, with nobody else's in between."""
    for sent in (s for s in scene.sent if s.plan == plan and s.deploy):
        status, went = scene.truth.went(sent.deploy)
        well = status in ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "Succeeded") and went == to
        if well and not any(sent.at <= foreign <= at for foreign in scene.others.began):
            return [f"false word at {at:.0f}: {message}: {status} :{went}"]
    return []


def _wrong_revisions(scene: Scene) -> list[str]:
    found = []
    for sent in (s for s in scene.sent if s.deploy and _rolls_back(scene, s)):
        to = int(scene.plans[sent.plan].request["to"].rpartition(":")[2])
        status, went = scene.truth.went(sent.deploy)
        started = sent.operation in ("UpdateService", "CreateDeployment")
        if to not in GOOD:
            found.append(f"planned to :{to}, which is not a good one")
        if not started and status.startswith("ROLLBACK") and went != to:
            found.append(f"planned to :{to}, went to :{went} ({sent.operation}, {status})")
        if started and scene.truth.puts(sent.deploy) != to:
            found.append(f"planned to :{to}, deployed :{scene.truth.puts(sent.deploy)} ({sent.operation})")
    ended = scene.truth.served().traffic
    last = next((s for s in reversed(scene.sent) if s.deploy and _rolls_back(scene, s)), None)
    if scene.truth.last_by == "ours" and last is not None:
        to = int(scene.plans[last.plan].request["to"].rpartition(":")[2])
        status, went = scene.truth.went(last.deploy)
        if went == to and status in ("ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "Succeeded") and set(ended) != {to}:
            found.append(f"ended on {ended}, planned :{to}")
    return found


def _rolls_back(scene: Scene, sent: Sent) -> bool:
    return scene.plans[sent.plan].verb is Verb.ROLL_BACK


def _left_open(scene: Scene) -> list[str]:
    said = {s.plan for s in scene.said}
    mine = (scene.plans[id] for id in scene.confirmed - said)
    return [f"left without an outcome: {plan.title}" for plan in mine if plan.verb is Verb.ROLL_BACK]


def told(scene: Scene, verdict: Verdict) -> str:
    """A race in a few lines, to be read when it went wrong."""
    race = scene.race
    lines = [
        f"seed {race.seed}: {race.kind}, {race.strategy}{', over HTTP' if race.http else ''}",
        f"  pressed {race.pressed_s:.0f} s into the bad deploy; others: {'; '.join(scene.others.did)}",
        *(f"  WRONG: {wrong}" for wrong in verdict.wrongs),
        *(f"  said {s.state}: {s.message}" for s in scene.said),
        *(f"  sent {s.operation} → {s.deploy[-12:] or 'nothing'}" for s in scene.sent),
        f"  truth: {scene.truth.story()}; bad is {BAD}; last by {scene.truth.last_by}",
    ]
    return "\n".join(lines)
