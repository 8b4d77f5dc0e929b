"""The schemas: the examples are valid by the configuration's, mistakes are not, and its file is as it is made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from tests.support.fakes import deploy

from oncall_tui import bootstrap, cli
from oncall_tui.cli import group
from oncall_tui.cli.deploys import as_object
from oncall_tui.cli.schema import OUTPUTS, as_text, output_schema
from oncall_tui.config import known_settings, template
from oncall_tui.errors import ConfigurationError
from oncall_tui.providers import registry

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "schema" / "config.json"
AM = "{name: prom, provider: alertmanager, url: 'http://127.0.0.1:9093'"


@cache
def configuration() -> jsonschema.Draft202012Validator:
    found = bootstrap.config_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def wrong(text: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in configuration().iter_errors(yaml.safe_load(text))]


def examples() -> dict[str, str]:
    settings = (ROOT / "docs" / "settings.md").read_text().split("```yaml\n")[1:]
    found = {f"docs/settings.md {at}": part.partition("```")[0] for at, part in enumerate(settings)}
    found |= {f"config/{name}": (ROOT / "config" / name).read_text() for name in ("example.yaml", "minimal.yaml")}
    # each example of what `init` writes, uncommented
    lines = [line for line in template().splitlines() if not line.startswith("##")]
    return found | {"init": "\n".join(line[2:] if line.startswith("# ") else line for line in lines)}


def test_the_file_is_as_it_is_made() -> None:
    assert FILE.read_text() == as_text(bootstrap.config_schema()), (
        f"oncall-tui schema config > {FILE.relative_to(ROOT)}"
    )


@pytest.mark.parametrize("name", examples())
def test_every_example_is_valid_for_the_schema_and_for_the_loader(name: str) -> None:
    text = examples()[name]
    assert wrong(text) == []
    assert bootstrap.load_config_text(text, "c.yaml").sources


def test_the_schema_has_every_setting_and_no_other() -> None:
    found = bootstrap.config_schema()
    keys = set(found["properties"])
    keys |= {key for one in found["$defs"].values() for key in one.get("properties", {})}
    settings = known_settings(registry.options_types(), registry.destination_types())
    assert keys - {"escalation"} == {
        name.rpartition(".")[2].rstrip("[]") for name in settings if "]" not in name.rpartition(".")[2]
    }


@pytest.mark.parametrize(
    "text",
    [
        "nothing: 1",
        "read_only: sometimes",
        "timezone: 5",
        "steady_s: 0",
        "steady_s: 2m",
        "sources: 5",
        "sources: [{name: a}]",
        "sources: [{name: a, provider: nothing}]",
        "sources: [{name: a b, provider: ecs}]",
        "sources: [{name: a, provider: ecs, url: 'http://127.0.0.1'}]",  # another provider's key
        "sources: [{name: a, provider: alertmanager}]",
        "sources: [{name: a, provider: pagerduty, token: abc}]",
        "sources: [{name: a, provider: pagerduty, token: {env: A, file: /b}}]",
        "sources: [{name: a, provider: cloudwatch, severity: {awful: ['*']}}]",
        f"sources: [{AM}, interval_s: -1}}]",
        f"sources: [{AM}, auth: basic}}]",
        "pages: [{}]",
        "products: [{owner: '#a'}]",
        "products: [{name: a, services: [api]}]",
        "journal: {path: 5}",
        "journal: {dynamodb: {region: eu-west-1}}",
        "screen: {bell: loud}",
        "escalation: [{name: a, provider: slack, webhook: 'https://hooks.example.com/x'}]",
    ],
)
def test_a_mistake_for_the_schema_is_one_for_the_loader(text: str) -> None:
    assert wrong(text)
    with pytest.raises(ConfigurationError):
        bootstrap.load_config_text(text, "c.yaml")


def test_a_mistake_is_told_of_the_provider_that_was_chosen() -> None:
    (one,) = wrong("sources: [{name: prod, provider: ecs, regoin: eu-west-1}]")
    assert one == "$.sources[0]: Additional properties are not allowed ('regoin' was unexpected)"


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_has_a_schema_whose_keys_are_always_there(name: str) -> None:
    found = output_schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    printed = CliRunner().invoke(group.cli, ["schema", name])
    assert json.loads(printed.output) == found
    optional: dict[str, Any] = {"StatisticsOutput": {"by_alert", "by_service", "by_person"}}
    for kind, one in found["$defs"].items():
        if "properties" in one:
            assert set(one["properties"]) - set(one["required"]) == optional.get(kind, set()), kind


def test_what_has_no_schema_is_answered_with_what_has_one() -> None:
    listed = CliRunner().invoke(group.cli, ["schema"]).output
    assert [line.split()[0] for line in listed.splitlines()] == ["config", *OUTPUTS]
    refused = CliRunner().invoke(group.cli, ["schema", "everything"])
    assert refused.exit_code == cli.WRONG_USE
    assert "there are: config, status," in refused.output


def test_a_line_of_watched_deploys_is_valid() -> None:
    """The line is put together of a deploy and its time; tests/end_to_end/test_schemas.py has the others."""
    found = output_schema("deploys-watch")
    found["$defs"]["WatchedDeployOutput"]["additionalProperties"] = False
    jsonschema.validate({"at": "2026-11-29T22:00:00Z", **as_object(deploy("d1"))}, found)
