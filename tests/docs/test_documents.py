"""The documents are held to the code: keys, settings, commands, files and examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oncall_tui import bootstrap
from oncall_tui.cli import COMMANDS
from oncall_tui.config import known_settings, load_text
from oncall_tui.domain.action import Verb
from oncall_tui.providers import registry
from oncall_tui.simulator.scenarios.reader import load
from oncall_tui.tui.acting import PALETTE, VERBS
from oncall_tui.tui.keys import BY_NAME, KEYS, by_group

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


def test_every_key_id_that_can_be_configured_is_documented() -> None:
    part = README.partition("Keys can be changed under")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", part) == [key.id for key in KEYS]


def test_key_ids_and_keys_are_unique() -> None:
    assert len({k.id for k in KEYS}) == len(KEYS)
    assert len({k.key for k in KEYS}) == len(KEYS)


def test_every_verb_has_a_key_or_a_name_in_the_palette_and_stands_in_help_and_here() -> None:
    by_key = {verb: next(k for k in KEYS if k.id == key_id) for key_id, verb in VERBS.items()}
    by_key[Verb.SHELL] = next(k for k in KEYS if k.id == "shell")
    assert set(PALETTE) == set(BY_NAME)
    assert set(Verb) - set(by_key) - set(BY_NAME) == {Verb.TELL}  # no person asks for it
    assert not set(by_key) & set(BY_NAME)
    told = dict(pair for keys in by_group().values() for pair in keys)
    assert all(key.label in told for key in by_key.values())
    assert all(f": {name}" in told for name, _ in BY_NAME.values())
    assert all(PALETTE[verb][0].find(name) >= 0 for verb, (name, _) in BY_NAME.items())
    documented = {key.strip("`") for key, what in rows("Keys") if what}
    assert documented == set(told)


def test_every_verb_that_a_provider_offers_is_one_that_can_be_asked_for() -> None:
    sources = (ROOT / "src" / "oncall_tui" / "providers").rglob("*.py")
    offered = {name for path in sources for name in re.findall(r"Verb\.([A-Z_]+): ", path.read_text())}
    assert {"RESTART", "SNOOZE", "MERGE", "ACKNOWLEDGE"} <= offered
    reached = {verb.name for verb in (*VERBS.values(), *BY_NAME)}
    assert offered <= reached, offered - reached


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
