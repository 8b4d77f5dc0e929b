"""A team's journal in one DynamoDB table: logs of batches, how far each goes, and slots that are held.

Facts are DynamoDB's API reference and developer guide: a condition is evaluated with the write as one step; a Query
with ConsistentRead sees every write that was answered before; an item has at most 400 KB and a page 1 MB; items are
removed some time after the number of seconds in their time-to-live attribute has passed, in no order.

Every call is one attempt. A write whose answer is lost is sent again by whoever asked for it: its condition tells.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from oncall_tui import errors
from oncall_tui.domain.shared import Held, SharedBatch, Snapshot
from oncall_tui.providers.aws.client import rate_limit
from oncall_tui.providers.aws.client.client import AwsClient, Transport
from oncall_tui.providers.aws.client.errors import AwsRefusal, Gone
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.dynamodb import schema as w
from oncall_tui.providers.aws.options import AwsOptions
from oncall_tui.runtime.clock import Clock

T = TypeVar("T")
HELD_FOR_S = 86_400.0  # an abandoned slot's item goes after so long; whether it is abandoned is told by its versions
FREE = "attribute_not_exists(pk)"
MOST_PAGES = 100  # of the heads and slots: thousands of journals
CREATE = "create it with config/dynamodb/table.yaml (or table.tf), or set region: and profile: of the journal"


class JournalTable:
    """One table. Every method raises SourceError. Safe to share between threads. *calls* counts calls by operation.

    *keep_s*: what is shared expires after so many seconds.
    """

    def __init__(
        self, options: AwsOptions, table: str, keep_s: float, clock: Clock, transport: Transport | None = None
    ) -> None:
        self.table = table
        self.calls: Counter[str] = Counter()
        self._keep_s, self._clock = keep_s, clock
        self._sessions = Sessions(options)
        allowance = rate_limit.shared(clock, *self._sessions.budget_key(), "dynamodb")
        self._client = AwsClient(self._sessions, "dynamodb", allowance, self.calls, transport)

    # --- logs ---------------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """As the protocol says."""
        heads: dict[str, int] = {}
        held: list[Held] = []
        for item in self._all(w.NOW):
            key = item["sk"].S if "sk" in item else ""
            if key.startswith(w.HEAD) and "last" in item:
                heads[key.removeprefix(w.HEAD)] = int(item["last"].N or 0)
            elif key.startswith(w.HELD):
                held.append(w.held(item))
        return Snapshot(heads, tuple(held))

    def append(self, batch: SharedBatch) -> bool:
        """As the protocol says."""
        item = w.batch_item(batch, int(self._clock.now() + self._keep_s))
        return self._written("PutItem", Priority.HOT, Item=item, ConditionExpression=FREE)

    def read(self, origin: str, after: int) -> list[SharedBatch]:
        """As the protocol says: one page."""
        found = self._ask(
            w.Found,
            "Query",
            Priority.SWEEP,
            KeyConditionExpression="pk = :pk AND sk >= :sk",
            ExpressionAttributeValues={":pk": w.text(w.log(origin)), ":sk": w.text(w.place(after))},
            ConsistentRead=True,
        )
        return [w.batch(item) for item in found.Items]

    def announce(self, origin: str, last: int) -> None:
        """As the protocol says. One that comes late changes nothing."""
        self._written(
            "UpdateItem",
            Priority.HOT,
            Key={"pk": w.text(w.NOW), "sk": w.text(w.HEAD + origin)},
            UpdateExpression="SET #last = :last, expires = :expires",
            ConditionExpression=f"{FREE} OR #last <= :last",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={
                ":last": w.number(last),
                ":expires": w.number(int(self._clock.now() + self._keep_s)),
            },
        )

    def renew(self, entry: SharedBatch) -> None:
        """As the protocol says."""
        expires, fresh = int(self._clock.now() + self._keep_s), int(self._clock.now() + self._keep_s / 2)
        item = self._batch_of(entry)
        if item is not None and float(item.get("expires", w.NEVER).N or 0) >= fresh:
            return
        if item is None or not self._expires_later(item, expires):
            self.append(entry)  # False: another machine has just done so
        self._written(
            "UpdateItem",
            Priority.SWEEP,
            Key={"pk": w.text(w.NOW), "sk": w.text(w.HEAD + entry.origin)},
            UpdateExpression="SET #last = if_not_exists(#last, :last), expires = :expires",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={":last": w.number(entry.last), ":expires": w.number(expires)},
        )

    def _batch_of(self, entry: SharedBatch) -> w.Item | None:
        """The item of the batch that has the *entry*; None: it is not there any more."""
        found = self._ask(
            w.Found,
            "Query",
            Priority.SWEEP,
            KeyConditionExpression="pk = :pk AND sk <= :sk",
            ExpressionAttributeValues={":pk": w.text(w.log(entry.origin)), ":sk": w.text(w.place(entry.after))},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )
        item = next(iter(found.Items), None)
        return item if item is not None and w.batch(item).last >= entry.last else None

    def _expires_later(self, item: w.Item, expires: int) -> bool:
        """Return whether it was there still."""
        return self._written(
            "UpdateItem",
            Priority.SWEEP,
            Key={name: w.text(item[name].S) for name in ("pk", "sk")},
            UpdateExpression="SET expires = :expires",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":expires": w.number(expires)},
        )

    # --- slots --------------------------------------------------------------------------------------------------------

    def take(self, held: Held, over: str = "") -> bool:
        """As the protocol says."""
        asked: dict[str, Any] = {"ConditionExpression": FREE}
        if over:
            asked["ConditionExpression"] = "version = :over"
            asked["ExpressionAttributeValues"] = {":over": w.text(over)}
        item = w.held_item(held, int(self._clock.now() + HELD_FOR_S))
        return self._written("PutItem", Priority.ACT, Item=item, **asked)

    def free(self, slot: str, version: str) -> bool:
        """As the protocol says."""
        return self._written(
            "DeleteItem",
            Priority.ACT,
            Key={"pk": w.text(w.NOW), "sk": w.text(w.HELD + slot)},
            ConditionExpression="version = :version",
            ExpressionAttributeValues={":version": w.text(version)},
        )

    # --- the table itself ---------------------------------------------------------------------------------------------

    @property
    def banner(self) -> str:
        """``endpoint http://…`` where it is not AWS; empty where it is."""
        return self._sessions.banner("dynamodb")

    @property
    def place(self) -> str:
        """``journal in ap-northeast-1``."""
        region = self._sessions.region("dynamodb")
        return f"{self.table} in {region}" if region else self.table

    def check(self, who: str) -> tuple[str, ...]:
        """Make each call that the journal makes, under the slot and the log of *who*; return what is odd, in words."""
        now = self._clock.now()
        self.snapshot()
        self.take(Held(who, "", "checks the table", who, who, now, now, who))
        self.free(who, who)
        self.read(who, 0)
        key = {"pk": w.text(w.NOW), "sk": w.text(w.HEAD + who)}  # which is not there: nothing is written
        condition = {"ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeValues": {":last": w.number(0)}}
        change = "SET #last = :last"
        names = {"#last": "last"}
        self._written(
            "UpdateItem", Priority.HOT, Key=key, UpdateExpression=change, ExpressionAttributeNames=names, **condition
        )
        return self._warnings()

    def _warnings(self) -> tuple[str, ...]:
        try:
            found = self._ask(w.TimeToLiveAnswer, "DescribeTimeToLive", Priority.SWEEP).TimeToLiveDescription
        except errors.Denied as error:
            return (f"whether old entries leave {self.table} is not known: {error}",)
        if found.AttributeName != "expires" or found.TimeToLiveStatus not in ("ENABLED", "ENABLING"):
            return (f"nothing ever leaves {self.table}: switch its time to live on, with the attribute expires",)
        return ()

    def close(self) -> None:
        """Drop its connections."""
        self._sessions.close()

    # --- calls --------------------------------------------------------------------------------------------------------

    def _all(self, partition: str) -> list[w.Item]:
        items: list[w.Item] = []
        more: dict[str, Any] = {}
        for _ in range(MOST_PAGES):
            found = self._ask(
                w.Found,
                "Query",
                Priority.HOT,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": w.text(partition)},
                ConsistentRead=True,
                **more,
            )
            items += found.Items
            if not found.LastEvaluatedKey:
                break
            more = {"ExclusiveStartKey": found.LastEvaluatedKey}
        return items

    def _written(self, operation: str, priority: Priority, **params: Any) -> bool:
        """Return whether the write's condition held; it was made then."""
        try:
            self._ask(dict, operation, priority, **params)
        except AwsRefusal as error:
            if _code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _ask(self, answer: type[T], operation: str, priority: Priority, **params: Any) -> T:
        try:
            return self._client.read(answer, operation, priority, TableName=self.table, **params)
        except RateLimited as error:
            raise errors.Throttled(
                "this program's own limit of calls to DynamoDB is used up", retry_after_s=error.wait_s
            ) from None
        except Gone as error:
            region = self._sessions.region("dynamodb") or "this region"
            raise errors.Malformed(f"there is no table {self.table} in {region} for this account", CREATE) from error
        except AwsRefusal as error:
            if _code(error) == "ValidationException":
                words = f"the table {self.table} has other keys than pk and sk, both strings"
                raise errors.Malformed(f"{words}: {error.message}", CREATE) from error
            raise


def _code(error: Exception) -> str:
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""
