"""Guardrails where something acts: what a refusal says, how one is overridden, and that no write goes around them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from tests.support.fakes import ALICE, Able, FakeHandler, InlineQueue, alert, service
from tests.support.guardrails import API, HEAD, NOW, SOURCES, TOKYO, YEAR_END, Bench, in_tokyo, rule

import oncall_tui
from oncall_tui import bootstrap
from oncall_tui.actions.batch import Batch, BatchItem
from oncall_tui.actions.execution import ActionExecution
from oncall_tui.actions.guard import Guard
from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.alert_commands import Answers, agree, carry_out, overriding
from oncall_tui.cli.check import _guardrails
from oncall_tui.cli.common import OVERRIDE, CommandFailed
from oncall_tui.cli.text_board import text_board
from oncall_tui.config.unmatched import unmatched
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.guardrail import POST, TYPE_NAME, Freeze, Guardrail
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.errors import Refused, WayOut
from oncall_tui.inspection.row_timeline import merged
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt
from oncall_tui.reports.handover import handover
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager


@pytest.fixture(autouse=True)
def _in_tokyo() -> Iterator[None]:
    with in_tokyo():
        yield


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


NO_REASONS = [
    ("down\ndone: all is well", "has a line break: write it as one line"),
    ("down\u2028done", "has a line break"),
    ("down \x1b[2J", "has a control character"),
    ("down \u202egnp", "has a control character"),
    ("x" * 1_001, "has at most 1,000 characters, not 1,001"),
]


@pytest.mark.parametrize(("reason", "said"), NO_REASONS)
def test_a_reason_is_one_line_of_bounded_length(reason: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as error:
        guard(rule()).held(plan(override=reason))
    assert error.value.ways == ()


@pytest.mark.parametrize("reason", ["x" * 1_000, "決済が落ちている　至急", "👩\u200d🚒 checkout"])
def test_any_line_of_text_is_a_reason(reason: str) -> None:
    asked = plan(override=reason)
    assert guard(rule()).held(asked).dress(asked).override == reason


@pytest.mark.parametrize(("reason", "said"), NO_REASONS)
def test_a_command_refuses_such_a_reason_as_wrong_use_before_it_plans(
    reason: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ActionRequest(verb=Verb.RESTART, target=API, version="v", actor=ALICE)
    with pytest.raises(SystemExit) as ended:
        overriding(asked, reason)
    assert ended.value.code == WRONG_USE
    assert said in capsys.readouterr().err
    assert overriding(asked, " checkout is down\n").override == "checkout is down"


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
    actions.run_silently(bench.ask(), lambda state, message, hint: failed.append(message), lambda: over.append(True))
    bench.engine._acting().queues["prod"].run(lambda: None).result(10)
    assert [words.partition(" (")[0] for words in failed] == ["guardrail r: because"]
    assert over == [True]
    assert bench.sent == 0


def test_what_belongs_to_another_action_types_no_name(tmp_path: Path) -> None:
    """A note on an incident, of a rollback: nobody is asked, so a rule that wants a name refuses it."""
    bench = Bench(tmp_path, rule(actions=("note",), does=TYPE_NAME), verb=Verb.NOTE)
    failed: list[str] = []
    bench.engine.actions.run_silently(bench.ask(), lambda state, message, hint: failed.append(message), lambda: None)
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
