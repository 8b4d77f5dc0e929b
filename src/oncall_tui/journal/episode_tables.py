"""Episodes from firings, and problems from episodes: what of several sources is one.

An episode is all firings of one alert with no more than thirty quiet minutes between them. A problem is all episodes,
of any source, that had one row on the board while they lasted; it is counted once. What was seen stands before what a
source told afterwards, which fills in what nobody saw. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import PAGER_PROVIDERS, QUIET_S
from oncall_tui.domain.entry import WATCH_GAP_S
from oncall_tui.domain.history import EpisodeMark, PastEpisode, episode_id
from oncall_tui.journal import tallies
from oncall_tui.runtime.decoding import decoder

SAME_FIRING_S = 60.0  # between what was seen and what was told of one begin
_FOREVER = 9e18
UNCHANGED_S = 86_400.0  # what is open and was not heard of for longer may be of a source that is gone
# Until when an episode lasted: one that is open as long as somebody watched, because what does not change is not told
_LASTS = (
    f"coalesce(e.ended, max(e.last, min(e.last + {UNCHANGED_S}, coalesce((SELECT max(w.ended) FROM watch w"
    f" WHERE w.began <= e.last + {WATCH_GAP_S} AND w.ended >= e.last - {WATCH_GAP_S}), e.last))))"
)
_names = decoder(list[str])


class Firing(msgspec.Struct, kw_only=True):
    """One firing of one alert, or what its source told as one. *end* is until when it is taken to have fired; *open*:
    it may fire still. *retold*: how many firings its source told of it, and until when those were.
    """

    subject: str
    began: float
    told: bool
    source: str
    provider: str
    title: str
    service: str
    product: str
    pages: bool
    seen: float
    ended: float | None
    end_known: bool
    acknowledged_at: float | None
    acknowledged_by: str
    firings: int
    problems: str
    end: float = 0.0
    open: bool = False
    retold: tuple[int, float] | None = None


_COLUMNS = Firing.__struct_fields__[:-3]
EPISODE = PastEpisode.__struct_fields__


class EpisodeTables:
    """Makes the episodes of one alert anew from a time on; ``join`` then makes their problems anew."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._moved: set[str] = set()  # ids of episodes whose problem is to be made anew
        self._blocks: set[int] = set()  # whose tallies are to be made anew

    def around(self, at: float, target: str, service: str) -> list[str]:
        """The alerts that an action at that time may belong to: its target's, and those of its service."""
        found = {alert for (alert,) in self._db.execute("SELECT alert FROM named WHERE name = ?", (target,))}
        found |= {a for (a,) in self._db.execute("SELECT DISTINCT alert FROM firing WHERE subject = ?", (target,))}
        if service:
            query = "SELECT DISTINCT alert FROM firing WHERE service = ? AND began <= ? AND coalesce(ended, ?) >= ?"
            found |= {alert for (alert,) in self._db.execute(query, (service, at, _FOREVER, at - QUIET_S))}
        return sorted(found)

    # --- episodes -----------------------------------------------------------------------------------------------------

    def make(self, alert: str, since: float) -> None:
        """Make the alert's episodes anew from the one on in which *since* is."""
        query = (  # of what was open before: that it was over is known once it fires anew
            "SELECT min(f.began) FROM firing f WHERE f.alert = ?1 AND f.began < ?2 AND f.ended IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM firing g WHERE g.subject = f.subject AND g.told = f.told AND g.began > f.began"
            " AND g.began < ?2)"
        )
        (before,) = self._db.execute(query, (alert, since)).fetchone()
        since = since if before is None else before
        query = "SELECT max(began) FROM episode WHERE alert = ? AND began <= ?"
        (first,) = self._db.execute(query, (alert, since + SAME_FIRING_S)).fetchone()
        start = since if first is None else min(since, first)
        self._forget(alert, start)
        query = f"SELECT {', '.join(_COLUMNS)} FROM firing WHERE alert = ? AND began >= ? ORDER BY began, told"
        found = self._db.execute(query, (alert, start - SAME_FIRING_S))  # what was told of the first one may be earlier
        rows = [Firing(**dict(zip(_COLUMNS, row, strict=True))) for row in found]
        self._set_ends(rows)
        groups = grouped(same_firings(rows))
        for at, group in enumerate(groups):
            until = groups[at + 1][0].began if at + 1 < len(groups) else _FOREVER
            self._keep(alert, group, until)

    def _forget(self, alert: str, start: float) -> None:
        query = "SELECT id, problem FROM episode WHERE alert = ? AND began >= ?"
        for episode, problem in self._db.execute(query, (alert, start)).fetchall():
            self._db.execute("DELETE FROM episode WHERE id = ?", (episode,))
            self._db.execute("DELETE FROM link WHERE episode = ?", (episode,))
            self._drop_problem(problem)
            self._moved.discard(episode)
            self._moved |= {e for (e,) in self._db.execute("SELECT id FROM episode WHERE problem = ?", (problem,))}
            # Each is a problem of its own until it is joined: what is called so then may be another's by that time.
            self._db.execute("UPDATE episode SET problem = id WHERE problem = ?", (problem,))

    def _set_ends(self, rows: Sequence[Firing]) -> None:
        """Set until when each fired: what nobody saw the end of, until it was last known to fire, or fired anew."""
        later: dict[tuple[str, bool], float] = {}
        for one in reversed(rows):
            again = later.get((one.subject, one.told))
            if one.ended is None and again is not None:
                one.ended, one.end_known = self._unseen_end(one, again), False
            one.open = one.ended is None
            one.end = max(one.began, one.seen) if one.ended is None else one.ended
            later[one.subject, one.told] = one.began

    def _unseen_end(self, one: Firing, again: float) -> float:
        """Return until when it fired that fired *again* then, its end unseen: as long as somebody watched."""
        query = "SELECT max(ended) FROM watch WHERE began <= ? AND ended >= ?"
        (ended,) = self._db.execute(query, (one.seen + WATCH_GAP_S, one.seen - WATCH_GAP_S)).fetchone()
        known = max(one.began, one.seen, ended or 0.0)
        return again if known + WATCH_GAP_S >= again else known

    def _keep(self, alert: str, group: Sequence[Firing], until: float) -> None:
        """Keep one episode; *until* is when the alert's next one began."""
        last = max(group, key=lambda one: (one.open, one.end))
        began = group[0].began
        subjects = dict.fromkeys(one.subject for one in group)
        named = dict.fromkeys((*subjects, alert, *(n for one in group for n in _names.decode(one.problems))))
        service = _last(one.service for one in group)
        over = until if last.open else min(last.end + QUIET_S, until)
        acted, had_at, had_by = self._actions(named, service, began, over)
        for one in group:
            if one.acknowledged_at is not None and (had_at is None or one.acknowledged_at < had_at):
                had_at, had_by = one.acknowledged_at, one.acknowledged_by or had_by
        mark, marked_by = self._mark(alert, began)
        found = PastEpisode(
            id=episode_id(alert, began),
            alert=alert,
            source=_last(one.source for one in group),
            provider=_last(one.provider for one in group),
            title=_last(one.title for one in group),
            began=began,
            ended=None if last.open else last.end,
            end_known=last.end_known,
            service=service,
            product=_last(one.product for one in group),
            pages=any(one.pages for one in group),
            firings=_firings(group),
            acknowledged_at=had_at,
            acknowledged_by=had_by,
            acted=acted,
            mark=mark,
            marked_by=marked_by,
            problem=episode_id(alert, began),
            imported=all(one.told for one in group),
        )
        values = (*msgspec.structs.astuple(found), max(one.end for one in group))
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT OR REPLACE INTO episode ({', '.join(EPISODE)}, last) VALUES ({marks})", values)
        self._db.executemany("INSERT OR IGNORE INTO link VALUES (?, ?)", [(name, found.id) for name in named])
        self._db.executemany("INSERT OR IGNORE INTO named VALUES (?, ?)", [(name, alert) for name in named])
        self._moved.add(found.id)

    def _actions(self, named: Iterable[str], service: str, since: float, until: float) -> tuple[int, float | None, str]:
        """Return how many actions were sent for it, and the first acknowledgement among them: when, and by whom."""
        sent: dict[str, tuple[float, str, str]] = {}
        query = "SELECT plan, at, actor, verb FROM action WHERE {} = ? AND at BETWEEN ? AND ? AND state NOT IN {}"
        for column, value in (*(("target", name) for name in named), *((("service", service),) if service else ())):
            text = query.format(column, "('refused', 'failed')")
            for plan, *told in self._db.execute(text, (value, since, until)):
                sent[plan] = (told[0], told[1], told[2])
        had = min((one for one in sent.values() if one[2] == Verb.ACKNOWLEDGE), default=None)
        return len(sent), had[0] if had else None, had[1] if had else ""

    def _mark(self, alert: str, began: float) -> tuple[EpisodeMark, str]:
        """The newest mark of this episode: made for it, or as one of those who told of it had its begin. Of what two
        machines say the later one counts, whichever arrived last.
        """
        near = "alert = ? AND began BETWEEN ? AND ?"
        query = f"SELECT mark, actor FROM mark WHERE {near} ORDER BY at DESC, entry DESC LIMIT 1"
        second = int(began)
        values = (alert, second - SAME_FIRING_S, second + SAME_FIRING_S)
        mark, actor = self._db.execute(query, values).fetchone() or ("", "")
        known = mark in {one.value for one in EpisodeMark}
        return (EpisodeMark(mark), actor if mark else "") if known else (EpisodeMark.NONE, "")

    # --- problems -----------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Make the problems of what moved anew, and their tallies."""
        while self._moved:
            ids = self._one_problem(self._moved.pop())
            self._moved -= ids
            self._keep_problem(sorted(ids))
        tallies.make(self._db, self._blocks)
        self._blocks = set()

    def _one_problem(self, first: str) -> set[str]:
        """All episodes that are one problem with *first*."""
        found, left = {first}, [first]
        while left:
            one = left.pop()
            query = f"SELECT began, {_LASTS} FROM episode e WHERE id = ?"
            began, ended = self._db.execute(query, (one,)).fetchone()
            for other in self._linked(one, began - QUIET_S, ended + QUIET_S):
                if other not in found:
                    found.add(other)
                    left.append(other)
        return found

    def _linked(self, episode: str, since: float, until: float) -> list[str]:
        """Episodes that share a name with this one, and lasted at the same time: of each alert those that began in that
        time, and the last before it, which may have gone on."""
        query = (  # CROSS: in this order, else SQLite goes through every episode that ever had the name
            "SELECT DISTINCT e.id FROM link l CROSS JOIN named n ON n.name = l.name"
            " CROSS JOIN episode e INDEXED BY episode_alert ON e.alert = n.alert AND e.began <= ?3"
            " AND e.began >= coalesce((SELECT max(b.began) FROM episode b WHERE b.alert = n.alert AND b.began <= ?2),"
            " ?2)"
            " CROSS JOIN link o ON o.name = l.name AND o.episode = e.id"
            f" WHERE l.episode = ?1 AND {_LASTS} >= ?2"
        )
        return [found for (found,) in self._db.execute(query, (episode, since, until))]

    def _keep_problem(self, ids: Sequence[str]) -> None:
        """Keep one problem. It is called as the alert that was first, and not as the incident that a pager made of it:
        so an alert that paged only once still counts with its other times.
        """
        marks = ", ".join("?" * len(ids))
        query = (
            "SELECT id, alert, source, title, began, ended, end_known, service, product, pages, acknowledged_at,"
            f" acknowledged_by, acted, mark, imported, last, problem, provider FROM episode WHERE id IN ({marks})"
            " ORDER BY imported, began, id"
        )
        rows = sorted(self._db.execute(query, tuple(ids)).fetchall(), key=lambda row: row[17] in PAGER_PROVIDERS)
        lead = rows[0]
        for old in {lead[0], *(row[16] for row in rows)}:
            self._drop_problem(old)
        goes_on = any(row[5] is None for row in rows)
        last = max(rows, key=lambda row: row[15])
        paging = [row[4] for row in rows if row[9]]
        by_pager = [row[4] for row in rows if row[9] and row[17] in PAGER_PROVIDERS]
        paged = min(by_pager or paging, default=None)  # when somebody was called: an alert may have fired for hours
        had = min(((row[10], row[11]) for row in rows if row[10] is not None), default=(None, ""))
        values = (
            *lead[:4],
            min(row[4] for row in rows),
            None if goes_on else last[5],
            last[6],
            _last(row[7] for row in reversed(rows)),
            _last(row[8] for row in reversed(rows)),
            any(row[9] for row in rows),
            *had,
            sum(row[12] for row in rows),
            _last(row[13] for row in reversed(rows)),
            all(row[14] for row in rows),
            paged,
        )
        self._db.execute(f"INSERT INTO problem VALUES ({', '.join('?' * len(values))})", values)
        self._db.execute(f"UPDATE episode SET problem = ? WHERE id IN ({marks})", (lead[0], *ids))
        self._blocks.add(tallies.block_of(values[4]))

    def _drop_problem(self, problem: str) -> None:
        found = self._db.execute("SELECT began FROM problem WHERE id = ?", (problem,)).fetchone()
        if found is not None:
            self._db.execute("DELETE FROM problem WHERE id = ?", (problem,))
            self._blocks.add(tallies.block_of(found[0]))


def same_firings(rows: Iterable[Firing]) -> list[Firing]:
    """*rows*, oldest first, with what was seen and told of one firing as one: they began within a minute."""
    found: list[Firing] = []
    for one in rows:
        near = (f for f in reversed(found[-8:]) if f.told != one.told and one.began - f.began <= SAME_FIRING_S)
        other = next(near, None)
        if other is None:
            found.append(one)
        elif other.told:
            found[found.index(other)] = _filled(one, other)
        else:
            _filled(other, one)
    return sorted(found, key=lambda f: f.began)


def _filled(seen: Firing, told: Firing) -> Firing:
    """*seen*, with what only the source knows: when it ended, and who acknowledged it."""
    if told.ended is not None and told.end_known and (seen.ended is None or not seen.end_known):
        seen.ended = seen.end = max(seen.began, told.ended)
        seen.end_known, seen.open = True, False
    if told.acknowledged_at is not None and seen.acknowledged_at is None:
        seen.acknowledged_at, seen.acknowledged_by = told.acknowledged_at, told.acknowledged_by
    seen.acknowledged_by = seen.acknowledged_by or (told.acknowledged_by if seen.acknowledged_at else "")
    seen.title, seen.provider = seen.title or told.title, seen.provider or told.provider
    seen.service, seen.product = seen.service or told.service, seen.product or told.product
    seen.pages = seen.pages or told.pages
    seen.retold = told.firings, told.end
    seen.problems = msgspec.json.encode([*_names.decode(seen.problems), *_names.decode(told.problems)]).decode()
    return seen


def grouped(rows: Iterable[Firing]) -> list[list[Firing]]:
    """*rows*, oldest first, by episode: a firing within thirty minutes of the last one's end goes on."""
    found: list[list[Firing]] = []
    end = 0.0
    for one in rows:
        if found and one.began - end <= QUIET_S:
            found[-1].append(one)
            end = max(end, one.end)
        else:
            found.append([one])
            end = one.end
    return found


def _firings(group: Iterable[Firing]) -> int:
    """Return how often it fired: what was seen within that which its source told of counts once."""
    group = list(group)
    told = [(one.began, *(one.retold or (one.firings, one.end))) for one in group if one.told or one.retold]
    seen = [one.began for one in group if not one.told]
    inside = sum(any(b - SAME_FIRING_S <= at <= e + SAME_FIRING_S for b, _, e in told) for at in seen)
    return max(inside, sum(firings for _, firings, _ in told)) + len(seen) - inside


def _last(words: Iterable[str]) -> str:
    """The last of *words* that is not empty."""
    found = ""
    for word in words:
        found = word or found
    return found
