"""The clipboard by way of the terminal (OSC 52): whether a copy can get there, in words. No terminal confirms one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

SENT_TO = "sent to the terminal's clipboard (OSC 52)"
TMUX = "tmux passes it on only with `set -s set-clipboard on`"


class ClipboardRoute(NamedTuple):
    """*sends*: whether it is of any use to send the sequence; *words*: what can be said of a copy."""

    sends: bool
    words: str


def route(environ: Mapping[str, str] = os.environ) -> ClipboardRoute:
    """Return the way of a copy in this terminal. A multiplexer on another machine shows in TERM alone."""
    term = environ.get("TERM", "")
    if environ.get("TMUX") or term.startswith("tmux"):
        return ClipboardRoute(True, f"{SENT_TO}; {TMUX}")
    if environ.get("STY"):
        return ClipboardRoute(False, "not copied: GNU screen passes no clipboard on; take it from the screen")
    if term.startswith("screen"):
        return ClipboardRoute(True, f"{SENT_TO}; {TMUX}, GNU screen never does")
    if term == "linux":
        return ClipboardRoute(False, "not copied: the Linux console has no clipboard; take it from the screen")
    return ClipboardRoute(True, SENT_TO)
