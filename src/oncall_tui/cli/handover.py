"""``handover``: what fired, what was done and by whom, what is open, what was deployed; as Markdown."""

from __future__ import annotations

import json
import sys
from zoneinfo import ZoneInfo

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE
from oncall_tui.cli.common import READ_TIMEOUT_S, fail, result, running, say
from oncall_tui.durations import seconds
from oncall_tui.errors import JournalError
from oncall_tui.triage.handover import KINDS
from oncall_tui.triage.handover import handover as made
from oncall_tui.triage.handover_text import as_object, markdown, plain, title


@click.command()
@click.option("--since", "span", default="12h", show_default=True, help="How far back: 90m, 12h, 1d.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.option("--to", "destination", metavar="NAME", default="", help="Send it to a destination that tells.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.pass_context
def handover(context: click.Context, span: str, as_json: bool, destination: str, yes: bool) -> None:
    """Print what the next one on call has to know. Exits 1 where a source or the journal could not be read."""
    try:
        back = seconds(span)
    except ValueError as error:
        fail(str(error), code=WRONG_USE)
    zone = ZoneInfo(bootstrap.load_config(context.obj["config"]).timezone)
    with running(context, read_only=True) as engine:
        if destination and destination not in engine.destinations:
            fail(f"no destination {destination!r}", f"there are: {', '.join(engine.destinations) or 'none'}", WRONG_USE)
        update, now, failure, entries = engine.first_read(READ_TIMEOUT_S), engine.clock.now(), "", []
        try:
            entries = engine.journal.since(now - back, KINDS)
        except JournalError as error:
            failure = str(error)
        told = made(entries, update.look, now - back, now, failure)
        text = markdown(told, zone)
        click.echo(json.dumps(as_object(told), ensure_ascii=False) if as_json else text, nl=as_json)
        for line in (*told.unread, *((f"the journal cannot be read: {failure}",) if failure else ())):
            say(line)
        if destination:
            _confirm(destination, text, yes, context.obj["read_only"])
            say(result(engine.send_handover(destination, title(told, zone), plain(told, zone))))
    sys.exit(NOT_DONE if failure or any(not s.live for s in update.board.sources.values()) else DONE)


def _confirm(destination: str, text: str, yes: bool, read_only: bool) -> None:
    if read_only:
        fail("read only: nothing is sent")
    if yes:
        return
    if not sys.stdin.isatty():
        fail("this needs a confirm", "add --yes", WRONG_USE)
    if not click.confirm(f"Send these {len(text.splitlines())} lines to {destination}?", default=False, err=True):
        fail("not confirmed: nothing was sent")
