"""A simulated SQS with one standard queue: AWS JSON 1.0 of the service model of 2012-11-05. Nobody waits here.

A message is hidden from other readers while one has it, and comes again unless it is deleted. Times are seconds since
the epoch, UTC.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oncall_tui.simulator.services.aws.endpoint import AwsError, Json, NothingYet

HIDDEN_S = 30
LARGEST = 262_144  # bytes


@dataclass
class SimulatedMessage:
    """One message."""

    id: str
    body: str
    sent_at: float
    hidden_until: float = 0.0
    receives: int = 0
    receipt: str = ""


@dataclass
class Backlog:
    """Many messages of one text, which are made when they are received; `{n}` in it becomes a number."""

    body: str
    sent_at: float
    count: int


class SimulatedQueue:
    """One queue."""

    prefix = "AmazonSQS"
    version = "1.0"
    permission = "sqs"

    def __init__(self, number: str, region: str, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self.arn = f"arn:aws:sqs:{region}:{number}:{name}"
        self._path = f"/{number}/{name}"
        self._now = now
        self._messages: dict[str, SimulatedMessage] = {}
        self._backlog: list[Backlog] = []
        self._made = 0
        self.deleted = 0

    # -- what the world asks for

    def send(self, body: str, sent_at: float, count: int = 1) -> None:
        """Put *count* messages of a text into it. Raises ValueError."""
        if len(body.encode()) > LARGEST:
            raise ValueError(f"body: expected at most {LARGEST} bytes")
        if count > 1:
            self._backlog.append(Backlog(body, sent_at, count))
        else:
            self._put(body, sent_at)

    def state(self) -> dict[str, object]:
        """How many messages there are, for tests."""
        return {"waiting": self._waiting(), "held": len(self._messages) - self._visible(), "deleted": self.deleted}

    def _put(self, body: str, sent_at: float) -> None:
        self._made += 1
        id = f"drill-{self._made}"
        self._messages[id] = SimulatedMessage(id, body.replace("{n}", str(self._made)), sent_at)

    def _visible(self) -> int:
        now = self._now()
        return sum(one.hidden_until <= now for one in self._messages.values())

    def _waiting(self) -> int:
        return self._visible() + sum(one.count for one in self._backlog)

    # -- the API

    def resource(self, asked: Json) -> str:
        """The ARN that a denied call names."""
        return self.arn

    def call(self, operation: str, asked: Json) -> Json:
        """The answer, or AwsError, or NothingYet."""
        if operation == "GetQueueUrl":
            if asked.get("QueueName") != self.name:
                raise _gone()
            return {"QueueUrl": f"https://sqs.drill{self._path}"}
        known: dict[str, Callable[[Json], Json]] = {
            "ReceiveMessage": self._receive,
            "DeleteMessage": lambda it: self._delete([{"Id": "0", **it}]) and {},
            "DeleteMessageBatch": lambda it: self._delete(it["Entries"]),
            "GetQueueAttributes": self._attributes,
            "SendMessage": self._send,
        }
        if operation not in known:
            raise AwsError("UnknownOperationException", f"{operation} is not served here")
        if not str(asked.get("QueueUrl", "")).endswith(self._path):
            raise _gone()
        return known[operation](asked)

    def _send(self, asked: Json) -> Json:
        self._put(asked["MessageBody"], self._now())
        return {"MessageId": f"drill-{self._made}"}

    def _receive(self, asked: Json) -> Json:
        most, now = int(asked.get("MaxNumberOfMessages", 1)), self._now()
        wait = float(asked.get("WaitTimeSeconds", 0))
        if not 1 <= most <= 10:
            raise AwsError("com.amazonaws.sqs#InvalidParameterValue", "MaxNumberOfMessages: expected 1 to 10")
        if not 0 <= wait <= 20:
            raise AwsError("com.amazonaws.sqs#InvalidParameterValue", "WaitTimeSeconds: expected 0 to 20")
        found = [one for one in self._messages.values() if one.hidden_until <= now][:most]
        while len(found) < most and self._backlog:
            self._from_backlog()
            found.append(next(reversed(self._messages.values())))
        if not found:
            if wait:
                raise NothingYet(wait)
            return {}
        named = [*asked.get("MessageSystemAttributeNames", []), *asked.get("AttributeNames", [])]
        return {"Messages": [self._given(one, asked, named) for one in found]}

    def _from_backlog(self) -> None:
        first = self._backlog[0]
        first.count -= 1
        if not first.count:
            self._backlog.pop(0)
        self._put(first.body, first.sent_at)

    def _given(self, one: SimulatedMessage, asked: Json, named: list[str]) -> Json:
        one.receives += 1
        one.hidden_until = self._now() + float(asked.get("VisibilityTimeout", HIDDEN_S))
        one.receipt = f"{one.id}#{one.receives}"
        told: dict[str, Any] = {"MessageId": one.id, "ReceiptHandle": one.receipt, "MD5OfBody": "", "Body": one.body}
        all_of = {"SentTimestamp": str(int(one.sent_at * 1000)), "ApproximateReceiveCount": str(one.receives)}
        attributes = {key: value for key, value in all_of.items() if key in named or "All" in named}
        return told | ({"Attributes": attributes} if attributes else {})

    def _delete(self, entries: list[Json]) -> Json:
        if not 1 <= len(entries) <= 10:
            raise AwsError("com.amazonaws.sqs#TooManyEntriesInBatchRequest", "expected 1 to 10 entries")
        done, failed = [], []
        for entry in entries:
            receipt = str(entry["ReceiptHandle"])
            if receipt.startswith("drill-"):  # also one that is gone, or was received again since
                self.deleted += self._messages.pop(receipt.partition("#")[0], None) is not None
                done.append({"Id": entry["Id"]})
            else:
                failed.append({"Id": entry["Id"], "SenderFault": True, "Code": "ReceiptHandleIsInvalid"})
        return {"Successful": done, **({"Failed": failed} if failed else {})}

    def _attributes(self, asked: Json) -> Json:
        all_of = {
            "ApproximateNumberOfMessages": str(self._waiting()),
            "ApproximateNumberOfMessagesNotVisible": str(len(self._messages) - self._visible()),
            "QueueArn": self.arn,
            "VisibilityTimeout": str(HIDDEN_S),
        }
        named = asked.get("AttributeNames", [])
        return {"Attributes": {key: value for key, value in all_of.items() if key in named or "All" in named}}


def _gone() -> AwsError:
    return AwsError("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.")


def encoded(event: Json) -> str:
    """An event as EventBridge puts it into a queue."""
    return json.dumps(event, ensure_ascii=False)
