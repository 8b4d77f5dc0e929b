"""Which provider has which capability: a method that is renamed must not take a feature away in silence."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import alert
from tests.support.parsed import ONE_PROCESS, parsed

from oncall_tui import bootstrap
from oncall_tui.domain.action import Verb, unsupported
from oncall_tui.providers import base, registry
from oncall_tui.providers.base import Context, Provider
from oncall_tui.runtime.clock import FakeClock

HAS = {
    "ecs": {
        base.SupportsInspect,
        base.SupportsMetrics,
        base.SupportsLogs,
        base.SupportsShell,
        base.SupportsHistory,
        base.SupportsServiceNames,
        base.SupportsWho,
    },
    "cloudwatch": {base.SupportsTimeline, base.SupportsMetrics, base.SupportsHistory},
    "rds": set[Any](),
    "alertmanager": {base.SupportsSilences, base.SupportsAckRenewal},
    "pagerduty": {base.SupportsOnCall, base.SupportsTimeline, base.SupportsHistory},
    "sentry": {base.SupportsTimeline, base.SupportsHistory},
    "datadog": set[Any](),
    "mackerel": {base.SupportsTimeline, base.SupportsHistory},
    "eventbridge": set[Any](),
}
ALL: tuple[Any, ...] = tuple(
    value for name, value in vars(base).items() if name.startswith("Supports") and value is not base.SupportsBulk
)
SRC = Path(base.__file__).parents[1]


def built(name: str) -> Provider:
    example = (SRC.parents[1] / "config/example.yaml").read_text()
    options = next(one for one in bootstrap.load_config_text(example, "example.yaml").sources if one.provider == name)
    return registry.build(options, Context(name, "alice@example.com", FakeClock()))


def test_every_provider_is_here() -> None:
    assert set(HAS) == set(registry.SOURCES)
    assert len(ALL) == 11


@pytest.mark.parametrize("name", registry.SOURCES)
def test_a_refusal_names_the_rows_of_every_provider(name: str) -> None:
    words = unsupported(Verb.RESOLVE, name)
    assert not words.startswith(f"{name} alerts "), "domain/action.py: _KINDS"
    assert words.lower().startswith(name)


@pytest.mark.parametrize("name", sorted(set(registry.SOURCES) - {"ecs"}))  # ECS makes no alerts
def test_every_provider_of_alerts_has_its_name_as_people_write_it(name: str) -> None:
    system = alert("a", provider=name).system
    assert system != name, "domain/alert.py: _SYSTEMS"
    assert system.lower() == name


@pytest.mark.parametrize("name", registry.SOURCES)
def test_each_provider_has_a_folder_of_its_own_with_its_options(name: str) -> None:
    entry = registry.SOURCES[name]
    folder = entry.options.partition(".")[0]
    assert folder == entry.factory.partition(".")[0]
    assert (SRC / "providers" / folder / "__init__.py").exists()


def test_every_folder_of_providers_is_registered() -> None:
    """A folder that no line names is never built; ``http`` is what they share, ``github`` no source of the board."""
    entries = (*registry.SOURCES.values(), *registry.DESTINATIONS.values())
    folders = {path.parent.name for path in (SRC / "providers").glob("*/__init__.py")}
    assert folders - {"http", "github"} == {entry.options.partition(".")[0] for entry in entries}


@pytest.mark.parametrize("name", HAS)
def test_a_provider_has_these_capabilities_and_no_others(name: str) -> None:
    provider = built(name)
    try:
        assert {capability for capability in ALL if isinstance(provider, capability)} == HAS[name]
        assert registry.SOURCES[name].on_call == isinstance(provider, base.SupportsOnCall)
        assert registry.SOURCES[name].history == isinstance(provider, base.SupportsHistory)
        assert registry.SOURCES[name].names_services == isinstance(provider, base.SupportsServiceNames)
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


@ONE_PROCESS
def test_a_capability_is_asked_by_isinstance() -> None:
    """Neither ``hasattr`` nor ``cast``: mypy follows ``isinstance``, and sees a method that has another name now."""
    found = [
        f"{path.relative_to(SRC)}:{node.lineno} {node.func.id}"
        for path in SRC.rglob("*.py")
        if "tui" not in path.relative_to(SRC).parts
        for node in ast.walk(parsed(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "cast")
    ]
    assert found == []
