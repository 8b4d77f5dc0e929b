"""The configuration that points at a world: what `serve` prints, in the shape of the program's own file."""

from typing import Any

from oncall_tui.simulator.command import command
from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.world import destinations
from oncall_tui.simulator.world.world import World

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "ONCALL_DRILL_TOKEN": "drill-account"}

_PASSED_ON = ("timezone", "me", "pages")


def configuration(scenario: Table, world: World, control: str) -> dict[str, Any]:
    """The configuration object."""
    config: dict[str, Any] = {key: scenario[key] for key in _PASSED_ON if key in scenario}
    config["sources"] = [_source(it, world.listeners[it["name"]].url, control, scenario) for it in scenario["sources"]]
    if "escalation" in scenario:
        config["escalation"] = destinations.client_config(scenario, world)
    if "github" in scenario:
        config["github"] = {"api_url": world.listeners["github"].url, "token": {"env": "ONCALL_DRILL_TOKEN"}}
    config["products"] = scenario.get("products", [])
    return config


def _source(source: Table, url: str, control: str, scenario: Table) -> dict[str, Any]:
    name, provider = source["name"], source["provider"]
    shown: dict[str, Any] = {"name": name, "provider": provider}
    if provider in ("ecs", "cloudwatch", "rds", "eventbridge"):
        shown |= {"region": source.get("region", "ap-northeast-1"), "endpoint_url": url}
        shown["login"] = command("login", control, name)
        shown |= {key: source[key] for key in ("severity",) if key in source}
        if provider == "eventbridge":
            shown["queue"] = f"{url}/{source['account']}/{source['queue']}"
    elif provider == "pagerduty":
        shown |= {"url": url, "token": {"env": "ONCALL_DRILL_TOKEN"}}
        shown |= {key: source[key] for key in ("change_events", "schedule_edits") if key in source}
    elif provider == "sentry":
        shown |= {"url": url, "token": {"env": "ONCALL_DRILL_TOKEN"}}
        shown["organization"] = scenario.get("sentry", {}).get("organization", "example")
        shown |= {key: source[key] for key in ("services", "releases") if key in source}
    elif provider == "datadog":
        keys = {"env": "ONCALL_DRILL_TOKEN"}
        shown |= {"url": url, "api_key": keys, "application_key": keys}
        shown |= {key: source[key] for key in ("events",) if key in source}
    elif provider == "mackerel":
        shown |= {"url": url, "api_key": {"env": "ONCALL_DRILL_TOKEN"}}
        shown |= {key: source[key] for key in ("services",) if key in source}
    else:
        shown["url"] = url
    return shown
