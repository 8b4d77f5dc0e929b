"""What is typed into a form, as an ask's fields. Pure."""

from __future__ import annotations

import re
from typing import Any

from oncall_tui.durations import seconds

OPTIONAL = "why (others read it; may be empty)"


def more(values: dict[str, str]) -> dict[str, Any]:
    """A form's texts as an ask's fields. Raises ValueError with what is wrong."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        value = value.strip()
        if name == "for_s":
            found[name] = seconds(value)
        elif name == "matchers":
            found[name] = matchers(value)
        elif not value:
            raise ValueError(f"the {name} is missing: nothing was sent")
        else:
            found[name] = value
    return found


def optional(values: dict[str, str]) -> dict[str, Any]:
    """The same, where every text may be empty."""
    return {name: value.strip() for name, value in values.items()}


def matchers(text: str) -> tuple[tuple[str, str], ...]:
    """``label=value, label=value``. Raises ValueError for what is none: a wrong matcher hides the wrong alerts."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for key, equals, value in pairs:
        if not equals or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", key.strip()) or value.startswith("~"):
            raise ValueError(f"{(key + equals + value).strip()!r} is not label=value (!=, =~ and !~ are not offered)")
    if not pairs:
        raise ValueError("at least one label=value, or it would hide everything")
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)
