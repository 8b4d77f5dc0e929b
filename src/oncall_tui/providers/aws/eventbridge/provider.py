"""The EventBridge provider: takes events off one SQS queue, and says which services moved and what was changed.

SQS gives each message to one reader, so only who stays takes them: a recorder, or a board; never a command, and never
what is read only (``takes``). What was taken is deleted at the begin of the next poll, once the reading with it was
published. Whatever is lost on the way is found by the sweeps: an event only makes things sooner.

Only events of AWS's are deleted. Other messages may be somebody else's: they are left, and a queue that has no others
is received from no more.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping

import msgspec

from oncall_tui import errors
from oncall_tui.domain.action import Verb
from oncall_tui.domain.change import KEPT, KEPT_S, SCOPE, Change, newest
from oncall_tui.domain.reading import PartialFailure, Reading, SourceState
from oncall_tui.domain.service import DeployGroup, ServiceKey
from oncall_tui.providers.aws.client import rate_limit as budget
from oncall_tui.providers.aws.client.client import AwsClient, Transport
from oncall_tui.providers.aws.client.rate_limit import RateLimited
from oncall_tui.providers.aws.client.session import Sessions
from oncall_tui.providers.aws.eventbridge import mapping
from oncall_tui.providers.aws.eventbridge import schema as w
from oncall_tui.providers.aws.eventbridge.mapping import NotAnEvent, NotAsDocumented
from oncall_tui.providers.aws.eventbridge.queue import (
    A_CALL,
    HIDDEN_FOREIGN_S,
    HIDDEN_S,
    HIDDEN_UNSURE_S,
    EventQueue,
    QueueState,
)
from oncall_tui.providers.aws.options import EventBridgeOptions
from oncall_tui.providers.aws.rds.mapping import OPEN_S, DatabaseEvent
from oncall_tui.providers.aws.rds.mapping import changes as of_databases
from oncall_tui.providers.base import ActionHandler, Context, ReadRequest
from oncall_tui.providers.lists import Damage

WAIT_S = 2  # SQS answers at once where a message comes; a read times out after 5 s
RECEIVES = 8  # calls of one poll that take messages
RATE_PER_S = 20.0  # calls: a hundred messages a second, taken and deleted
COUNT_S = 60.0  # between two counts of what waits
COUNT_BEHIND_S = 10.0
BEHIND = 200  # more than that wait: what is taken now may be old
OLD_S = 600.0  # who waited longer in the queue is no news
REMEMBERED = 20_000  # events whose ids are kept, because SQS may give one twice
KINDS = 50  # of events that are of no use here, which are named
LOOK_AGAIN_S = 600.0  # at a queue that had no event
SAID_S = 600.0  # what was no event is told for so long
FOREIGN = 1000  # and how many of them are counted
DENIED_S = 60.0


class EventBridgeProvider:
    """One EventBridge source. *calls* counts AWS calls by operation since the start."""

    provider = "eventbridge"
    stale_after_s = 60.0

    def __init__(self, options: EventBridgeOptions, context: Context, transport: Transport | None = None) -> None:
        self.source = options.name
        self.calls: Counter[str] = Counter()
        self._clock = context.clock
        self._sessions = Sessions(_placed(options))
        self.login = self._sessions.login
        key = (*self._sessions.budget_key(), "sqs")  # a standard queue has "nearly unlimited" calls (SQS, "Quotas")
        allowance = budget.shared(context.clock, *key, rate=RATE_PER_S, burst=2 * RATE_PER_S)
        self._queue = EventQueue(AwsClient(self._sessions, "sqs", allowance, self.calls, transport), options.queue)
        self._takes = context.stays and not context.read_only
        self.interval_s = 1.0 if self._takes else COUNT_S
        self._why_not = "this board is read only" if context.read_only else "a command leaves them to the boards"
        self._state: QueueState | None = None
        self._count_at = self._delete_at = 0.0
        self._since = context.clock.monotonic()
        self._heard_s = max(3600.0, context.look_back_s)  # whoever asks for changes asks for those of so long
        self._scopes: dict[tuple[str, str], None] = {}  # whose ECS events came
        self._known: OrderedDict[str, None] = OrderedDict()
        self._moved: dict[ServiceKey | DeployGroup, None] = {}  # that no reading had yet: a poll may fail half-way
        self._taken: list[str] = []  # receipts of messages that no reading had yet
        self._receipts: list[str] = []  # of messages whose reading was not taken yet
        self._sure = False  # an event came: it is a queue of events
        self._wrong: tuple[str, str] | None = None  # it had other messages alone: what is said, and to do
        self._look_at = 0.0  # when it is received from again
        self._changes: dict[str, tuple[float, Change]] = {}  # each with the time of its last update
        self._databases: dict[DatabaseEvent, str] = {}  # each with its region
        self._told: tuple[Change, ...] = ()
        self._foreign: dict[str, tuple[float, str]] = {}  # by the message's id: when it came last, what is wrong
        self._odd: deque[tuple[float, str]] = deque(maxlen=FOREIGN)
        self._unused: Counter[str] = Counter()
        self._old = 0
        self._problems: dict[str, PartialFailure] = {}

    @property
    def banner(self) -> str:
        """``endpoint http://…`` where it is not AWS that is asked."""
        return self._sessions.banner("sqs")

    def read(self, request: ReadRequest) -> Reading:
        """Take what waits, or wait two seconds for it. Raises SourceError."""
        before, began = self.calls.total(), self._clock.monotonic()
        if self._wrong is not None and began < self._look_at:
            raise errors.Malformed(*self._wrong)
        wait = 0.0
        try:
            if not self._takes:
                self._state = self._queue.state()
            else:
                self._count(began)
                self._delete(began)
                if not self._take():  # a server that does not wait is asked no more often for it
                    wait = max(0.0, WAIT_S - (self._clock.monotonic() - began))
        except RateLimited as later:
            wait = later.wait_s
        reading = self._reading(wait if self._takes else COUNT_S, self.calls.total() - before)
        self._receipts += self._taken
        self._moved, self._taken = {}, []
        return reading

    def handlers(self) -> Mapping[Verb, ActionHandler]:
        """None: nothing here can be acted on."""
        return {}

    def renew(self) -> None:
        """Forget keys and clients; another login may have another queue of that name."""
        self._look_at = 0.0
        self._sessions.renew()

    def close(self) -> None:
        """Close the connections. What was taken and not deleted comes again, to this or to another reader."""
        self._sessions.close()

    # --- calls ---

    def _count(self, now: float) -> None:
        """Count what waits, now and then: without the permission nothing else is amiss."""
        if now < self._count_at:
            return
        try:
            self._state = self._queue.state()
        except errors.Denied as error:
            self._state = None
            self._problems["count"] = PartialFailure(SourceState.DENIED, "messages' count", error.message, error.hint)
            self._count_at = now + DENIED_S
            return
        self._problems.pop("count", None)
        self._count_at = now + (COUNT_BEHIND_S if self._behind else COUNT_S)

    def _delete(self, now: float) -> None:
        """Delete what the last reading was made of. Where that is denied, events come again, and are known."""
        if now < self._delete_at:
            self._receipts.clear()
        while self._receipts:
            try:
                self._queue.delete(self._receipts[:A_CALL])
            except errors.Denied as error:
                words = f"{error.message}: each message comes again, and the queue only grows"
                self._problems["delete"] = PartialFailure(SourceState.DENIED, "taken messages", words, error.hint)
                self._delete_at = now + DENIED_S
                self._receipts.clear()
                return
            self._problems.pop("delete", None)
            del self._receipts[:A_CALL]

    def _take(self) -> int:
        """Take messages until none waits, eight calls at the most; how many events came.

        Until an event came, one call alone: the queue may be somebody else's. Raises SourceError, also where it is.
        """
        events = 0
        for call in range(RECEIVES):
            damage = Damage()
            hidden_s = (HIDDEN_FOREIGN_S if self._foreign else HIDDEN_S) if self._sure else HIDDEN_UNSURE_S
            messages = self._queue.receive(0 if call else WAIT_S, hidden_s, damage)
            now = self._clock.now()
            if damage.lost:
                self._odd.append((self._clock.monotonic(), damage.words()))
            events += sum(self._hear(message, now) for message in messages)
            if messages and not self._sure:
                self._stop(messages)
            if len(messages) < A_CALL:
                break
        else:
            self._count_at = min(self._count_at, self._clock.monotonic())  # more wait: how many is asked next
        self._wrong = None
        return events

    def _stop(self, messages: list[w.QueueMessage]) -> None:
        """Receive no more from a queue of other messages: each call hides some from the reader that they are for."""
        now, few = self._clock.monotonic(), len(messages) == 1
        self._since, self._look_at = now, now + LOOK_AGAIN_S
        words = f"the {'one message' if few else f'{len(messages)} messages'} that came first "
        words += f"{'is no event' if few else 'are no events'} of AWS ({self._foreign[messages[-1].message_id][1]})"
        self._wrong = (
            f"not a queue of EventBridge: {words}; none was deleted, and no more are taken",
            f"check queue:, it takes one that an EventBridge rule fills; looked at again each {LOOK_AGAIN_S / 60:.0f}m",
        )
        raise errors.Malformed(*self._wrong)

    # --- what a message tells ---

    def _hear(self, message: w.QueueMessage, now: float) -> bool:
        """Hear one message; whether it is an event of AWS's. Only then it is deleted later."""
        sent_at, came = message.sent_at(now), self._clock.monotonic()
        try:
            event = mapping.envelope(message.body)
        except NotAnEvent as error:
            self._foreign.pop(message.message_id, None)
            self._foreign[message.message_id] = came, str(error)
            if len(self._foreign) > FOREIGN:
                del self._foreign[next(iter(self._foreign))]
            return False
        self._sure = True
        self._taken.append(message.receipt_handle)
        try:
            told = mapping.told(self.source, event, sent_at)
        except NotAsDocumented as error:
            self._odd.append((came, str(error)))
            return True
        if told.id in self._known:
            self._known.move_to_end(told.id)
        else:
            self._known[told.id] = None
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            self._learn(told, event.region, now - sent_at > OLD_S)
        return True

    def _learn(self, told: mapping.Told, region: str, old: bool) -> None:
        if not told.used and (told.kind in self._unused or len(self._unused) < KINDS):
            self._unused[told.kind] += 1
        if told.change is not None and self._newer(told.change, told.at):
            self._changes[told.change.id] = told.at, told.change
        if told.database is not None:
            self._databases[told.database] = region
        if told.moved is not None and old:
            self._old += 1
        elif told.moved is not None:
            self._moved[told.moved] = None
            self._scopes[told.moved.account, told.moved.region] = None

    def _newer(self, change: Change, at: float) -> bool:
        """Return whether an update is newer than what is known, since SQS keeps no order. An end wins a tie."""
        known_at, known = self._changes.get(change.id, (0.0, change))
        return at > known_at or (at == known_at and (known.under_way or not change.under_way))

    # --- the reading ---

    def _reading(self, wait: float, calls: int) -> Reading:
        now = self._clock.now()
        own = newest(tuple(mapping.over(one, at, now) for at, one in self._changes.values()), now)
        self._changes = {one.id: self._changes[one.id] for one in own}
        kept = newest((*own, *self._of_databases(now)), now)
        begun = tuple(one for one in kept if one.began <= now)  # maintenance is announced weeks before
        self._told = self._told if begun == self._told else begun
        return Reading(
            source=self.source,
            at=now,
            changes=self._told,
            problems=tuple(self._lacks()),
            next_in_s=wait,
            calls=calls,
            moved=tuple(one for one in self._moved if isinstance(one, ServiceKey)),
            moved_groups=tuple(one for one in self._moved if isinstance(one, DeployGroup)),
            tells_of=() if self._behind or not self._takes else self._tells_of(),
        )

    def _of_databases(self, now: float) -> tuple[Change, ...]:
        """Return what the events of databases tell together: an end that comes later ends what began."""
        if not self._databases:
            return ()
        late = now - KEPT_S - OPEN_S
        self._databases = dict(sorted(((e, r) for e, r in self._databases.items() if e.at >= late), key=_at)[-KEPT:])
        regions = dict.fromkeys(self._databases.values())
        found = (
            of_databases(self.source, (e for e, of in self._databases.items() if of == region), now, region)
            for region in regions
        )
        return tuple(change for some in found for change in some)

    @property
    def _behind(self) -> int:
        """Return how many messages wait, where they are too many for the next one to be news; else 0."""
        return self._state.waiting if self._state is not None and self._state.waiting > BEHIND else 0

    def _tells_of(self) -> tuple[tuple[str, str], ...]:
        """Return the accounts and regions of which it should tell: the queue's own, and those of which it did."""
        own = self._state
        found = dict.fromkeys([(own.account, own.region)] if own is not None and own.account else [])
        return tuple({**found, **self._scopes})

    def _lacks(self) -> list[PartialFailure]:
        """Return what is amiss, the worst first: what is only told stands last."""
        found = list(self._problems.values())
        if self._takes and self._behind:
            words = f"{self._behind:,} behind: what is taken now may be old, so sweeps go on as without it"
            if self._old:
                words += f"; {self._old:,} older than {OLD_S / 60:.0f}m were no news"
            hint = "it is caught up with by itself; purge the queue to be there at once (aws sqs purge-queue)"
            found.append(PartialFailure(SourceState.STALE, "events", words, hint))
        late = self._clock.monotonic() - SAID_S
        self._foreign = {id: one for id, one in self._foreign.items() if one[0] >= late}
        while self._odd and self._odd[0][0] < late:
            self._odd.popleft()
        if self._foreign:
            what = "is no event of AWS" if len(self._foreign) == 1 else "are no events of AWS"
            words = f"{_lately(len(self._foreign))} {what}, and left in the queue: {[*self._foreign.values()][-1][1]}"
            hint = "check who sends to this queue: its policy should allow its rule alone"
            found.append(PartialFailure(SourceState.MALFORMED, "messages", words, hint))
        if self._odd:
            what = "is not as AWS documents it" if len(self._odd) == 1 else "are not as AWS documents them"
            words = f"{_lately(len(self._odd))} {what}, and of no use: {self._odd[-1][1]}"
            found.append(PartialFailure(SourceState.MALFORMED, "messages", words, "report it, with the event"))
        if not self._takes:
            words = f"not taken, because {self._why_not}: SQS gives each to one reader"
            waiting = f"; {self._state.waiting:,} wait" if self._state is not None else ""
            found.append(PartialFailure(SourceState.OK, SCOPE, words + waiting))
        elif self._clock.monotonic() - self._since < self._heard_s:
            span = "hour" if self._heard_s == 3600.0 else f"{self._heard_s / 60:g} minutes"
            words = f"a queue tells nothing of the {span} before it was read"
            found.append(PartialFailure(SourceState.OK, SCOPE, words))
        if self._unused:
            named = ", ".join(sorted(self._unused)[:3]) + (", …" if len(self._unused) > 3 else "")
            found.append(PartialFailure(SourceState.OK, "events", f"of no use here, and dropped: {named}"))
        return found


def _lately(many: int) -> str:
    return f"{many:,} in the last {SAID_S / 60:.0f}m"


def _at(item: tuple[DatabaseEvent, str]) -> float:
    return item[0].at


def _placed(options: EventBridgeOptions) -> EventBridgeOptions:
    """Return the options with the region of the queue's URL, where none is set (``sqs.eu-west-1.amazonaws.com``)."""
    host = options.queue.partition("://")[2].partition("/")[0].split(".")
    if options.region or len(host) < 3 or host[0] != "sqs":
        return options
    return msgspec.structs.replace(options, region=host[1])


def build(options: EventBridgeOptions, context: Context) -> EventBridgeProvider:
    """The provider of one configured source. Reads ``~/.aws/config``, makes no call."""
    return EventBridgeProvider(options, context)
