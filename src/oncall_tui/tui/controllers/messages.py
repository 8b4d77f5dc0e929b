"""The controller of what stands above the key bar: outcomes that were read, and words that go by themselves."""

from __future__ import annotations

from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.tui.presenters import status_lines
from oncall_tui.tui.session import Session

DONE_SHOWN_S = 20.0
NOTICE_S = 8.0  # of a word that only says what was asked for


class Messages:
    """Takes away what has been on screen for long enough. A failure stays until the engineer dismisses it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended: dict[str, float] = {}  # when an outcome was first seen as ended, by plan; seconds, monotonic

    def expire(self) -> None:
        """Take away what succeeded some time ago, and a dim word."""
        session = self._session
        now = session.engine.clock.monotonic()
        ended = {
            outcome.plan_id: self._ended.get(outcome.plan_id, now)
            for outcome in status_lines.as_one(session.latest)
            if outcome.state in (OutcomeState.DONE, OutcomeState.SENT) and outcome.verb not in FOLLOWED
        }
        self._ended = ended
        for plan_id, since in ended.items():
            if now - since > DONE_SHOWN_S:
                session.engine.actions.dismiss(plan_id)
        session.was_read()
        if session.notice and session.notice[1] == "dim" and now - session.said_at > NOTICE_S:
            session.notice = None

    def dismiss(self) -> bool:
        """Take away the nearest one: a word, else the outcome that is shown. Return whether there was one.

        A dim word goes with an outcome that has ended, because it would go by itself: it takes no Esc of its own.
        """
        session = self._session
        shown = status_lines.shown_outcome(session.latest)
        ended = shown is not None and shown.state is not OutcomeState.PENDING
        if session.notice and not (ended and session.notice[1] == "dim"):
            session.notice = None
            return True
        if shown is not None and ended:
            session.notice = None
            session.engine.actions.dismiss(shown.plan_id)
            return True
        return False
