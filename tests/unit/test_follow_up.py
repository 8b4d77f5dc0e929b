"""Follow-ups, from the journal's entries."""

from __future__ import annotations

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.follow_up import FollowUpState, by_alert, follow_ups, ordered


def entry(at: float, subject: str, actor: str = "Alice", text: str = "", **data: object) -> Entry:
    given = {"title": "why 5xx at night", "owner": "Alice", "state": "open", "alerts": ["prom/5xx"], **data}
    return Entry(at=at, kind=EntryKind.FOLLOW_UP, subject=subject, actor=actor, text=text, data=given)


def test_the_newest_entry_is_the_whole_follow_up_and_the_first_says_who_opened_it() -> None:
    found = follow_ups(
        [
            entry(100.0, "f1"),
            entry(160.0, "f1", "Bob", "a proxy cuts idle connections", owner="Bob", state="looking"),
            entry(200.0, "f1", "Carol", alerts=["prom/5xx", "prom/latency"], owner="Bob", state="looking"),
        ]
    )
    one = found["f1"]
    assert (one.owner, one.state, one.alerts) == ("Bob", FollowUpState.LOOKING, ("prom/5xx", "prom/latency"))
    assert (one.opened_at, one.opened_by, one.changed_at, one.changed_by) == (100.0, "Alice", 200.0, "Carol")
    assert one.said == "a proxy cuts idle connections"


def test_what_is_done_is_listed_last_and_belongs_to_no_alert_any_more() -> None:
    found = follow_ups([entry(100.0, "f1"), entry(110.0, "f2"), entry(120.0, "f1", state="done")])
    assert [f.id for f in ordered(found.values())] == ["f2", "f1"]
    assert [f.id for f in by_alert(found)["prom/5xx"]] == ["f2"]


def test_a_state_of_another_version_stays_open() -> None:
    found = follow_ups([entry(100.0, "f1", state="blocked")])
    assert found["f1"].is_open


def test_other_kinds_are_skipped() -> None:
    assert follow_ups([Entry(at=1.0, kind=EntryKind.NOTE, subject="f1", data={"title": "no"})]) == {}
