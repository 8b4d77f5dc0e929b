"""A damaged journal is put beside its place, under a name that says when: nothing of it is lost, and a new one begins.

Several programs may find the damage at once; one of them moves the file, and none moves the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from oncall_tui.errors import JournalError
from oncall_tui.text.time_format import stamp

log = logging.getLogger(__name__)
BESIDE = ("", "-wal", "-shm", "-journal")  # SQLite's own files of one database


def set_aside(path: Path, found: tuple[int, int], why: str) -> str:
    """Move the damaged file *found* (device, number) away from *path*. What was done in words; empty: another
    program did it. Raises JournalError where it cannot be moved.
    """
    try:
        with alone(path.parent):
            try:
                status = path.stat()
            except FileNotFoundError:
                return ""
            if (status.st_dev, status.st_ino) != found:
                return ""
            kept = _free_name(path)
            for end in BESIDE:
                with contextlib.suppress(FileNotFoundError):
                    os.rename(f"{path}{end}", f"{kept}{end}")
    except OSError as error:
        raise JournalError(
            f"the journal {path} is damaged ({why}), and cannot be moved: {error.strerror or error}",
            "move it away by hand; a new one is begun then",
        ) from None
    words = (
        f"the journal was damaged ({why}): it is kept as {kept}, and a new one was begun. "
        "Marks as seen, and what earlier sessions left open, are not known"
    )
    log.error("%s", words)
    return words


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While no other of our programs moves or begins a journal in *folder*; at once where there are no locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _free_name(path: Path) -> Path:
    when = str(stamp(time.time())).replace(":", "")
    kept = path.with_name(f"{path.name}.damaged-{when}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.damaged-{when}-{number}")
    return kept
