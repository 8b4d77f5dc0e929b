"""The palette and help: every verb can be found, targets have their titles, and what is not possible says why."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import FakeProvider
from tests.support.screen import Rig

from oncall_tui.config import Config, Screen
from oncall_tui.domain.alert import AlertState
from oncall_tui.tui.app import OncallApp
from oncall_tui.tui.commands import COMMANDS


@asynccontextmanager
async def opened(
    tmp_path: Path, size: tuple[int, int] = (80, 24), keys: dict[str, str] | None = None, **alert: Any
) -> Any:
    rig = Rig(tmp_path, FakeProvider("pager"))
    rig.provider.add("898a55cb", title="payments-api: 5xx rate 12 %", **alert)
    app = OncallApp(rig.engine, Config(screen=Screen(keys=keys or {})))
    async with app.run_test(size=size) as pilot:
        rig.pilot, rig.board = pilot, app.board
        await pilot.pause()
        rig.refresh()
        await pilot.pause()
        yield rig, app
    rig.engine.stop()


def commands(app: OncallApp) -> dict[str, Any]:
    return {command.title: command for command in app.get_system_commands(app.screen)}


async def test_targets_are_named_by_their_titles_never_by_their_ids(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, app):
        found = commands(app)
        assert "ack (a) payments-api: 5xx rate 12 %" in found
        assert not [title for title in found if "898a55cb" in title]


async def test_a_verb_that_is_not_possible_now_is_found_and_says_why(tmp_path: Path) -> None:
    async with opened(tmp_path, provider="pagerduty", state=AlertState.FIRING) as (rig, app):
        found = commands(app)
        for title in [command.title for command in COMMANDS if command.title]:
            assert [name for name in found if name.startswith(title)], title
        entry = found["snooze: not now"]
        assert "acknowledge it first (a)" in entry.help
        assert not entry.discover  # who only looks is not shown what cannot be
        entry.callback()
        assert "acknowledge it first (a)" in (rig.board.session.notice or ("",))[0]


async def test_a_configured_key_works_and_is_what_is_shown(tmp_path: Path) -> None:
    keys = {"ack": "!", "mark": "f7", "mark_all": "f8", "help": "f1", "oncall": "ctrl+r"}
    async with opened(tmp_path, (120, 40), keys=keys) as (rig, app):
        assert " ! ack" in rig.text()
        assert "ctrl+r on call" in rig.text()
        assert " a ack" not in rig.text()
        assert [title for title in commands(app) if title.startswith("ack (!)")]
        await rig.press("f7")
        assert rig.board.session.tables["alerts"].marked
        await rig.press("f7", "a")
        assert not rig.provider.acknowledge.sent
        await rig.press("exclamation_mark")
        assert rig.provider.acknowledge.sent or rig.engine.actions.outcomes
        await rig.pilot.press("f1")
        await rig.modal()
        assert re.search(r"│ +! +acknowledge the row", rig.text())
    async with opened(tmp_path, (120, 40)) as (rig, _):
        assert " a ack" in rig.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_help_lists_the_verbs_without_a_key_and_wraps_under_its_own_column(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with opened(tmp_path, size) as (rig, _):
        await rig.pilot.press("question_mark")
        await rig.modal()
        seen: list[str] = []
        for _ in range(10):
            for line in rig.text().splitlines():
                if line.strip() and line not in seen:
                    seen.append(line)
            await rig.press("ctrl+f")
        text = "\n".join(seen)
        for name in [command.id for command in COMMANDS if command.title]:
            assert re.search(rf": {name} +\w", text), name
        column = len(re.search(r"│ +: resolve +", text)[0])  # type: ignore[index]
        wrapped = [line for line in seen if re.match(r"[^│]*│ {12,}\w", line)]
        assert wrapped or size[0] > 80
        for line in wrapped:
            held = line[line.index("│") :]
            assert len(held) - len(held[1:].lstrip()) == column, line
