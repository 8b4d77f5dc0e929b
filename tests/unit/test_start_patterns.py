"""What the start imports compiles no pattern that the first frame does not need."""

from __future__ import annotations

import subprocess
import sys

COUNTED = """
import re
compiled = []
compiler = re._compiler.compile
def counted(pattern, flags=0):
    compiled.append(str(pattern))
    return compiler(pattern, flags)
import msgspec, click
from oncall_tui.tui.lean_textual import import_app
import_app()
re._compiler.compile = counted
import oncall_tui.bootstrap, oncall_tui.tui.app, oncall_tui.cli.open_board
print(len(compiled))
print(*compiled, sep="\\n")
"""
MOST = 12  # those that reading the configuration wants


def test_the_start_compiles_few_patterns() -> None:
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    count, _, patterns = done.stdout.partition("\n")
    assert int(count) <= MOST, patterns
