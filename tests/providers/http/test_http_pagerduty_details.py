"""What an incident's alerts tell of the labels behind them."""

from __future__ import annotations

from typing import Any

import pytest

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.providers.pagerduty.incident_labels import details, label_sets
from oncall_tui.providers.pagerduty.schema import IncidentAlert, PagerDutyBody

TWO = """Labels:
 - alertname = Down
 - ecs_cluster = prod
 - ecs_service = svc-0
 - note = a = b
Annotations:
 - summary = [/prod] down
Source: http://prometheus.example/graph
Labels:
 - alertname = Down
 - ecs_cluster = prod
 - ecs_service = svc-1
Annotations:
Source: x
"""
ARN = "arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:api-cpu"


def one(said: Any, key: str | None = None) -> IncidentAlert:
    return IncidentAlert(alert_key=key, body=PagerDutyBody(said))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (None, []),
        (["x"], []),
        ("just text", []),
        ({}, []),
        ({"firing": "", "num_firing": "0"}, [{"firing": "", "num_firing": "0"}]),
        ({"firing": "Labels:\n - a = b\n", "resolved": "Labels:\n - c = d\n"}, [{"a": "b"}, {"c": "d"}]),
        ("Labels:\n - a = b\nAnnotations:\n - c = d\n", [{"a": "b"}]),
        ({"ecs_service": "api", "n": 3, "deep": {"x": 1}, "flag": True}, [{"ecs_service": "api", "n": "3"}]),
    ],
)
def test_label_sets(said: Any, found: list[dict[str, str]]) -> None:
    assert label_sets(said) == found


def test_what_all_sets_agree_on_is_the_hint() -> None:
    got = details([one({"firing": TWO}, "k")])
    assert len(got.label_sets) == 2
    assert got.labels == (("alertname", "Down"), ("ecs_cluster", "prod"))
    assert got.hint == ServiceHint(cluster="prod")
    assert dict(got.label_sets[0])["note"] == "a = b"


@pytest.mark.parametrize(
    "dimensions",
    [
        [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "api"}],
        [{"Name": "ClusterName", "Value": "prod"}, {"Name": "ServiceName", "Value": "api"}],
        {"ClusterName": "prod", "ServiceName": "api"},
    ],
)
def test_cloudwatch_dimensions_in_each_shape(dimensions: Any) -> None:
    got = details([one({"AlarmArn": ARN, "Trigger": {"Dimensions": dimensions}}, "dk")])
    assert got.hint == ServiceHint("prod", "api", "123456789012", "ap-northeast-1")
    assert got.keys == ("dedup:dk", ARN)
