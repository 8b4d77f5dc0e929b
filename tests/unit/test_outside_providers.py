"""Providers of other distributions: found by name, checked; one that cannot be used is told with its distribution."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from oncall_tui import bootstrap
from oncall_tui.config import Config
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import ConfigurationError, Malformed
from oncall_tui.providers import outside, registry
from oncall_tui.runtime.clock import FakeClock

GOOD = """
from oncall_tui.domain.reading import Reading
from oncall_tui.providers.options import SourceOptions
from oncall_tui.providers.outside import ProviderManifest

PROVIDER = ProviderManifest(api_version=1, options="acme_board:AcmeOptions", factory="acme_board:build")

class AcmeOptions(SourceOptions, frozen=True, kw_only=True):
    url: str

class Acme:
    def __init__(self, options):
        self.source, self.provider, self.interval_s, self.stale_after_s = options.name, "acme", 30.0, 90.0
        self.login, self.banner = (), ""

def build(options, context):
    assert context.source == options.name
    return Acme(options)
"""
CONFIG = "sources: [{name: own, provider: acme, url: 'http://127.0.0.1:1'}]"
Offer = Callable[..., None]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Install a distribution that offers a provider."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(outside, "_found", {})
    before = set(sys.modules)

    def install(code: str = GOOD, *, name: str = "acme", distribution: str = "acme-board", module: str = "") -> None:
        module = module or distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{outside.GROUP}]\n{name} = {module}:PROVIDER\n")

    yield install
    for added in set(sys.modules) - before:
        if added.startswith(("acme", "other")):
            del sys.modules[added]


def configured(text: str = CONFIG) -> Config:
    return bootstrap.load_config_text(text, "config.yaml")


def built(config: Config) -> Any:
    return spec_of(config).build()


def spec_of(config: Config) -> SourceSpec:
    return bootstrap._spec(config.sources[0], bootstrap.actor_of(config), FakeClock(), False)


def test_a_provider_of_another_distribution_is_configured_and_built_as_any_other(offer: Offer) -> None:
    offer()
    config = configured(f"{CONFIG}\npages: [{{provider: acme}}]")
    assert config.sources[0].url == "http://127.0.0.1:1"  # type: ignore[attr-defined]
    assert built(config).source == "own"
    assert not spec_of(config).on_call
    assert bootstrap.past_sources(config, FakeClock()) == ({}, {})


def test_its_settings_are_checked_as_any_others(offer: Offer) -> None:
    offer()
    with pytest.raises(ConfigurationError, match=r'found the key "adress"'):
        configured(CONFIG.replace("url", "adress"))


def test_installed_distributions_are_not_looked_through_for_a_name_that_is_built_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def looked(**_: object) -> None:
        raise AssertionError("the start pays for it")

    monkeypatch.setattr(metadata, "entry_points", looked)
    config = configured("sources: [{name: prom, provider: alertmanager, url: 'http://127.0.0.1:1'}]")
    assert built(config).provider == "alertmanager"


def test_a_name_that_nobody_offers_is_a_mistake_of_the_configuration(offer: Offer) -> None:
    with pytest.raises(ConfigurationError, match=r'one of ecs, .* \(or a provider that another .* found "acme"'):
        configured()


@pytest.mark.parametrize(
    ("code", "said", "hint"),
    [
        (
            "import nothing_of_that_name",
            "the provider 'acme' of acme-board 1.2 cannot be loaded: "
            "ModuleNotFoundError: No module named 'nothing_of_that_name'",
            "install that distribution anew beside oncall-tui, or update it; the log has more",
        ),
        (
            GOOD.replace("api_version=1", "api_version=2"),
            "the provider 'acme' of acme-board 1.2 is written for version 2 of the provider API, "
            "and this oncall-tui has version 1",
            "update oncall-tui",
        ),
        (
            GOOD.replace("api_version=1", "api_version=0"),
            "the provider 'acme' of acme-board 1.2 is written for version 0 of the provider API, "
            "and this oncall-tui has version 1",
            "update that distribution",
        ),
        (
            GOOD.replace("PROVIDER = ", "PROVIDER = 7 and ").replace("7 and", "None and"),
            "the provider 'acme' of acme-board 1.2 is not described by a ProviderManifest",
            "report it to whoever maintains that distribution",
        ),
        (
            GOOD.replace("AcmeOptions(SourceOptions, frozen=True, kw_only=True)", "AcmeOptions"),
            "the provider 'acme' of acme-board 1.2 has options that are not SourceOptions",
            "report it to whoever maintains that distribution",
        ),
        (
            GOOD.replace("def build", "def built"),
            "the provider 'acme' of acme-board 1.2 cannot be loaded: "
            "AttributeError: module 'acme_board' has no attribute 'build'",
            "install that distribution anew beside oncall-tui, or update it; the log has more",
        ),
    ],
    ids=["broken", "newer", "older", "no manifest", "no options", "no factory"],
)
def test_one_that_cannot_be_used_is_a_source_that_says_why(offer: Offer, code: str, said: str, hint: str) -> None:
    offer(code)
    config = configured(f"{CONFIG[:-1]}, {{name: prom, provider: alertmanager, url: 'http://127.0.0.1:1'}}]")
    with pytest.raises(Malformed) as caught:
        built(config)
    assert (caught.value.message, caught.value.hint) == (said, hint)
    assert [source.name for source in config.sources] == ["own", "prom"], "the others go on"


def test_two_distributions_with_one_name_are_both_named_and_none_is_used(offer: Offer) -> None:
    offer()
    offer(distribution="other-board")
    with pytest.raises(Malformed, match=r"distributions offer a provider 'acme': acme-board 1\.2 and other-board 1\.2"):
        built(configured())
    assert registry.not_used() == ("several installed distributions offer a provider 'acme': none of them is used",)


def test_a_built_in_name_is_never_taken_over_and_check_says_so(offer: Offer) -> None:
    offer(name="pagerduty")
    assert registry.not_used() == (
        "the provider 'pagerduty' of acme-board 1.2 is never used: oncall-tui has one of that name",
    )
    assert registry.options_types()["pagerduty"].__module__ == "oncall_tui.providers.pagerduty.options"
