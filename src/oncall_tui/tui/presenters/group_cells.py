"""A row's cells for a problem of several alerts, and for its suspect. Pure."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.text.change_words import short
from oncall_tui.text.history_words import began_by
from oncall_tui.text.time_format import before, configured_zone, moment, span
from oncall_tui.triage.causes import trouble
from oncall_tui.triage.grouping import PAGER_PROVIDERS
from oncall_tui.triage.ownership import aftermath, assignment
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert
from oncall_tui.tui.commands import named
from oncall_tui.tui.presenters import progress
from oncall_tui.tui.widgets.table.rows import Cell

if TYPE_CHECKING:
    from oncall_tui.domain.memory import RowMemory

COUNT_EVENTS = frozenset({"sentry"})  # providers whose alerts count events


def title(row: TriagedAlert) -> str:
    """The leading alert's title, how often it came, and which other sources saw it: ``5xx rate ×14 +alarms``.

    ``2 incidents``: of one pager, each of which escalates on its own.
    """
    others = dict.fromkeys(o.source for o in row.others if o.source != row.alert.source)
    n = len(open_incidents(row))
    several = [f"{n} incidents"] if n > 1 else []
    often = [word for word in repeats(row) if not several or word != f"×{n}"]
    words = [row.alert.title, *often, *several, *(f"+{name}" for name in others)]
    return " ".join(words)


def remembered_title(row: TriagedAlert, remembered: RowMemory | None) -> Cell:
    """The same, and how often it came in thirty days and its mark, where there is room for that."""
    plain = title(row)
    if remembered is None:
        return plain
    words = [f"×{remembered.recent}/30d"] if remembered.recent > 1 else []
    words += [str(remembered.mark)] if remembered.mark else []
    return (" ".join([plain, *words]), "", plain) if words else plain


def followed(row: TriagedAlert, remembered: RowMemory | None, now: float) -> tuple[tuple[Cell, ...], ...]:
    """The lines of its open follow-ups: somebody wanted to know when it fires again."""
    if remembered is None or not remembered.follow_ups or row.alert.state is AlertState.RESOLVED:
        return ()
    first = remembered.follow_ups[0]
    more = f" · and {len(remembered.follow_ups) - 1} more" if remembered.follow_ups[1:] else ""
    owner = f"owner {first.owner}" if first.owner else "no owner"
    since = moment(first.opened_at, configured_zone(), now)
    words = f"{first.title} · {first.state} · {owner}, since {since}{more}"
    return ((("follow-up  ", "key"), (words, "")),)


def with_you(here: tuple[str, ...]) -> tuple[tuple[Cell, ...], ...]:
    """The line that says what other engineers do with the row."""
    return ((("others  ", "key"), (" · ".join(here), "warning")),) if here else ()


def open_incidents(row: TriagedAlert) -> list[Alert]:
    """The pager's open incidents that are this row, whoever has them."""
    return [m for m in row.members if m.provider in PAGER_PROVIDERS and m.state is not AlertState.RESOLVED]


def repeats(row: TriagedAlert) -> list[str]:
    """``×3``: the alerts of one source that are this problem; ``912 events``: how often a source of events saw it."""
    by_source: Counter[str] = Counter()
    events = 0
    for member in row.members:
        if member.provider in COUNT_EVENTS:
            events += member.count
        else:
            by_source[member.source] += member.count
    alerts = max(by_source.values(), default=1)
    return [*([f"×{alerts}"] if alerts > 1 else []), *([f"{events:,} events"] if events > 1 else [])]


def suspect(row: TriagedAlert) -> Cell:
    """The suspect in as few words as its column has room for: which deploy, how long before; or that it is not known.

    That there is none is news where the row pages, and is said there: on every row it says nothing.
    """
    first, found = row.suspicion.first, row.suspicion
    if row.alert.state is AlertState.RESOLVED:
        return ""
    if first is None:
        if found.not_known and (found.unread or row.pages):
            return ("suspect not known", "unknown")
        return ("no suspect", "dim") if found.placed and row.pages else ""
    since = first.began - first.at
    if found.in_doubt:
        name = short(first.change) if isinstance(first, SuspectChange) else first.deploy.arrow
        words = f"possibly {name}" if first.possible else f"{name} {before(since)}"
        return (f"suspect not known; {words}", "unknown", "suspect not known")
    if isinstance(first, SuspectChange):
        return _change(first, since, found.wide)
    if found.wide:
        return (f"also deployed: {first.deploy.arrow} {span(since)}", "dim", f"also {first.deploy.arrow} {span(since)}")
    if not first.own:
        name, style = first.deploy.service_id.rpartition("/")[2], "unknown" if first.possible else "warning"
        return (f"◂ {'possibly ' if first.possible else ''}{name} {first.deploy.arrow}", style)
    if first.possible:
        return (f"◂ possibly {first.deploy.arrow} {before(since)}", "unknown", f"? {first.deploy.arrow}")
    arrow = f"◂ {first.deploy.arrow}"
    shorter = (f"{arrow} {before(since)}", f"{arrow} {span(since)}")
    if tags := progress.tags(first.deploy):
        return (f"{arrow} {tags} {before(since)}", "warning", *shorter)
    return (shorter[0], "warning", shorter[1])


def _change(suspect: SuspectChange, since: float, wide: bool) -> Cell:
    """``◂ RDS failover 1m before``; of another service of the product, with that service's name."""
    change, words = suspect.change, short(suspect.change)
    if not suspect.own:
        words = f"{change.service_id.rpartition('/')[2]} {words}"
    if suspect.possible:
        also = "also changed: " if wide else "◂ "
        return (f"{also}possibly {words}", "dim" if wide else "unknown", f"? {words}")
    if wide:
        return (f"also changed: {words} {span(since)}", "dim", f"also {words} {span(since)}")
    return (f"◂ {words} {before(since)}", "warning", f"◂ {words} {span(since)}", f"◂ {words}")


def under(row: TriagedAlert, now: float) -> tuple[tuple[Cell, ...], ...]:
    """The lines that a row has where there is room: whom its page went to and when it goes on; its suspect, whole
    (where it pages, also that there is none); what ECS says is wrong with its service.
    """
    if row.alert.state is AlertState.RESOLVED:
        return ()
    lines: list[tuple[Cell, ...]] = []
    if row.pages and row.alert.state.asks and (held := assignment(row.alert, now)):
        lines.append((("assigned  ", "dim"), (held, "")))
    if row.suspicion.suspects or row.pages:
        lines.append(_suspect_line(row, now))
    if row.service is not None and (cause := trouble(row.service, now)):
        lines.append((("service  ", "dim"), (cause, "warning")))
    return tuple(line for line in lines if line)


def extra(row: TriagedAlert, now: float) -> tuple[tuple[Cell, ...], ...]:
    """The lines under the cursor's row alone: that there is no suspect, which sources report it, that it flaps."""
    lines: list[tuple[Cell, ...]] = []
    if not row.suspicion.suspects and not row.pages and row.alert.state is not AlertState.RESOLVED:
        lines.append(_suspect_line(row, now))
    told = row.pages and row.alert.state.asks  # in a line that stands there anyway
    if (words := aftermath(row, now)) or (row.alert.moved and not told and (words := assignment(row.alert, now))):
        lines.append(((words, "dim"),))
    if row.others:
        members = Counter(f"{m.source}: {m.state}" + (f" by {m.by[0]}" if m.by else "") for m in row.members)
        sources = " · ".join(f"{n} × {words}" if n > 1 else words for words, n in members.items())
        goes = ""
        if row.incident and row.alert.state.asks:
            goes = f"; {named('ack')} acknowledges {_incidents(row)}"
        lines.append((("reported by  ", "dim"), (f"{sources}{goes}", "dim")))
    if row.flaps:
        lines.append(((row.flaps, "dim"),))
    return tuple(line for line in lines if line)


def _incidents(row: TriagedAlert) -> str:
    """Name the target of an acknowledgement, and that it leaves the others."""
    asking = [m for m in open_incidents(row) if m.state.asks]
    what = f"its {len(asking)} PagerDuty incidents" if len(asking) > 1 else "the PagerDuty incident"
    return f"{what}; the other alerts stay as they are" if len(row.members) > max(1, len(asking)) else what


@lru_cache(maxsize=512)
def _none(words: str, style: str) -> tuple[Cell, ...]:
    """One line for the thousands of alerts that it stands under."""
    return ((words, style),)


def _suspect_line(row: TriagedAlert, now: float) -> tuple[Cell, ...]:
    """The suspect with what speaks against it, the image that it brought and who deployed it; or that there is none."""
    found = row.suspicion
    if not found.placed and not found.unread:
        return ()
    if found.first is None:
        style = "dim" if found.placed and not found.not_known else "unknown"
        return _none(found.words(now, configured_zone()), style)
    more: list[str] = []
    if isinstance(found.first, Suspect):
        tags = progress.tags(found.first.deploy)
        more = [f"image {tags}" if tags else "", began_by(found.first.deploy)]
    more += [f"+{len(found.suspects) - 1} more"] if found.suspects[1:] else []
    if found.not_known and not found.in_doubt and not found.first.own:  # its own may be what was not read
        more += [f"but not all is known: {found.not_known}"]
    words = " · ".join([found.words(now, configured_zone()), *(word for word in more if word)])
    style = "unknown" if found.in_doubt else "dim" if found.wide else "warning"
    return (("suspect  ", style), (words, style))
