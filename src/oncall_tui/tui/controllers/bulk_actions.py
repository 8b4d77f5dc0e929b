"""The marked rows: a plan for each, one confirm that lists them, then N of M, with a reason for each that was not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from oncall_tui.domain.action import Verb
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.errors import OncallError, Refused
from oncall_tui.text.cells import count
from oncall_tui.triage.routing import route_all
from oncall_tui.tui.controllers.dialogs import Dialogs
from oncall_tui.tui.controllers.offers import Offers
from oncall_tui.tui.controllers.planning import Planning
from oncall_tui.tui.presenters.renewal import renewing
from oncall_tui.tui.screens.dialogs.answers import ANEW
from oncall_tui.tui.session import RowRef, Session

REASONS_SHOWN = 3
LeftOut = tuple[str, str, OncallError]  # a row's title, what would have been acted on, why it is not


class BulkActions:
    """One verb on every marked row of the alerts pane."""

    def __init__(self, session: Session, dialogs: Dialogs, planning: Planning, offers: Offers) -> None:
        self._session, self._dialogs, self._planning, self._offers = session, dialogs, planning, offers

    async def steps(self, verb: Verb, more: dict[str, Any], marked: Sequence[str]) -> None:
        """Plan each, one confirm that lists them, carry out what could be planned, then N of M with reasons.

        A yes to plans that are a minute old plans anew, and asks again.
        """
        answer: str | None = ANEW
        while answer == ANEW:
            self._session.doing(f"planning {verb} for {count(len(marked), 'row')}")
            plans, left_out = await self._plans(verb, more, marked)
            why_not = [(title, self._why(error)) for title, _, error in left_out]
            if not plans:
                self._session.say(f"{verb}: not possible for {_by_reason(why_not)}", "warning")
                return
            answer = await self._asked(verb, plans, why_not)
        if answer is None:
            self._session.say(f"{verb}: cancelled, nothing was sent", "dim")
            return
        self._dialogs.asked()
        await self._carry_out(verb, plans, left_out)

    async def _asked(
        self, verb: Verb, plans: dict[str, tuple[str, Plan]], why_not: Sequence[tuple[str, str]]
    ) -> str | None:
        """List the plans and what is not possible; return the answer."""
        from oncall_tui.tui.screens.dialogs.confirm import ConfirmMany

        every = [plan for _, plan in plans.values()]
        return await self._dialogs.ask(
            ConfirmMany(
                f"{_does(every)} of {count(len(every) + len(why_not), 'row')}",
                [_listed(title, plan) for title, plan in plans.values()],
                _word(verb, every),
                [f"not possible: {title}: {why}" for title, why in why_not],
                self._session.engine.clock.now,
            )
        )

    async def _plans(
        self, verb: Verb, more: dict[str, Any], marked: Sequence[str]
    ) -> tuple[dict[str, tuple[str, Plan]], list[LeftOut]]:
        """(title, plan) by target, and why each of the other rows cannot be."""
        left_out: list[LeftOut] = []
        asks: dict[str, tuple[str, ActionRequest]] = {}  # two rows of one incident are one ask
        for row_id in marked:
            alert_row = self._session.drawn(row_id)
            found = route_all(alert_row, self._session.latest.board, verb) if alert_row else ()
            title = alert_row.alert.title if alert_row else row_id
            if not found:
                left_out.append(
                    (title, row_id, Refused(self._offers.why_not(verb, RowRef("alerts", row_id, alert_row))))
                )
            for alert in found:
                where = f" → {alert.source}: {alert.title}" if alert_row and alert.id != alert_row.alert.id else ""
                asks.setdefault(alert.id, (f"{title}{where}", self._planning.request(verb, alert, **more)))
        plans: dict[str, tuple[str, Plan]] = {}
        futures = self._session.engine.actions.plan_many([ask for _, ask in asks.values()])
        for (title, ask), future in zip(asks.values(), futures, strict=True):
            try:
                plan = await asyncio.wrap_future(future)
                if plan.confirm is Confirm.NAME:
                    raise Refused(f"{plan.confirm_why}: its name has to be typed", "act on this row alone")
                plans.setdefault(plan.target, (title, plan))
            except OncallError as error:
                left_out.append((title, ask.target, error))
        return plans, left_out

    def _why(self, error: OncallError) -> str:
        """Word an error as a refusal of one row is worded."""
        hint = renewing(error.hint, self._session.latest.board.sources.values())
        return f"{error.message} ({hint})" if hint else error.message

    async def _carry_out(self, verb: Verb, plans: dict[str, tuple[str, Plan]], left_out: list[LeftOut]) -> None:
        """Carry the plans out. One line of the board has the outcome; a list has the reason of each failure."""
        self._session.notice = None
        at = self._session.engine.clock.now()
        others = [_outcome(verb, target, error, at) for _, target, error in left_out]
        futures = self._session.engine.actions.execute_many([plan for _, plan in plans.values()], left_out=others)
        not_done = [f"{title}: {self._why(error)}" for title, _, error in left_out]
        for (title, _), future in zip(plans.values(), futures, strict=True):
            outcome: Outcome = await asyncio.wrap_future(future)
            if outcome.state is not OutcomeState.DONE:
                not_done.append(f"{title}: {outcome.state}: {outcome.message}")
        if verb is not Verb.NOTE:  # after a note the same rows are often acted on
            self._session.tables["alerts"].clear_marks()
        if not_done:
            count = len(plans) + len(left_out)
            lines = [((row, "warning"),) for row in not_done]
            from oncall_tui.tui.screens.dialogs.modals import Text  # opened by a key, imported then

            self._dialogs.show_when_free(Text(f"{verb}: {count - len(not_done)} of {count} done; not done:", lines))


def _by_reason(why_not: Sequence[tuple[str, str]]) -> str:
    """``payments-api: acknowledged already, by Bob; 3 rows: …``: each reason once, the most frequent first."""
    titles: dict[str, list[str]] = {}
    for title, why in why_not:
        titles.setdefault(why, []).append(title)
    reasons = sorted(titles.items(), key=lambda item: -len(item[1]))
    said = [f"{same[0] if len(same) == 1 else count(len(same), 'row')}: {why}" for why, same in reasons]
    more = [f"and {count(len(said) - REASONS_SHOWN, 'other reason')}"] if said[REASONS_SHOWN:] else []
    return "; ".join([*said[:REASONS_SHOWN], *more])


def _outcome(verb: Verb, target: str, error: OncallError, at: float) -> Outcome:
    """Return the outcome of a row that could not be planned."""
    state = OutcomeState(error.outcome)
    return Outcome(
        plan_id=f"no plan {at} {target}",
        verb=verb,
        target=target,
        state=state,
        message=error.message,
        at=at,
        hint=error.hint,
    )


def _listed(title: str, plan: Plan) -> str:
    """One line of a confirm for several: what is done to this row."""
    also = f"  (affects {len(plan.others)} more)" if plan.others else ""
    did = f"  (will be {plan.did})" if plan.did else ""
    before = "  (sent before, not known yet: sent again)" if plan.sent_before else ""
    return f"{title}{also}{did}{before}"


def _word(verb: Verb, plans: Sequence[Plan]) -> str:
    """Return the word for ``y``: the verb, or the one other action that all plans share (``mark as seen``)."""
    found = {plan.does or str(plan.verb) for plan in plans}
    return found.pop() if len(found) == 1 else str(verb)


def _does(plans: Sequence[Plan]) -> str:
    """``acknowledge 2, mark as seen 1``: what is really done to how many."""
    counts = Counter(plan.does or str(plan.verb) for plan in plans)
    return ", ".join(f"{does} {count}" for does, count in counts.items())
