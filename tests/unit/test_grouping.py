"""One problem is one row, and the row stays the same row; what has to fire always is missed when it does not."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.support.fakes import alert, service
from tests.unit.test_triage import NOW, PAGES, board, hint

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.reading import SourceState
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.routing import route_all
from oncall_tui.triage.triager import Rules, TriagedBoard, Triager

ASKING = frozenset({Verb.ACKNOWLEDGE, Verb.ESCALATE})


def incident(name: str = "pager/1", **more: Any) -> Any:
    return alert(name, provider="pagerduty", **({"urgency": "high", "keys": ("arn:1",), "verbs": ASKING} | more))


def test_a_row_keeps_its_id_when_the_incident_comes_and_when_the_alarm_goes() -> None:
    looker = Triager(Rules(pages=PAGES))
    alarm = alert("alarms/1", keys=("arn:1",), began=NOW - 60)
    assert [r.id for r in looker.triage(board(alarm)).alerts] == ["alarms/1"]
    (row,) = looker.triage(board(alarm, incident(began=NOW - 30))).alerts
    assert (row.id, row.alert.id, row.incident, row.pages) == ("alarms/1", "pager/1", "pager/1", True)
    assert row.began == NOW - 60  # when the problem began, not when the pager heard of it
    (row,) = looker.triage(board(incident(began=NOW - 30))).alerts
    assert (row.id, row.alert.id) == ("alarms/1", "pager/1")
    other = alert("alarms/1", keys=("arn:2",))  # the alarm's id comes back as another problem: no two rows have one id
    assert len({r.id for r in looker.triage(board(other, incident())).alerts}) == 2


def test_the_row_is_as_bad_as_the_worst_of_it_and_its_state_is_the_pagers() -> None:
    rows = [
        incident(state=AlertState.ACKNOWLEDGED, by=("Bob",), severity=Severity.ERROR),
        alert("alarms/1", keys=("arn:1",), severity=Severity.CRITICAL),
    ]
    (row,) = Triager(Rules()).triage(board(*rows)).alerts
    assert (row.alert.state, row.severity) == (AlertState.ACKNOWLEDGED, Severity.CRITICAL)
    assert row.why.startswith("notification, acknowledged or seen, critical")


def test_without_a_pager_what_asks_leads() -> None:
    rows = [alert("a/1", keys=("k",), state=AlertState.ACKNOWLEDGED), alert("b/1", keys=("k",))]
    (row,) = Triager(Rules()).triage(board(*rows)).alerts
    assert (row.alert.id, [o.id for o in row.others], row.incident) == ("b/1", ["a/1"], "")


def test_an_incident_of_several_services_is_several_problems_that_lead_to_it() -> None:
    services = [service("prod/main/api"), service("prod/main/jobs")]
    one, two = (("alertname", "Down"), ("s", "api")), (("alertname", "Down"), ("s", "jobs"))
    rows = [
        alert("pager/1", provider="pagerduty", label_sets=(one, two)),
        alert("prom/1", labels=one, hint=hint("api")),
        alert("prom/2", labels=two, hint=hint("jobs")),
    ]
    found = Triager(Rules()).triage(board(*services, *rows)).alerts
    assert {r.id: r.incident for r in found} == {"pager/1": "pager/1", "prom/1": "pager/1", "prom/2": "pager/1"}


def test_two_incidents_of_one_alert_key_are_one_row_whose_acknowledgement_goes_to_both() -> None:
    two = [incident(), incident("pager/2", urgency="low")]
    found = board(*two, alert("alarms/1", keys=("arn:1",)))
    (row,) = Triager(Rules()).triage(found).alerts
    assert {a.id for a in route_all(row, found, Verb.ACKNOWLEDGE)} == {"pager/1", "pager/2"}
    assert len(route_all(row, found, Verb.ESCALATE)) == 1
    held = board(incident(state=AlertState.ACKNOWLEDGED, verbs=frozenset()), two[1], alert("alarms/1", keys=("arn:1",)))
    (row,) = Triager(Rules()).triage(held).alerts
    assert row.alert.id == "pager/2"  # the one that still asks leads
    assert [a.id for a in route_all(row, held, Verb.ACKNOWLEDGE)] == ["pager/2"]


def test_of_two_incidents_that_name_a_service_each_row_leads_to_its_own() -> None:
    services = [service("prod/main/api"), service("prod/main/jobs")]
    rows = [incident("pager/1", hint=hint("api")), incident("pager/2", hint=hint("jobs"))]
    found = board(*services, *rows)
    assert {row.alert.id: row.incident for row in Triager(Rules()).triage(found).alerts} == {
        "pager/1": "pager/1",
        "pager/2": "pager/2",
    }


def test_the_same_alert_of_two_alertmanagers_is_one_row_and_its_repeats_are_counted() -> None:
    rows = [alert("am1/f", keys=("fingerprint:f",)), alert("am2/f", keys=("fingerprint:f",), count=3)]
    (row,) = Triager(Rules()).triage(board(*rows)).alerts
    assert (row.count, {m.source for m in row.members}) == (3, {"am1", "am2"})


def test_related_rows_are_of_the_same_service() -> None:
    rows = [service("prod/main/api"), alert("a/1", hint=hint("api")), alert("a/2", hint=hint("api")), alert("a/3")]
    triaged = Triager(Rules()).triage(board(*rows))
    row = triaged.find("a/1")
    assert row is not None
    assert [r.id for r in triaged.related(row)] == ["a/2"]


# --- what has to fire always ------------------------------------------------------------------------------------------

WATCHDOG = alert("prom/w", labels=(("alertname", "Watchdog"),), began=NOW - 9000)


def expecting(seconds: float, looker: Triager, *rows: Any, state: SourceState = SourceState.OK) -> TriagedBoard:
    seen: Board = board(*rows, states={"prom": state})
    seen = msgspec.structs.replace(
        seen,
        at=NOW + seconds,
        sources={n: msgspec.structs.replace(s, provider="alertmanager") for n, s in seen.sources.items()},
    )
    return looker.triage(seen)


def test_a_dead_mans_switch_is_hidden_while_it_fires_and_an_alert_of_ours_when_it_does_not() -> None:
    looker = Triager(Rules(pages=PAGES, expected=({"alertname": "Watchdog"},)))
    quiet = expecting(0, looker, WATCHDOG)
    assert (quiet.alerts, quiet.hidden) == ((), 1)
    assert expecting(10, looker).alerts == ()  # an Alertmanager that restarts has none for a minute
    (row,) = expecting(131, looker).alerts
    assert row.alert.title == "Watchdog does not fire: alerts may not get through"
    assert (row.pages, row.alert.state, row.began) == (True, AlertState.FIRING, NOW + 10)
    assert expecting(140, looker).alerts[0] is row
    assert expecting(150, looker, WATCHDOG).alerts == ()


def test_one_that_never_fired_is_missed_at_once_but_not_where_its_source_cannot_be_read() -> None:
    rules = Rules(expected=({"alertname": "Watchdog"},))
    assert len(expecting(0, Triager(rules)).alerts) == 1
    looker = Triager(rules)
    assert expecting(0, looker, state=SourceState.OFFLINE).alerts == ()
    assert expecting(1, looker, state=SourceState.WAITING).alerts == ()
    assert expecting(2, looker).alerts[0].alert.state is AlertState.FIRING
    (row,) = expecting(3, looker, state=SourceState.OFFLINE).alerts
    assert row.alert.state is AlertState.UNKNOWN
    assert "prom cannot be read now" in dict(row.alert.annotations)["description"]


# --- episodes from the journal ----------------------------------------------------------------------------------------


def entry(at: float, new: str, began: float | None = None) -> Entry:
    data = {"old": "", "new": new} | ({} if began is None else {"began": began})
    return Entry(at=at, kind=EntryKind.ALERT, subject="prom/a", data=data)


def test_an_episode_that_an_earlier_session_saw_goes_on() -> None:
    episodes = Episodes()
    episodes.load([entry(NOW, "firing", NOW), entry(NOW + 300, "resolved")])
    now = alert("prom/a", began=NOW + 600)
    assert episodes.follow({now.id: now}, frozenset(), NOW + 610) == {"prom/a"}
    assert (episodes.of(now).began, episodes.of(now).firings) == (NOW, 2)


def test_what_fired_when_nobody_watched_begins_anew_after_thirty_minutes() -> None:
    episodes = Episodes()
    episodes.load([entry(NOW, "firing", NOW)])
    later = alert("prom/a", began=NOW + 7200)
    episodes.follow({later.id: later}, frozenset(), NOW + 7210)
    assert episodes.of(later).began == NOW + 7200


def test_what_fired_all_along_and_restarts_its_clock_goes_on() -> None:
    episodes = Episodes()
    first = alert("prom/a", began=NOW)
    for minute in range(0, 120, 10):
        episodes.follow({first.id: first}, frozenset(), NOW + minute * 60)
    again = alert("prom/a", began=NOW + 7190)
    episodes.follow({again.id: again}, frozenset(), NOW + 7200)
    assert (episodes.of(again).began, episodes.of(again).firings) == (NOW, 2)


def test_a_source_that_cannot_be_read_has_not_gone_quiet() -> None:
    episodes = Episodes()
    first = alert("prom/a", began=NOW)
    episodes.follow({first.id: first}, frozenset(), NOW)
    episodes.follow({}, frozenset({"prom"}), NOW + 10)
    assert episodes.of(first).ended is None
    episodes.follow({first.id: first}, frozenset(), NOW + 4000)
    assert episodes.of(first).firings == 1
