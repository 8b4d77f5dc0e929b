"""What a look must not get wrong while time goes by, alerts are joined and parted, and half of it is hidden."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.fakes import FakeProvider, alert, service
from tests.support.screen import Rig
from tests.unit.test_problems import WATCHDOG, incident
from tests.unit.test_triage import NOW, PAGES, board, hint

from oncall_tui.cli.common import target
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.product import Product
from oncall_tui.engine import Engine
from oncall_tui.errors import Refused
from oncall_tui.triage.look import Looker, Rules
from oncall_tui.triage.ring import Ring

# --- nothing moves but time -------------------------------------------------------------------------------------------


def test_a_dead_mans_switch_is_missed_on_a_board_where_nothing_else_moves(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    rig.engine.looker = Looker(Rules(expected=({"alertname": "Watchdog"},)))
    rig.provider.alerts = {WATCHDOG.id: WATCHDOG}
    rig.poll()
    rig.provider.alerts = {}
    rig.poll()
    assert rig.engine.update.look.alerts == ()
    rig.clock.advance(121)
    rig.poll()
    assert [r.id for r in rig.engine.update.look.alerts] == ["expected/alertname=Watchdog"]


def test_what_fired_all_along_on_a_quiet_board_is_in_the_same_episode(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    then = rig.clock.now()
    first = alert("prom/a", began=then)
    rig.provider.alerts = {first.id: first}
    rig.poll()
    rig.clock.advance(7200)
    rig.poll()
    again = alert("prom/a", began=then + 7190)
    rig.provider.alerts = {again.id: again}
    rig.poll()
    (row,) = rig.engine.update.look.alerts
    assert (row.began, row.firings) == (then, 2)


# --- what is hidden ---------------------------------------------------------------------------------------------------

TRACKING = {"hidden": "target tracking"}


def test_a_hidden_alert_does_not_hide_what_it_is_joined_to() -> None:
    rows = [alert("alarms/1", keys=("k",), severity=Severity.CRITICAL, **TRACKING), alert("prom/1", keys=("k",))]
    look = Looker(Rules()).look(board(*rows))
    assert ([r.alert.id for r in look.alerts], look.hidden) == (["prom/1"], 0)


def test_hidden_alerts_are_nothing_wide_and_do_not_page() -> None:
    services = [service(f"prod/main/{name}") for name in ("a", "b", "c")]
    products = tuple(Product(name=name, services=(f"prod/main/{name}",)) for name in ("a", "b", "c"))
    rows = [alert(f"alarms/{n}", hint=hint(n), severity=Severity.CRITICAL, **TRACKING) for n in ("a", "b", "c")]
    pages = ({"severity": "critical"},)
    look = Looker(Rules(pages=pages, products=products)).look(board(*services, *rows), show_hidden=True)
    assert (look.wide, [r.pages for r in look.alerts]) == (None, [False] * 3)
    assert Ring().new(look) == []


# --- where a key goes -------------------------------------------------------------------------------------------------


def test_of_two_incidents_the_one_that_leads_the_row_is_the_one_that_the_key_goes_to() -> None:
    one = incident("pager/1", began=NOW - 60, severity=Severity.WARNING)
    two = incident("pager/2", began=NOW - 30, severity=Severity.CRITICAL)
    look = Looker(Rules(pages=PAGES)).look(board(one, two))
    (row,) = look.alerts
    assert row.alert.id == row.incident == "pager/2"
    assert Ring().new(look) == [row.id]


def commanded(named: Alert, verb: Verb, *rows: Any) -> str:
    """Where a command on *named* goes."""
    look = Looker(Rules()).look(board(*rows))
    update = SimpleNamespace(look=look, board=look.board)
    engine = SimpleNamespace(first_read=lambda timeout_s: update, update=update)
    return target(cast(Engine, engine), named, verb).id


def test_a_command_goes_to_what_it_names_or_to_its_incident_and_to_nothing_else() -> None:
    both = frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE})
    pager = incident(verbs=frozenset({Verb.ACKNOWLEDGE}))
    other = incident("pager/2", began=NOW, verbs=frozenset({Verb.ACKNOWLEDGE}))
    a, b = alert("am1/f", keys=("arn:1",), verbs=both), alert("am2/f", keys=("arn:1",), verbs=both)
    assert commanded(b, Verb.ACKNOWLEDGE, pager, a, b) == "pager/1"
    assert commanded(b, Verb.SILENCE, pager, a, b) == "am2/f"
    assert commanded(a, Verb.SILENCE, pager, a, b) == "am1/f"
    assert commanded(other, Verb.ACKNOWLEDGE, pager, other, a) == "pager/2"
    had = incident(state=AlertState.ACKNOWLEDGED, verbs=frozenset())
    with pytest.raises(Refused):
        commanded(a, Verb.ACKNOWLEDGE, had, a)
