"""``follow-up``: what is still to be found out or mended after an alert: listed, added, changed and closed."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import click

from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.alert_commands import sent_text
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put
from oncall_tui.cli.record_access import put_list, recorded, zone
from oncall_tui.domain.follow_up import FollowUp, FollowUpState, ordered
from oncall_tui.reports.handover_text import follow_up_words
from oncall_tui.runtime.clock import SystemClock

OPEN_STATES = tuple(str(state) for state in FollowUpState if state is not FollowUpState.DONE)


@click.group("follow-up", invoke_without_command=True, add_help_option=False)
@click.pass_context
def follow_up(context: click.Context) -> None:
    """List follow-ups, add one, take one up, close one. Without a command: list."""
    if context.invoked_subcommand is None:
        context.invoke(listed)


@follow_up.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that are done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def listed(context: click.Context, every: bool = False, as_json: bool = False) -> None:
    """Print the follow-ups that are not done, the oldest first."""
    with recorded(context) as (record, _):
        record.follow_ups.load()
        found = ordered(record.follow_ups.current.values())
    tz = zone(context)

    def words(one: FollowUp) -> str:
        return _words(one, tz) + (f" · of {', '.join(one.alerts)}" if one.alerts else "")

    put_list(found, "follow-up", every, as_json, words)


@follow_up.command("add")
@click.argument("title")
@click.option("--owner", default="", metavar="NAME", help="Who looks into it.")
@click.option("--alert", "alerts", multiple=True, metavar="ALERT", help="Its alert: an id as `status` prints it.")
@click.pass_context
def added(context: click.Context, title: str, owner: str, alerts: tuple[str, ...]) -> None:
    """Open a follow-up with this TITLE; its id is printed."""
    with recorded(context) as (record, me):
        keys = [record.key_of(sent_text(alert)) for alert in alerts]
        made = record.follow_ups.add(sent_text(title), sent_text(owner), keys, me)
    put(_words(made, zone(context)))


@follow_up.command("set")
@click.argument("follow_up_id", metavar="ID")
@click.option("--state", type=click.Choice(OPEN_STATES), default=None, help="How far it is.")
@click.option("--owner", default=None, metavar="NAME", help="Who looks into it.")
@click.option("--title", default=None, metavar="TITLE", help="Another title.")
@click.option("--alert", "alerts", multiple=True, metavar="ALERT", help="One more alert of it.")
@click.option("--note", "said", default="", metavar="TEXT", help="What was found.")
@click.pass_context
def changed(
    context: click.Context,
    follow_up_id: str,
    state: str | None,
    owner: str | None,
    title: str | None,
    alerts: tuple[str, ...],
    said: str,
) -> None:
    """Change the follow-up whose id is ID, or begins so."""
    if state is None and owner is None and title is None and not alerts and not said:
        fail("nothing to change", "see `oncall-tui follow-up set --help`", WRONG_USE)
    more = {"state": FollowUpState(state) if state else None}
    _change(context, follow_up_id, alerts, said=said, owner=owner, title=title, **more)


@follow_up.command("close")
@click.argument("follow_up_id", metavar="ID")
@click.option("--note", "said", default="", metavar="TEXT", help="What came of it.")
@click.pass_context
def closed(context: click.Context, follow_up_id: str, said: str) -> None:
    """Close the follow-up whose id is ID, or begins so."""
    _change(context, follow_up_id, (), said=said, state=FollowUpState.DONE)


def _change(context: click.Context, wanted: str, more: tuple[str, ...], **fields: Any) -> None:
    texts: dict[str, Any] = {name: sent_text(value) if type(value) is str else value for name, value in fields.items()}
    with recorded(context) as (record, me):
        record.follow_ups.load()
        seen = record.follow_ups.find(wanted)
        keys = (*seen.alerts, *(record.key_of(sent_text(alert)) for alert in more))
        made = record.follow_ups.change(seen, me, alerts=keys, **texts)
    put(_words(made, zone(context)))


def _words(one: FollowUp, tz: tzinfo) -> str:
    return follow_up_words(one, SystemClock().now(), tz)
