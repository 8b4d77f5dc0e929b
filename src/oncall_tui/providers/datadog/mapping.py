"""Datadog's monitors -> rows, one for each group that alerts. Pure, and cheap where nothing changed.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from urllib.parse import quote

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Alert, AlertState, Pairs, ServiceHint, Severity
from oncall_tui.providers.datadog.active_downtime import ActiveDowntime
from oncall_tui.providers.datadog.options import STATES, DatadogOptions
from oncall_tui.providers.datadog.schema import DatadogMonitor, GroupState
from oncall_tui.providers.datadog.scope import Tags, tags_of
from oncall_tui.providers.http import DecodeCache, stamp
from oncall_tui.providers.lists import Damage, Items

_STATES = {"Alert": AlertState.FIRING, "Warn": AlertState.FIRING, "No Data": AlertState.NO_DATA}
_QUIET = frozenset({"OK", "Ignored", "Skipped"})
_PRIORITIES = {
    1: Severity.CRITICAL,
    2: Severity.ERROR,
    3: Severity.WARNING,
    4: Severity.INFO,
    5: Severity.INFO,
}
_UNRANKED = {"Alert": Severity.ERROR, "Warn": Severity.WARNING, "No Data": Severity.WARNING}
_SPLIT = re.compile(r"\bby\s*\{[^{}]*\}")
_SCOPE = re.compile(r"\{([^{}]*)\}")
_PLAIN_SCOPE = re.compile(r"[\w./@-]+:[\w./-]+(,\s*[\w./@-]+:[\w./-]+)*")
_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z0-9_.@-]+?)(?:\.name)?\s*\}\}")


class _DatadogEntry:
    """One monitor as decoded, and the rows that were made of it with the downtimes that held it then."""

    __slots__ = ("held", "monitor", "rows")

    def __init__(self, monitor: DatadogMonitor | None, rows: tuple[Alert, ...]) -> None:
        self.monitor = monitor
        self.rows = rows
        self.held: tuple[ActiveDowntime, ...] = ()


_FINE = _DatadogEntry(None, ())  # most monitors: nothing of them is kept


class DatadogRows:
    """Keeps what the last poll decoded, so that a monitor that did not change costs one hash, and gives the same rows.

    *began* is kept where Datadog does not tell it: of what has no data it says only when that was last so.
    """

    def __init__(self, options: DatadogOptions, read_only: bool = False) -> None:
        self._options = options
        self._read_only = read_only
        self._listing = DecodeCache(DatadogMonitor, self._entry)
        self._entries: list[_DatadogEntry] = []
        self._by_id: dict[str, Alert] = {}

    def _entry(self, monitor: DatadogMonitor) -> _DatadogEntry:
        return _DatadogEntry(monitor, self.of(monitor, ())) if alerting(monitor) else _FINE

    def take(self, raws: Items[DatadogMonitor]) -> tuple[bool, Damage]:
        """Decode what changed. Tells whether any monitor alerts, and which items were damaged."""
        self._entries, damage = self._listing.take(raws)
        return any(entry is not _FINE for entry in self._entries), damage

    def rows(self, downtimes: tuple[ActiveDowntime, ...], only: frozenset[int] | None, at: float) -> tuple[Alert, ...]:
        """The rows of what was taken *at* that time, given the downtimes; *only* of these monitors (None: of all)."""
        by_id: dict[str, Alert] = {}
        for entry in self._entries:
            monitor = entry.monitor
            if monitor is None or (only is not None and monitor.id not in only):
                continue
            held = tuple(h for h in downtimes if h.is_for(monitor))
            if held != entry.held:
                entry.held, entry.rows = held, self.of(monitor, held)
            entry.rows = tuple(self._steady(row, at) for row in entry.rows)
            by_id.update((row.id, row) for row in entry.rows)
        self._by_id = by_id
        return tuple(by_id.values())

    def known(self) -> frozenset[int]:
        """The monitors that alert."""
        return frozenset(entry.monitor.id for entry in self._entries if entry.monitor is not None)

    def _steady(self, row: Alert, at: float) -> Alert:
        """The row of the last poll where it says the same."""
        old = self._by_id.get(row.id)
        if old is row:
            return row
        if not row.began:
            row = msgspec.structs.replace(row, began=old.began if old else at)
        elif old and start_moves(row) and start_moves(old) and old.began < row.began:
            row = msgspec.structs.replace(row, began=old.began)
        return old if old == row else row

    def of(self, monitor: DatadogMonitor, held: tuple[ActiveDowntime, ...]) -> tuple[Alert, ...]:
        """One row for each group that alerts; one for the whole monitor where it names no group. May be none."""
        groups = alerting(monitor)
        shared = _Shared(monitor)
        rows = (self._row(monitor, shared, name, group, held) for name, group in groups.items())
        return tuple(row for row in rows if row is not None)

    def _row(
        self, monitor: DatadogMonitor, shared: _Shared, name: str, group: GroupState, held: tuple[ActiveDowntime, ...]
    ) -> Alert | None:
        status = group.status or ""
        state = _STATES.get(status, AlertState.UNKNOWN)
        if status.lower() in STATES and status.lower() not in self._options.states:
            return None  # a word that is none of Datadog's own is shown: nobody asked to hide it
        options = self._options
        tags = tags_of(name)
        native = f"{monitor.id}/{name}" if name != "*" else str(monitor.id)
        quiet = silenced(monitor, name, tags, held)
        url = f"{options.app_url}/monitors/{monitor.id}" + (f"?group={quote(name, safe='')}" if name != "*" else "")
        said = "" if status in (*_STATES, "Unknown") else f"state {status or 'missing'}"
        return Alert(
            id=f"{options.name}/{native}",
            source=options.name,
            provider="datadog",
            native_id=native,
            state=AlertState.SILENCED if quiet else state,
            severity=severity(monitor.priority, status),
            title=title(monitor, name, tags),
            began=began(monitor, group),
            by=(quiet.by,) if quiet and quiet.by else (),
            by_at=quiet.since if quiet else None,
            until=quiet.until if quiet else None,
            comment=quiet.comment if quiet else said,
            url=url,
            labels=labels(tags, shared.tags),
            annotations=(*shared.annotations, ("group", name), ("state", status)),
            hint=service_hint(self._options, dict(tags), shared.by_key),
            keys=(f"dedup:datadog:{monitor.id}:{name}",),
            hidden="draft" if monitor.draft_status == "draft" else "",
            verbs=frozenset() if self._read_only else frozenset({Verb.SILENCE}),
        )


def service_hint(options: DatadogOptions, *places: Mapping[str, str]) -> ServiceHint:
    """Return the ECS service that tags name, the first of *places* before the others."""

    def first(*names: str) -> str:
        return next((place[name] for name in names for place in places if place.get(name)), "")

    return ServiceHint(
        first(*options.cluster_labels),
        first(*options.service_labels),
        first(options.account_label),
        first(options.region_label),
    )


class _Shared:
    """The common part of one monitor's rows."""

    def __init__(self, monitor: DatadogMonitor) -> None:
        pairs = [tag.partition(":") for tag in monitor.tags or ()]
        self.tags: Tags = tuple((key, value) for key, colon, value in pairs if colon)
        bare = ", ".join(key for key, colon, _ in pairs if not colon)
        self.by_key = dict(reversed(self.tags))
        told = (
            ("monitor", str(monitor.id)),
            ("type", monitor.type or ""),
            ("priority", f"P{monitor.priority}" if monitor.priority else ""),
            ("query", monitor.query or ""),
            ("message", monitor.message or ""),
            ("tags", bare),
        )
        self.annotations = tuple((key, value) for key, value in told if value)


def alerting(monitor: DatadogMonitor) -> dict[str, GroupState]:
    """The groups that are not well, by name; ``*`` is the monitor itself, where it tells of no group.

    The key names the group: ``name`` beside it is documented as the monitor's (OpenAPI v1, MonitorStateGroup).
    """
    groups = (monitor.state.groups if monitor.state else None) or {}
    found = {key or "*": group for key, group in groups.items() if (group.status or "") not in _QUIET}
    if found or (monitor.overall_state or "") in _QUIET:
        return found
    return {"*": GroupState(status=monitor.overall_state or "")}


def silenced(monitor: DatadogMonitor, name: str, tags: Tags, held: tuple[ActiveDowntime, ...]) -> ActiveDowntime | None:
    """Return the longest silence of a group now: a downtime that covers it, else what the monitor itself says.

    A downtime's scope is held against the group, and against what the monitor's query is narrowed to as well; of a
    monitor that is not split Datadog's own word counts, that the downtime matches it.
    """
    if any(downtime.covers(tags) for downtime in held):
        return _longest(downtime for downtime in held if downtime.covers(tags))
    own = {f"{key}:{value}".casefold() for key, value in (*tags, *narrowed_to(monitor.query or ""))}
    for matching in monitor.matching_downtimes or ():
        wanted = {tag.casefold() for tag in matching.scope or ()} - {"*"}
        if (name == "*" and not monitor.multi) or wanted <= own:
            same = [downtime for downtime in held if {tag.casefold() for tag in downtime.plain_tags} == wanted]
            if same:
                return _longest(same)
            return ActiveDowntime("", "active", "", comment="by a downtime", since=matching.start, until=matching.end)
    muted = (monitor.options.silenced if monitor.options else None) or {}
    for key in (name, "*"):
        if key in muted:
            return ActiveDowntime("", "active", "", comment="muted in the monitor", until=muted[key])
    return None


def _longest(found: Iterable[ActiveDowntime]) -> ActiveDowntime:
    return max(found, key=lambda downtime: (downtime.until is None, downtime.until or 0.0))


def narrowed_to(query: str) -> Tags:
    """The tags that all of a query's series have: of one with a single plain ``{env:prod,host:a}``, else none."""
    scopes = set(_SCOPE.findall(_SPLIT.sub("", query)))
    if len(scopes) != 1 or not _PLAIN_SCOPE.fullmatch(scope := scopes.pop()):
        return ()
    return tags_of(scope)


def began(monitor: DatadogMonitor, group: GroupState) -> float:
    """When this state began: the group's own stamp, else the monitor's, else when the monitor was made (0: unknown)."""
    stamps = [group.last_triggered_ts]
    if group.status == "No Data":
        stamps.append(group.last_nodata_ts)
    known = [at for at in stamps if at]
    return max(known) if known else (stamp(monitor.overall_state_modified) or stamp(monitor.created) or 0.0)


def start_moves(row: Alert) -> bool:
    """Return whether its start moves (no data), or is not told at all."""
    return not row.began or ("state", "No Data") in row.annotations


def severity(priority: int | None, status: str) -> Severity:
    """Rate it by the monitor's priority (P1 … P5), else by the state: a mere warning is at most a warning."""
    found = _PRIORITIES.get(priority or 0) or _UNRANKED.get(status, Severity.UNKNOWN)
    return Severity.WARNING if status == "Warn" and found.rank < Severity.WARNING.rank else found


def title(monitor: DatadogMonitor, name: str, tags: Tags) -> str:
    """The monitor's name, ``{{host.name}}`` filled in; with the group where it does not tell it."""
    values = dict(tags)
    filled: set[str] = set()

    def put(found: re.Match[str]) -> str:
        filled.add(found[1])
        return values.get(found[1], found[0])

    text = _TEMPLATE.sub(put, monitor.name or f"monitor {monitor.id}")
    rest = ", ".join(f"{key}:{value}" for key, value in tags if key not in filled)
    if not tags and name != "*":
        rest = name
    return f"{text} ({rest})" if rest else text


def labels(own: Tags, shared: Tags) -> Pairs:
    """The group's tags, then the monitor's that do not name the same; interned, since thousands share them."""
    mine = {key for key, _ in own}
    pairs = dict.fromkeys((*own, *(pair for pair in shared if pair[0] not in mine)))
    return tuple((sys.intern(key), sys.intern(v) if len(v) < 128 else v) for key, v in sorted(pairs))
