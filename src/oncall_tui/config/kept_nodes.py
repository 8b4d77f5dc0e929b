"""The nodes of a configuration's file, kept for the next start: while its text is the same, YAML need not be read.

Everything else is checked anew each time. What is kept is believed only where nobody else could have written it, since
a configuration names commands; and it is only ever a saving: what cannot be read or written is left alone.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from oncall_tui import __version__
from oncall_tui.config import files
from oncall_tui.config.node import Node, NodeRow, from_rows, to_rows
from oncall_tui.config.nodes import compose
from oncall_tui.runtime.decoding import unpacker

MOST_BYTES = 8_000_000
Kept = tuple[str, str, list[NodeRow]]  # the program's version, the text, its nodes
SLOTS = 16  # files at most: two configurations that share one only take turns


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return the folder for what is kept; None: there is no home."""
    base = environ.get("XDG_CACHE_HOME", "")
    try:
        folder = Path(base) if base.startswith("/") else Path("~/.cache").expanduser()
    except RuntimeError:
        return None
    return folder / "oncall-tui"


class KeptNodes:
    """The nodes that were kept of the files of one start, in *folder*, and those that are to be kept for the next one.

    That is written once the whole configuration is right: a file with a mistake may have a secret where none belongs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new: dict[Path, Kept] = {}

    def composed(self, text: str, file: str) -> Node | None:
        """Return the root node of *text*, as ``nodes.compose``: kept from an earlier start, or read now. Raises
        Unreadable.
        """
        place = self._folder / f"nodes-{zlib.crc32(os.fsencode(os.path.abspath(file))) % SLOTS}"
        kept = _read(place)
        if kept is not None and kept[:2] == (__version__, text):
            try:
                return from_rows(kept[2])
            except (IndexError, TypeError, ValueError):
                pass  # nothing that this program wrote: it is written again
        root = compose(text, file)
        if root is not None:
            self._new[place] = (__version__, text, to_rows(root))
        return root

    def keep(self) -> None:
        """Write what was read: the configuration is right. What cannot be written is left alone."""
        for place, kept in self._new.items():
            _write(place, kept)
        self._new = {}


def _read(place: Path) -> Kept | None:
    try:
        with place.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES or files.unsafe(place):
            return None
        found: Kept = unpacker(Kept).decode(data)
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _write(place: Path, kept: Kept) -> None:
    new = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as stream:
                stream.write(msgspec.msgpack.encode(kept))
            new.replace(place)
        except OSError:
            new.unlink(missing_ok=True)
            raise
    except (OSError, ValueError):
        return
