"""What an alarm watches is named, also where it is no metric that can be drawn."""

from __future__ import annotations

from datetime import UTC

import pytest
from tests.support.fakes import alert

from oncall_tui.domain.metric import Metric
from oncall_tui.tui.screens.detail.metric_part import metrics_section
from oncall_tui.tui.screens.detail.parts import Measured, Part
from oncall_tui.tui.screens.detail.subject import Subject
from oncall_tui.tui.screens.detail.words import Scene

SCENE = Scene(update=None, now=1_800_000_000.0, tz=UTC, cells=100)  # type: ignore[arg-type]  # no board is asked here


def told(annotation: str, metric: Metric | None = None) -> str:
    one = alert("alarms/rate", annotations=((annotation, "rate = 100*m1/m2"),), metric=metric)
    part: Part[Measured] = Part()
    section = metrics_section(Subject(pane="alerts", row_id=one.id, members=(one,)), part, SCENE)
    return "\n".join("".join(words for words, _ in line) for line in section.lines)


@pytest.mark.parametrize("annotation", ["expression", "query"])
def test_an_expression_that_cannot_be_drawn_is_named(annotation: str) -> None:
    assert "watches an expression: rate = 100*m1/m2" in told(annotation)


def test_an_alert_without_one_names_none() -> None:
    assert "watches" not in told("summary")
    assert "no metric that can be drawn" in told("summary")
