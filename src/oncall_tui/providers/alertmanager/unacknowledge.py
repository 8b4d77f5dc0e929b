"""Un-acknowledge, and keeping an acknowledgement up: what happens to an ``ACK!`` silence after it was made."""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.outcome import Check, OutcomeState
from oncall_tui.domain.plan import ActionRequest, Actor, Confirm, Plan
from oncall_tui.providers.alertmanager.api import safe_id
from oncall_tui.providers.alertmanager.handler_context import AlertmanagerHandlerContext, CurrentAlert, iso
from oncall_tui.providers.alertmanager.known_silences import GOSSIP_S
from oncall_tui.providers.alertmanager.mapping import same_person
from oncall_tui.providers.alertmanager.schema import AlertmanagerAlert, ListedSilence
from oncall_tui.providers.alertmanager.silence import ACK_S
from oncall_tui.providers.base import Receipt, RenewalResult
from oncall_tui.providers.http import WriteHandler, before_sending, stamp

EXTEND_UNDER_S = 300.0
MISSING_AGAIN_S = 10.0


def own(silences: tuple[ListedSilence, ...], actor: Actor) -> tuple[ListedSilence, ...]:
    """Return the acknowledgements in force that *actor* made."""
    me = (actor.email, actor.name)
    return tuple(s for s in silences if s.is_ack and s.status.state != "expired" and same_person(s.createdBy, me))


class Unacknowledge(WriteHandler[AlertmanagerHandlerContext, CurrentAlert]):
    """Removes our own ``ACK!`` silences from an alert, nobody else's."""

    def plan(self, ask: ActionRequest, board: Board) -> Plan:
        """Read who acknowledged it. Raises Refused where that was not us."""
        alert = self.context.target(ask, board)
        current = self.context.read_row(alert)
        row = self.context.unmoved(ask.version, current)
        if row.state is not AlertState.ACKNOWLEDGED:
            raise errors.Refused(f"nobody has acknowledged it: it is {self.context.state_words(row)}")
        mine = own(current.silences, ask.actor)
        if not mine:
            raise errors.Refused(f"made by {', '.join(row.by) or 'nobody named'}: only your own can be removed")
        others = self._others(mine, alert.native_id)
        stay = [s.createdBy for s in current.silences if s not in mine]
        return self.context.plan(
            ask,
            alert,
            version=row.version,
            title=f"un-acknowledge {alert.title}",
            lines=(("alert", alert.title), ("removes", f"{_counted(len(mine))} of {ask.actor.name}")),
            warnings=tuple(f"stays quiet: {name or 'somebody'} has a silence on it too" for name in stay),
            affects=self.context.names(others),
            confirm=Confirm.YES if others else Confirm.NONE,
            request={"silences": [safe_id(s.id) for s in mine]},
            commands=(self.context.expire_command([s.id for s in mine]),),
            writes=len(mine),
        )

    def _others(self, mine: tuple[ListedSilence, ...], fingerprint: str) -> list[AlertmanagerAlert]:
        """The other alerts that *mine* hold and that would fire again."""
        found: dict[str, AlertmanagerAlert] = {}
        for silence in mine:
            labels = {m.name: m.value for m in silence.matchers if m.isEqual and not m.isRegex}
            with before_sending():
                matching = self.context.api.matching(labels)
            found.update((a.fingerprint, a) for a in matching if silence.id in a.status.silencedBy)
        found.pop(fingerprint, None)
        return list(found.values())

    def _still(self, plan: Plan, seen: CurrentAlert) -> None:
        """Raise Refused where it moved, or the acknowledgement is another's or another one."""
        super()._still(plan, seen)
        mine = {s.id for s in own(seen.silences, plan.actor)}
        if not mine.issuperset(plan.request["silences"]):
            raise errors.Refused("the acknowledgement was replaced or removed meanwhile: check again")

    def _write(self, plan: Plan) -> Receipt:
        """DELETE each once. Raises ActionFailed where none was removed, OutcomeUnknown where nobody knows."""
        for done, silence_id in enumerate(plan.request["silences"]):
            try:
                self.context.api.expire(safe_id(silence_id))
            except errors.ActionFailed as error:
                if done == 0:
                    raise
                words = f"{done} of {plan.writes} removed: {error.message}"
                raise errors.OutcomeUnknown(words, error.hint, answered=True) from None
        return Receipt({"silences": list(plan.request["silences"])})

    def _verify(self, plan: Plan, receipt: Receipt | None) -> Check:
        """DONE where each of them is expired."""
        read = [self.context.silence(i) for i in plan.request["silences"]]
        if any(s is not None and s.status.state != "expired" for s in read):
            missing = "the acknowledgement is still there"
            return self.context.not_yet(self._sent, plan, receipt, "sent, not gone yet", missing)
        return Check(OutcomeState.DONE, f"no longer acknowledged by {plan.actor.name}{self._now(plan)}")

    def _now(self, plan: Plan) -> str:
        current = self.context.find(plan.request)
        if current is None:
            return "; the alert is gone"
        return "" if current.row.state is AlertState.FIRING else f"; it is {self.context.state_words(current.row)}"


class AckSilenceRenewer:
    """Extends an acknowledgement while its alert fires. Whether somebody still wants it, its caller knows.

    Behind one address there may be several Alertmanagers: that one of them has no such silence, or no such alert, once,
    does not mean that it is over.
    """

    def __init__(self, context: AlertmanagerHandlerContext) -> None:
        self.context = context
        self._missing_since: dict[str, float] = {}  # of a silence, or of what it holds (monotonic)

    def renew_ack(self, plan: Plan, receipt: Receipt, now: float) -> RenewalResult:
        """Extend it if under five minutes are left. Times are seconds since the epoch.

        Raises SourceError or ActionError where that cannot be told: ask again soon, a few minutes are left.
        """
        silence_id = safe_id(str(receipt.data.get("silenceID", "")))
        ends, extended = self._extended(plan, silence_id, now + self.context.skew_s())
        if ends is None:
            return RenewalResult(None, extended)
        if ends == 0.0:
            return RenewalResult(now + MISSING_AGAIN_S, extended)
        return RenewalResult(max(now + 1.0, ends - self.context.skew_s() - EXTEND_UNDER_S), extended)

    def _extended(self, plan: Plan, silence_id: str, now: float) -> tuple[float | None, bool]:
        """When the silence ends, by the server's clock (None: over; 0: ask again), and whether it was extended."""
        silence = self.context.silence(silence_id)
        if silence is None:
            return self._gone(silence_id, taken=True), False
        if not silence.is_active or not own((silence,), plan.actor):
            return None, False
        ends = stamp(silence.endsAt) or 0.0
        if ends - now > EXTEND_UNDER_S:
            return ends, False
        if self.context.find(plan.request) is None:
            return self._gone(plan.id, taken=False), False
        self._missing_since.clear()
        until = now + ACK_S
        posted = self.context.api.post({**silence.update(), "endsAt": iso(until)})
        if posted != silence.id:  # somebody removed it between the read and the write: theirs is the last word
            self.context.api.expire(safe_id(posted))
            return None, False
        return until, True

    def _gone(self, what: str, taken: bool) -> float | None:
        """Return None once *what* was missing for so long that none of them has it; 0 before that."""
        if not self.context.several(taken):
            return None
        now = self.context.clock.monotonic()
        return None if now - self._missing_since.setdefault(what, now) >= GOSSIP_S else 0.0


def _counted(n: int) -> str:
    return "1 acknowledgement" if n == 1 else f"{n} acknowledgements"
