"""Ending a silence by its own id, also one that keeps nothing quiet any more; and the list of those that stand.

*until* and every other time are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from oncall_tui import errors
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Confirm, Plan
from oncall_tui.domain.silence import StandingSilence
from oncall_tui.providers.alertmanager.api import AlertmanagerApi, safe_id
from oncall_tui.providers.alertmanager.handler_context import AlertmanagerHandlerContext, CurrentAlert
from oncall_tui.providers.alertmanager.mapping import same_person
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, AlertmanagerMatcher, ListedSilence
from oncall_tui.providers.base import Receipt
from oncall_tui.providers.http import WriteHandler, before_sending, stamp
from oncall_tui.text.cells import count
from oncall_tui.text.time_format import local_time

MARK = "/silence/"
NAMED = 10  # so many alerts that fire again are named in a plan


def standing_silences(source: str, api: AlertmanagerApi) -> tuple[StandingSilence, ...]:
    """Return every silence that is not over, with what it keeps quiet. Two calls. Raises errors.SourceError."""
    silences = [s for s in api.silences() if s.status.state != "expired"]
    holds: dict[str, list[str]] = defaultdict(list)
    for alert in api.matching({}) if silences else ():
        for silence_id in alert.status.silencedBy:
            holds[silence_id].append(f"{source}/{alert.fingerprint}")
    return tuple(to_standing(source, s, holds[s.id]) for s in silences)


def to_standing(source: str, silence: ListedSilence, alerts: Iterable[str]) -> StandingSilence:
    """Return one silence with the ids of the *alerts* that it keeps quiet."""
    plain = all(m.isEqual and not m.isRegex for m in silence.matchers)
    return StandingSilence(
        id=f"{source}{MARK}{silence.id}",
        source=source,
        words=_words(silence.matchers),
        matchers=tuple((m.name, m.value) for m in silence.matchers) if plain else (),
        by=silence.createdBy,
        comment=silence.comment,
        began=stamp(silence.startsAt),
        until=stamp(silence.endsAt),
        alerts=tuple(sorted(set(alerts))),
        acknowledges=silence.is_ack,
    )


def _words(matchers: Iterable[AlertmanagerMatcher]) -> str:
    signs = {(True, False): "=", (True, True): "=~", (False, False): "!=", (False, True): "!~"}
    return ", ".join(f'{m.name}{signs[m.isEqual, m.isRegex]}"{m.value}"' for m in sorted(matchers))


def _counted(names: list[str]) -> str:
    """``2 alerts: Down, Slow``: how many and which, in one line, so that nothing is counted twice."""
    if not names:
        return "0 alerts"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{count(len(names), 'alert')}: {', '.join(names[:NAMED])}{more}"


class EndSilence(WriteHandler[AlertmanagerHandlerContext, CurrentAlert]):
    """Expires one silence, whoever made it: the plan says whose it is, and which alerts notify again."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read the silence, and what it keeps quiet. Raises Refused where it is over, or another than was listed."""
        self.context.writable()
        source, _, native = ask.target.partition(MARK)
        silence = self._read(safe_id(native))
        with before_sending():
            held = self._held(silence)
        now = to_standing(source, silence, ())
        if ask.version and now.version != ask.version:
            raise errors.Refused(f"it was changed meanwhile: {self._ends(silence)}", "read the list again")
        mine = same_person(silence.createdBy, (ask.actor.email, ask.actor.name))
        by = silence.createdBy or "nobody named"
        return ask.plan(
            source=self.context.source,
            made_at=self.context.clock.now(),
            title=f"end the silence of {now.words}",
            version=now.version,
            lines=(
                ("silence", silence.id),
                ("matchers", now.words),
                ("made by", by),
                ("comment", silence.comment or "none"),
                ("instead of", self._ends(silence)),
                ("fires again", _counted([a.labels.get("alertname", a.fingerprint) for a in held])),
            ),
            warnings=() if mine else (f"made by {by}, not by you",),
            confirm=Confirm.YES,
            request={"silence": silence.id, "ends": silence.endsAt, "by": by},
            commands=(self.context.expire_command([silence.id]),),
        )

    def _held(self, silence: ListedSilence) -> list[AlertmanagerAlert]:
        labels = {m.name: m.value for m in silence.matchers if m.isEqual and not m.isRegex}
        return [a for a in self.context.api.matching(labels) if silence.id in a.status.silencedBy]

    def _read(self, native: str) -> ListedSilence:
        """Return the silence. Raises Refused where it is over, or cannot be read."""
        with before_sending():
            found = self.context.silence(native)
        if found is None:
            raise errors.Refused("Alertmanager does not have this silence any more")
        if found.status.state == "expired":
            raise errors.Refused(f"it is over already, since {self._at(found)}")
        return found

    def _at(self, silence: ListedSilence) -> str:
        return local_time(stamp(silence.endsAt) or 0.0, self.context.clock.now())

    def _ends(self, silence: ListedSilence) -> str:
        return f"it ends at {self._at(silence)}"

    def check(self, plan: Plan) -> None:
        """Read it again. Raises Refused where it is over, or ends at another time than was shown."""
        now = self._read(safe_id(str(plan.request["silence"])))
        if stamp(now.endsAt) != stamp(str(plan.request["ends"])):
            raise errors.Refused(f"it was changed meanwhile: {self._ends(now)}", "read the list again")

    def _write(self, plan: Plan) -> Receipt:
        """DELETE it once. Raises ActionFailed or OutcomeUnknown."""
        self.context.api.expire(safe_id(str(plan.request["silence"])))
        return Receipt({"silence": plan.request["silence"]})

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where it is expired, or not there any more; PENDING while it may still come."""
        found = self.context.silence(safe_id(str(plan.request["silence"])))
        if found is not None and found.status.state != "expired":
            return self.context.not_yet(self._sent, plan, receipt, "sent, not ended yet", "the silence is still there")
        return Check(OutcomeState.DONE, f"the silence of {plan.request['by']} is ended")
