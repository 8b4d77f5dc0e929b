"""A first list in parts: its rows are shown as they come, and what is missing from them is not taken for gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.fakes import FakeProvider, alert
from tests.unit.test_polling import make, seen

from oncall_tui.domain.alert import Severity
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.domain.transitions import transitions
from oncall_tui.errors import Offline
from oncall_tui.polling.poller import PART_EVERY_S
from oncall_tui.polling.status import status_of
from oncall_tui.providers.base import ReadRequest
from oncall_tui.runtime.answers import answered
from oncall_tui.triage import counts
from oncall_tui.triage.new_pages import NewPages
from oncall_tui.triage.triager import Rules, Triager

A, B, C = (alert(f"pager/{name}", source="pager", provider="pagerduty") for name in "abc")


def status(complete: bool, state: SourceState = SourceState.WAITING, **more: Any) -> SourceStatus:
    found = SourceState.OK if complete else state
    partial = {} if complete else {"partial": True}
    return SourceStatus(
        name="pager", provider="pagerduty", state=found, read_at=1_000.0, complete=complete, **partial, **more
    )


def board(complete: bool, *alerts: Any, state: SourceState = SourceState.WAITING) -> Board:
    return merge(1, 1_000.0, [status(complete, state)], [Reading(source="pager", at=1_000.0, alerts=alerts)], 1_000.0)


def parts(provider: FakeProvider, tell: Callable[[ReadRequest], Reading]) -> None:
    def read(request: ReadRequest) -> Reading:
        provider.reads.append(request)
        return tell(request)

    provider.read = read  # type: ignore[method-assign]


def part(*alerts: Any) -> Reading:
    return Reading(source="fake", at=0.0, alerts=alerts, calls=1, complete=False)


# --- the poller -------------------------------------------------------------------------------------------------------


def test_a_first_list_is_told_as_it_comes_once_a_second_and_no_later_one() -> None:
    provider = FakeProvider()
    poller, told = make(provider)
    made: list[int] = []
    seen_then: list[int] = []

    def paged(request: ReadRequest) -> Reading:
        for pages in range(1, 7):
            provider.clock.advance(PART_EVERY_S / 2)
            answered()
            request.tell_part(lambda pages=pages: made.append(pages) or part(*[A, B, C][:pages]))  # type: ignore[misc]
            status = status_of(poller.seen, provider.clock.now(), provider.clock.monotonic())
            seen_then.append(len(poller.seen.reading.alerts) if poller.seen.reading else 0)
            assert (status.coming, status.whole) == (poller.seen.reading is not None and len(made) < 7, len(made) > 6)
        return Reading(source="fake", at=0.0, alerts=(A, B, C), calls=6)

    parts(provider, paged)
    poller._poll(ReadRequest())
    assert made == [1, 3, 5]  # what is not wanted is not put together
    assert seen_then == [1, 1, 3, 3, 3, 3]
    assert len(told) == 4
    assert poller.seen.reading is not None
    assert poller.seen.reading.complete
    parts(provider, lambda request: request.tell_part(lambda: 1 / 0) or Reading(source="fake", at=1.0, calls=1))  # type: ignore[arg-type, return-value, func-returns-value]
    poller._poll(ReadRequest())
    assert provider.reads[-1].part is None
    assert poller.seen.error_state is None


def test_a_part_after_a_failure_takes_no_row_away_and_the_whole_list_does() -> None:
    provider = FakeProvider()
    poller, _ = make(provider)

    def breaks(request: ReadRequest) -> Reading:
        request.tell_part(lambda: part(A, B))
        raise Offline("gone")

    def again(request: ReadRequest) -> Reading:
        request.tell_part(lambda: part(B, C))
        assert poller.seen.reading is not None
        assert {a.id for a in poller.seen.reading.alerts} == {A.id, B.id, C.id}
        return Reading(source="fake", at=0.0, alerts=(C,), calls=1)

    parts(provider, breaks)
    poller._poll(ReadRequest())
    now = status_of(poller.seen, provider.clock.now(), provider.clock.monotonic())
    assert (now.state, now.complete, now.current) == (SourceState.OFFLINE, False, False)
    parts(provider, again)
    poller._poll(ReadRequest())
    assert poller.seen.reading is not None
    assert poller.seen.reading.alerts == (C,)


def test_a_long_first_list_is_not_stale_while_its_pages_come() -> None:
    reading = part(A, B)
    asked = seen(reading=reading, asking_since=100.0, answered_at=199.0)
    assert (status_of(asked, 0.0, 200.0).state, status_of(asked, 0.0, 200.0).message) == (
        SourceState.WAITING,
        "still reading: 2 so far",
    )
    assert status_of(asked, 0.0, 210.0).state is SourceState.STALE  # nothing came for eleven seconds


# --- what is not there ------------------------------------------------------------------------------------------------


def test_what_is_missing_from_a_part_is_not_resolved_and_what_is_there_is_journalled_once_it_is_whole() -> None:
    known = {A.id: "firing", B.id: "firing"}
    assert transitions(known, board(False, A, C)) == []
    assert [(c.id, c.new) for c in transitions(known, board(True, A, C))] == [(C.id, "firing"), (B.id, "resolved")]
    # where the list broke off, what is there is known, and what is not there is not gone
    assert [c.id for c in transitions(known, board(False, A, C, state=SourceState.OFFLINE))] == [C.id]


def test_a_heartbeat_is_not_missing_before_the_list_is_whole() -> None:
    triager = Triager(Rules(expected=({"alertname": "Watchdog", "source": "pager"},)))
    assert not triager.triage(board(False, A)).board.alerts.keys() - {A.id}
    assert len(triager.triage(board(True, A)).board.alerts) == 2


def test_pages_of_a_list_that_still_comes_ring_once_at_its_end() -> None:
    page = {"severity": Severity.CRITICAL}
    paging = [alert(f"pager/{name}", source="pager", **page) for name in "ab"]
    triager, ring = Triager(Rules(pages=({"severity": "critical"},))), NewPages()
    assert ring.new(triager.triage(board(False, paging[0]))) == []
    assert sorted(ring.new(triager.triage(board(True, *paging)))) == [a.id for a in paging]
    assert ring.new(triager.triage(board(True, *paging))) == []
    broke_off = NewPages().new(triager.triage(board(False, *paging, state=SourceState.OFFLINE)))
    assert len(broke_off) == 2  # nobody knows when the rest comes


@pytest.mark.parametrize(("complete", "title", "tab"), [(False, "ALERTS 2 so far", "2?"), (True, "ALERTS 2", "2")])
def test_the_title_and_the_tab_say_that_more_may_come(complete: bool, title: str, tab: str) -> None:
    triaged = Triager(Rules()).triage(board(complete, A, B))
    assert counts.alerts_title(triaged).partition(" · ")[0] == title
    assert counts.number(triaged, "alerts", 2) == tab
