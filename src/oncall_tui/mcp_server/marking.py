"""Text from outside, marked and cut. Every answer goes through here whole, so that no field can be forgotten.

A text is plain only where this program or the configuration wrote it: a word of an enumeration, a time, a configured
name, an ``Own`` text. Every other one becomes ``{"untrusted": true, "text": …}``: without control characters, of a
bounded length, with the number of characters that were cut. Secrets of the configuration are masked in it. A list that
is longer than its bound is cut, and the number of those left out stands beside it as ``NAME_more``. An empty text is
left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from oncall_tui.domain.alert import AlertState, Severity
from oncall_tui.domain.deploy import DeployState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Health
from oncall_tui.runtime.secret import redact
from oncall_tui.text.cells import visible

MOST_TEXT = 400  # characters of one text
LEAST_TEXT = 80
MOST_SOURCES = 100
MOST_BYTES = 48 * 1024  # of one answer as JSON
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_WORDS = frozenset(
    str(word) for kind in (AlertState, Severity, DeployState, OutcomeState, SourceState, Health) for word in kind
) | {
    "alert",
    "deploy",
    "change",
    "action",
    "note",
    "mark",
    "follow-up",
    "incident",
    "task",
    "event",
    "rollback",
    "redeploy",
}


class Own(str):
    """A text that this program wrote itself, with no part from outside."""

    __slots__ = ()


def outside(text: str, most: int = MOST_TEXT) -> dict[str, Any]:
    """Return the one form of a text from outside: ``{"untrusted": true, "text": …, "cut": characters left out}``."""
    text = redact(text)
    found: dict[str, Any] = {"untrusted": True, "text": visible(text[:most])}
    if len(text) > most:
        found["cut"] = len(text) - most
    return found


def finished(head: dict[str, Any], answer: Mapping[str, Any], names: frozenset[str], most: int) -> dict[str, Any]:
    """Return both as one, with every text marked, and at most *most* items in each list of *answer*: fewer where it
    would be too big. *head* keeps its lists: how each source is, and what is not known. *names*: the configuration's.
    """
    text = MOST_TEXT
    begin: dict[str, Any] = _marked(head, names, MOST_SOURCES, LEAST_TEXT * 2)
    while True:
        told: dict[str, Any] = {**begin, **_marked(answer, names, most, text)}
        if len(json.dumps(told, ensure_ascii=False).encode()) <= MOST_BYTES or (most <= 1 and text <= LEAST_TEXT):
            return told
        most, text = max(1, most // 2), max(LEAST_TEXT, text // 2)


def _marked(value: Any, names: frozenset[str], most: int, text: int) -> Any:
    if isinstance(value, Mapping):
        told: dict[str, Any] = {}
        for key, inner in value.items():
            if inner == "":
                continue
            told[key] = _marked(inner, names, most, text)
            if isinstance(inner, list | tuple) and len(inner) > most:
                told[f"{key}_more"] = len(inner) - most
        return told
    if isinstance(value, list | tuple):
        return [_marked(one, names, most, text) for one in value[:most]]
    if isinstance(value, str):
        own = isinstance(value, Own | Enum) or value in names or value in _WORDS or _TIME.fullmatch(value)
        return str(value) if own else outside(value, text)
    return value
