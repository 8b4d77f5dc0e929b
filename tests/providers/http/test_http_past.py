"""The past of Mackerel and Sentry, from the simulated organizations in this process."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.alert import Severity
from oncall_tui.domain.told import HistoryPage, HistorySpan, ToldFiring
from oncall_tui.providers.base import Context, SupportsHistory
from oncall_tui.providers.mackerel import provider as mackerel_provider
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.mackerel.past import ALERTS
from oncall_tui.providers.sentry import provider as sentry_provider
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.past import ISSUES
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.mackerel import SimulatedMackerel
from oncall_tui.simulator.services.sentry.api import SimulatedSentry
from oncall_tui.triage.past_episodes import EpisodeFolder, PastJoiner
from oncall_tui.triage.triager import Rules

NOW = 1_800_000_000.0
DAY = 86_400.0
SPAN = HistorySpan(NOW - 90 * DAY, NOW)


class Wire:
    """A provider before its simulated organization."""

    def __init__(self, peer: Any, provider: SupportsHistory, asked: Asked) -> None:
        self.peer, self.provider, self.asked = peer, provider, asked

    def pages(self, after: str = "") -> list[HistoryPage]:
        found = [self.provider.history(SPAN, after)]
        while (following := found[-1].after) is not None:
            found.append(self.provider.history(SPAN, following))
            assert len(found) < 100
        return found

    def told(self) -> list[ToldFiring]:
        return [f for page in self.pages() for f in page.firings]

    def lacks(self) -> list[str]:
        return list(dict.fromkeys(f"{p.scope}: {p.message}" for page in self.pages() for p in page.problems))


@pytest.fixture
def monitors(monkeypatch: pytest.MonkeyPatch) -> Wire:
    monkeypatch.setenv("PAST_TOKEN", "drill-x")
    clock = FakeClock(NOW)
    peer = SimulatedMackerel(clock.now, {"monitors": [{"name": "5xx", "service": "Shop"}]})
    options = MackerelOptions(
        name="mk", provider="mackerel", api_key=Secret("env", ("PAST_TOKEN",)), services={"Shop": "main/api"}
    )
    asked = Asked(peer)
    return Wire(peer, mackerel_provider.build(options, Context("mk", "", clock), asked.transport), asked)


@pytest.fixture
def issues(monkeypatch: pytest.MonkeyPatch) -> Wire:
    monkeypatch.setenv("PAST_TOKEN", "drill-x")
    clock = FakeClock(NOW)
    peer = SimulatedSentry(clock.now)
    options = SentryOptions(
        name="st",
        provider="sentry",
        organization="example",
        token=Secret("env", ("PAST_TOKEN",)),
        services={"shop": "main/api"},
    )
    asked = Asked(peer)
    made = sentry_provider.build(options, Context("st", "", clock), asked.transport)
    made._api._reading.wait = lambda: None  # type: ignore[method-assign]  # four calls a second are not waited for
    return Wire(peer, made, asked)


# --- Mackerel ---


def closed(wire: Wire, key: str, days: float, minutes: float = 10.0, **more: Any) -> None:
    began = float(int(NOW - days * DAY))
    wire.peer.past({"key": key, "monitor": "5xx", **more}, began, began + 60 * minutes)


def test_a_closed_alert_is_as_bad_as_it_was_and_of_its_service(monitors: Wire) -> None:
    monitors.peer.open("rises", "5xx", "WARNING", began=NOW - 4 * DAY)
    monitors.peer.open("rises", "5xx", "CRITICAL")
    monitors.peer.close("rises")
    closed(monitors, "w", 3, status="WARNING")
    closed(monitors, "old", 91)
    monitors.peer.open("open", "5xx", "CRITICAL", began=NOW - 60)
    told = monitors.told()
    assert [(f.alert.severity, f.ended is None) for f in told] == [
        (Severity.CRITICAL, True),
        (Severity.WARNING, False),
        (Severity.CRITICAL, False),
    ]
    assert told[1].ended == told[1].alert.began + 600
    assert (told[1].alert.hint.cluster, told[1].alert.hint.service) == ("main", "api")
    assert told[1].alert.label("monitor") == "5xx"


def test_the_pages_are_read_to_the_time_that_is_asked_for_and_no_further(monitors: Wire) -> None:
    for number in range(4 * ALERTS):
        closed(monitors, f"k{number}", 60 + number)
    pages = monitors.pages()
    assert [f.alert.began for p in pages for f in p.firings] == [float(int(NOW - (60 + n) * DAY)) for n in range(31)]
    lists = [r for r in monitors.asked.requests if r.url.path == "/api/v0/alerts"]
    assert len(lists) == 3  # a page of older ones tells that it is the end
    again = [f for p in monitors.pages(pages[0].after or "") for f in p.firings]
    assert again == [f for p in pages[1:] for f in p.firings]


def test_firings_of_one_monitor_and_host_are_one_alert_whose_episodes_are_told_newest_first(monitors: Wire) -> None:
    for number in range(2 * ALERTS):
        closed(monitors, f"k{number}", 5 - number * 20 / 1440, host="web-1")  # every 20 minutes, for ten of them
    closed(monitors, "other", 4.9, host="web-2")
    folder, found = EpisodeFolder(PastJoiner(Rules(), ()).episode), []
    pages = monitors.pages()
    for page in pages:
        for one in page.firings:
            folder.take(one)
        found += folder.over(page.read_to)
    found += folder.rest()
    assert len(pages) > 2
    assert sorted(e.firings for e in found) == [1, 2 * ALERTS]
    whole = max(found, key=lambda e: e.firings)
    assert whole.began == float(int(NOW - 5 * DAY))
    assert whole.alert == "monitor:2m000000001:web-1"


def test_an_alert_that_was_deleted_meanwhile_begins_the_list_anew(monitors: Wire) -> None:
    closed(monitors, "a", 3)
    assert len([f for p in monitors.pages("no-such-alert") for f in p.firings]) == 1


def test_what_the_key_may_not_read_is_said_and_asked_for_once(monitors: Wire) -> None:
    for number in range(3):
        closed(monitors, f"k{number}", 3)
    denied = httpx.Response(403, json={"error": {"message": "Forbidden"}})
    monitors.asked.spoil = lambda r: denied if r.url.path.endswith(("/logs", "/monitors")) else None
    (page,) = monitors.pages()
    assert len(page.firings) == 3
    assert {p.scope for p in page.problems} == {"how bad closed alerts were", "monitors' names"}
    assert sum(r.url.path.endswith("/logs") for r in monitors.asked.requests) == 1


def test_a_damaged_alert_is_named_and_hides_no_other(monitors: Wire) -> None:
    closed(monitors, "a", 3)
    closed(monitors, "b", 4)

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/api/v0/alerts":
            return None
        body = monitors.asked.truly(request).json()
        body["alerts"][0]["openedAt"] = None
        return httpx.Response(200, json=body)

    monitors.asked.spoil = spoil
    (page,) = monitors.pages()
    assert len(page.firings) == 1
    assert any("1 of 2 alerts" in p.scope and "openedAt" in p.message for p in page.problems)


# --- Sentry ---


def resolved(wire: Wire, key: str, days: float, minutes: float = 10.0, by: str | None = "Bob") -> str:
    began = NOW - days * DAY
    wire.peer.past({"key": key, "title": key, "project": "shop"}, began, began + 60 * minutes, by)
    return str(wire.peer._keys[key].id)


def test_a_resolved_issue_is_each_time_in_which_it_was_not(issues: Wire) -> None:
    resolved(issues, "KeyError", 10)
    issue = issues.peer._keys["KeyError"]
    bob = issues.peer._people[1]
    issue.note("assigned", NOW - 10 * DAY + 60, bob, assignee=bob.id, integration="codeowners")
    issue.note("assigned", NOW - 10 * DAY + 90, bob, assignee=bob.id)
    issue.note("set_regression", NOW - 5 * DAY, None)
    issue.note("set_resolved_in_release", NOW - 5 * DAY + 30, None, version="2")
    resolved(issues, "other", 2)
    issues.peer.report("open", "open", "shop")
    told = issues.told()
    assert [(f.alert.title, f.alert.began, f.ended) for f in told] == [
        ("other", NOW - 2 * DAY, NOW - 2 * DAY + 600),
        ("KeyError", NOW - 10 * DAY, NOW - 10 * DAY + 600),
        ("KeyError", NOW - 5 * DAY, NOW - 5 * DAY + 30),
    ]
    assert (told[1].acknowledged_at, told[1].acknowledged_by) == (NOW - 10 * DAY + 90, "Bob")
    assert (told[2].acknowledged_at, told[0].alert.hint.service) == (None, "api")
    assert all(f.end_known for f in told)


def test_an_issue_whose_activity_does_not_say_when_is_ended_by_when_it_was_seen_last(issues: Wire) -> None:
    resolved(issues, "a", 10)
    issues.peer._keys["a"].activity.clear()
    (told,) = issues.told()
    assert (told.ended, told.end_known) == (NOW - 10 * DAY + 600, False)


def test_every_page_is_read_each_issue_once_and_a_later_run_reads_all_again(issues: Wire) -> None:
    for number in range(2 * ISSUES + 1):
        resolved(issues, f"k{number}", 1 + number * 0.1)
    pages = issues.pages()
    ids = [f.alert.id for p in pages for f in p.firings]
    assert len(ids) == len(set(ids)) == 2 * ISSUES + 1
    assert [len(p.firings) for p in pages] == [ISSUES, ISSUES, 1]
    assert {p.may_change_from for p in pages} == {SPAN.since}
    assert [f.alert.id for p in issues.pages(pages[0].after or "") for f in p.firings] == ids[ISSUES:]
    asked = [r.url.params for r in issues.asked.requests if r.url.path.endswith("/issues/")]
    assert all("statsPeriod" not in p and "is:resolved" in p["query"] and p["start"] < p["end"] for p in asked)


def test_what_is_older_than_sentry_lists_is_said(issues: Wire) -> None:
    page = issues.provider.history(HistorySpan(NOW - 200 * DAY, NOW), "")
    assert any("90 days" in p.message for p in page.problems)


def test_a_damaged_issue_or_entry_is_named_and_hides_no_other(issues: Wire) -> None:
    resolved(issues, "a", 3)
    wrong = resolved(issues, "b", 4)
    issues.peer._keys["a"].activity.insert(0, {"type": "note", "dateCreated": None, "user": None, "data": {}})

    def spoil(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/issues/"):
            return None
        answer = issues.asked.truly(request)
        body = answer.json()
        for item in body:
            if item["id"] == wrong:
                item["firstSeen"], item["lastSeen"] = None, "never"
        return httpx.Response(200, json=body, headers={"Link": answer.headers["link"]})

    issues.asked.spoil = spoil
    (page,) = issues.pages()
    assert [f.alert.title for f in page.firings] == ["a"]
    assert {p.scope for p in page.problems} == {"1 of 2 issues", "1 of 2 activities"}


@pytest.mark.parametrize("name", ["monitors", "issues"])
def test_a_limit_is_told_with_its_time(name: str, request: pytest.FixtureRequest) -> None:
    wire: Wire = request.getfixturevalue(name)
    wire.asked.spoil = lambda r: httpx.Response(429, headers={"retry-after": "9"})
    with pytest.raises(errors.Throttled) as told:
        wire.provider.history(SPAN, "")
    assert told.value.retry_after_s == 9.0
