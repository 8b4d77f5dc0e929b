"""Edits of on-call schedules and escalation policies as changes: they say who is paged, and accuse nothing.

``GET /audit/records`` (API reference, "List audit records"): the newest first, paged by a cursor; for admins, the
account's owner and the account's own keys, where its plan has an audit trail; a scoped login needs
``audit_records.read``. A record names who did it, the resource, and the fields that were changed.
"""

from __future__ import annotations

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.providers.http import sanitize, stamp
from oncall_tui.providers.http.change_feed import PAGES, Told
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.pagerduty.schema import AuditRecord
from oncall_tui.providers.paging import Paging
from oncall_tui.text.time_format import rfc3339

LONGEST = 200  # characters of a text
_KINDS = {"schedule": "schedule", "escalation_policy": "escalation policy"}
_WORDS = {"create": "creation", "update": "edit", "delete": "deletion"}


def read(api: PagerDutyApi, options: PagerDutyOptions, since: float) -> Told:
    """Read those since then (seconds since the epoch), a few pages at most. Raises SourceError."""
    found: list[Change] = []
    damage = Damage()
    paging = Paging("", most=PAGES)
    for cursor in paging:
        page = api.audit_records(rfc3339(since), cursor)
        for record in items(page.records, AuditRecord, damage):
            if (at := stamp(record.execution_time)) is None:
                damage.lose(f"{record.id} without a time")
            else:
                found.append(_change(options, record, at))
        paging.follow(page.next_cursor, page.records)
    return found, (*damage.problems("schedule edits"), *paging.problems("schedule edits", len(found)))


def _change(options: PagerDutyOptions, record: AuditRecord, at: float) -> Change:
    root = record.root_resource
    kind = root.type.removesuffix("_reference")
    name = sanitize(root.label, LONGEST)
    fields = record.details.fields if record.details else None
    return Change(
        id=f"{options.name}/audit:{record.id}",
        source=options.name,
        kind=ChangeKind.SCHEDULE,
        what=f"{_WORDS.get(record.action, 'edit')} of {_KINDS.get(kind, kind.replace('_', ' '))} {name}",
        resource=name,
        began=at,
        ended=at,
        by=", ".join(sanitize(one.label, LONGEST) for one in record.actors or () if one.label),
        text=sanitize(", ".join(dict.fromkeys(one.name for one in fields or () if one.name)), LONGEST),
    )
