"""A message's body → what it tells: a service that moved, or a change. Pure.

Nothing is shown of an ECS event itself: it only says which service to read now, and what was read is shown. So an event
that is lost, late, twice or forged shows nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.service import DeployGroup, ServiceKey
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.eventbridge import schema as w
from oncall_tui.providers.aws.rds.mapping import CLUSTER, INSTANCE, DatabaseEvent
from oncall_tui.providers.lists import UNDECODABLE, DamagedItem, decode, decode_item

TEXT = 300  # characters of a change's text
HEALTH_OPEN_S = 12 * 3600.0  # how long after its last update an end of what AWS Health tells is waited for
KIND = 80  # and of an event's source and type, where they are told


DATABASES = frozenset({"aws.rds RDS DB Instance Event", "aws.rds RDS DB Cluster Event"})


class NotAnEvent(Exception):
    """A message that is no event of AWS's: why, in words that repeat nothing of it. It may be somebody else's."""


class NotAsDocumented(Exception):
    """An event of AWS's whose content is not as AWS documents it: which, in words."""


class Told(msgspec.Struct, frozen=True):
    """The news of one event. *id* is the event's; *kind* its source and type, for what is counted as not used.

    *moved*: the service that ECS told of, or the deployment group that CodeDeploy told of.
    *database*: an event of RDS, of which several make one change (``rds.mapping.changes``). *at* is the event's own
    time, in seconds since the epoch: of two updates of one change, the later one counts.
    """

    id: str
    kind: str
    at: float
    moved: ServiceKey | DeployGroup | None = None
    change: Change | None = None
    database: DatabaseEvent | None = None

    @property
    def used(self) -> bool:
        """Return whether it tells anything."""
        return self.moved is not None or self.change is not None or self.database is not None


def envelope(body: str) -> w.Envelope:
    """Return the event in a message, also where an SNS topic is in between. Raises NotAnEvent.

    AWS's own events have a source that begins with ``aws.`` ("AWS service event metadata"), which nobody else may send
    (PutEvents); ``aws.partner/`` are other companies'.
    """
    found = _unwrapped(body)
    if not found.source.startswith("aws.") or found.source.startswith("aws.partner/"):
        raise NotAnEvent("an event of an application, not of AWS")
    return found


def _unwrapped(body: str) -> w.Envelope:
    raw = body.encode("utf-8", "replace")
    try:
        return decode(raw, w.Envelope)
    except UNDECODABLE as error:
        first = error
    try:
        outer = decode(raw, w.SnsEnvelope)
    except UNDECODABLE:
        raise NotAnEvent(_why(first)) from None
    if outer.type != "Notification":
        raise NotAnEvent("SNS's, and no notification")
    try:
        return decode(outer.message.encode("utf-8", "replace"), w.Envelope)
    except UNDECODABLE as error:
        raise NotAnEvent(f"{_why(error)}, in SNS's envelope") from None


def _why(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        return "JSON, but not as EventBridge sends it"
    return "nested too deep" if isinstance(error, RecursionError) else "no JSON"


def told(source: str, event: w.Envelope, sent_at: float) -> Told:
    """Return what *event* tells; *sent_at* is when SQS took it (seconds since the epoch). Raises NotAsDocumented."""
    kind = "".join(c if c.isprintable() else " " for c in f"{event.source} {event.detail_type}"[:KIND])
    make, at = _MAKERS.get((event.source, event.detail_type)), _when(event.time, sent_at)
    try:
        if kind in DATABASES:
            return Told(event.id, kind, at, database=_rds(event, at))
        if make is None:
            return Told(event.id, kind, at)
        moved, change = make(event, source, at)
    except (*UNDECODABLE, DamagedItem):
        raise NotAsDocumented(kind) from None
    return Told(event.id, kind, at, moved, change)


def _when(text: str, sent_at: float) -> float:
    """Return an event's own time. It is SQS's where it tells none, or one to come: then its sender's clock is off."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        try:
            stamp = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return sent_at
    try:
        found = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return sent_at
    return found if 0 < found <= sent_at else sent_at


# --- services that moved ----------------------------------------------------------------------------------------------

Made = tuple[ServiceKey | DeployGroup | None, Change | None]


def _ecs_service(event: w.Envelope, source: str, at: float) -> Made:
    """ "ECS Deployment State Change" and "ECS Service Action" name the service in ``resources``.

    That is its own ARN in each example of AWS's; a deployment's or a revision's would name it as well.
    """
    for text in event.resources:
        named = arn.parse(text)
        if named.resource.startswith(("service/", "service-deployment/", "service-revision/")):
            detail, _ = decode_item(event.detail, w.EcsDetail)
            path = named.path if len(named.path) > 1 else (arn.parse(detail.cluster_arn).name, *named.path)  # old ARNs
            return _key(event, named.account, named.region, path[0], path[1]), None
    raise DamagedItem("no service among its resources")


def _ecs_task(event: w.Envelope, source: str, at: float) -> Made:
    """A task that stopped moves its service; one that starts is read while its service deploys."""
    detail, _ = decode_item(event.detail, w.EcsDetail)
    kind, _, name = detail.group.partition(":")
    if kind != "service" or not name or detail.last_status != "STOPPED":
        return None, None
    of = arn.parse(detail.cluster_arn)
    return _key(event, of.account, of.region, of.name, name), None


def _codedeploy(event: w.Envelope, source: str, at: float) -> Made:
    """ "CodeDeploy Deployment State-change Notification" names a deployment group, and no service (CodeDeploy user
    guide, "Monitoring deployments with Amazon CloudWatch Events").
    """
    detail, _ = decode_item(event.detail, w.CodeDeployDetail)
    return DeployGroup(event.account, event.region, detail.application, detail.deployment_group), None


def _scaling(event: w.Envelope, source: str, at: float) -> Made:
    """A desired count that was moved moves its service: what is read of it then tells from how many to how many."""
    detail, _ = decode_item(event.detail, w.ScalingDetail)
    kind, _, path = detail.resource_id.partition("/")
    cluster, _, name = path.partition("/")
    if detail.service_namespace != "ecs" or kind != "service" or not name:
        return None, None
    return ServiceKey(event.account, event.region, cluster, name), None


def _key(event: w.Envelope, account: str, region: str, cluster: str, name: str) -> ServiceKey:
    return ServiceKey(account or event.account, region or event.region, cluster, name)


# --- changes ----------------------------------------------------------------------------------------------------------


def _rds(event: w.Envelope, at: float) -> DatabaseEvent:
    detail, _ = decode_item(event.detail, w.RdsDetail)
    kind = CLUSTER if event.detail_type == "RDS DB Cluster Event" else INSTANCE
    began = min(at, _when(detail.date, at))
    message = detail.message[:TEXT]
    return DatabaseEvent(began, detail.source_identifier, kind, detail.event_categories, message, event.account)


def _health(event: w.Envelope, source: str, at: float) -> Made:
    """An event of AWS itself: its updates have one ARN, so the newest replaces the others."""
    detail, _ = decode_item(event.detail, w.HealthDetail)
    if detail.event_type_category == "accountNotification":
        return None, None
    of = [entity.entity_value for entity in detail.affected_entities if entity.entity_value]
    named = arn.parse(of[0]).name.rpartition(":")[2] if of else detail.service
    code = detail.event_type_code.removeprefix("AWS_").removeprefix(f"{detail.service}_")
    what = f"AWS {detail.service} {code.replace('_', ' ').lower()}"
    if of:
        what += f" of {named}" + (f" and {len(of) - 1} more" if len(of) > 1 else "")
    began, over = _planned(detail.start_time, at), detail.status_code == "closed"
    not_before = None if _planned(detail.start_time, 0.0) else at - HEALTH_OPEN_S  # told, and nobody says since when
    end = _planned(detail.end_time, at) if detail.end_time else None
    if over or (end is not None and end <= at):
        end = max(began, end if end is not None else at)
    text = detail.event_description[0].latest_description if detail.event_description else ""
    id = detail.event_arn or event.id
    told = _change(source, id, ChangeKind.MAINTENANCE, what, named, began, end, by="AWS", text=text)
    told = msgspec.structs.replace(told, not_before=not_before)
    return None, msgspec.structs.replace(told, account=event.account)  # its region may be that of AWS's backup copy


def over(change: Change, told_at: float, now: float) -> Change:
    """End what goes on since HEALTH_OPEN_S and was told nothing of for so long: its "closed" may have been lost.

    *told_at* is the time of its last update; it and *now* in seconds since the epoch. It ends there, or at its begin
    where that is later.
    """
    last = max(change.began, told_at)
    if change.ended is None and now - last > HEALTH_OPEN_S:
        said = f"{change.text} (its end was not told)".strip()
        return msgspec.structs.replace(change, ended=last, text=said)
    return change


def _planned(text: str, at: float) -> float:
    """Return a time that may be to come; *at* where it is none."""
    return _when(text, float("inf")) if text and _when(text, float("inf")) != float("inf") else at


def _alarm(event: w.Envelope, source: str, at: float) -> Made:
    detail, _ = decode_item(event.detail, w.AlarmDetail)
    done = {"create": "creation", "update": "edit", "delete": "deletion"}.get(detail.operation, "edit")
    what = f"{done} of alarm {detail.alarm_name}"
    told = _change(source, event.id, ChangeKind.ALARM, what, detail.alarm_name, at, at)
    return None, msgspec.structs.replace(told, account=event.account, region=event.region)


def _change(
    source: str,
    id: str,
    kind: ChangeKind,
    what: str,
    resource: str,
    began: float,
    ended: float | None,
    by: str = "",
    text: str = "",
) -> Change:
    return Change(
        id=f"{source}/{id}",
        source=source,
        kind=kind,
        what=what,
        resource=resource,
        began=began,
        ended=ended,
        by=by,
        text=text[:TEXT],
    )


_MAKERS: dict[tuple[str, str], Callable[[w.Envelope, str, float], Made]] = {
    ("aws.ecs", "ECS Deployment State Change"): _ecs_service,
    ("aws.ecs", "ECS Service Action"): _ecs_service,
    ("aws.ecs", "ECS Task State Change"): _ecs_task,
    ("aws.codedeploy", "CodeDeploy Deployment State-change Notification"): _codedeploy,
    ("aws.health", "AWS Health Event"): _health,
    ("aws.application-autoscaling", "Application Auto Scaling Scaling Activity State Change"): _scaling,
    ("aws.cloudwatch", "CloudWatch Alarm Configuration Change"): _alarm,
    ("aws.monitoring", "CloudWatch Alarm Configuration Change"): _alarm,  # its reference names this source
}
"""By the event's source and type: a type of that name from elsewhere tells nothing."""
