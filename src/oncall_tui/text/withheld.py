"""Values that look like secrets, taken out of what others wrote before it leaves this machine. Pure.

A secret of the configuration is known, and redacted wherever it stands (``runtime.secret``). What a service wrote into
its log, or an alert into its text, is known by its looks alone: by the name before it, or by its form. So it is counted
and said, and what does not look like one stays.
"""

from __future__ import annotations

import re
from typing import Any

WITHHELD = "•••"
_WORD = (
    r"(?:[\w-]{0,40}(?:passw(?:or)?d|secret|token|credential|signature|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"[\w-]{0,40}|pwd|sig|authorization|(?:set-)?cookie)"
)
_NAME = re.compile(rf"{_WORD}", re.IGNORECASE)
_LOOKS = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
            rf"(?<![\w-])(?P<name>{_WORD}[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?)"
            r"(?:(?:bearer|basic|token)\s+)?[^\s\"'&,;<>()|]{4,}",
            r"(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}",
            r"(?P<address>://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)",
            r"(?P<hook>\bhooks\.slack\.com/services/)[\w/-]+",
            r"\b(?-i:AKIA|ASIA)[A-Z0-9]{16}\b",
            r"\b(?-i:eyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
            r"\b(?:xox[abprs]-[\w-]{8,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|[rs]k_live_\w{8,})",
        )
    ),
    re.IGNORECASE,
)


def withhold(text: str) -> tuple[str, int]:
    """Return *text* with every value that looks like a secret replaced, and how many those were."""
    return _LOOKS.subn(_replaced, text)


def withhold_in(data: Any, name: str = "") -> tuple[Any, int]:
    """Return plain *data* (of JSON) with its texts so; one whose *name* says that it is a secret is replaced whole."""
    if isinstance(data, str):
        return (WITHHELD, 1) if data and name and _NAME.fullmatch(name) else withhold(data)
    if isinstance(data, dict):
        found = {key: withhold_in(value, str(key)) for key, value in data.items()}
        return {key: value for key, (value, _) in found.items()}, sum(count for _, count in found.values())
    if isinstance(data, (list, tuple)):
        items = [withhold_in(value, name) for value in data]
        return [value for value, _ in items], sum(count for _, count in items)
    return data, 0


def _replaced(found: re.Match[str]) -> str:
    kept = next((found[group] for group in ("name", "scheme", "address", "hook") if found[group]), "")
    return f"{kept}{WITHHELD}"
