"""The one door to typed decoding: whatever is decoded or converted into a type passes here.

msgspec works out what a type looks like when it is first used, and another thread that decodes meanwhile meets it half
done: the process dies (seen with msgspec 0.22 and two threads). Sources, the journal and destinations start together,
so they share this lock.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_lock = threading.Lock()
_decoders: dict[tuple[Any, bool], msgspec.json.Decoder[Any]] = {}
_unpackers: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def decoder(into: type[T], *, strict: bool = True) -> msgspec.json.Decoder[T]:
    """The decoder into *into*. Safe from any thread; nothing is decoded into a type before its decoder is whole."""
    found = _decoders.get((into, strict))
    if found is None:
        with _lock:
            found = _decoders.get((into, strict))
            if found is None:
                found = _decoders[(into, strict)] = msgspec.json.Decoder(into, strict=strict)
    return found


def unpacker(into: Any) -> msgspec.msgpack.Decoder[Any]:
    """The decoder of MessagePack into *into*, a type or a union. Safe from any thread, as ``decoder`` is."""
    found = _unpackers.get(into)
    if found is None:
        with _lock:
            found = _unpackers.get(into)
            if found is None:
                found = _unpackers[into] = msgspec.msgpack.Decoder(into)
    return found


def convert(value: object, into: type[T], *, strict: bool = True) -> T:
    """*value*, plain data, as *into*. Raises msgspec.ValidationError."""
    decoder(into, strict=strict)
    return msgspec.convert(value, into, strict=strict)


def plain(text: bytes | str) -> Any:
    """JSON as plain data, of no type. Raises msgspec.MsgspecError, UnicodeDecodeError, RecursionError."""
    return msgspec.json.decode(text)
