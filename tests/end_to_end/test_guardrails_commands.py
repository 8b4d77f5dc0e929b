"""Guardrails by commands: a freeze refuses, a reason overrides it, and what is left behind says so."""

from __future__ import annotations

from collections.abc import Callable

from tests.end_to_end.test_commands import NOT_DONE, Shell, alert
from tests.end_to_end.world import PAYMENTS, World, acknowledgers, until

FREEZE = {
    "name": "year-end",
    "reason": "year-end sale",
    "freeze": {"from": "2020-01-01", "until": "2099-01-05 09:00"},
    "who": ["sre-lead"],
}
WHY = "checkout is down"


def test_a_freeze_by_commands(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third")
    shell = Shell(world, guardrails=[FREEZE])
    until(world.incident, "the page", 30)
    confirm = ("--yes", "--confirm", "payments-api")
    refused = shell("rollback", PAYMENTS, *confirm, code=NOT_DONE)
    assert "refused: guardrail year-end: year-end sale (freeze until 5 Jan 2099 09:00" in refused.out
    assert "sre-lead may" in refused.out
    assert "--override REASON does it all the same" in refused.err
    assert world.writes() == []

    shell("ack", alert(shell, "HighErrorRate")["id"], "--yes")  # which is never frozen
    assert acknowledgers(world.incident() or {}) == ["Alice"]

    sent = shell("rollback", PAYMENTS, *confirm, "--override", WHY)
    assert "! overrides guardrail year-end: year-end sale (freeze until 5 Jan 2099 09:00" in sent.err
    assert f": {WHY}\n" in sent.err
    words = f"overrode guardrail year-end: {WHY}"
    assert words in shell("journal", "--actions").out
    assert words in shell("handover").out
