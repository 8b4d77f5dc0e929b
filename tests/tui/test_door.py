"""What comes from outside reaches the terminal as text: the bytes of every screen, form and copy are read here."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from tests.support.fakes import WORST_PLAN, Able, deploy, service
from tests.support.inside import Inspected
from tests.support.parsed import parsed
from tests.support.recorded import HOSTILE, Recorder, copied, obeyed, poisoned
from tests.support.screen import Rig, on_screen
from textual.color import Color

from oncall_tui.config import Config
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import ServiceHint, Severity
from oncall_tui.domain.deploy import TaskFailure
from oncall_tui.domain.product import Product
from oncall_tui.text.cells import clean
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.screens.dialogs import forms
from oncall_tui.tui.screens.dialogs.modals import Form, Modal
from oncall_tui.tui.widgets.clean_text import CleanLines, copyable, harmless

TUI = Path(__file__).parents[2] / "src" / "oncall_tui" / "tui"
LABELS = (("alertname", "Down"), ("hosts", "a,b,c"), ("svc.name/x", "y"), ("blank", "  leading"), ("empty", ""))


class Hostile(Able):
    """Every text of every row and plan is hostile."""

    def read(self, request: Any) -> Any:
        return poisoned(super().read(request))


class HostileInside(Hostile, Inspected):
    """The same, with tasks to look into."""


@asynccontextmanager
async def recorded(rig: Rig, size: tuple[int, int]) -> AsyncIterator[tuple[Recorder, Any]]:
    """The app on a recorder, once rows are on screen."""
    import asyncio

    app = OncallApp(rig.engine, Config(timezone="UTC"))
    app.driver_class = Recorder
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def drive(pilot: Any) -> None:
        ready.set_result(pilot)
        await over.wait()
        app.exit()

    running = asyncio.create_task(app.run_async(size=size, auto_pilot=drive))
    pilot = await ready
    try:
        with app._context():
            for _ in range(100):
                await pilot.pause(0.05)
                if app.board.session.row_id:
                    break
            assert isinstance(app._driver, Recorder)
            yield app._driver, pilot
    finally:
        over.set()
        await running
        rig.engine.stop()


def hostile_world(tmp_path: Path) -> Rig:
    provider = Hostile("prod")
    for verb, handler in provider.all.items():
        if verb is not Verb.ACKNOWLEDGE:
            handler.fields = {name: poisoned(value) for name, value in WORST_PLAN.items()}
            handler.fields |= {"affects": poisoned(("one", "two"))}
            handler.picks = poisoned(handler.picks)
    provider.services["prod/main/api"] = service(deploy_id="prod/d1", note="a note")
    provider.deploys["prod/d1"] = deploy(
        failed_tasks=2, reason="why", started_by="ci", waits="a hook", stage="bake", breaker="2/3",
        failures=(TaskFailure("t", 1_799_999_950.0, "OutOfMemoryError", 137),),
    )  # fmt: skip
    provider.add(
        f"a{HOSTILE}", severity=Severity.CRITICAL, provider="alertmanager", hint=ServiceHint(service="api"),
        labels=LABELS, annotations=(("summary", "s"),), comment="c", url="https://example.com", by=("bob",),
        keys=("k",),
    )  # fmt: skip
    provider.add("b", urgency="high", assigned=("bob",))
    product = Product(name="payments", services=("prod/*",), owner="#team")
    return Rig(tmp_path, provider, products=(product,))


# Each is a way to a screen, a form or a list from the board; Escape goes back.
WAYS: tuple[tuple[str, ...], ...] = (
    ("1",), ("2",), ("3",), ("4",), ("z",), ("slash", "x", "backspace"), ("greater_than_sign",), ("p",), ("i",), ("h",),
    ("o",), ("question_mark",), ("S",), ("n",), ("E",), ("E", "enter"), ("R",), ("R", "t"), ("C",), ("c",), ("l",),
    ("enter",), ("enter", "R"), ("colon",), ("colon", *"resol"), ("colon", *"reassign"), ("space", "j", "space", "a"),
    ("s",), ("u",),
)  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.everything)])
async def test_no_byte_of_a_row_is_obeyed_on_any_screen_or_form(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = hostile_world(tmp_path)
    async with recorded(rig, size) as (driver, pilot):
        seen = driver.take()
        assert obeyed(seen) == []
        for way in WAYS:
            for key in way:
                await pilot.press(key)
                await pilot.pause(0.05)
                if isinstance(pilot.app.screen, Modal):
                    pilot.app.screen._painted_at = 0.0
            await pilot.pause(0.1)
            bytes_ = driver.take()
            assert obeyed(bytes_) == [], way
            assert [text for text in copied(bytes_) if clean(text.replace("\n", "")) != text.replace("\n", "")] == []
            for _ in range(5):
                if pilot.app.screen is pilot.app.board and not pilot.app.board.dialogs.active:
                    break
                await pilot.press("escape")
                await pilot.pause(0.05)
            await pilot.press("escape", "1", "g")
            assert obeyed(driver.take()) == [], way


async def test_what_is_pasted_into_a_form_is_cleaned(tmp_path: Path) -> None:
    from textual import events

    rig = hostile_world(tmp_path)
    async with recorded(rig, (100, 30)) as (driver, pilot):
        await pilot.press("j", "k", "n")  # the row is chosen, so the key is meant for it
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, Form)
        pilot.app.screen.focused.post_message(events.Paste(f"pasted {HOSTILE}"))
        await pilot.pause(0.1)
        assert "pasted" in pilot.app.screen.focused.value
        assert obeyed(driver.take()) == []


@given(st.text(st.characters(), max_size=40))
def test_the_last_look_leaves_nothing_to_obey_and_no_cell_more_or_less(text: str) -> None:
    shown = harmless(text)
    assert cell_len(shown) == cell_len(text)
    assert obeyed(shown.replace("\n", "").replace("\r", "")) == []
    assert not {"\n", "\r"} & set(shown)
    [segment] = CleanLines().apply([Segment(text)], Color(0, 0, 0))
    assert segment.text == (text if text.isascii() and text.isprintable() else shown)


def test_letters_of_people_go_through_the_last_look() -> None:
    for text in ("決済 が", "e\u0301", "naïve", "▸● …", "✓ ✗ ⚠"):
        assert harmless(text) == text


def test_a_copy_keeps_its_lines_and_nothing_else_that_a_shell_would_obey() -> None:
    assert copyable("one\ntwo \x1b[31m\x07\u202e") == "one\ntwo ␛[31m␇·"


def test_every_line_to_type_into_is_the_one_that_cleans_and_every_copy_goes_by_one_way() -> None:
    found = []
    for file in TUI.rglob("*.py"):
        if file.name == "clean_text.py":
            continue
        for node in ast.walk(parsed(file.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("Input", "TextArea", "MaskedInput", "Label", "Markdown") or (
                name == "copy_to_clipboard" and file.name != "app.py"
            ):
                found.append(f"{file.name}:{node.lineno} {name}")
    assert found == []


# --- what is shown, and what is asked for -------------------------------------------------------------------------


async def test_an_unedited_form_asks_for_the_exact_labels(tmp_path: Path) -> None:
    labels = (*LABELS, ("evil", HOSTILE))
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", provider="alertmanager", labels=labels)
    async with on_screen(rig) as rig:
        await rig.pilot.press("S")
        assert isinstance(await rig.modal(), Form)
        await rig.pilot.press(*"why", "enter", "enter")
        await rig.settle()
        [ask] = rig.provider.handlers()[Verb.SILENCE].asked
        assert ask.matchers == labels


async def test_an_edited_form_asks_for_what_is_read_there(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able())
    rig.provider.add("a", provider="alertmanager", labels=LABELS)
    async with on_screen(rig) as rig:
        await rig.pilot.press("S")
        form = await rig.modal()
        line = form.query_one("#matchers")
        line.value = line.value.replace("alertname=Down, ", "")  # type: ignore[attr-defined]
        await rig.pilot.press(*"why", "enter", "enter")
        await rig.settle()
        [ask] = rig.provider.handlers()[Verb.SILENCE].asked
        assert ask.matchers == LABELS[1:]


@given(st.lists(st.tuples(st.text(st.characters(), min_size=1, max_size=8), st.text(st.characters(), max_size=12))))
def test_matchers_are_written_harmless_and_read_back_exactly(labels: list[tuple[str, str]]) -> None:
    text = forms.matchers_text(labels)
    assert clean(text) == text
    if labels:
        assert forms.matchers(text) == tuple(labels)


@pytest.mark.parametrize("text", ['a="x', '"a=x', 'a="\\q"', 'a="x" b=c', '""=x', 'a!="x"', 'a=~"x"'])
def test_a_quote_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        forms.matchers(text)
