"""A link to CloudWatch Logs Insights for a time and a query. Pure.

The console's own form, which no document of AWS describes: as browsers copy it from there. ``?queryDetail=`` is
escaped with ``$`` for ``%``; its value is JSURL: ``~(key~value…)``, a text begins with ``'`` and has ``*`` for ``%``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]")
_HOSTS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def link(region: str, groups: Iterable[str], since: float, until: float, query: str) -> str:
    """The console's page with *query* typed in; times are seconds since the epoch. It is not run by opening it."""
    host = next((h for begin, h in _HOSTS.items() if region.startswith(begin)), "console.aws.amazon.com")
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
    page = f"https://{region}.{host}/cloudwatch/home?region={region}"
    return f"{page}#logsV2:logs-insights$3FqueryDetail$3D~{detail}"


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
    code = ord(char)
    return f"*{code:02x}" if code < 0x100 else f"**{code:04x}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
