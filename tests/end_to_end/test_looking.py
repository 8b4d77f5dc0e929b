"""What is looked at outlasts the program: picked by keys, ended, started again; a page out of sight keeps its sign."""

from __future__ import annotations

import json
import re
import signal
import stat
from collections.abc import Callable

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World, until

pytestmark = [pytest.mark.pty, pytest.mark.everything]


def test_a_restart_goes_on_where_the_last_session_was_and_says_so(
    make_world: Callable[..., World], run_program: Callable[..., Program]
) -> None:
    world = make_world("--scenario", "page-third")
    config = str(world.configure(intervals=0.5))
    kept = world.folder / "journal.screen.json"
    program = run_program("--config", config, env=world.env, size=(80, 24))
    program.wait(lambda screen: re.search(r"ALERTS [4-9]", screen) is not None)
    program.press("p")
    program.wait("Enter picks")
    picker = program.text
    assert picker.index("all products") < picker.index("no product")
    program.press("\x1b")
    program.gone("Enter picks")
    program.press("p/sear\r")  # typed in one go
    program.wait("search  hides")
    program.press(">jj\r")  # typed in one go: what follows is the list's, and moves nothing behind it
    program.wait("by age, newest first")
    until(lambda: kept.exists() and '"product":"search"' in kept.read_text(), "the product is kept")
    program.press("q")
    assert program.wait_end() == 0
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    told = json.loads(kept.read_text())
    assert told["product"] == "search"
    assert told["sorts"] == [{"pane": "alerts", "column": "age", "down": False}]
    assert told["last_key"] > 0

    # Started again, and killed without a word: what was looked at is as it was.
    program = run_program("--config", config, env=world.env, size=(80, 24))
    screen = program.wait("search · by age, newest first  hides")
    assert "outside of search" in screen or "Esc shows all" in screen
    program.wait("outside of search", 30)  # the page that the scenario brings is not the product's: it has its sign
    program._process.kill(signal.SIGKILL)

    # What stands there is not ours any more: said, and nothing is hidden.
    kept.write_text('{"kept": 1, "filter": 3}')
    program = run_program("--config", config, env=world.env, size=(80, 24))
    program.wait("the last view is not known (journal.screen.json")
    program.wait(lambda screen: re.search(r"ALERTS [4-9]", screen) is not None)
    assert "hides" not in program.text
