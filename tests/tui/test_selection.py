"""The right target, or none: rows move and vanish between the look and the key."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from tests.support.fakes import FakeProvider
from tests.support.level import rounds
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.outcome import OutcomeState

SEVERITIES = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
ORDERS = 1000


def fill(rig: Rig, rng: random.Random) -> None:
    rig.provider.alerts.clear()
    for name in rng.sample("abcdefghijkl", 8):
        rig.provider.add(name, severity=rng.choice(SEVERITIES), began=rig.clock.now() - rng.randrange(5000))


def stir(rig: Rig, rng: random.Random) -> None:
    """Rows come, go, change their order, resolve, fire anew, are acknowledged by somebody else."""
    alerts = rig.provider.alerts
    for alert_id in list(alerts):
        change = rng.random()
        if change < 0.15:
            del alerts[alert_id]
        elif change < 0.25:
            alerts[alert_id] = msgspec.structs.replace(alerts[alert_id], began=rig.clock.now())
        elif change < 0.35:
            bob = {"state": AlertState.ACKNOWLEDGED, "by": ("bob",)}
            alerts[alert_id] = msgspec.structs.replace(alerts[alert_id], **bob)
        elif change < 0.55:
            alerts[alert_id] = msgspec.structs.replace(alerts[alert_id], severity=rng.choice(SEVERITIES))
    for name in rng.sample("mnopqrst", rng.randrange(3)):
        rig.provider.add(name, severity=Severity.CRITICAL, began=rig.clock.now())
    rig.provider.alerts = dict(rng.sample(list(alerts.items()), len(alerts)))


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.everything) for n in (1, 2, 3))])
async def test_a_thousand_random_orders_hit_no_wrong_target_and_miss_no_right_one(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rig = Rig(tmp_path)
    wrong = missed = hit = none = 0
    async with on_screen(rig) as rig:
        table = rig.board.session.tables["alerts"]
        for _ in range(rounds(ORDERS // 4)):
            fill(rig, rng)
            rig.refresh()
            meant = rng.choice(list(rig.provider.alerts))
            table.move_to(meant)
            rig.refresh()
            before = len(rig.provider.acknowledge.sent)
            for _ in range(rng.randrange(3)):  # drawn once, twice, or not at all between the look and the key
                stir(rig, rng)
                rig.refresh()
            if rng.random() < 0.5:
                stir(rig, rng)  # moves between the newest reading and the key
            row = rig.board.session.drawn(meant)
            seen = row.alert.version if row else ""
            there = rig.provider.alerts.get(meant)  # before the key: its queue may have written before the next line
            rig.board.action_act("ack")
            rig.drain()
            sent = [plan.target for plan in rig.provider.acknowledge.sent[before:]]
            could = there is not None and there.version == seen
            wrong += any(target != meant for target in sent) or (bool(sent) and not could)
            missed += could and not sent
            hit += could and bool(sent)
            none += not could and not sent
            for outcome in rig.engine.actions.outcomes:
                rig.engine.actions.dismiss(outcome.plan_id)
            if rng.random() < 0.3:
                table.action_move(1)
    counts = f"seed {seed}: {hit} carried out, {none} not possible and not sent, {missed} missed, {wrong} wrong"
    assert wrong == 0, counts
    assert missed == 0, counts
    assert min(hit, none) > rounds(ORDERS // 4) // 5


async def test_a_row_that_vanished_takes_no_key_until_the_cursor_moves(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a", began=3.0)
    rig.provider.add("b", began=2.0)
    rig.provider.add("c", began=1.0)
    async with on_screen(rig) as rig:
        await rig.press("j")
        assert rig.board.session.row_id == "fake/b"
        del rig.provider.alerts["fake/b"]
        rig.refresh()
        await rig.settle()
        assert "resolved just now" in rig.text()
        await rig.press("a")
        assert rig.provider.acknowledge.sent == []
        assert "this alert has resolved: there is nothing to do" in rig.text()
        await rig.press("j")
        assert rig.board.session.row_id == "fake/c"
        assert "title of b" not in rig.text()
        await rig.press("a")
        assert [p.target for p in rig.provider.acknowledge.sent] == ["fake/c"]


async def test_an_acknowledged_row_stays_under_the_cursor_and_sorts_once_left(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number, name in enumerate("abc"):
        rig.provider.add(name, began=100.0 - number)
    async with on_screen(rig) as rig:
        await rig.press("a")
        await rig.settle()
        rig.refresh()
        rows = rig.board.session.tables["alerts"].rows
        assert [r.id for r in rows] == ["fake/a", "fake/b", "fake/c"]
        assert rig.board.session.tables["alerts"].cursor_id == "fake/a"
        await rig.press("j")
        assert [r.id for r in rig.board.session.tables["alerts"].rows] == ["fake/b", "fake/c", "fake/a"]
        assert rig.board.session.row_id == "fake/b"


async def test_a_key_pressed_on_what_moved_since_is_refused_and_says_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.provider.add("a")
    async with on_screen(rig) as rig:
        fresh = msgspec.structs.replace(rig.provider.alerts["fake/a"], state=AlertState.SILENCED)
        rig.provider.alerts["fake/a"] = fresh
        await rig.press("a")
        outcome = rig.engine.actions.outcomes[0]
        assert outcome.state is OutcomeState.REFUSED
        assert "moved: it is silenced now" in rig.text()
        await rig.press("escape")
        assert "moved" not in rig.text()


async def test_a_row_that_became_part_of_another_is_gone_and_not_said_to_be_resolved(tmp_path: Path) -> None:
    alarms, pager = FakeProvider("alarms"), FakeProvider("pager")
    rig = Rig(tmp_path, alarms, pager)
    alarms.add("x", title="5xx alarm", provider="cloudwatch", keys=("k1",))
    pager.add("P1", title="queue", provider="pagerduty", keys=("k2",))
    async with on_screen(rig):
        await rig.press("g", "j")
        assert rig.board.session.row_id == "pager/P1"
        alarms.add("x", title="5xx alarm", provider="cloudwatch", keys=("k1", "k2"))  # now both carry the same key
        rig.refresh()
        await rig.settle()
        assert [row.id for row in rig.board.session.tables["alerts"].rows] == ["alarms/x"]
        assert "resolved" not in rig.text()
        assert rig.board.session.row_id == "alarms/x"  # the row that the same problem is told by now
        await rig.press("a")
        assert [plan.target for plan in pager.acknowledge.sent] == ["pager/P1"]  # what the engineer had chosen
        assert alarms.acknowledge.sent == []
