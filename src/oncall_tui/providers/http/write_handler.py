"""One base for every verb of every HTTP provider: refuse, plan, read again, send once, read back.

A provider has one ``HandlerContext``: how a target is read, what counts as moved, and the plan that all its verbs
share. A verb is a ``WriteHandler`` on that context and keeps only what is its own: the plan's words, the one write, and
what *shows* that it took effect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar, Unpack

from oncall_tui import errors
from oncall_tui.domain.alert import Alert, AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Plan, PlanFields
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.providers.http.client import Http
from oncall_tui.providers.write_grace import WriteGrace
from oncall_tui.runtime.clock import Clock

READ_AGAIN_S = 3.0  # a read-back that failed is tried again after so long, where the other side names no time
SILENCE_S = 3600.0  # where the engineer names no time
LONGEST_SILENCE_S = 7 * 86400.0
LISTED = 100  # so many other alerts are named in a plan; the rest is a number

Target = TypeVar("Target")  # one incident, issue, monitor or alert, as the API just gave it


@contextmanager
def before_sending() -> Iterator[None]:
    """Turn a read that fails before a write into Refused, which says that nothing was sent."""
    try:
        yield
    except errors.SourceError as error:
        raise errors.unread_first(error) from None


def read_back(read: Callable[[], Check]) -> Check:
    """Return the verdict of *read* on a write; while it cannot be read, PENDING, and why."""
    try:
        return read()
    except errors.SourceError as error:
        return unread(error)


def unread(error: errors.SourceError) -> Check:
    """Return PENDING, and why: the effect of a write could not be read."""
    wait = error.retry_after_s if isinstance(error, errors.Throttled) else None
    return Check(OutcomeState.PENDING, f"not read back yet: {error.message}", wait or READ_AGAIN_S, error.hint)


def silence_s(ask: ActionRequest) -> float:
    """Return how long to silence. Raises Refused where that is no time, or so long that a recurrence is missed."""
    for_s = ask.for_s or SILENCE_S
    if not 0 < for_s <= LONGEST_SILENCE_S:
        raise errors.Refused("the duration must be above 0 and at most 7d")
    return for_s


def listed(names: Sequence[str]) -> tuple[str, ...]:
    """Return the first LISTED of what a plan also affects, and how many more there are."""
    more = len(names) - LISTED
    return (*names[:LISTED], f"and {more} more") if more > 0 else tuple(names)


class HandlerContext(ABC, Generic[Target]):
    """One source, as the handlers of its verbs see it. A subclass reads a target and says what moved.

    *gone* is said where the other side does not have a target any more, *off_board* where the board does not.
    """

    gone: ClassVar[str]
    off_board: ClassVar[str] = "is resolved, or not there any more"

    def __init__(self, source: str, http: Http, clock: Clock, read_only: bool) -> None:
        self.source = source
        self.http = http
        self.clock = clock
        self._read_only = read_only

    def target(self, ask: ActionRequest, board: Board) -> Alert:
        """Return the row that is meant. Raises Refused where it is not on the board, or nothing may be written."""
        self.writable()
        alert = board.alerts.get(ask.target)
        if alert is None or not self.acts_on(alert):
            raise errors.Refused(f"{ask.target} {self.off_board}")
        return alert

    def writable(self) -> None:
        """Raise Refused where nothing may be written."""
        if self._read_only:
            raise errors.Refused("read only: the configuration forbids writing")

    def acts_on(self, alert: Alert) -> bool:
        """Return whether an action can still change this row."""
        return alert.source == self.source and alert.state is not AlertState.RESOLVED

    @abstractmethod
    def pin(self, alert: Alert) -> dict[str, Any]:
        """Return what a request has to name *alert* again: plain data, which is journalled with the plan."""

    @abstractmethod
    def find(self, pin: Mapping[str, Any]) -> Target | None:
        """Read the target of a pin, or of a request that has one; None: it is gone. Raises errors.SourceError."""

    @abstractmethod
    def unmoved(self, version: str, seen: Target) -> Alert:
        """Return its row, where it is still what *version* says; else raise Refused, saying what moved."""

    def read(self, pin: Mapping[str, Any]) -> Target:
        """Return the target as it is. Raises Refused where it is gone, or cannot be read."""
        with before_sending():
            seen = self.find(pin)
        if seen is None:
            raise errors.Refused(self.gone)
        return seen

    def read_row(self, alert: Alert) -> Target:
        """Do as ``read``, for a row, and raise the same."""
        return self.read(self.pin(alert))

    def skew_s(self) -> float:
        """How far the other side's clock is ahead of this one."""
        return self.http.server_now() - self.clock.now()

    def since(self, plan: Plan) -> float:
        """When *plan* was made, by the other side's clock, with room for its whole seconds."""
        return plan.made_at + self.skew_s() - 2.0

    def plan(self, ask: ActionRequest, alert: Alert, *, title: str, **more: Unpack[PlanFields]) -> Plan:
        """Return a plan for *alert* as the engineer saw it, or at the *version* given; its request gets the pin."""
        more["request"] = {**self.pin(alert), **more.get("request", {})}
        more.setdefault("version", ask.version or alert.version)
        more["target"] = alert.id
        return ask.plan(source=alert.source, made_at=self.clock.now(), title=title, **more)


Context = TypeVar("Context", bound=HandlerContext[Any])


class WriteHandler(ActionHandler, ABC, Generic[Context, Target]):
    """One verb (base.ActionHandler). A subclass plans, writes once, and says what shows the effect."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._sent = WriteGrace(context.clock)

    @abstractmethod
    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Say what will be done. Raises Refused where it cannot be done, and says why."""

    def check(self, plan: Plan) -> None:
        """Read the target again. Raises Refused where it moved or is gone."""
        self._still(plan, self.context.read(plan.request))

    def _still(self, plan: Plan, seen: Target) -> None:
        """Raise Refused where *seen*, just read, is not what *plan* was made for."""
        self.context.unmoved(plan.version, seen)

    def send(self, plan: Plan) -> Receipt:
        """Make one attempt. Raises ActionFailed or OutcomeUnknown."""
        self._sent.note(plan)
        return self._write(plan)

    @abstractmethod
    def _write(self, plan: Plan) -> Receipt:
        """Make the one call that writes."""

    def verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read it back: DONE where the effect shows; PENDING while it cannot be read, or may still come."""
        return read_back(lambda: self._verify(plan, receipt))

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Read the target and judge it. Raises errors.SourceError."""
        seen = self.context.find(plan.request)
        return self._missing(plan, receipt) if seen is None else self._shows(plan, receipt, seen)

    def _missing(self, plan: Plan, receipt: Receipt | None) -> Check:
        """Judge a write whose target is gone."""
        return self._sent.absent(plan, "sent, not visible yet", self.context.gone, excludes=True)

    def _shows(self, plan: Plan, receipt: Receipt | None, seen: Target) -> Check:
        """Judge the write by *seen*, its target as just read."""
        raise NotImplementedError
