"""Rows of what is kept quiet: by whom, since when, until when, and what of it matches nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

import msgspec

from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.engine.engine import Update
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import age, length, moment
from oncall_tui.triage.triager import TriagedBoard
from oncall_tui.tui.widgets.table.table import Column, Row
from oncall_tui.tui.widgets.text_lines import Line

QUIET = (AlertState.ACKNOWLEDGED, AlertState.SEEN, AlertState.SILENCED, AlertState.SNOOZED)
COLUMNS = (
    Column("word", "WHAT", 8, most=12),
    Column("age", "AGE", 4, align="right"),
    Column("left", "LEFT", 8, most=14, turn=1),
    Column("by", "BY", 8, most=18, turn=3),
    Column("title", "", 24, flex=True, min_width=20, turn=2, wraps=True, spills=True),
    Column("holds", "KEEPS QUIET", 10, most=18, turn=4, spills=True),
    Column("source", "SOURCE", 6, most=12, wide=100, drop=1),
)


class QuietThing(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps alerts quiet: a silence at its source, or an alert that somebody has.

    *began* and *until* in seconds since the epoch, UTC; None: not told.
    """

    id: str
    word: str
    title: str
    by: str
    source: str
    comment: str = ""
    began: float | None = None
    until: float | None = None
    standing: StandingSilence | None = None

    @property
    def matches_nothing(self) -> bool:
        """Tell whether it keeps nothing quiet now."""
        return self.standing is not None and not self.standing.alerts


def things(triaged: TriagedBoard, standing: Iterable[StandingSilence], by_age: bool) -> tuple[QuietThing, ...]:
    """Return all of it, what ends first on top (what has no end last), or the oldest first.

    An alert that a listed silence keeps quiet is told by that silence.
    """
    silences = tuple(standing)
    told = {alert for one in silences for alert in one.alerts}
    members = [m for row in triaged.alerts for m in row.members if m.state in QUIET and m.id not in told]
    found = [*map(_of_silence, silences), *map(_of_alert, members)]
    far = float("inf")
    if by_age:
        return tuple(sorted(found, key=lambda one: (one.began if one.began is not None else far, one.id)))
    return tuple(sorted(found, key=lambda one: (one.until if one.until is not None else far, one.id)))


def _of_silence(one: StandingSilence) -> QuietThing:
    word = "ack" if one.acknowledges else "silence"
    return QuietThing(
        id=one.id,
        word=word,
        title=one.words,
        by=one.by,
        source=one.source,
        comment=one.comment,
        began=one.began,
        until=one.until,
        standing=one,
    )


_WORDS = {AlertState.ACKNOWLEDGED: "ack", AlertState.SEEN: "seen", AlertState.SILENCED: "silence"}


def _of_alert(alert: Alert) -> QuietThing:
    return QuietThing(
        id=alert.id,
        word=_WORDS.get(alert.state, "snooze"),
        title=alert.title,
        by=", ".join(alert.by),
        source=alert.source,
        comment=alert.comment,
        began=alert.by_at,
        until=alert.until,
    )


def row(one: QuietThing, tz: tzinfo, now: float) -> Row:
    """Return its row. *now* in seconds since the epoch, UTC."""
    left, style = "no end", "dim"
    if one.until is not None:
        left, style = (f"{length(one.until - now)}", "") if one.until > now else ("over", "warning")
    held = count(len(one.standing.alerts), "alert") if one.standing is not None else "this alert"
    holds = ("nothing", "warning") if one.matches_nothing else (held, "")
    old = age(now - one.began) if one.began is not None else "–"
    cells = (one.word, old, (left, style), one.by or "–", one.title, holds, one.source)
    extra = (((f"{one.comment}", "dim"),),) if one.comment else ()
    return Row(one.id, cells, "", extra)


def lines(one: QuietThing, update: Update, tz: tzinfo, now: float) -> list[Line]:
    """Return all that is known of it, and the alerts that it keeps quiet. *now* in seconds since the epoch, UTC."""
    pairs = [("what", one.word), ("by", one.by or "not told"), ("comment", one.comment), ("source", one.source)]
    pairs += [("since", moment(one.began, tz, now, day=True))] if one.began is not None else []
    pairs += [("until", moment(one.until, tz, now, day=True) if one.until is not None else "no end is told")]
    found: list[Line] = [((one.title, "bold"),)]
    found += [((f"{name:<11}", "dim"), (text, "")) for name, text in pairs if text]
    if one.matches_nothing:
        found.append((("keeps quiet", "dim"), (" nothing: no alert matches it now", "warning")))
    for alert_id in one.standing.alerts if one.standing is not None else ():
        alert = update.board.alerts.get(alert_id)
        found.append((("keeps quiet", "dim"), (f" {alert.title if alert else alert_id}", "")))
    found.append((("id         ", "dim"), (one.id, "dim")))
    return found
