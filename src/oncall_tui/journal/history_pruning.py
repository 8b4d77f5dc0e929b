"""The history is pruned as the journal is: of what is older than the days that are kept.

A problem goes once all of it was over before that, with its episodes and their firings; what goes on stays whole. Of
each service the newest deploy stays, so that what runs is known. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import sqlite3

from oncall_tui.journal import tallies
from oncall_tui.journal.schema import DAY_S, days_that_show

_DAYS = " UNION ".join(
    f"SELECT CAST({column} / {DAY_S} AS INTEGER) FROM {table} WHERE {column} BETWEEN ?1 AND ?2"
    for table, column in (("watch", "began"), ("watch", "ended"), ("episode", "began"), ("past_deploy", "started"))
)


def prune(db: sqlite3.Connection, keep_s: float, now: float) -> None:
    """Remove what was over *keep_s* seconds before *now*, within the caller's transaction.

    As for the journal, a clock that is wrong takes nothing: the history itself has to show that the time has passed, by
    the days on which something was recorded since.
    """
    before = now - keep_s
    shown = days_that_show(keep_s)
    if len(db.execute(f"SELECT * FROM ({_DAYS}) LIMIT ?3", (before, now, shown)).fetchall()) < shown:
        return
    gone = db.execute("SELECT id, began FROM problem WHERE began < ? AND ended < ?", (before, before)).fetchall()
    db.execute("CREATE TEMP TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID")
    try:
        db.executemany("INSERT INTO gone VALUES (?)", [(problem,) for problem, _ in gone])
        db.execute("DELETE FROM link WHERE episode IN (SELECT id FROM episode WHERE problem IN (SELECT id FROM gone))")
        db.execute("DELETE FROM episode WHERE problem IN (SELECT id FROM gone)")
        db.execute("DELETE FROM problem WHERE id IN (SELECT id FROM gone)")
    finally:
        db.execute("DROP TABLE gone")
    for table in ("firing", "mark"):  # of no episode that is left: one's begin may be told a little earlier
        left = f"EXISTS (SELECT 1 FROM episode e WHERE e.alert = {table}.alert AND e.began <= {table}.began + 60)"
        db.execute(f"DELETE FROM {table} WHERE began < ? AND NOT {left}", (before,))
    left = "EXISTS (SELECT 1 FROM firing f WHERE f.subject = ending.subject)"
    db.execute(f"DELETE FROM ending WHERE at < ? AND NOT {left}", (before,))
    db.execute("DELETE FROM named WHERE NOT EXISTS (SELECT 1 FROM firing f WHERE f.alert = named.alert)")
    oldest = "coalesce((SELECT min(began) FROM episode), ?1)"  # an action belongs to an episode from its begin on
    db.execute(f"DELETE FROM action WHERE at < min(?1, {oldest})", (before,))
    db.execute("DELETE FROM watch WHERE ended < ?", (before,))
    newer = "SELECT 1 FROM past_deploy n WHERE n.service = past_deploy.service AND n.started > past_deploy.started"
    db.execute(f"DELETE FROM past_deploy WHERE started < ? AND EXISTS ({newer})", (before,))
    tallies.make(db, {tallies.block_of(began) for _, began in gone})
