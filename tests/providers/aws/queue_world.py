"""An SQS queue in memory, as a transport that checks each request against botocore's model; and events to put in it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from aws_world import ACCOUNT, REGION, error, model
from botocore.exceptions import EndpointConnectionError
from botocore.validate import ParamValidator

from oncall_tui.providers.aws.eventbridge.provider import EventBridgeProvider
from oncall_tui.providers.aws.options import EventBridgeOptions
from oncall_tui.providers.base import Context
from oncall_tui.runtime.clock import FakeClock

URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/oncall-events"
HIDDEN_S = 30.0


class Queue:
    """One standard queue. *refuse*: operation → the exception that it raises."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.messages: dict[str, dict[str, Any]] = {}
        self.refuse: dict[str, Exception] = {}
        self.asked: Counter[str] = Counter()
        self.waiting: int | None = None  # instead of what is there
        self.waits: list[int] = []
        self.fails_at = 0  # the how-manieth call for messages does not arrive
        self._sent = 0

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        assert not acting  # what is taken is taken with the login that reads
        report = ParamValidator().validate(params, model("sqs").operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.asked[operation] += 1
        if operation in self.refuse:
            raise self.refuse[operation]
        if operation == "ReceiveMessage" and self.asked[operation] == self.fails_at:
            raise EndpointConnectionError(endpoint_url=URL)
        return json.dumps(getattr(self, operation)(**params)).encode()

    def send(self, body: Any, ago_s: float = 0.0) -> None:
        """Put a message into it, *ago_s* seconds before now."""
        self._sent += 1
        text = body if isinstance(body, str) else json.dumps(body)
        sent = str(int((self.clock.now() - ago_s) * 1000))
        self.messages[f"m{self._sent}"] = {"Body": text, "sent": sent, "hidden": 0.0}

    def ReceiveMessage(self, WaitTimeSeconds: int, MaxNumberOfMessages: int, **params: Any) -> Any:
        self.waits.append(WaitTimeSeconds)
        now = self.clock.monotonic()
        found = [name for name, held in self.messages.items() if held["hidden"] <= now][:MaxNumberOfMessages]
        for name in found:
            self.messages[name]["hidden"] = now + params["VisibilityTimeout"]
        if not found:
            return {}
        return {
            "Messages": [
                {
                    "MessageId": name,
                    "ReceiptHandle": f"receipt-{name}",
                    "MD5OfBody": "x",
                    "Body": self.messages[name]["Body"],
                    "Attributes": {"SentTimestamp": self.messages[name]["sent"]},
                }
                for name in found
            ]
        }

    def DeleteMessageBatch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        assert 0 < len(Entries) <= 10
        for entry in Entries:
            self.messages.pop(entry["ReceiptHandle"].removeprefix("receipt-"), None)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}

    def GetQueueAttributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:
        waiting = len(self.messages) if self.waiting is None else self.waiting
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:oncall-events"
        held = "ApproximateNumberOfMessagesNotVisible"
        return {"Attributes": {"ApproximateNumberOfMessages": str(waiting), held: "0", "QueueArn": arn}}

    def GetQueueUrl(self, QueueName: str) -> Any:
        return {"QueueUrl": URL}


def denied(operation: str) -> Exception:
    """SQS names the action in lower case."""
    text = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/x/alice is not authorized to perform: sqs:{operation.lower()}"
    return error(operation, "AccessDenied", f"{text} on resource: arn:aws:sqs:{REGION}:{ACCOUNT}:oncall-events", 403)


def provider(queue: Queue, clock: FakeClock, **more: Any) -> EventBridgeProvider:
    chosen = EventBridgeOptions(name="events", provider="eventbridge", region=REGION, queue=more.pop("named", URL))
    context = Context(source="events", actor_email="", clock=clock, **{"stays": True, **more})
    return EventBridgeProvider(chosen, context, queue)


def event(source: str, kind: str, detail: dict[str, Any], at: float, id: str = "e1", **more: Any) -> dict[str, Any]:
    """An event as EventBridge sends it."""
    return {
        "version": "0",
        "id": id,
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": detail,
        **more,
    }


def deployment(at: float, id: str = "e1", name: str = "api", event_name: str = "SERVICE_DEPLOYMENT_IN_PROGRESS") -> Any:
    detail = {
        "eventType": "INFO",
        "eventName": event_name,
        "deploymentId": "ecs-svc/1",
        "reason": "x",
        "updatedAt": "x",
    }
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/main/{name}"
    return event("aws.ecs", "ECS Deployment State Change", detail, at, id, resources=[arn])


def task(at: float, status: str = "STOPPED", group: str = "service:api", id: str = "t1") -> Any:
    detail = {
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/main",
        "group": group,
        "lastStatus": status,
        "stopCode": "EssentialContainerExited",
        "containers": [{"name": "app", "exitCode": 137}],
    }
    return event("aws.ecs", "ECS Task State Change", detail, at, id)


def rds(at: float, categories: list[str], message: str, id: str = "r1", name: str = "payments-db") -> Any:
    detail = {
        "EventCategories": categories,
        "SourceType": "DB_INSTANCE",
        "SourceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{name}",
        "Date": datetime.fromtimestamp(at, UTC).isoformat(),
        "Message": message,
        "SourceIdentifier": name,
        "EventID": "RDS-EVENT-0049",
    }
    return event("aws.rds", "RDS DB Instance Event", detail, at, id)
