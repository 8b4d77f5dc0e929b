"""Events of the record as a file: Markdown, CSV, or an object a line. Pure; nothing in it is markup or a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from oncall_tui.domain.record import RecordEvent
from oncall_tui.reports.handover_text import escaped
from oncall_tui.text.cells import clean
from oncall_tui.text.time_format import stamp

COLUMNS = ("time", "kind", "text", "state", "by", "service", "product", "source", "page", "mark", "imported", "id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def row(event: RecordEvent) -> dict[str, Any]:
    """Return one event as the documented object; its time is RFC 3339 UTC."""
    return {
        "time": stamp(event.at),
        "kind": event.kind,
        "text": event.text,
        "state": event.state,
        "by": event.by,
        "service": event.service,
        "product": event.product,
        "source": event.source,
        "page": event.page,
        "mark": str(event.episode.mark) if event.episode is not None else "",
        "imported": event.imported,
        "id": event.id,
    }


def as_lines(events: Iterable[RecordEvent]) -> str:
    """Return one JSON object a line."""
    return "".join(json.dumps(row(event), ensure_ascii=False) + "\n" for event in events)


def as_csv(events: Iterable[RecordEvent]) -> str:
    """Return a table; a text that a spreadsheet would take for a formula has a quote before it."""
    out = io.StringIO()
    written = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    written.writeheader()
    written.writerows({name: _harmless(value) for name, value in row(event).items()} for event in events)
    return out.getvalue()


def as_markdown(events: Iterable[RecordEvent]) -> str:
    """Return a table, times in UTC."""
    lines = ["| time (UTC) | kind | what | state | by | service |", "|---|---|---|---|---|---|"]
    for event in events:
        cells = (str(stamp(event.at)), event.kind, event.text, event.state, event.by, event.service)
        lines.append("| " + " | ".join(escaped(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _harmless(value: Any) -> Any:
    text = clean(value).replace("\n", " ") if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


FORMATS: Mapping[str, Callable[[Iterable[RecordEvent]], str]] = MappingProxyType(
    {".md": as_markdown, ".csv": as_csv, ".jsonl": as_lines}
)
