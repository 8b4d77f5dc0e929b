"""How long an exchange may take in all, and how large its answer may become.

A read time-out begins anew with every byte, so that a server that sends one byte a second holds a thread for ever; and
a few kilobytes can be compressed twice to stand for gigabytes. Both are bounded here, for the thread that asks.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

TOTAL_S = 30.0
MAX_BODY = 64 * 1024 * 1024
_PIECE = 64 * 1024
_CHAIN = 2  # encodings over each other; nobody needs more than one
_NEARLY_S = 0.05
_local = threading.local()


class OverTime(TimeoutError):
    """The exchange took longer than it may in all."""


class TooLarge(Exception):
    """The answer is larger than it may be: as it came, or unpacked."""


class Unpackable(Exception):
    """The answer's Content-Encoding is not one that was asked for, or its content is not in it."""


@contextmanager
def time_limit(total_s: float, monotonic: Callable[[], float]) -> Iterator[None]:
    """Bound what this thread waits for on the network meanwhile (see ``time_left``). Within another limit on the same
    clock the earlier end counts.
    """
    before = getattr(_local, "limit", None)
    end = monotonic() + total_s
    _local.limit = (min(end, before[0]) if before is not None and before[1] == monotonic else end, monotonic)
    try:
        yield
    finally:
        _local.limit = before


def time_left(timeout: float | None) -> float | None:
    """Return how long this thread's next wait may take: *timeout* or less. Raises OverTime."""
    limit = getattr(_local, "limit", None)
    if limit is None:
        return timeout
    left: float = limit[0] - limit[1]()
    if left <= 0:
        raise OverTime
    return left if timeout is None else min(timeout, left)


def is_over() -> bool:
    """Return whether this thread's time is over, or about to be: a wait that ended with it ends a little early."""
    limit = getattr(_local, "limit", None)
    return limit is not None and bool(limit[0] - limit[1]() <= _NEARLY_S)


def unpacked(parts: Iterable[bytes], encoding: str, limit: int | None = None) -> Iterator[bytes]:
    """The body's pieces, unpacked by *encoding* (the header Content-Encoding). Raises TooLarge and Unpackable.

    No step of it makes more than *limit* bytes (MAX_BODY), however often the body was packed.
    """
    limit = limit or MAX_BODY
    names = [name for name in (word.strip().lower() for word in encoding.split(",")) if name not in ("", "identity")]
    if len(names) > _CHAIN or any(name not in ("gzip", "x-gzip", "deflate") for name in names):
        raise Unpackable(encoding.strip()[:60])
    pieces = _counted(parts, limit)
    for name in reversed(names):
        pieces = _counted(_inflated(pieces, name), limit)
    return pieces


def _counted(parts: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise TooLarge
        yield part


def _inflated(parts: Iterable[bytes], name: str) -> Iterator[bytes]:
    machine = None
    for part in parts:
        rest = part
        while rest:
            if machine is None:
                machine = zlib.decompressobj(_window(name, rest))
            try:
                piece = machine.decompress(rest, _PIECE)
            except zlib.error:
                raise Unpackable(name) from None
            if piece:
                yield piece
            rest = machine.unconsumed_tail
            if machine.eof:
                rest = machine.unused_data  # gzip files may stand behind each other
                if name == "deflate" or rest[:2] != b"\x1f\x8b":
                    rest = b""
                if rest:
                    machine = None
    if machine is not None:
        yield from _drained(machine, name)


def _drained(machine: zlib._Decompress, name: str) -> Iterator[bytes]:
    """Yield what is left inside, in pieces; raise where the end is missing."""
    while not machine.eof:
        try:
            piece = machine.decompress(machine.unconsumed_tail, _PIECE)
        except zlib.error:
            raise Unpackable(name) from None
        if not piece:
            raise Unpackable(name)
        yield piece


def _window(name: str, start: bytes) -> int:
    """zlib's window bits: "deflate" is zlib's format by the standard, and bare deflate by old servers."""
    if name != "deflate":
        return zlib.MAX_WBITS | 16
    return zlib.MAX_WBITS if start[0] & 0x0F == 8 else -zlib.MAX_WBITS
