"""RDS's events → changes: what began and what ended become one change. Pure; times are seconds since the epoch, UTC.

Words and categories: RDS's and Aurora's user guides ("Amazon RDS event categories and event messages"), whose editions
word some messages differently. The same words come in an event of EventBridge ("RDS DB Instance Event", "RDS DB
Cluster Event"), so its reader makes a ``DatabaseEvent`` of each and calls ``changes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.text import aws_console

OPEN_S = 6 * 3600.0  # how long after its begin an end is waited for
NOTICED_S = 600.0  # how long before its event a restart, a stop or a failure may have begun: RDS tells of it afterwards
AFTER_S = 120.0  # a restart that comes so soon after a failover is a part of it
INSTANCE, CLUSTER = "db-instance", "db-cluster"


class DatabaseEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of one DB instance or cluster, as RDS words it.

    *at* in seconds since the epoch, UTC; *name* is the database's identifier; *kind* is ``db-instance`` or
    ``db-cluster``; *account* is AWS's number of whose database it is (empty: not known).
    """

    at: float
    name: str
    kind: str
    categories: tuple[str, ...]
    message: str
    account: str = ""


class EventMeaning(NamedTuple):
    """The meaning of one event's words: *what* happens to the database, and whether it *begins* or *ends* by it.

    Neither: it takes no time.
    """

    what: str
    kind: ChangeKind
    begins: bool = False
    ends: bool = False


class _Rule(NamedTuple):
    """The meaning of an event's category. *begin* and *end* are in its message; with neither it takes no time."""

    category: str
    what: str
    kind: ChangeKind
    begin: re.Pattern[str]
    end: re.Pattern[str]


def _rule(category: str, what: str, kind: ChangeKind, begin: str = "$^", end: str = "$^") -> _Rule:
    return _Rule(category, what, kind, re.compile(begin, re.I), re.compile(end, re.I))


_BEGIN = r"\bstarted\b|\bhas (started|begun)\b|^applying |\bis taking place\b|\bis being \w+|^promoting "
_END = (
    r"\bcomplete(d)?\b|\bfinished\b|\bfailed\b|\bhas been (converted|upgraded)\b|\bhave changed\b|\bwas patched\b|"
    r"^recovered"
)
_DATABASE, _CONFIGURATION = ChangeKind.DATABASE, ChangeKind.CONFIGURATION
_RULES = (
    _rule("failover", "failover", _DATABASE, _BEGIN, _END),
    _rule("global failover", "global failover", _DATABASE, _BEGIN, r"is finished|is canceled|failed"),
    _rule("availability", "restart", _DATABASE, r"instance shutdown", r"restarted|restarting"),
    _rule("recovery", "recovery", _DATABASE, _BEGIN, _END),
    _rule("failure", "failure", _DATABASE),
    _rule("low storage", "low storage", _DATABASE),
    _rule("read replica", "replication", _DATABASE),
    _rule("deletion", "deletion", _DATABASE),
    _rule("maintenance", "maintenance", ChangeKind.MAINTENANCE, _BEGIN, _END),
    _rule("configuration change", "configuration change", _CONFIGURATION, _BEGIN, _END),
)
_NOT_YET = re.compile(r"\bavailable\b|\brequired\b|\bpending\b|\bpre-?check\b|\bnot attempting\b|^abandoning\b", re.I)
_STORAGE = re.compile(r"storage-full|free storage capacity", re.I)  # of the category availability too
_STOPPED = re.compile(r"\b(instance|cluster)( has been)? (stopped|started)\b", re.I)  # of the category notification
_OTHERS = re.compile(r"instance:? ([A-Za-z][A-Za-z0-9-]*)")  # the instance that a cluster's failover names


def meaning(event: DatabaseEvent) -> EventMeaning | None:
    """Return what an event means; None: no change (a backup, an update that is on offer)."""
    message = event.message.strip()
    if _STORAGE.search(message) and not event.message.startswith(("Applying", "Finished")):
        return EventMeaning("low storage", _DATABASE)
    if found := _STOPPED.search(message):
        return EventMeaning("stop" if found[3].lower() == "stopped" else "start", _DATABASE)
    for rule in _RULES:
        if rule.category in event.categories:
            ends, begins = bool(rule.end.search(message)), bool(rule.begin.search(message))
            if not ends and _NOT_YET.search(message):
                return None
            return EventMeaning(rule.what, rule.kind, begins and not ends, ends)
    return None


def changes(source: str, events: Iterable[DatabaseEvent], now: float, region: str = "") -> tuple[Change, ...]:
    """Join events into changes of *source*: those that begin something with those that end it. In the order of begin.

    What began and is not told to have ended is under way for six hours. A restart within a failover is a part of it.
    What is told only when it is over, or when it was noticed, began at some time before (``Change.not_before``).
    """
    found: list[Change] = []
    open_at: dict[tuple[str, ...], int] = {}  # what has begun, and its place in *found*
    taken: dict[str, str] = {}  # each id with its account: two may have a database of one name
    for event in sorted(set(events), key=lambda one: (one.at, one.name, one.message, one.account)):
        meant = meaning(event)
        if meant is None or (meant.what == "restart" and _in_failover(found, event)):
            continue
        key = event.account, event.kind, event.name, meant.what
        at = open_at.pop(key, None)
        if at is not None and event.at - found[at].began <= OPEN_S and not meant.begins:
            found[at] = msgspec.structs.replace(found[at], ended=event.at, text=event.message)
            continue
        if meant.begins:
            open_at[key] = len(found)
        change = _change(source, event, meant, region)
        if taken.setdefault(change.id, change.account) != change.account:
            change = msgspec.structs.replace(change, id=f"{change.id}:{change.account}")
        found.append(change)
    return tuple(_over(change, now) for change in found)


def _in_failover(found: list[Change], event: DatabaseEvent) -> bool:
    """Return whether a restart is a part of a failover of the same instance, or of one that names it."""
    for change in reversed(found):
        if " failover of " in change.what and change.began <= event.at:
            if change.account != event.account:
                continue
            named = change.resource == event.name or event.name in _OTHERS.findall(change.text)
            if named and (change.ended is None or event.at <= change.ended + AFTER_S):
                return event.at - change.began <= OPEN_S
    return False


def _change(source: str, event: DatabaseEvent, meant: EventMeaning, region: str) -> Change:
    kind = "cluster" if event.kind == CLUSTER else "db"
    page = aws_console.page(region, "rds")
    return Change(
        id=f"{source}/{kind}:{event.name}:{meant.what.replace(' ', '-')}:{int(event.at)}",
        source=source,
        kind=meant.kind,
        what=f"RDS {meant.what} of {event.name}",
        resource=event.name,
        began=event.at,
        ended=None if meant.begins else event.at,
        not_before=_not_before(event, meant),
        by=_by(event, meant),
        text=event.message,
        account=event.account,
        region=region,
        url=page and f"{page}#database:id={event.name};is-cluster={'true' if kind == 'cluster' else 'false'}",
    )


def _not_before(event: DatabaseEvent, meant: EventMeaning) -> float | None:
    """Return when it may have begun at the earliest; None: the event tells of its begin, or of what takes no time.

    The end of something long (maintenance) whose begin was not told is that of what may last as long as an end is
    waited for. A restart or a failover takes minutes (RDS user guide, "Failing over a Multi-AZ DB instance").
    """
    if meant.begins:
        return None
    if meant.ends and meant.what not in ("restart", "failover"):
        return event.at - OPEN_S
    return event.at - NOTICED_S if meant.kind is _DATABASE else None


def _by(event: DatabaseEvent, meant: EventMeaning) -> str:
    """RDS names no person: who asked for it is CloudTrail's to tell."""
    if "autoscaling-initiated" in event.message:
        return "autoscaling"
    return "AWS" if meant.kind is ChangeKind.MAINTENANCE else ""


def _over(change: Change, now: float) -> Change:
    """End what began so long ago, since its end was not told."""
    if change.ended is None and now - change.began > OPEN_S:
        said = f"{change.text} (its end was not told)"
        return msgspec.structs.replace(change, ended=change.began, text=said)
    return change
