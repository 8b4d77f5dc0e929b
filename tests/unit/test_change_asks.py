"""Sources of changes are read early while an alert is new."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.support.fakes import alert
from tests.unit.test_suspect_changes import FIRES, SHOP, shown
from tests.unit.test_triage import NOW, hint

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.engine.change_asks import ChangeAsks
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager


def seen(*rows: Any) -> TriagedBoard:
    return Triager(Rules(products=(SHOP,))).triage(shown(*rows))


def test_a_new_alert_of_a_product_asks_its_sources_of_changes_for_a_minute() -> None:
    asks, board = ChangeAsks((SHOP,)), seen(FIRES)
    asked = [s for s in range(0, 80, 2) if asks.due(board, NOW + s, 1000.0 + s) == ["rds"]]
    assert asked == [0, 10, 20, 30, 40, 50]


def test_what_is_old_resolved_or_of_no_such_product_asks_for_nothing() -> None:
    for row in (
        alert("prom/a", began=NOW - 61, hint=hint("api")),
        msgspec.structs.replace(FIRES, state=AlertState.RESOLVED),
        alert("prom/b", began=NOW, hint=hint("nowhere")),
    ):
        assert ChangeAsks((SHOP,)).due(seen(row), NOW, 0.0) == []
    assert ChangeAsks((msgspec.structs.replace(SHOP, changes=()),)).due(seen(FIRES), NOW, 0.0) == []
    ecs = SourceStatus(name="prod", provider="ecs", state=SourceState.OK, read_at=NOW)
    board = msgspec.structs.replace(seen(FIRES).board, sources={"prod": ecs})
    wide = msgspec.structs.replace(SHOP, changes=("*/shop-*",))
    triaged = msgspec.structs.replace(seen(FIRES), board=board)
    assert ChangeAsks((wide,)).due(triaged, NOW, 0.0) == []  # services are read often anyway
