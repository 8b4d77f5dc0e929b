"""The messages between a recorder and the boards on its machine: MessagePack, each behind its length.

Monotonic times are those of whoever sends; the board sets them by what the Welcome says.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from functools import cache

import msgspec

from oncall_tui import __version__
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.change import Change
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.on_call import Roster
from oncall_tui.domain.service import Service
from oncall_tui.polling.status import PollState
from oncall_tui.runtime.decoding import unpacker

LENGTH = struct.Struct(">I")
MOST_TOLD = 64 * 1024 * 1024  # bytes of one message to a board
MOST_ASKED = 64 * 1024  # and of one to a recorder
ROWS_A_MESSAGE = 200  # decoding them holds up the board's keys for few milliseconds


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A board's first message: its protocol. *read_only*: it acts on nothing."""

    protocol: str
    read_only: bool = False


class ReadNow(msgspec.Struct, frozen=True, tag=True):
    """A board's wish: read *source* now, as ``ReadRequest`` says."""

    source: str
    fresh: bool = False
    watch: tuple[str, ...] = ()


class Welcome(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A recorder's first message. *sources*: each one's name → the digest of its options. *journal* is its journal's
    file (device, number). *monotonic* is its clock now, in seconds.
    """

    protocol: str
    program: str
    pid: int
    monotonic: float
    read_only: bool
    sources: dict[str, str]
    journal: tuple[int, int] | None = None


class Rows(msgspec.Struct, frozen=True, tag=True):
    """Rows of a source that the board does not have yet, each with its number."""

    source: str
    alerts: tuple[tuple[int, Alert], ...] = ()
    services: tuple[tuple[int, Service], ...] = ()
    deploys: tuple[tuple[int, Deploy], ...] = ()
    changes: tuple[tuple[int, Change], ...] = ()


class SourceTold(msgspec.Struct, frozen=True, tag=True):
    """How a source's poller is now: *state*, whose reading has no rows; and the numbers of its rows, in their order.

    *rows* (alerts, services, deploys, changes) is None where they are the same as in the last message of this source.
    """

    state: PollState
    rows: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None


class OnCallTold(msgspec.Struct, frozen=True, tag=True):
    """The people on call at one source."""

    roster: Roster


class Alive(msgspec.Struct, frozen=True, tag=True):
    """Sent where there is nothing else to say: the recorder lives."""


Asked = Hello | ReadNow
Telling = Welcome | Rows | SourceTold | OnCallTold | Alive
_encoder = msgspec.msgpack.Encoder()


def frame(message: Asked | Telling) -> bytes:
    """Return the message as it is sent."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def asked(body: bytes) -> Asked:
    """Return a board's message. Raises msgspec.MsgspecError."""
    found: Asked = unpacker(Asked).decode(body)
    return found


def telling(body: bytes) -> Telling:
    """Return a recorder's message. Raises msgspec.MsgspecError."""
    found: Telling = unpacker(Telling).decode(body)
    return found


class TooLong(Exception):
    """A message that is longer than the other side may send."""


class Frames:
    """Takes bytes as they come, and gives whole messages' bodies. Raises TooLong."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    @property
    def begun(self) -> bool:
        """Tell whether a part of a message is held."""
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each body that is whole now. Raises TooLong."""
        self._held += data
        at = 0
        while len(self._held) - at >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._held, at)
            if size > self._most:
                raise TooLong(f"a message of {size} bytes")
            end = at + LENGTH.size + size
            if len(self._held) < end:
                break
            yield bytes(self._held[at + LENGTH.size : end])
            at = end
        del self._held[:at]


@cache
def protocol(types: tuple[object, ...] = (Asked, Telling)) -> str:
    """Return what both sides have to be: this version, and the very fields of everything that is sent.

    So a program that knows another field of a row is another protocol, and nobody has to remember to count it up.
    """
    shapes, parts = msgspec.json.schema_components(types)
    digest = hashlib.sha256(msgspec.json.encode((shapes, parts), order="sorted")).hexdigest()
    return f"{__version__}+{digest[:16]}"
