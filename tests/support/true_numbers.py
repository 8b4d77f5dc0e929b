"""The numbers of a generated year, computed apart from the program: plain loops over what truly happened.

It knows neither the journal nor its history, nor any SQL; ``assert_same`` holds what the program says to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.year import TrueProblem, Year


def quantile(values: list[float], part: float) -> float | None:
    """Return the quantile, linear between ranks."""
    if not values:
        return None
    values = sorted(values)
    place = (len(values) - 1) * part
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] * (1 - place + low) + values[high] * (place - low)


def interruption(began: float, tz: ZoneInfo) -> str:
    """Return PagerDuty's name of that hour."""
    there = datetime.fromtimestamp(began, tz)
    if there.hour < 8 or there.hour >= 22:
        return "sleep"
    return "business" if there.isoweekday() <= 5 and there.hour < 18 else "off"


def truth(year: Year, tz: ZoneInfo, since: float, until: float) -> dict[str, Any]:
    """The numbers of what truly happened, by plain loops."""
    problems = [p for p in year.problems if since <= p.began < until]
    pages = [p for p in problems if p.pages]
    by_product: dict[str, list[int]] = {}
    hours = [0] * 24
    breaks = {"business": 0, "off": 0, "sleep": 0}
    alerts: dict[str, list[TrueProblem]] = {}
    for one in problems:
        by_product.setdefault(one.product, [0, 0])[one.pages] += 1
        hours[datetime.fromtimestamp(one.began, tz).hour] += 1
        alerts.setdefault(one.alert, []).append(one)
        if one.pages:
            breaks[interruption(one.began, tz)] += 1
    had = [p.acknowledged_at - p.began for p in problems if p.acknowledged_at is not None]
    took = [p.ended - p.began for p in problems if p.ended is not None]
    rollouts = [d for d in year.deploys if since <= d.started < until]
    own = sum(d.rollback for d in rollouts)
    failed = [d for d in rollouts if d.failed]
    recovered = [d.recovered - d.started for d in failed if d.recovered is not None]
    watched = sum(
        max(0.0, min(end, until) - max(begin, since))
        for begin, end in zip(
            [year.began, *(g[1] for g in year.gaps)], [*(g[0] for g in year.gaps), year.ended], strict=True
        )
    )
    return {
        "coverage": watched / (until - since),
        "notifications": len(problems) - len(pages),
        "pages": len(pages),
        "by_product": {name: (n, p) for name, (n, p) in by_product.items()},
        "by_hour": hours,
        "noisiest": {
            (a[0].title, a[0].source): (len(a), len(a) / len(problems), sum(p.acted for p in a))
            for a in alerts.values()
        },
        "interruptions": breaks,
        "acknowledge_s": (len(had), quantile(had, 0.5), quantile(had, 0.9)),
        "never": sum(p.acknowledged_at is None and p.over for p in problems),
        "resolve_s": (len(took), quantile(took, 0.5), quantile(took, 0.9)),
        "deploys": len(rollouts),
        "rollbacks": own + sum(d.within for d in rollouts),
        "change_fail_rate": len(failed) / (len(rollouts) - own) if len(rollouts) > own else None,
        "recovery_s": (len(recovered), quantile(recovered, 0.5)),
    }


def assert_same(found: dict[str, Any], true: dict[str, Any]) -> None:
    """Compare an object of ``--json`` with the truth. Raises AssertionError."""
    close = {name: pytest.approx(value, abs=0.01) for name, value in true.items() if isinstance(value, tuple)}
    assert found["coverage"] == pytest.approx(true["coverage"], abs=0.0005)
    for name in ("notifications", "pages", "by_hour", "interruptions", "deploys", "rollbacks"):
        assert found[name] == true[name], name
    assert {p["product"]: (p["notifications"], p["pages"]) for p in found["by_product"]} == true["by_product"]
    counts = sorted((count for count, _, _ in true["noisiest"].values()), reverse=True)
    assert [a["count"] for a in found["noisiest"]] == counts[: len(found["noisiest"])]
    for one in found["noisiest"]:
        count, share, acted = true["noisiest"][one["title"], one["source"]]
        assert (one["count"], one["acted_on"]) == (count, acted)
        assert one["share"] == pytest.approx(share)
    acknowledged = found["acknowledge_s"]
    assert (acknowledged["n"], acknowledged["median"], acknowledged["p90"]) == close["acknowledge_s"]
    assert acknowledged["never"] == true["never"]
    assert tuple(found["resolve_s"].values()) == close["resolve_s"]
    assert found["change_fail_rate"] == pytest.approx(true["change_fail_rate"])
    assert tuple(found["recovery_s"].values()) == close["recovery_s"]
