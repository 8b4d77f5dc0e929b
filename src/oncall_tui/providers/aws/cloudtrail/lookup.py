"""Looks up who changed what: CloudTrail's events that name a service or what it stands on.

Facts: CloudTrail's API reference (LookupEvents: management events of 90 days, the newest first, 50 a page, two calls a
second for an account and region; one attribute to look by) and its user guide: an event is told within 15 minutes. All
calls that wrote are read, and those that name none of the service's things are left out here: the guide does not
promise that CloudTrail names the resources of a call of ECS's, so that it cannot be asked for them. Times are seconds
since the epoch, UTC.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from oncall_tui import errors
from oncall_tui.domain.change import Change
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.cloudtrail import schema as w
from oncall_tui.providers.aws.cloudtrail.event_words import short, texts, told
from oncall_tui.providers.lists import UNDECODABLE, Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import decoder

LATE_S = 15 * 60.0
CALLS_PER_S = 2.0
PAGES, PAGE = 10, 50
BY_ITSELF = {
    "ecs.application-autoscaling.amazonaws.com": "autoscaling",
    "ecs.amazonaws.com": "ECS",
    "cloudformation.amazonaws.com": "CloudFormation",
}
_OWN_ROLES = {"AWSServiceRoleForECS": "ECS", "AWSServiceRoleForApplicationAutoScaling_ECSService": "autoscaling"}
_OF_TASKS = ("RegisterTargets", "DeregisterTargets")  # ECS makes these as tasks come and go: effects of deploys


class Things:
    """The names of what is looked for: a service, and what it stands on.

    *names* are texts that stand in a call's parameters: names, ARNs. *cluster* and *service*: a call that names the
    service by its name has to name the cluster too. *family* is its task definition's: as a name it says nothing, since
    services of other clusters have the same one.
    """

    def __init__(self, cluster: str, service: str, names: Collection[str], family: str = "") -> None:
        self._cluster, self._service, self._family = cluster, service, family
        self._names = {one for name in names if name for one in (name, short(name))}
        self._paths = {f"{cluster}/{service}", f"service/{cluster}/{service}"}

    def named_in(self, request: dict[str, Any]) -> bool:
        """Return whether a call's parameters name one of them."""
        found = {one for text in texts(request) for one in (text, short(text))}
        if found & self._names or (self._family and self._is_definition(request)):
            return True
        cluster = short(str(request.get("cluster") or ""))
        if self._service in found and cluster == self._cluster:
            return True
        return any(text in self._paths or text.endswith(f":service/{self._cluster}/{self._service}") for text in found)

    def _is_definition(self, request: dict[str, Any]) -> bool:
        name = short(str(request.get("taskDefinition") or "")).rpartition(":")[0]
        return "service" not in request and self._family in (request.get("family"), name)


class WhoLookup:
    """Looks up one account's events. Used by the queue of on-demand readings."""

    def __init__(
        self, source: str, client: AwsClient, clock: Clock, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._source, self._client, self._clock, self._pause = source, client, clock, pause

    def changes(self, service_id: str, things: Things, since: float, until: float) -> WhoAnswer:
        """Return what was done to *things* in that time. Raises SourceError where nothing could be read."""
        now = self._clock.now()
        notes: list[str] = []
        events, read_from = self._read(since, until, notes)
        made = [one for event in events if (one := self._change(event, service_id, things, notes)) is not None]
        return WhoAnswer(
            source=self._source,
            log="CloudTrail",
            changes=tuple(sorted(made, key=lambda one: (-one.began, one.id))),
            since=since,
            until=until,
            read_from=read_from,
            read_to=min(until, now - LATE_S),
            late_s=LATE_S,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _read(self, since: float, until: float, notes: list[str]) -> tuple[list[w.LookedUpEvent], float]:
        """Return the events, and from when on they are all there."""
        found: list[w.LookedUpEvent] = []
        cut = False
        damage, paging = Damage(), Paging("", most=PAGES)
        for token in paging:
            try:
                page = self._page(since, until, token, damage)
            except errors.SourceError as error:
                if not found:
                    raise
                notes.append(error.message)
                cut = True
                break
            found += page.events
            paging.follow(page.next_token)
        if paging.cut:
            notes.append(f"more than {len(found)} calls wrote in that time")
        if said := damage.said("events", "CloudTrail"):
            notes.append(said)
        newest_alone = cut or not paging.whole  # they come newest first
        return found, min((event.event_time for event in found), default=since) if newest_alone else since

    def _page(self, since: float, until: float, token: str, damage: Damage) -> w.LookupEvents:
        while True:
            try:
                return self._client.read(
                    w.LookupEvents,
                    "LookupEvents",
                    Priority.HOT,
                    damage,
                    LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
                    StartTime=datetime.fromtimestamp(since, UTC),
                    EndTime=datetime.fromtimestamp(until, UTC),
                    MaxResults=PAGE,
                    **({"NextToken": token} if token else {}),
                )
            except RateLimited as later:
                self._pause(later.wait_s)

    def _change(self, event: w.LookedUpEvent, service_id: str, things: Things, notes: list[str]) -> Change | None:
        try:
            call = decoder(w.CallRecord).decode(event.cloud_trail_event)
        except UNDECODABLE:
            notes.append("an event is not as CloudTrail promises")
            return None
        request = call.request_parameters or {}
        by = who(call.user_identity, event.username)
        if call.read_only or not things.named_in(request) or (by == "ECS" and event.event_name in _OF_TASKS):
            return None
        what, thing, kind = told(event.event_name, request)
        refused = call.error_code
        return Change(
            id=f"{self._source}/cloudtrail:{event.event_id}",
            source=self._source,
            kind=kind,
            what=f"refused ({refused}): {what}" if refused else what,
            resource=thing,
            began=event.event_time,
            ended=event.event_time,
            by=by,
            text=f"{event.event_name} ({event.event_source.removesuffix('.amazonaws.com')})",
            service_id=service_id,
            effect=bool(refused),  # an attempt that was refused changed nothing
            account=call.recipient_account_id,
            region=call.aws_region,
        )


def who(identity: w.UserIdentity, username: str) -> str:
    """Return who called: a person, a role and its session, or AWS's own service that did it by itself."""
    if identity.invoked_by in BY_ITSELF:
        return BY_ITSELF[identity.invoked_by]
    context = identity.session_context
    issuer = context.session_issuer.user_name if context and context.session_issuer else ""
    if issuer in _OWN_ROLES:
        return _OWN_ROLES[issuer]
    return arn.person(identity.arn) or username or identity.user_name or identity.invoked_by
