"""Lists of many pages in Datadog, Sentry and Mackerel: what came so far is told, and says what it says in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.wire import Asked

from oncall_tui.domain.reading import Reading
from oncall_tui.providers.base import Context, Provider, ReadRequest
from oncall_tui.providers.datadog import provider as datadog
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.mackerel import provider as mackerel
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.sentry import provider as sentry
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog
from oncall_tui.simulator.services.mackerel import SimulatedMackerel
from oncall_tui.simulator.services.sentry.api import SimulatedSentry

KEY = "planted-key-value"
SECRET, API, APPLICATION = (Secret("env", (f"PLANTED_{name}",)) for name in ("KEY", "API", "APP"))


def _datadog(clock: FakeClock, context: Context) -> tuple[Provider, int]:
    world = SimulatedDatadog(clock.now)
    for number in range(1_100):
        world.add({"id": number + 1, "name": f"check {number}", "groups": {"host:a": "Alert"}, "minutes": 10})
    options = DatadogOptions(name="one", provider="datadog", api_key=API, application_key=APPLICATION)
    return datadog.build(options, context, Asked(world).transport), 1_100


def _mackerel(clock: FakeClock, context: Context) -> tuple[Provider, int]:
    world = SimulatedMackerel(clock.now, {"keys": [KEY], "monitors": [{"name": "checkout 5xx"}]})
    for number in range(250):
        world.open(f"k{number}", "checkout 5xx", message="over", began=clock.now() - 300)
    return mackerel.build(
        MackerelOptions(name="one", provider="mackerel", api_key=SECRET), context, Asked(world).transport
    ), 250


def _sentry(clock: FakeClock, context: Context) -> tuple[Provider, int]:
    world = SimulatedSentry(clock.now, {"organization": "acme", "people": [], "tokens": [KEY]})
    for number in range(250):
        world.report(f"k{number}", "KeyError", "checkout", "error", count=1, users=1, began=clock.now() - 900)
    options = SentryOptions(name="one", provider="sentry", organization="acme", token=SECRET)
    return sentry.build(options, context, Asked(world).transport), 250


@pytest.mark.parametrize("build", [_datadog, _mackerel, _sentry])
def test_pages_are_told_as_they_come_and_each_row_as_it_is_in_the_end(
    build: Callable[[FakeClock, Context], tuple[Any, int]],
    clock: FakeClock,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    monkeypatch.setenv("PLANTED_API", "drill-planted-api-key")
    monkeypatch.setenv("PLANTED_APP", "drill-planted-app-key")
    monkeypatch.setattr("oncall_tui.providers.sentry.api.time.sleep", clock.advance)
    provider, count = build(clock, context)
    parts: list[Reading] = []
    whole = provider.read(ReadRequest(part=lambda make: parts.append(make())))
    assert (len(whole.alerts), whole.complete) == (count, True)
    assert len(parts) >= 2
    assert not any(part.complete for part in parts)
    sizes = [len(part.alerts) for part in parts]
    assert sizes == sorted(sizes)
    assert 0 < sizes[0] < count
    final = {alert.id: alert for alert in whole.alerts}
    for part in parts:
        assert {a.id: (a.title, a.state, a.severity) for a in part.alerts} == {
            a.id: (a.title, a.state, a.severity) for a in (final[told.id] for told in part.alerts)
        }
    again = provider.read(ReadRequest())
    assert len(again.alerts) == count
