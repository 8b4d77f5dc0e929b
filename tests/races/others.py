"""What others do to the same service while an engineer rolls it back, and what goes wrong on the line meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from oncall_tui.simulator.start import RunningWorld
from tests.races.truth import BAD, PATH, Truth
from tests.races.wire import request

ALARM = "api-5xx"


class Moment(NamedTuple):
    """Just before the *nth* call of a phase (plan, check, send, verify); or *nth* seconds after R (at), or into the
    look at the plan (looks); ``sent`` is just after the write got there."""

    phase: str
    nth: float


class Deed(NamedTuple):
    """What somebody else does, and when."""

    when: Moment
    what: str
    number: int = 0


def moment(rng: random.Random) -> Moment:
    """One that a person could not have aimed at."""
    phase = rng.choice(("plan", "looks", "check", "check", "send", "send", "sent", "verify", "verify", "at"))
    nth = {"plan": rng.randint(1, 6), "check": rng.randint(1, 3), "verify": rng.randint(1, 12)}.get(phase, 1)
    return Moment(phase, {"at": rng.uniform(0, 90), "looks": 1.0}.get(phase, float(nth)))


class Others:
    """Does the deeds of one race, once each, and tells the truth whose they were."""

    def __init__(
        self, opened: RunningWorld, truth: Truth, deeds: tuple[Deed, ...], second: Callable[[], None] = lambda: None
    ) -> None:
        self._opened, self._truth, self._second = opened, truth, second
        self._left = list(deeds)
        self.did: list[str] = []
        self.began: list[float] = []  # when a deed of theirs changed something

    def at(self, phase: str, nth: float) -> None:
        """Do what was waiting for this moment."""
        for deed in [d for d in self._left if d.when.phase == phase and d.when.nth <= nth]:
            self._left.remove(deed)
            self.do(deed)

    def do(self, deed: Deed) -> None:
        before = self._truth.mark()
        if deed.what == "R":  # by the program too: the line notes what it writes
            self.did.append(f"R {deed.when.phase}:{deed.when.nth:.0f}")
            self._second()
            return
        acts: dict[str, Callable[[Deed], None]] = {
            "stop": self._stop,
            "deploy": self._deploy,
            "complete": self._end,
            "kill": self._kill,
            "scale": self._scale,
            "trip": self._trip,
        }
        acts.get(deed.what, self._answer)(deed)
        changed = self._truth.changed(before)
        self._truth.theirs(changed)
        if changed:
            self.began.append(self._truth.world.timeline.now())
        self.did.append(
            f"{deed.what} {deed.number or ''} {deed.when.phase}:{deed.when.nth:.0f}{'' if changed else ' (nothing)'}"
        )

    def told(self, event: dict[str, Any]) -> None:
        self._opened.story.schedule([event])
        self._opened.story.world.advance()

    def _stop(self, deed: Deed) -> None:
        self.told({"stop": {"service": PATH}})

    def _end(self, deed: Deed) -> None:
        self.told({"complete": {"service": PATH}})

    def _kill(self, deed: Deed) -> None:
        """A task dies, of whichever revision."""
        self.told({"kill": {"service": PATH, "count": 1}})

    def _scale(self, deed: Deed) -> None:
        self.told({"scale": {"service": PATH, "desired": deed.number}})

    def _trip(self, deed: Deed) -> None:
        self.told({"trip": {"service": PATH, "alarm": ALARM}})

    def _deploy(self, deed: Deed) -> None:
        """As a pipeline does: UpdateService, forced where it deploys the same again; CodeDeploy's as the drill's."""
        if self._truth.group is not None:
            self.told({"deploy": {"service": PATH, "revision": deed.number}})
            return
        asked: dict[str, Any] = {"cluster": "main", "service": "api", "taskDefinition": f"api:{deed.number}"}
        if deed.number == BAD:
            asked["forceNewDeployment"] = True
        self._opened.story.world.peers["prod"].handle(request("UpdateService", asked))

    def _answer(self, deed: Deed) -> None:
        """At a hook where the deploy is paused: *what* is CONTINUE or ROLLBACK."""
        if self._truth.group is not None or not self._truth.service.deployments:
            return
        newest = self._truth.service.deployments[0]
        for hook in newest.hooks:
            asked = {"serviceDeploymentArn": newest.arn, "hookId": hook.id, "action": deed.what}
            self._opened.story.world.peers["prod"].handle(request("ContinueServiceDeployment", asked))
