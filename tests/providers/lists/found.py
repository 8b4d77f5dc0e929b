"""Every list that a provider decodes, found in the sources; good items of its types, and six damages of each field.

Nobody lists the lists: a module's ``Items[…]``, wherever it stands, and the lists of every type that ``AwsClient.read``
is asked for.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import types
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

import oncall_tui.providers
from oncall_tui.providers.lists import ItemOf

DAMAGES = ("null", "missing", "foreign type", "unknown word", "nested wrong", "huge or negative")


class DecodedList(NamedTuple):
    """One list: of which provider, what names it, its items' type; *answer* and *key* where AWS's client reads it."""

    provider: str
    name: str
    of: Any
    answer: Any = None
    key: str = ""

    @property
    def id(self) -> str:
        return f"{self.provider}: {self.name}"


@cache
def lists() -> tuple[DecodedList, ...]:
    """Every list that a provider decodes."""
    found: dict[tuple[str, Any, Any], DecodedList] = {}
    for module in modules():
        provider = _provider(module.__name__)
        nodes = _nodes(module)
        for name, of in _items(module, nodes):
            found.setdefault((provider, of, None), DecodedList(provider, name, of))
        for answer in _answers(module, nodes):
            for field in msgspec.structs.fields(answer):
                of = _listed(field.type)
                if of is not None:
                    one = DecodedList(provider, f"{answer.__name__}.{field.name}", of, answer, field.encode_name)
                    found.setdefault((provider, answer, field.name), one)
    return tuple(sorted(found.values(), key=lambda one: one.id))


def modules() -> Iterator[types.ModuleType]:
    """Every module of every provider."""
    for one in pkgutil.walk_packages(oncall_tui.providers.__path__, "oncall_tui.providers."):
        yield importlib.import_module(one.name)


def _provider(module: str) -> str:
    parts = module.split(".")[2:]
    return "/".join(parts[:2]) if parts[0] == "aws" else parts[0]


def _nodes(module: types.ModuleType) -> list[ast.AST]:
    """Return what the module's source has that may name a list; each process of a run looks for them all."""
    with open(module.__file__ or "", encoding="utf-8") as file:
        text = file.read()
    if not any(word in text for word in ("Items[", ".read(", ".read,")):
        return []
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Subscript, ast.Call))]


def _items(module: types.ModuleType, nodes: list[ast.AST]) -> Iterator[tuple[str, Any]]:
    """Yield (name, type of the items) for each ``Items[…]`` in the module's source."""
    for node in nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Items":
            of = _named(node.slice, module)
            if isinstance(of, type) and issubclass(of, msgspec.Struct):
                yield of.__name__, of


def _answers(module: types.ModuleType, nodes: list[ast.AST]) -> Iterator[Any]:
    """Yield each type that a client's ``read`` is asked for in the module's source."""
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        arguments = list(node.args)
        reads = isinstance(node.func, ast.Attribute) and node.func.attr == "read"
        if isinstance(node.func, ast.Name) and node.func.id == "partial" and arguments:
            reads = isinstance(arguments[0], ast.Attribute) and arguments[0].attr == "read"
            arguments = arguments[1:]
        if reads and arguments:
            answer = _named(arguments[0], module)
            if isinstance(answer, type) and issubclass(answer, msgspec.Struct):
                yield answer


def _named(node: ast.expr, module: types.ModuleType) -> Any:
    if isinstance(node, ast.Name):
        return getattr(module, node.id, None)
    if isinstance(node, ast.Attribute):
        return getattr(_named(node.value, module), node.attr, None)
    return None


def _bare(of: Any) -> Any:
    while get_origin(of) is Annotated:
        of = get_args(of)[0]
    if get_origin(of) in (Union, types.UnionType):
        rest = [one for one in get_args(of) if one is not type(None)]
        return _bare(rest[0])
    return of


def _listed(of: Any) -> Any:
    base = _bare(of)
    return get_args(base)[0] if get_origin(base) in (list, tuple) else None


# --- good items, and damaged ones -------------------------------------------------------------------------------------

TIMES = ("_at", "At", "start", "end", "created", "timestamp", "Seen", "modified", "Until", "dateCreated")


def good(of: Any, number: int, name: str = "", depth: int = 0) -> Any:
    """A value of the type *of*, as JSON has it; *number* tells one item from another."""
    if get_origin(of) is Annotated and any(isinstance(mark, ItemOf) for mark in get_args(of)[1:]):
        mark = next(mark for mark in get_args(of)[1:] if isinstance(mark, ItemOf))
        return [good(mark.of, number, name, depth + 1)]
    base = _bare(of)
    origin, args = get_origin(base), get_args(base)
    if isinstance(base, type) and issubclass(base, msgspec.Struct):
        fields = msgspec.structs.fields(base)
        return {
            f.encode_name: good(f.type, number, f.name, depth + 1) for f in fields if not f.name.startswith("beside")
        }
    if origin in (list, tuple):
        return [good(args[0], number, name, depth + 1)]
    if origin is dict:
        return {"key": good(args[1], number, name, depth + 1)}
    if base is bool:
        return True
    if base in (int, float):
        return 1_700_000_000 + number
    if base is Any:
        return {"any": "thing"}
    if base is datetime or any(part in name for part in TIMES):
        return f"2023-11-14T22:13:{20 + number}Z"
    return f"{name or 'text'}-{number}"


def fields(of: Any, path: tuple[Any, ...] = (), depth: int = 0) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield (path, type) of each field of an item, of what is nested in it too."""
    if get_origin(of) is Annotated and any(isinstance(mark, ItemOf) for mark in get_args(of)[1:]):
        return  # a list of its own
    base = _bare(of)
    if isinstance(base, type) and issubclass(base, msgspec.Struct) and depth < 5:
        for field in msgspec.structs.fields(base):
            if not field.name.startswith("beside"):
                yield (*path, field.encode_name), field.type
                yield from fields(field.type, (*path, field.encode_name), depth + 1)
    elif get_origin(base) in (list, tuple):
        yield from fields(get_args(base)[0], (*path, 0), depth + 1)
    elif get_origin(base) is dict:
        yield from fields(get_args(base)[1], (*path, "key"), depth + 1)


def damaged(item: Any, path: tuple[Any, ...], damage: str) -> Any:
    """*item* with the damage at *path*; the empty path is the item itself."""
    if not path:
        return _bad(item, damage)
    first, *rest = path
    copy = list(item) if isinstance(item, list) else dict(item)
    if not rest and damage == "missing":
        del copy[first]
    else:
        copy[first] = damaged(copy[first], tuple(rest), damage)
    return copy


def _bad(value: Any, damage: str) -> Any:
    if damage == "null" or damage == "missing":
        return None
    if damage == "foreign type":
        return {"odd": 1} if isinstance(value, str | int | float | list) else "text"
    if damage == "unknown word":
        return "A_WORD_THAT_NOBODY_KNOWS"
    if damage == "nested wrong":
        return [[value], {"odd": [None]}]
    if isinstance(value, str):
        return "-0001-13-45T99:99:99Z" + "9" * 2000
    if isinstance(value, bool):
        return -1
    if isinstance(value, int | float):
        return -(10**30)
    return [value] * 300 if isinstance(value, list) else 10**30
