"""Messages between the listening sockets and the simulated sources: a request, and its answer."""

import json
from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """One HTTP request, already read in full."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    """With lower-case keys."""
    body: bytes


class SimulatedAnswer(NamedTuple):
    """One HTTP answer. `headers` holds at least a Content-Type where there is a body.

    `waits_s`: it says that nothing is there yet, and is given only after so many seconds in which that did not change.
    """

    status: int
    body: bytes
    headers: dict[str, str] = {}
    waits_s: float = 0.0


def json_answer(value: object, status: int = 200) -> SimulatedAnswer:
    """`value` as application/json, in UTF-8."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return SimulatedAnswer(status, body, {"Content-Type": "application/json"})
