"""Groups and scopes: which tags a group has, and which groups a downtime's scope covers. Pure.

A downtime's scope follows the search syntax (``env:prod AND (host:a OR host:b)``, ``NOT``, ``-``, ``*``, quotes). What
cannot be read covers nothing: an alert that is shown too much does less harm than one that is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Tags = tuple[tuple[str, str], ...]

LONGEST = 4000  # characters of a scope that are read; parentheses in it nest no deeper than DEEPEST
DEEPEST = 30
_TOKEN = re.compile(r'\s*(?:([(),])|((?:\\.|"(?:[^"\\]|\\.)*"|[^\s(),"\\])+))', re.DOTALL)
_PART = re.compile(r'\\(.)|"((?:[^"\\]|\\.)*)"|([*?])|([^\\"*?]+)', re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9_@./-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_WORDS = frozenset({"AND", "OR", "NOT"})


class UnreadableScope(ValueError):
    """A scope that is no scope, or one that is not known here."""


def tags_of(group: str) -> Tags:
    """The tags of a group's name, ``host:web-1,env:prod``; none for ``*``. A value may hold a comma itself."""
    found: list[list[str]] = []
    for part in group.split(",") if group not in ("", "*") else ():
        key, colon, value = part.partition(":")
        if colon and key.strip():
            found.append([key.strip(), value])
        elif found:
            found[-1][1] += "," + part
    return tuple((key, value) for key, value in found)


def scope_of(group: str) -> str:
    """The scope of exactly this group: its tags, all of them; ``*`` where it has none. Raises UnreadableScope."""
    tags = tags_of(group)
    if not tags:
        if group not in ("", "*"):
            raise UnreadableScope(f"the group {group} has no tags")
        return "*"
    return " AND ".join(f"{_key(key)}:{_value(value)}" for key, value in tags)


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise UnreadableScope(f"the tag {key} cannot stand in a scope")
    return key


def _value(value: str) -> str:
    if _PLAIN.fullmatch(value) and value not in _WORDS:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def covers(scope: str, tags: Iterable[tuple[str, str]]) -> bool:
    """Return whether *scope* matches these *tags*; False also where it cannot be read."""
    try:
        return _ScopeReader(scope, tags).whole()
    except UnreadableScope:
        return False


class _ScopeReader:
    """One scope over one set of tags: or > and > not > (…), key:(…), key:value."""

    def __init__(self, scope: str, tags: Iterable[tuple[str, str]]) -> None:
        self._tokens = _tokens(scope)
        self._at = 0
        self._depth = 0
        self._tags: dict[str, list[str]] = {}
        for key, value in tags:
            self._tags.setdefault(key.casefold(), []).append(value.casefold())

    def whole(self) -> bool:
        found = self._any("")
        if self._at != len(self._tokens):
            raise UnreadableScope("something is left over")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _any(self, key: str) -> bool:
        found = self._all(key)
        while self._peek() == "OR":
            self._at += 1
            found = self._all(key) or found
        return found

    def _all(self, key: str) -> bool:
        found = self._one(key)
        while (token := self._peek()) and token not in ("OR", ")"):
            if token in ("AND", ","):
                self._at += 1
            found = self._one(key) and found
        return found

    def _one(self, key: str) -> bool:
        negated = False
        while self._peek() in ("NOT", "-"):
            self._at += 1
            negated = not negated
        token = self._take()
        if token == "(":
            return self._inner(key) is not negated
        if token in ("", ")", ",", "AND", "OR"):
            raise UnreadableScope(f"{token or 'the end'} where a tag is expected")
        if token.startswith("-") and not key:
            token, negated = token[1:], not negated
        return (self._value(key, token) if key else self._term(token)) is not negated

    def _inner(self, key: str) -> bool:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnreadableScope("too many parentheses")
        found = self._any(key)
        if self._take() != ")":
            raise UnreadableScope("a parenthesis is not closed")
        self._depth -= 1
        return found

    def _term(self, token: str) -> bool:
        if token == "*":
            return True
        key, colon, value = token.partition(":")
        if not colon or not key:
            raise UnreadableScope(f"{token} is not a tag")
        if value:
            return self._value(key, value)
        if self._take() != "(":
            raise UnreadableScope(f"{key} without a value")
        return self._inner(key)

    def _value(self, key: str, value: str) -> bool:
        pattern = re.compile("".join(map(_pattern, _PART.finditer(value.casefold()))), re.DOTALL)
        return any(pattern.fullmatch(each) for each in self._tags.get(key.casefold(), ()))


def _tokens(scope: str) -> list[str]:
    if len(scope) > LONGEST:
        raise UnreadableScope("too long")
    found: list[str] = []
    at = 0
    text = scope.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnreadableScope("a quote is not closed")
        found.append(match[1] or match[2])
        at = match.end()
    return found


def _pattern(part: re.Match[str]) -> str:
    escaped, quoted, wild, plain = part.groups()
    if wild:
        return ".*" if wild == "*" else "."
    if quoted is not None:
        return re.escape(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    return re.escape(escaped if escaped is not None else plain)
