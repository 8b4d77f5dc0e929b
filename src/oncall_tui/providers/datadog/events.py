"""Datadog's events as changes: those that a configured search finds ("Get a list of events", v2)."""

from __future__ import annotations

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.providers.datadog.api import DatadogApi
from oncall_tui.providers.datadog.mapping import service_hint
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.datadog.schema import DatadogEvent
from oncall_tui.providers.http import sanitize, stamp
from oncall_tui.providers.http.change_feed import PAGES, Told
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.paging import Paging

LONGEST = 200  # characters of a title


def read(api: DatadogApi, options: DatadogOptions, since: float) -> Told:
    """Read those since then (seconds since the epoch), a few pages at most. Raises SourceError."""
    found: list[Change] = []
    damage = Damage()
    paging = Paging("", most=PAGES)
    for cursor in paging:
        page = api.events(options.events, since, cursor)
        for event in items(page.data, DatadogEvent, damage):
            if (at := stamp(event.attributes.timestamp)) is None:
                damage.lose(f"{event.id} without a time")
            else:
                found.append(_change(options, event, at))
        after = page.meta.page.after if page.meta and page.meta.page else None
        paging.follow(after if page.data else None, page.data)
    return found, (*damage.problems("events"), *paging.problems("events", len(found), "narrow it: events"))


def _change(options: DatadogOptions, event: DatadogEvent, at: float) -> Change:
    told = event.attributes
    pairs = [tag.partition(":") for tag in told.tags or ()]
    tags = {key: value for key, colon, value in reversed(pairs) if colon}
    facts = told.attributes
    title = (facts.title if facts else None) or (told.message or "").strip().partition("\n")[0]
    service = (facts.service if facts else None) or tags.get("service", "")
    return Change(
        id=f"{options.name}/event:{event.id}",
        source=options.name,
        kind=ChangeKind.OTHER,
        what=sanitize(title, LONGEST) or "a Datadog event without a title",
        resource=service or (facts.source_type_name if facts else None) or tags.get("source", ""),
        began=at,
        ended=at,
        text="an event of Datadog",
        url=f"{options.app_url}/event/explorer?query={event.id}" if not options.url else "",
        hint=service_hint(options, tags),
    )
