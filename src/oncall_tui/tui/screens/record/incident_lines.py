"""An incident's write-up as lines to read: how long it took, its timeline, and what nobody watched. Pure."""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.reports.postmortem import Postmortem
from oncall_tui.reports.postmortem_text import duration_words
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import moment
from oncall_tui.tui.widgets.text_lines import Line

LEAST = 17  # cells: a day and a time to the second


def indent(p: Postmortem, tz: tzinfo) -> int:
    """Return the cells before what is told, and before what of it goes on below: another year's times are longer."""
    times = (moment(fact.at, tz, p.record.now, seconds=True) for fact in p.timeline)
    return max([LEAST, *(len(text) + 2 for text in times)])


def lines(p: Postmortem, tz: tzinfo) -> list[Line]:
    """Return the facts of *p*, the timeline's oldest first. Times are of *tz*."""
    incident, record, wide = p.record.incident, p.record, indent(p, tz)
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
        told.append(((f"{name:<{wide}}", "dim"), (f"{duration_words(one)}: {one.words}", "")))
    told.append((("", ""),))
    for fact in p.timeline:
        source = f" · {fact.source}" if fact.source else ""
        at = moment(fact.at, tz, record.now, seconds=True)
        told.append(((f"{at:<{wide}}", "dim"), (f"{fact.event}{source}", "")))
    if not p.timeline:
        told.append((("nothing of it is in the record", "dim"),))
    for begin, end in p.gaps:
        watched = f"{moment(begin, tz, record.now)} to {moment(end, tz, record.now)}"
        told.append(((f"{'not watched':<{wide}}", "warning"), (watched, "warning")))
    told += [((f"{'not read':<{wide}}", "warning"), (name, "warning")) for name in record.unread]
    if record.missing:
        lost = f"{count(len(record.missing), 'id')} of it: {', '.join(record.missing)}"
        told.append(((f"{'not recorded':<{wide}}", "warning"), (lost, "warning")))
    return told
