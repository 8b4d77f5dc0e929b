"""Commands of the configuration over an engine that is polled by hand; what they run is real."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oncall_tui.actions.command_programs import CommandSettings
from oncall_tui.config.files import unsafe
from oncall_tui.domain.action import Verb
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome
from oncall_tui.domain.own_command import OwnCommand
from oncall_tui.domain.plan import ActionRequest, Plan
from oncall_tui.engine.engine import Engine, SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock, SystemClock
from oncall_tui.runtime.program_run import (
    ProgramRun,
)
from oncall_tui.triage.triager import Rules
from tests.support.fakes import ALICE, FakeProvider, deploy, service

PYTHON = sys.executable
API = "prod/main/api"
WAITS = "print('ready', flush=True)\ntime.sleep(60)"


def python(code: str) -> tuple[str, ...]:
    return PYTHON, "-S", "-E", "-c", code


def ready(found: ProgramRun) -> ProgramRun:
    until(lambda: "ready" in found.lines()[1], "it is ready")
    return found


def until(found: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 30
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Bench:
    """An engine that is polled by hand, with commands; what runs is real."""

    def __init__(self, folder: Path, *commands: OwnCommand, **more: Any) -> None:
        self.folder = folder
        self.provider = FakeProvider("prod", FakeClock(time.time()))
        self.provider.services[API] = service(API)
        self.provider.deploys["prod/d1"] = deploy()
        self.alert = self.provider.add("high-load", title="load; rm -rf / of $(x)", labels=(("team", "payments"),))
        specs = (SourceSpec("prod", "fake", lambda: self.provider),)
        settings = CommandSettings(commands, {one.name: str(folder) for one in commands}, more.pop("unsafe", unsafe))
        products = more.pop("products", ())
        self.journal = Journal(folder / "journal.db", time.time)
        self.engine = Engine(specs, Rules((), products), self.journal, SystemClock(), ALICE, commands=settings, **more)
        self.poll()

    def poll(self) -> None:
        for poller in self.engine._pollers.values():
            poller._poll(ReadRequest())
        self.engine._earlier.load()
        self.engine._build_board()

    def ask(self, name: str, target: str = "", version: str = "") -> ActionRequest:
        target = target or self.alert.id
        from oncall_tui.triage.command_rows import row_of

        row = row_of(self.engine.update.triaged, target)
        version = version or (row.version if row is not None else "")
        return ActionRequest(verb=Verb.RUN, target=target, version=version, actor=ALICE, choice=name)

    def plan(self, name: str, target: str = "", version: str = "") -> Plan:
        return self.engine.actions.plan(self.ask(name, target, version)).result(10)

    def outcome(self, plan: Plan) -> Outcome:
        return self.engine.actions.execute(plan).result(30)

    def entries(self, *kinds: EntryKind) -> list[Entry]:
        self.journal.must(Entry(at=time.time(), kind=EntryKind.NOTE, subject="mark"))
        return [e for e in self.journal.recent() if e.kind in kinds]


def command(code: str, **more: Any) -> OwnCommand:
    return OwnCommand(**{"name": "x", "argv": python(code), **more})
