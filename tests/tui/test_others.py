"""Where other engineers are, on the row, in the detail and in the plan; and what the others see of this board."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.screen import Rig, on_screen
from tests.support.shared_store import MemoryStore

from oncall_tui.domain.shared import OPEN, Held
from oncall_tui.journal.team import TeamJournal


def held(who: str, subject: str, what: str, since: float) -> Held:
    return Held(f"here {who}", subject, what, who, who, since, since, f"{who} {since}")


class Office:
    """A board whose team's store is at hand; its thread is this test."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.rig = Rig(folder, team=self._make)
        self.rig.engine.team.start()

    def _make(self, merged: Callable[[int], None]) -> TeamJournal:
        engine = self.rig.engine
        made = TeamJournal(engine.journal, engine.clock, "Alice", lambda: self.store, merged)
        made.start = lambda: None  # type: ignore[method-assign] # no thread: look() is one step of it
        return made

    def look(self) -> None:
        team = self.rig.engine.team._team
        assert team is not None
        team.claims.tick()
        self.rig.refresh()

    def put(self, *others: Held) -> None:
        self.store.slots = {one.slot: one for one in others}
        self.look()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Any]:
    made = Office(tmp_path)
    made.rig.provider.add("a")
    async with on_screen(made.rig, (100, 24)):
        made.rig.refresh()
        yield made


async def test_the_row_says_who_has_it_open_and_who_changes_its_service(office: Any) -> None:
    rig, now = office.rig, office.rig.clock.now()
    (row,) = rig.engine.update.triaged.alerts
    office.put(held("Bob", row.id, OPEN, now - 200.0), held("Carol", row.id, "is rolling this back", now - 12.0))
    await rig.pilot.pause()
    assert "Carol is rolling this back, 10s ago · Bob has this open, 3m ago" in rig.text()
    office.put()
    await rig.pilot.pause()
    assert "Bob" not in rig.text()


async def test_others_see_what_is_open_here_until_it_is_closed(office: Any) -> None:
    rig = office.rig
    (row,) = rig.engine.update.triaged.alerts
    await rig.pilot.press("enter")
    await rig.pilot.pause()
    office.look()
    assert [(one.who, one.subject, one.what) for one in office.store.slots.values()] == [("Alice", row.id, OPEN)]
    office.store.slots["here Bob"] = held("Bob", row.id, OPEN, rig.clock.now())
    office.look()
    await rig.pilot.pause()
    assert "Bob has this open, just now" in rig.text()
    await rig.pilot.press("escape")
    await rig.pilot.pause()
    office.look()
    assert [one.who for one in office.store.slots.values()] == ["Bob"]
