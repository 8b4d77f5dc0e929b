"""Fleets of any size as scenarios of the simulated world: accounts, services, alerts, and deploys that never end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.world import World

TEAMS = ("payments", "auth", "search", "catalog", "cart", "orders", "shipping", "media", "mail", "reports")
REGIONS = ("eu-west-1", "us-east-1", "ap-northeast-1", "eu-central-1", "us-west-2")
CLUSTERS = ("main", "jobs")

Table = dict[str, Any]


def path(index: int, accounts: int) -> str:
    """Return the name of the service with this number, ``source/cluster/service``: spread evenly."""
    account, cluster = index % accounts, CLUSTERS[index // accounts % len(CLUSTERS)]
    return f"a{account}/{cluster}/{TEAMS[index % len(TEAMS)]}-{index:04d}"


def alert(index: int, services: int, accounts: int) -> Table:
    """Return an alert of a service, as the world's ``fire`` takes it; one in fifty pages."""
    source, cluster, service = path(index % services, accounts).split("/")
    labels = {
        "alertname": f"Drill{index % 20:02d}",
        "severity": "critical" if index % 50 == 0 else "warning",
        "ecs_cluster": cluster,
        "ecs_service": service,
        "team": service.partition("-")[0],
        "account": source,
        "instance": f"10.{index // 62_500}.{index // 250 % 250}.{index % 250}:9100",
    }
    return {
        "labels": labels,
        "annotations": {"summary": f"{service}: check {index} is over its limit"},
        "minutes_ago": 1 + index % 3000,
    }


def scenario(services: int, alerts: int, accounts: int = 2, deploying: Iterable[int] = ()) -> Table:
    """Return a world with so many of each; the services with the numbers *deploying* deploy for ever."""
    sources: list[Table] = [
        {
            "name": f"a{number}",
            "provider": "ecs",
            "account": f"{number + 1:012d}",
            "region": REGIONS[number % len(REGIONS)],
            "clusters": list(CLUSTERS),
        }
        for number in range(accounts)
    ]
    events: list[Table] = [{"fire": alert(index, services, accounts)} for index in range(alerts)]
    for index in deploying:
        events.append({"hold": {"service": path(index, accounts), "at": {"IN_PROGRESS": 0}}})
        events.append({"deploy": {"service": path(index, accounts)}})
    return {
        "name": f"{services} services",
        "timezone": "UTC",
        "me": {"name": "Alice", "email": "alice@example.com"},
        "sources": [*sources, {"name": "prom", "provider": "alertmanager"}],
        "pages": [{"severity": "critical"}],
        "products": [
            {"name": team, "owner": f"#team-{team}", "services": [f"*/*/{team}-*"], "alerts": {"team": team}}
            for team in TEAMS
        ],
        "services": [
            {"at": path(index, accounts), "desired": 2 + index % 3, "days": 1 + index % 30, "events": 100}
            for index in range(services)
        ],
        "events": events,
    }


def serve(services: int, alerts: int, accounts: int = 2, deploying: Iterable[int] = ()) -> World:
    """That world, started. Its scenario is a file, since JSON is YAML."""
    with tempfile.TemporaryDirectory(prefix="oncall-tui-bench-") as folder:
        at = Path(folder) / "scenario.yaml"
        at.write_text(json.dumps(scenario(services, alerts, accounts, deploying)))
        return World(str(at))  # it has read the file when it says where it listens
