"""What is imported before the first frame: the board, and nothing that a key opens."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import json, sys
from oncall_tui.runtime.lean_asyncio import import_asyncio
import_asyncio()
import oncall_tui.cli.open_board
from oncall_tui.tui.lean_textual import import_app
import_app()
import oncall_tui.tui.app
from oncall_tui.tui.board import BoardScreen
from textual.screen import ModalScreen, Screen

def below(kind):
    for one in kind.__subclasses__():
        yield one
        yield from below(one)

opened = {one.__module__ for one in below(Screen) if not issubclass(BoardScreen, one)}
print(json.dumps([sorted(m for m in opened if m.startswith("oncall_tui")), sorted(sys.modules)]))
"""
LATER = ("boto3", "botocore", "httpx", "httpcore", "sqlite3", "yaml", "oncall_tui.tui.terminal.foreground")
LATER += ("ssl", "textual.command", "textual.widgets._input", "textual.widgets._select", "textual.types")
LATER += ("logging.handlers", "oncall_tui.engine.acting", "oncall_tui.actions.service", "oncall_tui.actions.guard")
LATER += ("oncall_tui.actions.own_commands", "oncall_tui.notifications.notifier", "oncall_tui.tui.controllers.planning")


def test_what_a_key_opens_is_imported_when_it_is_pressed() -> None:
    """The budget of the first frame: each screen that is imported for it costs all of its classes and styles."""
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    screens, modules = json.loads(told)
    assert screens == []
    assert [name for name in LATER if name in modules] == []


PALETTE = """
import asyncio, json, sys
from oncall_tui.tui.lean_textual import import_app
import_app()
from textual.app import App
from oncall_tui.tui.lean_textual import give_palette

class Program(App):
    async def opened(self):
        async with self.run_test() as pilot:
            before = "textual.command" in sys.modules
            give_palette()
            await pilot.press("ctrl+p")
            await pilot.pause()
            from textual.command import CommandPalette
            await pilot.press(*"quit")
            await pilot.pause(0.5)
            options = self.screen.query_one("CommandList").options
            print(json.dumps([before, isinstance(self.screen, CommandPalette), [str(o.prompt) for o in options]]))

asyncio.run(Program().opened())
"""


def test_the_palette_that_comes_later_is_textuals_own() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PALETTE], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    before, opened, options = json.loads(told)
    assert not before
    assert opened
    assert any("Quit" in one for one in options)


TLS = """
import sys
from oncall_tui.runtime.lean_asyncio import import_asyncio
import_asyncio()
import asyncio
assert "ssl" not in sys.modules
assert asyncio.run(asyncio.sleep(0, "it runs")) == "it runs"
import httpx, ssl
httpx.Client(verify=ssl.create_default_context()).close()
print("TLS is there for who needs it")
"""


def test_asyncio_without_tls_leaves_tls_to_the_http_clients() -> None:
    told = subprocess.run([sys.executable, "-c", TLS], capture_output=True, text=True, timeout=60)
    assert told.stdout == "TLS is there for who needs it\n", told.stderr
