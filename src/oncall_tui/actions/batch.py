"""Many plans of one verb at one source, in as few calls as the other side takes them; an outcome for each.

    re-check all -> guardrails -> intents on disk -> send all (one attempt) -> verify all, again and again
    -> an outcome each

The words are as strict as for one: each part is an ``ActionExecution`` that the batch asks for, instead of asking by
itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from oncall_tui.actions.execution import ActionExecution
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.errors import ActionError, JournalError, OncallError, OutcomeUnknown, SourceError
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Receipt, SupportsBulk
from oncall_tui.runtime.job_queue import JobQueue

log = logging.getLogger(__name__)


class BatchItem(ActionExecution):
    """One plan of a batch. *due_s* is in how many seconds it wants to be verified again; None: not any more."""

    due_s: float | None = None

    def begin(self) -> None:
        """Say that it is about to be checked."""
        self.before_answer = True
        self._told(self.outcome)

    def refused_now(self) -> ActionError | None:
        """Return the refusal of a guardrail that holds as it goes out; None: it may go."""
        try:
            self._may(self.plan)
        except ActionError as error:
            return error
        return None

    def not_sent(self, error: OncallError) -> None:
        self._not_sent(error)

    def sending(self) -> None:
        self._sending()

    def said_no(self, error: ActionError) -> None:
        self._end(OutcomeState(error.outcome), error.message, error.hint)

    def lost(self, error: OutcomeUnknown) -> None:
        self._lost(error)
        self.due_s = 0.0

    def answered(self, receipt: Receipt) -> None:
        self._answered(receipt)
        self.due_s = 0.0

    def take(self, check: Check) -> None:
        self.due_s = None
        self._take(check)

    def unreadable(self, error: OncallError) -> None:
        self.due_s = None
        self._unreadable(error.message, error.hint)

    def bug(self, error: Exception) -> None:
        self.due_s = None
        self._bug(error)

    def _later(self, seconds: float) -> None:
        self.due_s = seconds


class Batch:
    """At most as many parts as the other side takes at once."""

    def __init__(self, parts: Sequence[BatchItem], handler: SupportsBulk, queue: JobQueue, journal: Journal) -> None:
        self._parts, self._handler, self._queue, self._journal = list(parts), handler, queue, journal

    def start(self, without_journal: bool = False) -> None:
        """Check, write the intents, send. Returns at once."""
        for part in self._parts:
            part.begin()
        self._queue.run(lambda: self._guarded(lambda: self._send(without_journal)))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a handler's bug must end as outcomes, not as silence
            log.exception("batch: bug")
            for part in self._parts:
                if not part.outcome.state.final:
                    part.bug(error)

    def _send(self, without_journal: bool) -> None:
        parts = self._checked()
        if not parts:
            return
        plans = [part.plan for part in parts]
        try:
            self._journal.intents(plans)
        except JournalError as error:
            if not without_journal:
                for part in parts:
                    part.not_sent(error)
                return
        for part in parts:
            part.sending()
        try:
            results = self._handler.send_many(plans)
        except OutcomeUnknown as error:
            for part in parts:
                part.lost(error)
        except ActionError as error:
            for part in parts:
                part.said_no(error)
        else:
            for part, result in zip(parts, results, strict=True):
                if isinstance(result, OutcomeUnknown):
                    part.lost(result)
                elif isinstance(result, ActionError):
                    part.said_no(result)
                else:
                    part.answered(result)
        self._verify()

    def _checked(self) -> list[BatchItem]:
        """Return the items that may be sent."""
        try:
            found = self._handler.check_many([part.plan for part in self._parts])
        except (ActionError, SourceError) as error:
            found = [error] * len(self._parts)  # type: ignore[list-item]
        found = [refused or part.refused_now() for part, refused in zip(self._parts, found, strict=True)]
        for part, refused in zip(self._parts, found, strict=True):
            if refused is not None:
                part.not_sent(refused)
        return [part for part, refused in zip(self._parts, found, strict=True) if refused is None]

    def _verify(self) -> None:
        parts = [part for part in self._parts if part.due_s is not None]
        if not parts:
            return
        try:
            checks = self._handler.verify_many([p.plan for p in parts], [p.receipt for p in parts])
        except (ActionError, SourceError) as error:
            for part in parts:
                part.unreadable(error)
        else:
            for part, check in zip(parts, checks, strict=True):
                part.take(check)
        left = [part.due_s for part in parts if part.due_s is not None]
        if left:  # all that are left are asked for together, when the first is due
            self._queue.run(lambda: self._guarded(self._verify), delay_s=min(left))
