"""What a look must not get wrong while time goes by, alerts are joined and parted, and half of it is hidden."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.support.fakes import ALICE, FakeProvider, alert, deploy, service
from tests.support.screen import Rig
from tests.unit.test_grouping import WATCHDOG, incident
from tests.unit.test_triage import NOW, PAGES, board, hint

from oncall_tui.actions.plan_enricher import PlanEnricher
from oncall_tui.cli.alert_commands import target
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.transitions import transitions
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import Refused
from oncall_tui.journal import Journal
from oncall_tui.triage.cautions import cautions
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.triage.triager import Rules, Triager, unacknowledged_count

# --- nothing moves but time -------------------------------------------------------------------------------------------


def test_a_dead_mans_switch_is_missed_on_a_board_where_nothing_else_moves(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    rig.engine.builder.triager = Triager(Rules(expected=({"alertname": "Watchdog"},)))
    rig.provider.alerts = {WATCHDOG.id: WATCHDOG}
    rig.poll()
    rig.provider.alerts = {}
    rig.poll()
    assert rig.engine.update.triaged.alerts == ()
    rig.clock.advance(121)
    rig.poll()
    assert [r.id for r in rig.engine.update.triaged.alerts] == ["expected/alertname=Watchdog"]


@pytest.mark.parametrize("by", [-3 * 3600.0, 3 * 3600.0])
def test_a_clock_that_is_set_makes_no_heartbeat_late_or_missing(tmp_path: Path, by: float) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    rig.engine.builder.triager = Triager(Rules(expected=({"alertname": "Watchdog"},)))
    rig.provider.alerts = {WATCHDOG.id: WATCHDOG}
    rig.poll()
    rig.provider.alerts = {}
    rig.poll()
    rig.clock.step(by)
    rig.clock.advance(10)
    rig.poll()
    assert rig.engine.update.triaged.alerts == ()
    rig.clock.advance(111)
    rig.poll()
    assert [r.id for r in rig.engine.update.triaged.alerts] == ["expected/alertname=Watchdog"]


def test_what_fired_all_along_on_a_quiet_board_is_in_the_same_episode(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    then = rig.clock.now()
    first = alert("prom/a", began=then)
    rig.provider.alerts = {first.id: first}
    rig.poll()
    rig.clock.advance(7200)
    rig.poll()
    again = alert("prom/a", began=then + 7190)
    rig.provider.alerts = {again.id: again}
    rig.poll()
    (row,) = rig.engine.update.triaged.alerts
    assert (row.began, row.firings) == (then, 2)


# --- what is hidden ---------------------------------------------------------------------------------------------------

TRACKING = {"hidden": "target tracking"}


def test_a_hidden_alert_does_not_hide_what_it_is_joined_to() -> None:
    rows = [alert("alarms/1", keys=("k",), severity=Severity.CRITICAL, **TRACKING), alert("prom/1", keys=("k",))]
    triaged = Triager(Rules()).triage(board(*rows))
    assert ([r.alert.id for r in triaged.alerts], triaged.hidden) == (["prom/1"], 0)


def test_hidden_alerts_are_nothing_wide_and_do_not_page() -> None:
    services = [service(f"prod/main/{name}") for name in ("a", "b", "c")]
    products = tuple(Product(name=name, services=(f"prod/main/{name}",)) for name in ("a", "b", "c"))
    rows = [alert(f"alarms/{n}", hint=hint(n), severity=Severity.CRITICAL, **TRACKING) for n in ("a", "b", "c")]
    pages = ({"severity": "critical"},)
    triaged = Triager(Rules(pages=pages, products=products)).triage(board(*services, *rows), show_hidden=True)
    assert (triaged.multi_service_incident, [r.pages for r in triaged.alerts]) == (None, [False] * 3)
    assert NewPages().new(triaged) == []


# --- where a key goes -------------------------------------------------------------------------------------------------


def test_of_two_incidents_the_one_that_leads_the_row_is_the_one_that_the_key_goes_to() -> None:
    one = incident("pager/1", began=NOW - 60, severity=Severity.WARNING)
    two = incident("pager/2", began=NOW - 30, severity=Severity.CRITICAL)
    triaged = Triager(Rules(pages=PAGES)).triage(board(one, two))
    (row,) = triaged.alerts
    assert row.alert.id == row.incident == "pager/2"
    assert NewPages().new(triaged) == [row.id]


def commanded(named: Alert, verb: Verb, *rows: Any) -> str:
    """Where a command on *named* goes."""
    triaged = Triager(Rules()).triage(board(*rows))
    update = SimpleNamespace(triaged=triaged, board=triaged.board)
    engine = SimpleNamespace(first_read=lambda timeout_s: update, update=update)
    return target(cast(Engine, engine), named, verb).id


def test_a_command_goes_to_what_it_names_or_to_its_incident_and_to_nothing_else() -> None:
    both = frozenset({Verb.ACKNOWLEDGE, Verb.SILENCE})
    pager = incident(verbs=frozenset({Verb.ACKNOWLEDGE}))
    other = incident("pager/2", began=NOW, verbs=frozenset({Verb.ACKNOWLEDGE}))
    a, b = alert("am1/f", keys=("arn:1",), verbs=both), alert("am2/f", keys=("arn:1",), verbs=both)
    assert commanded(b, Verb.ACKNOWLEDGE, pager, a, b) == "pager/1"
    assert commanded(b, Verb.SILENCE, pager, a, b) == "am2/f"
    assert commanded(a, Verb.SILENCE, pager, a, b) == "am1/f"
    assert commanded(other, Verb.ACKNOWLEDGE, pager, other, a) == "pager/2"
    had = incident(state=AlertState.ACKNOWLEDGED, verbs=frozenset(), by=("Bob",))
    with pytest.raises(Refused, match=r"its incident pager/1 is acknowledged already by Bob$"):
        commanded(a, Verb.ACKNOWLEDGE, had, a)
    with pytest.raises(Refused, match=r"its incident pager/1 is firing, and cannot be acknowledged from here$"):
        commanded(a, Verb.ACKNOWLEDGE, incident(verbs=frozenset()), a)


# --- when it began ----------------------------------------------------------------------------------------------------


def test_a_problem_that_lasts_keeps_its_begin_when_the_alert_that_told_it_first_is_over() -> None:
    looker, ring = Triager(Rules(pages=PAGES)), NewPages()
    first = alert("alarms/1", keys=("arn:1",), began=NOW - 600)
    pager = incident(began=NOW - 300)
    assert len(ring.new(looker.triage(board(first, pager)))) == 1
    triaged = looker.triage(board(pager))
    assert triaged.alerts[0].began == NOW - 600
    assert ring.new(triaged) == []  # that an alarm is over is no news to ring for


def test_an_alert_that_comes_back_after_hours_begins_anew_though_the_row_is_the_same() -> None:
    looker = Triager(Rules())
    looker.triage(board(alert("alarms/1", began=NOW - 9000)))
    (row,) = looker.triage(board(alert("alarms/1", began=NOW + 9000))).alerts
    assert (row.began, row.firings) == (NOW + 9000, 1)


def test_the_pagers_next_incident_goes_on_with_the_episode_and_the_old_one_leaving_is_no_firing() -> None:
    episodes = Episodes()
    old = incident("pager/1", began=NOW)
    new = incident("pager/2", began=NOW + 300)
    over = incident("pager/1", began=NOW, state=AlertState.RESOLVED, changed=NOW + 200)
    noted = incident("pager/2", began=NOW + 300, state=AlertState.ACKNOWLEDGED)
    for seconds, rows in enumerate(((old,), (new, over), (new,), (noted,)), 300):
        episodes.follow({r.id: r for r in rows}, frozenset(), NOW + seconds)
    assert (episodes.of(noted).began, episodes.of(noted).firings, episodes.of(noted).ended) == (NOW, 2, None)


def test_a_monitor_that_fires_anew_under_another_id_goes_on_with_its_episode() -> None:
    episodes = Episodes()
    old = alert("mk/1", provider="mackerel", keys=("monitor:m:h",), began=NOW)
    new = alert("mk/2", provider="mackerel", keys=("monitor:m:h",), began=NOW + 300)
    other = alert("mk/3", provider="mackerel", keys=("monitor:m:other",), began=NOW + 300)
    for seconds, rows in enumerate(((old,), (), (new, other)), 300):
        episodes.follow({r.id: r for r in rows}, frozenset(), NOW + seconds)
    assert (episodes.of(new).began, episodes.of(new).firings) == (NOW, 2)
    assert (episodes.of(other).began, episodes.of(other).firings) == (NOW + 300, 1)


def test_the_same_firing_told_of_again_is_no_other_firing() -> None:
    episodes = Episodes()
    row = alert("prom/a", began=NOW)
    for seconds, rows in enumerate(((row,), (), (row,), (), (row,))):
        episodes.follow({r.id: r for r in rows}, frozenset(), NOW + seconds)
    assert (episodes.of(row).firings, episodes.of(row).ended) == (1, None)


def test_a_pagers_incidents_are_one_episode_over_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("pager"))
    began = rig.clock.now()
    rig.provider.alerts = {"pager/1": incident("pager/1", began=began)}
    rig.poll()
    rig.clock.advance(60)
    rig.provider.alerts = {}
    rig.poll()
    rig.engine.journal.close(5)
    later = Rig(tmp_path, FakeProvider("pager"))
    later.clock.advance(600)
    later.provider.alerts = {"pager/2": incident("pager/2", began=began + 590)}
    later.poll()
    assert [(r.began, r.firings) for r in later.engine.update.triaged.alerts] == [(began, 2)]


def test_episodes_that_never_come_back_are_forgotten() -> None:
    episodes = Episodes()
    episodes.load(
        Entry(at=NOW, kind=EntryKind.ALERT, subject=f"prom/{i}", data={"new": "firing", "began": NOW})
        for i in range(3000)
    )
    here = alert("prom/1", began=NOW)
    episodes.follow({here.id: here}, frozenset(), NOW + 90_000)
    assert len(episodes._known) == 1


# --- who has it, and does it still fire? ------------------------------------------------------------------------------


def parted(**pager: Any) -> Any:
    """An incident that lists alerts of two services: three rows."""
    one, two = (("s", "api"),), (("s", "jobs"),)
    critical = {"severity": Severity.CRITICAL}
    return Triager(Rules(pages=({"severity": "critical"},))).triage(
        board(
            service("prod/main/api"),
            service("prod/main/jobs"),
            alert("pager/1", provider="pagerduty", label_sets=(one, two), **({"severity": Severity.WARNING} | pager)),
            alert("prom/1", labels=one, hint=hint("api"), **critical),
            alert("prom/2", labels=two, hint=hint("jobs"), **critical),
        )
    )


def test_what_somebody_has_at_the_pager_is_not_counted_as_nobodys() -> None:
    assert unacknowledged_count(parted()) == 2
    had = parted(state=AlertState.ACKNOWLEDGED, severity=Severity.CRITICAL)
    assert (unacknowledged_count(had), NewPages().new(had)) == (0, [])


def test_pages_ring_where_their_incident_is_a_row_that_does_not() -> None:
    assert sorted(NewPages().new(parted())) == ["prom/1", "prom/2"]
    assert NewPages().new(parted(severity=Severity.CRITICAL)) == ["pager/1"]


def test_what_somebody_has_still_fires(tmp_path: Path) -> None:
    rows = [
        service("prod/main/api"),
        incident(state=AlertState.ACKNOWLEDGED, title="the page"),
        alert("alarms/1", keys=("arn:1",), hint=hint("api")),
        alert("prom/1", hint=hint("api"), state=AlertState.NO_DATA),
    ]
    triaged = Triager(Rules()).triage(board(*rows))
    dresser = PlanEnricher(lambda: triaged, Journal(tmp_path / "journal.db", lambda: NOW), ALICE)
    assert dresser.still_firing("prod/main/api") == ["the page"]
    older = deploy("prod/d", service_id="prod/main/api", started=NOW + 9000)
    assert [w for w in cautions(triaged, "prod/main/api", older) if "before this deploy" in w]


def test_a_row_whose_incident_somebody_has_stands_below_what_nobody_has() -> None:
    one, two = (("s", "api"),), (("s", "jobs"),)
    looker = Triager(Rules())
    for state in (AlertState.FIRING, AlertState.ACKNOWLEDGED):
        rows = [
            service("prod/main/api"),
            service("prod/main/jobs"),
            alert("pager/1", provider="pagerduty", label_sets=(one, two), state=state, began=NOW - 10),
            alert("prom/1", labels=one, hint=hint("api"), began=NOW - 10),
            alert("prom/2", labels=two, hint=hint("jobs"), began=NOW - 10),
            alert("prom/3", began=NOW - 999),
        ]
        found = [r.id for r in looker.triage(board(*rows)).alerts]
        assert found.index("prom/3") == (3 if state is AlertState.FIRING else 0), found


# --- what is gone -----------------------------------------------------------------------------------------------------


def test_a_deploy_that_went_with_its_service_is_a_suspect_no_more() -> None:
    looker = Triager(Rules(products=(Product(name="shop", services=("prod/*/*",)),)))
    api, jobs = service("prod/main/api"), service("prod/main/jobs")
    bad = alert("prom/1", hint=hint("api"), began=NOW)
    one = deploy("prod/d", service_id=jobs.id, started=NOW - 60)
    assert looker.triage(board(api, jobs, bad, one)).alerts[0].suspect is one
    assert looker.triage(board(api, bad)).alerts[0].suspect is None


def test_a_pagers_incident_is_never_taken_for_the_dead_mans_switch_that_it_names() -> None:
    page = alert("pager/1", provider="pagerduty", labels=(("alertname", "Watchdog"),))
    triaged = Triager(Rules(expected=({"alertname": "Watchdog"},))).triage(board(page))
    assert sorted(r.id for r in triaged.alerts) == ["expected/alertname=Watchdog", "pager/1"]


def test_what_is_missing_has_not_come_back_before_its_sources_were_read() -> None:
    known = {"expected/alertname=Watchdog": str(AlertState.FIRING)}
    seen = board(states={"prom": SourceState.WAITING})
    never = {n: msgspec.structs.replace(s, read_at=None) for n, s in seen.sources.items()}
    assert transitions(known, msgspec.structs.replace(seen, sources=never)) == []
    (back,) = transitions(known, board(states={"prom": SourceState.OK}))
    assert (back.id, back.new) == ("expected/alertname=Watchdog", AlertState.RESOLVED)
