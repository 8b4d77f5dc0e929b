"""What is imported before the first frame: the board, and nothing that a key opens."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import json, sys
import oncall_tui.cli.open_board, oncall_tui.tui.app
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


def test_what_a_key_opens_is_imported_when_it_is_pressed() -> None:
    """The budget of the first frame: each screen that is imported for it costs all of its classes and styles."""
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout
    screens, modules = json.loads(told)
    assert screens == [
        "oncall_tui.tui.screens.dialogs.modals",
    ]  # what each of the others builds on
    assert [name for name in LATER if name in modules] == []
