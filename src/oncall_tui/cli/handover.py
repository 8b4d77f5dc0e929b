"""``handover``: what fired, what was done and by whom, what is open, what was deployed; as Markdown."""

from __future__ import annotations

import sys

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE, OutcomeExit
from oncall_tui.cli.alert_commands import confirm
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, fail, running
from oncall_tui.cli.execution import deliver, interrupts
from oncall_tui.cli.option_types import Duration
from oncall_tui.cli.output import put_json, put_text, say
from oncall_tui.errors import JournalError
from oncall_tui.reports.handover import KINDS, comparisons
from oncall_tui.reports.handover import handover as made
from oncall_tui.reports.handover_text import as_object, markdown, plain, title
from oncall_tui.text.time_format import named_zone

COMMITS_S = 5.0  # for those of what was deployed


@click.command()
@click.option("--since", "back", type=Duration(), default="12h", show_default=True, help="How far back: 90m, 12h, 1d.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.option("--to", "destination", metavar="NAME", default="", help="Send it to a notification destination.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_context
def handover(context: click.Context, back: float, as_json: bool, destination: str, yes: bool) -> None:
    """Print the handover. Exits 1 where a source or the journal could not be read."""
    zone = named_zone(bootstrap.load_config(context.obj["config"]).timezone)
    with running(context) as engine:  # not read only: it reads what came of what was sent, and that may be told on
        if destination and destination not in engine.destinations:
            fail(f"no destination {destination!r}", f"there are: {', '.join(engine.destinations) or 'none'}", WRONG_USE)
        engine.settle_earlier(EARLIER_TIMEOUT_S)
        update, now, failure, entries = engine.first_read(READ_TIMEOUT_S), engine.clock.now(), "", []
        try:
            entries = engine.journal.since(now - back, KINDS)
            engine.memory.follow_ups.load()
            engine.memory.incidents.load()
        except JournalError as error:
            failure = str(error)
        follow_ups, incidents = engine.memory.follow_ups.current, engine.memory.incidents.current
        engine.commits.fetch(comparisons(update.triaged, now - back), COMMITS_S)
        kept = (follow_ups.values(), incidents.values())
        told = made(entries, update.triaged, now - back, now, failure, *kept, engine.commits.words)
        text = markdown(told, zone)
        shown = put_json(as_object(told)) if as_json else put_text(text.removesuffix("\n"))
        for line in (*told.unread, *((f"the journal cannot be read: {failure}",) if failure else ())):
            say(line)
        say(*engine.journal.skipped)
        if destination:
            if context.obj["read_only"]:
                fail("read only: nothing is sent")
            if not yes:
                confirm(f"Send these {len(text.splitlines())} lines to {destination}?", shown)
            interrupts.hold()
            say(deliver(engine.send_handover(destination, title(told, zone), plain(told, zone)), destination))
    if destination:
        raise OutcomeExit(DONE)
    sys.exit(NOT_DONE if failure or any(not s.live for s in update.board.sources.values()) else DONE)
