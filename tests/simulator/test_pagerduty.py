"""The simulated PagerDuty: what it answers, and what incidents do by themselves."""

from __future__ import annotations

import json
import urllib.parse
from datetime import UTC, datetime
from typing import Any

import pytest

from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.pagerduty.api import ACCEPT, SimulatedPagerDuty

START = 1_700_000_000.0


class World:
    """A simulated account, its clock (POSIX seconds, set by hand), and a client that sends what is required."""

    def __init__(self, **given: Any) -> None:
        self.at = START
        self.pager = SimulatedPagerDuty(lambda: self.at, **given)
        self.headers = {
            "authorization": "Token token=drill-account",
            "accept": ACCEPT,
            "content-type": "application/json",
            "from": "alice@example.com",
        }

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        sending = {key: value for key, value in {**self.headers, **headers}.items() if value}
        answer = self.pager.handle(Request(method, path, urllib.parse.parse_qs(query), sending, sent))
        return answer.status, json.loads(answer.body)

    def get(self, key: str, query: str = "") -> Any:
        return self.ask("GET", f"/incidents/{key}{query}")[1]["incident"]

    def put(self, key: str, **changes: object) -> tuple[int, Any]:
        return self.ask("PUT", f"/incidents/{key}", {"incident": {"type": "incident_reference", **changes}})

    def assigned(self, key: str) -> list[str]:
        return [one["assignee"]["summary"] for one in self.get(key)["assignments"]]

    def pending(self, key: str) -> list[tuple[str, str]]:
        return [(one["type"], one["at"]) for one in self.get(key)["pending_actions"]]

    def log(self, key: str) -> list[tuple[str, str]]:
        entries = self.ask("GET", f"/incidents/{key}/log_entries")[1]["log_entries"]
        return [(one["type"].removesuffix("_log_entry"), one["created_at"]) for one in reversed(entries)]

    def trigger(self, key: str = "k", **given: Any) -> str:
        return self.pager.trigger(key, "It is down", "payments", **given)


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def code(answer: tuple[int, Any]) -> tuple[int, int]:
    return answer[0], answer[1]["error"]["code"]


@pytest.fixture
def world() -> World:
    return World()


def test_an_incident_has_the_published_shape(world: World) -> None:
    key = world.trigger(details={"firing": " - ecs_service = payments"}, alert_key="a1", began=START - 60)
    shown = world.get(key)
    assert shown["type"] == "incident"
    assert (shown["status"], shown["urgency"], shown["incident_key"]) == ("triggered", "high", "k")
    assert shown["created_at"] == shown["last_status_change_at"] == iso(START - 60)
    assert shown["summary"] == "[#1] It is down"
    assert (shown["service"]["type"], shown["service"]["summary"]) == ("service_reference", "payments")
    assert shown["last_status_change_by"] == shown["service"]
    assert shown["assignments"][0]["assignee"]["type"] == "user_reference"
    assert shown["pending_actions"] == [{"type": "escalate", "at": iso(START + 240)}]
    assert shown["alert_counts"] == {"all": 1, "triggered": 1, "resolved": 0}
    assert shown["teams"][0]["summary"] == "Operations"
    (alert,) = world.ask("GET", f"/incidents/{key}/alerts")[1]["alerts"]
    assert alert["alert_key"] == "a1"
    assert alert["body"]["details"] == {"firing": " - ecs_service = payments"}


def test_it_escalates_by_itself_at_the_exact_times(world: World) -> None:
    key = world.trigger()
    seen = []
    for after in (0, 299, 300, 599, 600, 9000):
        world.at = START + after
        seen.append(world.assigned(key)[0])
    assert seen == ["Alice", "Alice", "Bob", "Bob", "Carol", "Carol"]
    assert world.pending(key) == []
    assert [one for one in world.log(key) if one[0] == "escalate"] == [
        ("escalate", iso(START + 300)),
        ("escalate", iso(START + 600)),
    ]


def test_an_acknowledgement_lapses_and_it_escalates_again(world: World) -> None:
    key = world.trigger()
    world.at += 100
    shown = world.put(key, status="acknowledged")[1]["incident"]
    assert shown["acknowledgements"][0]["acknowledger"]["summary"] == "Alice"
    assert shown["last_status_change_by"]["summary"] == "Alice"
    assert shown["pending_actions"] == [{"type": "unacknowledge", "at": iso(START + 1900)}]
    world.at = START + 1900
    assert world.get(key)["status"] == "triggered"
    assert world.get(key)["acknowledgements"] == []
    world.at = START + 2200
    assert world.assigned(key) == ["Bob"]
    kinds = [kind for kind, _ in world.log(key)]
    assert kinds == ["trigger", "assign", "acknowledge", "unacknowledge", "escalate"]


def test_speed_divides_the_time_outs() -> None:
    world = World(speed=10.0)
    key = world.trigger()
    assert world.pending(key) == [("escalate", iso(START + 30))]
    world.pager.acknowledge("k", "Bob")
    assert world.pending(key) == [("unacknowledge", iso(START + 180))]


def test_low_urgency_does_not_escalate(world: World) -> None:
    assert world.pending(world.trigger(urgency="low")) == []


def test_resolving_and_what_follows(world: World) -> None:
    key = world.trigger()
    assert world.put(key, status="resolved")[1]["incident"]["assignments"] == []
    assert code(world.put(key, status="resolved")) == (400, 1001)
    assert code(world.put(key, escalation_level=2)) == (400, 1001)
    reopened = world.put(key, status="acknowledged")[1]["incident"]
    assert reopened["status"] == "acknowledged"
    assert code(world.put(key, status="acknowledged")) == (400, 1002)
    assert code(world.put(key, status="triggered")) == (400, 2001)
    world.pager.resolve("k")
    assert world.get(key)["last_status_change_by"]["type"] == "service_reference"
    assert world.put(key, status="triggered")[1]["incident"]["status"] == "triggered"


def test_a_resolved_key_opens_a_new_incident_and_an_open_one_takes_more_alerts(world: World) -> None:
    first = world.trigger(alert_key="a")
    assert world.trigger(alert_key="b") == first
    assert world.trigger(alert_key="b") == first
    assert world.get(first)["alert_counts"]["all"] == 2
    world.pager.resolve("k", by="bob@example.com")
    assert world.trigger() != first
    assert code(world.put(first, status="acknowledged")) == (400, 2001)


def test_many_are_changed_at_once(world: World) -> None:
    keys = [world.trigger(str(number)) for number in range(3)]
    items = [{"id": key, "type": "incident_reference", "status": "acknowledged"} for key in keys]
    world.put(keys[0], status="acknowledged")
    status, answer = world.ask("PUT", "/incidents", {"incidents": items})
    assert (status, [one["id"] for one in answer["incidents"]]) == (200, keys[1:])
    assert code(world.ask("PUT", "/incidents", {"incidents": items})) == (400, 1002)
    assert world.ask("PUT", "/incidents", {"incidents": items * 84})[0] == 413
    assert code(world.ask("PUT", "/incidents", {"incidents": [{"id": keys[0], "status": "resolved"}]})) == (400, 2001)


def test_escalating_pages_a_level(world: World) -> None:
    key = world.trigger()
    world.put(key, status="acknowledged")
    shown = world.put(key, escalation_level=2)[1]["incident"]
    assert (shown["status"], shown["acknowledgements"]) == ("triggered", [])
    assert world.assigned(key) == ["Bob"]
    assert code(world.put(key, escalation_level=4)) == (400, 1006)
    policy = {**shown["escalation_policy"]}
    world.put(key, escalation_policy=policy, escalation_level=3)
    assert world.assigned(key) == ["Alice"]


def test_nobody_on_call_at_a_level() -> None:
    levels: list[Any] = [["Alice"], {"people": []}, {"people": ["Bob"], "after": 60}]
    world = World(spec={"policies": [{"name": "Thin", "levels": levels}]})
    key = world.trigger()
    assert code(world.put(key, escalation_level=2)) == (400, 1015)
    world.at += 300
    assert world.assigned(key) == ["Bob"]


def test_an_incident_given_to_a_person_escalates_no_more(world: World) -> None:
    key = world.trigger()
    dave = next(one for one in world.ask("GET", "/users")[1]["users"] if one["name"] == "Dave")
    world.put(key, assignments=[{"assignee": {"id": dave["id"], "type": "user_reference"}}])
    assert (world.assigned(key), world.pending(key)) == (["Dave"], [])
    assert code(world.put(key, assignments=[{"assignee": {"id": "PNOBODY"}}])) == (400, 2001)


def test_snooze(world: World) -> None:
    key = world.trigger()
    target = f"/incidents/{key}/snooze"
    assert code(world.ask("POST", target, {"duration": 3600})) == (400, 1012)
    world.put(key, status="acknowledged")
    status, answer = world.ask("POST", target, {"duration": 3600})
    assert status == 201
    assert answer["incident"]["pending_actions"] == [{"type": "unacknowledge", "at": iso(START + 3600)}]
    for wrong in (0, 604_801, "3600", None):
        assert code(world.ask("POST", target, {"duration": wrong})) == (400, 2001)
    world.at += 3600
    assert world.get(key)["status"] == "triggered"


def test_notes(world: World) -> None:
    key = world.trigger()
    target = f"/incidents/{key}/notes"
    status, answer = world.ask("POST", target, {"note": {"content": "looking"}}, **{"from": "bob@example.com"})
    assert status == 200
    assert answer["note"]["user"]["summary"] == "Bob"
    assert [one["content"] for one in world.ask("GET", target)[1]["notes"]] == ["looking"]
    assert code(world.ask("POST", target, {"note": {"content": " "}})) == (400, 2001)


def test_merge(world: World) -> None:
    target, source = world.trigger("a"), world.trigger("b")
    body = {"source_incidents": [{"id": source, "type": "incident_reference"}]}
    told = world.ask("PUT", f"/incidents/{target}/merge", body)[1]["incident"]
    assert (told["id"], told["type"]) == (target, "incident_reference")
    shown = world.get(target)
    assert shown["alert_counts"]["triggered"] == 2
    assert world.get(source)["status"] == "resolved"


def test_lists_are_filtered_and_paged(world: World) -> None:
    old = world.trigger("old", began=START - 40 * 86400)
    keys = [world.trigger(str(number), urgency="high" if number % 2 else "low") for number in range(5)]
    world.pager.trigger("other", "Slow", "search")
    world.pager.resolve("0")

    def ids(query: str) -> list[str]:
        return [one["id"] for one in world.ask("GET", f"/incidents?{query}")[1]["incidents"]]

    assert old not in ids("")
    assert ids("date_range=all")[0] == old
    assert ids("statuses[]=resolved") == keys[:1]
    assert ids("statuses[]=triggered&statuses[]=resolved&urgencies[]=low") == keys[::2]
    service = world.get(keys[0])["service"]["id"]
    assert ids(f"service_ids[]={service}&sort_by=incident_number:desc") == keys[::-1]
    assert ids("team_ids[]=PNONE") == []
    assert ids(f"since={iso(START + 1)}&until={iso(START + 2)}") == []
    first = world.ask("GET", "/incidents?limit=4&total=true")[1]
    assert (len(first["incidents"]), first["more"], first["total"], first["limit"]) == (4, True, 6, 4)
    last = world.ask("GET", "/incidents?limit=4&offset=4")[1]
    assert (len(last["incidents"]), last["more"], last["total"], last["offset"]) == (2, False, None, 4)
    for wrong in ("offset=9901&limit=100", "statuses[]=open", "limit=x", "sort_by=size", "since=then"):
        assert code(world.ask("GET", f"/incidents?{wrong}")) == (400, 2001)


def test_includes_show_users_in_full(world: World) -> None:
    key = world.trigger()
    world.put(key, status="acknowledged")
    shown = world.get(key, "?include[]=acknowledgers&include[]=services&include[]=first_trigger_log_entries")
    assert shown["acknowledgements"][0]["acknowledger"]["email"] == "alice@example.com"
    assert shown["assignments"][0]["assignee"]["type"] == "user_reference"
    assert shown["service"]["type"] == "service"
    assert shown["first_trigger_log_entry"]["type"] == "trigger_log_entry"


def test_who_is_on_call(world: World) -> None:
    (policy,) = world.ask("GET", "/escalation_policies")[1]["escalation_policies"]
    oncalls = world.ask("GET", f"/oncalls?escalation_policy_ids[]={policy['id']}&earliest=true&include[]=users")[1]
    shown = [(one["escalation_level"], one["user"]["email"]) for one in oncalls["oncalls"]]
    assert shown == [(1, "alice@example.com"), (2, "bob@example.com"), (3, "carol@example.com")]
    first, last = oncalls["oncalls"][0], oncalls["oncalls"][-1]
    assert (first["start"], first["end"]) == ("2023-11-13T00:00:00Z", "2023-11-20T00:00:00Z")
    assert (last["schedule"], last["start"], last["end"]) == (None, None, None)
    assert world.ask("GET", "/oncalls?escalation_policy_ids[]=PNONE")[1]["oncalls"] == []
    rules = world.ask("GET", f"/escalation_policies/{policy['id']}")[1]["escalation_policy"]["escalation_rules"]
    assert [rule["targets"][0]["summary"] for rule in rules] == ["Primary", "Secondary", "Carol"]


def test_services_and_teams(world: World) -> None:
    world.trigger()
    (service,) = world.ask("GET", "/services")[1]["services"]
    (team,) = world.ask("GET", "/teams")[1]["teams"]
    assert (service["acknowledgement_timeout"], service["teams"][0]["id"]) == (1800, team["id"])


def test_a_service_may_resolve_by_itself() -> None:
    world = World(spec={"services": [{"name": "payments", "auto_resolve": 1000, "acknowledge_timeout": None}]})
    key = world.trigger()
    world.put(key, status="acknowledged")
    assert world.pending(key) == [("resolve", iso(START + 1000))]
    world.at += 1000
    assert world.get(key)["resolved_at"] == iso(START + 1000)


def test_what_every_request_must_bring(world: World) -> None:
    key = world.trigger()
    for token in ("", "Token token=wrong", "Bearer drill"):
        assert code(world.ask("GET", "/incidents", authorization=token)) == (401, 2006)
    assert world.ask("GET", "/incidents", accept="application/json")[0] == 406
    change = {"incident": {"type": "incident_reference", "status": "resolved"}}
    for who, refused in (("", 2001), ("nobody@example.com", 1008), ("Alice", 1008)):
        assert code(world.ask("PUT", f"/incidents/{key}", change, **{"from": who})) == (400, refused)
    assert world.ask("PUT", f"/incidents/{key}", change, **{"content-type": "text/plain"})[0] == 415
    assert code(world.ask("GET", "/incidents/QNONE")) == (404, 2100)
    assert code(world.ask("GET", "/nope")) == (404, 2100)
    assert world.get(key)["status"] == "triggered"


def test_users_me_needs_a_users_token(world: World) -> None:
    assert code(world.ask("GET", "/users/me")) == (400, 2001)
    shown = world.ask("GET", "/users/me", authorization="Token token=drill-bob")[1]["user"]
    assert (shown["name"], shown["email"]) == ("Bob", "bob@example.com")


def test_operations_have_names(world: World) -> None:
    for path, name in (
        ("/incidents", "/incidents"),
        ("/incidents/Q1", "/incidents/{id}"),
        ("/incidents/Q1/merge", "/incidents/{id}/merge"),
        ("/users/me", "/users/me"),
        ("/escalation_policies/P1", "/escalation_policies/{id}"),
    ):
        assert world.pager.operation(Request("PUT", path, {}, {}, b"")) == f"PUT {name}"


def test_a_wrong_specification_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="no person is called 'Eve'"):
        World(spec={"policies": [{"name": "P", "levels": [["Eve"]]}]})
    with pytest.raises(ValueError, match="no policy is called 'Q'"):
        World(spec={"services": [{"name": "s", "policy": "Q"}]})


def test_the_state_is_plain_data(world: World) -> None:
    world.trigger()
    state: Any = world.pager.state()
    assert json.loads(json.dumps(state)) == state
    assert state["incidents"][0]["title"] == "It is down"


def test_who_may_change_it_is_told_for_each_of_many(world: World) -> None:
    world = World(spec={"services": [{"name": "payments"}, {"name": "vault", "only": ["Bob"]}]})
    free, kept = world.trigger("a"), world.pager.trigger("b", "It is down", "vault")
    items = [{"id": each, "type": "incident_reference", "status": "acknowledged"} for each in (free, kept)]
    status, answer = world.ask("PUT", "/incidents", {"incidents": items})
    assert (status, [one["id"] for one in answer["incidents"]]) == (200, [free])
    status, answer = world.put(kept, status="acknowledged")
    assert (status, answer["error"]["code"]) == (403, 2010)
    assert world.ask("PUT", "/incidents", {"incidents": items[1:]}, **{"from": "bob@example.com"})[0] == 200


def test_priorities_and_related_changes_are_shown(world: World) -> None:
    key = world.trigger(priority="P2")
    priority = world.get(key)["priority"]
    assert (priority["type"], priority["summary"]) == ("priority_reference", "P2")
    assert world.get(world.trigger("other"))["priority"] is None
    world.pager.change("payments", "42 deployed", "ci")
    world.pager.change("elsewhere", "no matter")
    (change,) = world.ask("GET", f"/incidents/{key}/related_change_events")[1]["change_events"]
    assert (change["summary"], change["source"], change["timestamp"]) == ("42 deployed", "ci", iso(START))
    assert change["correlation_reason"] == {"reason": "related_service"}


def test_one_service_users_by_a_word_and_shifts_to_come() -> None:
    level = {"people": ["Alice"], "schedule": "Primary", "then": ["Bob"]}
    world = World(spec={"policies": [{"name": "On call", "levels": [level, ["Carol"]]}], "services": [{"name": "pay"}]})
    (service,) = world.ask("GET", "/services")[1]["services"]
    assert world.ask("GET", f"/services/{service['id']}")[1]["service"] == service
    assert world.ask("GET", "/services/PNONE")[0] == 404
    assert [one["name"] for one in world.ask("GET", "/users?query=BOB@")[1]["users"]] == ["Bob"]
    told = world.ask("GET", f"/oncalls?until={urllib.parse.quote(iso(START + 8 * 86400))}")[1]["oncalls"]
    assert [(one["escalation_level"], one["user"]["summary"]) for one in told] == [
        (1, "Alice"),
        (1, "Bob"),
        (2, "Carol"),
    ]
    assert told[0]["end"] == told[1]["start"]
    assert len(world.ask("GET", "/oncalls?earliest=true")[1]["oncalls"]) == 2


def test_calls_are_counted_where_there_is_a_limit() -> None:
    world = World(spec={"calls_a_minute": 1})
    assert world.ask("GET", "/users")[0] == 200
    status, answer = world.ask("GET", "/users")
    assert (status, answer["error"]["code"]) == (429, 2020)
    request = Request("GET", "/users", {}, world.headers, b"")
    assert world.pager.handle(request).headers["ratelimit-remaining"] == "0"
    world.at += 60
    assert world.pager.handle(request).headers["ratelimit-remaining"] == "0"
    assert world.ask("GET", "/users")[0] == 429
