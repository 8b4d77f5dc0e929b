"""The filter that ``/`` takes: words, ``key:value``, ``!`` for the inverse, ``~regex``; all of them have to match.

A filter that can match nothing is refused in words: an empty list must not look like a quiet night.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.service import Health
from oncall_tui.errors import OncallError
from oncall_tui.text.spelling import misspelt, nearest

Fields = Mapping[str, str]
Test = Callable[[Fields], bool]


class FilterError(OncallError):
    """The filter's text is none; the message says what would work."""


# The names of a row's own fields; whatever else is asked for is the name of a label.
OWN = (
    "account",
    "by",
    "cluster",
    "health",
    "page",
    "product",
    "provider",
    "reason",
    "revision",
    "service",
    "severity",
    "source",
    "state",
    "title",
)
WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "severity": tuple(Severity),
        "state": tuple(dict.fromkeys((*AlertState, *DeployState))),
        "health": tuple(Health),
        "page": ("yes", "no"),
    }
)
# Words that people try first.
_MEANT_KEYS = {"is": "state", "status": "state", "sev": "severity", "level": "severity", "priority": "severity"}
_MEANT_KEYS |= {"svc": "service", "app": "service", "who": "by", "owner": "product", "name": "title", "pages": "page"}
_MEANT = {
    ("severity", "page"): "page:yes",
    ("severity", "paging"): "page:yes",
    ("state", "acked"): "state:acknowledged",
    ("state", "muted"): "state:silenced",
    ("state", "ok"): "state:resolved",
    ("state", "open"): "state:firing",
    ("state", "alerting"): "state:firing",
    ("state", "page"): "page:yes",
    ("health", "ok"): "health:healthy",
    ("health", "sick"): "health:degraded",
    ("page", "true"): "page:yes",
    ("page", "false"): "page:no",
}


class Known(msgspec.Struct, frozen=True):
    """The content of rows: the names of their *labels* (None: not known), and for a field all that can stand in it."""

    labels: frozenset[str] | None = None
    words: Mapping[str, tuple[str, ...]] = WORDS


ANYWHERE = Known()


def parse(text: str, known: Known = ANYWHERE) -> Test:
    """A test over a row's fields (name → text).

    Raises FilterError for what can match nothing, or hides nothing that it was meant to: no regular expression, a
    field's name misspelt, a word that never stands in a field; with the *labels* known also the name of none.
    """
    tests = [_term(term, known) for term in text.split()]
    return lambda fields: all(test(fields) for test in tests)


def _key_value(term: str) -> tuple[str, str] | None:
    key, colon, value = term.partition(":")
    if colon and key.isidentifier() and value and not value.startswith("//"):  # http://… is a word
        return key, value
    return None


def _term(term: str, known: Known) -> Test:
    if term == "!":
        raise FilterError("after ! comes what to leave out: !word, !key:value")
    if term.startswith("!"):
        inner = _term(term[1:], known)
        return lambda fields: not inner(fields)
    if term.endswith(":") and term[:-1].isidentifier():
        _check_key(term[:-1], "", known)
        raise FilterError(f"after {term} comes {_choices(term[:-1], known) or 'a value'}")
    if pair := _key_value(term):
        name, match = pair[0], _matcher(pair[1])
        _check_key(name, pair[1], known)
        _check_value(name, pair[1], match, known)
        return lambda fields: match(fields.get(name) or fields.get(name.lower(), ""))
    match = _matcher(term)
    return lambda fields: any(match(text) for text in fields.values())


def _check_key(name: str, value: str, known: Known) -> None:
    """Raise FilterError where the name is of no field and no label."""
    if name.lower() in OWN or (known.labels is not None and {name, name.lower()} & known.labels):
        return
    if known.labels is None:
        if near := misspelt(name, OWN):
            raise FilterError(f"no row has the key {name!r}: did you mean {near}:{value}?")
        return
    near = _MEANT_KEYS.get(name.lower()) or nearest(name, (*OWN, *known.labels))
    meant = _MEANT.get((near, value.lower()), f"{near}:{value}")
    keys_ = ", ".join(OWN)
    hint = f"did you mean {meant}? " if near else ""
    raise FilterError(f"no row has the key {name!r}: {hint}It is one of {keys_}, or a label's name")


def _check_value(name: str, value: str, match: Callable[[str], bool], known: Known) -> None:
    """Raise FilterError where no word of the field has the value in it."""
    words = known.words.get(name.lower(), ())
    if not words or any(match(word) for word in words):
        return
    meant = _MEANT.get((name.lower(), value.lower()))
    near = nearest(value.lstrip("~"), words)
    meant = meant or (f"{name}:{near}" if near else "")
    hint = f"did you mean {meant}? " if meant else ""
    raise FilterError(f"no row has {name}:{value}: {hint}It is one of {', '.join(words)}")


def _choices(name: str, known: Known) -> str:
    return ", ".join(known.words.get(name.lower(), ()))


def _matcher(value: str) -> Callable[[str], bool]:
    if value == "~":
        raise FilterError("after ~ comes a regular expression")
    if value.startswith("~"):
        try:
            pattern = re.compile(value[1:], re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"not a regular expression: {value[1:]}: {error.msg}") from None
        return lambda text: pattern.search(text) is not None
    low = value.lower()
    return lambda text: low in text.lower()


def keep(rows: Iterable[tuple[str, Fields]], text: str) -> set[str]:
    """The ids of the rows that match."""
    test = parse(text)
    return {row_id for row_id, fields in rows if test(fields)}
