"""The view kept for the next session: the filter, the order, and the time of the last key.

A small file beside the journal: state, not configuration. It is written by a thread of its own, as a whole or not at
all; of two programs the last writer wins. What cannot be read is left aside with a word, and stops nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from oncall_tui.runtime.decoding import decoder
from oncall_tui.runtime.worker import Worker
from oncall_tui.triage.filters import FilterError, parse
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.presenters.sorting import COLUMNS, Sort

log = logging.getLogger(__name__)
MOST_BYTES = 65_536
MOST_TEXT = 1_000  # characters of a filter that is taken up again


class SavedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file's content. *kept* says that it is one of ours. *bell* is None where it is as configured; *last_key* is
    when a key was pressed last (seconds since the epoch; 0: not known).
    """

    kept: Literal[1]
    filter: str = ""
    view: str = ""
    product: str | None = None
    faults: bool = False
    sorts: tuple[Sort, ...] = ()
    bell: bool | None = None
    last_key: float = 0.0

    @property
    def shown(self) -> ViewFilter:
        """Return the kept filter."""
        return ViewFilter(self.filter, self.faults, self.sorts, self.product, self.view)


def of(shown: ViewFilter, bell: bool | None, last_key: float) -> SavedView:
    """Return the view to keep."""
    return SavedView(
        kept=1,
        filter=shown.filter,
        view=shown.view,
        product=shown.product,
        faults=shown.faults,
        sorts=shown.sorts,
        bell=bell,
        last_key=last_key,
    )


def beside(journal: Path) -> Path:
    """Return the file's path: ``journal.screen.json`` beside ``journal.db``."""
    return journal.with_name(f"{journal.stem}.screen.json")


# --- reading ----------------------------------------------------------------------------------------------------------


def read(path: Path) -> tuple[SavedView | None, str]:
    """Return the kept view, or None and the reason in words; no words where there is no file."""
    try:
        # Not waited for: what stands there may be a pipe.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                return None, _aside(path, "it is not a file")
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, _aside(path, error.strerror or "it cannot be read")
    if len(data) > MOST_BYTES:
        return None, _aside(path, "it is too large")
    try:
        return decoder(SavedView).decode(data), ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, _aside(path, "oncall-tui did not write it")


def _aside(path: Path, why: str) -> str:
    return f"the last view is not known ({path.name}: {why}): everything is shown"


def sound(kept: SavedView, products: Collection[str], views: Mapping[str, str], now: float) -> tuple[SavedView, str]:
    """Return the valid part of *kept*, and the rest in words, because it would hide rows for no visible reason."""
    changes: dict[str, object] = {}
    wrong: list[str] = []
    if kept.product and kept.product not in products:
        changes["product"] = None
        wrong.append(f"the product {kept.product!r} is not configured any more")
    try:
        parse(kept.filter)
        broken = len(kept.filter) > MOST_TEXT
    except FilterError:
        broken = True
    if broken:
        changes["filter"] = ""
        wrong.append("the filter is not valid")
    if kept.view and (broken or views.get(kept.view) != kept.filter):
        changes["view"] = ""  # the filter stays, under its own words
    sorts = {s.pane: s for s in kept.sorts if s.column in COLUMNS.get(s.pane, ())}
    changes["sorts"] = tuple(sorts.values())
    if not 0 <= kept.last_key <= now:
        changes["last_key"] = 0.0
    words = f"left out of the last view: {'; '.join(wrong)}" if wrong else ""
    return msgspec.structs.replace(kept, **changes), words


# --- writing ----------------------------------------------------------------------------------------------------------


def write(path: Path, kept: SavedView) -> None:
    """As a whole or not at all, readable by its owner alone. Raises OSError."""
    import tempfile  # not needed for the first frame

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with open(number, "wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(number)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


class Keep:
    """Writes the newest that it was given, on a thread of its own. What cannot be written is told in the log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new = threading.Condition()
        self._waiting: SavedView | None = None
        self._job: Callable[[], object] | None = None
        self._ends = False
        self.worker = Worker("kept", self._run)

    def put(self, kept: SavedView) -> None:
        """Write this soon; what was not written yet is not any more."""
        with self._new:
            self._waiting = kept
            self._wake()

    def put_job(self, job: Callable[[], object]) -> None:
        """Run this soon, which writes what else is kept between sessions. The job may raise OSError."""
        with self._new:
            self._job = job
            self._wake()

    def _wake(self) -> None:
        self._new.notify()
        if not self.worker.alive and not self._ends:
            self.worker.start()

    def close(self, timeout_s: float = 0.1) -> None:
        """Write what is waiting, but no longer than *timeout_s* seconds: quitting never hangs on a disk."""
        with self._new:
            self._ends = True
            self._new.notify()
        self.worker.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._new:
                while self._waiting is None and self._job is None and not self._ends:
                    self._new.wait()
                kept, self._waiting = self._waiting, None
                job, self._job = None if self._ends else self._job, None
            if kept is None and job is None:
                return
            try:
                if kept is not None:
                    write(self.path, kept)
                if job is not None:
                    job()
            except OSError as error:
                log.warning("%s cannot be kept: %s: %s", "the view" if kept else "a name", self.path, error)
