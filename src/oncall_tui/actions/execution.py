"""One action from its plan to its outcome. Each step is a job on its source's queue, so a long follow blocks nobody.

    re-check -> guardrails -> intent on disk -> send (one attempt) -> verify, again and again -> outcome on disk

The words are strict: *done* only after the other side showed the effect; a write that timed out is *unknown* and is
resolved by reading, however late it arrives; *failed* only where nothing changed, and nothing can come any more.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable

from oncall_tui.domain.action import FOLLOWED, LASTING, Verb
from oncall_tui.domain.entry import EntryKind
from oncall_tui.domain.outcome import Check, Outcome, OutcomeState
from oncall_tui.domain.plan import Plan
from oncall_tui.errors import (
    ActionError,
    ActionFailed,
    JournalError,
    OncallError,
    OutcomeUnknown,
    Refused,
    SourceError,
    unexpected,
    unread_first,
)
from oncall_tui.journal import Journal
from oncall_tui.providers.base import ActionHandler, Receipt
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.job_queue import JobQueue
from oncall_tui.runtime.secret import redact

log = logging.getLogger(__name__)

_JOURNALLED = frozenset({EntryKind.SEEN, EntryKind.UNSEEN, EntryKind.NOTE})  # the journal itself is the other side
_CLAIM = r"(?:sent|asked to stop)[,;] "  # how a provider's words on a missing effect begin
UNKNOWN_SETTLES_S = 12.0  # for so long a write that timed out is called pending; what excludes its effect waits too
QUICK_GIVES_UP_S = 20.0  # an acknowledge that does not show by then is unknown, and is read on
UNKNOWN_AGAIN_S, UNKNOWN_SELDOM_S = 10.0, 60.0  # what is unknown is read on, ever more seldom up to this
LEFT_S = 3600.0  # what an earlier session sent so long ago, and shows no effect, is unknown for good
MAY_COME = "it may still take effect, and is read on: look before it is sent again"


class ActionExecution:
    """One action under way. *told* is called with each new Outcome (pending ones too), from the queue's thread.

    *completion_note* gives a word on what is so apart from the action itself (does the alert still fire?). *claim*
    raises Refused where somebody else acts on the same just now, *may* where a guardrail holds as it goes out.
    *steady_s*: what deploys is done when the other side's "done" has held for so long, with the same evidence.
    """

    def __init__(
        self,
        plan: Plan,
        handler: ActionHandler,
        queue: JobQueue,
        journal: Journal,
        clock: Clock,
        told: Callable[[Outcome], None],
        steady_s: float = 0.0,
        completion_note: Callable[[Plan], str] = lambda plan: "",
        claim: Callable[[Plan], None] = lambda plan: None,
        may: Callable[[Plan], None] = lambda plan: None,
    ) -> None:
        self.plan = plan
        self.steady_s = steady_s if plan.verb in FOLLOWED and plan.verb is not Verb.CONTINUE else 0.0
        self._clock = clock
        self._sent_due: float | None = None  # when it went out (monotonic)
        self.outcome = self._say(OutcomeState.PENDING, "checking")
        self.resumed = False  # taken up from an earlier session
        self.looked = False  # a resumed one: has the other side shown how it stands?
        self.sent_at = 0.0  # a resumed one: when the earlier session sent it
        self.before_answer = False  # may it be on its way to the other side right now?
        self._handler, self._queue, self._journal, self._told = handler, queue, journal, told
        self._completion_note, self._claim, self._may = completion_note, claim, may
        self._receipt: Receipt | None = None
        self._found: dict[str, object] = {}  # what the last look found that is journalled
        self._sent = False
        self._withdrawn = ""  # why it is not sent any more
        self._going_out = threading.Lock()  # between the queue that sends and whoever takes it back
        self._lost_why = ""
        self._lost_at: float | None = None  # when a write's answer was lost (monotonic)
        self._may_come = True  # where it was lost: may the write arrive yet?
        self._over = False  # nothing is read any more
        self._began = clock.monotonic()
        self._steady_since: float | None = None
        self._evidence = ""

    # --- from a key press ---------------------------------------------------------------------------------------------

    def start(self, without_journal: bool = False) -> None:
        """Check, write the intent, send. Returns at once."""
        self.before_answer = True
        self._told(self.outcome)
        self._queue.run(lambda: self._guarded(lambda: self._send(without_journal)))

    def resume(self, receipt: Receipt | None, sent_at: float) -> None:
        """Follow what an earlier session sent, or may have sent, and left without an outcome.

        *sent_at* is in seconds since the epoch.
        """
        self._receipt, self._sent, self.resumed, self.sent_at = receipt, True, True, sent_at
        self._sent_due = self._clock.monotonic() - max(0.0, self._clock.now() - sent_at)
        if receipt is None:
            self._lost_at = self._sent_due
        self._tell(OutcomeState.PENDING, "left open by an earlier session: reading its outcome")
        self._queue.run(lambda: self._guarded(self._verify))

    def read_now(self) -> None:
        """Look at once how it stands, on its queue. Blocks for a second at the most: this program ends."""
        with contextlib.suppress(TimeoutError):
            self._queue.run(lambda: self._guarded(self._read_unless_over)).result(1.0)

    def _read_unless_over(self) -> None:
        if not self.outcome.state.final:
            self._verify()

    def withdraw(self, why: str) -> bool:
        """Take it back before it goes out; False where it may have been sent already."""
        with self._going_out:
            if not self._sent and not self._withdrawn:
                self._withdrawn = why
            return not self._sent

    @property
    def receipt(self) -> Receipt | None:
        """Return the other side's answer, or None where no answer came."""
        return self._receipt

    @property
    def sent(self) -> bool:
        """Return whether the request went out and was not refused."""
        return self._receipt is not None or self._lost_at is not None

    @property
    def read_on(self) -> bool:
        """Return whether its outcome is unknown, and still read."""
        return self.outcome.state is OutcomeState.UNKNOWN and not self._over

    # --- on the queue -------------------------------------------------------------------------------------------------

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a handler's bug must end as an outcome, not as silence
            log.exception("action %s: bug", self.plan.id)
            self._bug(error)

    def _bug(self, error: Exception) -> None:
        state = OutcomeState.UNKNOWN if self._sent else OutcomeState.FAILED
        self._end(state, *unexpected(error))

    def _send(self, without_journal: bool) -> None:
        try:
            self._claim(self.plan)
            self._handler.check(self.plan)
            self._may(self.plan)
        except (ActionError, SourceError) as error:
            self._not_sent(error)
            return
        try:
            self._journal.intents([self.plan])
        except JournalError as error:
            if not without_journal:
                self._not_sent(error)
                return
        if not self._sending():
            self._not_sent(Refused(f"{self._withdrawn}: nothing was sent"))
            return
        try:
            receipt = self._handler.send(self.plan)
        except OutcomeUnknown as error:
            self._lost(error)
        except ActionError as error:
            self._end(OutcomeState(error.outcome), error.message, error.hint)
            return
        else:
            self._answered(receipt)
        self._verify()

    def _not_sent(self, error: OncallError) -> None:
        """End it as refused: nothing was sent, so the other side cannot have changed."""
        if isinstance(error, SourceError):
            error = unread_first(error)
        if isinstance(error, ActionError):
            self._end(OutcomeState(error.outcome), error.message, error.hint)
        else:
            self._end(OutcomeState.REFUSED, f"not sent: {error.message}", error.hint)

    def _sending(self) -> bool:
        """Note that it goes out now, unless it was taken back."""
        with self._going_out:
            self._sent = not self._withdrawn
        if self._sent:
            self._sent_due = self._clock.monotonic()
            self._tell(OutcomeState.PENDING, "sending")
        return self._sent

    def _lost(self, error: OutcomeUnknown) -> None:
        """Follow a write without an answer: a reading will tell whether it took effect."""
        self.before_answer = False
        self._lost_at = self._clock.monotonic()
        self._lost_why, self._may_come = error.message, not error.answered
        self._tell(OutcomeState.PENDING, f"{error.message}: reading its outcome")

    def _answered(self, receipt: Receipt) -> None:
        """Keep the answer too, so that a later start can follow what this one sent."""
        self.before_answer = False
        self._receipt = receipt
        here = self.plan.request.get("kind") in _JOURNALLED
        self._note_unfinished("recorded on this machine" if here else "sent, not verified yet")

    def _verify(self) -> None:
        try:
            check = self._handler.verify(self.plan, self._receipt)
        except Refused as error:
            check = Check(OutcomeState.FAILED, error.message, hint=error.hint)
        except (ActionFailed, OutcomeUnknown, SourceError) as error:
            self._unreadable(error.message, error.hint)
            return
        self._take(check)

    def _take(self, check: Check) -> None:
        """Take the result of a verify."""
        self._found = check.data
        if check.state is OutcomeState.DONE:
            self._holds(check)
        elif check.state is OutcomeState.FAILED:
            self._not_there(check)
        elif check.state is OutcomeState.SENT:
            self._end(OutcomeState.SENT, check.message, check.hint)
        elif check.state is OutcomeState.UNKNOWN:
            lost = f"{self._lost_why}; " if self._lost_why else ""
            self._end(OutcomeState.UNKNOWN, lost + check.message, check.hint, closed=True)
        else:
            self._steady_since = None
            self._again(check)

    def _holds(self, check: Check) -> None:
        """Take it that the effect is there: done, or for a rollback, done once it has held."""
        now, self.looked = self._clock.monotonic(), True
        if self._steady_since is None or check.evidence != self._evidence:
            self._steady_since, self._evidence = now, check.evidence
        held = now - self._steady_since
        if self.resumed and check.since:  # it held while no session followed it
            held = max(held, self._clock.now() - max(check.since, self.sent_at))
        if held < self.steady_s:
            self._tell(OutcomeState.PENDING, f"{check.message}, steady for {held:.0f} of {self.steady_s:.0f} s")
            self._later(min(3.0, self.steady_s - held))
            return
        took = f" · {self._going_s():.0f} s" if self.plan.verb in FOLLOWED else ""  # the others take no time
        if self.resumed:
            took = ""  # how long it took is not how long this session followed it
        words = check.message + took
        if self._lost_at is not None:
            words = f"{words} (the answer was lost; verified by reading)"
        after = self._completion_note(self.plan)
        self._end(OutcomeState.DONE, f"{words} · {after}" if after else words, check.hint)

    def _not_there(self, check: Check) -> None:
        """Take it that the effect is not there; after a lost answer only once the write cannot be on its way."""
        if self._lost_at is not None and self._clock.monotonic() - self._lost_at < UNKNOWN_SETTLES_S:
            self._tell(OutcomeState.PENDING, "; ".join(w for w in (self._lost_why, self._claimed(check.message)) if w))
            self._later(2.0)
            return
        if self._lost_at is not None and check.absent and self._may_come:
            self._not_seen(check)
            return
        lost = f" ({self._lost_why})" if self._lost_why else ""
        self._end(OutcomeState.FAILED, check.message + lost, check.hint)

    def _not_seen(self, check: Check) -> None:
        """Say *unknown* and read on: the answer was lost, and nothing but time speaks against the effect."""
        self.looked, self._steady_since = True, None
        sent = self._lost_why or "not known whether it was sent"
        words = f"{sent}: no effect is seen yet ({self._claimed(check.message)})"
        if self.resumed and self._clock.now() - self.sent_at - self._watched_s() > LEFT_S:
            self._end(OutcomeState.UNKNOWN, words, "it is read no more: check the source itself", closed=True)
            return
        self._unknown(words, check.hint or MAY_COME)

    def _again(self, check: Check) -> None:
        self.looked = self._receipt is not None or self._lost_s() >= 2 * UNKNOWN_SETTLES_S
        quick = self.plan.verb not in LASTING
        waited = self._watched_s()
        if quick and waited > QUICK_GIVES_UP_S:
            sent = self._claimed("sent, but not visible")
            self._unknown(f"{sent} there after {waited:.0f} s: {self._claimed(check.message)}", check.hint)
            return
        lost = f"{self._lost_why}; " if self._lost_at is not None and self._lost_why else ""
        self._tell(OutcomeState.PENDING, f"{lost}{self._claimed(check.message)}")
        self._later(check.again_in_s)

    def _claimed(self, words: str) -> str:
        """Return the words without the claim that it was sent, where an earlier session may have ended before that."""
        if not self.resumed or self._receipt is not None:
            return words
        return re.sub(_CLAIM, "not known whether it was sent; ", words, count=1) if re.match(_CLAIM, words) else words

    def _watched_s(self) -> float:
        """How long this session has followed it: since it was sent, or taken up from an earlier session."""
        return self._clock.monotonic() - self._began if self.resumed else self._going_s()

    def _going_s(self) -> float:
        """How long ago it was sent; where it was not, how long ago this began."""
        return self._clock.monotonic() - (self._began if self._sent_due is None else self._sent_due)

    def _lost_s(self) -> float:
        """How long ago a write's answer was lost."""
        return 0.0 if self._lost_at is None else self._clock.monotonic() - self._lost_at

    def _unreadable(self, message: str, hint: str) -> None:
        """Say *unknown*, because its effect cannot be read, and read again later."""
        self._steady_since = None
        if self._watched_s() < QUICK_GIVES_UP_S:
            self._tell(OutcomeState.PENDING, f"sent; cannot be verified yet: {message}")
            self._later(2.0)
        else:
            self._unknown(f"sent; cannot be verified: {message}", hint)

    def _unknown(self, message: str, hint: str) -> None:
        first = self.outcome.state is not OutcomeState.UNKNOWN
        if first or redact(message) != self.outcome.message:
            self._tell(OutcomeState.UNKNOWN, message, hint or "it is read on; check the source itself")
        if first:
            self._journal.outcome(self.plan, self.outcome, self._data())
        self._later(min(UNKNOWN_SELDOM_S, max(UNKNOWN_AGAIN_S, self._watched_s() / 10)))

    # --- saying so ----------------------------------------------------------------------------------------------------

    def _later(self, seconds: float) -> None:
        self._queue.run(lambda: self._guarded(self._verify), delay_s=seconds)

    def _end(self, state: OutcomeState, message: str, hint: str = "", closed: bool = False) -> None:
        self.before_answer, self._over = False, True
        outcome = self._say(state, message, hint)
        self._journal.outcome(self.plan, outcome, self._data(), closed)
        self.outcome = outcome
        self._told(outcome)

    def _tell(self, state: OutcomeState, message: str, hint: str = "") -> None:
        if self.outcome.state is OutcomeState.UNKNOWN and state is OutcomeState.PENDING:
            state = OutcomeState.UNKNOWN  # once unknown, unknown until it is known
        self.outcome = self._say(state, message, hint)
        self._told(self.outcome)

    def _note_unfinished(self, message: str) -> None:
        outcome = self._say(OutcomeState.PENDING, message)
        self._journal.outcome(self.plan, outcome, self._data())

    def _say(self, state: OutcomeState, message: str, hint: str = "") -> Outcome:
        now = self._clock.now()
        return Outcome(
            plan_id=self.plan.id,
            verb=self.plan.verb,
            target=self.plan.target,
            state=state,
            message=redact(message),
            at=now,
            hint=redact(hint),
            did=self.plan.did,
            sent_at=0.0 if self._sent_due is None else now - (self._clock.monotonic() - self._sent_due),
        )

    def _data(self) -> dict[str, object] | None:
        return {**self._receipt.data, **self._found} if self._receipt is not None else None
