"""The journal's entries, applied to the history's tables: firings, actions, watches, deploys; from those, episodes.

Each step can be repeated: an entry that is applied again changes nothing, so the tables may be filled in pieces, by
several programs in turn, or anew. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.deploy import DeployRollback, DeployState
from oncall_tui.domain.entry import WATCH_GAP_S, Entry, EntryKind
from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.journal.deploy_links import WENT_BACK, make_links
from oncall_tui.journal.episode_tables import EpisodeTables
from oncall_tui.runtime.decoding import convert, decoder

KINDS = frozenset(
    {
        EntryKind.ALERT,
        EntryKind.DEPLOY,
        EntryKind.INTENT,
        EntryKind.OUTCOME,
        EntryKind.MARK,
        EntryKind.WATCH,
        EntryKind.TOLD_EPISODE,
        EntryKind.TOLD_DEPLOY,
    }
)
SAME_S = 1.0  # two readings of one firing may differ in their fraction of a second
SETTLED_S = 120.0  # after a board was opened, until which its sources were read
_HAD = (AlertState.ACKNOWLEDGED, AlertState.SEEN)
_encode = msgspec.json.Encoder()
_names = decoder(list[str])


class Derivation:
    """Applies entries in the order in which they were written, within the caller's transaction; then ``settle``."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._episodes = EpisodeTables(db)
        self._alerts: dict[str, float] = {}  # whose episodes are to be made anew, and from when on
        self._services: set[str] = set()
        self._span: list[Any] | None = None  # the newest watch: its number, began, ended, goes on

    def apply(self, entries: Iterable[Entry]) -> None:
        """Apply *entries*, oldest first; other kinds are skipped."""
        for entry in entries:
            match entry.kind:
                case EntryKind.WATCH:
                    self._watch(entry)
                case EntryKind.ALERT:
                    self._alert(entry)
                case EntryKind.DEPLOY:
                    self._deploy(entry)
                case EntryKind.INTENT | EntryKind.OUTCOME:
                    self._action(entry)
                case EntryKind.MARK:
                    self._mark(entry)
                case EntryKind.TOLD_EPISODE:
                    self._told_episode(entry)
                case EntryKind.TOLD_DEPLOY:
                    self._told_deploy(entry)
                case _:
                    pass

    def settle(self) -> None:
        """Make anew the episodes, problems and deploys that the applied entries touch."""
        self._keep_span()
        for alert, since in self._alerts.items():
            self._episodes.make(alert, since)
        self._episodes.join()
        for service in self._services:
            make_links(self._db, service)
        self._alerts, self._services = {}, set()

    def _touch(self, alert: str, at: float) -> None:
        self._alerts[alert] = min(self._alerts.get(alert, at), at)

    # --- that somebody watched ----------------------------------------------------------------------------------------

    def _watch(self, entry: Entry) -> None:
        """Let a span go on while the next word comes in time. (The rule of the handover's coverage.)"""
        at, goes_on = entry.at, entry.data.get("state") != "stopped"
        span = self._span
        if span is None or not span[1] <= at <= span[2] + WATCH_GAP_S:
            self._keep_span()
            span = self._span = self._span_of(at)
        if span is None:
            if goes_on:
                values = (at, at, True)
                number = self._db.execute(
                    "INSERT INTO watch (began, ended, goes_on) VALUES (?, ?, ?)", values
                ).lastrowid
                self._span = [number, *values]
            return
        if at >= span[2]:
            span[2], span[3] = at, goes_on
        span[1] = min(span[1], at)

    def _span_of(self, at: float) -> list[Any] | None:
        """The span that reaches *at*; two that it joins become one."""
        query = "SELECT id, began, ended, goes_on FROM watch WHERE began <= ? AND ended >= ? ORDER BY began"
        found = self._db.execute(query, (at + WATCH_GAP_S, at - WATCH_GAP_S)).fetchall()
        if not found:
            return None
        last = max(found, key=lambda one: one[2])
        self._db.executemany("DELETE FROM watch WHERE id = ?", [(one[0],) for one in found[1:]])
        return [found[0][0], found[0][1], last[2], last[3]]

    def _keep_span(self) -> None:
        """Keep the newest watch; those of other machines that it has reached meanwhile are one with it."""
        if self._span is None:
            return
        number, began, ended, goes_on = self._span
        query = "SELECT id, began, ended, goes_on FROM watch WHERE id <> ? AND began <= ? AND ended >= ?"
        others = self._db.execute(query, (number, ended + WATCH_GAP_S, began - WATCH_GAP_S)).fetchall()
        for other, *span in others:
            self._db.execute("DELETE FROM watch WHERE id = ?", (other,))
            began = min(began, span[0])
            ended, goes_on = max((ended, goes_on), (span[1], span[2]))
        values = (began, ended, goes_on, number)
        self._db.execute("UPDATE watch SET began = ?, ended = ?, goes_on = ? WHERE id = ?", values)
        self._span = None

    def _watched_since(self, at: float) -> float | None:
        """Return since when somebody has watched without a gap, at that time; None: nobody did."""
        span = self._span
        if span is not None and span[1] <= at <= span[2] + WATCH_GAP_S:
            return float(span[1])
        query = "SELECT began FROM watch WHERE began <= ? AND ended >= ? ORDER BY began LIMIT 1"
        row = self._db.execute(query, (at, at - WATCH_GAP_S)).fetchone()
        return float(row[0]) if row else None

    # --- alerts -------------------------------------------------------------------------------------------------------

    def _alert(self, entry: Entry) -> None:
        if entry.data.get("hidden"):
            return
        if entry.data.get("new") == AlertState.RESOLVED:
            self._resolved(entry)
        else:
            self._fires(entry)

    def _resolved(self, entry: Entry) -> None:
        """Note that it is over: of the newest firing before that, which another machine may tell of only later."""
        told = entry.data.get("ended")
        since = self._watched_since(entry.at)
        values = (entry.subject, entry.at, float(told) if told else None, since)
        self._db.execute(
            "INSERT INTO ending VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET ended = coalesce(ended, excluded.ended),"
            " watched = coalesce(watched, excluded.watched)",
            values,
        )
        query = (
            "SELECT id FROM firing WHERE subject = ? AND told = 0 AND began <= ? AND first <= ?"
            " ORDER BY began DESC LIMIT 1"
        )
        row = self._db.execute(query, (entry.subject, entry.at + SAME_S, entry.at)).fetchone()
        if row is not None:
            self._set_end(row[0])

    def _set_end(self, firing: int) -> None:
        """Set the end of a firing: the first that was told since it was last seen, and before the next firing was.

        It depends on the times alone, and not on which machine's entries came first: of what several tell of a firing
        the latest counts, of its ends the first.
        """
        query = "SELECT subject, alert, began, seen, ended, over_at, end_known FROM firing WHERE id = ?"
        subject, alert, began, seen, *before = self._db.execute(query, (firing,)).fetchone()
        query = "SELECT min(max(first, began - ?)) FROM firing WHERE subject = ? AND told = 0 AND began > ?"
        (until,) = self._db.execute(query, (SAME_S, subject, began)).fetchone()
        query = "SELECT at, ended, watched FROM ending WHERE subject = ? AND at >= ? AND at < ? ORDER BY at LIMIT 1"
        values = (subject, max(seen, began - SAME_S), math.inf if until is None else until)
        found = self._db.execute(query, values).fetchone()
        after: list[Any] = [None, None, True]
        if found is not None:
            at, told, since = found
            looked = since is not None and (since <= began or since <= at - SETTLED_S)
            after = [max(began, at if told is None else told), at, bool(told or looked)]
        if before != after:
            self._db.execute("UPDATE firing SET ended = ?, over_at = ?, end_known = ? WHERE id = ?", (*after, firing))
            self._touch(alert, began)

    def _fires(self, entry: Entry) -> None:
        data = entry.data
        began = float(data.get("began") or entry.at)
        query = (
            "SELECT id, alert, began, acknowledged_at, acknowledged_by, problems FROM firing"
            " WHERE subject = ? AND told = 0 AND began BETWEEN ? AND ?"
        )
        old = self._db.execute(query, (entry.subject, began - SAME_S, began + SAME_S)).fetchone()
        had_at, had_by = _acknowledged(entry)
        problems = [str(data["problem"])] if data.get("problem") else []
        told = (entry.text, str(data.get("service") or ""), str(data.get("product") or ""))
        if old is None:
            alert = self._key(entry)
            values = (
                entry.subject,
                alert,
                began,
                entry.subject.partition("/")[0],
                str(data.get("provider") or ""),
                *told,
            )
            number = self._db.execute(
                "INSERT INTO firing (subject, alert, began, told, source, provider, title, service, product, pages,"
                " first, seen, end_known, acknowledged_at, acknowledged_by, firings, problems)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 1, ?)",
                (*values, bool(data.get("pages")), entry.at, entry.at, had_at, had_by, _text(problems)),
            ).lastrowid
        else:
            number, alert, began, first_at, first_by, joined = old
            if first_at is not None and (had_at is None or first_at <= had_at):
                had_at, had_by = first_at, first_by or had_by
            names = _names.decode(joined)
            self._db.execute(
                "UPDATE firing SET first = min(first, ?1), seen = max(seen, ?1), pages = max(pages, ?), problems = ?,"
                " title = coalesce(nullif(?, ''), title), service = coalesce(nullif(?, ''), service),"
                " product = coalesce(nullif(?, ''), product), acknowledged_at = ?, acknowledged_by = ? WHERE id = ?",
                (
                    entry.at,
                    bool(data.get("pages")),
                    _text(list(dict.fromkeys((*names, *problems)))),
                    *told,
                    had_at,
                    had_by,
                    number,
                ),
            )
        self._touch(alert, began)
        query = "SELECT id FROM firing WHERE subject = ? AND told = 0 AND began < ? ORDER BY began DESC LIMIT 1"
        before = self._db.execute(query, (entry.subject, began)).fetchone()
        for one in (number, *(before or ())):  # what ended the one before may have ended this one
            self._set_end(one)

    def _key(self, entry: Entry) -> str:
        """The key that the alert's firings share; older journals, and what is gone, do not say it each time."""
        if key := entry.data.get("key"):
            return str(key)
        query = "SELECT alert FROM firing WHERE subject = ? AND told = 0 ORDER BY began DESC LIMIT 1"
        row = self._db.execute(query, (entry.subject,)).fetchone()
        return str(row[0]) if row else entry.subject

    def _told_episode(self, entry: Entry) -> None:
        told = convert(entry.data, PastEpisode)
        query = "SELECT id FROM firing WHERE alert = ? AND told = 1 AND began BETWEEN ? AND ?"
        old = self._db.execute(query, (told.alert, told.began - SAME_S, told.began + SAME_S)).fetchone()
        values = (
            *(told.alert, told.alert, told.began, told.source, told.provider, told.title, told.service, told.product),
            *(told.pages, max(told.began, told.ended or 0.0), told.ended, told.end_known),
            *(told.acknowledged_at, told.acknowledged_by, max(1, told.firings)),
            _text([told.problem] if told.problem else []),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO firing (id, subject, alert, began, told, source, provider, title, service, product,"
            " pages, first, seen, ended, end_known, acknowledged_at, acknowledged_by, firings, problems)"
            " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, 0.0, ?, ?, ?, ?, ?, ?, ?)",
            (old[0] if old else None, *values),
        )
        self._touch(told.alert, told.began)

    def _mark(self, entry: Entry) -> None:
        alert, _, second = entry.subject.rpartition("@")
        if not alert or not second.isdigit():
            return
        values = (alert, int(second), str(entry.data.get("mark") or ""), entry.actor, entry.at, entry.id)
        self._db.execute(
            "INSERT INTO mark (alert, began, mark, actor, at, entry) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (alert, began) DO UPDATE SET mark = excluded.mark, actor = excluded.actor, at = excluded.at,"
            " entry = excluded.entry WHERE (excluded.at, excluded.entry) > (at, entry)",
            values,
        )
        self._touch(alert, float(second))

    # --- actions ------------------------------------------------------------------------------------------------------

    def _action(self, entry: Entry) -> None:
        if entry.kind is EntryKind.INTENT:
            plan = entry.data.get("plan", {})
            asked = plan.get("request") or {}
            verb, target, service = str(plan.get("verb", "")), str(plan.get("target", "")), ""
            if asked.get("cluster") and asked.get("service"):
                service = "/".join((str(plan.get("source", "")), str(asked["cluster"]), str(asked["service"])))
            self._db.execute(
                "INSERT INTO action (plan, at, actor, verb, target, service, state) VALUES (?, ?, ?, ?, ?, ?, '')"
                " ON CONFLICT (plan) DO UPDATE SET at = excluded.at, service = excluded.service",
                (entry.subject, entry.at, entry.actor, verb, target, service),
            )
        else:
            verb, target = str(entry.data.get("verb", "")), str(entry.data.get("target", ""))
            self._db.execute(
                "INSERT INTO action (plan, at, actor, verb, target, service, state) VALUES (?, ?, ?, ?, ?, '', ?)"
                " ON CONFLICT (plan) DO UPDATE SET state = excluded.state",
                (entry.subject, entry.at, entry.actor, verb, target, str(entry.data.get("state", ""))),
            )
        query = "SELECT at, target, service FROM action WHERE plan = ?"
        at, target, service = self._db.execute(query, (entry.subject,)).fetchone()
        for alert in self._episodes.around(at, target, service):
            self._touch(alert, at)

    # --- deploys ------------------------------------------------------------------------------------------------------

    def _deploy(self, entry: Entry) -> None:
        data, state = entry.data, str(entry.data.get("new", ""))
        service, _, arrow = entry.text.partition(",")[0].rpartition(" ")
        back = _taken_back(data.get("rolled_back"))
        over = state in _STATES and not DeployState(state).running
        values = (
            *(entry.subject, str(data.get("service") or service), str(data.get("arrow") or arrow)),
            *(float(data.get("started") or entry.at), state, float(data.get("ended") or entry.at) if over else None),
            *(str(data.get("kind") or "deploy"), str(data.get("product") or ""), str(data.get("by") or "")),
            *(back.by if back else "", back.ended if back else None, state in WENT_BACK or back is not None),
            entry.at,
        )
        # What its source told of the end stands before what was seen earlier than that.
        told = "(told AND ended IS NOT NULL AND excluded.ended IS NULL AND excluded.seen <= ended)"
        late = f"(excluded.seen < seen OR {told})"
        self._db.execute(
            'INSERT INTO past_deploy (id, service, arrow, started, state, ended, kind, product, "by", back_by,'
            " back_ended, went_back, seen, told, rolls_back, failed, remedied, imported, rollback)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', 0, NULL, 0, 0)"
            " ON CONFLICT (id) DO UPDATE SET service = excluded.service, arrow = excluded.arrow,"
            f" started = excluded.started, kind = excluded.kind, imported = 0, told = {told}, seen = max(seen,"
            f" excluded.seen), state = iif({late}, state, excluded.state), ended = CASE WHEN excluded.state = state"
            f" THEN min(coalesce(ended, excluded.ended), coalesce(excluded.ended, ended)) WHEN {late} THEN ended"
            " ELSE excluded.ended END, product = coalesce(nullif(excluded.product, ''), product),"
            ' "by" = coalesce(nullif(excluded."by", \'\'), "by"),'
            + ", ".join(f"{name} = iif({late}, {name}, excluded.{name})" for name in _BACK),
            values,
        )
        self._services.add(values[1])

    def _told_deploy(self, entry: Entry) -> None:
        """Take up a told deploy: one that was seen stays as it was seen, and gets the end that nobody saw."""
        told = convert(entry.data, PastDeploy)
        values = (
            *(told.id, told.service, told.arrow, told.started, told.state, told.ended, told.kind, told.product),
            *(told.by, told.remedied, told.failed or told.state in WENT_BACK),
        )
        self._db.execute(
            'INSERT INTO past_deploy (id, service, arrow, started, state, ended, kind, product, "by", back_ended,'
            " went_back, seen, told, rolls_back, failed, remedied, back_by, imported, rollback)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0.0, 1, '', 0, NULL, '', 1, 0)"
            " ON CONFLICT (id) DO UPDATE SET"
            " state = CASE WHEN imported OR ended IS NULL THEN excluded.state ELSE state END,"
            " went_back = CASE WHEN imported OR ended IS NULL THEN excluded.went_back ELSE went_back END,"
            " told = told OR (ended IS NULL AND excluded.ended IS NOT NULL),"
            " ended = coalesce(ended, excluded.ended), back_ended = coalesce(back_ended, excluded.back_ended),"
            " product = coalesce(nullif(product, ''), excluded.product),"
            ' "by" = coalesce(nullif("by", \'\'), excluded."by")',
            values,
        )
        self._services.add(told.service)


_STATES = {state.value for state in DeployState}
_BACK = ("back_by", "back_ended", "went_back")


def _acknowledged(entry: Entry) -> tuple[float | None, str]:
    """Return when and by whom, as the entry tells: by its source's time, else when it was noticed."""
    if entry.data.get("new") not in _HAD:
        return None, ""
    at = entry.data.get("by_at")
    return float(at) if at else entry.at, ", ".join(str(who) for who in entry.data.get("by", ()))


def _taken_back(found: Any) -> DeployRollback | None:
    """Return how it was rolled back; None also where another version wrote that otherwise."""
    try:
        return convert(found, DeployRollback) if found else None
    except (msgspec.MsgspecError, ValueError):
        return None


def _text(names: list[str]) -> str:
    return _encode.encode(names).decode()
