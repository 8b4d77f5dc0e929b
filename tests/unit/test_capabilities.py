"""Which provider has which capability: a method that is renamed must not take a feature away in silence."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from oncall_tui import bootstrap
from oncall_tui.domain.action import Verb
from oncall_tui.providers import base, registry
from oncall_tui.providers.base import Context, Provider
from oncall_tui.runtime.clock import FakeClock

SOURCES = """
sources:
  - {name: ecs, provider: ecs, region: eu-central-1, account: "111111111111"}
  - {name: cloudwatch, provider: cloudwatch, region: eu-central-1, account: "111111111111"}
  - {name: alertmanager, provider: alertmanager, url: "http://127.0.0.1:9"}
  - {name: pagerduty, provider: pagerduty, token: {env: NONE}}
  - {name: sentry, provider: sentry, organization: o, token: {env: NONE}}
  - {name: datadog, provider: datadog, api_key: {env: NONE}, application_key: {env: NONE}}
  - {name: mackerel, provider: mackerel, api_key: {env: NONE}}
"""
HAS = {
    "ecs": {base.SupportsInspect, base.SupportsMetrics, base.SupportsLogs, base.SupportsShell},
    "cloudwatch": {base.SupportsTimeline, base.SupportsMetrics},
    "alertmanager": {base.SupportsAckRenewal},
    "pagerduty": {base.SupportsOnCall, base.SupportsTimeline},
    "sentry": {base.SupportsTimeline},
    "datadog": set[Any](),
    "mackerel": set[Any](),
}
ALL: tuple[Any, ...] = tuple(
    value for name, value in vars(base).items() if name.startswith("Supports") and value is not base.SupportsBulk
)
SRC = Path(base.__file__).parents[1]


def built(name: str) -> Provider:
    config = bootstrap.load_config_text(SOURCES, "c.yaml")
    (options,) = (one for one in config.sources if one.name == name)
    return registry.build(options, Context(name, "alice@example.com", FakeClock()))


def test_every_provider_is_here() -> None:
    assert set(HAS) == set(registry.SOURCES)
    assert len(ALL) == 7


@pytest.mark.parametrize("name", HAS)
def test_a_provider_has_these_capabilities_and_no_others(name: str) -> None:
    provider = built(name)
    try:
        assert {capability for capability in ALL if isinstance(provider, capability)} == HAS[name]
        assert registry.SOURCES[name].on_call == isinstance(provider, base.SupportsOnCall)
    finally:
        provider.close()


@pytest.mark.parametrize("name", HAS)
def test_pagerduty_alone_takes_many_in_one_call(name: str) -> None:
    provider = built(name)
    try:
        bulk = {verb for verb, handler in provider.handlers().items() if isinstance(handler, base.SupportsBulk)}
        assert bulk == ({Verb.ACKNOWLEDGE, Verb.RESOLVE} if name == "pagerduty" else set())
    finally:
        provider.close()


def test_a_capability_is_asked_by_isinstance() -> None:
    """Neither ``hasattr`` nor ``cast``: mypy follows ``isinstance``, and sees a method that has another name now."""
    found = [
        f"{path.relative_to(SRC)}:{node.lineno} {node.func.id}"
        for path in SRC.rglob("*.py")
        if "tui" not in path.relative_to(SRC).parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "cast")
    ]
    assert found == []
