"""Guardrails: which rules hold, what is said, how one is overridden; and that no write goes by another way."""

from __future__ import annotations

import ast
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.support.fakes import ALICE, Able, FakeHandler, InlineQueue, alert, service

import oncall_tui
from oncall_tui import bootstrap
from oncall_tui.actions.batch import Batch, BatchItem
from oncall_tui.actions.execution import ActionExecution
from oncall_tui.actions.guard import Guard
from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.alert_commands import Answers, agree, carry_out
from oncall_tui.cli.check import _guardrails
from oncall_tui.cli.common import OVERRIDE, CommandFailed
from oncall_tui.cli.text_board import text_board
from oncall_tui.config.unmatched import unmatched
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.guardrail import ACTIONS, ONLY_TELL, POST, TYPE_NAME, Freeze, Guardrail, moment, open_at, opens
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.engine.engine import Engine
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import ConfigurationError, Refused, WayOut
from oncall_tui.inspection.row_timeline import merged
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ReadRequest, Receipt
from oncall_tui.reports.handover import handover
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.text import time_format
from oncall_tui.triage.guardrails import Guardrails, Touched
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
API = "prod/main/api"
THING = Touched("prod", API, "111111111111", "payments")
BOB = Actor("Bob", "bob@example.com")


def at(text: str, zone: ZoneInfo = TOKYO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def rule(**fields: Any) -> Guardrail:
    return Guardrail(**{"name": "r", "reason": "because", **fields})


@pytest.fixture(autouse=True)
def in_tokyo() -> Iterator[None]:
    was = time_format.configured_zone()
    time_format.set_zone(TOKYO)
    yield
    time_format.set_zone(was)


# --- hours and moments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "now", "open_"),
    [
        ("Mon-Fri 09:00-18:00", "2026-11-30 09:00", True),  # a Monday
        ("Mon-Fri 09:00-18:00", "2026-11-30 08:59", False),
        ("Mon-Fri 09:00-18:00", "2026-11-30 18:00", False),
        ("Mon-Fri 09:00-18:00", "2026-11-29 12:00", False),
        ("09:00-18:00", "2026-11-29 12:00", True),
        ("Sat,Sun 00:00-24:00", "2026-11-29 23:59", True),
        ("Sat,Sun 00:00-24:00", "2026-11-30 00:00", False),
        ("Fri-Mon 10:00-11:00", "2026-11-29 10:30", True),  # over the end of the week
        ("Fri-Mon 10:00-11:00", "2026-12-01 10:30", False),
        ("Fri 22:00-06:00", "2026-11-28 05:59", True),  # of the Friday on which it begins
        ("Fri 22:00-06:00", "2026-11-28 22:30", False),
        ("Fri 22:00-06:00", "2026-11-27 05:00", False),
        ("Mon-Fri 09:00-18:00 UTC", "2026-11-30 18:30", True),  # 09:30 UTC
        ("mon-fri 09:00-18:00", "2026-11-30 12:00", True),
    ],
)
def test_hours_are_what_the_clock_on_the_wall_shows(hours: str, now: str, open_: bool) -> None:
    assert open_at(hours, at(now), TOKYO) is open_


def test_hours_over_a_change_of_the_clock() -> None:
    """2026-03-08 02:00 is 03:00 in New York; 2026-11-01 02:00 is 01:00 again."""
    spring, autumn = at("2026-03-08 00:00", NEW_YORK), at("2026-11-01 00:00", NEW_YORK)
    assert [open_at("02:30-03:30", spring + h * 1800, NEW_YORK) for h in range(8)] == [False] * 4 + [True] + [False] * 3
    assert opens("02:30-03:30", spring, NEW_YORK) == spring + 2 * 3600  # the clock shows 03:00 then
    assert [open_at("01:00-01:30", autumn + h * 1800, NEW_YORK) for h in range(6)] == [
        *(False, False, True, False, True, False)  # the hour comes twice
    ]


@pytest.mark.parametrize(
    ("hours", "now", "next_"),
    [
        ("Mon-Fri 09:00-18:00", "2026-11-28 12:00", "2026-11-30 09:00"),
        ("Mon-Fri 09:00-18:00", "2026-11-30 08:00", "2026-11-30 09:00"),
        ("Mon 09:00-18:00", "2026-11-30 18:00", "2026-12-07 09:00"),
        ("22:00-06:00", "2026-11-30 06:00", "2026-11-30 22:00"),
    ],
)
def test_the_hours_begin_next(hours: str, now: str, next_: str) -> None:
    assert opens(hours, at(now), TOKYO) == at(next_)


def test_a_moment_is_of_its_own_zone_or_of_the_configured_one() -> None:
    assert moment("2026-12-28 18:00", TOKYO) == at("2026-12-28 18:00")
    assert moment("2026-12-28 18:00 UTC", TOKYO) == at("2026-12-29 03:00")
    assert moment("2026-12-28", TOKYO) == at("2026-12-28 00:00")


# --- which rules hold -------------------------------------------------------------------------------------------------

NOW = at("2026-11-30 12:00")
NIGHT = at("2026-11-30 22:00")
YEAR_END = Freeze(begins="2026-11-28 18:00", until="2026-12-07 09:00")


@pytest.mark.parametrize(
    ("fields", "action", "actor", "now", "holds"),
    [
        ({}, "roll back", ALICE, NOW, True),  # always, for everybody
        ({}, "acknowledge", ALICE, NOW, False),  # it only tells
        ({"actions": ("*",)}, "acknowledge", ALICE, NOW, False),
        ({"actions": ("ack*",)}, "acknowledge", ALICE, NOW, False),
        ({"actions": ("acknowledge",)}, "acknowledge", ALICE, NOW, True),
        ({"actions": ("roll*", "restart")}, "restart", ALICE, NOW, True),
        ({"actions": ("roll*",)}, "restart", ALICE, NOW, False),
        ({"actions": ("command:db-*",)}, "command:db-failover", ALICE, NOW, True),
        ({"actions": ("command:db-*",)}, "command:cache", ALICE, NOW, False),
        ({"products": ("pay*",)}, "restart", ALICE, NOW, True),
        ({"products": ("search",)}, "restart", ALICE, NOW, False),
        ({"services": ("prod/*/api",)}, "restart", ALICE, NOW, True),
        ({"accounts": ("1111*",)}, "restart", ALICE, NOW, True),
        ({"accounts": ("2222*",)}, "restart", ALICE, NOW, False),
        ({"sources": ("prod",)}, "restart", ALICE, NOW, True),
        ({"products": ("pay*",), "sources": ("other",)}, "restart", ALICE, NOW, False),  # each field has to match
        ({"who": ("alice",)}, "restart", ALICE, NOW, False),  # by name, in any case
        ({"who": ("*@example.com",)}, "restart", BOB, NOW, False),  # by e-mail
        ({"who": ("alice",)}, "restart", BOB, NOW, True),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, "restart", ALICE, NOW, False),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, "restart", ALICE, NIGHT, True),
        ({"hours": ("Mon-Fri 09:00-18:00", "21:00-23:00")}, "restart", ALICE, NIGHT, False),  # one is enough
        ({"freeze": YEAR_END}, "restart", ALICE, NOW, True),
        ({"freeze": YEAR_END}, "restart", ALICE, at("2026-12-07 09:00"), False),
        ({"freeze": YEAR_END}, "restart", ALICE, at("2026-11-28 17:59"), False),
        ({"freeze": Freeze(begins="2026-11-28")}, "restart", ALICE, at("2027-11-28 17:59"), True),  # without an end
        ({"freeze": Freeze(until="2026-11-28")}, "restart", ALICE, NOW, False),
        ({"freeze": YEAR_END, "hours": ("09:00-18:00",)}, "restart", ALICE, at("2026-12-08 20:00"), True),  # either
    ],
)
def test_a_rule_holds(fields: dict[str, Any], action: str, actor: Actor, now: float, holds: bool) -> None:
    found = Guardrails([rule(**fields)], TOKYO).holding(action, actor, [Touched("prom"), THING], now)
    assert bool(found) is holds


def test_what_has_no_name_is_under_no_rule_that_asks_for_one() -> None:
    """An alert of no product is not one of every product."""
    assert not Guardrails([rule(products=("*",))], TOKYO).holding("silence", ALICE, [Touched("prom")], NOW)


@pytest.mark.parametrize(
    ("fields", "now", "until"),
    [
        ({"freeze": YEAR_END}, NOW, "2026-12-07 09:00"),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, NIGHT, "2026-12-01 09:00"),
        ({"freeze": YEAR_END, "hours": ("Mon-Fri 10:00-18:00",)}, NOW, "2026-12-07 10:00"),  # both have to be over
        ({"freeze": Freeze(begins="2026-11-28")}, NOW, None),
        ({}, NOW, None),
    ],
)
def test_until_when_it_holds(fields: dict[str, Any], now: float, until: str | None) -> None:
    assert rule(**fields).until(now, TOKYO) == (None if until is None else at(until))


def test_every_action_that_only_tells_is_an_action() -> None:
    assert {str(each) for each in ONLY_TELL} - {"tell"} < set(ACTIONS)


# --- what a plan says -------------------------------------------------------------------------------------------------


def board(*alerts: Any, product: bool = True, protected: bool = False) -> TriagedBoard:
    prod = SourceStatus(name="prod", provider="ecs", state=SourceState.OK, read_at=NOW)
    found = Board(
        version=1,
        at=NOW,
        sources=MappingProxyType({"prod": prod}),
        alerts=MappingProxyType({a.id: a for a in alerts}),
        services=MappingProxyType({API: service(API)}),
    )
    products = (Product(name="payments", services=("prod/*",), protected=protected),) if product else ()
    return Triager(Rules(products=products)).triage(found)


def guard(*rules: Guardrail, seen: TriagedBoard | None = None, clock: FakeClock | None = None) -> Guard:
    found = seen or board()
    clock = clock or FakeClock(NOW)
    return Guard(rules, TOKYO, lambda: found, lambda plan: plan.target, ALICE, clock.now)


def plan(verb: Verb = Verb.RESTART, target: str = API, **more: Any) -> Plan:
    fields = {"id": "p", "source": "prod", "version": "v", "actor": ALICE, "made_at": NOW, "title": "t", **more}
    return Plan(verb=verb, target=target, **fields)


def test_a_refusal_says_every_rule_that_holds_with_its_reason_its_end_and_who_may() -> None:
    rules = (
        rule(name="typed", reason="money", does=TYPE_NAME),
        rule(name="year-end", reason="year-end sale", freeze=YEAR_END, who=("sre-lead",)),
        rule(name="hours", reason="ask first", hours=("Sat 09:00-18:00",)),
    )
    with pytest.raises(Refused) as error:
        guard(*rules).held(plan())
    assert error.value.message == (
        "guardrail year-end: year-end sale (freeze until 7 Dec 09:00 JST; sre-lead may); "
        "guardrail hours: ask first (outside Sat 09:00-18:00, until 5 Dec 09:00 JST); "
        "guardrail typed: money: the name has to be typed"
    )
    assert error.value.ways == (WayOut.OVERRIDE,)


def test_a_typed_reason_overrides_and_the_strictest_confirm_stays() -> None:
    rules = (rule(name="typed", reason="money", does=TYPE_NAME), rule(name="year-end", freeze=YEAR_END))
    asked = plan(override="checkout is down", confirm=Confirm.NONE)
    found = guard(*rules).held(asked).dress(asked)
    assert (found.overrides, found.override) == (("year-end",), "checkout is down")
    assert (found.confirm, found.confirm_name, found.confirm_why) == (Confirm.NAME, "api", "Guardrail typed: money")
    assert found.warnings[0].startswith("overrides guardrail year-end: because (freeze until")
    assert found.warnings[0].endswith(": checkout is down")
    assert found.overridden == "overrode guardrail year-end: checkout is down"
    alone = plan(override="checkout is down", confirm=Confirm.NONE)
    assert guard(rules[1]).held(alone).dress(alone).confirm is Confirm.YES  # never by one key


def test_a_reason_for_which_no_rule_asks_is_not_one() -> None:
    asked = plan(override="just in case")
    assert guard(rule(actions=("silence",))).held(asked).dress(asked).overridden == ""


def test_a_rule_without_override_takes_no_reason_and_says_whom_to_ask() -> None:
    rules = (rule(name="a", override=False, who=("sre-lead",)), rule(name="b"))
    with pytest.raises(Refused) as error:
        guard(*rules).held(plan(override="please"))
    assert (error.value.hint, error.value.ways) == ("a cannot be overridden: ask sre-lead", ())


def test_a_silence_is_held_by_what_else_it_hides() -> None:
    seen = board(alert("prod/mine"), alert("prod/theirs", hint=ServiceHint(service="api")))
    held = guard(rule(services=("prod/main/api",), actions=("silence",)), seen=seen)
    held.held(plan(Verb.SILENCE, "prod/mine"))
    with pytest.raises(Refused, match="guardrail r: because"):
        held.held(plan(Verb.SILENCE, "prod/mine", affects=("prod/mine", "prod/theirs")))


def test_a_protected_product_is_a_guardrail_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", lambda: NOW)
    for verb in Verb:
        made = plan(verb, request={"cluster": "main", "service": "api"})
        found = PlanEnricher(lambda: board(protected=True), journal, ALICE).enrich(made)
        named = (found.confirm, found.confirm_name, found.confirm_why)
        assert (named == (Confirm.NAME, "api", "Protected")) is (verb in FOLLOWED), verb


# --- as it goes out ---------------------------------------------------------------------------------------------------


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


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, rule(name="r", actions=tuple(str(v) for v in Verb)))
    yield made
    made.engine.stop()


BY_HANDLER = (Verb.ACKNOWLEDGE, Verb.SILENCE, Verb.NOTE, Verb.ESCALATE, Verb.RESOLVE)


@pytest.mark.parametrize("verb", BY_HANDLER)
def test_every_way_of_acting_is_refused(bench: Bench, verb: Verb) -> None:
    """One row, many, a key without a prompt, and what belongs to another action."""
    bench.verb = verb
    actions, failed = bench.engine.actions, []
    ways = (actions.plan(bench.ask()), actions.quick(bench.ask()), *actions.plan_many([bench.ask()] * 2))
    for future in ways:
        with pytest.raises(Refused, match="guardrail r: because"):
            future.result(10)
    over: list[bool] = []
    actions.run_silently(bench.ask(), lambda message, hint: failed.append(message), lambda: over.append(True))
    bench.engine._acting().queues["prod"].run(lambda: None).result(10)
    assert [words.partition(" (")[0] for words in failed] == ["guardrail r: because"]
    assert over == [True]
    assert bench.sent == 0


def test_what_belongs_to_another_action_types_no_name(tmp_path: Path) -> None:
    """A note on an incident, of a rollback: nobody is asked, so a rule that wants a name refuses it."""
    bench = Bench(tmp_path, rule(actions=("note",), does=TYPE_NAME), verb=Verb.NOTE)
    failed: list[str] = []
    bench.engine.actions.run_silently(bench.ask(), lambda message, hint: failed.append(message), lambda: None)
    bench.engine._acting().queues["prod"].run(lambda: None).result(10)
    assert failed == ["Guardrail r: because: its name has to be typed, and nobody is asked here"]
    assert bench.sent == 0
    bench.engine.stop()


def test_status_says_the_freezes_on_a_line_of_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rule(reason="year-end\nALERTS 0", freeze=YEAR_END, products=("pay*",)))
    freezes = bench.engine.guard.freezes()
    lines = text_board(bench.engine.update, NOW, freezes).splitlines()
    (line,) = (each for each in lines if "freeze" in each)
    assert line.startswith("  ! freeze until 7 Dec 09:00 JST: year-end")
    assert line.endswith("(everything of pay*)")
    bench.engine.stop()


def test_what_began_to_hold_between_the_plan_and_the_yes_is_refused(tmp_path: Path) -> None:
    freeze = Freeze(begins="2026-11-30 12:01")
    bench = Bench(tmp_path, rule(name="late", freeze=freeze))
    made = bench.engine.actions.plan(bench.ask()).result(10)
    bench.clock.advance(60)
    outcomes = [bench.engine.actions.execute(made).result(10)]
    again = [msgspec.structs.replace(made, id=name) for name in "bc"]
    outcomes += [future.result(10) for future in bench.engine.actions.execute_many(again)]
    for outcome in outcomes:
        assert outcome.state is OutcomeState.REFUSED
        assert outcome.message.startswith("guardrail late: because (freeze)")
        assert "it holds since this was planned" in outcome.message
    bench.journal.must()
    assert bench.sent == 0
    assert not [e for e in bench.journal.recent() if e.kind is EntryKind.INTENT]
    bench.engine.stop()


def test_a_clock_that_is_set_counts_at_once_in_both_directions(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    held = guard(rule(hours=("Mon-Fri 09:00-18:00",)), clock=clock)
    held.may(plan())
    clock.step(10 * 3600)
    with pytest.raises(Refused):
        held.may(plan())
    clock.step(-10 * 3600)
    held.may(plan())


def test_a_name_that_was_not_asked_for_is_asked_for_before_it_goes_out() -> None:
    clock = FakeClock(NOW)
    held = guard(rule(does=TYPE_NAME, freeze=Freeze(begins="2026-11-30 12:01")), clock=clock)
    made = held.held(plan()).dress(plan())
    assert made.confirm is Confirm.YES
    clock.advance(60)
    with pytest.raises(Refused, match="the name has to be typed"):
        held.may(made)
    held.may(held.held(plan()).dress(plan()))


class Bulky(FakeHandler):
    """A handler that takes many in one call."""

    at_once = 10

    def plan_many(self, asks: Any, board: Any) -> list[Plan]:
        return [self.plan(ask, board) for ask in asks]

    def check_many(self, plans: Any) -> list[None]:
        return [None for _ in plans]

    def send_many(self, plans: Any) -> list[Receipt]:
        return [self.send(one) for one in plans]

    def verify_many(self, plans: Any, receipts: Any) -> list[Any]:
        return [self.verify(one, receipt) for one, receipt in zip(plans, receipts, strict=True)]


def test_of_many_in_one_call_only_those_go_out_that_may(tmp_path: Path) -> None:
    clock = FakeClock(NOW)
    provider = Able("prod")
    rows = [provider.add(name) for name in "ab"]
    handler, queue, journal = Bulky(provider), InlineQueue(clock), Journal(tmp_path / "journal.db", clock.now)
    plans = [
        handler.plan(ActionRequest(verb=Verb.ACKNOWLEDGE, target=r.id, version=r.version, actor=ALICE), board().board)
        for r in rows
    ]
    told: list[Outcome] = []

    def may(one: Plan) -> None:
        if one.target == rows[0].id:
            raise Refused("guardrail r")

    parts = [BatchItem(one, handler, queue, journal, clock, told.append, may=may) for one in plans]  # type: ignore[arg-type]
    Batch(parts, handler, queue, journal).start()  # type: ignore[arg-type]
    queue.settle(5)
    assert [part.outcome.state for part in parts] == [OutcomeState.REFUSED, OutcomeState.DONE]
    assert len(handler.sent) == 1


def test_a_handover_is_refused_where_post_is_named() -> None:
    to = "team-channel"
    guard(rule(actions=("*",))).may_post(to)
    guard(rule(actions=(POST,), sources=("other",))).may_post(to)
    with pytest.raises(Refused, match="guardrail r: because"):
        guard(rule(actions=(POST,), sources=("team-*",))).may_post(to)


# --- journalled -------------------------------------------------------------------------------------------------------


def test_an_override_is_in_the_journal_the_timeline_and_the_handover(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rule(name="year-end", freeze=YEAR_END))
    made = bench.engine.actions.plan(bench.ask(override="checkout is down")).result(10)
    outcome = bench.engine.actions.execute(made).result(10)
    assert outcome.state is OutcomeState.DONE, outcome
    bench.journal.must()
    words = "overrode guardrail year-end: checkout is down"
    entries = bench.journal.recent()
    intent = next(e for e in entries if e.kind is EntryKind.INTENT)
    assert (intent.actor, words in intent.text) == (ALICE.name, True)
    assert intent.data["plan"]["overrides"] == ["year-end"]
    told = handover(entries, bench.engine.update.triaged, NOW - 60, NOW + 60)
    assert words in told.done[0].what
    assert any(words in event.text for event in merged((), bench.journal, "prod/a"))
    bench.engine.stop()


# --- no way around it -------------------------------------------------------------------------------------------------

_SOURCE = Path(oncall_tui.__file__).parent
# Everything that sends, and what asks the guard before it: one action, many in one call, a handover, and what tells
# others of an action that was allowed.
_SENDS = {
    "actions/execution.py": "self._may(",
    "actions/batch.py": "part.refused_now(",
    "notifications/handover_sender.py": "",  # asked by engine.send_handover
    "notifications/notifier.py": "",  # of an action that was allowed
    "notifications/escalation.py": "",  # a handler: the execution asks
}
_NO_WRITE = ("providers/", "simulator/", "testing/", "journal/", "sharing/")  # handlers, and what reaches no source


def _sends(path: Path) -> bool:
    """Tell whether it calls a ``send`` or a ``send_many``."""
    calls = (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call))
    return any(getattr(call.func, "attr", "") in ("send", "send_many") for call in calls)


def test_nothing_sends_but_by_the_guard() -> None:
    files = {path.relative_to(_SOURCE).as_posix(): path for path in _SOURCE.rglob("*.py")}
    found = {name for name, path in files.items() if not name.startswith(_NO_WRITE) and _sends(path)}
    assert found == set(_SENDS), "a new way to send: it has to ask the guard, and then stands in this table"
    for name, asks in _SENDS.items():
        assert asks in files[name].read_text(), name
    acting, shell = files["engine/acting.py"].read_text(), files["tui/controllers/shell.py"].read_text()
    assert acting.index("self.guard.may_post(name)") < acting.index("return send(self.destinations")
    assert shell.index("guard.may(plan)") < shell.index("await self._hand_over(plan, keys)")


def test_an_execution_is_never_made_without_the_guard() -> None:
    """``may`` has a default for tests alone."""
    made = [
        call
        for path in (_SOURCE / "actions").glob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in (ActionExecution.__name__, BatchItem.__name__)
    ]
    assert len(made) == 2
    assert all("self._allowed" in ast.unparse(call) for call in made)


# --- the configuration ------------------------------------------------------------------------------------------------

SOURCES = 'sources: [{name: prom, provider: alertmanager, url: "http://127.0.0.1:9093"}]\n'
HEAD = "guardrails:\n  - {name: a, reason: b, "


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(SOURCES + text, "c.yaml")
    return list(error.value.mistakes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actions: [rollback]}", "guardrails[0].actions[0]: expected one of the actions acknowledge, "),
        ("actions: [rollback]}", "did you mean roll back?"),
        ("actions: [ack]}", "did you mean acknowledge?"),
        ("actions: [silense]}", "did you mean silence?"),
        ("actions: [ackn*]}", "expected the whole name of an action that only tells people"),
        ("actions: ['zzz*']}", "or a glob"),
        ("hours: [nine to five]}", "expected hours like Mon-Fri 09:00-18:00 Asia/Tokyo"),
        ("hours: ['Mun 09:00-18:00']}", "expected days of Mon, Tue"),
        ("hours: ['Mon 09:00-09:00']}", "(00:00-24:00 is the whole day)"),
        ("hours: ['Mon 09:00-25:00']}", "expected times from 00:00 to 24:00"),
        ("hours: ['Mon 09:00-18:00 Asia/Tokio']}", "did you mean Asia/Tokyo?"),
        ("freeze: {from: 2026-12-28}}", "a date"),  # which YAML reads as one: in quotes
        ("freeze: {from: '28.12.2026'}}", "expected a time like 2026-12-28 18:00"),
        ("freeze: {from: '2026-02-30'}}", "expected a day and a time that there are"),
        ("freeze: {until: '2026-12-28 18:00 Mars/Base'}}", "a time zone like Asia/Tokyo"),
        (
            "freeze: {from: '2026-12-28 18:00', until: '2026-12-28 09:00'}}",
            "guardrails[a].freeze.until: expected a time after from (2026-12-28 18:00)",
        ),
        (
            "freeze: {from: '2026-12-28 18:00 UTC', until: '2026-12-28 20:00 Asia/Tokyo'}}",
            "expected a time after from",
        ),
        ("does: refuse, overide: false}", "did you mean override?"),
        ("does: ask}", "expected one of refuse, type the name"),
        ("does: type the name, override: false}", "guardrails[0].override: expected only where the rule refuses"),
        ("services: [api]}", "expected SOURCE/CLUSTER/SERVICE"),
    ],
)
def test_a_mistake_is_said_with_its_line(text: str, said: str) -> None:
    found = mistakes(HEAD + text)
    assert len(found) == 1, found
    assert found[0].startswith("c.yaml:3:"), found[0]
    assert said in found[0]


def test_two_rules_of_one_name_and_one_without_a_reason_are_mistakes() -> None:
    found = mistakes("guardrails:\n  - {name: a, reason: b}\n  - {name: a, reason: c}\n  - {name: d}")
    assert ["each name once" in words or "the key reason" in words for words in found] == [True, True]


@pytest.fixture
def no_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without time zone data, as a small image is."""
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath([])
    zoneinfo.ZoneInfo.clear_cache()
    time_format.named_zone.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    time_format.named_zone.cache_clear()


@pytest.mark.usefixtures("no_zones")
def test_without_time_zone_data_the_error_says_what_to_install() -> None:
    for text in ("hours: ['Mon 09:00-18:00 Europe/Kyiv']}", "freeze: {until: '2027-01-05 Europe/Kyiv'}}"):
        assert "install the package tzdata, or use the bundle, which has it" in mistakes(HEAD + text)[0]
    assert "install the package tzdata" in mistakes("timezone: Europe/Kyiv")[0]


@pytest.mark.usefixtures("no_zones")
def test_without_time_zone_data_utc_is_there() -> None:
    freeze = "freeze: {from: '2026-12-28 18:00', until: '2027-01-05 09:00 UTC'}, hours: ['09:00-18:00 UTC']}"
    loaded = bootstrap.load_config_text(SOURCES + HEAD + freeze, "c.yaml")
    zone = time_format.named_zone(loaded.timezone)
    assert datetime.fromtimestamp(NOW, zone).strftime("%H:%M %Z") == "03:00 UTC"
    assert loaded.guardrails[0].at(NOW, zone)


def test_your_file_adds_to_the_teams_rules_and_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text(SOURCES + "guardrails: [{name: a, reason: team's}, {name: b, reason: team's}]")
    own.write_text("guardrails: [{name: b, reason: mine}, {name: c, reason: mine}]")
    from oncall_tui.config.load import load_files
    from oncall_tui.providers import registry

    loaded = load_files([team, own], registry.options_types())
    assert [(r.name, r.reason) for r in loaded.guardrails] == [("a", "team's"), ("b", "mine"), ("c", "mine")]
    assert loaded.places["guardrails[a].reason"].startswith(str(team))
    assert loaded.places["guardrails[c].reason"].startswith(str(own))


def test_of_a_rule_that_your_file_replaces_the_teams_freeze_is_no_mistake_of_yours(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text(
        SOURCES + "guardrails: [{name: a, reason: sale, freeze: {from: '2026-12-01', until: '2026-12-31'}}]"
    )
    own.write_text("guardrails: [{name: a, reason: mine, freeze: {from: '2027-02-01'}}]")
    from oncall_tui.config.load import load_files
    from oncall_tui.providers import registry

    loaded = load_files([team, own], registry.options_types())
    assert [r.freeze for r in loaded.guardrails] == [Freeze(begins="2027-02-01")]
    assert "guardrails[a].freeze.until" not in loaded.places


def test_check_lists_each_rule_with_what_it_matches_and_says_what_matches_nothing(tmp_path: Path) -> None:
    rules = (
        rule(name="year-end", reason="sale", freeze=YEAR_END, sources=("prod",), actions=("roll back",)),
        rule(name="over", reason="was", freeze=Freeze(until="2026-11-01"), sources=("nosuch",)),
    )
    bench = Bench(tmp_path, *rules)
    found = tuple(_guardrails(bench.engine))
    assert [(r.services, r.alerts, r.state) for r in found] == [
        (0, 1, "holds now: freeze until 7 Dec 09:00 JST"),
        (0, 0, "over since 1 Nov 00:00 JST"),
    ]
    bench.engine.stop()
    config = bootstrap.load_config_text(
        SOURCES + HEAD + "sources: [prmo], products: [nosuch], actions: ['command:x*']}", "c.yaml"
    )
    assert [words.partition(": ")[2] for words in unmatched(config, bench.engine.update.board)] == [
        'guardrails[a].actions[0]: "command:x*" matches no command of the configuration',
        'guardrails[a].products[0]: "nosuch" matches no product',
        'guardrails[a].sources[0]: "prmo" matches no source or destination; did you mean prom?',
    ]


# --- by commands ------------------------------------------------------------------------------------------------------

NAMED = {"confirm": Confirm.NAME, "confirm_name": "payments", "confirm_why": "Guardrail quiet: money"}


@pytest.mark.parametrize(
    ("asks", "answers", "ends"),
    [
        (NAMED, Answers(yes=True), "guardrail quiet: money: requires --confirm payments"),
        (NAMED, Answers(yes=True, typed="payment"), "name does not match: 'payment' is not 'payments'"),
        (NAMED, Answers(typed="payments"), None),  # the name is the confirm
        ({"confirm": Confirm.YES}, Answers(), "needs confirmation: add --yes"),
        ({"confirm": Confirm.YES}, Answers(yes=True), None),
        ({"confirm": Confirm.NONE}, Answers(), None),
        ({"confirm": Confirm.NONE}, Answers(typed="payments"), None),  # no rule asks for one
    ],
)
def test_a_command_goes_on_only_with_what_the_plan_wants(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    asks: dict[str, Any],
    answers: Answers,
    ends: str | None,
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    made = plan(Verb.SILENCE, **asks)
    if ends is None:
        agree(made, answers, True, "Send it?", "silence")
    else:
        with pytest.raises(CommandFailed) as error:
            agree(made, answers, True, "Send it?", "silence")
        assert ends in error.value.message
        assert error.value.code == WRONG_USE


@pytest.mark.parametrize(("override", "hint"), [(True, OVERRIDE), (False, "r cannot be overridden")])
def test_a_command_says_how_a_refusal_is_overridden(tmp_path: Path, override: bool, hint: str) -> None:
    bench = Bench(tmp_path, rule(override=override))
    with pytest.raises(Refused) as error:
        carry_out(bench.engine, bench.ask(), Answers(yes=True, override="" if override else "please"))
    assert error.value.hint == hint
    assert bench.sent == 0
    bench.engine.stop()
