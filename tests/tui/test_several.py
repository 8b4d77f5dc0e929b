"""What came of many rows is one line: how many of how many, why the others were not, one Esc."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.fakes import Able
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.errors import ActionError, ActionFailed, Offline, Refused
from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany
from oncall_tui.tui.screens.dialogs.modals import Text

MANY = 300
REFUSED = "acknowledged by bob, 20s ago"


@asynccontextmanager
async def acknowledged(
    folder: Path, errors: dict[int, ActionError], count: int = MANY, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Any]:
    """*count* rows acknowledged at once; some end with an error, by their number."""
    rig = Rig(folder, Able())
    for number in range(count):
        rig.provider.add(f"a{number:03}", began=1000.0 - number)
    async with on_screen(rig, size) as rig:
        rig.provider.acknowledge.check_raises = [errors.get(n) for n in range(count)]
        await rig.press("asterisk")
        await rig.pilot.press("a")
        assert isinstance(await rig.modal(), ConfirmMany)
        await rig.press("y")
        yield rig


def outcome_line(rig: Rig) -> str:
    """What stands about actions, in one line."""
    from oncall_tui.tui.widgets.text_lines import Lines

    widget = rig.board.query_one("#outcome", Lines)
    return " ".join("".join(text for text, _ in line) for line in widget._lines) if widget.display else ""


async def test_three_hundred_that_are_done_are_one_line_and_one_esc(tmp_path: Path) -> None:
    async with acknowledged(tmp_path, {}) as rig:
        assert outcome_line(rig) == " ✓ acknowledge: 300 of 300 done  Esc dismisses"
        await rig.press("escape")
        assert outcome_line(rig) == ""
        assert rig.engine.actions.outcomes == ()


async def test_the_reasons_of_those_that_were_not_stand_in_it(tmp_path: Path) -> None:
    errors: dict[int, ActionError] = {7: Refused(REFUSED), 8: ActionFailed("the pager said no")}
    async with acknowledged(tmp_path, errors) as rig:
        assert isinstance(rig.pilot.app.screen, Text)
        await rig.press("escape")
        said = outcome_line(rig)
        assert said.startswith(" ✗ acknowledge: 298 of 300 done: title of a007: refused: " + REFUSED)
        assert "title of a008: failed: the pager said no" in said
        assert "(+" not in said
        await rig.press("escape")
        assert outcome_line(rig) == ""
        assert rig.engine.actions.outcomes == ()


async def test_the_same_reason_is_said_once(tmp_path: Path) -> None:
    errors: dict[int, ActionError] = {n: Refused(REFUSED) for n in range(40)}
    errors |= {50 + n: ActionFailed(f"reason {n}") for n in range(9)}
    async with acknowledged(tmp_path, errors, size=(80, 24)) as rig:
        await rig.press("escape")
        said = outcome_line(rig)
        assert said.startswith(f" ✗ acknowledge: 251 of 300 done: 40× refused: {REFUSED}; ")
        assert said.endswith("; and 7 more  Esc dismisses")
        assert rig.board.query_one("#outcome").size.height <= 4
        await rig.press("escape")
        assert outcome_line(rig) == ""


async def test_what_is_done_does_not_go_before_what_is_not(tmp_path: Path) -> None:
    """What is done is quiet after a while; "0 of 1" would be false then."""
    async with acknowledged(tmp_path, {3: Refused(REFUSED)}, count=5) as rig:
        await rig.press("escape")
        rig.clock.advance(60.0)
        rig.board.tick()
        await rig.settle()
        assert outcome_line(rig).startswith(" ✗ acknowledge: 4 of 5 done: title of a003")


async def test_done_ones_go_by_themselves(tmp_path: Path) -> None:
    async with acknowledged(tmp_path, {}, count=5) as rig:
        rig.clock.advance(60.0)
        rig.board.tick()
        await rig.settle()
        assert outcome_line(rig) == ""


async def test_what_is_unknown_says_so_and_changes_as_it_is_read(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    for name in "abc":
        rig.provider.add(name)
    async with on_screen(rig) as rig:
        rig.provider.acknowledge.verdicts = [Offline("it does not answer")] * 40
        await rig.press("asterisk")
        await rig.pilot.press("a")
        await rig.modal()
        await rig.press("y")
        assert outcome_line(rig).startswith(" … acknowledge: 0 of 3 done")
        rig.provider.acknowledge.verdicts = []
        rig.clock.advance(30.0)
        for queue in rig.engine._acting().queues.values():
            with queue._wake:
                queue._wake.notify()
        await rig.settle()
        assert outcome_line(rig) == " ✓ acknowledge: 3 of 3 done  Esc dismisses"


async def test_rows_that_cannot_be_planned_count_and_say_why(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a")
    rig.provider.add("b", verbs=frozenset({Verb.NOTE}))
    rig.provider.add("c")
    rig.provider.all[Verb.SILENCE] = rig.provider.acknowledge
    async with on_screen(rig) as rig:
        await rig.press("asterisk")
        await rig.pilot.press("S")
        await rig.modal()
        await rig.pilot.press(*"lunch", "enter")
        assert isinstance(await rig.modal(), ConfirmMany)
        await rig.press("y")
        await rig.press("escape")
        assert outcome_line(rig).startswith(
            " ✗ silence: 2 of 3 done: title of b: refused: fake alerts cannot be silenced here: the alert is firing"
        )
        await rig.press("escape")
        assert rig.engine.actions.outcomes == ()


async def test_those_that_are_marked_here_alone_take_no_esc_of_their_own(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    for name in "abc":
        rig.provider.add(name, verbs=frozenset())
    del rig.provider.all[Verb.ACKNOWLEDGE]
    async with on_screen(rig) as rig:
        await rig.press("asterisk")
        await rig.pilot.press("a")
        await rig.modal()
        await rig.settle()
        assert "mark as seen 3 of 3 rows" in rig.text()
        await rig.press("y")
        assert "3 of 3 done (3 marked as seen on this machine only)" in outcome_line(rig)
        await rig.press("escape")
        assert outcome_line(rig) == ""


async def test_another_outcome_is_not_hidden_nor_dismissed_with_it(tmp_path: Path) -> None:
    async with acknowledged(tmp_path, {3: Refused(REFUSED)}, count=5) as rig:
        await rig.press("escape")
        rig.provider.add("late", began=2000.0)
        rig.refresh()
        rig.board.session.tables["alerts"].move_to("fake/late")
        rig.provider.acknowledge.check_raises = [Refused("it moved")]
        await rig.press("a")
        assert "(+1)" in outcome_line(rig)
        await rig.press("escape")
        assert "title of late: it moved" in outcome_line(rig)
        assert [o.state for o in rig.engine.actions.outcomes] == [OutcomeState.REFUSED]
        await rig.press("escape")
        assert outcome_line(rig) == ""


async def test_a_yes_to_old_plans_of_many_rows_plans_anew_and_asks_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    for name in "abc":
        rig.provider.add(name)
    async with on_screen(rig, (80, 24)) as rig:
        await rig.press("asterisk")
        await rig.pilot.press("a")
        first = await rig.modal()
        assert isinstance(first, ConfirmMany)
        rig.clock.advance(61)
        rig.provider.add("a", verbs=frozenset({Verb.NOTE}), began=1.0)  # it moved meanwhile
        rig.refresh()
        first._show_age()
        await rig.pilot.pause()
        assert "planned 1m ago: a yes plans anew first" in rig.text()
        await rig.pilot.press("y")
        again = await rig.modal()
        assert isinstance(again, ConfirmMany)
        assert again is not first
        assert "acknowledge 2 of 3 rows" in rig.text()
        assert "not possible: title of a" in rig.text()
        assert rig.provider.acknowledge.sent == []
        await rig.press("y")
        assert "title of a: fake alerts cannot be acknowledged here: the alert is firing" in rig.text()
        await rig.press("escape")
        assert "2 of 3 done" in outcome_line(rig)
