"""The types of what ``--json`` prints: a command encodes a struct, and ``schema`` describes the same struct."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

JsonTime = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]  # RFC 3339, UTC, whole seconds


def as_plain(value: msgspec.Struct) -> dict[str, Any]:
    """Return the value as JSON has it: mappings, lists, texts and numbers."""
    found: dict[str, Any] = _listed(msgspec.to_builtins(value))
    return found


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def many(kind: Any) -> Any:
    """Return the type of a list of *kind*, which is made while the program runs."""
    return GenericAlias(tuple, (kind, ...))


def stamped_type(kind: Any, times: frozenset[str], name: str = "") -> Any:
    """Return the type that *kind* has in JSON: the numbers in its fields that *times* names are RFC 3339 texts there,
    and no key is ever left out. *name* is the field that has it.
    """
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _stamped_struct(kind, times)
    if kind is float and name in times:
        return JsonTime
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return reduce(or_, (stamped_type(one, times, name) for one in inner))
    if origin in (tuple, list):
        return origin[tuple(one if one is Ellipsis else stamped_type(one, times, name) for one in inner)]
    return kind


@cache
def _stamped_struct(kind: type[msgspec.Struct], times: frozenset[str]) -> Any:
    """One type for one type: a schema takes two of one name for a mistake."""
    fields = [(f.encode_name, stamped_type(f.type, times, f.encode_name)) for f in msgspec.structs.fields(kind)]
    about = {"__doc__": kind.__doc__}
    return msgspec.defstruct(kind.__name__, fields, namespace=about, module=kind.__module__, frozen=True)
