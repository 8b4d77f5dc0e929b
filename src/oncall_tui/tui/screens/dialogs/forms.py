"""Forms: their fields, and what is typed into one as an ask's fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from oncall_tui.text.cells import clean
from oncall_tui.text.durations import seconds
from oncall_tui.text.typed_reason import typed_reason


class Field(msgspec.Struct, frozen=True):
    """A line of a form: its *name* in the ask, *what* it is, and the *text* that stands there at first.

    *value* is what that text stands for, exactly; it is asked for as long as the text is not edited. None: the text
    is read like any other.
    """

    name: str
    what: str
    text: str = ""
    value: Any = None


def more(values: Mapping[str, str]) -> dict[str, Any]:
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


def override(values: Mapping[str, str]) -> dict[str, Any]:
    """The same for the reason against a guardrail: one line of bounded length. Raises ValueError."""
    return {"reason": typed_reason(more(values)["reason"])}


def optional(values: Mapping[str, str]) -> dict[str, Any]:
    """The same, where every text may be empty."""
    return {name: value.strip() for name, value in values.items()}


def titled(values: Mapping[str, str]) -> dict[str, Any]:
    """The same, where every text but the title may be empty. Raises ValueError."""
    found = optional(values)
    if not found["title"]:
        raise ValueError("the title is missing: nothing was recorded")
    return found


# --- matchers -------------------------------------------------------------------------------------------------------

_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_MATCHER = (
    rf'\s*(?:{_QUOTED.format("quoted_name")}|(?P<name>[^=!,"]*?))\s*(?P<sign>=~|!~|!=|=)'
    rf"\s*(?:{_QUOTED.format('quoted')}|(?P<value>[^,]*?))\s*(?:,|$)"
)


def matchers(text: str) -> tuple[tuple[str, str], ...]:
    """``label=value, label="value, with a comma"``: names and values may be quoted, with JSON's escapes.

    Raises ValueError for what is none: a wrong matcher hides the wrong alerts.
    """
    found: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip(" ,"):
        if not text[at:].lstrip(" ").startswith(","):
            part = re.compile(_MATCHER).match(text, at)
            pair = _pair(part) if part else None
            if part is None or pair is None:
                wrong = part[0] if part else text[at:].partition(",")[0]
                wrong = wrong.strip(" ,")
                raise ValueError(f"{clean(wrong)!r} is not label=value (!=, =~ and !~ are not offered)")
            found.append(pair)
            at = part.end()
        else:
            at = text.index(",", at) + 1
    if not found:
        raise ValueError("at least one label=value, or it would hide everything")
    return tuple(found)


def _pair(part: re.Match[str]) -> tuple[str, str] | None:
    """(label, value) of one matcher; None: it is not one that is offered."""
    name, value = part["name"], part["value"]
    if part["sign"] != "=" or (name is not None and not re.fullmatch(_NAME, name)):
        return None
    if value is not None and value.startswith(("~", '"')):
        return None
    name = _unquoted(part["quoted_name"]) if name is None else name
    return (name, _unquoted(part["quoted"]) if value is None else value) if name else None


def matchers_text(labels: Sequence[tuple[str, str]]) -> str:
    """*labels* as one line of harmless characters that ``matchers`` reads back exactly."""
    return ", ".join(
        f"{name if re.fullmatch(_NAME, name) else _quoted(name)}={value if _is_plain(value) else _quoted(value)}"
        for name, value in labels
    )


def _is_plain(value: str) -> bool:
    """Return whether it can stand without quotes, and be read back."""
    return value == value.strip() and "," not in value and not value.startswith(("~", '"')) and clean(value) == value


def _quoted(text: str) -> str:
    """In quotes; all that is not ASCII is escaped where the text has something that a terminal would obey or hide."""
    import json  # not needed for the first frame

    return json.dumps(text, ensure_ascii=clean(text) != text).replace("\x7f", "\\u007f")


def _unquoted(inner: str) -> str:
    import json

    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        raise ValueError(f'{clean(inner)!r}: in quotes a backslash is \\\\ and a quote is \\"') from None
