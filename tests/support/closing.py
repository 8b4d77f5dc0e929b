"""Journals, their files and histories that a test itself opened are closed after it.

A process that runs a thousand tests had as many files open, and a thread for each journal. What the program opens, the
program closes.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from oncall_tui.journal import Journal
from oncall_tui.journal.history import History
from oncall_tui.journal.store import Store

KINDS = (History, Journal, Store)  # in the order in which they are closed: a history reads one of the others


@contextmanager
def closed_afterwards(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what is opened within, but for what fixtures of a wider scope have opened before."""
    opened: list[Any] = []
    for kind in KINDS:
        patch.setattr(kind, "__init__", _remembering(kind.__init__, opened))
    yield
    for kind in KINDS:
        for one in opened:
            if isinstance(one, kind):
                one.close()


def _remembering(begin: Callable[..., None], opened: list[Any]) -> Callable[..., None]:
    @functools.wraps(begin)
    def init(self: Any, *arguments: Any, **more: Any) -> None:
        begin(self, *arguments, **more)
        if sys._getframe(1).f_globals["__name__"].partition(".")[0] != "oncall_tui":
            opened.append(self)

    return init
