"""The scale scenario: as many services and alerts as asked for, at rest, with long event streams and no faults."""

from oncall_tui.simulator.scenarios.reader import Table, load

_PLACES = ("prod/prod-main", "prod/prod-jobs", "edge/edge-main", "edge/edge-jobs")
_PRODUCTS = ("payments", "auth", "search", "catalog", "cart", "orders", "shipping", "media", "mail", "reports")
_PARTS = ("api", "worker", "web", "cache", "sync", "batch", "stream", "gateway")


def scale(services: int, alerts: int) -> Table:
    """The scenario, as if it had been read from a file."""
    base = {key: value for key, value in load("quiet").items() if key not in ("alarms", "services", "products")}
    laid = [_service(index) for index in range(services)]
    return base | {
        "name": "scale",
        "products": [
            {
                "name": name,
                "owner": f"#team-{name}",
                "services": [f"prod/*/{name}-*", f"edge/*/{name}-*"],
                "alerts": {"team": name},
            }
            for name in _PRODUCTS
        ],
        "services": laid,
        "events": [{"fire": _alert(index, laid)} for index in range(alerts)],
    }


def _service(index: int) -> Table:
    product = _PRODUCTS[index % len(_PRODUCTS)]
    part = _PARTS[index // len(_PRODUCTS) % len(_PARTS)]
    number = index // (len(_PRODUCTS) * len(_PARTS))
    return {
        "at": f"{_PLACES[index % len(_PLACES)]}/{product}-{part}-{number:03d}",
        "desired": 2 + index % 3,
        "days": 1 + index % 30,
        "events": 100,
    }


def _alert(index: int, services: list[Table]) -> Table:
    source, cluster, service = services[index % len(services)]["at"].split("/") if services else ("prod", "-", "-")
    labels = {
        "alertname": f"Drill{index % 20:02d}",
        "severity": "critical" if index % 50 == 0 else "warning",
        "cluster": cluster,
        "service": service,
        "ecs_cluster": cluster,
        "ecs_service": service,
        "team": service.split("-")[0],
        "account": source,
        "instance": f"10.0.{index // 250}.{index % 250}:9100",
    }
    notes = {"summary": f"{service}: check {index} is over its limit", "runbook_url": "https://wiki.example.com/drill"}
    return {"labels": labels, "annotations": notes, "minutes_ago": 1 + index % 3000}
