"""Every claim of a plan is of the record that it names: held against the drill's truth, in every state that it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from drill_world import Drill, board

from oncall_tui import errors
from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.domain.remembered import AlertStart, ServiceHistory
from oncall_tui.providers.base import Provider
from oncall_tui.text.time_format import span

ALICE = Actor("Alice", "alice@example.com")
PAYMENTS, SEARCH = "prod/prod-main/payments-api", "prod/prod-main/search-api"
OPEN = ("PENDING", "IN_PROGRESS", "Created", "Queued", "InProgress", "Baking", "Ready")
GOOD = ("SUCCESSFUL", "Succeeded")


@pytest.fixture
def make_drill(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Drill]]:
    made: list[Drill] = []

    def start(*arguments: str) -> Drill:
        made.append(Drill(*arguments))
        for name, value in made[-1].told["environment"].items():
            monkeypatch.setenv(name, value)
        return made[-1]

    yield start
    for drill in made:
        drill.close()


class Truth:
    """What is so of one service, as the world itself tells."""

    def __init__(self, drill: Drill, path: str) -> None:
        state = drill.control("state")
        self.now: float = state["now"]
        self.service: dict[str, Any] = state["services"][path]
        self.deploys: list[dict[str, Any]] = state["deployments"].get(path, [])

    def running(self, number: str) -> int:
        return sum(r["running"] for r in self.service["revisions"] if r["task_definition"].endswith(number))

    def of(self, number: str) -> list[dict[str, Any]]:
        return [d for d in self.deploys if (d["task_definition"] or "").endswith(number)]

    def ago(self, at: float | None) -> set[str]:
        """How a plan may say how long ago that was: a call may have taken a moment."""
        return set() if at is None else {span(self.now - at + late) for late in (-2, -1, 0, 1, 2)}


def planned(provider: Provider, seen: Board, verb: Verb, target: str, choice: str = "") -> Plan | None:
    deploy = seen.deploys.get(seen.services[target].deploy_id)
    ask = ActionRequest(verb=verb, target=target, version=deploy.version if deploy else "", actor=ALICE, choice=choice)
    try:
        return provider.handlers()[verb].plan(ask, seen)
    except errors.Refused:
        return None


def judge(plan: Plan, truth: Truth, *newest: Deploy | None) -> None:
    """Each word of it that can be wrong. *newest*: the service's newest deploy as the board has it in this moment."""
    leaving, to = (":" + plan.request[k].rpartition(":")[2] for k in ("from", "to"))
    lines = dict(plan.lines)
    current = lines.get("from") or lines.get("restarts") or lines["forward"]
    assert current.startswith(leaving), plan
    counted = re.search(r"(\d+)/(\d+) running", current)
    assert counted, current
    assert (int(counted[1]), int(counted[2])) == (truth.running(leaving), truth.service["desired"]), (
        current,
        plan.title,
    )
    for row in newest:
        _failed(current, leaving, row)
    _since(current, leaving, truth)
    if plan.verb in (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK):
        told, _, undoes = plan.title.partition(" (")
        assert told.endswith(f": {leaving}→{to}")
        assert undoes.startswith("undoes the rollback") is (plan.verb is Verb.UNDO_ROLLBACK)
        _target(lines["to"], to, truth)


def _failed(current: str, leaving: str, newest: Deploy | None) -> None:
    """Failed tasks are of the newest deploy, where that puts *leaving* there: the same number as on its row."""
    said = re.search(r"(\d+) tasks? failed", current)
    counted = newest.failed_tasks if newest is not None and newest.new.short == leaving else 0
    assert (int(said[1]) if said else 0) == counted, (current, counted)


def _since(current: str, leaving: str, truth: Truth) -> None:
    newest = truth.deploys[0] if truth.deploys else None
    under_way = newest is not None and newest["status"] in OPEN and _number(newest) in (leaving, ":")
    assert ("deploying for" in current) == under_way, (current, newest)
    said = re.search(r"current for (\d+ ?\w)", current)
    if said is None or newest is None:
        return
    back = newest["status"] == "ROLLBACK_SUCCESSFUL"
    assert leaving == (":" + newest["rolled_back_to"].rpartition(":")[2] if back else _number(newest)), current
    good = [d for d in truth.of(leaving) if d["status"] in GOOD]
    of = [newest] if back else good
    ends = [at for d in of for at in (d["finished_at"], d["created_at"])]  # one span, as the lines beside it have it
    assert any(said[1] in truth.ago(at) for at in ends), (current, ends, truth.now)


def _number(deploy: dict[str, Any]) -> str:
    return ":" + (deploy["task_definition"] or "").rpartition(":")[2]


def _target(line: str, to: str, truth: Truth) -> None:
    of = truth.of(to)
    good = [d for d in of if d["status"] in GOOD and truth.now - d["finished_at"] < 90 * 86_400]
    if said := re.search(r"(\d+) tasks? of it still run", line):
        assert int(said[1]) == truth.running(to), line
    else:
        assert not truth.running(to), line
    if "never seen running" in line or "before what history covers" in line:
        assert not [d for d in of if truth.now - (d["finished_at"] or truth.now) < 90 * 86_400], (line, of)
    if re.search(r"\b(stable|ran) until", line):
        assert good, line
    else:
        assert not good, line
    if said := re.search(r"rolled back (?:to \S+ )?(\d+ ?\w) ago", line):
        ended = [d["finished_at"] for d in of if d["status"] == "ROLLBACK_SUCCESSFUL" or d.get("rolled_back_by")]
        later = [d["created_at"] for d in truth.deploys if good and d["created_at"] > good[0]["created_at"]]
        assert any(said[1] in truth.ago(at) for at in (*ended, *later)), (line, ended, later)
    elif of and of[0]["status"] == "ROLLBACK_SUCCESSFUL":
        raise AssertionError(f"its newest deploy was rolled back, and that is not said: {line}")


@pytest.mark.everything
def test_in_every_state_of_every_strategy(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("--scenario", "strategies")
    provider = drill.provider("prod")
    seen = board(drill.read(provider, within=900.0))
    told: dict[Verb, int] = dict.fromkeys(FOLLOWED, 0)
    for path in sorted(seen.services):
        drill.advance(2.0)
        picked = [""]
        with suppress(errors.Refused):
            picked += [c.id for c in provider.handlers()[Verb.ROLL_BACK].choices(path, seen)]
        for verb, choice in [*((v, "") for v in sorted(FOLLOWED)), *((Verb.ROLL_BACK, c) for c in picked)]:
            plan = planned(provider, seen, verb, path, choice)
            if plan is not None:
                told[verb] += 1
                judge(plan, Truth(drill, path))
    assert min(told.values()) >= 4, told


def _quiet(drill: Drill, provider: Provider, path: str) -> tuple[Board, Deploy | None]:
    """The board as of now, and the service's newest deploy on it."""
    seen = board(drill.read(provider))
    return seen, seen.deploys.get(seen.services[path].deploy_id)


@pytest.mark.parametrize("how", ["stop", "breaker", "update"])
def test_a_night_from_the_bad_deploy_to_the_undo(make_drill: Callable[..., Drill], how: str) -> None:
    drill = make_drill()
    provider = drill.provider("prod")
    drill.read(provider, lambda r: any(d.failures for d in r.deploys))
    drill.advance(45.0)
    seen, newest = _quiet(drill, provider, PAYMENTS)
    plan = planned(provider, seen, Verb.ROLL_BACK, PAYMENTS)
    assert plan is not None
    assert newest is not None
    judge(plan, Truth(drill, PAYMENTS), newest)
    assert plan.failing
    count = newest.failed_tasks
    if how == "update":  # to a revision that stopping would not restore
        (choice,) = (c.id for c in provider.handlers()[Verb.ROLL_BACK].choices(PAYMENTS, seen) if c.label == ":40")
        plan = planned(provider, seen, Verb.ROLL_BACK, PAYMENTS, choice)
        assert plan is not None
    if how == "breaker":
        drill.control("do", event={"stop": {"service": PAYMENTS, "rollback": True}})
    else:
        provider.handlers()[Verb.ROLL_BACK].send(plan)
    for _ in range(40):
        drill.advance(10.0)
    seen, newest = _quiet(drill, provider, PAYMENTS)
    truth = Truth(drill, PAYMENTS)
    for verb in (Verb.RESTART, Verb.UNDO_ROLLBACK):
        again = planned(provider, seen, verb, PAYMENTS)
        if again is None:
            assert (how, verb) == ("update", Verb.UNDO_ROLLBACK)
            continue
        judge(again, truth, newest)
        assert "4/4 running" in str(again.lines)
        assert again.stands.endswith("and its tasks are healthy")
        if verb is Verb.UNDO_ROLLBACK:
            failed = re.search(r"rolled back \d+m ago, (\d+) tasks failed; never seen stable", dict(again.lines)["to"])
            assert failed
            assert int(failed[1]) >= count > 0
            assert again.confirm is Confirm.NAME
    labels = {c.label: f"{c.detail} {c.warning}" for c in provider.handlers()[Verb.ROLL_BACK].choices(PAYMENTS, seen)}
    assert "never seen running" not in labels[":42"]  # its tasks ran, and failed


@pytest.mark.parametrize("how", ["stop", "update"])
def test_after_an_undo_the_good_revision_is_not_blamed_for_the_bad_deploys_alerts(
    make_drill: Callable[..., Drill], how: str
) -> None:
    drill = make_drill()
    provider = drill.provider("prod")
    drill.read(provider)
    if how == "stop":
        path = PAYMENTS
        drill.read(provider, lambda r: any(d.failures for d in r.deploys))
    else:  # search's :64 stands since days: going back to :63 is a deploy of its own
        path = SEARCH
    alerts = [AlertStart(drill.clock.now() + late, f"5xx {late}") for late in (1.0, 20.0, 200.0, 700.0)]
    arrows: list[str] = []
    for verb in (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK):
        drill.advance(20.0)
        seen, _ = _quiet(drill, provider, path)
        plan = planned(provider, seen, verb, path)
        assert plan is not None
        arrows.append(plan.title.partition(": ")[2][:7])
        provider.handlers()[verb].send(plan)
        for _ in range(30):
            drill.advance(10.0)
    seen, _ = _quiet(drill, provider, path)
    asked = msgspec.structs.replace(seen, recall=ServiceHistory(alerts=tuple(alerts)))
    again = planned(provider, asked, Verb.ROLL_BACK, path)
    assert again is not None
    assert again.title.endswith(f": {arrows[0]}")
    lines = dict(again.lines)
    assert "alert" not in lines["to"]
    assert not [w for w in again.warnings if "alert" in w]
    assert "passed over" not in lines
    later = AlertStart(drill.clock.now() - 2 * 86_400, "p99")  # long before: that one is of the good revision
    seen = msgspec.structs.replace(seen, recall=ServiceHistory(alerts=(*alerts, later)))
    if how == "stop":
        plan = planned(provider, seen, Verb.ROLL_BACK, path)
        assert plan is not None
        assert "1 alert began in that time: p99" in dict(plan.lines)["to"]


def test_two_deploys_of_one_revision_have_each_their_own_stopped_tasks(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill()
    provider = drill.provider("prod")
    drill.read(provider, lambda r: any(d.failures for d in r.deploys))
    counts = []
    for verb in (Verb.ROLL_BACK, Verb.UNDO_ROLLBACK):
        seen, newest = _quiet(drill, provider, PAYMENTS)
        assert newest is not None
        counts.append(newest.failed_tasks)
        plan = planned(provider, seen, verb, PAYMENTS)
        assert plan is not None
        provider.handlers()[verb].send(plan)
        for _ in range(4):
            drill.advance(10.0)
    told = []
    for _ in range(12):
        seen, newest = _quiet(drill, provider, PAYMENTS)
        again, first = sorted((d for d in seen.deploys.values() if d.service_id == PAYMENTS), key=lambda d: -d.started)
        assert again == newest
        assert (again.new.short, first.new.short) == (":42", ":42")
        told.append((first.failed_tasks, again.failed_tasks))
        drill.advance(5.0)
    firsts, agains = zip(*told, strict=True)
    assert set(firsts) == {counts[-1]}, told  # it is over: its number stays as it was
    assert list(agains) == sorted(agains), told
    assert agains[-1] > agains[0], told


def test_after_a_rollback_by_hand_of_a_healthy_service(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill()
    provider = drill.provider("prod")
    seen, _ = _quiet(drill, provider, SEARCH)
    plan = planned(provider, seen, Verb.ROLL_BACK, SEARCH)
    assert plan is not None
    assert not plan.failing
    assert plan.stands == ":64 has run for 2d and its tasks are healthy"
    provider.handlers()[Verb.ROLL_BACK].send(plan)
    for wait in (5.0, 300.0):
        drill.advance(wait)
        seen, newest = _quiet(drill, provider, SEARCH)
        for verb in (Verb.UNDO_ROLLBACK, Verb.RESTART):
            if again := planned(provider, seen, verb, SEARCH):
                judge(again, Truth(drill, SEARCH), newest)
    drill.control("do", event={"scale": {"service": SEARCH, "desired": 0}})
    drill.advance(60.0)
    seen, newest = _quiet(drill, provider, SEARCH)
    for verb in (Verb.UNDO_ROLLBACK, Verb.RESTART):
        again = planned(provider, seen, verb, SEARCH)
        assert again is not None
        judge(again, Truth(drill, SEARCH), newest)
        assert any(w.startswith("desired is 0") for w in again.warnings)
        assert "healthy" not in again.stands


def test_where_no_task_can_be_placed_no_new_deploy_is_said_to_help(make_drill: Callable[..., Drill]) -> None:
    drill = make_drill("--scenario", "capacity")
    provider = drill.provider("prod")
    drill.read(provider)
    drill.advance(60.0)
    seen, _ = _quiet(drill, provider, SEARCH)
    for verb in (Verb.ROLL_BACK, Verb.RESTART):
        plan = planned(provider, seen, verb, SEARCH)
        assert plan is not None
        assert plan.warnings[0].startswith("ECS cannot place a task: Capacity is unavailable at this time.")
        assert "no new deploy can help" in plan.warnings[0]
        assert (plan.confirm, plan.failing) == (Confirm.NAME, "")
    drill.advance(300.0)
    seen, _ = _quiet(drill, provider, SEARCH)
    plan = planned(provider, seen, Verb.ROLL_BACK, SEARCH)
    assert plan is not None
    assert not any("place a task" in w for w in plan.warnings)  # it is over
