"""What goes on after its pager's incident is over stays the same problem, whatever ends first."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from tests.support.fakes import alert
from tests.unit.test_triage import NOW, PAGES, board

from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.triage.aftermath import SETTLES_S
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.triage.ownership import after, aftermath
from oncall_tui.triage.triager import Rules, TriagedAlert, TriagedBoard, Triager, unacknowledged_count

LABELS = (("alertname", "Down"),)


def incident(name: str = "pager/1", **more: Any) -> Alert:
    fields = {"provider": "pagerduty", "urgency": "high", "keys": ("arn:1",), "label_sets": (LABELS,), **more}
    return alert(name, **fields)


def prom(**more: Any) -> Alert:
    return alert("prom/1", labels=LABELS, **{"began": NOW - 60, "severity": Severity.CRITICAL, **more})


def alarm(**more: Any) -> Alert:
    return alert("alarms/1", keys=("arn:1",), **{"began": NOW - 50, **more})


class Night:
    """One board after another, and what rang."""

    def __init__(self) -> None:
        self.triager = Triager(Rules(pages=PAGES))
        self.ring = NewPages()
        self.rung: list[str] = []
        self.at = NOW

    def see(self, *alerts: Alert, later: float = 10.0, unsure: str = "") -> TriagedBoard:
        self.at += later
        read = dict.fromkeys(("pager", "prom", "alarms"), SourceState.OK)
        seen = msgspec.structs.replace(board(*alerts, states=read), at=self.at)
        if unsure:
            lacks = (PartialFailure(SourceState.STALE, "incidents", "the list moved"),)
            source = msgspec.structs.replace(seen.sources[unsure], problems=lacks)
            seen = msgspec.structs.replace(seen, sources={**seen.sources, unsure: source})
        triaged = self.triager.triage(seen)
        self.rung += self.ring.new(triaged)
        return triaged


def only(triaged: TriagedBoard) -> TriagedAlert:
    (row,) = triaged.alerts
    return row


@pytest.fixture
def night() -> Night:
    """A page that rang, and that Alice acknowledged."""
    made = Night()
    first = only(made.see(incident(), prom(), alarm()))
    assert made.rung == [first.id]
    made.see(incident(state=AlertState.ACKNOWLEDGED, by=("Alice",)), prom(), alarm())
    return made


def test_the_pager_resolves_first_and_what_still_fires_is_the_same_problem(night: Night) -> None:
    triaged = night.see(prom(), alarm())
    row = only(triaged)
    assert (row.id, row.pages, len(row.members)) == ("pager/1", True, 2)
    assert aftermath(row, night.at) == "pager resolved just now (Alice had it), still firing at prom, alarms"
    assert after(row) == "pager resolved"
    assert unacknowledged_count(triaged) == 0
    assert row.why == "page, its incident ended, " + row.why.split(", ", 2)[2]
    assert only(night.see(alarm())).id == "pager/1"
    ended = only(night.see(alarm(state=AlertState.RESOLVED)))
    over = msgspec.structs.replace(row, alert=ended.alert, others=())  # as the board keeps it under the cursor
    assert aftermath(over, night.at) == "pager resolved 20s ago (Alice had it)"
    assert night.rung == ["pager/1"]
    assert night.see().alerts == ()


def test_what_fires_on_for_a_quarter_of_an_hour_is_nobodys_again_and_says_why(night: Night) -> None:
    night.see(prom())
    triaged = night.see(prom(), later=SETTLES_S + 1)
    row = only(triaged)
    assert (row.id, row.settles, unacknowledged_count(triaged)) == ("pager/1", False, 1)
    assert aftermath(row, night.at).startswith("pager resolved 15m ago (Alice had it), still firing at prom")
    assert night.rung == ["pager/1"]  # it is the same episode


def test_time_alone_ends_the_settling_on_a_board_where_nothing_moves(night: Night) -> None:
    night.see(prom())
    there = board(prom())
    assert night.triager.still(msgspec.structs.replace(there, at=night.at + 60))
    assert not night.triager.still(msgspec.structs.replace(there, at=night.at + SETTLES_S))


def test_a_new_firing_after_the_incident_is_over_is_nobodys(night: Night) -> None:
    night.see(prom())
    night.see()
    triaged = night.see(prom(began=night.at + 3600), later=3610)
    assert (only(triaged).ended, unacknowledged_count(triaged)) == (None, 1)
    assert len(night.rung) == 2


def test_the_alertmanagers_restart_changes_nothing(night: Night) -> None:
    """Its alerts are away for a minute; the same firing comes back."""
    night.see(prom())
    night.see(later=60)
    back = night.see(prom())
    assert aftermath(only(back), night.at).startswith("pager resolved 1m ago (Alice had it)")
    assert (unacknowledged_count(back), len(night.rung)) == (0, 1)


def test_prometheus_restart_that_counts_the_firing_anew_changes_nothing(night: Night) -> None:
    night.see(prom())
    triaged = night.see(prom(began=night.at))
    assert (only(triaged).id, unacknowledged_count(triaged), len(night.rung)) == ("pager/1", 0, 1)


def test_an_incident_that_was_merged_goes_on_in_the_other(night: Night) -> None:
    gap = night.see(prom(), alarm())  # the other one's alerts are not read yet
    assert unacknowledged_count(gap) == 0
    into = incident("pager/2", state=AlertState.ACKNOWLEDGED, by=("Bob",))
    row = only(night.see(into, prom(), alarm()))
    assert (row.id, row.incident, row.ended) == ("pager/1", "pager/2", None)
    assert night.rung == ["pager/1"]


def test_an_incident_that_is_only_out_of_sight_is_not_said_to_be_resolved(night: Night) -> None:
    row = only(night.see(prom(), unsure="pager"))
    assert aftermath(row, night.at).startswith("pager no longer lists its incident (Alice had it)")
    back = only(night.see(incident(state=AlertState.ACKNOWLEDGED, by=("Alice",)), prom()))
    assert (back.id, back.ended, night.rung) == ("pager/1", None, ["pager/1"])


def test_an_incident_that_is_not_mine_any_more_is_not_said_to_be_resolved() -> None:
    night = Night()
    night.see(incident(mine=True), prom())
    row = only(night.see(prom()))
    assert aftermath(row, night.at).startswith("pager no longer lists its incident, still firing")


def test_what_was_never_joined_is_no_part_of_it(night: Night) -> None:
    other = alert("prom/2", labels=(("alertname", "Disk"),), began=NOW - 60)
    triaged = night.see(prom(), other)
    assert {row.id: row.settles for row in triaged.alerts} == {"pager/1": True, "prom/2": False}


@pytest.mark.parametrize("seed", range(150))
def test_whatever_ends_first_it_is_one_problem_that_rings_once(seed: int) -> None:
    """Acknowledged at the pager, then its parts end, go away and come back in any order, within minutes."""
    random, night = Random(seed), Night()
    parts: dict[str, Alert] = {"pager": incident(), "prom": prom(), "alarm": alarm()}
    row_id = only(night.see(*parts.values())).id
    parts["pager"] = incident(state=AlertState.ACKNOWLEDGED, by=("Alice",))
    away: dict[str, Alert] = {}
    night.see(*parts.values())
    told = [f"rung {night.rung}"]
    for _ in range(random.randrange(3, 12)):
        what = random.choice(["end", "restart", "back", "clock", "held", "resolved", "merged", "nothing"])
        name = random.choice(sorted(parts) or ["prom"])
        if what == "end" and len(parts) > 1:
            parts.pop(name)
        elif what == "restart" and name in parts and name != "pager":
            away[name] = parts.pop(name)
        elif what == "back" and away:
            parts.update([away.popitem()])
        elif what == "clock" and name in parts and name != "pager":
            parts[name] = msgspec.structs.replace(parts[name], began=night.at)
        elif what == "held" and name in parts and name != "pager":
            parts[name] = msgspec.structs.replace(parts[name], state=AlertState.SILENCED)
        elif what == "resolved" and name in parts:
            parts[name] = msgspec.structs.replace(parts[name], state=AlertState.RESOLVED)
        elif what == "merged" and "pager" in parts:
            parts["pager"] = incident("pager/9", state=AlertState.ACKNOWLEDGED, by=("Bob",))
        triaged = night.see(*parts.values())
        told.append(f"{what} {name}: {[(r.id, [m.id for m in r.members], r.settles) for r in triaged.alerts]}")
        story = "\n".join(told)
        assert len(night.rung) == 1, story
        assert unacknowledged_count(triaged) == 0, story
        assert len({r.id for r in triaged.alerts}) == len(triaged.alerts), story
        firing = [r for r in triaged.alerts if r.alert.state is not AlertState.RESOLVED]
        assert len(firing) <= 1, story
        if firing and not away:
            assert row_id in {r.id for r in triaged.alerts} or not any(
                m.id in row_id for r in firing for m in r.members
            ), story
        assert {m.id for r in triaged.alerts for m in r.members} == {a.id for a in parts.values()}, story
