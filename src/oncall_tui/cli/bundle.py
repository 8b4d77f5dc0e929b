"""``bundle``: a folder with the evidence on an incident: facts, board, entries, its deploys' changes, metrics, logs.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.alert_commands import sent_text
from oncall_tui.cli.common import READ_TIMEOUT_S, fail, running
from oncall_tui.cli.output import put, say
from oncall_tui.errors import SourceError

if TYPE_CHECKING:
    from oncall_tui.domain.incident import Incident
    from oncall_tui.engine.engine import Engine, Update
    from oncall_tui.engine.memory import RecordMemory
    from oncall_tui.inspection.evidence import EvidencePart, LeftOut
    from oncall_tui.reports.postmortem import Postmortem

DEPLOYS_S = 3600.0  # of an alert alone: deploys of its service that started so long before it belong to it
BEFORE_S, AFTER_S = 1800.0, 600.0  # metrics and lines: before the first alert, after the end of the last
PROVIDER_S = 5.0
JOURNAL = "journal"
WITHHELD = (
    "values of environment variables and secrets are never read; secrets of the configuration, and {} values in texts"
    " of others that look like secrets, show as •••: what does not look like one stands as it was written, so read it"
    " before you hand it on"
)


@click.command()
@click.argument("subject", metavar="INCIDENT|ALERT")
@click.option("--out", "name", default="", metavar="FOLDER", help="The new folder. [default: bundle-ID]")
@click.pass_context
def bundle(context: click.Context, subject: str, name: str) -> None:
    """Write the evidence on an incident, or on an alert's newest episode, into a new folder that you alone can read.

    It sends nothing. Exits 1 where something could not be read: the manifest names it.
    """
    from oncall_tui.inspection.export_file import write_folder

    with running(context, read_only=True) as engine:
        incident = _incident(engine.memory, sent_text(subject))
        facts = engine.memory.write_up(incident)
        update = engine.first_read(READ_TIMEOUT_S)
        parts, left_out = _gathered(engine, facts, update)
    files = _files(facts, parts, left_out)
    path = write_folder(name or f"bundle-{_file_name(incident.id)}", files)
    put(
        f"written to {path}: {len(files)} files",
        "texts and log lines of others are in it: read it before you hand it on",
    )
    say(*(f"left out: {one.what}: {one.why}" for one in left_out))
    sys.exit(NOT_DONE if left_out else DONE)


def _incident(record: RecordMemory, subject: str) -> Incident:
    """Return the incident, or one that the newest episode of an alert alone would be: it is written nowhere."""
    from oncall_tui.domain.incident import Incident

    record.incidents.load()
    if subject in record.incidents.current or not (episodes := record.episodes_named(subject)):
        return record.incidents.find(subject)
    first = record.newest(subject)
    if first is None:
        fail(f"not in the record: {subject}", "`oncall-tui status` lists alerts' ids")
    until = first.ended if first.ended is not None else 4e9
    deploys = record.deploys(first.began - DEPLOYS_S, until, service=first.service) if first.service else ()
    ids = tuple(d.id for d in deploys)
    return Incident(id=first.id, title=first.title, episodes=episodes, deploys=ids, opened_at=first.began)


def _gathered(engine: Engine, facts: Postmortem, update: Update) -> tuple[list[EvidencePart], list[LeftOut]]:
    """Read the board, the entries and each service of it."""
    from oncall_tui.cli.journal import as_object as entry_object
    from oncall_tui.cli.status import as_object as board_object
    from oncall_tui.inspection.evidence import EvidencePart, LeftOut, ServiceEvidence
    from oncall_tui.reports.postmortem_text import as_object as facts_object

    now, record = engine.clock.now(), facts.record
    found = [
        ("facts", "the facts of its write-up", JOURNAL, facts_object(facts)),
        ("entries", "the journal's entries about it", JOURNAL, [entry_object(e) for e in record.entries]),
        ("board", "the board as it is now", "all sources", board_object(update, now)),
        ("changes", "what its deploys changed", "the board", _changes(update, facts)),
    ]
    parts = [EvidencePart(name=n, what=w, source=s, read_at=now, data=d) for n, w, s, d in found]
    left_out = [LeftOut(f"{s.name}: alerts, services or deploys", s.name, s.message or s.state.label)
                for s in update.board.sources.values() if not s.live]  # fmt: skip
    left_out += [LeftOut(f"{i}: named by the incident", JOURNAL, "it is not in the record any more")
                 for i in record.missing]  # fmt: skip
    left_out += [LeftOut(f"{d.id}: what it changed", d.service.partition("/")[0], "it is not on the board any more")
                 for d in record.deploys if d.id not in update.board.deploys]  # fmt: skip
    since = (facts.began if facts.began is not None else record.since + BEFORE_S) - BEFORE_S
    until = min(now, (facts.ended if facts.ended is not None else record.until) + AFTER_S)
    for number, service in enumerate(facts.services, 1):
        one = ServiceEvidence(service, since, until, engine.clock, time.sleep)
        try:
            source = service.partition("/")[0]
            if source not in engine.sources:
                raise SourceError(f"no source {source!r} is configured")
            one.read(engine.provider(source, PROVIDER_S))
        except SourceError as error:
            one.cannot(error)
        prefix = f"service-{number}-{_file_name(service.rpartition('/')[2])}"
        parts += [
            EvidencePart(name=f"{prefix}-{p.name}", what=p.what, source=p.source, read_at=p.read_at, data=p.data)
            for p in one.parts
        ]
        left_out += one.left_out
    return parts, left_out


def _changes(update: Update, facts: Postmortem) -> list[dict[str, Any]]:
    """Return the differences between the revisions of its deploys, of those that the board still has."""
    from oncall_tui.domain.revision import changes

    found = (update.board.deploys.get(d.id) for d in facts.record.deploys)
    return [
        {
            "deploy": d.id,
            "service": d.service_id,
            "arrow": d.arrow,
            "changes": list(changes(d.old, d.new)) if d.old is not None else ["not known: what ran before is not told"],
        }
        for d in found
        if d is not None
    ]


def _files(facts: Postmortem, parts: list[EvidencePart], left_out: list[LeftOut]) -> dict[str, str]:
    """Return the text of each file by its name."""
    from oncall_tui.reports.handover_text import escaped
    from oncall_tui.reports.postmortem_text import markdown
    from oncall_tui.text.time_format import stamp
    from oncall_tui.text.withheld import withhold, withhold_in

    data = {p.name: withhold_in(p.data) for p in parts}
    write_up, in_write_up = withhold(markdown(facts))
    rows = [
        {
            "file": f"{p.name}.json",
            "what": p.what,
            "source": p.source,
            "read_at": stamp(p.read_at),
            "withheld": data[p.name][1],
        }
        for p in parts
    ]
    withheld = WITHHELD.format(sum(count for _, count in data.values()) + in_write_up)
    missing = [{"what": one.what, "source": one.source, "why": one.why} for one in left_out]
    manifest = {"incident": facts.record.incident.id, "files": rows, "left_out": missing, "withheld": withheld}
    lines = [
        f"# Evidence: {escaped(facts.record.incident.title)}",
        "",
        "`postmortem.md` is its write-up to fill in.",
        "",
    ]
    lines += ["| file | what | source | read (UTC) | withheld |", "|---|---|---|---|---|"]
    for row in rows:
        said = (f"`{row['file']}`", escaped(str(row["what"])), escaped(str(row["source"])))
        lines.append(f"| {' | '.join(said)} | {row['read_at']} | {row['withheld']} |")
    lines += ["", "## Left out, or not readable", ""]
    lines += [f"- {escaped(m['what'])}: {escaped(m['why'])}" for m in missing] or ["- nothing"]
    lines += [f"- {withheld}", ""]
    files = {f"{p.name}.json": json.dumps(data[p.name][0], ensure_ascii=False, indent=1) + "\n" for p in parts}
    files["manifest.json"] = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    return {"README.md": "\n".join(lines), "postmortem.md": write_up, **files}


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip(".-")[:80] or "unnamed"
