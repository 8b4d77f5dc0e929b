"""A link to CloudWatch Logs Insights for a time and a query. Pure.

The console's own form, which no document of AWS describes: as browsers copy it from there. ``?queryDetail=`` is
escaped with ``$`` for ``%``; its value is JSURL: ``~(key~value…)``, a text begins with ``'`` and has ``*`` for ``%``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from oncall_tui.text import aws_console

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]")


def link(region: str, groups: Iterable[str], since: float, until: float, query: str) -> str:
    """The console's page with *query* typed in; times are seconds since the epoch. It is not run by opening it.

    Empty where the console of the region's partition is not known.
    """
    page = aws_console.page(region, "cloudwatch")
    detail = "~".join(
        (
            f"(end~{_text(_iso(until))}",
            f"start~{_text(_iso(since))}",
            f"timeType~{_text('ABSOLUTE')}",
            f"tz~{_text('UTC')}",
            f"editorString~{_text(query)}",
            f"source~(~{'~'.join(_text(g) for g in dict.fromkeys(groups))}))",
        )
    )
    return page and f"{page}#logsV2:logs-insights$3FqueryDetail$3D~{detail}"


def query(prefixes: Iterable[str], searched: str = "") -> str:
    """Lines of streams that begin with one of *prefixes* (none: of all), with *searched* in them, oldest first."""
    parts = ["fields @timestamp, @logStream, @message"]
    if some := [p for p in dict.fromkeys(prefixes) if p]:
        parts.append("filter " + " or ".join(f"@logStream like {_quoted(p)}" for p in some))
    if searched:
        parts.append(f"filter @message like {_quoted(searched)}")
    return "\n| ".join((*parts, "sort @timestamp asc", "limit 1000"))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _text(value: str) -> str:
    """A text as JSURL has it: what is no letter, digit, ``_``, ``.`` or ``-`` by its code, ``*20``, ``**3042``."""
    return "'" + "".join(c if _PLAIN.match(c) else _code(c) for c in value)


def _code(char: str) -> str:
    if char == "$":
        return "!"
    if ord(char) < 0x100:
        return f"*{ord(char):02x}"
    units = char.encode("utf-16-be", "surrogatepass")  # JSURL counts as JavaScript does: an emoji is two
    return "".join(f"**{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
