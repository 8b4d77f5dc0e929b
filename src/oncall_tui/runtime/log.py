"""The program's log: a private file, redacted, never stderr (which would tear a full screen)."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from oncall_tui.runtime.once import Once
from oncall_tui.runtime.secret import redact

MOST_BYTES = 2_000_000  # of one file: two older ones are kept


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Late(logging.Handler):
    """Writes to a file that rotates. Its module is imported, and the file opened, for the first line."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = Once(lambda: _rotating(path))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._file().emit(record)
        except OSError:  # it cannot be opened: the work goes on
            self.handleError(record)


def _rotating(path: Path) -> logging.Handler:
    from logging.handlers import RotatingFileHandler  # slow to load, and most starts write no line

    class Private(RotatingFileHandler):
        """Its files are readable by their owner alone."""

        def _open(self):  # type: ignore[no-untyped-def]
            descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")

    handler = Private(path, maxBytes=MOST_BYTES, backupCount=2, delay=True)
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def start(folder: Path, level: int = logging.INFO) -> Path | None:
    """Log to *folder*/oncall-tui.log; where that cannot be written, to nowhere (None): the work goes on."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.setLevel(level)
    path = folder / "oncall-tui.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        root.addHandler(logging.NullHandler())
        return None
    root.addHandler(_Late(path))
    for noisy in ("botocore", "urllib3", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return path
