"""``journal``: what was seen and done, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from oncall_tui import bootstrap
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.cli.values import Number


@click.command()
@click.option("--last", type=Number(1, whole=True), default=50, show_default=True, help="How many entries.")
@click.option("--actions", is_flag=True, help="Actions only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def journal(context: click.Context, last: int, actions: bool, as_json: bool) -> None:
    """Print the journal's newest entries."""
    import msgspec

    from oncall_tui.domain.entry import EntryKind
    from oncall_tui.journal.store import Store

    path = Path(bootstrap.load_config(context.obj["config"]).journal_path).expanduser()
    seen = (EntryKind.ALERT, EntryKind.DEPLOY) if actions else ()
    store = Store(path)
    for entry in store.read(f"kind NOT IN ({','.join('?' * len(seen))})", seen, last):
        if as_json:
            put_json(msgspec.to_builtins(entry))
            continue
        at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        state = entry.data.get("state") or entry.data.get("new") or ""
        put(f"{at} {entry.kind:<8} {state:<12} {entry.actor:<10} {entry.subject}  {entry.text}")
    for words in store.skipped.values():
        say(words)
    store.close()
