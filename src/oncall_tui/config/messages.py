"""Types and nodes in words, for messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from oncall_tui.config.diagnostic import show
from oncall_tui.runtime.secret import Secret

TAG = "tag:yaml.org,2002:"
A_SECRET = "a secret: {env: NAME}, {file: PATH} or {command: [ARG, …]}, never a literal"


@cache
def known_fields(kind: Any) -> dict[str, msgspec.structs.FieldInfo]:
    """A struct type's fields by their keys in the file."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def is_text(node: Any) -> bool:
    return bool(node.id == "scalar" and node.tag == TAG + "str")


def seen(node: Any, quote: bool = True) -> str:
    """A node's kind, in words; numbers and booleans are quoted, strings never."""
    if node.id != "scalar":
        return "a list" if node.id == "sequence" else "a mapping (key: value)"
    if node.tag == TAG + "null":
        return "nothing"
    kind = {"int": "a number", "float": "a number", "bool": "a boolean", "timestamp": "a date"}.get(
        node.tag.removeprefix(TAG), "a string"
    )
    return f"{kind} ({show(node.value)[1:-1]})" if quote and kind != "a string" else kind


def allowed_values(kind: Any) -> tuple[Any, ...]:
    """The values of an enumeration or a Literal; empty for any other type."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(member.value for member in kind)
    return ()


_PLAIN: dict[Any, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Secret: A_SECRET,
    type(None): "nothing",
}


def expected(kind: Any) -> str:
    """The type in words. Raises TypeError for a type that no configuration can hold: a bug in an options type."""
    origin = get_origin(kind)
    if kind in _PLAIN:
        return str(_PLAIN[kind])
    if origin is Annotated:
        return expected(get_args(kind)[0])
    if origin in (Union, UnionType):
        return " or ".join(expected(option) for option in get_args(kind) if option is not type(None))
    if origin in (tuple, list, frozenset):
        return f"a list ({expected(get_args(kind)[0])} each)"
    if origin is dict:
        return f"a mapping (name: {expected(get_args(kind)[1])})"
    if choices := allowed_values(kind):
        return ("one of " if len(choices) > 1 else "") + ", ".join(str(choice) for choice in choices)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "a mapping with the keys " + ", ".join(kind.__struct_encode_fields__)
    raise TypeError(f"the configuration has no way to write a {kind!r}")  # a bug in an options type


def pattern(key: str) -> str:
    """A key's path with its indexes left out: ``sources[3].name`` -> ``sources[].name``."""
    return re.sub(r"\[\d+\]", "[]", key)


def breaks(value: Any, meta: msgspec.Meta) -> str:
    """The limit of *meta* that the value breaks, in words; empty: nothing."""
    tests: tuple[tuple[Any, str, Callable[[Any, Any], bool]], ...] = (
        (meta.ge, "at least {}", lambda v, m: v >= m),
        (meta.gt, "more than {}", lambda v, m: v > m),
        (meta.le, "at most {}", lambda v, m: v <= m),
        (meta.lt, "less than {}", lambda v, m: v < m),
        (meta.min_length, "a length of at least {}", lambda v, m: len(v) >= m),
        (meta.max_length, "a length of at most {}", lambda v, m: len(v) <= m),
        (meta.pattern, "a string like {}", lambda v, m: re.search(m, v) is not None),
    )
    for limit, text, keeps in tests:
        if limit is not None and not keeps(value, limit):
            return str(text.format(limit))
    return ""
