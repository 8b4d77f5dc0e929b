"""The controller of what stands above the key bar: outcomes that were read, and words that go by themselves."""

from __future__ import annotations

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.tui.presenters import status_lines
from oncall_tui.tui.session import Session

DONE_SHOWN_S = 20.0
UNDOES = {  # the verbs whose success is not true any more after it
    Verb.ACKNOWLEDGE: (Verb.UNACKNOWLEDGE,),
    Verb.UNACKNOWLEDGE: (Verb.ACKNOWLEDGE, Verb.SILENCE, Verb.SNOOZE),
    Verb.END_SILENCE: (Verb.SILENCE,),
    Verb.ROLL_BACK: (Verb.UNDO_ROLLBACK,),
    Verb.UNDO_ROLLBACK: (Verb.ROLL_BACK,),
}
NOTICE_S = 8.0  # of a word that only says what was asked for


class Messages:
    """Takes away what has been on screen for long enough. A failure stays until the engineer dismisses it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended: dict[str, float] = {}  # when an outcome was first seen as ended, by plan; seconds, monotonic
        self._undone_at: dict[tuple[Verb, str], float] = {}  # when an undo was done last, by what it was done to

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
        for plan_id in self._untrue():
            session.engine.actions.dismiss(plan_id)
        session.was_read()
        if session.notice and session.notice[1] == "dim" and now - session.said_at > NOTICE_S:
            session.notice = None

    def _untrue(self) -> list[str]:
        """Return the plans whose success is not true any more: its undo has succeeded since."""
        done = [one for one in self._session.latest.outcomes if one.state is OutcomeState.DONE]
        for one in done:
            for undone in UNDOES.get(one.verb, ()):
                key = (undone, self._subject(one.target, one.verb))
                self._undone_at[key] = max(one.at, self._undone_at.get(key, one.at))
        return [one.plan_id for one in done if not self._holds(one)]

    def _holds(self, one: Outcome) -> bool:
        """Tell whether nothing that was done later undoes *one*. A silence ended by its own id does so once the alert
        that it was made for is not silenced: others may stand.
        """
        if self._undone_at.get((one.verb, self._subject(one.target, one.verb)), one.at) > one.at:
            return False
        if one.verb is not Verb.SILENCE:
            return True
        alert = self._session.latest.board.alerts.get(one.target)
        silenced = alert is not None and alert.state is AlertState.SILENCED
        return silenced or self._undone_at.get((one.verb, one.target.partition("/")[0]), one.at) <= one.at

    def _subject(self, target: str, verb: Verb) -> str:
        """Return what *verb* did something to: a deploy's is its service, of a silence's own id its source."""
        if verb is Verb.END_SILENCE:
            return target.partition("/")[0]
        deploy = self._session.latest.board.deploys.get(target)
        return deploy.service_id if deploy is not None else target

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
