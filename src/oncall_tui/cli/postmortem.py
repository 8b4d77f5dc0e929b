"""``postmortem``: an incident's write-up as Markdown, with what the record knows filled in."""

from __future__ import annotations

import click

from oncall_tui.cli.alert_commands import sent_text
from oncall_tui.cli.output import put, put_json, put_text
from oncall_tui.cli.record_access import recorded


@click.command()
@click.argument("incident", metavar="INCIDENT")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.option("--out", "name", default="", metavar="FILE", help="Into this new file, readable by you alone.")
@click.pass_context
def postmortem(context: click.Context, incident: str, as_json: bool, name: str) -> None:
    """Print the write-up of the incident whose id is INCIDENT, or begins so.

    Facts have a link to the journal's entry that says them. Causes and lessons are left blank.
    """
    from oncall_tui.inspection.export_file import write_new
    from oncall_tui.reports.postmortem_text import as_object, markdown
    from oncall_tui.runtime.secret import redact

    if as_json and name:
        raise click.UsageError("--json and --out exclude each other.")
    with recorded(context) as (record, _):
        record.incidents.load()
        found = record.write_up(record.incidents.find(sent_text(incident)))
    if as_json:
        put_json(as_object(found))
    elif name:
        put(f"written to {write_new(name, markdown(found))}")
    else:
        put_text(redact(markdown(found)).removesuffix("\n"))
