"""Extends what this session acknowledged where an acknowledgement is short by nature (an Alertmanager's silence).

Only the session that made it extends it, only while keys were pressed in the last 30 minutes, and for two hours in
all: an engineer who fell asleep must be paged again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import OncallError
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt, RenewalResult, SupportsAckRenewal
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue

log = logging.getLogger(__name__)
AWAKE_S = 30 * 60.0
AT_MOST_S = 2 * 3600.0
AGAIN_S = 30.0


class HeldAck(msgspec.Struct):
    """One acknowledgement that is kept up. Times are monotonic seconds."""

    plan: Plan
    receipt: Receipt
    provider: SupportsAckRenewal
    queue: JobQueue
    since: float
    next_at: float
    busy: bool = False


class AckRenewer:
    """Asked once a second by the engine; never blocks: the work runs on the source's queue."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._keeping: dict[str, HeldAck] = {}
        self._pressed_at = clock.monotonic()

    def pressed(self) -> None:
        """Note that a key was pressed: somebody is awake."""
        self._pressed_at = self._clock.monotonic()

    def keep(self, plan: Plan, receipt: Receipt, provider: SupportsAckRenewal, queue: JobQueue) -> None:
        """Begin to extend what *plan* made."""
        now = self._clock.monotonic()
        self._keeping[plan.target] = HeldAck(plan, receipt, provider, queue, now, now + AGAIN_S)

    def drop(self, target: str) -> None:
        """Un-acknowledged: no longer ours to extend."""
        self._keeping.pop(target, None)

    def tick(self) -> None:
        """Extend what is due."""
        now = self._clock.monotonic()
        for target, kept in list(self._keeping.items()):
            if now - kept.since > AT_MOST_S:
                del self._keeping[target]
            elif not kept.busy and now >= kept.next_at and now - self._pressed_at <= AWAKE_S:
                kept.busy = True
                kept.queue.run(self._job(target, kept))

    def _job(self, target: str, kept: HeldAck) -> Callable[[], None]:
        def extend() -> None:
            now = self._clock.now()
            text = ""
            try:
                result = kept.provider.renew_ack(kept.plan, kept.receipt, now)
            except Exception as error:  # tried again soon: a silence has minutes left when it is due
                if not isinstance(error, OncallError):
                    log.exception("%s is not extended: bug", target)
                    text = f"not extended: bug: {error.__class__.__name__}: {error}; tried again"
                log.warning("not extended: %s", error)
                result = RenewalResult(again_at=now + AGAIN_S)
            if result.again_at is None:
                self._keeping.pop(target, None)
                text = "no longer extended: it is over, or not ours any more"
            else:
                kept.next_at = self._clock.monotonic() + max(1.0, result.again_at - now)
                text = "extended" if result.extended else text
            kept.busy = False
            if not text:
                return
            entry = Entry(at=now, kind=EntryKind.KEPT, subject=target, actor=kept.plan.actor.name, text=text)
            self._journal.record([entry])

        return extend
