"""The configuration as JSON Schema (2020-12), from the types that the loader walks: for editors, and for other tools.

A schema that allows more than the loader is a pity, one that forbids what the loader takes is a lie: what a type's own
``__post_init__`` says of several keys together is the loader's alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from oncall_tui.config import checks
from oncall_tui.config.messages import allowed_values, known_fields
from oncall_tui.config.model import ConfigFile
from oncall_tui.domain.alert import Severity
from oncall_tui.providers.options import DestinationOptions, SourceOptions
from oncall_tui.runtime.secret import Secret

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CHOOSER = "provider"
_NOT_BLANK = {"pattern": r"\S"}
_SECRET = {
    "description": "A secret, never a literal: where it is read from.",
    "oneOf": [
        {"type": "object", "properties": {key: kind}, "required": [key], "additionalProperties": False}
        for key, kind in (
            ("env", {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
            ("file", {"type": "string", "pattern": r"^(/|~|\./|\.\./)"}),
            ("command", {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}),
        )
    ],
}
# What the loader's checks of a key say -> the same as keywords.
_KEYWORDS: dict[Any, dict[str, Any]] = {
    checks.positive: {"exclusiveMinimum": 0},
    checks.url: {"pattern": "^(https?://.*)?$"},
    checks.source_name: {"pattern": r"^[^\s/*?\[\],]+$"},
    checks.service_glob: {"pattern": "^[^/]+/[^/]+/[^/]+$"},
    checks.severities: {"propertyNames": {"enum": [str(word) for word in Severity]}},
    checks.page_rule: {"minProperties": 1},
    checks.glob: _NOT_BLANK,
    checks.entry: _NOT_BLANK,
    checks.view: _NOT_BLANK,
}

Variants = Mapping[type, Mapping[str, type]]


def schema(
    sources: Mapping[str, type[SourceOptions]], destinations: Mapping[str, type[DestinationOptions]]
) -> dict[str, Any]:
    """Return the schema of one file of the configuration. *sources*, *destinations*: options types by provider."""
    walk = _SchemaWalk({SourceOptions: sources, DestinationOptions: destinations}, checks.check_for(sources))
    found = walk.struct(ConfigFile, "")
    found |= {"title": "oncall-tui's configuration", "description": "One file: the team's, or your own over it."}
    return {"$schema": DIALECT, **found, "$defs": dict(sorted(walk.defs.items()))}


class _SchemaWalk:
    """Walks the types as ``validator.Validator`` walks them beside a file's nodes."""

    def __init__(self, variants: Variants, check_for: Callable[[str], Any]) -> None:
        self.defs: dict[str, Any] = {}
        self._variants, self._check_for = variants, check_for

    def value(self, kind: Any, key: str) -> dict[str, Any]:
        """Return the schema of a value of the type *kind* at *key* (``sources[].name``)."""
        found = self._plain(kind, key)
        for keyword, wanted in _KEYWORDS.get(self._check_for(key), {}).items():
            for one in found.get("anyOf", [found]):
                if _fits(one, keyword):
                    one.setdefault(keyword, wanted)
        return found

    def _plain(self, kind: Any, key: str) -> dict[str, Any]:
        origin, inner = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._plain(inner[0], key)
        if origin in (Union, UnionType):
            return {"anyOf": [self.value(one, key) for one in inner]}
        if origin in (tuple, list, frozenset):
            return {"type": "array", "items": self.value(inner[0], f"{key}[]")}
        if origin is dict:
            names = {"propertyNames": self._names(key)} if self._names(key) else {}
            return {"type": "object", "additionalProperties": self.value(inner[1], f"{key}."), **names}
        if kind is Secret:
            self.defs["Secret"] = _SECRET
            return {"$ref": "#/$defs/Secret"}
        if kind in self._variants:
            return self._chosen(self._variants[kind], key)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self._named(kind, key)
        if choices := allowed_values(kind):
            return {"enum": list(choices)}
        return {"type": {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}[kind]}

    def _names(self, key: str) -> dict[str, Any]:
        return _KEYWORDS.get(self._check_for(f"{key}{{}}"), {})

    def struct(self, kind: Any, key: str) -> dict[str, Any]:
        """Return the mapping's schema: each key of the type, and no other."""
        properties, required = {}, []
        for name, field in known_fields(kind).items():
            found = self.value(field.type, f"{key}.{name}" if key else name)
            if field.required:
                required.append(name)
                if found.get("type") == "string":
                    found.setdefault("pattern", r"\S")
            elif isinstance(field.default, str | int | float) and field.default != "":
                found = {**found, "default": field.default}
            properties[name] = found
        needed = {"required": required} if required else {}
        about = {"description": _words(kind)} if kind.__doc__ else {}
        return {"type": "object", **about, "properties": properties, **needed, "additionalProperties": False}

    def _named(self, kind: Any, key: str) -> dict[str, Any]:
        if kind.__name__ not in self.defs:
            self.defs[kind.__name__] = {}  # in its place before what it holds
            self.defs[kind.__name__] = self.struct(kind, key)
        return {"$ref": f"#/$defs/{kind.__name__}"}

    def _chosen(self, kinds: Mapping[str, type], key: str) -> dict[str, Any]:
        """Return the schema of a mapping whose provider says which keys it has; a mistake is told of that provider."""
        chosen = []
        for name, kind in kinds.items():
            says = {"properties": {CHOOSER: {"const": name}}, "required": [CHOOSER]}
            chosen.append({"if": says, "then": self._named(kind, key)})
        known = {"properties": {CHOOSER: {"enum": list(kinds)}}, "required": [CHOOSER]}
        return {"type": "object", **known, "allOf": chosen}


def _fits(found: Mapping[str, Any], keyword: str) -> bool:
    """Return whether a keyword is one of the type: what a pattern says of a list is meant of its entries."""
    kinds = {"exclusiveMinimum": ("number", "integer"), "pattern": ("string",)}
    return found.get("type") in kinds.get(keyword, ("object",))


def _words(kind: type) -> str:
    """A type's description without the marks of the documentation's markup."""
    return re.sub(r"``|\*(?=\w)|(?<=\w)\*", "", " ".join((inspect.getdoc(kind) or "").split()))
