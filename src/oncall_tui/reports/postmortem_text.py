"""A postmortem as Markdown, with the sections of the template in Google's SRE book and the columns of PagerDuty's
timeline, and as an object for a script. Pure.

What the record knows is filled in; what people have to find out is left blank. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from oncall_tui.reports.handover_text import escaped
from oncall_tui.reports.postmortem import IncidentDuration, Postmortem, TimelineFact
from oncall_tui.text.cells import clean
from oncall_tui.text.json_types import JsonTime, as_plain
from oncall_tui.text.time_format import length, rfc3339, span, stamp

BLANK = "_To be written._"
_SHOWN_S = 600.0  # a shorter duration is said to the second


def markdown(p: Postmortem) -> str:
    """Return the write-up to fill in: nothing in it that came from outside is markup, a link or a mention."""
    incident, record = p.record.incident, p.record
    lines = [f"# Postmortem: {escaped(incident.title)}", ""]
    lines += [f"- **Incident:** {_code(incident.id)}", f"- **Date:** {_day(p)}", f"- **Authors:** {_authors(p)}"]
    lines += [f"- **Status:** draft; the incident is {escaped(str(incident.state))}", f"- **Summary:** {BLANK}", ""]
    lines += ["## Impact", "", BLANK, "", *_impact(p), ""]
    lines += ["## Root causes", "", BLANK, ""]
    lines += ["## Trigger", "", BLANK, "", *_trigger(p), ""]
    lines += ["## Resolution", "", BLANK, "", *(_facts(p.resolution) or ["- the record has no end of it"]), ""]
    lines += ["## Detection", "", BLANK, "", *(_facts(p.detection) or ["- the incident has no alert"]), ""]
    lines += ["## Durations", "", *_durations(p), ""]
    lines += ["## Action items", "", *_action_items(p), ""]
    for heading in ("What went well", "What went wrong", "Where we got lucky"):
        lines += [*(["## Lessons learned", ""] if heading == "What went well" else ()), f"### {heading}", "", BLANK, ""]
    lines += ["## Timeline", "", "| time (UTC) | event | data link |", "|---|---|---|"]
    lines += [f"| {stamp(f.at)} | {escaped(f.event)}{_from(f)} | {_code(f.link)} |" for f in p.timeline]
    lines += ["", "## Supporting information", "", *_coverage(p), *_ids(p), ""]
    if p.linked:
        lines += ["Entries of the journal (`oncall-tui journal --json` prints each whole):", ""]
        lines += ["| entry | kind | recorded (UTC) | about |", "|---|---|---|---|"]
        lines += [f"| {_code(e.id)} | {e.kind} | {stamp(e.at)} | {_code(e.subject)} |" for e in p.linked]
        lines += [""]
    lines += [f"Made of the record at {stamp(record.now)}, for {stamp(record.since)} to {stamp(record.until)}."]
    return "\n".join(lines) + "\n"


class DurationOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A duration from one fact to another, which *words* name; null: not known. *at_most*: nobody saw its end."""

    seconds: int | None
    words: str
    at_most: bool


class FactOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline; *link* is the id of the journal's entry that says it, or of its episode or deploy."""

    at: JsonTime
    event: str
    source: str
    link: str


class PostmortemOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a write-up; *not_watched*: from when to when nobody watched; *missing*: ids that are not there."""

    incident: str
    title: str
    lead: str
    state: str
    began: JsonTime | None
    ended: JsonTime | None
    products: tuple[str, ...]
    services: tuple[str, ...]
    detect_s: DurationOutput
    acknowledge_s: DurationOutput
    mitigate_s: DurationOutput
    resolve_s: DurationOutput
    timeline: tuple[FactOutput, ...]
    episodes: tuple[str, ...]
    deploys: tuple[str, ...]
    follow_ups: tuple[str, ...]
    since: JsonTime
    until: JsonTime
    not_watched: tuple[tuple[JsonTime, JsonTime], ...]
    unread: tuple[str, ...]
    missing: tuple[str, ...]


def as_object(p: Postmortem) -> dict[str, Any]:
    """Return the facts as plain data; times are RFC 3339 UTC, durations seconds, what is not known null."""
    incident, record = p.record.incident, p.record
    output = PostmortemOutput(
        incident=incident.id,
        title=incident.title,
        lead=incident.lead,
        state=str(incident.state),
        began=stamp(p.began),
        ended=stamp(p.ended),
        products=tuple(p.products),
        services=tuple(p.services),
        detect_s=_number(p.detect),
        acknowledge_s=_number(p.acknowledge),
        mitigate_s=_number(p.mitigate),
        resolve_s=_number(p.resolve),
        timeline=tuple(FactOutput(at=rfc3339(f.at), event=f.event, source=f.source, link=f.link) for f in p.timeline),
        episodes=tuple(e.id for e in record.episodes),
        deploys=tuple(d.id for d in record.deploys),
        follow_ups=tuple(f.id for f in record.follow_ups),
        since=rfc3339(record.since),
        until=rfc3339(record.until),
        not_watched=tuple((rfc3339(begin), rfc3339(end)) for begin, end in p.gaps),
        unread=record.unread,
        missing=record.missing,
    )
    return as_plain(output)


def _number(duration: IncidentDuration) -> DurationOutput:
    seconds = None if duration.seconds is None else round(duration.seconds)
    return DurationOutput(seconds=seconds, words=duration.words, at_most=duration.at_most)


# --- sections ---------------------------------------------------------------------------------------------------------


def _day(p: Postmortem) -> str:
    at = p.began if p.began is not None else p.record.incident.opened_at
    return str(stamp(at)).partition("T")[0]


def _authors(p: Postmortem) -> str:
    lead = p.record.incident.lead
    return f"{escaped(lead)} (lead)" if lead else BLANK


def _impact(p: Postmortem) -> list[str]:
    began = "not known" if p.began is None else str(stamp(p.began))
    ended = "not over, or not known" if p.ended is None else str(stamp(p.ended))
    pages = {e.problem or e.id for e in p.record.episodes if e.pages}  # a page is one row, of all its alerts
    return [
        f"- Products: {_list(p.products)}",
        f"- Services: {_list(p.services)}",
        f"- Alerts: {len(p.record.episodes)}, pages: {len(pages)}",
        f"- From {began} to {ended}",
    ]


def _trigger(p: Postmortem) -> list[str]:
    if not p.trigger:
        return ["- The incident names no deploy that started before its first alert."]
    return [*_facts(p.trigger), "- It is the newest of the incident's deploys before the first alert; that it was the"
            " trigger is not recorded."]  # fmt: skip


def _durations(p: Postmortem) -> list[str]:
    lines = ["| duration | | from, to |", "|---|---|---|"]
    for name, one in (
        ("detect", p.detect),
        ("acknowledge", p.acknowledge),
        ("mitigate", p.mitigate),
        ("resolve", p.resolve),
    ):
        lines.append(f"| {name} | {duration_words(one)} | {escaped(one.words)} |")
    return lines


def duration_words(one: IncidentDuration) -> str:
    """Return how long it was: ``4m``, ``at most 41 s``, ``not known``."""
    if one.seconds is None:
        return "not known"
    words = f"{one.seconds:.0f} s" if one.seconds < _SHOWN_S else length(one.seconds)
    return f"at most {words}" if one.at_most else words


def _action_items(p: Postmortem) -> list[str]:
    lines = ["| action item | type | owner | state | follow-up |", "|---|---|---|---|---|"]
    for f in p.record.follow_ups:
        lines.append(f"| {escaped(f.title)} | | {escaped(f.owner)} | {f.state} | {_code(f.id)} |")
    return [*lines, "| | | | | |"]


def _coverage(p: Postmortem) -> list[str]:
    lines = []
    for begin, end in p.gaps:
        lines.append(
            f"- NOT WATCHED {stamp(begin)} to {stamp(end)} ({span(end - begin)}): no board was open and no recorder"
            " ran; what fired and ended then is not known, but for what its source told later"
        )
    lines += [f"- NOT READ for a part of this time: {escaped(name)}" for name in p.record.unread]
    lines += [f"- NOT IN THE RECORD any more: {_code(name)}" for name in p.record.missing]
    return lines or ["- Somebody watched all the time, and every source could be read."]


def _ids(p: Postmortem) -> list[str]:
    lines = [
        f"- Alert {_code(e.id)}: {escaped(e.title)} ({escaped(e.source)})"
        + (", told by its source, not seen" if e.imported else "")
        for e in p.record.episodes
    ]
    lines += [
        f"- Deploy {_code(d.id)}: {escaped(f'{d.kind} {d.service} {d.arrow}')}"
        + (", told by its source, not seen" if d.imported else "")
        for d in p.record.deploys
    ]
    said = p.record.incident.said
    return [*lines, *([f"- Said with the incident: {escaped(said)}"] if said else [])]


def _facts(facts: Iterable[TimelineFact]) -> list[str]:
    return [f"- {stamp(f.at)}: {escaped(f.event)}{_from(f)}, {_code(f.link)}" for f in facts]


def _from(fact: TimelineFact) -> str:
    return f" ({escaped(fact.source)})" if fact.source else ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(escaped(name) for name in names) or "none that is known"


def _code(name: str) -> str:
    """An id as it is, to be copied."""
    plain = " ".join(clean(name).replace("`", "'").replace("|", "¦").split())
    return f"`{plain}`"
