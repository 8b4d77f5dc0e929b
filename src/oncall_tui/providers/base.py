"""The provider's interface. Everything here is synchronous: asynchrony is the poller's, threads are the engine's.

A provider reads, and for each verb that it can do it has an ``ActionHandler``. A verb that a provider lacks is not
offered on its rows: rows carry their ``verbs``, which the provider sets from what it can do and what the row allows.

Every method may block for the connect and read time-outs (2 s and 5 s) and raises only ``errors.SourceError`` (reading)
and ``errors.ActionError`` (acting); anything else is a bug of that provider and is shown as that source's state.
Several threads use a provider at a time: its poller calls ``read``; its action thread calls what a verb
takes; further threads call what is read for a screen (``on_call``, ``timeline``, ``inspect``, ``measure``, logs), so
that no action waits for that, and what hangs (``inspect``) holds up no other reading (``measure``).

Each ``Supports…`` protocol is a capability that a provider or a handler may have besides. It is asked for by
``isinstance``, where an engineer or an action wants it: never by a poll, never for each row, because that is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import Severity
from oncall_tui.domain.board import Board
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.domain.on_call import OnCallShift
from oncall_tui.domain.outcome import Check
from oncall_tui.domain.plan import ActionRequest, Actor, Choice, Plan
from oncall_tui.domain.reading import Reading
from oncall_tui.domain.service import Service
from oncall_tui.errors import ActionError, SourceError

if TYPE_CHECKING:  # what only a screen that is opened later needs
    from oncall_tui.domain.logs import LogDestination, LogPage, LogQuery
    from oncall_tui.domain.service_detail import ServiceDetail, Task
    from oncall_tui.domain.silence import StandingSilence
    from oncall_tui.domain.told import HistoryPage, HistorySpan, ServicePage  # of an import: no board needs them
    from oncall_tui.domain.who import WhoAnswer


class ReadRequest(msgspec.Struct, frozen=True):
    """The poller's request: *fresh* asks for everything now (after an action, or ``r``), *watch* names rows first.

    *part* is there until a reading was whole: a provider whose list has many pages tells by it what it has so far.
    *told*: events tell of what moves at this source, so that it need not be looked for as often.
    """

    fresh: bool = False
    watch: frozenset[str] = frozenset()
    told: bool = False
    part: Callable[[Callable[[], Reading]], None] | None = None

    def tell_part(self, make: Callable[[], Reading]) -> None:
        """Show what was read so far. *make* makes that reading (``complete=False``), on this thread, and only where
        it is wanted: not after a first whole reading, and not more than once a second.
        """
        if self.part is not None:
            self.part(make)


class Receipt(msgspec.Struct, frozen=True):
    """The other side's answer to a write, as plain data (ids only), so that a later start can verify it."""

    data: dict[str, Any] = {}


class ActionHandler(Protocol):
    """One verb of one provider: plan -> check -> send -> verify. Over HTTP, derive from http.WriteHandler.

    plan    may read, and makes its Plan by ``ask.plan``. Raises Refused where it cannot be done, and says why.
    check   reads the target again just before the write. Raises Refused and says what moved.
    send    makes exactly one attempt. Raises ActionFailed where the other side said no, OutcomeUnknown where its
            answer was lost.
    verify  reads. DONE only where the other side shows the effect; PENDING to be asked again; FAILED where it shows
            that the effect is not there, with *absent* where only time says so (``WriteGrace.absent``). *receipt* is
            None where the answer was lost, also for an intent that an earlier session left without an outcome: then
            FAILED with *absent* is shown as unknown and asked for again, FAILED alone as what can never come.
    choices lists what a person may pick from first (levels, revisions). A handler that derives from this one and has
            nothing to pick from leaves it out.
    """

    def choices(self, target: str, board: Board) -> tuple[Choice, ...]:
        """Return nothing: there is nothing to pick from."""
        return ()

    def plan(self, ask: ActionRequest, board: Board) -> Plan: ...
    def check(self, plan: Plan) -> None: ...
    def send(self, plan: Plan) -> Receipt: ...
    def verify(self, plan: Plan, receipt: Receipt | None) -> Check: ...


@runtime_checkable
class SupportsBulk(Protocol):
    """An optional part of an ActionHandler: many targets in few calls. One result a plan, in the plans' order.

    The other side takes *at_once* of them in one write; ``send_many`` never gets more. ``plan_many`` and ``check_many``
    may list instead of reading each. ``send_many`` makes one attempt; it raises ActionFailed or OutcomeUnknown where
    that holds for all, and returns the error of each one that the other side left out.
    """

    at_once: int

    def plan_many(self, asks: Sequence[ActionRequest], board: Board) -> list[Plan | ActionError]: ...
    def check_many(self, plans: Sequence[Plan]) -> list[ActionError | None]: ...
    def send_many(self, plans: Sequence[Plan]) -> list[Receipt | ActionError]: ...
    def verify_many(self, plans: Sequence[Plan], receipts: Sequence[Receipt | None]) -> list[Check]: ...


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A word to others. *thread* is what belongs together (an alert's id), *about* what it is about (a service's id).

    *key* is the same for the same problem, so that a pager that gets it twice pages once.
    """

    thread: str
    title: str
    text: str
    severity: Severity
    about: str
    actor: str
    key: str = ""
    url: str = ""


class Destination(Protocol):
    """The adapter for one destination. *pages* is True where it wakes a person, False where it only tells.

    Nobody confirms what was sent here, so its outcome is *sent*, never *done*.
    """

    destination: str
    provider: str
    pages: bool

    def preview(self, message: Message) -> tuple[tuple[str, str], ...]:
        """Return the message as it will be sent, as (name, text) for the confirm. Makes no call, shows no secret."""

    def send(self, message: Message) -> Receipt:
        """One attempt. Raises ActionFailed (nothing was taken) or OutcomeUnknown (nobody knows)."""

    def close(self) -> None: ...


class Provider(Protocol):
    """The adapter for one source. *interval_s* is how often it is asked when it does not say otherwise."""

    source: str
    provider: str
    interval_s: float
    stale_after_s: float  # a reading older than this is not live any more
    login: tuple[str, ...]  # the command that renews an expired login; empty: none
    banner: str  # "endpoint http://…" where it is not the real service; empty: it is

    def read(self, request: ReadRequest) -> Reading: ...
    def handlers(self) -> Mapping[Verb, ActionHandler]: ...
    def renew(self) -> None:
        """Forget credentials and clients: the login was renewed."""

    def close(self) -> None: ...


@runtime_checkable
class SupportsOnCall(Protocol):
    """An optional part of a Provider: the people on call now, and next. Raises errors.SourceError.

    The registry says which providers do, so that nothing is built to find out.
    """

    @property
    def on_call_lacks(self) -> str:
        """Name what the last ``on_call`` had to leave out; empty: nothing. Makes no call."""

    def on_call(self) -> tuple[OnCallShift, ...]:
        """Each person at each level of each policy, lowest level first; a level without anybody has a shift too."""

    def on_call_now(self) -> bool | None:
        """Return whether the user is on call. None: it cannot be told (an account's token, and no ``me.email``)."""


class TimelineEvent(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to a row: *at* in seconds since the epoch, *by* whom (may be empty), *where* it is known.

    *where* is empty for the row's own source, ``here`` for this machine's journal.
    """

    at: float
    by: str
    text: str
    where: str = ""


def gaps(at: float, *said: str) -> list[TimelineEvent]:
    """Return the lines of a timeline that say what is left out of it (``Damage.said``); empty words say nothing.

    *at* in seconds since the epoch, UTC.
    """
    return [TimelineEvent(at, "", words) for words in said if words]


@runtime_checkable
class SupportsTimeline(Protocol):
    """A provider that remembers what happened to a row. Asked for on demand, never by a poll."""

    def timeline(self, target: str) -> tuple[TimelineEvent, ...]:
        """Newest first. Raises errors.SourceError."""


@runtime_checkable
class SupportsSilences(Protocol):
    """A provider whose silences can be listed, also those that keep nothing quiet, and ended (``Verb.END_SILENCE``)."""

    def silences(self) -> tuple[StandingSilence, ...]:
        """Return every silence that is not over. Raises errors.SourceError."""


@runtime_checkable
class SupportsInspect(Protocol):
    """An optional part of a Provider: a service from inside. Read on demand, never by a poll."""

    def inspect(self, service_id: str) -> ServiceDetail:
        """Its tasks, targets and events now. Raises SourceError where none of it can be read."""


@runtime_checkable
class SupportsMetrics(Protocol):
    """An optional part of a Provider: metrics. Read on demand, never by a poll."""

    def service_metrics(self, service_id: str) -> tuple[tuple[str, Metric], ...]:
        """Return the service's metrics to draw, as (title, metric). Makes no call."""

    def measure(self, wanted: Sequence[tuple[str, Metric]], since: float, until: float) -> tuple[Series, ...]:
        """One call for all of them, in their order; times are seconds since the epoch. Raises SourceError."""


@runtime_checkable
class SupportsLogs(Protocol):
    """An optional part of a Provider: the logs of a service's containers. Read on demand, never by a poll."""

    def log_places(self, service_id: str) -> tuple[LogDestination, ...]:
        """Return each running container's log destination; an unreadable one names the place of its lines.

        Empty: the service is not there any more. Raises SourceError.
        """

    def log_page(self, wanted: LogQuery) -> LogPage:
        """One call for one page of lines. Raises SourceError."""


@runtime_checkable
class SupportsHistory(Protocol):
    """An optional part of a Provider: the past that its system remembers. Read by ``import`` alone, never by a poll.

    *history_calls_per_s* is how many calls a second it may make for that, so that boards go on being answered.
    The registry says which providers do, so that nothing is built to find out.
    """

    history_calls_per_s: float

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read the page that *after* names (empty: the first). Each of its calls is one attempt. Raises SourceError.

        The same span and *after* are the same page in any run of the program, as long as the past stays as it was.
        """


@runtime_checkable
class SupportsServiceNames(Protocol):
    """An optional part of a Provider: the names of all services, to find those that the past's alerts speak of."""

    history_calls_per_s: float

    def service_names(self, after: str) -> ServicePage:
        """Read the page that *after* names (empty: the first). Each of its calls is one attempt. Raises SourceError."""


@runtime_checkable
class SupportsWho(Protocol):
    """An optional part of a Provider: who changed a service and what it stands on. Read on demand, never by a poll."""

    def who(self, service_id: str, names: Sequence[str], since: float, until: float) -> WhoAnswer:
        """Return the changes in that time (seconds since the epoch, UTC) of the service, its roles, its target groups
        and what *names* has besides (alarms, databases). Raises SourceError.
        """


class ShellProvider(Protocol):
    """An optional part of a Provider, its ``shells``: a shell in a container, by *programs* of other makers that
    take the terminal.
    """

    programs: tuple[str, ...]

    def shell(self, service: Service, task: Task, container: str, actor: Actor) -> Plan:
        """The command, to be confirmed: ``request["command"]``, with no secret in it. Raises Refused. Makes no call."""

    def enabling(self, service: Service) -> str:
        """The command that lets shells be opened in the service's next tasks. Only ever told."""

    def keys(self) -> Mapping[str, str]:
        """Return the secret variables for the command's environment. May block. Raises ActionError."""


@runtime_checkable
class SupportsShell(Protocol):
    """A Provider that offers Shells."""

    shells: ShellProvider


class RenewalResult(msgspec.Struct, frozen=True):
    """The result of one renewal of an acknowledgement: *again_at* is the next one (None: it is over)."""

    again_at: float | None
    extended: bool = False


@runtime_checkable
class SupportsAckRenewal(Protocol):
    """A provider whose acknowledgement has to be extended to last (an Alertmanager's short silence)."""

    def renew_ack(self, plan: Plan, receipt: Receipt, now: float) -> RenewalResult:
        """Extend it if it is due. Times are seconds since the epoch."""


class Signer(Protocol):
    """Signs requests (AWS Signature Version 4). *login* is the command that renews its keys; empty: none known."""

    @property
    def login(self) -> tuple[str, ...]: ...

    def headers(self, method: str, url: str, body: bytes, acting: bool) -> Mapping[str, str]:
        """Return the headers to add. May block for a login. Raises SourceError. *acting*: with the keys for writes."""

    def denied(self, text: str) -> SourceError | None:
        """Return the meaning of a 403 that says *text*; None where it is not of the signature."""

    def renew(self) -> None:
        """Forget the keys."""


class Context(msgspec.Struct, frozen=True):
    """Bootstrap's arguments for a provider's factory, besides its options.

    *signer* makes a signer from AWS options, which a provider of another system cannot import. *stays*: the program
    goes on reading, as a board and a recorder do, and no command: it may take what is given to one reader alone.
    *look_back_s*: suspects are looked for in so many seconds before a problem.
    """

    source: str
    actor_email: str
    clock: Any  # oncall_tui.runtime.clock.Clock; Any keeps msgspec out of protocols
    read_only: bool = False
    stays: bool = False
    signer: Callable[[Any], Signer] | None = None
    look_back_s: float = 3600.0
