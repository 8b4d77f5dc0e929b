"""Both flows of ARCHITECTURE.md, played: a reading becomes a row, a key becomes a write, by the functions it names."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.fakes import Able, alert
from tests.support.screen import Rig, on_screen

ROOT = Path(__file__).parents[2]
CODE = f"{ROOT / 'src' / 'oncall_tui'}/"
# Not of this play: it has providers of its own and no application, opens no dialog, and nothing fails or lapses.
ELSEWHERE = re.compile(
    r"providers/|tui/app|tui/terminal/|dialogs/|changes|_failed|ActionService\.plan$|\.tick$|_resume"
)


def hops(flow: str) -> list[list[str]]:
    """The functions that each step of a flow names, but those that are not of this play."""
    text = (ROOT / "ARCHITECTURE.md").read_text().partition(f"\n## {flow}\n")[2].partition("\n## ")[0]
    named = (re.findall(r"`([\w/]+\.py: [\w.]+)`", hop) for hop in re.split(r"\n(?=\d+\. )", text)[1:])
    return [mine for names in named if (mine := [name for name in names if not ELSEWHERE.search(name)])]


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Every call of the program's code on any thread that begins meanwhile, in order."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (file := frame.f_code.co_filename).startswith(CODE):
            calls.append(f"{file[len(CODE) :]}: {frame.f_code.co_qualname}")

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


def in_order(calls: list[str], wanted: list[str]) -> list[str]:
    """Those of *wanted*, from the first that did not follow the one before."""
    left = iter(calls)
    for at, name in enumerate(wanted):
        if name not in left:  # goes on behind the call that was found
            return wanted[at:]
    return []


async def test_a_reading_becomes_a_row_and_a_key_a_write_by_the_functions_that_are_named(tmp_path: Path) -> None:
    with recorded() as calls:
        provider = Able("prod")
        rig = Rig(tmp_path, provider)
        provider.alerts["prod/a1"] = alert("prod/a1")
        async with on_screen(rig, (120, 40)):
            shown = len(calls)
            await rig.press("a")
            await rig.settle()
    for flow, of in (("From a reading to a row", calls[:shown]), ("From a key to a write", calls[shown:])):
        steps = hops(flow)
        assert len(steps) > 5
        assert {name for step in steps for name in step} - set(of) == set(), flow
        assert in_order(of, [step[0] for step in steps]) == [], flow
