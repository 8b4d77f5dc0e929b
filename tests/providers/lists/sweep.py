"""One damaged item between two good ones, in every list: what it takes with it."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from tests.providers.lists.found import DAMAGES, DecodedList, damaged, fields, good

from oncall_tui.providers.lists import Damage, decode, items, listing


class Fed(NamedTuple):
    """The result of one case: good rows that were lost, whether the damaged one is there, and what went wrong."""

    path: str
    damage: str
    lost: int
    kept: bool
    said: str
    error: str


def _read(one: DecodedList, told: list[Any]) -> tuple[list[Any], Damage]:
    """*told* read as its provider does: from an answer of AWS's, or item by item."""
    damage = Damage()
    if one.answer is None:
        return items(listing(msgspec.Raw(msgspec.json.encode(item)) for item in told), one.of, damage), damage
    answer = {f.encode_name: good(f.type, 7, f.name) for f in msgspec.structs.fields(one.answer)}
    found = decode(msgspec.json.encode({**answer, one.key: told}), one.answer, damage, strict=False)
    name = next(f.name for f in msgspec.structs.fields(one.answer) if f.encode_name == one.key)
    return list(getattr(found, name)), damage


def feed(one: DecodedList, damages: tuple[str, ...] = DAMAGES) -> Iterator[Fed]:
    """Every field of every item, the item itself first, with each damage."""
    before, mine, after = (good(one.of, number, one.name) for number in (1, 2, 3))
    (first, last), clean = _read(one, [before, after])
    assert not clean, clean.words()
    for path in [(), *dict.fromkeys(path for path, _ in fields(one.of))]:
        for damage in damages:
            where = ".".join(map(str, path)) or "(item)"
            told = [before, *([] if not path and damage == "missing" else [damaged(mine, path, damage)]), after]
            try:
                found, harm = _read(one, told)
            except Exception:  # noqa: BLE001 - whatever it is, it is what is counted
                yield Fed(where, damage, 2, False, "", traceback.format_exc(limit=-2))
                continue
            lost = sum(item not in found for item in (first, last))
            yield Fed(where, damage, lost, len(found) == len(told), harm.words(), "")


def table(found: dict[DecodedList, list[Fed]]) -> str:
    """Providers × lists: fields, cases, rows lost beside the damaged one, exceptions, and damaged ones that stayed."""
    heads = ("list", "fields", "cases", "rows lost beside", "exceptions", "kept", "left out and named")
    rows = [heads]
    total: Counter[str] = Counter()
    for one, cases in found.items():
        counts = Counter(
            cases=len(cases),
            lost=sum(c.lost for c in cases),
            errors=sum(bool(c.error) for c in cases),
            kept=sum(c.kept for c in cases),
            named=sum(not c.kept and bool(c.said) for c in cases),
            fields=len({c.path for c in cases}) - 1,
        )
        total += counts
        rows.append((one.id, *(str(counts[k]) for k in ("fields", "cases", "lost", "errors", "kept", "named"))))
    rows.append(
        (f"{len(found)} lists", *(str(total[k]) for k in ("fields", "cases", "lost", "errors", "kept", "named")))
    )
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
