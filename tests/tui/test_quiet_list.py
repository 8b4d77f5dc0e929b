"""The quiet list: what ends when, what matches nothing, and that it is extended and ended by the rows' own verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.errors import Denied
from oncall_tui.tui.presenters.quiet import things
from oncall_tui.tui.screens.record.quiet import QuietScreen


class Silencing(Able):
    """A source whose silences can be listed."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.standing: tuple[StandingSilence, ...] = ()
        self.denied = False
        self.end = self.all[Verb.END_SILENCE]

    def silences(self) -> tuple[StandingSilence, ...]:
        if self.denied:
            raise Denied("not allowed to list silences")
        return self.standing


def standing(source: str, number: int, until: float, alerts: tuple[str, ...] = (), **more: Any) -> StandingSilence:
    given = {"matchers": (("job", f"j{number}"),), "by": "Bob", "comment": "a move", "began": until - 7200, **more}
    return StandingSilence(
        id=f"{source}/silence/s{number}", source=source, words=f'job="j{number}"', until=until, alerts=alerts, **given
    )


def world(folder: Path) -> Rig:
    rig = Rig(folder, Silencing("prom"))
    now = rig.clock.now()
    assert isinstance(rig.provider, Silencing)
    rig.provider.add("held", title="queue depth", began=now - 600)
    rig.provider.add("mine", title="5xx rate", began=now - 900)
    alerts = rig.provider.alerts
    quiet = {"state": AlertState.SILENCED, "by": ("Bob",), "until": now + 3600, "verbs": frozenset({Verb.SILENCE})}
    alerts["prom/held"] = msgspec.structs.replace(alerts["prom/held"], **quiet)
    had = {"state": AlertState.ACKNOWLEDGED, "by": ("Alice",), "by_at": now - 300, "until": now + 600}
    alerts["prom/mine"] = msgspec.structs.replace(alerts["prom/mine"], **had, verbs=frozenset({Verb.UNACKNOWLEDGE}))
    rig.provider.standing = (
        standing("prom", 1, now + 3600, ("prom/held",)),
        standing("prom", 2, now + 7200),
    )
    return rig


async def opened(rig: Rig) -> QuietScreen:
    await rig.press("x")
    screen = rig.pilot.app.screen
    assert isinstance(screen, QuietScreen)
    await rig.settle()
    return screen


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_it_lists_by_end_or_age_and_says_what_matches_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, size):
        screen = await opened(rig)
        assert [one.id for one in screen.things] == ["prom/mine", "prom/silence/s1", "prom/silence/s2"]
        text = rig.text()
        assert "QUIET 3 · 1 matches nothing" in text
        assert "nothing" in next(row for row in text.splitlines() if 'job="j2"' in row)
        await rig.press("greater_than_sign")
        assert [one.id for one in screen.things] == ["prom/silence/s1", "prom/mine", "prom/silence/s2"]
        await rig.press("escape")
        assert rig.pilot.app.screen is rig.board
        assert rig.board.session.row_screen is None


async def test_a_source_whose_silences_cannot_be_read_is_named_and_hides_no_row(tmp_path: Path) -> None:
    rig = world(tmp_path)
    assert isinstance(rig.provider, Silencing)
    rig.provider.denied = True
    async with on_screen(rig):
        screen = await opened(rig)
        assert "silences not listed of prom" in rig.text()
        assert "its silences could not be read: not allowed to list silences" in rig.text()
        assert {one.id for one in screen.things} == {"prom/mine", "prom/held"}


async def test_a_silence_is_ended_by_its_plan_and_a_yes_and_nothing_else(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        screen = await opened(rig)
        assert isinstance(rig.provider, Silencing)
        screen.table.move_to("prom/silence/s2")
        await rig.press("u")
        await rig.modal()
        await rig.press("escape")
        assert rig.provider.end.sent == []
        await rig.press("u")
        await rig.modal()
        asked = rig.provider.end.asked[-1]
        assert (asked.target, asked.version) == ("prom/silence/s2", screen.things[-1].standing.version)  # type: ignore[union-attr]
        assert asked.actor.name == "Alice"


async def test_an_extension_is_of_that_silence_and_what_matches_nothing_has_none(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        screen = await opened(rig)
        screen.table.move_to("prom/silence/s2")
        await rig.press("S")
        assert "it matches nothing now" in rig.text()
        rig.clock.advance(2)
        screen.table.move_to("prom/silence/s1")
        await rig.press("S")
        form = await rig.modal()
        form.query_one("#for_s").value = "2h"  # type: ignore[attr-defined]
        form.query_one("#reason").value = "still moving"  # type: ignore[attr-defined]
        await rig.press("enter", "enter")
        await rig.modal()
        (ask,) = rig.provider.all[Verb.SILENCE].asked[-1:]  # type: ignore[attr-defined]
        assert (ask.target, ask.matchers, ask.for_s, ask.reason) == (
            "prom/held",
            (("job", "j1"),),
            7200.0,
            "still moving",
        )


async def test_an_acknowledgement_is_ended_by_un_acknowledge(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        screen = await opened(rig)
        screen.table.move_to("prom/mine")
        await rig.press("u")
        await rig.settle()
        handler = rig.provider.all[Verb.UNACKNOWLEDGE]  # type: ignore[attr-defined]
        assert [p.target for p in handler.sent] == ["prom/mine"] or handler.asked[-1].target == "prom/mine"


def test_an_alert_that_a_listed_silence_keeps_quiet_is_told_by_that_silence(tmp_path: Path) -> None:
    rig = world(tmp_path)
    rig.poll()
    assert isinstance(rig.provider, Silencing)
    found = things(rig.engine.update.triaged, rig.provider.standing, False)
    assert "prom/held" not in {one.id for one in found}
    assert {one.id: one.matches_nothing for one in found}["prom/silence/s2"]
    rig.engine.stop()
