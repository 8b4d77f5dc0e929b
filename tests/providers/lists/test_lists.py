"""In every list of every provider one damaged item takes no other with it, is counted and named, and raises nothing.

The lists are found in the sources (``found``), the damages are made from their types: a new list is tested at once.
``python -m tests.providers.lists`` prints the table.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.providers.lists.found import DAMAGES, DecodedList, lists
from tests.providers.lists.rows import AT, ISO, LISTS, Canned, Rig, cases, put, rows
from tests.providers.lists.sweep import feed, table

from oncall_tui.domain.action import Verb
from oncall_tui.domain.board import merge
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.errors import Malformed
from oncall_tui.providers import registry
from oncall_tui.providers.base import SupportsTimeline
from oncall_tui.providers.lists import UNDECODABLE, Damage, Items, Spared, decode, items, listing, what_came

SRC = Path(__file__).parents[3] / "src" / "oncall_tui" / "providers"
PROVIDERS = {one.factory.partition(".provider:")[0].replace(".", "/") for one in registry.SOURCES.values()}
SOME = 5  # of the cases of each list, every fifth is tried each time; all of them where everything is


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "planted-token")


def test_the_lists_are_found() -> None:
    assert {one.provider for one in lists()} == PROVIDERS | {"aws/cloudtrail", "aws/discovery"}
    assert len(lists()) >= 45
    names = {one.name for one in lists()}
    assert {"PagerDutyOnCall", "LogEntry", "ListedSilence", "DescribeTasks.tasks", "FilterLogEvents.events"} <= names
    assert "DescribeTargetHealth.target_health_descriptions" in names
    raw = re.compile(r"(:|,|\() *list\[msgspec\.Raw\](?! = \[\])")
    untyped = [p.name for p in SRC.rglob("*.py") if p != SRC / "lists.py" and raw.search(p.read_text())]
    assert untyped == [], "an undecoded list is typed Items[…]"


def _judged(one: DecodedList, found: list[Any]) -> None:
    assert [(f.path, f.damage, f.error) for f in found if f.error] == []
    assert [(f.path, f.damage) for f in found if f.lost] == []
    unsaid = [(f.path, f.damage) for f in found if not f.kept and not f.said]
    assert unsaid == [], f"{one.id}: what is left out is named"


@pytest.mark.parametrize("one", lists(), ids=lambda one: one.id)
def test_a_damaged_item_takes_no_other_with_it(one: DecodedList) -> None:
    damage = DAMAGES[len(one.id) % len(DAMAGES)]  # another one for each list; the item itself meets all six
    _judged(one, list(feed(one, (damage,))))


@pytest.mark.everything
@pytest.mark.parametrize("one", lists(), ids=lambda one: one.id)
def test_no_damage_of_any_field_takes_another_item_with_it(one: DecodedList) -> None:
    found = list(feed(one))
    _judged(one, found)
    assert "exceptions" in table({one: found})


# --- as far as the board's rows ---------------------------------------------------------------------------------------


def _rows_beside(canned: Canned, every: int) -> None:
    rig = Rig(canned)
    base = rows(rig.read())
    others = {i: row for i, row in base.items() if "2" not in i}
    assert len(base) == 3
    wrong = []
    for path, damage in cases(canned, DAMAGES, every):
        rig.items = [canned.item(1), put(canned.item(2), path, damage), canned.item(3)]
        reading = rig.read()
        told = rows(reading)
        lost = [i for i, row in others.items() if told.get(i) != row]
        gone = damage != "missing" and not path and canned.path in told and not reading.problems
        if lost or gone:
            wrong.append((path, damage, lost))
    assert wrong == []


def test_every_provider_has_a_list_here() -> None:
    assert {Rig(canned).provider.provider for canned in LISTS} == set(registry.SOURCES)


@pytest.mark.parametrize("canned", LISTS, ids=lambda one: one.id)
def test_the_rows_beside_a_damaged_item_stay_on_the_board(canned: Canned) -> None:
    _rows_beside(canned, every=31)


@pytest.mark.everything
@pytest.mark.parametrize("canned", LISTS, ids=lambda one: one.id)
def test_the_rows_beside_any_damage_stay_on_the_board(canned: Canned) -> None:
    _rows_beside(canned, every=1)


@pytest.mark.parametrize("canned", [one for one in LISTS if one.kept], ids=lambda one: one.id)
def test_an_unknown_word_keeps_its_row(canned: Canned) -> None:
    rig = Rig(canned)
    base = rows(rig.read())
    for name in canned.kept:
        path = tuple(f"host:h{2}" if part == "key" else part for part in name.split("."))
        item = put(canned.item(2), path, "unknown word")
        rig.items = [canned.item(1), item, canned.item(3)]
        reading = rig.read()
        assert set(rows(reading)) == set(base), name
        assert reading.problems == (), name


def test_what_is_damaged_is_named_by_field_and_id_and_counted() -> None:
    canned = next(one for one in LISTS if one.path == "/incidents")
    rig = Rig(canned)
    rig.items[1] = {**canned.item(2), "created_at": None}
    (problem,) = rig.read().problems
    assert (problem.state, problem.scope) == (SourceState.MALFORMED, "1 of 3 incidents")
    assert problem.message == "not as the API promises: created_at of I2: expected a text, got null"
    rig.items[1] = {**canned.item(2), "title": 7}
    reading = rig.read()
    assert len(reading.alerts) == 3
    assert "read without what is not as the API promises: title of I2" in reading.problems[0].message
    rig.items = [7, None]
    with pytest.raises(Malformed, match="sent 2 incidents that do not match its API"):
        rig.read()


def test_a_service_that_cannot_be_read_keeps_its_row_and_the_next_poll_asks_again() -> None:
    canned = next(one for one in LISTS if one.path == "DescribeServices")
    rig = Rig(canned)
    base = rows(rig.read())
    rig.items[1] = {**canned.item(2), "desiredCount": "many"}
    reading = rig.read()
    assert rows(reading) == base
    assert any("desiredCount of" in p.message and "1 of 3" in p.scope for p in reading.problems)
    rig.items = [canned.item(n) for n in (1, 2, 3)]
    rig.provider._clock.advance(60) if hasattr(rig.provider, "_clock") else None
    assert rows(rig.read()).keys() == base.keys()


@pytest.mark.parametrize(
    "start", ["-0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "2027-02-30T00:00:00Z", "", "x"]
)
def test_one_bad_date_in_an_alertmanagers_answer_leaves_the_others(start: str) -> None:
    canned = LISTS[0]
    rig = Rig(canned)
    rig.items[1] = {**canned.item(2), "startsAt": start}
    reading = rig.read()
    assert sorted(rows(reading)) == ["prom/f1", "prom/f3"]
    assert (reading.problems[0].scope, "f2" in reading.problems[0].message) == ("1 of 3 alerts", True)


def test_of_two_alerts_with_one_fingerprint_none_vanishes() -> None:
    rig = Rig(LISTS[0])
    twin = {**LISTS[0].item(1), "labels": {"alertname": "other"}}
    for told in ([rig.items[0], twin, rig.items[2]], [twin, rig.items[2], rig.items[0]]):
        rig.items = told
        reading = rig.read()
        titles = {a.id: dict(a.labels)["alertname"] for a in reading.alerts}
        assert titles == {"prom/f1": "a1", "prom/f1~1": "other", "prom/f3": "a3"}  # whichever comes first
        assert "1 fingerprints stand for several alerts each" in reading.problems[0].message
    rig.items = [LISTS[0].item(1), LISTS[0].item(3)]
    assert (sorted(rows(rig.read())), rig.read().problems) == (["prom/f1", "prom/f3"], ())
    resolved = {
        **LISTS[0].item(1),
        "status": {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["x"], "mutedBy": []},
    }
    rig.items = [LISTS[0].item(1), resolved]  # the same labels twice
    assert [str(a.state) for a in rig.read().alerts] == ["firing"]


# --- lists that are shown beside the board's, or that a command reads -------------------------------------------------


def _event(n: int) -> dict[str, Any]:
    """An entry of any of the timelines."""
    at = {"created_at": ISO, "timestamp": ISO, "dateCreated": ISO, "createdAt": AT}
    return {"id": f"E{n}", "type": f"kind{n}_log_entry", "summary": f"event {n}", "status": f"event {n}", **at}


BAD = [7, {"id": "E2", "type": 7, "summary": 7, "status": 7}]
TIMELESS = {"id": "E2", "type": "kind_log_entry", "summary": "event 2"}
TIMELINES = (
    ("pager", "pager/I1", "/incidents/I1/log_entries", lambda told: {"log_entries": told}, "log entries", "PagerDuty"),
    (
        "pager",
        "pager/I1",
        "/incidents/I1/related_change_events",
        lambda told: {"change_events": told},
        "changes",
        "PagerDuty",
    ),
    (
        "sentry",
        "sentry/1",
        "/api/0/organizations/o/issues/1/",
        lambda told: {"id": "1", "activity": told},
        "activities",
        "Sentry",
    ),
    ("mackerel", "mackerel/m1", "/api/v0/alerts/m1/logs", lambda told: {"logs": told}, "changes", "Mackerel"),
)


@pytest.mark.parametrize("bad", [*BAD, TIMELESS], ids=["no object", "wrong fields", "no time"])
@pytest.mark.parametrize(
    ("source", "target", "path", "wrap", "what", "whose"), TIMELINES, ids=[f"{one[0]} {one[4]}" for one in TIMELINES]
)
def test_a_timeline_says_what_is_left_out_of_it(
    source: str, target: str, path: str, wrap: Any, what: str, whose: str, bad: Any
) -> None:
    rig = Rig(next(canned for canned in LISTS if canned.source == source))
    told = {"/incidents/I1/log_entries": {"log_entries": []}, path: wrap([_event(1), bad, _event(3)])}
    rig.answer = lambda asked: json.dumps(told[asked]).encode() if asked in told else None  # type: ignore[method-assign]
    first, *rest = rig.provider.timeline(target)
    assert first.text.startswith(f"1 of 3 {what} are not as {whose} promises: ")
    assert len(rest) == 2


def test_every_timeline_of_http_is_tried() -> None:
    have = {c.source for c in LISTS if isinstance(Rig(c).provider, SupportsTimeline)} - {"alarms", "prod"}
    assert have == {source for source, *_ in TIMELINES}


def test_what_is_left_out_of_a_person_s_choices_and_of_who_is_on_call_is_said() -> None:
    rig = Rig(next(canned for canned in LISTS if canned.source == "pager"))
    one = {"id": "P", "summary": "p", "escalation_rules": []}
    told = {
        "/users": {"users": [{"id": "U1", "summary": "u"}, 7]},
        "/escalation_policies": {"escalation_policies": [one, {"id": 7}]},
        "/services": {"services": [{"id": "S"}, 7, 8]},
        "/oncalls": {"oncalls": [7, {"escalation_level": 1, "user": {"id": "U1", "summary": "u"}}]},
        "/incidents/I1": {"incident": LISTS[2].item(1)},
        "/incidents/I1/alerts": {"alerts": [7]},
        "/incidents": {"incidents": [{**LISTS[2].item(1), "alert_counts": {"all": 1}}]},
    }
    rig.answer = lambda asked: json.dumps(told[asked]).encode() if asked in told else None  # type: ignore[method-assign]
    rig.provider.on_call()
    for words in ("1 of 2 on-call entries", "2 of 3 services", "1 of 2 escalation policies"):
        assert words in rig.provider.on_call_lacks
    reading = rig.read()
    assert [p.scope for p in reading.problems] == ["1 of 1 incidents' alerts"]
    status = SourceStatus(name="pager", provider="pagerduty", state=SourceState.OK)
    board = merge(1, AT, [status], [reading])
    choices = rig.provider.handlers()[Verb.REASSIGN].choices("pager/I1", board)
    assert [c.warning.partition(" are ")[0] for c in choices if c.warning] == [
        "1 of 2 users",
        "1 of 2 escalation policies",
    ]


LOOKED_UP = {  # nothing of these is shown: what an action looks for, by its id, and names beside it
    ("alertmanager", "matching"),
    ("alertmanager", "silences"),
    ("datadog", "active_downtime"),
    ("datadog", "active_downtimes"),
    ("datadog", "add"),
    ("datadog", "matches"),
    ("pagerduty", "among_open"),
    ("pagerduty", "among_resolved"),
    ("pagerduty", "update_many"),
    ("pagerduty", "user"),
    ("sentry", "_newest"),
}


def test_no_list_that_is_shown_is_read_without_counting() -> None:
    found = set()
    for file in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and file.name != "lists.py":
                calls = (c.func for c in ast.walk(node) if isinstance(c, ast.Call))
                if any(isinstance(f, ast.Name) and f.id == "usable" for f in calls):
                    found.add((file.parent.name, node.name))
    assert found == LOOKED_UP


# --- the whole answer -------------------------------------------------------------------------------------------------


class Item(msgspec.Struct):
    id: str
    title: Spared[str | None] = None
    status: str = ""


class Page(msgspec.Struct):
    rows: list[Item]
    more: bool = False


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty body"),
        (b"  \n", "an empty body"),
        (b"<html><body>Log in</body></html>", "a web page"),
        (b'{"rows": null}', "null where the list rows should be"),
        (b'{"rows": {}}', "an object where the list rows should be"),
        (b"[]", "a list where an object should be"),
        (b"null", "null where an object should be"),
        (b'"x"', "a text where an object should be"),
        (b"{}", "rows: missing"),
        (b'{"rows": [{"id": "a', "JSON that is cut off"),
        (b"nope", "no JSON"),
        (b'{"rows": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "nested too deep"),
    ],
    ids=range(12),
)
def test_an_answer_that_is_no_list_says_what_it_is(body: bytes, words: str) -> None:
    with pytest.raises(UNDECODABLE) as caught:
        decode(body, Page, Damage())
    assert what_came(body, caught.value) == words


@pytest.mark.parametrize("canned", LISTS, ids=lambda one: one.id)
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b'{"odd": 1}', b"[" * 50_000], ids=range(5))
def test_no_answer_of_any_kind_is_a_bug_of_the_provider(canned: Canned, body: bytes) -> None:
    """Where it is the source's own list it is a SourceError, or a problem; never another exception."""
    rig = Rig(canned)
    rig.read()
    whole = rig.answer
    rig.answer = lambda path: body if path == canned.path else whole(path)  # type: ignore[method-assign]
    said: list[Any] = []
    try:
        said += rig.read().problems
    except Malformed as error:
        said.append(error.message)
    empty_queue = canned.path == "ReceiveMessage" and body in (b"", b'{"odd": 1}')  # it answers without the list
    assert said or canned.path == "/api/v2/silences" or empty_queue


def test_bytes_that_are_no_utf8_are_replaced_in_their_own_item() -> None:
    body = b'{"rows": [{"id": "a"}, {"id": "b", "title": "\xff!"}, {"id": "c"}]}'
    assert [one.title for one in decode(body, Page, Damage()).rows] == [None, "\N{REPLACEMENT CHARACTER}!", None]


def test_without_damage_to_note_one_bad_item_is_an_error() -> None:
    """What decides an action has no holes."""
    with pytest.raises(UNDECODABLE):
        decode(b'{"rows": [{"id": "a"}, {"id": 7}]}', Page)
    found = decode(b'{"rows": [{"id": "a", "title": 7, "status": null}]}', Page)
    assert found.rows == [Item("a")]  # but for what decides nothing, or is null where it may be missing


def test_only_so_many_are_named() -> None:
    damage = Damage()
    raws: Items[Item] = listing(msgspec.Raw(b'{"id": %d}' % n) for n in range(9))
    assert items(raws, Item, damage) == []
    assert (damage.lost, damage.total) == (9, 9)
    assert damage.words().endswith("(+6 more)")
    assert Counter(damage.words())["expected"] == 0
