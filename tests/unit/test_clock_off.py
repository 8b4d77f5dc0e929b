"""A clock that is minutes off is said on every surface, and changes no source's state."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from tests.unit.test_triage import board

from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.polling.status import PollState, status_of
from oncall_tui.providers.http.client import Http
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.tui.presenters import status_lines


def status(off: float) -> tuple[SourceState, str, str]:
    reading = Reading(source="prom", at=1_000.0, calls=1, clock_off_s=off)
    seen = PollState(name="prom", provider="alertmanager", stale_after_s=60.0, reading=reading, read_since=5.0)
    made = status_of(seen, 1_000.0, 5.0)
    assert made.clock_off_s == off
    return made.state, made.message, made.hint


def test_a_source_whose_clock_differs_says_so() -> None:
    assert status(0.0) == (SourceState.OK, "", "")
    state, message, hint = status(300.0)
    assert state is SourceState.OK
    assert "5m ahead of this machine's" in message
    assert "NTP" in hint
    assert "5m behind this machine's" in status(-300.0)[1]


@pytest.mark.parametrize(
    ("off", "narrow", "wide"),
    [
        ({"prom": 0.0, "pager": 0.0}, "", ""),
        (
            {"prom": 300.0, "prod": 0.0},  # AWS tells no time, so that nothing says which of the two is wrong
            "CLOCK of prom 5m ahead",
            "CLOCK of prom 5m ahead, or this machine's behind",
        ),
        ({"prom": -300.0}, "CLOCK of prom 5m behind", "CLOCK of prom 5m behind, or this machine's ahead"),
        ({"prom": 300.0, "pager": 240.0}, "CLOCK HERE 5m behind", "CLOCK HERE 5m behind, say 2 sources"),
        ({"prom": -60.0, "pager": -120.0, "prod": 0.0}, "CLOCK HERE 2m ahead", "CLOCK HERE 2m ahead, say 2 sources"),
        ({"prom": 300.0, "pager": -60.0}, "CLOCK of prom 5m ahead", "CLOCK of prom 5m ahead, or this machine's behind"),
    ],
)
def test_the_status_line_says_whose_clock_is_off(off: dict[str, float], narrow: str, wide: str) -> None:
    sources = {
        n: SourceStatus(name=n, provider="alertmanager", state=SourceState.OK, clock_off_s=s) for n, s in off.items()
    }
    update: Any = SimpleNamespace(board=msgspec.structs.replace(board(), sources=MappingProxyType(sources)))
    for is_wide, words in ((False, narrow), (True, wide)):
        line = "".join(text for text, *_ in status_lines.right(update, 1_000.0, is_wide, bell=True))
        assert line == f"{len(off)}/{len(off)} live" + (f" · {words}" if words else "")


@pytest.mark.parametrize(
    ("date", "age", "expected"),
    [
        ("Fri, 15 Jan 2027 08:00:00 GMT", "", 0.0),
        ("Fri, 15 Jan 2027 08:00:59 GMT", "", 0.0),
        ("Fri, 15 Jan 2027 08:05:10 GMT", "", 300.0),
        ("Fri, 15 Jan 2027 07:54:50 GMT", "", -300.0),
        ("Fri, 15 Jan 2027 07:54:50 GMT", "310", 0.0),  # from a cache, which asked then
        ("soon", "", 0.0),
        ("", "", 0.0),
        ("Fri, 15 Jan 2027 08:05:10 GMT", "old", 0.0),
    ],
)
def test_the_servers_clock_by_its_date(date: str, age: str, expected: float) -> None:
    headers = {name: value for name, value in (("Date", date), ("Age", age)) if value}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={}, headers=headers))
    http = Http(source="prom", url="http://am.example", clock=FakeClock(1_800_000_000.0), transport=transport)
    http.get("/x", dict)
    assert http.clock_off_s == expected
