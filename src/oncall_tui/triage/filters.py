"""What ``/`` understands: words, ``key:value``, ``!`` for the inverse, ``~regex``; all of them have to match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from oncall_tui.errors import OncallError

Fields = Mapping[str, str]
Test = Callable[[Fields], bool]


class FilterError(OncallError):
    """The filter's text is not one."""


def parse(text: str) -> Test:
    """A test over a row's fields (name → text). Raises FilterError for a regular expression that is none."""
    tests = [_term(term) for term in text.split()]
    return lambda fields: all(test(fields) for test in tests)


def keys(text: str) -> tuple[str, ...]:
    """The keys that *text* asks for, in their order."""
    pairs = (_key_value(term.removeprefix("!")) for term in text.split())
    return tuple(dict.fromkeys(pair[0] for pair in pairs if pair))


def _key_value(term: str) -> tuple[str, str] | None:
    key, colon, value = term.partition(":")
    if colon and key.isidentifier() and value and not value.startswith("//"):  # http://… is a word
        return key, value
    return None


def _term(term: str) -> Test:
    if term.startswith("!") and len(term) > 1:
        inner = _term(term[1:])
        return lambda fields: not inner(fields)
    if pair := _key_value(term):
        name, match = pair[0], _matcher(pair[1])
        return lambda fields: match(fields.get(name) or fields.get(name.lower(), ""))
    match = _matcher(term)
    return lambda fields: any(match(text) for text in fields.values())


def _matcher(value: str) -> Callable[[str], bool]:
    if value.startswith("~") and len(value) > 1:
        try:
            pattern = re.compile(value[1:], re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"not a regular expression: {value[1:]}: {error}", "try words or key:value") from None
        return lambda text: pattern.search(text) is not None
    low = value.lower()
    return lambda text: low in text.lower()


def keep(rows: Iterable[tuple[str, Fields]], text: str) -> set[str]:
    """The ids of the rows that match."""
    test = parse(text)
    return {row_id for row_id, fields in rows if test(fields)}
