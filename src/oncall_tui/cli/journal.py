"""``journal``: what was seen and done, oldest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli.option_types import Number
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.domain.entry import RETOLD, Entry, EntryKind
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.json_types import JsonTime, as_plain
from oncall_tui.text.time_format import moment, named_zone, rfc3339, stamp, zone


@click.command()
@click.option("--last", type=Number(1, whole=True), default=50, show_default=True, help="How many entries.")
@click.option("--actions", is_flag=True, help="Actions only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def journal(context: click.Context, last: int, actions: bool, as_json: bool) -> None:
    """Print the journal's newest entries."""
    from oncall_tui.journal.store import Store

    config = bootstrap.load_config(context.obj["config"])
    path, tz, now = Path(config.journal_path).expanduser(), named_zone(config.timezone), SystemClock().now()
    seen = (EntryKind.ALERT, EntryKind.DEPLOY, EntryKind.CHANGE, *RETOLD) if actions else ()
    store = Store(path)
    for entry in store.read(f"kind NOT IN ({','.join('?' * len(seen))})", seen, last):
        if as_json:
            put_json(as_object(entry))
            continue
        at = moment(entry.at, tz, now, seconds=True, day=True)
        state = entry.data.get("state") or entry.data.get("new") or ""
        head = f"{at} {zone(tz, entry.at)} {entry.kind:<8} {state:<12} {entry.actor:<10}"
        put(f"{head} {entry.subject}  {entry.text}")
    for words in store.skipped.values():
        say(words)
    store.close()


NO_CALENDAR = 253_402_300_800.0  # the year 10,000: a number from there on is printed as it is
# Times of an entry's data, wherever they stand in it
_TIMES = frozenset(
    {"began", "ended", "started", "again_at", "made_at", "at", "since", "deployCreatedAt", "begin", "until"}
    | {"acknowledged_at", "by_at", "all_traffic_since"}
)


class EntryOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal: *data* is what its kind holds; *seq* is its place in this machine's file."""

    id: str
    at: JsonTime
    kind: EntryKind
    subject: str
    actor: str
    text: str
    data: dict[str, Any]
    seq: int


def as_object(entry: Entry) -> dict[str, Any]:
    """One entry as the documented object, as plain data; times are RFC 3339 UTC, as in every ``--json``."""
    output = EntryOutput(
        id=entry.id,
        at=rfc3339(entry.at),
        kind=entry.kind,
        subject=entry.subject,
        actor=entry.actor,
        text=entry.text,
        data=_stamped(msgspec.to_builtins(entry.data)),
        seq=entry.seq,
    )
    return as_plain(output)


def _stamped(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _stamped(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_stamped(inner) for inner in value]
    is_time = (
        name in _TIMES and isinstance(value, (int, float)) and 0 <= value < NO_CALENDAR and not isinstance(value, bool)
    )
    return stamp(value) if is_time else value
