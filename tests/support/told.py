"""Destinations in memory, and an engine with a service, a pager and destinations, driven by hand."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, ServiceHint
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.on_call import OnCallShift
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.engine.engine import Engine, SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.notifications.destinations import DestinationSpec
from oncall_tui.providers.base import ActionHandler, Message, ReadRequest, Receipt, TimelineEvent
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules
from tests.support.fakes import ALICE, FakeHandler, FakeProvider, service

HINT = ServiceHint(service="api", cluster="main")
ALL = (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK, Verb.CONTINUE, Verb.RESTART)
TITLES = {
    Verb.ROLL_BACK: "Roll back prod/api: :42→:41",
    Verb.UNDO_ROLLBACK: "Redeploy prod/api: :41→:42 (undoes the rollback of 16:40 JST)",
    Verb.CONTINUE: "Continue the deploy of prod/api: :41→:42",
    Verb.RESTART: "Restart prod/api: :42",
}


class FakeDestination:
    """Keeps what it is sent. ``raises`` are for the next ones; ``gate`` holds up each until it is set."""

    def __init__(self, name: str, pages: bool = False, provider: str = "slack") -> None:
        self.destination, self.pages, self.provider = name, pages, provider
        self.sent: list[Message] = []
        self.raises: list[Exception | None] = []
        self.gate: threading.Event | None = None
        self.threads: set[str] = set()

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        return (("to", self.destination), ("says", message.title))

    def send(self, message: Message) -> Receipt:
        self.threads.add(threading.current_thread().name)
        if self.gate is not None:
            self.gate.wait(10)
        if self.raises and (error := self.raises.pop(0)):
            raise error
        self.sent.append(message)
        return Receipt({"destination": self.destination, "number": len(self.sent)})

    def close(self) -> None:
        pass


class Following(FakeHandler):
    """A rollback or one of its siblings on a service; done as soon as ``verdicts`` are used up."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        return Plan(
            id=f"{ask.verb}-{next(self.provider.numbers)}",
            verb=ask.verb,
            source=self.provider.source,
            target=ask.target,
            version=ask.version,
            actor=ask.actor,
            made_at=self.provider.clock.now(),
            title=TITLES[ask.verb],
            confirm=Confirm.YES,
        )

    def check(self, plan: Plan) -> None:
        if self.check_raises and (error := self.check_raises.pop(0)):
            raise error

    def send(self, plan: Plan) -> Receipt:
        if self.send_raises and (error := self.send_raises.pop(0)):
            raise error
        self.sent.append(plan)
        return Receipt({"id": "r"})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        if self.verdicts:
            verdict = self.verdicts.pop(0)
            if isinstance(verdict, Exception):
                raise verdict
            return verdict
        return Check(OutcomeState.DONE, "2/2 on :41")


class Notes(FakeHandler):
    """Notes on incidents."""

    def check(self, plan: Plan) -> None:
        pass

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        if self.check_raises and (error := self.check_raises.pop(0)):
            raise error
        plan = super().plan(ask, board)
        self.texts.append((ask.target, ask.text))
        return plan

    def send(self, plan: Plan) -> Receipt:
        if self.send_raises and (error := self.send_raises.pop(0)):
            raise error
        return Receipt({"note": "n"})

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        return Check(OutcomeState.DONE, "the note is there")

    def __init__(self, provider: FakeProvider) -> None:
        super().__init__(provider, Verb.NOTE)
        self.texts: list[tuple[str, str]] = []


class Source(FakeProvider):
    """A provider with these handlers."""

    def __init__(self, source: str, provider: str, clock: FakeClock) -> None:
        super().__init__(source, clock)
        self.provider = provider
        self.can: dict[Verb, ActionHandler] = {}

    def handlers(self) -> dict[Verb, ActionHandler]:
        return self.can

    on_call_lacks = ""

    def on_call(self) -> tuple[OnCallShift, ...]:
        return ()

    def on_call_now(self) -> bool | None:
        return None

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        return ()


class Bench:
    """``prod`` runs prod/main/api, ``prom`` fires about it, ``pager`` has its incident when asked."""

    def __init__(self, folder: Path, *destinations: FakeDestination, tell: tuple[str, ...] = (), **more: Any) -> None:
        self.clock = FakeClock()
        self.prod, self.prom, self.pager = (
            Source(name, provider, self.clock)
            for name, provider in (("prod", "ecs"), ("prom", "alertmanager"), ("pager", "pagerduty"))
        )
        self.follow = {verb: Following(self.prod, verb) for verb in ALL}
        self.prod.can = dict(self.follow)
        self.notes = Notes(self.pager)
        self.pager.can = {Verb.NOTE: self.notes, Verb.ESCALATE: FakeHandler(self.pager, Verb.ESCALATE)}
        found = service(verbs=frozenset(ALL))
        self.prod.services[found.id] = found
        self.alert = self.prom.add("a", hint=HINT, keys=("k",), verbs=frozenset())
        self.journal = Journal(folder / "journal.db", self.clock.now)
        specs = tuple(
            SourceSpec(p.source, p.provider, lambda p=p: p, on_call=p is self.pager)  # type: ignore[misc]
            for p in (self.prod, self.prom, self.pager)
        )
        products = (Product(name="pay", services=("prod/main/*",), tell=tell),)
        self.engine = Engine(
            specs,
            Rules(products=products),
            self.journal,
            self.clock,
            ALICE,
            steady_s=0.0,
            destinations=tuple(DestinationSpec(d.destination, d.provider, lambda d=d: d) for d in destinations),  # type: ignore[misc]
            **more,
        )
        self.poll()

    def incident(self, **more: Any) -> Alert:
        """The pager has the alert as an incident now."""
        verbs = frozenset({Verb.NOTE, Verb.ESCALATE})
        fields = {"provider": "pagerduty", "keys": ("k",), "hint": HINT, "verbs": verbs, **more}
        found = self.pager.add("Q1", **fields)
        self.poll()
        return found

    def resolve(self, incident: Alert) -> None:
        self.incident(state=AlertState.RESOLVED, verbs=frozenset())

    def poll(self) -> None:
        for poller in self.engine._pollers.values():
            poller._poll(ReadRequest())
        self.engine._earlier.load()
        self.engine._build_board()

    def drain(self) -> None:
        """Wait until every queue did what it has to do now, and everything was told."""
        for _ in range(3):
            for queue in self.engine._acting().queues.values():
                queue.run(lambda: None).result(5)
            for worker in self.engine._acting().destinations:
                if not getattr(worker.get(), "gate", None):
                    worker.queue.run(lambda: None).result(5)
        self.engine._build_board()

    def ask(self, verb: Verb, target: str = "prod/main/api", **more: Any) -> ActionRequest:
        alert = self.engine.update.board.alerts.get(target)
        return ActionRequest(verb=verb, target=target, version=alert.version if alert else "v", actor=ALICE, **more)

    def plan(self, verb: Verb, target: str = "prod/main/api", **more: Any) -> Plan:
        return self.engine.actions.plan(self.ask(verb, target, **more)).result(5)

    def do(self, verb: Verb, target: str = "prod/main/api", **more: Any) -> Outcome:
        """Plan, carry out, and what came of it."""
        outcome = self.engine.actions.execute(self.plan(verb, target, **more)).result(5)
        self.drain()
        return outcome

    def written(self, *kinds: EntryKind) -> list[Entry]:
        self.journal.must(Entry(at=0.0, kind=EntryKind.KEPT, subject="mark"))  # all before it is on disk
        return self.journal.recent(kinds=kinds)

    def untold(self) -> list[Outcome]:
        return [o for o in self.engine.actions.outcomes if o.verb is Verb.TELL]
