"""An incident's write-up as lines to read: how long it took, its timeline, and what nobody watched. Pure."""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.reports.postmortem import Postmortem
from oncall_tui.reports.postmortem_text import duration_words
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import moment
from oncall_tui.tui.widgets.text_lines import Line

INDENT = 17  # of a line that goes on below: a day and a time to the second


def lines(p: Postmortem, tz: tzinfo) -> list[Line]:
    """Return the facts of *p*, the timeline's oldest first. Times are of *tz*."""
    incident, record = p.record.incident, p.record
    lead = f"lead {incident.lead}" if incident.lead else "no lead"
    told: list[Line] = [((incident.title, "bold"),), ((f"{incident.state} · {lead} · {incident.id}", ""),)]
    told += [(("said  ", "dim"), (incident.said, ""))] if incident.said else []
    told.append((("", ""),))
    for name, one in (
        ("detect", p.detect),
        ("acknowledge", p.acknowledge),
        ("mitigate", p.mitigate),
        ("resolve", p.resolve),
    ):
        told.append(((f"{name:<{INDENT}}", "dim"), (f"{duration_words(one)}: {one.words}", "")))
    told.append((("", ""),))
    for fact in p.timeline:
        source = f" · {fact.source}" if fact.source else ""
        at = moment(fact.at, tz, record.now, seconds=True)
        told.append(((f"{at:<{INDENT}}", "dim"), (f"{fact.event}{source}", "")))
    if not p.timeline:
        told.append((("nothing of it is in the record", "dim"),))
    for begin, end in p.gaps:
        watched = f"{moment(begin, tz, record.now)} to {moment(end, tz, record.now)}"
        told.append(((f"{'not watched':<{INDENT}}", "warning"), (watched, "warning")))
    told += [((f"{'not read':<{INDENT}}", "warning"), (name, "warning")) for name in record.unread]
    if record.missing:
        lost = f"{count(len(record.missing), 'id')} of it: {', '.join(record.missing)}"
        told.append(((f"{'not recorded':<{INDENT}}", "warning"), (lost, "warning")))
    return told
