"""A simulated SNS: Publish to one topic, over AWS Query and XML. What came is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer

SPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
SUBJECT, MESSAGE = 100, 262_144


class SimulatedSns:
    """One topic."""

    def __init__(self, now: Callable[[], float], name: str, topic: str) -> None:
        self._now, self.name, self.topic = now, name, topic
        self.received: list[dict[str, Any]] = []

    def operation(self, request: Request) -> str:
        """Name the operation as IAM and the API reference do."""
        return _asked(request).get("Action", "Unknown")

    def is_write(self, operation: str) -> bool:
        """Return whether it changes anything."""
        return operation == "Publish"

    def handle(self, request: Request) -> SimulatedAnswer:
        """The answer, an error's where it is one."""
        asked = _asked(request)
        if "authorization" not in request.headers:
            return _error("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        if asked.get("Action") != "Publish":
            return _error("InvalidAction", f"Could not find operation {asked.get('Action')}")
        if asked.get("TopicArn") != self.topic:
            return _error("NotFound", "Topic does not exist", 404)
        subject, message = asked.get("Subject", ""), asked.get("Message", "")
        if _length(subject) >= SUBJECT or any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in subject):
            return _error("InvalidParameter", "Invalid parameter: Subject")
        if not message or len(message.encode()) > MESSAGE:
            return _error("InvalidParameter", "Invalid parameter: Message")
        if self.topic.endswith(".fifo") and "MessageGroupId" not in asked:
            return _error("InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required")
        self.received.append({"at": self._now(), "subject": subject, "message": message})
        return _answer(
            f'<PublishResponse xmlns="{SPACE}"><PublishResult>'
            f"<MessageId>drill-{len(self.received)}</MessageId></PublishResult>"
            "<ResponseMetadata><RequestId>drill</RequestId></ResponseMetadata></PublishResponse>"
        )

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return the API's answer to a throttled, denied, … call; None where the API itself does not answer."""
        denied = f"User: drill is not authorized to perform: SNS:Publish on resource: {self.topic}"
        faults = {
            "throttle": ("Throttling", "Rate exceeded", 400),
            "error500": ("InternalError", "Internal failure", 500),
            "expired": ("ExpiredToken", "The security token included in the request is expired", 403),
            "unauthorized": ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
            "denied": ("AuthorizationError", denied, 403),
        }
        return _error(*faults[kind]) if kind in faults else None


def _length(text: str) -> int:
    """The length as Java counts it: a character above U+FFFF is two."""
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def _asked(request: Request) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _error(code: str, message: str, status: int = 400) -> SimulatedAnswer:
    return _answer(
        f'<ErrorResponse xmlns="{SPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>drill</RequestId></ErrorResponse>",
        status,
    )


def _answer(body: str, status: int = 200) -> SimulatedAnswer:
    return SimulatedAnswer(status, body.encode(), {"Content-Type": "text/xml"})
