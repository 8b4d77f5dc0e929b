"""The PagerDuty provider against answers shaped as in its published OpenAPI file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.provider import PagerDutyProvider, build
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident, Reference, shared
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import Secret

ALICE = {"id": "UALICE", "type": "user_reference", "summary": "Alice", "email": "alice@example.com"}
BOB = {"id": "UBOB", "type": "user_reference", "summary": "Bob", "email": "bob@example.com"}
CAROL = {"id": "UCAROL", "type": "user_reference", "summary": "Carol", "email": "carol@example.com"}
DAVE = {"id": "UDAVE", "type": "user", "name": "Dave", "email": "dave@example.com"}
FIRING = "Labels:\n - alertname = Down\n - ecs_service = svc-0\n - cluster = prod-main\nAnnotations:\n - service = no\n"


class Account:
    """A small account: incidents, one policy of three levels (nobody at the third), and what was asked of it."""

    def __init__(self) -> None:
        self.incidents: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self.denied: set[str] = set()
        self.asked: list[httpx.Request] = []
        self.swallow = ""  # "before" or "after" the effect: the answer to a write is lost

    def add(self, incident_id: str, **more: Any) -> dict[str, Any]:
        incident = {
            "id": incident_id,
            "type": "incident",
            "status": "triggered",
            "title": f"{incident_id} is down",
            "created_at": "2027-01-15T07:00:00Z",
            "urgency": "high",
            "html_url": f"https://example.pagerduty.com/incidents/{incident_id}",
            "escalation_policy": {"id": "EP1", "summary": "Payments"},
            "assignments": [{"at": "2027-01-15T07:00:00Z", "assignee": ALICE}],
            "acknowledgements": [],
            "pending_actions": [],
            "alert_counts": {"all": 1},
            **more,
        }
        self.incidents[incident_id] = incident
        return incident

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        parts = request.url.path.strip("/").split("/")
        if parts[-1] in self.denied:
            return httpx.Response(403, json={"error": {"message": "Access Denied", "code": 2010}})
        if request.method == "GET":
            return self._get(parts, request.url.params)
        assert request.headers["from"]
        if self.swallow == "before":
            raise httpx.ReadTimeout("lost")
        answer = self._write(parts, json.loads(request.content))
        if self.swallow == "after":
            raise httpx.ReadTimeout("lost")
        return answer

    def _get(self, parts: list[str], params: httpx.QueryParams) -> httpx.Response:
        if parts == ["incidents"]:
            found = [i for i in self.incidents.values() if i["status"] != "resolved"]
            offset, limit = int(params["offset"]), int(params["limit"])
            assert offset + limit <= 10_000
            return _json({"incidents": found[offset : offset + limit], "more": offset + limit < len(found)})
        if parts == ["oncalls"]:
            until = "2027-01-15T09:00:00Z"
            levels = [(ALICE, 1, until), (BOB, 2, until), (CAROL, 2, None)]
            later = {"user": CAROL, "escalation_level": 3, "start": "2027-01-16T00:00:00Z", "end": None}
            return _json(
                {
                    "oncalls": [
                        {"user": user, "escalation_level": level, "start": None, "end": end}
                        for user, level, end in levels
                    ]
                    + [later],
                    "more": False,
                }
            )
        if parts == ["users"]:
            return _json({"users": [ALICE, BOB, CAROL, DAVE], "more": False})
        if parts == ["escalation_policies"]:
            return _json({"escalation_policies": [{"id": "EP1", "name": "Payments"}, {"id": "EP2", "name": "Shop"}]})
        if parts[0] == "escalation_policies":
            return _json({"escalation_policy": {"id": parts[1], "escalation_rules": [{}, {}, {}]}})
        if parts[1] not in self.incidents:
            return httpx.Response(404, json={"error": {"message": "Not Found", "code": 2100}})
        return _json(
            {
                "incident": {"incident": self.incidents[parts[1]]},
                "alerts": {"alerts": self.alerts.get(parts[1], [])},
                "notes": {"notes": self.notes},
                "log_entries": {"log_entries": self.log},
            }[parts[2] if len(parts) > 2 else "incident"]
        )

    def _write(self, parts: list[str], body: dict[str, Any]) -> httpx.Response:
        incident = self.incidents[parts[1]]
        if parts[-1] == "notes":
            self.notes.append({"id": f"N{len(self.notes)}", "created_at": "2027-01-15T08:00:00Z", **body["note"]})
            return httpx.Response(201, json={"note": self.notes[-1]})
        change = body["incident"]
        assert "escalation_policy" not in change
        if change.get("status") == "acknowledged":
            self.acknowledge(incident, ALICE)
        if level := change.get("escalation_level"):
            people = {1: [ALICE], 2: [BOB, CAROL]}.get(level)
            if people is None:
                error = {"message": "No one is on call", "code": 1015, "errors": ["x"]}
                return httpx.Response(400, json={"error": error})
            self.assign(incident, *people)
        return _json({"incident": incident})

    def acknowledge(self, incident: dict[str, Any], user: dict[str, Any]) -> None:
        incident["status"] = "acknowledged"
        incident["acknowledgements"] = [{"at": "2027-01-15T07:59:40Z", "acknowledger": user}]
        incident["pending_actions"] = [{"type": "unacknowledge", "at": "2027-01-15T08:30:00Z"}]

    def assign(self, incident: dict[str, Any], *people: dict[str, Any]) -> None:
        incident["assignments"] = [{"at": "2027-01-15T07:59:40Z", "assignee": user} for user in people]


def _json(value: Any) -> httpx.Response:
    return httpx.Response(200, json=value, headers={"date": "Fri, 15 Jan 2027 08:00:00 GMT"})


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def provider(account: Account, context: Context, monkeypatch: pytest.MonkeyPatch) -> PagerDutyProvider:
    monkeypatch.setenv("PLANTED_TOKEN", "planted-token-value")
    options = PagerDutyOptions(
        name="pager", provider="pagerduty", token=Secret("env", ("PLANTED_TOKEN",)), teams=("PT1",), urgencies=("high",)
    )
    return build(options, context, httpx.MockTransport(account.handle))


@pytest.fixture
def ask(provider: PagerDutyProvider, board_of: Callable[[Any], Any], alice: Actor) -> Callable[..., Any]:
    """An ask for an incident as the board shows it, and that board."""

    def make(verb: Verb, incident_id: str, **more: Any) -> tuple[ActionRequest, Any]:
        board = board_of(provider)
        alert = board.alerts[f"pager/{incident_id}"]
        return ActionRequest(verb=verb, target=alert.id, version=alert.version, actor=alice, **more), board

    return make


def test_an_incident_as_a_row(account: Account, provider: PagerDutyProvider) -> None:
    incident = account.add(
        "P1", pending_actions=[{"type": "escalate", "at": "2027-01-15T08:05:00Z"}], incident_key="k1"
    )
    account.alerts["P1"] = [{"alert_key": "dk1", "body": {"details": {"firing": FIRING, "num_firing": "1"}}}]
    low = account.add("P2", urgency="low", priority={"id": "X", "summary": "nonsense"})
    account.acknowledge(low, BOB)
    first, second = provider.read(ReadRequest()).alerts
    assert (first.id, first.state, first.severity, first.urgency) == (
        "pager/P1",
        AlertState.FIRING,
        Severity.CRITICAL,
        "high",
    )
    assert (first.began, first.escalates_at) == (1_799_996_400.0, 1_800_000_300.0)
    assert (first.assigned, first.url) == (("Alice",), incident["html_url"])
    assert first.keys == ("dedup:k1", "dedup:dk1")
    assert first.hint == ServiceHint(cluster="prod-main", service="svc-0")
    assert first.label_sets == ((("alertname", "Down"), ("cluster", "prod-main"), ("ecs_service", "svc-0")),)
    assert (second.state, second.severity, second.by) == (AlertState.ACKNOWLEDGED, Severity.WARNING, ("Bob",))
    assert (second.changed, second.until) == (1_799_999_980.0, 1_800_001_800.0)
    assert second.verbs == {Verb.NOTE, Verb.ESCALATE, Verb.RESOLVE, Verb.SNOOZE, Verb.REASSIGN, Verb.MERGE}
    assert (second.label("priority"), dict(second.annotations)["priority"]) == ("nonsense", "nonsense")
    params = account.asked[0].url.params
    assert params["date_range"] == "all"
    assert params.get_list("statuses[]") == ["triggered", "acknowledged"]
    assert (params.get_list("team_ids[]"), params.get_list("urgencies[]")) == (["PT1"], ["high"])
    assert account.asked[0].headers["accept"] == "application/vnd.pagerduty+json;version=2"
    assert account.asked[0].headers["content-type"] == "application/json"


def test_alerts_inside_are_read_once_and_again_when_there_are_more(
    account: Account, provider: PagerDutyProvider
) -> None:
    for n in range(30):
        account.add(f"P{n}")
    reading = provider.read(ReadRequest(watch=frozenset({"pager/P29"})))
    assert (reading.calls, reading.next_in_s) == (21, 3.0)
    assert account.asked[1].url.path == "/incidents/P29/alerts"
    assert provider.read(ReadRequest()).calls == 11
    assert provider.read(ReadRequest()).calls == 1
    account.incidents["P3"]["alert_counts"] = {"all": 2}
    assert provider.read(ReadRequest()).calls == 2


def test_what_incidents_have_in_common_is_held_once(account: Account) -> None:
    common = {"service": {"id": "PS1", "summary": "shop"}, "teams": [{"id": "PT1"}], "priority": {"id": "PP1"}}
    whole = account.add("P1", **common, last_status_change_by=BOB)
    bare = {key: whole[key] for key in ("id", "status", "created_at")}
    known: dict[Reference, Reference] = {}
    for raw in (whole, bare, {**bare, "assignments": []}):
        told = msgspec.convert(raw, PagerDutyIncident)
        assert shared(told, known) == told
    first, second = (shared(msgspec.convert({**whole, "id": each}, PagerDutyIncident), known) for each in ("P1", "P2"))
    assert first.service is second.service
    assert first.policy == "EP1"
    assert first.assigned[0].assignee is second.assigned[0].assignee
    assert len(known) == 6


def test_a_long_list_is_not_read_for_every_few_alerts(
    account: Account, provider: PagerDutyProvider, clock: FakeClock
) -> None:
    for n in range(3_000):
        account.add(f"P{n}")
    reading, oldest, began = provider.read(ReadRequest()), 0.0, clock.now()
    while clock.now() - began < 60.0:
        clock.advance(reading.next_in_s or provider.interval_s)
        reading = provider.read(ReadRequest())
        oldest = max(oldest, clock.now() - reading.at)
        assert len(reading.alerts) == 3_000
    inside = sum(request.url.path.endswith("/alerts") for request in account.asked)
    assert oldest < provider.interval_s  # and no row claims to be newer than the list that it was in
    assert inside == 21 * 20
    assert len(account.asked) < 900  # of 960 a minute


def test_a_long_list_is_read_where_something_was_done_or_it_failed(
    account: Account, provider: PagerDutyProvider, clock: FakeClock
) -> None:
    for n in range(150):
        account.add(f"P{n}")
    assert provider.read(ReadRequest()).next_in_s == 3.0
    account.incidents["P7"]["status"] = "resolved"
    assert len(provider.read(ReadRequest()).alerts) == 150
    assert len(provider.read(ReadRequest(fresh=True)).alerts) == 149
    account.denied.add("incidents")
    with pytest.raises(errors.Denied):
        provider.read(ReadRequest(watch=frozenset({"pager/P9"})))
    with pytest.raises(errors.Denied):  # what was read before does not stand in for a list that fails
        provider.read(ReadRequest())
    account.denied.clear()
    assert provider.read(ReadRequest()).next_in_s == 3.0
    provider.renew()
    account.incidents["P8"]["status"] = "resolved"
    assert len(provider.read(ReadRequest()).alerts) == 148


def test_denied_alerts_are_a_problem_and_the_rows_stay(
    account: Account, provider: PagerDutyProvider, clock: FakeClock
) -> None:
    account.add("P1")
    account.denied.add("alerts")
    for calls in (2, 1):
        reading = provider.read(ReadRequest())
        assert (len(reading.alerts), reading.calls) == (1, calls)
        assert [(p.state, p.scope) for p in reading.problems] == [("denied", "incidents' alerts")]
    clock.advance(301)
    account.denied.clear()
    assert provider.read(ReadRequest()).problems == ()


def test_over_ten_thousand_is_said(account: Account, provider: PagerDutyProvider) -> None:
    account.denied.add("alerts")
    for n in range(10_100):
        account.add(f"P{n}")
    reading = provider.read(ReadRequest())
    assert len(reading.alerts) > 9_900
    assert "no more than that" in reading.problems[-1].message


def test_an_incident_that_resolves_between_two_pages_hides_no_other(
    account: Account, provider: PagerDutyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.denied.add("alerts")
    for n in range(250):
        account.add(f"P{n}")
    get, seen = account._get, []

    def moving(parts: list[str], params: httpx.QueryParams) -> httpx.Response:
        seen.append(params["offset"])
        answer = get(parts, params)
        for n in range(3) if len(seen) == 1 else range(3, 20) if len(seen) == 2 else ():
            account.incidents[f"P{n}"]["status"] = "resolved"
        return answer

    monkeypatch.setattr(account, "_get", moving)
    reading = provider.read(ReadRequest())
    assert {f"P{n}" for n in range(20, 250)} <= {a.native_id for a in reading.alerts}
    assert seen.count("0") == 2  # 17 went at once: it was read again from the start


def test_acknowledge(account: Account, provider: PagerDutyProvider, ask: Callable[..., Any]) -> None:
    account.add("P1")
    handler = provider.handlers()[Verb.ACKNOWLEDGE]
    plan = handler.plan(*ask(Verb.ACKNOWLEDGE, "P1"))
    assert plan.confirm is Confirm.NONE
    assert "$PLANTED_TOKEN" in plan.commands[0]
    handler.check(plan)
    receipt = handler.send(plan)
    assert account.asked[-1].headers["from"] == "alice@example.com"
    assert json.loads(account.asked[-1].content) == {
        "incident": {"type": "incident_reference", "status": "acknowledged"}
    }
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "acknowledged by Alice until 08:30 UTC")
    assert not any(r.headers.get("authorization") != "Token token=planted-token-value" for r in account.asked)


def test_acknowledge_is_refused_where_somebody_has_it_or_it_is_resolved(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any]
) -> None:
    incident = account.add("P1")
    handler = provider.handlers()[Verb.ACKNOWLEDGE]
    plan = handler.plan(*ask(Verb.ACKNOWLEDGE, "P1"))
    account.acknowledge(incident, BOB)
    with pytest.raises(errors.Refused, match=r"already acknowledged by Bob, 20s ago, until 08:30 UTC"):
        handler.check(plan)
    incident.update(status="resolved", acknowledgements=[], last_status_change_at="2027-01-15T07:59:40Z")
    with pytest.raises(errors.Refused, match=r"already resolved 20s ago, not reopened"):
        handler.check(plan)
    del account.incidents["P1"]
    with pytest.raises(errors.Refused, match="does not have this incident"):
        handler.check(plan)


def test_a_lost_acknowledge_is_resolved_by_reading(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any], clock: FakeClock
) -> None:
    incident = account.add("P1")
    handler = provider.handlers()[Verb.ACKNOWLEDGE]
    plan = handler.plan(*ask(Verb.ACKNOWLEDGE, "P1"))
    account.swallow = "after"
    with pytest.raises(errors.OutcomeUnknown):
        handler.send(plan)
    assert handler.verify(plan, None).state is OutcomeState.DONE
    incident.update(status="resolved", acknowledgements=[])
    account.log = [{"type": "acknowledge_log_entry", "created_at": "2027-01-15T08:00:01Z", "agent": ALICE}]
    assert handler.verify(plan, None).state is OutcomeState.DONE
    account.log = []
    clock.advance(20)
    assert handler.verify(plan, None).state is OutcomeState.FAILED
    account.acknowledge(incident, BOB)
    check = handler.verify(plan, None)
    assert (check.state, check.message) == (OutcomeState.FAILED, "acknowledged by Bob until 08:30 UTC, not by you")


def test_without_an_email_it_is_refused_and_says_what_to_set(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any]
) -> None:
    account.add("P1")
    asked, board = ask(Verb.ACKNOWLEDGE, "P1")
    for email in ("", "alice", "alice@example.com\r\nX: y", "ありす@example.com"):
        other = ActionRequest(
            verb=asked.verb, target=asked.target, version=asked.version, actor=Actor(name="A", email=email)
        )
        with pytest.raises(errors.Refused) as caught:
            provider.handlers()[Verb.ACKNOWLEDGE].plan(other, board)
        assert "me.email" in caught.value.hint


def test_note(account: Account, provider: PagerDutyProvider, ask: Callable[..., Any], clock: FakeClock) -> None:
    account.add("P1")
    handler = provider.handlers()[Verb.NOTE]
    with pytest.raises(errors.Refused, match="text"):
        handler.plan(*ask(Verb.NOTE, "P1", text="  "))
    plan = handler.plan(*ask(Verb.NOTE, "P1", text="当番 looks"))
    handler.check(plan)
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    receipt = handler.send(plan)
    assert [n["content"] for n in account.notes] == ["当番 looks"]
    assert handler.verify(plan, receipt).state is OutcomeState.DONE
    assert handler.verify(plan, None).state is OutcomeState.DONE
    account.notes.clear()
    clock.advance(20)
    assert handler.verify(plan, receipt).state is OutcomeState.FAILED


def test_escalate_names_who_is_on_call_now(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any]
) -> None:
    account.add("P1")
    asked, board = ask(Verb.ESCALATE, "P1", choice="level:2", reason="no answer")
    handler = provider.handlers()[Verb.ESCALATE]
    choices = handler.choices(asked.target, board)
    assert [(c.id, c.label, c.detail, c.default, c.warning) for c in choices] == [
        ("level:1", "level 1: Alice", "until 09:00 UTC", False, "has it now"),
        ("level:2", "level 2: Bob, Carol", "until 09:00 UTC", True, ""),
        ("level:3", "level 3: nobody on call", "", False, "nobody is on call there"),
        ("user/UBOB", "Bob", "on call: level 2, until 09:00 UTC", False, ""),
        ("user/UCAROL", "Carol", "on call: level 2", False, ""),
        ("user/UDAVE", "Dave", "not on call for this policy", False, ""),
        ("policy/EP2", "policy Shop", "starts at its level 1", False, ""),
    ]
    plan = handler.plan(asked, board)
    lines = dict(plan.lines)
    assert plan.confirm is Confirm.YES
    assert plan.title == "escalate P1 is down to level 2: Bob, Carol"
    assert (lines["to"], lines["now"]) == ("level 2: Bob, Carol, until 09:00 UTC", "level 1: Alice, firing")
    handler.check(plan)
    receipt = handler.send(plan)
    assert json.loads(account.asked[-1].content) == {"incident": {"type": "incident_reference", "escalation_level": 2}}
    check = handler.verify(plan, receipt)
    assert (check.state, check.message) == (OutcomeState.DONE, "escalated to level 2: Bob, Carol")
    assert [(lv.number, lv.names) for lv in provider.oncalls("pager/P1")] == [
        (1, "Alice"),
        (2, "Bob, Carol"),
        (3, "nobody on call"),
    ]


def test_escalate_where_nobody_is_on_call_warns_and_fails_in_words(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any]
) -> None:
    account.add("P1")
    handler = provider.handlers()[Verb.ESCALATE]
    plan = handler.plan(*ask(Verb.ESCALATE, "P1", choice="level:3"))
    assert "nobody is on call at level 3" in plan.warnings[0]
    with pytest.raises(errors.ActionFailed, match=r"nobody is on call there \(1015"):
        handler.send(plan)
    with pytest.raises(errors.Refused, match="no level 9"):
        handler.plan(*ask(Verb.ESCALATE, "P1", choice="level:9"))


def test_escalated_by_somebody_meanwhile_is_refused(
    account: Account, provider: PagerDutyProvider, ask: Callable[..., Any], clock: FakeClock
) -> None:
    incident = account.add("P1")
    handler = provider.handlers()[Verb.ESCALATE]
    asked, board = ask(Verb.ESCALATE, "P1", choice="level:2")
    plan = handler.plan(asked, board)
    handler.choices(asked.target, board)
    account.assign(incident, BOB)
    for attempt in (lambda: handler.check(plan), lambda: handler.plan(asked, board)):
        with pytest.raises(errors.Refused, match="already escalated to Bob 20s ago"):
            attempt()
    account.assign(incident, ALICE)
    assert handler.verify(plan, None).state is OutcomeState.PENDING
    clock.advance(20)
    assert handler.verify(plan, None).state is OutcomeState.FAILED


def test_eu_and_test_endpoints_say_so(context: Context) -> None:
    def banner(url: str) -> str:
        secret = Secret("env", ("X",))
        return build(PagerDutyOptions(name="p", provider="pagerduty", token=secret, url=url), context).banner

    assert banner("https://api.eu.pagerduty.com") == ""
    assert banner("http://127.0.0.1:1") == "endpoint http://127.0.0.1:1"
    assert banner("https://pagerduty.com.evil.example") != ""
