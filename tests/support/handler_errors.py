"""Handler errors that the program survives, and a test would not see: the program logs them and goes on.

A test in which one is noted fails, unless it is marked ``handler_error``; one that is marked so has to note one.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger("oncall_tui.tui.handler_errors")  # by its name: most tests import no screen


class _Noted(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.told.append("".join([f"{record.getMessage()}\n", *(traceback.format_exception(error) if error else ())]))


@contextmanager
def noted_only_where(expected: bool) -> Iterator[None]:
    """Fail at the end where a handler's error was noted and none is *expected*, or the other way round."""
    noted, level = _Noted(), _LOG.level
    _LOG.addHandler(noted)
    _LOG.setLevel(logging.ERROR)  # of its own: a test that sets the level of all hides none
    try:
        yield
    finally:
        _LOG.removeHandler(noted)
        _LOG.setLevel(level)
    assert expected or not noted.told, "a handler failed, and the program went on:\n" + "\n".join(noted.told)
    assert noted.told or not expected, "marked `handler_error`, and no handler failed"
