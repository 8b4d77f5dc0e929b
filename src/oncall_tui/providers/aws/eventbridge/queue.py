"""The calls to one SQS queue: take messages, delete those that were taken, ask how many wait."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oncall_tui import errors
from oncall_tui.providers.aws.client import arn
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import Gone
from oncall_tui.providers.aws.client.rate_limit import Priority
from oncall_tui.providers.aws.eventbridge import schema as w
from oncall_tui.providers.lists import Damage

A_CALL = 10  # messages: the most that SQS gives, or deletes, in one call
HIDDEN_S = 30  # a message that is not deleted comes again after that: this program ended in between
HIDDEN_UNSURE_S = 5  # while it is not known whether the queue is one of events: somebody else may wait for its messages
HIDDEN_FOREIGN_S = 300  # while some are no events: they are left in the queue, and are not to come all the time
COUNTED = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "QueueArn")


class QueueState(msgspec.Struct, frozen=True):
    """How a queue is: how many messages *wait* and how many somebody holds, and whose it is. SQS's counts lag a minute.

    *account* and *region* are those of its ARN.
    """

    waiting: int
    held: int
    account: str
    region: str


class EventQueue:
    """One queue, by its URL or its name. Used by one thread."""

    def __init__(self, client: AwsClient, queue: str) -> None:
        self._client = client
        self._named = queue
        self._url = queue if "://" in queue else ""

    def receive(self, wait_s: int, hidden_s: int, damage: Damage) -> list[w.QueueMessage]:
        """Take up to ten messages; wait for the first one for *wait_s* seconds at the most. Raises SourceError.

        Nobody else gets them for *hidden_s* seconds. Then those that were not deleted come again.
        """
        url = self._where()
        try:
            answer = self._client.read(
                w.ReceiveMessage,
                "ReceiveMessage",
                Priority.HOT,
                damage,
                QueueUrl=url,
                MaxNumberOfMessages=A_CALL,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=hidden_s,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        except Gone as error:
            raise self._absent() from error
        return answer.messages

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete up to ten messages that were received. Raises SourceError."""
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        url = self._where()
        try:
            self._client.read(
                w.DeleteMessageBatch, "DeleteMessageBatch", Priority.HOT, Damage(), QueueUrl=url, Entries=entries
            )
        except Gone as error:
            raise self._absent() from error

    def state(self) -> QueueState:
        """Ask how many messages wait. Raises SourceError."""
        url = self._where()
        try:
            found = self._client.read(
                w.GetQueueAttributes, "GetQueueAttributes", Priority.HOT, QueueUrl=url, AttributeNames=list(COUNTED)
            )
        except Gone as error:
            raise self._absent() from error
        named = arn.parse(found.attributes.get("QueueArn", ""))
        return QueueState(found.count(COUNTED[0]), found.count(COUNTED[1]), named.account, named.region)

    def _where(self) -> str:
        if not self._url:
            try:
                found = self._client.read(w.GetQueueUrl, "GetQueueUrl", Priority.HOT, QueueName=self._named)
            except Gone as error:
                raise self._absent() from error
            self._url = found.queue_url
        return self._url

    def _absent(self) -> errors.Malformed:
        """SQS says the same of a queue that is not there and of one that this login may not see."""
        name = self._named.rpartition("/")[2]
        return errors.Malformed(
            f"there is no queue {name} in this account and region, or this login may not know of it",
            "check queue:, region: and profile:, and that its rule's stack is still there",
        )
