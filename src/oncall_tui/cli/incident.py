"""``incident``: episodes, deploys and actions that are one incident: listed, opened, added to and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import click

from oncall_tui.cli import NOT_DONE, WRONG_USE
from oncall_tui.cli.alert_commands import sent_text
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put
from oncall_tui.cli.record_access import put_list, recorded, zone
from oncall_tui.domain.incident import Incident, IncidentState, newest_first
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from oncall_tui.engine.memory import RecordMemory


class NamedParts(TypedDict):
    """The ids of what belongs to an incident."""

    episodes: list[str]
    deploys: list[str]
    entries: list[str]


_NAMED = (
    click.option("--alert", "alerts", multiple=True, metavar="ALERT", help="An alert's newest episode, or an episode."),
    click.option("--deploy", "deploys", multiple=True, metavar="DEPLOY", help="A deploy, or a service's newest one."),
    click.option("--entry", "entries", multiple=True, metavar="ENTRY", help="An entry of the journal, by its id."),
)


def _naming(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name what belongs to an incident."""
    for option in reversed(_NAMED):
        command = option(command)
    return command


@click.group("incident", invoke_without_command=True, add_help_option=False)
@click.pass_context
def incident(context: click.Context) -> None:
    """List incidents, open one, add to one, close one. Without a command: list."""
    if context.invoked_subcommand is None:
        context.invoke(listed)


@incident.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that are closed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def listed(context: click.Context, every: bool = False, as_json: bool = False) -> None:
    """Print the incidents that are open, the newest first."""
    with recorded(context) as (record, _):
        record.incidents.load()
        found = newest_first(record.incidents.current.values())
    put_list(found, "incident", every, as_json, lambda one: _words(context, one))


@incident.command("new")
@click.argument("title")
@click.option("--lead", default="", metavar="NAME", help="Who leads it.")
@_naming
@click.pass_context
def opened(
    context: click.Context,
    title: str,
    lead: str,
    alerts: tuple[str, ...],
    deploys: tuple[str, ...],
    entries: tuple[str, ...],
) -> None:
    """Open an incident with this TITLE; its id is printed.

    With an alert come those that are one problem with it.
    """
    with recorded(context) as (record, me):
        named = _found(record, alerts, deploys, entries)
        made = record.incidents.open(sent_text(title), sent_text(lead), me, **named)
    put(_words(context, made))


@incident.command("add")
@click.argument("incident_id", metavar="ID")
@_naming
@click.option("--lead", default=None, metavar="NAME", help="Who leads it.")
@click.option("--title", default="", metavar="TITLE", help="Another title.")
@click.option("--note", "said", default="", metavar="TEXT", help="A word on it.")
@click.pass_context
def added(
    context: click.Context,
    incident_id: str,
    alerts: tuple[str, ...],
    deploys: tuple[str, ...],
    entries: tuple[str, ...],
    lead: str | None,
    title: str,
    said: str,
) -> None:
    """Add to the incident whose id is ID, or begins so."""
    if not (alerts or deploys or entries or title or said) and lead is None:
        fail("nothing to add", "see `oncall-tui incident add --help`", WRONG_USE)
    with recorded(context) as (record, me):
        named = _found(record, alerts, deploys, entries)
        lead = None if lead is None else sent_text(lead)
        made = record.incidents.change(
            incident_id, me, lead=lead, title=sent_text(title), said=sent_text(said), **named
        )
    put(_words(context, made))


@incident.command("close")
@click.argument("incident_id", metavar="ID")
@click.option("--note", "said", default="", metavar="TEXT", help="A word on it.")
@click.pass_context
def closed(context: click.Context, incident_id: str, said: str) -> None:
    """Close the incident whose id is ID, or begins so."""
    with recorded(context) as (record, me):
        made = record.incidents.change(incident_id, me, state=IncidentState.CLOSED, said=sent_text(said))
    put(_words(context, made))


def _found(
    record: RecordMemory, alerts: tuple[str, ...], deploys: tuple[str, ...], entries: tuple[str, ...]
) -> NamedParts:
    """Return the ids that these name. Ends the program, with nothing written, where one is not in the record."""
    episodes: list[str] = []
    found: list[str] = []
    unknown: list[str] = []
    for name in map(sent_text, alerts):
        of = record.episodes_named(name)
        episodes += of
        unknown += () if of else (name,)
    for name in map(sent_text, deploys):
        deploy = record.deploy_named(name)
        found += () if deploy is None else (deploy.id,)
        unknown += (name,) if deploy is None else ()
    named = [sent_text(name).strip().upper() for name in entries]
    for name in named:
        try:
            unknown += () if record.has_entry(name) else (name,)
        except ValueError as error:
            fail(f"{name!r}: {error}", "`oncall-tui journal --json` prints entries' ids", WRONG_USE)
    if unknown:
        hint = "`oncall-tui status` and `oncall-tui deploys --json` list ids; services are SOURCE/CLUSTER/NAME"
        fail(f"not in the record: {', '.join(unknown)}", hint, NOT_DONE)
    return {"episodes": episodes, "deploys": found, "entries": named}


def _words(context: click.Context, one: Incident) -> str:
    at = moment(one.opened_at, zone(context), SystemClock().now())
    holds = f"{count(len(one.episodes), 'episode')}, {count(len(one.deploys), 'deploy')}"
    words = [one.title, str(one.state), f"lead {one.lead}" if one.lead else "no lead", holds]
    return " · ".join([*words, f"opened {at} by {one.opened_by}", *([one.said] if one.said else []), one.id])
