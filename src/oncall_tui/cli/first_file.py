"""The first configuration as text: what could be read as entries, and the rest as comments that say what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from oncall_tui.cli.first_run import Tried
from oncall_tui.text.cells import clean

SCHEMA = "config.schema.json"  # beside the configuration, so that an editor finds it without a network
FIRST_LINE = f"# yaml-language-server: $schema={SCHEMA}\n"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})  # of YAML 1.1, that are no texts


def found_text(tried: Sequence[Tried], policy: str, at: str) -> str:
    """Return the file's first part. *policy*: what a profile needs that is denied; *at*: the time, in words."""
    lines = [f"## Found on this machine by `oncall-tui init` at {at}. A token stays where it is: none is written here."]
    denied = False
    for section in ("sources", "escalation"):
        mine = [one for one in tried if one.candidate.section == section and not _left_out(one)]
        if not mine:
            continue
        head = "" if any(one.usable for one in mine) else "# "
        lines += ["", f"{head}{section}:"]
        for one in mine:
            lines += _entry(one)
        denied = denied or any(one.denied and "profile" in one.candidate.keys for one in mine)
    if denied:
        lines += ["", "## The policy to attach where a permission is missing (for reading; acting takes more):"]
        lines += [f"##   {line}" for line in policy.rstrip().splitlines()]
    return "\n".join([*lines, "", "## Everything that can be configured:", ""])


def _left_out(one: Tried) -> bool:
    return one.candidate.only_if_there and not one.usable


def _entry(one: Tried) -> Iterator[str]:
    answered = one.answered
    if one.usable:
        assert answered is not None
        words = f"{one.candidate.tried}: {answered.words}" if answered.words else one.candidate.tried
        yield f"  ## {clean(words)}"
        yield from _keys(one.candidate.keys, "")
        return
    why = answered.words if answered is not None else one.problem
    yield f"  ## {clean(one.candidate.tried)}: {clean(why)}"
    if one.hint:
        yield f"  ##   → {clean(one.hint)}"
    yield from _keys(one.candidate.keys, "# ")


def _keys(keys: dict[str, Any], mark: str) -> Iterator[str]:
    for at, (key, value) in enumerate(keys.items()):
        if value != "":
            yield f"{mark}  {'- ' if at == 0 else '  '}{key}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(inner)}" for key, inner in value.items()) + "}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)
