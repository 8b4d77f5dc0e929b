"""The documents are held to the code: keys, settings, commands, files and examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oncall_tui import bootstrap
from oncall_tui.cli import COMMANDS
from oncall_tui.config import known_settings, load_text
from oncall_tui.drill.scenario import load
from oncall_tui.providers import registry
from oncall_tui.tui.keys import KEYS, by_group

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under a heading of the README."""
    part = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in found]


def test_the_key_table_is_made_from_the_bindings() -> None:
    documented = [(key.strip("`"), what) for key, what in rows("Keys") if what]
    assert documented == [pair for keys in by_group().values() for pair in keys]


def test_key_ids_and_keys_are_unique() -> None:
    assert len({k.id for k in KEYS}) == len(KEYS)
    assert len({k.key for k in KEYS}) == len(KEYS)


def test_every_command_is_documented_and_exists() -> None:
    documented = {match for cell, *_ in rows("Commands") for match in re.findall(r"`oncall-tui (\w+)", cell)}
    assert documented == set(COMMANDS)


def test_every_setting_is_documented() -> None:
    part = README.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    words = set(re.findall(r"`(\w+)`", part))
    settings = known_settings(registry.options_types(), registry.destination_types())
    leaves = {re.split(r"[.\]]", s)[-1].rstrip("[]") or s for s in settings}
    assert {leaf for leaf in leaves if leaf} - words == set()


def test_the_readmes_configuration_loads() -> None:
    example = README.partition("```yaml\n")[2].partition("```")[0]
    config = load_text(example, registry.options_types(), destinations=registry.destination_types())
    assert [s.provider for s in config.sources] == [
        "ecs",
        "cloudwatch",
        "alertmanager",
        "pagerduty",
        "sentry",
        "datadog",
        "mackerel",
    ]


@pytest.mark.parametrize("name", ["example.yaml", "minimal.yaml"])
def test_the_example_configurations_load(name: str) -> None:
    assert bootstrap.load_config_text((ROOT / "config" / name).read_text(), name).sources


def test_the_example_scenario_loads() -> None:
    assert load(str(ROOT / "config" / "scenario.yaml"))


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    quoted = re.findall(r"`((?:src|tests|benchmarks|config|docs)/[\w./-]+)`", text)
    missing = [name for name in (*links, *quoted) if not (ROOT / name).exists()]
    assert missing == []


def test_every_room_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [p.name for p in (ROOT / "src" / "oncall_tui").iterdir() if not p.name.startswith(("_", "py."))]
    assert [room for room in rooms if room not in text] == []
