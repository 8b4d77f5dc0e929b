"""How an engineer goes through a race, while others act and the line fails."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.errors import ActionError
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.start import open_world
from tests.races.others import Deed, Moment, Others
from tests.races.program import Program
from tests.races.race import Race
from tests.races.truth import BAD, Served, Truth
from tests.races.wire import InProcess, Line, OverHttp, Sent

PRESSES = 3
LOOK_S = 30.0  # how often the engineer looks whether the way back waits for an answer
GIVES_UP_S = 120.0  # how long the engineer waits for a write whose answer was lost, before the next press
LONGEST_S = 5400.0  # by then every deploy here has ended, whatever it waits for


class Said(NamedTuple):
    """A final word of the program (or a refusal to plan), and what was so at that moment."""

    plan: str
    state: str
    message: str
    to: int
    at: float
    served: Served
    was_unknown: bool  # shown as unknown first
    lost: bool  # no answer came to its write


class Scene:
    """Everything of one race: the world, the program, the engineer; a second of both where a deed says so."""

    def __init__(self, race: Race, folder: Path) -> None:
        self.race, self._folder = race, folder
        self.rng = random.Random(race.seed + 1_000_003)
        self.opened = open_world(race.scenario, manual=True, seed=race.seed)
        self.world = self.opened.story.world
        self.clock = FakeClock(self.world.timeline.now())
        self.truth = Truth(self.opened)
        self.others = Others(self.opened, self.truth, race.deeds, self._second)
        kind = OverHttp if race.http else InProcess
        self.line: Line = kind(self.opened, self.truth, self.clock, self.rng)
        self.line.near = self._near
        self.programs: list[Program] = []
        self.alice = self._program("Alice")
        self.plans: dict[str, Plan] = {}
        self.confirmed: set[str] = set()
        self.said: list[Said] = []
        self.unknown: set[str] = set()
        self.unseen: dict[str, float] = {}  # since when a plan is unknown, without an effect
        self.presses = 0
        self._phase, self._calls, self._verifies, self._pressed = "", 0, 0, 0.0
        self._outage = False

    def _program(self, who: str) -> Program:
        journal = self._folder / f"{self.race.seed}-{who}-{len(self.programs)}.db"
        self.programs.append(Program(who, self.line, self.clock, journal, self, self._told))
        return self.programs[-1]

    def close(self) -> None:
        for program in self.programs:
            program.close()
        self.line.close()

    @property
    def sent(self) -> list[Sent]:
        return self.line.sent

    # --- what the line and the programs tell ---

    def phase(self, program: Program, name: str, plan: Plan | None = None) -> None:
        self.line.plan = plan.id if plan else ""
        self._phase = name if program is self.alice else "another's"
        self._calls = self._verifies if name == "verify" else 0

    def _near(self, operation: str, after: bool) -> None:
        if self._phase == "another's":
            return
        if after:
            if self._phase == "send" and operation == self.plans[self.line.plan].request["operation"]:
                self.others.at("sent", 1)
                self._answers_end()
            return
        self._calls += 1
        if self._phase == "verify":
            self._verifies = self._calls
        self.others.at(self._phase, self._calls)
        self.others.at("at", self.clock.now() - self._pressed if self._pressed else -1.0)

    def _answers_end(self) -> None:
        if self.race.blind:
            self.world.faults.add({"kind": "denied", "operation": "ListServiceDeployments"}, ["prod"])
        if self.race.outage_s and not self._outage:
            self._outage = True
            fault = self.world.faults.add({"kind": "hang", "source": "prod", "delay_s": self._hang_s}, ["prod"])

            def ends() -> None:
                self.world.faults.remove(fault.id)

            self.world.timeline.after(self.race.outage_s, ends)

    @property
    def _hang_s(self) -> float:
        """How long the drill's server holds a call that hangs, in wall seconds: over HTTP, longer than the time-out."""
        return 0.6 if self.race.http else 0.0

    def _second(self) -> None:
        """A second engineer with a program of his own sees the same and presses R, in the middle of what Alice does."""
        held = self._phase, self._calls, self.line.plan
        self._phase = "another's"
        bob = self._program("Bob")
        bob.read()
        plan = self._plan(bob, bob.ask(self.race.on_deploy))
        if plan is not None:
            self._confirm(bob, plan)
            bob.queue.settle(0.0)
        self._phase, self._calls, self.line.plan = held

    # --- the engineer ---

    def run(self) -> None:
        """The bad deploy; R, and R again while the bad revision is there; then until nothing moves any more."""
        for deed in self.race.before:
            self.others.do(deed)
            self._settle(self.rng.uniform(1, 20))
        self.others.do(Deed(Moment("begin", 0), "deploy", BAD))
        self._settle(self.race.pressed_s)
        while self.presses < PRESSES and self._bad_is_there():
            first = self.presses == 0
            self.presses += 1
            self.alice.read()
            self.clock.advance(self.race.stale_s)
            if first:
                self._trouble_begins()
            if self._press(first):
                break
            self.clock.advance(self.rng.uniform(5, 15))
        self._rest()

    def _settle(self, seconds: float) -> None:
        """Let time pass, for every program and for the world."""
        for program in self.programs[1:]:
            program.queue.settle(0.0)
        self.alice.queue.settle(seconds)
        self.line.sync()

    def _bad_is_there(self) -> bool:
        """Look for up to two minutes: what goes back by another's hand may fail to."""
        for _ in range(12):
            self.line.sync()
            if self.truth.heads_to() == BAD:
                return True
            if not self.truth.under_way:
                return BAD in self.truth.served().traffic
            self._settle(10)
        return False

    def _trouble_begins(self) -> None:
        self._pressed = self.clock.now()
        for fault in self.race.faults:
            self.world.faults.add({**fault, "delay_s": self._hang_s}, ["prod"])
        if self.race.ends:
            self.others.told({"race": self.race.ends})
        self.line.late_s = self.race.late_s

    def _press(self, first: bool) -> bool:
        """R, the plan, its confirm, and the follow to its final word. Was it done?"""
        twice = self.race.twice if first else ""
        asks = [self.alice.ask(self.race.on_deploy)] * (2 if twice == "two plans" else 1)
        plans = [plan for ask in asks if (plan := self._plan(self.alice, ask)) is not None]
        if not plans:
            return False
        self.others.at("looks", 1)
        self.clock.advance(self.race.looks_s)
        self.line.sync()
        for plan in plans if twice != "same plan" else plans * 2:
            self._confirm(self.alice, plan)
        if twice == "R while it goes":
            self._settle(self.rng.uniform(0, 20))
            again = self._plan(self.alice, self.alice.ask(self.race.on_deploy))
            if again is not None:
                self._confirm(self.alice, again)
                plans.append(again)
        self._follow(plans)
        return any(s.state == "done" for s in self.said)

    def _follow(self, plans: list[Plan]) -> None:
        end, look = self.clock.now() + LONGEST_S, self.clock.now() + LOOK_S
        while not all(self._final(plan) or self._given_up(plan) for plan in plans) and self.clock.now() < end:
            self._settle(2.0)
            if self.clock.now() > look:
                look = self.clock.now() + LOOK_S
                self._go_on()

    def _go_on(self) -> None:
        """C, where the way back itself waits for an answer: at the service's own hook, or before the traffic moves."""
        if not self.truth.waits or self.truth.heads_to() == BAD:
            return
        self.alice.read()
        for row in [d for d in self.alice.deploys() if Verb.CONTINUE in d.verbs]:
            asked = ActionRequest(verb=Verb.CONTINUE, target=row.id, version=row.version, actor=self.alice.who)
            plan = self._plan(self.alice, asked)
            if plan is not None:
                self._confirm(self.alice, plan)

    def _confirm(self, program: Program, plan: Plan) -> None:
        self.confirmed.add(plan.id)
        program.actions.execute(plan)

    def _final(self, plan: Plan) -> bool:
        return any(s.plan == plan.id for s in self.said)

    def _given_up(self, plan: Plan) -> bool:
        """Is it unknown, without any effect, for so long that the engineer does not wait for it any more?"""
        since = self.unseen.get(plan.id)
        return since is not None and self.clock.now() - since > GIVES_UP_S

    def _plan(self, program: Program, ask: ActionRequest) -> Plan | None:
        future = program.actions.plan(ask)
        program.queue.settle(0.0)
        try:
            plan = future.result(0)
        except ActionError as error:
            if ask.verb is Verb.ROLL_BACK:
                self._say("", error.outcome, error.message, 0)
            return None
        self.plans[plan.id] = plan
        return plan

    def _told(self, program: Program) -> None:
        for outcome in program.actions.outcomes:
            plan = self.plans.get(outcome.plan_id)
            if plan is None or plan.verb is not Verb.ROLL_BACK or self._final(plan):
                continue
            if outcome.state is OutcomeState.UNKNOWN:
                self.unknown.add(plan.id)
            if outcome.state is OutcomeState.UNKNOWN and "no effect is seen yet" in outcome.message:
                self.unseen.setdefault(plan.id, self.clock.now())
            else:
                self.unseen.pop(plan.id, None)
            if outcome.state is OutcomeState.UNKNOWN:
                continue
            if outcome.state.final:
                self._say(plan.id, outcome.state, _words(outcome), int(plan.request["to"].rpartition(":")[2]))

    def _say(self, plan: str, state: str, message: str, to: int) -> None:
        lost = plan in self.line.lost
        served = self.truth.served()
        self.said.append(Said(plan, str(state), message, to, self.clock.now(), served, plan in self.unknown, lost))

    def _rest(self) -> None:
        """Nobody does anything any more; what moves comes to its end, and what is open is followed to it."""
        end = self.clock.now() + LONGEST_S
        asked = [self.plans[id] for id in self.confirmed if self.plans[id].verb is Verb.ROLL_BACK]
        while self.clock.now() < end and (
            self.truth.under_way or not all(self._final(plan) or self._given_up(plan) for plan in asked)
        ):
            self._settle(10)
        self._settle(60)
        for plan in (plan for plan in asked if not self._final(plan) and self._given_up(plan)):
            outcomes = (o for program in self.programs for o in program.actions.outcomes)
            words = next(_words(o) for o in outcomes if o.plan_id == plan.id)
            self._say(plan.id, "unknown", words, int(plan.request["to"].rpartition(":")[2]))


def _words(outcome: Outcome) -> str:
    return f"{outcome.message} ({outcome.hint})" if outcome.hint else outcome.message
