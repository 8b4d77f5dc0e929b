"""A handover in words: lines for a screen, the same as Markdown, and as an object for a script. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.follow_up import FollowUp
from oncall_tui.domain.incident import Incident
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.reports.handover import FiredGroup, Handover, HandoverAction, HandoverChange, HandoverDeploy, OpenAlert
from oncall_tui.text.cells import clean, count
from oncall_tui.text.change_words import AWS, spread
from oncall_tui.text.history_words import by, ended, stopped
from oncall_tui.text.json_types import stamped_type
from oncall_tui.text.time_format import age, ago, moment, span, stamp, zone
from oncall_tui.triage.counts import NOT_KNOWN

Sections = tuple[tuple[str, tuple[str, ...]], ...]
_HELD = (AlertState.SILENCED, AlertState.SNOOZED, AlertState.SEEN, AlertState.INHIBITED)
_ADDRESS = re.compile(r"(\w[\w.+-]{0,30}://[^\s`<>]*[^\s`<>)\].,;:!?])")
_MENTION = re.compile(r"(?<![\w.+-])@")  # bob@example.com mentions nobody
BOARD_ALWAYS = "a board was open all the time"
NO_ACTION = "no action recorded by this journal"
_BEGINS = re.compile(r"^(\d+(?=\.(?:\s|$))|(?=-))")  # a list, or a line, where a text begins
_BARE = re.compile(r"\bwww(?=\.)", re.IGNORECASE)  # an address without a scheme is made a link too
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def title(h: Handover, tz: tzinfo) -> str:
    """``On call: 22 Nov 14:00 to 23 Nov 02:00 JST``."""
    return f"On call: {_when(h.since, h, tz, day=True)} to {_when(h.now, h, tz, day=True)} {zone(tz, h.now)}"


def sections(h: Handover, tz: tzinfo) -> Sections:
    """Heading and lines: the pages, what was done and the deploys first; old warnings come after them."""
    urgent = [o for o in h.open if o.pages and o.state not in _HELD]
    asks = [o for o in h.open if not o.pages and o.state not in _HELD]
    held = [o for o in h.open if o.state in _HELD]
    pages = [f for f in h.fired if f.pages]
    rest = [f for f in h.fired if not f.pages]
    number = f"{sum(f.times for f in rest)} of {len(rest)}"
    told: list[tuple[str, list[str], str]] = [
        (f"Open pages: {_number(h, 'alerts', urgent)}", [_open(o, h, tz) for o in urgent], "no page is open"),
        (f"Pages: {len(pages)}", [_fired(f, h, tz) for f in pages], "none"),
        (_done_heading(h), [_done(d, h, tz) for d in h.done], NO_ACTION),
        *_incidents(h, tz),
        *_followed(h, tz),
        (f"Deploys: {_number(h, 'deploys', h.deploys)}", [_deployed(d, h, tz) for d in h.deploys], "none"),
        *_changed(h, tz),
        (f"Open, not paging: {_number(h, 'alerts', asks)}", [_open(o, h, tz) for o in asks], "nothing is open"),
        (f"Seen, silenced or snoozed: {_number(h, 'alerts', held)}", [_open(o, h, tz) for o in held], "nothing"),
        (f"Notifications: {number}", [_fired(f, h, tz) for f in rest], "none"),
    ]
    watched = ("Coverage", _watched(h, tz))
    return (watched, *((heading, tuple(lines) or (_none(h, heading, none),)) for heading, lines, none in told))


def markdown(h: Handover, tz: tzinfo) -> str:
    """The same to paste: nothing that came from outside is markup, a link or a mention."""
    lines = [f"# {escaped(title(h, tz))}"]
    for heading, told in sections(h, tz):
        lines += ["", f"## {escaped(heading)}", "", *(f"- {escaped(line)}" for line in told)]
    return "\n".join(lines) + "\n"


def plain(h: Handover, tz: tzinfo) -> str:
    """The same as text for a chat, whose own adapter says what is markup there."""
    lines = [line for heading, told in sections(h, tz) for line in (heading, *(f"• {clean(one)}" for one in told))]
    return "\n".join(lines)


def as_object(h: Handover) -> dict[str, Any]:
    """For ``--json``: the fields, with times as RFC 3339 UTC."""
    found: dict[str, Any] = _stamped(msgspec.to_builtins(h))
    found["watched_whole"] = h.watched_whole
    return found


def output_type() -> Any:
    """Return the type of that object."""
    fields = msgspec.structs.fields(stamped_type(Handover, _TIMES))
    more = [*((field.name, field.type) for field in fields), ("watched_whole", bool)]
    return msgspec.defstruct("HandoverOutput", more, namespace={"__doc__": Handover.__doc__})


def escaped(text: str) -> str:
    """One line that Markdown, and Slack's, take as it is; an address stays whole, to be copied, and is no link.

    A ``|`` in an address is written as addresses write it: as it is, it would end a table's cell.
    """
    parts = _ADDRESS.split(clean(text).replace("\n", " ").lstrip())
    told = (f"`{part.replace('|', '%7C')}`" if at % 2 else _literal(part) for at, part in enumerate(parts))
    return _BEGINS.sub(r"\1\\", "".join(told))


def _literal(text: str) -> str:
    text = _MARKS.sub(r"\\\1", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub("@\u2060", _BARE.sub("\\g<0>\u2060", text))


_TIMES = frozenset({"since", "now", "at", "first", "last", "ended", "until", "watched", "began", "again_at", "by_at"})
_TIMES |= {"opened_at", "changed_at"}


def _stamped(value: Any, name: str = "") -> Any:
    """*value* with its times as text; *name* is the field's, which its items share."""
    if isinstance(value, dict):
        return {key: _stamped(inner, key) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_stamped(inner, name) for inner in value]
    is_time = name in _TIMES and isinstance(value, (int, float)) and not isinstance(value, bool)
    return _stamp(value) if is_time else value


def _stamp(at: float) -> str:
    return str(stamp(at))


def _number(h: Handover, what: str, rows: Sequence[object]) -> str:
    """How many; of what was never read, nothing is counted as zero."""
    return NOT_KNOWN if what in h.not_known and not rows else str(len(rows))


def _none(h: Handover, heading: str, words: str) -> str:
    """The line of a section without any: of what no source could tell, not even that there is none."""
    if heading.endswith(f": {NOT_KNOWN}"):
        return f"{NOT_KNOWN}: no source of {'deploys' if heading.startswith('Deploys') else 'alerts'} could be read"
    return _nothing(h, words)


def _nothing(h: Handover, words: str) -> str:
    """Nothing, or nothing that is known: those two never look alike."""
    if words == NO_ACTION:
        return f"{words}, which cannot be read" if h.journal_failure else words
    if h.journal_failure or h.unread or not h.watched_whole:
        return f"{words} in what was watched and read: see above"
    return words


def _watched(h: Handover, tz: tzinfo) -> tuple[str, ...]:
    lines = []
    if h.journal_failure:
        lines.append(f"NOT KNOWN what fired and was done: the journal cannot be read: {h.journal_failure}")
    elif h.watched_whole:
        lines.append("a board was open, or a recorder watched, all the time" if h.recorded else BOARD_ALWAYS)
    elif h.watched:
        spans = ", ".join(f"{_when(a, h, tz)}–{_when(b, h, tz)}" for a, b in h.watched)
        who = "a board was open, or a recorder watched," if h.recorded else "a board was open"
        lines.append(f"{who} {spans}; alerts that fired and ended at other times are not known")
    else:
        lines.append("no board was open in this time: alerts that fired and ended in it are not known")
    return (*lines, *(f"NOT READ {line}" for line in h.unread))


def _when(at: float, h: Handover, tz: tzinfo, day: bool = False) -> str:
    """``02:41``, with its day where that is another than now's."""
    return moment(at, tz, h.now, day=day)


def _place(service: str, product: str = "") -> str:
    return " · ".join(("", *(part for part in (product, service) if part)))


def _fired(f: FiredGroup, h: Handover, tz: tzinfo) -> str:
    times = f" ×{f.times}" if f.times > 1 else ""
    until = "still open" if f.ended is None else f"until {_when(f.ended, h, tz)} ({age(f.ended - f.first)})"
    mark = f" · {f.mark} ({f.marked_by})" if f.mark else ""
    return f"{_when(f.first, h, tz)}  {f.title}{times}{_place(f.service, f.product)} · {until}{mark}"


def _incidents(h: Handover, tz: tzinfo) -> list[tuple[str, list[str], str]]:
    """The section of incidents; none where there is none, and where it is not known: the coverage says that."""
    if not h.incidents:
        return []
    left = sum(i.is_open for i in h.incidents)
    return [(f"Incidents: {left} open", [incident_words(i, h.now, tz) for i in h.incidents], "none")]


def incident_words(i: Incident, now: float, tz: tzinfo) -> str:
    """``checkout is down · open · lead Bob · 2 episodes, 1 deploy · opened 02:41 by Alice, 3h ago · 3fa91c02``.

    *now* in seconds since the epoch, UTC.
    """
    holds = f"{count(len(i.episodes), 'episode')}, {count(len(i.deploys), 'deploy')}"
    opened = f"opened {moment(i.opened_at, tz, now)} by {i.opened_by}, {ago(now - i.opened_at)}"
    words = [i.title, str(i.state), f"lead {i.lead}" if i.lead else "no lead", holds, opened]
    words += [f"closed {moment(i.changed_at, tz, now)} by {i.changed_by}"] if not i.is_open else []
    return " · ".join([*words, *([i.said] if i.said else []), i.id])


def _changed(h: Handover, tz: tzinfo) -> list[tuple[str, list[str], str]]:
    """The section of what else was changed; none where nothing is known: the coverage says what was not read."""
    if not h.changes:
        return []
    return [(f"Changes: {sum(c.times for c in h.changes)}", [_change(c, h, tz) for c in h.changes], "none")]


def _change(c: HandoverChange, h: Handover, tz: tzinfo) -> str:
    """``02:41  RDS failover of payments-db · payments · over after 45s``: one change, or the last of several alike."""
    who = f" by {c.by}" if c.by and c.by != AWS else ""
    times = f" · the last of {c.times} since {_when(c.first, h, tz)}" if c.first is not None else ""
    lasted = "" if c.ended is None else span(c.ended - c.at) if c.ended - c.at >= 1 else None
    end = "" if lasted is None else f" · over after {lasted}" if lasted else " · under way"
    within = f", {words}" if (words := spread(c.not_before, c.at)) else ""
    return f"{_when(c.at, h, tz)}  {c.what}{who}{within}{_place(', '.join(c.products))}{times}{end}"


def _followed(h: Handover, tz: tzinfo) -> list[tuple[str, list[str], str]]:
    """The section of follow-ups; none where there is none, and where it is not known: the coverage says that."""
    if not h.follow_ups:
        return []
    left = sum(f.is_open for f in h.follow_ups)
    return [(f"Follow-ups: {left} open", [follow_up_words(f, h.now, tz) for f in h.follow_ups], "none")]


def follow_up_words(f: FollowUp, now: float, tz: tzinfo) -> str:
    """``why 5xx at night · looking · owner Bob · opened 26 Nov 02:41 by Alice, 3d ago · 3fa91c02``: one follow-up.

    *now* in seconds since the epoch, UTC.
    """
    opened = f"opened {moment(f.opened_at, tz, now)} by {f.opened_by}, {ago(now - f.opened_at)}"
    words = [f.title, str(f.state), f"owner {f.owner}" if f.owner else "no owner", opened]
    words += [f"closed {moment(f.changed_at, tz, now)} by {f.changed_by}"] if not f.is_open else []
    return " · ".join([*words, *([f.said] if f.said else []), f.id])


def _open(o: OpenAlert, h: Handover, tz: tzinfo) -> str:
    state = o.state.upper() if o.state == AlertState.FIRING else o.state
    words = [state if o.known_now else f"? {state}"]
    words += [f"by {o.by}"] if o.by else []
    words += [f"at {_when(o.by_at, h, tz)}"] if o.by_at is not None else []
    words += [f"until {_when(o.until, h, tz)}"] if o.until else []
    page = "PAGE " if o.pages else ""
    began = f"began {_when(o.since, h, tz)} ({age(h.now - o.since)} ago)"
    named = not o.assigned or " to " in o.assigned.partition("·")[0]
    assigned = o.assigned if named else f"assigned to {o.assigned}"
    more = "".join(f" · {part}" for part in (began, assigned, o.comment, o.suspicion) if part)
    return f"{page}{o.title}{_place(o.service)} · {' '.join(words)}{more}"


def _done(d: HandoverAction, h: Handover, tz: tzinfo) -> str:
    state = f" · {d.state.upper() if d.loud else d.state}" if d.state else ""
    who = f"{d.by}: " if d.by else ""
    times = f" ({d.times} times)" if d.times > 1 else ""
    return f"{_when(d.at, h, tz)}  {who}{d.what}{state}{f' · {d.message}' if d.message else ''}{times}"


def _done_heading(h: Handover) -> str:
    """``Done: 2, refused: 1``: what was not done, or is not known to be, is no part of the first number."""
    done = 0
    rest = {str(s): 0 for s in OutcomeState if s not in (OutcomeState.DONE, OutcomeState.SENT)}
    for one in h.done:
        if one.state in rest:
            rest[one.state] += one.times
        else:
            done += 1
    return ", ".join((f"Done: {done}", *(f"{state}: {number}" for state, number in rest.items() if number)))


def _deployed(d: HandoverDeploy, h: Handover, tz: tzinfo) -> str:
    word = "" if d.kind == "deploy" else f"{d.kind} "
    failed = f" · {stopped(d.failed_tasks)}" if d.failed_tasks else ""
    end = f"{ended(d.state, d.rolled_back, tz, h.now)}{failed}"
    what = f"{_when(d.at, h, tz)}  {d.service} {word}{d.arrow} {by(d.by)}"
    return " · ".join(part for part in (what, end, d.versions, d.commits, d.compare) if part)
