"""PagerDuty's change events as changes: what a deploy tool or a pipeline told it, and which services that is about.

``GET /change_events`` (API reference, "List Change Events"). Edits of schedules are not among them: ``schedule_edits``
reads those.
"""

from __future__ import annotations

from collections.abc import Iterator

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.reading import PartialFailure
from oncall_tui.providers.http import stamp
from oncall_tui.providers.http.change_feed import PAGES, Told
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.pagerduty.api import PAGE, PagerDutyApi
from oncall_tui.providers.pagerduty.incident_labels import hint_of, label_sets
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import AccountChangeEvent, Reference
from oncall_tui.providers.paging import Paging
from oncall_tui.text.time_format import rfc3339

LONGEST = 200  # characters of a summary
NOWHERE = (Reference(id=""),)


def read(api: PagerDutyApi, options: PagerDutyOptions, since: float) -> Told:
    """Read those since then (seconds since the epoch), a few pages at most. Raises SourceError."""
    found: list[Change] = []
    damage = Damage()
    paging = Paging(0, most=PAGES)
    for number in paging:
        page = api.change_events(rfc3339(since), number * PAGE)
        for event in items(page.change_events, AccountChangeEvent, damage):
            if (at := stamp(event.timestamp)) is None:
                damage.lose(f"{event.id} without a time")
            else:
                found += _changes(options, event, at)
        paging.follow(number + 1 if page.more else None, page.change_events)
    return found, (*damage.problems("change events"), *_cut(paging, len(found)))


def _cut(paging: Paging[int], read_so_far: int) -> list[PartialFailure]:
    return paging.problems("change events", read_so_far, "narrow it: teams") if not paging.whole else []


def _changes(options: PagerDutyOptions, event: AccountChangeEvent, at: float) -> Iterator[Change]:
    """Yield one change for each service that the event is about."""
    labels = next(iter(label_sets(event.custom_details)), {})
    hint = hint_of(labels)
    link = next((one.href for one in event.links or () if one.href), "") or ""
    summary = " ".join((event.summary or "").split())[:LONGEST] or "a change without a summary"
    services = event.services or NOWHERE
    for number, service in enumerate(services):
        if options.services and service.id not in options.services:
            continue
        yield Change(
            id=f"{options.name}/{event.id}" + (f"/{service.id}" if number else ""),
            source=options.name,
            kind=ChangeKind.OTHER,
            what=summary,
            resource=service.label if service.id else event.source or "",
            began=at,
            ended=at,
            text=f"told to PagerDuty by {event.source}" if event.source else "told to PagerDuty",
            url=link if link.startswith(("https://", "http://")) else "",
            hint=hint if hint.service else ServiceHint(),
        )
