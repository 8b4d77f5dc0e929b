"""Items of the journal's table, in DynamoDB's JSON (API reference, AttributeValue), and what a batch is packed into.

The keys are ``pk`` and ``sk``, both strings. ``log#ORIGIN`` has a journal's batches, by the number that each comes
after; ``now`` has how far each log goes (``head#ORIGIN``) and the slots that are held (``held#SLOT``): one query tells
both.
"""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from oncall_tui.domain.shared import Held, SharedBatch, SharedRow
from oncall_tui.errors import Malformed
from oncall_tui.runtime.decoding import decoder

NOW = "now"
HEAD, HELD = "head#", "held#"
FORMAT = 1  # of a batch's body
MOST_BYTES = 16 * 1024 * 1024  # of a batch, unpacked: one has 200,000 characters
_rows = decoder(tuple[SharedRow, ...])


class Value(msgspec.Struct, frozen=True):
    """One attribute: a text, a number as a text, or bytes (base64 on the wire)."""

    S: str = ""
    N: str = ""
    B: bytes = b""


Item = dict[str, Value]
NEVER = Value(N="inf")  # when an item without an expiry expires


class Found(msgspec.Struct, frozen=True):
    """A page of a Query. It has *Items* always: what lacks them is no answer of DynamoDB."""

    Items: list[Item]
    LastEvaluatedKey: dict[str, Any] | None = None


class TimeToLive(msgspec.Struct, frozen=True):
    """The table's expiry: the attribute is only there where it is switched on."""

    TimeToLiveStatus: str = ""
    AttributeName: str = ""


class TimeToLiveAnswer(msgspec.Struct, frozen=True):
    """The answer of DescribeTimeToLive."""

    TimeToLiveDescription: TimeToLive


def log(origin: str) -> str:
    """The partition of a journal's batches."""
    return f"log#{origin}"


def place(after: int) -> str:
    """The sort key of what comes after a number: in the order of the numbers."""
    return f"{after:012d}"


def text(value: str) -> dict[str, str]:
    """A text as DynamoDB takes it."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """A number as DynamoDB takes it."""
    return {"N": repr(value)}


def batch_item(batch: SharedBatch, expires: int) -> dict[str, dict[str, Any]]:
    """The item of a batch."""
    return {
        "pk": text(log(batch.origin)),
        "sk": text(place(batch.after)),
        "last": number(batch.last),
        "format": number(FORMAT),
        "entries": {"B": zlib.compress(msgspec.json.encode(batch.rows), 6)},
        "expires": number(expires),
    }


def batch(item: Item) -> SharedBatch:
    """The batch of an item. Raises Malformed."""
    try:
        if (found := int(item["format"].N)) != FORMAT:
            raise Malformed(f"the shared journal has entries of another format ({found})", "update oncall-tui")
        unpacked = zlib.decompressobj().decompress(item["entries"].B, MOST_BYTES)
        origin, after = item["pk"].S.removeprefix("log#"), int(item["sk"].S)
        return SharedBatch(origin, after, int(item["last"].N), _rows.decode(unpacked))
    except (KeyError, ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise Malformed(
            f"the shared journal has an item that is no batch of entries: {_key(item)}",
            "does something else write that table?",
        ) from error


def held_item(held: Held, expires: int) -> dict[str, dict[str, Any]]:
    """The item of a slot that is held."""
    fields = msgspec.structs.asdict(held).items()
    told = {name: text(value) if isinstance(value, str) else number(value) for name, value in fields}
    return {"pk": text(NOW), "sk": text(HELD + held.slot), **told, "expires": number(expires)}


def held(item: Item) -> Held:
    """The slot of an item. Raises Malformed."""
    try:
        words = {name: item[name].S for name in ("slot", "subject", "what", "holder", "who", "version")}
        return Held(**words, since=float(item["since"].N), renewed=float(item["renewed"].N))
    except (KeyError, ValueError) as error:
        raise Malformed(f"the shared journal has an item that is no slot: {_key(item)}") from error


def _key(item: Item) -> str:
    return " ".join(item[name].S[:60] for name in ("pk", "sk") if name in item)
