"""Events of the record as rows and lines. Pure."""

from __future__ import annotations

from datetime import tzinfo

from oncall_tui.domain.history import EpisodeMark, PastEpisode
from oncall_tui.domain.record import RecordEvent
from oncall_tui.text.time_format import moment, span
from oncall_tui.tui.widgets.table.table import Cell, Column, Row
from oncall_tui.tui.widgets.text_lines import Line

COLUMNS = (
    Column("when", "WHEN", 12, most=18),
    Column("kind", "WHAT", 6, most=9),
    Column("text", "", 26, flex=True, min_width=22, turn=1, wraps=True, spills=True),
    Column("mark", "MARK", 5, most=10, turn=2),
    Column("service", "SERVICE", 10, most=22, align="middle", turn=4, wide=100, drop=2, spills=True),
    Column("state", "", 14, most=40, turn=3, spills=True),
    Column("by", "BY", 6, most=14, turn=5, wide=90, drop=1),
)
_STYLES = {
    "action": "bold",
    "deploy": "warning",
    "change": "warning",
    "note": "",
    "mark": "dim",
    "follow-up": "key",
    "incident": "key",
}


def row(event: RecordEvent, tz: tzinfo, now: float) -> Row:
    """Return an event's row. *now* in seconds since the epoch, UTC."""
    style = _STYLES.get(event.kind, "")
    kind: Cell = ("PAGE", "critical") if event.page else (event.kind, style)
    episode = event.episode
    mark = str(episode.mark) if episode is not None else ""
    told = f"{event.state} · imported" if event.imported else event.state
    when = moment(event.at, tz, now, seconds=True)
    where = event.service.rpartition("/")[2]
    cells: tuple[Cell, ...] = (when, kind, (event.text, style), (mark, _mark_style(episode)), where, told, event.by)
    return Row(event.id, cells)


def _mark_style(episode: PastEpisode | None) -> str:
    return "warning" if episode is not None and episode.mark is EpisodeMark.ACTIONABLE else "dim"


def lines(event: RecordEvent, tz: tzinfo, now: float) -> list[Line]:
    """Return all that is known of an event. *now* in seconds since the epoch, UTC."""
    told: list[Line] = [((event.text, "bold"),)]
    at = f"{moment(event.at, tz, now, seconds=True, day=True)}"
    pairs = [("when", at), ("what", "page" if event.page else event.kind), ("state", event.state), ("by", event.by)]
    pairs += [("service", event.service), ("product", event.product), ("source", event.source)]
    if (e := event.episode) is not None:
        goes_on = "still firing" if event.fires else "not known, or it goes on"
        ended = goes_on if e.ended is None else moment(e.ended, tz, now, seconds=True, day=True)
        pairs += [("ended", ended if e.end_known else f"before {ended}: nobody watched then")]
        if e.acknowledged_at is not None:
            pairs.append(("acked", f"after {span(e.acknowledged_at - e.began)} by {e.acknowledged_by or 'somebody'}"))
        pairs += [("firings", str(e.firings)), ("actions", str(e.acted))]
        pairs += [("mark", f"{e.mark} by {e.marked_by}")] if e.mark is not EpisodeMark.NONE else []
    pairs += [("told", "imported: its source told of it later, no board or recorder saw it")] if event.imported else []
    told += [((f"{name:<9}", "dim"), (text, "")) for name, text in pairs if text]
    told.append((("id       ", "dim"), (event.id, "dim")))
    return told
