"""The program around its ECS provider, without a screen: board, actions, queue and journal, on the race's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from oncall_tui.actions.service import ActionService, SourceHandle
from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Actor, Plan
from oncall_tui.errors import SourceError
from oncall_tui.journal import Journal
from oncall_tui.journal.service_history import read_service_history
from oncall_tui.providers.aws.client.client import Transport
from oncall_tui.providers.aws.ecs.provider import EcsProvider
from oncall_tui.providers.aws.options import EcsOptions
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest, Receipt
from oncall_tui.runtime.clock import FakeClock
from tests.races.truth import PATH
from tests.support.fakes import InlineQueue

STEADY_S = 60.0


class Hears(Protocol):
    """Who is told which step of which plan comes next."""

    def phase(self, program: Program, name: str, plan: Plan | None = None) -> None: ...


class Watched:
    """The provider's own handler; the race is told of the step that it is in, and whose plan it is."""

    def __init__(self, handler: ActionHandler, program: Program, hears: Hears) -> None:
        self._handler, self._program, self._hears = handler, program, hears

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        self._hears.phase(self._program, "plan")
        return self._handler.plan(ask, board)

    def check(self, plan: Plan) -> None:
        self._hears.phase(self._program, "check", plan)
        self._handler.check(plan)

    def send(self, plan: Plan) -> Receipt:
        self._hears.phase(self._program, "send", plan)
        return self._handler.send(plan)

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        self._hears.phase(self._program, "verify", plan)
        return self._handler.verify(plan, receipt)


class Program:
    """One engineer's. *told* is called whenever one of its outcomes changes."""

    def __init__(
        self, who: str, line: Transport, clock: FakeClock, journal: Path, hears: Hears, told: Callable[[Program], None]
    ) -> None:
        self.who = Actor(who, f"{who.lower()}@example.com")
        self.clock, self._hears = clock, hears
        options = EcsOptions(name="prod", provider="ecs", region="ap-northeast-1")
        context = Context(source="prod", actor_email=self.who.email, clock=clock)
        self.provider = EcsProvider(options, context, line)
        self.queue = InlineQueue(clock)
        self.journal = Journal(journal, clock.now)
        self.board: Board = merge(0, clock.now(), (), ())
        source = SourceHandle("prod", self.queue, lambda patience: self, lambda: None)  # type: ignore[arg-type, return-value]
        self.actions = ActionService(
            {"prod": source},
            self.journal,
            clock,
            lambda verb, target: self._board_for(target),
            lambda plan: plan,
            lambda: told(self),
            False,
            STEADY_S,
            lambda plan: "",
        )

    def handlers(self) -> Mapping[Verb, Any]:
        """This stands where the action service looks for a provider."""
        return {verb: Watched(handler, self, self._hears) for verb, handler in self.provider.handlers().items()}

    def close(self) -> None:
        self.journal.close(1.0)

    def read(self) -> None:
        """Poll until the service and its deploys are on the board; where nothing answers, the older board stands."""
        for _ in range(40):
            try:
                reading = self.provider.read(ReadRequest())
            except SourceError:
                self.clock.advance(self.provider.interval_s)
                continue
            self.board = merge(1, reading.at, (), (reading,))
            wait = self.provider.interval_s if reading.next_in_s is None else reading.next_in_s
            if wait > 0.05 and PATH in self.board.services:
                return
            self.clock.advance(max(0.01, wait))
        assert PATH in self.board.services, "never read"

    def deploys(self) -> list[Deploy]:
        """The service's on the board, newest first."""
        mine = (d for d in self.board.deploys.values() if d.service_id == PATH)
        return sorted(mine, key=lambda d: -d.started)

    def ask(self, on_deploy: bool) -> ActionRequest:
        """R, on the newest deploy's row or on the service's, as they stand on the board."""
        newest = next(iter(self.deploys()), None)
        target = newest.id if newest and on_deploy else PATH
        return ActionRequest(
            verb=Verb.ROLL_BACK, target=target, version=newest.version if newest else "", actor=self.who
        )

    def _board_for(self, target: str) -> Board:
        deploy = self.board.deploys.get(target)
        remembered = read_service_history(self.journal, deploy.service_id if deploy else target, ())
        return msgspec.structs.replace(self.board, recall=remembered)
