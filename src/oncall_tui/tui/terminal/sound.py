"""The bell, and a notification that the terminal itself shows (OSC 9): on a bastion there is no desktop to ask."""

from __future__ import annotations

import os
from collections.abc import Mapping

from oncall_tui.text.cells import clean

LONGEST = 120


def notification(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The bytes for BEL and OSC 9. In tmux the OSC is wrapped to pass through, and the bare BEL is what tmux shows. An
    old Linux console would print an OSC.
    """
    if environ.get("TERM") == "linux":
        return "\a"
    osc = f"\x1b]9;{clean(text)[:LONGEST]}\x07"
    if environ.get("TMUX"):
        osc = "\x1bPtmux;" + osc.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return "\a" + osc
