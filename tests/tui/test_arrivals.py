"""Keys as they come in: what a person types goes on, and a burst of bytes acts on nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.support.fakes import Able, service
from tests.support.screen import Rig
from textual import events

from oncall_tui.config import Config
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.screens.dialogs.modals import Form
from oncall_tui.tui.terminal.arrivals import QUIET_S, REST_S, TAIL_S, Arrivals, IgnoredInput


def key(name: str) -> events.Key:
    character = {"enter": "\r", "space": " "}.get(name, name if len(name) == 1 else None)
    return events.Key(name, character)


def come(*moments: tuple[float, str]) -> list[str]:
    """What is passed on of keys at their times, looked at every millisecond: keys by name, a paste in brackets."""
    arrivals, passed = Arrivals(), []
    left, now = list(moments), 0.0
    while left or arrivals.wait(now) is not None:
        while left and left[0][0] <= now:
            arrivals.add(key(left.pop(0)[1]), now)
        passed += [m.key if isinstance(m, events.Key) else f"[{m.text}]" for m in arrivals.take(now)]
        now = round(now + 0.001, 4)
    return passed


def at_once(*names: str, at: float = 0.0) -> list[tuple[float, str]]:
    return [(at, name) for name in names]


def test_two_or_three_keys_in_one_read_are_a_persons() -> None:
    for keys in (("a",), ("g", "R"), ("j", "j", "a"), ("R", "escape", "a")):
        assert come(*at_once(*keys)) == list(keys)


def test_a_paste_is_one_thing_whatever_is_in_it() -> None:
    assert come(*at_once(*"ack", "space", *"payments", "enter")) == ["[ack payments\n]"]
    assert come(*at_once(*"yyyy")) == ["[yyyy]"]
    assert come(*at_once("y", "enter", "y", "enter")) == ["[y\ny\n]"]


@pytest.mark.parametrize("gap", [0.0, 0.003, 0.01, 0.018])
def test_a_paste_in_several_reads_is_one_too(gap: float) -> None:
    assert come(*((at * gap, char) for at, char in enumerate("silence"))) == ["[silence]"]


def test_the_rest_of_a_paste_that_stalled_acts_on_nothing_either() -> None:
    late = QUIET_S + TAIL_S / 2
    assert come(*at_once(*"back"), (late, "y"), (late, "enter")) == ["[back]", "[y\n]"]
    assert come(*at_once(*"back"), (1.0, "y")) == ["[back]", "y"]


def test_a_key_that_is_held_down_goes_on_at_once() -> None:
    assert come(*at_once(*"jjjjjjjjjj")) == ["j"] * 10
    assert come(*at_once(*"jjjjjj", "R")) == ["j"] * 6 + ["R"]
    assert come(*((at * 0.01, "down") for at in range(30))) == ["down"] * 30
    moved = Arrivals()
    moved.add(key("j"), 5.0)
    assert moved.wait(5.0) == 0.0  # nothing that only moves is kept waiting


def test_a_person_who_types_fast_is_not_held_up() -> None:
    assert come(*((at * 0.04, char) for at, char in enumerate("payments-api"))) == list("payments-api")


def test_no_burst_of_any_kind_leaves_a_key_that_acts() -> None:
    rng = random.Random(3)
    for _ in range(200):
        text = "".join(rng.choice("aRSEuny \rjk") for _ in range(rng.randrange(8, 40)))
        if len(set(text)) < 4:
            continue
        at, moments = 0.0, []
        for char in text:
            at += rng.choice([0.0, 0.0, 0.005, 0.015])
            moments.append((at, {"\r": "enter", " ": "space"}.get(char, char)))
        assert all(name.startswith("[") or name in "jk" for name in come(*moments)), text


# --- on the screen ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["board", "confirm", "form"])
async def test_what_is_pasted_acts_on_nothing_and_the_screen_says_so(tmp_path: Path, where: str) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.provider.services["prod/main/api"] = service()
    rig.provider.add("a")
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        for _ in range(100):
            await pilot.pause(0.05)
            if app.board.session.row_id:
                break
        rig.clock.advance(1.0)  # where the cursor went was seen
        if where != "board":
            await pilot.press(*{"confirm": ("asterisk", "a"), "form": ("n",)}[where])
            await pilot.pause(1.0)
            assert app.screen is not app.board
        before = app.screen
        app.post_message(events.Paste("y\nack payments"))
        await pilot.pause(0.2)
        assert app.screen is before
        if where == "form":
            assert isinstance(before, Form)
            assert before.query_one("#text").value == "y"  # type: ignore[attr-defined]
        elif where == "board":
            assert app.board.session.notice == ("ignored 14 characters that arrived at once (a paste?)", "warning")
        else:
            assert any("ignored 14 characters" in str(note.message) for note in app._notifications)
        app.exit()
    rig.engine.stop()
    assert rig.provider.acknowledge.sent == []
    assert all(not getattr(handler, "sent", []) for handler in rig.provider.handlers().values())


def test_in_a_burst_keys_that_edit_edit() -> None:
    assert come(*at_once("j", "backspace", *"payments")) == ["[payments]"]
    assert come(*at_once(*["backspace"] * 6)) == ["backspace"] * 6
    assert come(*at_once(*"abcd", "ctrl+u", *"xy")) == ["ctrl+u", "[xy]"]
    assert come(*at_once("backspace", "backspace", *"abc", "backspace")) == ["backspace", "backspace", "[ab]"]


def test_keys_typed_on_after_an_ignored_burst_belong_to_it_until_a_pause() -> None:
    ignored = IgnoredInput()
    assert not ignored.goes_on("a", 10.0)  # nothing was ignored
    ignored.burst("/pay", 10.0)
    assert ignored.words == "ignored 4 characters that arrived at once (a paste?)"
    at = 10.0
    for key in "ments":
        at += REST_S - 0.01
        assert ignored.goes_on(key, at)
    assert ignored.words.startswith("ignored 9 characters that arrived at once (a paste?), and what followed")
    assert not any(ignored.goes_on(key, at + 0.1) for key in ("j", "up", "escape"))  # they act on nothing
    assert ignored.goes_on("a", at + 0.2), "moves are no pause"
    assert not ignored.goes_on("a", at + 0.3 + REST_S)
    ignored.burst("xy", at + 9.0)
    assert ignored.words == "ignored 2 characters that arrived at once (a paste?)"


def test_keys_typed_on_after_a_key_that_was_not_taken_act_on_nothing_until_a_pause() -> None:
    ignored, at = IgnoredInput(), 10.0
    ignored.not_taken("the cursor just moved to api", at)
    for key in "aRE":
        at += REST_S - 0.01
        assert ignored.goes_on(key, at), "longer after the key than a pause, and no pause between"
    assert ignored.words == (
        "the cursor just moved to api; ignored 3 keys typed right after it: pause, then press again"
    )
    assert not ignored.goes_on("j", at + 0.1)
    assert not ignored.goes_on("a", at + REST_S + 0.01)
    ignored.burst("/pay", at + 0.2)
    assert ignored.words.startswith("ignored 4 characters")


@pytest.mark.parametrize("why", ["moved", "no row", "another pane", "read only", "row gone"])
async def test_a_word_typed_after_a_key_that_was_not_taken_acts_on_nothing(tmp_path: Path, why: str) -> None:
    """``n`` opens no line of text: the ``a`` of ``nack`` must acknowledge nothing, however slowly it is typed."""
    rig = Rig(tmp_path, Able("prod"), read_only=why == "read only")
    rig.provider.services["prod/main/api"] = service()
    rig.provider.add("a")
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    rig.engine.start = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=(100, 30)) as pilot:
        rig.board, rig.pilot = app.board, pilot
        rig.refresh()
        await pilot.pause()
        table = app.board.session.tables["alerts"]
        if why == "moved":
            table.strayed_at = rig.clock.monotonic()
        elif why == "no row":
            rig.provider.alerts.clear()
            rig.refresh()
        elif why == "another pane":
            await pilot.press("2")
        elif why == "row gone":
            await rig.press("enter")
            rig.provider.alerts.clear()
            rig.refresh()
        await pilot.press("n")
        first = app.board.session.notice
        assert first is not None
        assert first[1] == "warning"
        for key in "aREs":
            rig.clock.advance(REST_S - 0.1)
            await pilot.press(key)
        assert app.board.looked_at
        assert app.board.session.notice is not None
        assert "ignored 4 keys typed right after it: pause, then press again" in app.board.session.notice[0]
        rig.drain()
        assert rig.engine.actions.outcomes == ()
        rig.clock.advance(REST_S + 0.01)
        await pilot.press("question_mark")
        await pilot.pause()
        assert not app.board.looked_at, "after a pause a key acts"
        app.exit()
    rig.engine.stop()


async def test_what_is_typed_before_there_is_a_row_does_nothing_and_ends_nothing(tmp_path: Path) -> None:
    """As is typed ahead in a slow shell: the first keys come before the board is there."""
    rig = Rig(tmp_path)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    rig.engine.start = lambda: None  # type: ignore[method-assign]
    async with app.run_test(size=(100, 30)) as pilot:
        session = app.board.session
        tables, session.tables = session.tables, {}
        for name in ("R", "a", "j", "enter", "slash", "question_mark", "1"):
            await app.on_event(key(name))
        session.tables = tables
        await pilot.pause()
        assert app.screen is app.board
        assert session.notice is None
