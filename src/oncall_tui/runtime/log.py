"""The program's log: a private file, redacted, never stderr (which would tear a full screen)."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from oncall_tui.runtime.secret import redact


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Private(RotatingFileHandler):
    """Its files are readable by their owner alone."""

    def _open(self):  # type: ignore[no-untyped-def]
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")


def start(folder: Path, level: int = logging.INFO) -> Path | None:
    """Log to *folder*/oncall-tui.log; where that cannot be written, to nowhere (None): the work goes on."""
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.setLevel(level)
    path = folder / "oncall-tui.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = _Private(path, maxBytes=2_000_000, backupCount=2, delay=True)
    except OSError:
        root.addHandler(logging.NullHandler())
        return None
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    for noisy in ("botocore", "urllib3", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return path
