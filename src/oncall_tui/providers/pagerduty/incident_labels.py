"""Labels from an incident's alerts. Pure.

PagerDuty passes on what the integration sent, as ``body.details``. Alertmanager's default template makes strings of it
(``firing`` holds ``Labels:`` and lines `` - ecs_service = svc-0``); CloudWatch's integration passes the SNS message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from oncall_tui.domain.alert import Pairs, ServiceHint
from oncall_tui.providers.pagerduty.schema import IncidentAlert

_LINE = re.compile(r"^ - ([a-zA-Z_][a-zA-Z0-9_.:]*) = (.*)$")
_SETS = 50  # so many label sets of one incident are kept
_CLUSTER = ("ecs_cluster", "cluster", "ClusterName")
_SERVICE = ("ecs_service", "service", "ServiceName")
_ACCOUNT = ("account", "AWSAccountId")
_REGION = ("region",)
_ARN = re.compile(r"arn:[a-z-]+:cloudwatch:([a-z0-9-]+):(\d{12}):alarm:.+")


class Details(msgspec.Struct, frozen=True):
    """Keys that other systems know the problem by, label sets, and the service where all sets agree on it."""

    keys: tuple[str, ...] = ()
    label_sets: tuple[Pairs, ...] = ()
    labels: Pairs = ()
    hint: ServiceHint = ServiceHint()


NONE = Details()


def details(alerts: Iterable[IncidentAlert]) -> Details:
    """All that the alerts of one incident tell."""
    keys: dict[str, None] = {}
    sets: dict[Pairs, None] = {}
    for alert in alerts:
        if alert.alert_key:
            keys[f"dedup:{alert.alert_key}"] = None
            if _ARN.match(alert.alert_key):
                keys[alert.alert_key] = None
        said = alert.body.details if alert.body else None
        for labels in label_sets(said):
            sets[tuple(sorted(labels.items()))] = None
            if _ARN.match(labels.get("AlarmArn", "")):
                keys[labels["AlarmArn"]] = None
    found = tuple(sets)[:_SETS]
    common = set.intersection(*(set(pairs) for pairs in found)) if found else set()
    return Details(tuple(keys), found, tuple(sorted(common)), hint_of(dict(common)))


def label_sets(said: Any) -> list[dict[str, str]]:
    """The label sets of one alert's details: Alertmanager's text blocks, else the plain fields themselves."""
    if isinstance(said, str):
        return blocks(said)
    if not isinstance(said, dict):
        return []
    found = [
        labels for name in ("firing", "resolved") if isinstance(said.get(name), str) for labels in blocks(said[name])
    ]
    if found:
        return found
    plain = {str(k): str(v) for k, v in said.items() if isinstance(v, str | int | float) and not isinstance(v, bool)}
    trigger = said.get("Trigger")
    plain |= _dimensions(trigger.get("Dimensions") if isinstance(trigger, dict) else said.get("Dimensions"))
    return [plain] if plain else []


def blocks(text: str) -> list[dict[str, str]]:
    """The ``Labels:`` blocks of Alertmanager's text; what stands under ``Annotations:`` are no labels."""
    found: list[dict[str, str]] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == "Labels:":
            found.append({})
            inside = True
        elif match := _LINE.match(line):
            if inside:
                found[-1][match[1]] = match[2]
        elif line.strip():
            inside = False
    return [labels for labels in found if labels]


def _dimensions(said: Any) -> dict[str, str]:
    """CloudWatch's dimensions, in each of their three shapes."""
    if isinstance(said, dict):
        return {str(k): str(v) for k, v in said.items()}
    if not isinstance(said, list):
        return {}
    items = [{str(k).lower(): v for k, v in item.items()} for item in said if isinstance(item, dict)]
    return {str(item["name"]): str(item["value"]) for item in items if "name" in item and "value" in item}


def hint_of(labels: dict[str, str]) -> ServiceHint:
    """Return the ECS service that *labels* name."""
    arn = _ARN.match(labels.get("AlarmArn", ""))
    return ServiceHint(
        cluster=_first(labels, _CLUSTER),
        service=_first(labels, _SERVICE),
        account=_first(labels, _ACCOUNT) or (arn[2] if arn else ""),
        region=_first(labels, _REGION) or (arn[1] if arn else ""),
    )


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
