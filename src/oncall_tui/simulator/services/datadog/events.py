"""The events of a simulated Datadog ("Get a list of events", OpenAPI v2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.datadog.http import SimulatedDatadogRefusal, instant, number_of, one_of


@dataclass
class SimulatedDatadogEvent:
    """One event; `at` in POSIX seconds, `tags` as `key:value`."""

    id: str
    title: str
    at: float
    tags: tuple[str, ...] = ()

    def public(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        facts = {"title": self.title, "timestamp": int(self.at * 1000), "tags": list(self.tags)}
        told = {"timestamp": instant(self.at), "message": f"{self.title}\n", "tags": list(self.tags)}
        return {"id": self.id, "type": "event", "attributes": told | {"attributes": facts}}


def listed_events(request: Request, events: list[SimulatedDatadogEvent]) -> dict[str, Any]:
    """A page: words of the query are tags, or parts of the title. Raises SimulatedDatadogRefusal."""
    try:
        begin = datetime.fromisoformat(one_of(request, "filter[from]")).timestamp()
    except ValueError:
        raise SimulatedDatadogRefusal(400, "Invalid from") from None
    words = one_of(request, "filter[query]").split()
    found = [one for one in events if one.at >= begin and all(w in one.tags or w in one.title for w in words)]
    found.sort(key=lambda one: one.at, reverse=one_of(request, "sort") == "-timestamp")
    limit, cursor = number_of(request, "page[limit]", 10), number_of(request, "page[cursor]", 0)
    after = cursor + limit
    page = {"page": {"after": str(after)}} if after < len(found) else {}
    return {"data": [one.public() for one in found[cursor:after]], "meta": {"status": "done", **page}}
