"""Walk YAML's nodes beside a type, so that every mistake is found in one go, each with its place.

What a message may quote is a matter of safety: a person who puts a token where none belongs must not find it in a
terminal's scroll-back. So a text is quoted only where it is one of few words (a name, a glob, an enumeration).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec

from oncall_tui.config.diagnostic import Diagnostic, nearest, show
from oncall_tui.config.messages import (
    A_SECRET,
    TAG,
    allowed_values,
    breaks,
    expected,
    is_text,
    known_fields,
    pattern,
    seen,
)
from oncall_tui.config.node import FLOW
from oncall_tui.config.nodes import MAX_NODES, is_empty, place
from oncall_tui.runtime.secret import Secret
from oncall_tui.text.durations import seconds

MAX_MISTAKES = 50
BAD: Final = object()
_STANDARD = frozenset(("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge", "value", "binary"))
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]{0,17})")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]{0,17})(\.[0-9]{0,17})?([eE][-+]?[0-9]{1,2})?")


def _duration(text: str) -> str:
    """``3600`` of ``1h``; empty for what is no time."""
    try:
        return f"{seconds(text):g}"
    except ValueError:
        return ""


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class Complaint(NamedTuple):
    """A check's objection to a value of the right type."""

    expected: str
    found: str = ""
    near: str = ""


Check = Callable[[Any], Complaint | None]
Place = tuple[str, int, int]


class TooManyErrors(Exception):
    """So much is wrong that more lines would help nobody."""


class Validator:
    """One walk over one file. After it, *mistakes* has what is wrong, *places* where each key stands, and *good* the
    values that are right: beside a mistake the rest is still checked.

    *check_for* is asked with a key's path, its indexes left out (``sources[].name``). *variants* gives, for a base
    type, the key that chooses and the types to choose from. *named* are the lists whose entries' names are told apart.
    """

    def __init__(
        self,
        file: str,
        check_for: Callable[[str], Check | None] = lambda _pattern: None,
        variants: Mapping[type, tuple[str, Mapping[str, type]]] | None = None,
        named: tuple[str, ...] = (),
    ) -> None:
        self.file = file
        self.mistakes: list[Diagnostic] = []
        self.places: dict[str, Place] = {}
        self.good: dict[str, Any] = {}
        self.secrets: list[tuple[str, Secret]] = []
        self._check_for = check_for
        self._variants = variants or {}
        self._named = named
        self._visited = 0

    def note(self, node: Any, key: str, expected: str, found: str = "", near: str = "") -> Any:
        """Keep one mistake; returns BAD. Raises TooManyErrors once there are MAX_MISTAKES."""
        line, column = place(node)
        self.mistakes.append(
            Diagnostic(file=self.file, line=line, column=column, key=key, expected=expected, found=found, near=near)
        )
        if len(self.mistakes) >= MAX_MISTAKES:
            raise TooManyErrors
        return BAD

    def root(self, node: Any, kind: Any) -> Any:
        """The document's keys that are good, as keyword arguments of *kind*."""
        if node.id != "mapping":
            return self.note(node, "", expected(kind), seen(node))
        return self.fields(node, kind, "")

    def value(self, node: Any, kind: Any, key: str) -> Any:
        """The node as a value of the type *kind*, or BAD with at least one mistake noted. Raises TooManyErrors."""
        self._visited += 1
        if self._visited > MAX_NODES:  # few lines of aliases can stand for a billion entries
            self.note(node, key, f"at most {MAX_NODES} entries", "more, through its aliases")
            raise TooManyErrors
        self.places[key] = (self.file, *place(node))
        if not node.tag.startswith(TAG) or node.tag.removeprefix(TAG) not in _STANDARD:
            return self.note(node, key, expected(kind), "a tag (!NAME), which is not read here")
        found = self._dispatch(node, kind, key)
        if found is not BAD and (check := self._check_for(pattern(key))) and (wrong := check(found)):
            return self.note(node, key, *wrong)
        if found is not BAD:
            self.good[key] = found
        return found

    def _dispatch(self, node: Any, kind: Any, key: str) -> Any:
        origin = get_origin(kind)
        if origin is Annotated:
            return self._annotated(node, kind, key)
        if origin in (Union, UnionType):
            return self._union(node, kind, key)
        if origin in (tuple, list, frozenset):
            return self._list(node, kind, key)
        if origin is dict:
            return self._dict(node, kind, key)
        if kind is Secret:
            return self._secret(node, key)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(node, kind, key)
        return self._scalar(node, kind, key)

    # --- scalars ------------------------------------------------------------------------------------------------------

    def _scalar(self, node: Any, kind: Any, key: str) -> Any:
        if node.id != "scalar" or node.tag == TAG + "null":
            return self.note(node, key, expected(kind), seen(node))
        if kind is str:
            return self._text(node, key)
        if kind is bool:
            return self._bool(node, key)
        if kind in (int, float):
            return self._number(node, kind, key)
        return self._choice(node, kind, key)

    def _text(self, node: Any, key: str) -> Any:
        if node.tag != TAG + "str":
            return self.note(node, key, expected(str), f"{seen(node)}: put it in quotes")
        if not node.value.isprintable() and any(not c.isprintable() and c not in "\n\t" for c in node.value):
            return self.note(node, key, expected(str), "control characters")
        return node.value

    def _bool(self, node: Any, key: str) -> Any:
        word = node.value.lower()
        if node.tag == TAG + "bool" and word in ("true", "false"):
            return word == "true"
        near = {"yes": "true", "on": "true", "no": "false", "off": "false", "true": "true", "false": "false"}
        return self.note(node, key, expected(bool), seen(node), near.get(word, ""))

    def _number(self, node: Any, kind: type, key: str) -> Any:
        # 1e3 is a text to YAML 1.1, 010 is eight and 1:30 is ninety: the first is meant, the others are not
        form = _INT if kind is int else _FLOAT
        if not node.style and form.fullmatch(node.value):
            return kind(node.value.replace("_", ""))
        near = node.value if node.style and form.fullmatch(node.value) else ""
        if not near and key.endswith("_s") and (lasts := _duration(node.value)):
            return self.note(node, key, "a number of seconds", show(node.value), lasts)
        return self.note(node, key, expected(kind), seen(node), near and f"{near}, without quotes")

    def _choice(self, node: Any, kind: Any, key: str) -> Any:
        choices = {str(choice): choice for choice in allowed_values(kind)}
        if node.value in choices:
            word = choices[node.value]
            return kind(word) if isinstance(kind, type) and issubclass(kind, Enum) else word
        found = show(node.value) if choices else seen(node)
        return self.note(node, key, expected(kind), found, nearest(node.value, choices))

    def _annotated(self, node: Any, kind: Any, key: str) -> Any:
        inner, *extras = get_args(kind)
        found = self._dispatch(node, inner, key)
        for meta in extras:
            if found is not BAD and isinstance(meta, msgspec.Meta) and (wrong := breaks(found, meta)):
                return self.note(node, key, meta.description or wrong, "another")
        return found

    def _union(self, node: Any, kind: Any, key: str) -> Any:
        options = [option for option in get_args(kind) if option is not type(None)]
        if len(options) < len(get_args(kind)) and node.tag == TAG + "null":
            return None
        if len(options) == 1:
            return self.value(node, options[0], key)
        if node.id == "mapping" and (structs := [option for option in options if _is_struct(option)]):
            return self.value(node, structs[0], key)  # so that each of its keys is told apart
        for option in options:
            trial = Validator(self.file, self._check_for, self._variants)
            trial._visited = self._visited
            found = trial.value(node, option, key)
            if not trial.mistakes:
                self.places.update(trial.places)
                self.good.update(trial.good)
                self.secrets.extend(trial.secrets)
                self._visited = trial._visited
                return found
        return self.note(node, key, expected(kind), seen(node))

    # --- collections --------------------------------------------------------------------------------------------------

    def _list(self, node: Any, kind: Any, key: str) -> Any:
        item = get_args(kind)[0]
        if node.id != "sequence":
            found = seen(node)
            if node.id == "scalar" and not is_empty(node):
                found += ": one entry is a list too, write [ENTRY]"
            return self.note(node, key, expected(kind), found)
        found_items = [self.value(entry, item, f"{key}[{index}]") for index, entry in enumerate(node.value)]
        same = key in self._named and self._same_names(node, key)
        if same or any(entry is BAD for entry in found_items):
            return BAD
        return (get_origin(kind) or tuple)(found_items)

    def _same_names(self, node: Any, key: str) -> bool:
        """Two entries of one name would be one on the board. Looked for in the nodes: also the wrong ones count."""
        lines: dict[str, int] = {}
        before = len(self.mistakes)
        for index, entry in enumerate(node.value):
            for name, value in entry.value if entry.id == "mapping" else ():
                if not (is_text(name) and name.value == "name" and is_text(value) and value.value):
                    continue
                if value.value in lines:
                    found = f"{show(value.value)}, which line {lines[value.value]} has already"
                    self.note(value, f"{key}[{index}].name", "each name once", found)
                lines.setdefault(value.value, place(value)[0])
        return len(self.mistakes) > before

    def _dict(self, node: Any, kind: Any, key: str) -> Any:
        key_kind, item = get_args(kind)
        if node.id != "mapping":
            return self.note(node, key, expected(kind), seen(node))
        found: dict[Any, Any] = {}
        before = len(self.mistakes)
        check_name = self._check_for(pattern(key) + "{}")
        for name_node, entry in self._pairs(node, key):
            if check_name is not None and (wrong := check_name(name_node.value)):
                self.note(name_node, key, *wrong)
            name = name_node.value if key_kind is str else self._dispatch(name_node, key_kind, key)
            if not name_node.value.strip():
                self.note(name_node, key, "a name", "an empty one")
            value = self.value(entry, item, f"{key}.{show(name_node.value)[1:-1]}")
            if name is not BAD:
                found[name] = value
        return found if len(self.mistakes) == before else BAD

    def _pairs(self, node: Any, key: str) -> list[tuple[Any, Any]]:
        """The mapping's keys and values; what cannot be a key is noted and left out."""
        pairs: dict[str, tuple[Any, Any]] = {}
        for name, value in node.value:
            if name.id != "scalar":
                self.note(name, key, "a string as key", seen(name))
            elif name.tag == TAG + "merge":
                self.note(name, key, "a key", "a merge (<<), which is not read here: write its keys out")
            elif name.tag != TAG + "str":
                self.note(name, key, "a string as key", f"{seen(name)}: put it in quotes")
            elif name.value in pairs:
                first = place(pairs[name.value][0])[0]
                self.note(name, key, "each key once", f"a key again that line {first} has already")
            else:
                pairs[name.value] = (name, value)
        return list(pairs.values())

    # --- structs ------------------------------------------------------------------------------------------------------

    def struct(self, node: Any, kind: Any, key: str) -> Any:
        """The mapping as a struct; for a base with variants, as the one that its own key chooses."""
        if node.id != "mapping":
            return self.note(node, key, expected(kind), seen(node))
        if kind in self._variants:
            kind = self._variant(node, kind, key)
            if kind is BAD:
                return BAD
        given = self.fields(node, kind, key)
        if given is BAD:
            return BAD
        try:
            return kind(**given)
        except ValueError as error:  # a type's own __post_init__ knows what goes together
            return self._own_words(node, key, str(error))

    def _own_words(self, node: Any, key: str, text: str) -> Any:
        """Note what an options type says of itself; ``KEY: …`` in front points at that key."""
        name, _, rest = text.partition(": ")
        at = next((pair for pair in node.value if pair[0].value == name), None)
        if at is None or not rest:
            return self.note(node, key, text.removeprefix("expected ") or "other values")
        return self.note(at[1], f"{key}.{name}", rest.removeprefix("expected "))

    def fields(self, node: Any, kind: Any, key: str) -> Any:
        """The mapping's fields as keyword arguments of *kind*, or BAD."""
        known = known_fields(kind)
        before = len(self.mistakes)
        given: dict[str, Any] = {}
        seen_names = set()
        for name, value in self._pairs(node, key):
            seen_names.add(name.value)
            field = known.get(name.value)
            if field is None and getattr(kind, "takes_any", False):
                continue
            if field is None:
                self._unknown(name, value, node, tuple(known), key)
                continue
            path = f"{key}.{name.value}" if key else name.value
            given[field.name] = self.value(value, field.type, path)
            if field.required and isinstance(given[field.name], str) and not given[field.name].strip():
                self.note(value, path, expected(field.type), "an empty one")
        for name, field in known.items():
            if field.required and name not in seen_names:
                self.note(node, key, f"the key {name} ({expected(field.type)})", "none")
        return given if len(self.mistakes) == before else BAD

    def _unknown(self, name: Any, value: Any, node: Any, known: tuple[str, ...], key: str) -> None:
        # {token: ab,cd} is a token "ab" and a key "cd" with nothing: what has no value may be half of a secret
        lone = node.style == FLOW and is_empty(value)
        found = "a word with no value" if lone else f"the key {show(name.value)}"
        self.note(name, key, "one of the keys " + ", ".join(known), found, nearest(name.value, known))

    def _variant(self, node: Any, base: type, key: str) -> Any:
        chooser, kinds = self._variants[base]
        for name, value in node.value:
            if name.id == "scalar" and name.value == chooser:
                if value.id == "scalar" and value.value in kinds:
                    return kinds[value.value]
                wanted = "one of " + ", ".join(kinds) + getattr(kinds, "besides", "")
                found = show(value.value) if value.id == "scalar" and not is_empty(value) else seen(value)
                near = nearest(value.value, kinds) if value.id == "scalar" else ""
                return self.note(value, f"{key}.{chooser}", wanted, found, near)
        likely = [nearest(name.value, (chooser,)) and name.value for name, _ in node.value if name.id == "scalar"]
        found = next((f"the key {show(name)}" for name in likely if name), "none")
        near = chooser if found != "none" else ""
        return self.note(node, key, f"the key {chooser} (one of {', '.join(kinds)})", found, near)

    # --- secrets: nothing of the node is ever quoted ------------------------------------------------------------------

    def _secret(self, node: Any, key: str) -> Any:
        if node.id != "mapping" or len(node.value) != 1:
            return self.note(node, key, A_SECRET, seen(node, quote=False))
        name, value = node.value[0]
        kind = name.value if name.id == "scalar" else ""
        if kind not in ("env", "file", "command"):
            near = nearest(kind, ("env", "file", "command")) if kind else ""
            return self.note(name, key, A_SECRET, "another key", near)
        where = self._where(kind, value)
        if isinstance(where, str):
            return self.note(value, f"{key}.{kind}", where, seen(value, quote=False))
        secret = Secret(kind, where)
        self.secrets.append((key, secret))
        return secret

    def _where(self, kind: str, node: Any) -> tuple[str, ...] | str:
        """The place of the secret, or what was expected instead."""
        if kind == "command":
            entries = node.value if node.id == "sequence" else ()
            if entries and all(is_text(entry) and entry.value and "\0" not in entry.value for entry in entries):
                return tuple(entry.value for entry in entries)
            return "a list of strings: the program and its arguments, each in quotes if it is a number"
        text = node.value if is_text(node) else ""
        if kind == "env":
            return (text,) if _ENV_NAME.fullmatch(text) else "the name of an environment variable"
        good = text.startswith(("/", "~", "./", "../")) and text.isprintable()
        return (text,) if good else "the path of a file, beginning with / or ~ or ."
