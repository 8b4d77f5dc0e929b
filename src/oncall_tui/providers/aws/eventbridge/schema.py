"""The words of SQS and of the events that EventBridge puts into a queue. Only the fields that are used.

SQS: its API reference (ReceiveMessage, DeleteMessageBatch, GetQueueAttributes, GetQueueUrl), which is AWS JSON 1.0. The
envelope: EventBridge user guide, "AWS service event metadata". What is in it is each service's own, and named at its
type. Times in an event are RFC 3339 or, AWS Health's, RFC 1123; those of SQS are milliseconds since the epoch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Spared


class QueueMessage(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """One message. *attributes* has SentTimestamp, SQS's own clock in milliseconds."""

    message_id: str
    receipt_handle: str
    body: str = ""
    attributes: Spared[dict[str, str]] = {}

    def sent_at(self, now: float) -> float:
        """Return when SQS took it, in seconds since the epoch; *now* where it does not say, and never after that."""
        text = self.attributes.get("SentTimestamp", "")
        return min(now, int(text) / 1000) if text.isascii() and text.isdigit() and len(text) < 16 else now


class ReceiveMessage(msgspec.Struct, frozen=True):
    """Up to ten messages; an empty queue has no such field."""

    messages: list[QueueMessage] = msgspec.field(name="Messages", default_factory=list)


class DeleteMessageBatch(msgspec.Struct, frozen=True):
    """The answer to a deletion. A message that was not deleted comes again; why is not asked."""

    failed: Spared[list[dict[str, Any]]] = msgspec.field(name="Failed", default_factory=list)


class GetQueueAttributes(msgspec.Struct, frozen=True):
    """The attributes that were asked for, all of them texts."""

    attributes: dict[str, str] = msgspec.field(name="Attributes")

    def count(self, name: str) -> int:
        """Return an attribute that is a number; 0 where it is none."""
        text = self.attributes.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


class GetQueueUrl(msgspec.Struct, frozen=True):
    """A queue's URL."""

    queue_url: str = msgspec.field(name="QueueUrl")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One event of EventBridge. *time* is the sending service's; *detail* is decoded by its type."""

    id: str
    source: str
    detail_type: str = msgspec.field(name="detail-type")
    detail: msgspec.Raw
    account: str = ""
    region: str = ""
    time: str = ""
    resources: tuple[str, ...] = ()


class SnsEnvelope(msgspec.Struct, frozen=True, rename="pascal"):
    """An event that came by way of an SNS topic without raw delivery (SNS developer guide, "message formats")."""

    type: str
    message: str


class EcsDetail(msgspec.Struct, frozen=True, rename="camel"):
    """ECS's "Deployment State Change", "Service Action" and "Task State Change" (ECS developer guide, "Amazon ECS
    events"). The first two name the service in the event's ``resources``, a task names it as *group* ``service:NAME``.
    """

    event_name: str = ""
    cluster_arn: str = ""
    group: str = ""
    last_status: str = ""


class CodeDeployDetail(msgspec.Struct, frozen=True, rename="camel"):
    """ "CodeDeploy Deployment State-change Notification" (CodeDeploy user guide, "Monitoring deployments with Amazon
    CloudWatch Events"): it names the application and its group, and no service.
    """

    application: str = ""
    deployment_group: str = ""


class RdsDetail(msgspec.Struct, frozen=True, rename="pascal"):
    """ "RDS DB Instance Event" and "RDS DB Cluster Event" (RDS user guide, "Overview of events for Amazon RDS")."""

    source_identifier: str
    message: str = ""
    event_categories: tuple[str, ...] = ()
    date: str = ""


class HealthText(msgspec.Struct, frozen=True, rename="camel"):
    """A text of AWS Health, in one language."""

    latest_description: str = ""


class HealthEntity(msgspec.Struct, frozen=True, rename="camel"):
    """A resource that is affected."""

    entity_value: str = ""


class HealthDetail(msgspec.Struct, frozen=True, rename="camel"):
    """ "AWS Health Event" (AWS Health user guide, "Monitoring events with EventBridge"). Each update has the same ARN.

    *event_type_category* is issue, scheduledChange, accountNotification or investigation.
    """

    event_arn: str
    service: str
    event_type_code: str
    event_type_category: str = ""
    status_code: str = ""
    start_time: str = ""
    end_time: str = ""
    event_description: Spared[list[HealthText]] = []
    affected_entities: Spared[list[HealthEntity]] = []


class ScalingDetail(msgspec.Struct, frozen=True, rename="camel"):
    """ "Application Auto Scaling Scaling Activity State Change" (its user guide, "Amazon EventBridge events").

    *resource_id* of an ECS service is ``service/CLUSTER/NAME``.
    """

    resource_id: str
    service_namespace: str


class AlarmDetail(msgspec.Struct, frozen=True, rename="camel"):
    """ "CloudWatch Alarm Configuration Change" (CloudWatch user guide, "Alarm events and EventBridge").

    *operation* is create, update or delete.
    """

    alarm_name: str
    operation: str = ""
