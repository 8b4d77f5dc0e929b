"""The providers under contract. How to add one is in ``oncall_tui.testing.contract: Plug``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.providers import registry
from oncall_tui.providers.alertmanager.options import AlertmanagerOptions
from oncall_tui.providers.base import Context, Provider
from oncall_tui.providers.datadog.options import DatadogOptions
from oncall_tui.providers.mackerel.options import MackerelOptions
from oncall_tui.providers.options import SourceOptions
from oncall_tui.providers.pagerduty.options import PagerDutyOptions
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.runtime.secret import Secret
from oncall_tui.simulator.server.messages import Request
from oncall_tui.simulator.services.alertmanager.api import SimulatedAlertmanager as AlertmanagerWorld
from oncall_tui.simulator.services.datadog.api import SimulatedDatadog as DatadogWorld
from oncall_tui.simulator.services.mackerel import SimulatedMackerel as MackerelWorld
from oncall_tui.simulator.services.pagerduty.api import SimulatedPagerDuty as PagerDutyWorld
from oncall_tui.simulator.services.sentry.api import SimulatedSentry as SentryWorld
from oncall_tui.testing.suite import GATEWAY, TOKEN, Plug

Now = Callable[[], float]
Item = dict[str, Any]
SECRET = Secret("env", ("PLANTED_TOKEN",))
WORD = "pondering"
PEOPLE = [{"name": "Alice", "email": "alice@example.com"}]


def _built(options: Callable[[str], SourceOptions]) -> Callable[[str, Context], Provider]:
    """Build it with a header that only a gateway asks for (the case ``gateway``)."""
    return lambda url, context: registry.build(msgspec.structs.replace(options(url), headers=GATEWAY), context)


def _at(path: str, *names: str) -> Callable[[Request, Any], list[Any] | None]:
    """The items of the answer to *path*: all of it, or under *names*."""

    def items(request: Request, body: Any) -> list[Any] | None:
        if request.path != path:
            return None
        for name in names:
            body = body[name]
        found: list[Any] = body
        return found

    return items


def _setting(*names: str) -> Callable[[Item, str], None]:
    def put(item: Item, text: str) -> None:
        *above, last = names
        for name in above:
            item = item[name]
        item[last] = text

    return put


def _pagerduty(now: Now, count: int) -> PagerDutyWorld:
    world = PagerDutyWorld(now, spec={"token": TOKEN, "services": [{"name": "payments", "id": "PSVC1"}]})
    for n in range(count):
        world.trigger(f"k{n}", f"problem {n}", "payments", "low", began=now() - 60)
    return world


def _alertmanager(now: Now, count: int) -> AlertmanagerWorld:
    world = AlertmanagerWorld(now)
    for n in range(count):
        world.fire({"alertname": "Down", "n": str(n)}, {"summary": f"problem {n}"}, now() - 60)
    return world


def _datadog(now: Now, count: int) -> DatadogWorld:
    world = DatadogWorld(now)
    for n in range(count):
        world.add({"id": 100 + n, "name": f"problem {n}", "state": "Alert", "minutes": 1})
    return world


def _datadog_state(item: Item) -> None:
    item["overall_state"] = WORD
    for group in item.get("state", {}).get("groups", {}).values():
        group["status"] = WORD


def _sentry(now: Now, count: int) -> SentryWorld:
    world = SentryWorld(now, {"organization": "acme", "tokens": [TOKEN], "people": PEOPLE})
    for n in range(count):
        world.report(f"k{n}", f"problem {n}", "checkout", began=now() - 60)
    return world


def _mackerel(now: Now, count: int) -> MackerelWorld:
    world = MackerelWorld(now, {"keys": [TOKEN]})
    for n in range(count):
        world.open(f"k{n}", "checkout 5xx", message=f"problem {n}", began=now() - 60)
    return world


PLUGS = (
    Plug(
        name="pagerduty",
        build=_built(lambda url: PagerDutyOptions(name="it", provider="pagerduty", token=SECRET, url=url)),
        world=_pagerduty,
        items=_at("/incidents", "incidents"),
        title=_setting("title"),
        unknown=lambda item: item.update(status=WORD),
        optional=(
            *("title", "summary", "incident_number", "incident_key", "urgency", "html_url", "priority", "service"),
            *("escalation_policy", "teams", "assignments", "acknowledgements", "pending_actions", "alert_counts"),
            *("last_status_change_at", "last_status_change_by", "service.summary"),
        ),
        write=(Verb.ACKNOWLEDGE, {}),
    ),
    Plug(
        name="alertmanager",
        build=_built(lambda url: AlertmanagerOptions(name="it", provider="alertmanager", url=url, bearer_token=SECRET)),
        world=_alertmanager,
        items=_at("/api/v2/alerts"),
        title=_setting("annotations", "summary"),
        unknown=lambda item: item["status"].update(state=WORD),
        optional=("generatorURL", "status.mutedBy"),  # all else is required (openapi.yaml, gettableAlert)
        write=(Verb.ACKNOWLEDGE, {}),
    ),
    Plug(
        name="datadog",
        build=_built(
            lambda url: DatadogOptions(name="it", provider="datadog", api_key=SECRET, application_key=SECRET, url=url)
        ),
        world=_datadog,
        items=_at("/api/v1/monitor"),
        title=_setting("name"),
        unknown=_datadog_state,
        optional=(
            *("name", "type", "query", "message", "priority", "tags", "options", "matching_downtimes", "created"),
            *("state", "state.groups", "options.silenced", "overall_state_modified", "multi", "modified", "deleted"),
        ),
        write=(Verb.SILENCE, {"for_s": 3600.0, "reason": "deploying"}),
    ),
    Plug(
        name="sentry",
        build=_built(
            lambda url: SentryOptions(name="it", provider="sentry", organization="acme", token=SECRET, url=url)
        ),
        world=_sentry,
        items=_at("/api/0/organizations/acme/issues/"),
        title=_setting("title"),
        unknown=lambda item: item.update(status=WORD),
        optional=(
            *("title", "substatus", "statusDetails", "shortId", "culprit", "permalink", "level", "priority"),
            *("platform", "issueCategory", "project", "assignedTo", "count", "userCount", "lastSeen", "project.slug"),
        ),
        write=(Verb.ACKNOWLEDGE, {}),
    ),
    Plug(
        name="mackerel",
        build=_built(lambda url: MackerelOptions(name="it", provider="mackerel", api_key=SECRET, url=url)),
        world=_mackerel,
        items=_at("/api/v0/alerts", "alerts"),
        title=_setting("message"),
        unknown=lambda item: item.update(status=WORD),
        optional=("monitorId", "type", "hostId", "value", "message", "reason"),
        write=(Verb.RESOLVE, {"reason": "false alarm"}),
    ),
)
