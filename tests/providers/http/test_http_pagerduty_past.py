"""PagerDuty's past: incidents of the simulated account, with who acknowledged them first and when they ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.told import HistorySpan, ToldFiring
from oncall_tui.providers.base import Context, SupportsHistory
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.past import INCIDENTS
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty
from oncall_tui.triage.episodes import key_of

NOW = 1_800_000_000.0
DAY = 86_400.0
SPAN = HistorySpan(NOW - 90 * DAY, NOW)


class Wire:
    """The provider before the simulated account."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock(NOW)
        self.pager = SimulatedPagerDuty(self.clock.now, spec={"people": [{"name": "Alice"}, {"name": "Bob"}]})
        self.asked = Asked(self.pager)
        made = PagerDutyOptions(name="pager", provider="pagerduty", token=Secret("env", ("PD_PAST",)), **options)
        self.provider: PagerDutyProvider = build(made, Context("pager", "", self.clock), self.asked.transport)

    def lay(self, key: str, days: float, minutes: float = 10.0, **more: Any) -> None:
        began = NOW - days * DAY
        given = {"key": key, "title": f"{key} is down", "service": "svc", "urgency": "high", **more.pop("given", {})}
        self.pager.past(given, began, began + 60 * minutes, **more)

    def all(self, span: HistorySpan = SPAN) -> tuple[list[ToldFiring], list[str]]:
        """Every firing, and what is lacking, as an import reads them."""
        found: list[ToldFiring] = []
        words: dict[str, None] = {}
        after: str | None = ""
        while after is not None:
            page = self.provider.history(span, after)
            found += page.firings
            words.update((f"{p.scope}: {p.message}", None) for p in page.problems)
            after = page.after
        return found, list(words)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Wire]:
    monkeypatch.setenv("PD_PAST", "drill-account")
    return Wire


def test_each_incident_is_a_firing_with_its_end_and_who_had_it_first(wire: Callable[..., Wire]) -> None:
    one = wire()
    details = {"ecs_cluster": "main", "ecs_service": "api"}
    one.lay("pay", 40, 12, by="Alice", acknowledged=("Bob", NOW - 40 * DAY + 90), given={"details": details})
    one.lay("mail", 3, 5)
    one.lay("older", 91)
    one.pager.trigger("open", "still", "svc", began=NOW - 600)
    (pay, mail, still), lacks = one.all()
    assert lacks == []
    assert isinstance(one.provider, SupportsHistory)
    assert (key_of(pay.alert), pay.alert.began, pay.ended) == ("dedup:pay", NOW - 40 * DAY, NOW - 40 * DAY + 720)
    assert (pay.acknowledged_at, pay.acknowledged_by) == (NOW - 40 * DAY + 90, "Bob")
    assert pay.alert.hint == ServiceHint(cluster="main", service="api")
    assert (mail.acknowledged_at, mail.acknowledged_by, mail.ended) == (None, "", NOW - 3 * DAY + 300)
    assert (still.alert.title, still.ended) == ("still", None)


def test_all_pages_of_all_weeks_are_read_oldest_first_each_incident_once(wire: Callable[..., Wire]) -> None:
    one = wire()
    for number in range(3 * INCIDENTS + 1):
        one.lay(f"k{number}", 80 - number * 0.05)
    for number in range(10):
        one.lay(f"w{number}", 70 - 7 * number)
    found, _ = one.all()
    assert [f.alert.began for f in found] == sorted(f.alert.began for f in found)
    assert len(found) == len({f.alert.id for f in found}) == 3 * INCIDENTS + 11


def test_a_page_is_the_same_in_another_run(wire: Callable[..., Wire]) -> None:
    one = wire()
    for number in range(2 * INCIDENTS):
        one.lay(f"k{number}", 80 - number * 0.05)
    first = one.provider.history(SPAN, "")
    while first.after is not None and not first.firings:
        first = one.provider.history(SPAN, first.after)
    assert first.after is not None
    assert one.provider.history(SPAN, first.after).firings == one.provider.history(SPAN, first.after).firings


def test_the_teams_services_and_urgencies_of_the_source_narrow_its_past(wire: Callable[..., Wire]) -> None:
    one = wire(urgencies=("low",))
    one.lay("high", 3)
    one.lay("low", 2, given={"urgency": "low"})
    assert [f.alert.title for f in one.all()[0]] == ["low is down"]
    lists = [r.url.params for r in one.asked.requests if r.url.path == "/incidents"]
    assert all("date_range" not in params and params["since"] < params["until"] for params in lists)


def test_a_damaged_incident_is_named_and_hides_no_other(wire: Callable[..., Wire]) -> None:
    one = wire()
    one.lay("good", 3)
    one.lay("bad", 2)

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/incidents":
            return None
        body = one.asked.truly(request).json()
        for item in body["incidents"]:
            if item["incident_key"] == "bad":
                item["created_at"] = None
        return httpx.Response(200, json=body)

    one.asked.spoil = spoil
    found, (lack,) = one.all()
    assert [f.alert.title for f in found] == ["good is down"]
    assert "1 of 2 incidents" in lack
    assert "created_at" in lack


@pytest.mark.parametrize(("part", "words"), [("log_entries", "who acknowledged"), ("alerts", "incidents' alerts")])
def test_what_the_token_may_not_read_is_asked_for_once_and_said(
    wire: Callable[..., Wire], part: str, words: str
) -> None:
    one = wire()
    for number in range(5):
        one.lay(f"k{number}", 3, acknowledged=("Bob", NOW - 3 * DAY + 60))
    denied = httpx.Response(403, json={"error": {"message": "Access Denied", "code": 2010}})
    one.asked.spoil = lambda request: denied if request.url.path.endswith(part) else None
    found, (lack,) = one.all()
    assert (len(found), lack.startswith(words)) == (5, True)
    assert sum(r.url.path.endswith(part) for r in one.asked.requests) == 1


def test_an_acknowledgement_before_a_long_log_is_found(wire: Callable[..., Wire]) -> None:
    one = wire()
    one.lay("noisy", 3, 600, acknowledged=("Bob", NOW - 3 * DAY + 60))
    incident = next(iter(one.pager._incidents.values()))
    for number in range(250):
        incident.log.append(
            incident.log[0].__class__(f"R{number}", "annotate", NOW - 3 * DAY + 99, incident.service, "api")
        )
    ((told,), _) = one.all()
    assert (told.acknowledged_at, told.acknowledged_by) == (NOW - 3 * DAY + 60, "Bob")


def test_where_few_calls_are_left_the_next_page_waits_for_the_next_minute(wire: Callable[..., Wire]) -> None:
    one = wire()
    low = {"ratelimit-limit": "960", "ratelimit-remaining": "5", "ratelimit-reset": "21"}
    one.asked.spoil = lambda r: httpx.Response(200, json={"incidents": [], "more": False}, headers=low)
    assert one.provider.history(SPAN, "").wait_s == 21.0


def test_a_limit_that_is_reached_is_said_and_the_page_is_not_lost(wire: Callable[..., Wire]) -> None:
    one = wire()
    one.lay("k", 3)
    one.asked.spoil = lambda r: httpx.Response(429, headers={"retry-after": "9"})
    with pytest.raises(errors.Throttled) as told:
        one.provider.history(SPAN, "")
    assert told.value.retry_after_s == 9.0
    one.asked.spoil = lambda r: None
    assert len(one.all()[0]) == 1
