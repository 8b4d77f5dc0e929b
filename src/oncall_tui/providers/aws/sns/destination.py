"""SNS: one message to a topic. The topic's subscriptions decide who gets it.

Facts are SNS's model in botocore 1.44.5 and its API reference (Publish): a subject is UTF-8 without line breaks and
control characters, and has less than 100 characters; a message has at most 256 KiB; a FIFO topic wants a group and,
without content-based deduplication, a deduplication id.
"""

from __future__ import annotations

import hashlib
from typing import Any

from oncall_tui import errors
from oncall_tui.providers.aws.client import errors as aws_errors
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.sns.options import SnsOptions
from oncall_tui.providers.base import Context, Message, Receipt
from oncall_tui.runtime.secret import redact

SUBJECT = 99  # characters; one above U+FFFF counts as two, which is how SNS may count it
MESSAGE = 60_000  # characters: below 256 KiB whatever they are
ASK = "it cannot be read back: ask who reads the topic"
_NO_SUBJECT = "oncall-tui: see the message"


def subject(title: str) -> str:
    """*title* as a subject may be: printable, one line, short. Where nothing is left of it, words that say so."""
    kept = " ".join("".join(c if c.isprintable() else " " for c in redact(title)).split())
    if len(kept) + sum(ord(c) > 0xFFFF for c in kept) <= SUBJECT:
        return kept or _NO_SUBJECT
    room = SUBJECT - 3
    while len(kept) + sum(ord(c) > 0xFFFF for c in kept) > room:
        kept = kept[:-1]
    return f"{kept}..."


def text(message: Message) -> str:
    """The message's body: the whole title, what it says, who sent it, and its link."""
    parts = (message.title, "", message.text, "", f"by {message.actor}, with oncall-tui", message.url)
    kept = redact("\n".join(parts).strip())
    return "".join(c if c.isprintable() or c == "\n" else " " for c in kept)[:MESSAGE]


class SnsDestination:
    """One topic."""

    provider = "sns"

    def __init__(self, options: SnsOptions, sessions: Sessions | None = None) -> None:
        self.destination = options.name
        self.pages = options.pages
        self._topic = options.topic_arn
        self._sessions = sessions or Sessions(options.aws())

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        """Return the message as it will be sent. Makes no call."""
        return (("to", f"SNS {self._topic}"), ("subject", subject(message.title)), ("text", text(message)))

    def send(self, message: Message) -> Receipt:
        """Publish once. Raises ActionFailed or OutcomeUnknown."""
        where = self._sessions.where("sns", "Publish", acting=True)
        asked = self._asked(message)
        try:
            self._sessions.resolve("sns", acting=True)
            client = self._sessions.client("sns", acting=True)
        except Exception as error:
            mapped = aws_errors.before_writing(error, where)
            if mapped is None:
                raise
            raise mapped from error
        try:
            answer: dict[str, Any] = client.publish(**asked)
        except (KeyError, AttributeError, TypeError) as error:  # botocore's parser, over XML that is not SNS's
            raise errors.OutcomeUnknown("Publish was sent; the answer is not what AWS promises", ASK) from error
        except Exception as error:
            mapped = aws_errors.writing(error, where)
            if isinstance(mapped, errors.OutcomeUnknown):
                raise errors.OutcomeUnknown(mapped.message, ASK) from error
            if mapped is None:
                raise
            raise mapped from error
        if not answer.get("MessageId"):
            raise errors.OutcomeUnknown("SNS answered, but not with a message's id", ASK)
        return Receipt({"destination": self.destination, "message": str(answer["MessageId"])})

    def close(self) -> None:
        """Drop the connection."""
        self._sessions.close()

    def _asked(self, message: Message) -> dict[str, str]:
        asked = {"TopicArn": self._topic, "Subject": subject(message.title), "Message": text(message)}
        if self._topic.endswith(".fifo"):
            asked["MessageGroupId"] = _digest(message.thread)
            asked["MessageDeduplicationId"] = _digest(asked["Subject"] + asked["Message"])
        return asked


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def build(options: SnsOptions, context: Context) -> SnsDestination:
    """The adapter for one configured topic. Makes no call."""
    return SnsDestination(options)
