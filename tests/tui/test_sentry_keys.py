"""A Sentry and a Mackerel by keys: the real providers, the drill's sources, and the board between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.screen import Rig, on_screen
from tests.support.wire import Asked

from oncall_tui.providers.base import Context
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.provider import build as build_mackerel
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.provider import build as build_sentry
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.mackerel import SimulatedMackerel
from oncall_tui.simulator.services.sentry.api import SimulatedSentry
from oncall_tui.tui.screens.dialogs.confirm import ConfirmPlan
from oncall_tui.tui.screens.dialogs.modals import Form

SECRET = Secret("env", ("PLANTED_TOKEN",))
PEOPLE = [{"name": "Alice", "email": "alice@example.com"}, {"name": "Bob", "email": "bob@example.com"}]


class Ours(FakeClock):
    """The rig's clock, which is made after the providers are."""

    rig: Rig | None = None

    def now(self) -> float:
        return self.rig.clock.now() if self.rig else super().now()

    def monotonic(self) -> float:
        return self.rig.clock.monotonic() if self.rig else super().monotonic()


@asynccontextmanager
async def issues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Rig, SimulatedSentry, SimulatedMackerel]]:
    """A board with one issue (the cursor is on it) and one alert of Mackerel's."""
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    clock = Ours()
    sentry, mackerel = SimulatedSentry(clock.now, {"people": PEOPLE}), SimulatedMackerel(clock.now)
    sentry.report("k", "KeyError: 'amount' [/red]", "checkout", "fatal", count=1240, users=97, began=clock.now() - 60)
    mackerel.open("k", "load", "WARNING", began=clock.now() - 600)
    context = Context(source="errors", actor_email="alice@example.com", clock=clock)
    options = SentryOptions(name="errors", provider="sentry", organization="example", token=SECRET)
    keyed = MackerelOptions(name="monitors", provider="mackerel", api_key=SECRET)
    providers: list[Any] = [
        build_sentry(options, context, Asked(sentry).transport),
        build_mackerel(keyed, context, Asked(mackerel).transport),
    ]
    rig = Rig(tmp_path, *cast(Any, providers))
    clock.rig = rig
    async with on_screen(rig) as rig:
        yield rig, sentry, mackerel


async def test_a_assigns_and_u_gives_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with issues(tmp_path, monkeypatch) as (rig, sentry, _):
        assert rig.board.session.row_id == "errors/7001"
        assert "KeyError: 'amount' [/red]" in rig.text()
        await rig.press("a")
        rig.refresh()
        await rig.settle()
        assert "assigned to Alice" in rig.text()
        assert sentry.state()["issues"][0]["assignedTo"]["name"] == "Alice"
        await rig.press("u")
        assert "no longer assigned to Alice" in rig.text()
        assert sentry.state()["issues"][0]["assignedTo"] is None


async def test_s_ignores_until_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with issues(tmp_path, monkeypatch) as (rig, sentry, _):
        await rig.pilot.press("S")
        assert isinstance(await rig.modal(), Form)
        await rig.pilot.press(*"known", "enter")
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert "on its own" in rig.text()
        await rig.press("y")
        rig.refresh()
        await rig.settle()
        (issue,) = sentry.state()["issues"]
        assert (issue["status"], len(issue["comments"])) == ("ignored", 1)
        assert "silenced" in rig.text()


async def test_a_mackerel_alert_is_seen_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with issues(tmp_path, monkeypatch) as (rig, _, mackerel):
        await rig.press("j")
        assert rig.board.session.row_id == "monitors/2x000000001"
        assert "a mark seen" in rig.text()  # and not: ack
        await rig.press("a")
        assert "marked as seen on this machine only: Mackerel cannot be acknowledged" in rig.text()
        (close,) = [
            call
            for title, _, call in rig.board.actions.without_keys(rig.board.session.row())
            if title.startswith("resolve load")
        ]
        close()
        assert isinstance(await rig.modal(), ConfirmPlan)
        assert "a monitor that still fails opens a new alert" in rig.text()
        await rig.press("y")
        (alert,) = mackerel.state()["mackerel"]
        assert alert["reason"] == "closed (Alice, with oncall-tui)"
        assert "closed: closed (Alice" in rig.text()
