"""In every list of PagerDuty one item that is not as promised hides none of the others."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.support.wire import Asked

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.plan import ActionRequest
from oncall_tui.domain.reading import Reading
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import build
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as World

SPEC = {
    "people": ["Alice", "Bob", "Carol"],
    "policies": [
        {"name": "Payments", "levels": [{"people": ["Alice"]}, {"people": ["Bob"]}]},
        {"name": "Shop", "levels": [{"people": ["Carol"]}]},
    ],
    "services": [{"name": "payments", "policy": "Payments"}, {"name": "shop", "policy": "Shop"}],
}
ODD: tuple[Any, ...] = (None, 7, "text", [], True, {})
LISTS = {"incidents": "/incidents", "oncalls": "/oncalls", "users": "/users", "services": "/services"}
LISTS |= {"escalation_policies": "/escalation_policies", "alerts": "/alerts", "log_entries": "/log_entries"}
LISTS |= {"notes": "/notes"}


class Rig:
    """The provider before the drill's account; ``change`` may put anything into a list before it is answered."""

    def __init__(self, clock: FakeClock, context: Context) -> None:
        self.clock = clock
        self.world = World(clock.now, spec=SPEC)
        self.world.trigger("k1", "one", "payments")
        self.world.trigger("k2", "two", "shop")
        self.asked = Asked(self.world)
        self.asked.spoil = self._spoil
        self.change: tuple[str, Callable[[list[Any]], list[Any]]] | None = None
        options = PagerDutyOptions(name="pager", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)))
        self.provider = build(options, context, self.asked.transport)

    def _spoil(self, request: httpx.Request) -> httpx.Response | None:
        answer = self.asked.truly(request)
        if self.change is None or request.method != "GET" or answer.status_code != 200:
            return None
        name, change = self.change
        told = answer.json()
        if not request.url.path.endswith(LISTS[name]) or name not in told:
            return None
        told[name] = change(told[name])
        return httpx.Response(200, content=json.dumps(told).encode(), headers={"date": answer.headers.get("date", "")})

    def uses(self) -> dict[str, Any]:
        """What is told of each list."""
        provider, incident = self.provider, next(iter(self.world._incidents))
        reading = provider.read(ReadRequest(fresh=True))
        return {
            "incidents": [a.title for a in reading.alerts],
            "alerts": {a.title: a.count for a in reading.alerts},
            "oncalls": [(d.policy, d.level, d.person) for d in provider.on_call() if d.person],
            "users": [u.label for u in provider._api.users(Damage())],
            "services": [s.label for s in provider._api.services(Damage())],
            "escalation_policies": [p.label for p in provider._api.policies(Damage())],
            "log_entries": [t.text for t in provider.timeline(f"pager/{incident}")],
            "notes": [n.content for n in provider._api.notes(incident, Damage())],
        }


@pytest.fixture
def rig(clock: FakeClock, context: Context, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("PLANTED_TOKEN", "drill-account")
    return Rig(clock, context)


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("name", LISTS)
def test_an_odd_item_hides_none_of_the_others(rig: Rig, name: str, odd: Any) -> None:
    good = rig.uses()
    rig.change = (name, lambda items: [odd, *items, odd])
    told = rig.uses()[name]
    known = [one for one in told if one in good[name]] if isinstance(told, list) else told
    assert known == good[name]
    assert not isinstance(told, list) or "" not in told


@pytest.mark.parametrize("odd", [None, 7, [], "text"], ids=repr)
@pytest.mark.parametrize("name", ["incidents", "oncalls"])
def test_an_odd_value_in_any_field_of_an_item_hides_no_other_item(rig: Rig, name: str, odd: Any) -> None:
    good = rig.uses()[name]
    fields: set[str] = set()

    def first(items: list[Any]) -> list[Any]:
        fields.update(items[0])
        return items

    rig.change = (name, first)
    rig.uses()
    for field in sorted(fields):
        rig.change = (name, lambda items, field=field: [{**items[0], field: odd}, *items[1:]])
        told = rig.uses()[name]
        assert told[-1] == good[-1], (field, odd)
        rig.change = (name, lambda items, field=field: [{k: v for k, v in items[0].items() if k != field}, *items[1:]])
        assert rig.uses()[name][-1] == good[-1], (field, "missing")


def test_what_was_left_out_of_who_is_on_call_is_counted(rig: Rig) -> None:
    rig.change = ("oncalls", lambda items: [{**items[0], "escalation_level": None}, *items[1:]])
    rig.provider.on_call()
    words = "1 of 3 on-call entries are not as PagerDuty promises: escalation_level: expected a number, got null"
    assert rig.provider.on_call_lacks == words
    rig.change = ("oncalls", lambda items: [7 for _ in items])
    with pytest.raises(errors.Malformed, match="3 on-call entries"):
        rig.provider.on_call()
    rig.change = None
    rig.provider.on_call()
    assert rig.provider.on_call_lacks == ""


def test_somebody_who_is_not_named_is_on_call_all_the_same(rig: Rig) -> None:
    """``user: null`` stopped the whole list, and escalating with it."""
    rig.change = ("oncalls", lambda items: [{**items[0], "user": None}, *items[1:]])
    first = rig.provider.on_call()[0]
    assert (first.level, first.person) == (1, "somebody whom PagerDuty does not name")


def test_an_incident_of_somebody_who_is_not_named_stays_on_the_board(rig: Rig) -> None:
    rig.change = ("incidents", lambda items: [{**items[0], "assignments": [{"assignee": None}]}, *items[1:]])
    titles = {a.title: a.assigned for a in rig.provider.read(ReadRequest(fresh=True)).alerts}
    assert titles["one"] == ("somebody whom PagerDuty does not name",)


def test_a_removed_user_is_neither_on_call_nor_offered(rig: Rig, board_of: Any, alice: Any) -> None:
    def removed(items: list[Any]) -> list[Any]:
        gone = "2027-01-01T00:00:00Z"
        return [
            {**one, "user": {**one["user"], "deleted_at": gone}} if one["user"]["summary"] == "Bob" else one
            for one in items
        ]

    rig.change = ("oncalls", removed)
    assert [(d.level, d.person) for d in rig.provider.on_call() if d.policy == "Payments"] == [(1, "Alice"), (2, "")]
    handler = rig.provider.handlers()[Verb.ESCALATE]
    board = board_of(rig.provider)
    target = next(a for a in board.alerts.values() if a.title == "one")
    levels = [c.label for c in handler.choices(target.id, board) if c.id.startswith("level:")]
    assert levels == ["level 1: Alice", "level 2: nobody on call"]
    ask = ActionRequest(verb=Verb.ESCALATE, target=target.id, version=target.version, actor=alice)
    with pytest.raises(errors.Refused, match="nobody is on call at a higher level"):
        handler.plan(ask, board)
    rig.change = ("users", lambda items: [{**one, "deleted_at": "2027-01-01T00:00:00Z"} for one in items])
    assert rig.provider._api.users(Damage()) == []


def test_a_list_that_says_the_same_page_for_ever_ends(rig: Rig) -> None:
    def endless(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/users"):
            return None
        told = {"users": [{"id": "U1", "name": "Alice"}], "more": True}
        return httpx.Response(200, content=json.dumps(told).encode())

    rig.asked.spoil = endless
    assert [one.label for one in rig.provider._api.users(Damage())] == ["Alice"]
    assert len(rig.asked.requests) == 2


def test_one_odd_item_in_the_answer_to_many_acknowledgements_is_no_failure_of_the_rest(rig: Rig) -> None:
    ids = list(rig.world._incidents)

    def odd(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PUT":
            return None
        told = rig.asked.truly(request).json()
        told["incidents"][0]["created_at"] = None
        return httpx.Response(200, content=json.dumps(told).encode())

    rig.asked.spoil = odd
    assert list(rig.provider._api.update_many(ids, {"status": "acknowledged"}, "alice@example.com")) == ids[1:]


def test_a_long_first_list_is_told_newest_first_and_then_as_it_comes(rig: Rig) -> None:
    for number in range(250):
        rig.clock.advance(60.0)
        rig.world.trigger(f"more-{number}", f"check {number}", "payments")
    parts: list[Reading] = []
    whole = rig.provider.read(ReadRequest(part=lambda make: parts.append(make())))
    asked = [dict(r.url.params) for r in rig.asked.requests if r.url.path == "/incidents"]
    assert [(a["sort_by"].partition(":")[2], a["offset"]) for a in asked] == [
        ("desc", "0"), ("asc", "0"), ("asc", "95"), ("asc", "190"),
    ]  # fmt: skip
    assert "check 249" in {a.title for a in parts[0].alerts}
    assert [len(p.alerts) for p in parts] == [100, 200, 252, 252]
    assert not any(p.complete for p in parts)
    assert (len(whole.alerts), whole.complete) == (252, True)
    for before, after in itertools.pairwise([*parts, whole]):
        assert {a.id for a in before.alerts} <= {a.id for a in after.alerts}
    rig.asked.requests.clear()
    rig.provider.read(ReadRequest(fresh=True))  # a later poll asks for no page more than it needs
    assert sum(r.url.path == "/incidents" for r in rig.asked.requests) == 3


def test_a_list_of_one_page_takes_one_call_and_is_told_before_the_incidents_own_alerts_are_read(rig: Rig) -> None:
    calls: list[int] = []
    rig.provider.read(ReadRequest(part=lambda make: calls.append(len(rig.asked.requests)) or make()))  # type: ignore[func-returns-value]
    assert calls == [1]
    assert sum(r.url.path == "/incidents" for r in rig.asked.requests) == 1
    assert sum(r.url.path.endswith("/alerts") for r in rig.asked.requests) == 2
