"""Datadog's own words, as far as they are used.

``DatadogMonitor``, ``MonitorState``, ``MatchingDowntime`` of its v1 OpenAPI file; ``DowntimeResponse``,
``MonitorDowntimeMatchResponse`` of v2. Enumerations stay strings: a value that is not known yet must become a row, not
an error. What may be missing or null has a default. Times of v1 are seconds since the epoch, of v2 RFC 3339.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Epoch, Items, Spared


class GroupState(msgspec.Struct, frozen=True, gc=False):
    """One group of a multi-alert monitor; *name* is ``host:web-1,env:prod``, ``*`` where it is not grouped."""

    status: Spared[str | None] = None
    name: Spared[str | None] = None
    last_triggered_ts: Spared[Epoch | None] = None
    last_nodata_ts: Spared[Epoch | None] = None


class State(msgspec.Struct, frozen=True):
    """Only the groups that ``group_states`` asks for."""

    groups: Spared[dict[str, GroupState] | None] = None


class MatchingDowntime(msgspec.Struct, frozen=True):
    """A downtime that holds now, as the monitor itself lists it: tags that all have to match, and no author."""

    scope: tuple[str, ...] | None = None
    start: Epoch | None = None
    end: Epoch | None = None


class MonitorOptions(msgspec.Struct, frozen=True):
    """*silenced*: a group's name, or ``*`` -> the end of its mute (null: none)."""

    silenced: dict[str, Epoch | None] | None = None


class DatadogMonitor(msgspec.Struct, frozen=True):
    """One monitor as ``GET /api/v1/monitor`` lists it."""

    id: int
    overall_state: Spared[str | None] = None
    name: Spared[str | None] = None
    type: Spared[str | None] = None
    query: Spared[str | None] = None
    message: Spared[str | None] = None
    priority: Spared[int | None] = None
    multi: Spared[bool | None] = None
    draft_status: Spared[str | None] = None
    tags: Spared[tuple[str, ...] | None] = None
    state: Spared[State | None] = None
    options: Spared[MonitorOptions | None] = None
    matching_downtimes: Spared[tuple[MatchingDowntime, ...] | None] = None
    overall_state_modified: Spared[str | None] = None
    created: Spared[str | None] = None


class DatadogMonitorPage(msgspec.Struct, frozen=True):
    """One monitor of a search."""

    id: int


class SearchMeta(msgspec.Struct, frozen=True):
    page_count: int = 0


class Search(msgspec.Struct, frozen=True):
    """A page of ``GET /api/v1/monitor/search``."""

    monitors: Items[DatadogMonitorPage]
    metadata: SearchMeta = SearchMeta()


class DatadogTarget(msgspec.Struct, frozen=True):
    """The monitors of a downtime: one, or those that have all of these tags."""

    monitor_id: int | None = None
    monitor_tags: tuple[str, ...] | None = None


class DatadogWindow(msgspec.Struct, frozen=True):
    start: str | None = None
    end: str | None = None


class DatadogSchedule(msgspec.Struct, frozen=True):
    """One time, or a recurring one with what holds now."""

    start: str | None = None
    end: str | None = None
    current_downtime: DatadogWindow | None = None


class DowntimeAttributes(msgspec.Struct, frozen=True):
    """*status* is ``active``, ``scheduled``, ``ended`` or ``canceled``."""

    status: str | None = None
    scope: str | None = None
    message: Spared[str | None] = None
    created: Spared[str | None] = None
    monitor_identifier: DatadogTarget | None = None
    schedule: DatadogSchedule | None = None


class DatadogDowntime(msgspec.Struct, frozen=True):
    """One downtime; its *relationships* name who made it, where that was asked for."""

    id: str
    attributes: DowntimeAttributes
    relationships: Spared[dict[str, Any] | None] = None

    @property
    def author_id(self) -> str:
        """The id of who made it; empty: it does not say."""
        made = (self.relationships or {}).get("created_by")
        data = made.get("data") if isinstance(made, dict) else None
        return str(data.get("id", "")) if isinstance(data, dict) else ""


class UserAttributes(msgspec.Struct, frozen=True):
    name: Spared[str | None] = None
    handle: Spared[str | None] = None
    email: Spared[str | None] = None


class Included(msgspec.Struct, frozen=True):
    """The users that come with downtimes, for their names."""

    id: str = ""
    type: str = ""
    attributes: UserAttributes = UserAttributes()


class PageInfo(msgspec.Struct, frozen=True):
    total_filtered_count: int | None = None


class PageMeta(msgspec.Struct, frozen=True):
    page: PageInfo | None = None


class Downtimes(msgspec.Struct, frozen=True):
    """A page of ``GET /api/v2/downtime``."""

    data: Items[DatadogDowntime]
    included: Items[Included] = []  # type: ignore[assignment]
    meta: PageMeta | None = None


class OneDowntime(msgspec.Struct, frozen=True):
    data: DatadogDowntime
    included: Items[Included] = []  # type: ignore[assignment]


class Match(msgspec.Struct, frozen=True):
    """A downtime that the server says holds for a monitor."""

    id: str


class Matches(msgspec.Struct, frozen=True):
    data: Items[Match]


class Valid(msgspec.Struct, frozen=True):
    """The answer of ``GET /api/v1/validate``."""

    valid: bool = False


class EventFacts(msgspec.Struct, frozen=True):
    """The attributes of an event that are used (``EventAttributes`` of v2)."""

    title: Spared[str | None] = None
    service: Spared[str | None] = None
    source_type_name: Spared[str | None] = None


class EventAttributes(msgspec.Struct, frozen=True):
    """``EventResponseAttributes`` of v2: *timestamp* is RFC 3339, *tags* are ``key:value``."""

    timestamp: str
    message: Spared[str | None] = None
    tags: Spared[tuple[str, ...] | None] = None
    attributes: Spared[EventFacts | None] = None


class DatadogEvent(msgspec.Struct, frozen=True):
    """One of ``GET /api/v2/events``."""

    id: str
    attributes: EventAttributes


class EventsCursor(msgspec.Struct, frozen=True):
    after: str | None = None


class EventsMeta(msgspec.Struct, frozen=True):
    page: EventsCursor | None = None


class DatadogEvents(msgspec.Struct, frozen=True):
    """A page of events, the newest first where the request says so."""

    data: Items[DatadogEvent]
    meta: EventsMeta | None = None
