"""Guardrails for tests: a rule, times in Tokyo, and one action on one alert with a guard over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from oncall_tui.domain.action import Verb
from oncall_tui.domain.guardrail import Freeze, Guardrail
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.engine.engine import Engine
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.text import time_format
from oncall_tui.triage.triager import Rules
from tests.support.fakes import ALICE, Able

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
API = "prod/main/api"
SOURCES = 'sources: [{name: prom, provider: alertmanager, url: "http://127.0.0.1:9093"}]\n'
HEAD = "guardrails:\n  - {name: a, reason: b, "


def at(text: str, zone: ZoneInfo = TOKYO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def rule(**fields: Any) -> Guardrail:
    return Guardrail(**{"name": "r", "reason": "because", **fields})


NOW = at("2026-11-30 12:00")
YEAR_END = Freeze(begins="2026-11-28 18:00", until="2026-12-07 09:00")


@contextmanager
def in_tokyo() -> Iterator[None]:
    """Word times in Tokyo meanwhile."""
    was = time_format.configured_zone()
    time_format.set_zone(TOKYO)
    yield
    time_format.set_zone(was)


class Bench:
    """One action on one alert, with a guard whose rules and clock the test moves."""

    def __init__(self, folder: Path, *rules: Guardrail, verb: Verb = Verb.SILENCE) -> None:
        self.clock = FakeClock(NOW)
        self.provider = Able("prod")
        self.provider.clock = self.clock
        self.provider.add("a")
        self.journal = Journal(folder / "journal.db", self.clock.now)
        specs = (SourceSpec("prod", "ecs", lambda: self.provider),)
        self.engine = Engine(specs, Rules(), self.journal, self.clock, ALICE, guardrails=rules, zone=TOKYO)
        for poller in self.engine._pollers.values():
            poller._poll(ReadRequest())
        self.engine._build_board()
        self.verb = verb

    def ask(self, **more: Any) -> ActionRequest:
        row = self.provider.alerts["prod/a"]
        return ActionRequest(
            verb=self.verb, target=row.id, version=row.version, actor=ALICE, for_s=60, reason="x", text="x", **more
        )

    @property
    def sent(self) -> int:
        handlers = {id(h): h for h in self.provider.handlers().values()}
        return sum(len(h.sent) for h in handlers.values())  # type: ignore[attr-defined]
