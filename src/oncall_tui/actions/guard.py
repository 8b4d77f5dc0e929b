"""The guard of every action: the configuration's guardrails, asked when it is planned and again as it goes out.

A renewal of an acknowledgement, and the telling of others about an action, belong to what was allowed: they are not
asked for anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

import msgspec

from oncall_tui.domain.action import FOLLOWED, Verb
from oncall_tui.domain.guardrail import COMMAND, POST, Guardrail
from oncall_tui.domain.plan import Actor, Confirm, Plan
from oncall_tui.errors import Refused, WayOut
from oncall_tui.runtime.once import Once
from oncall_tui.triage.triager import TriagedBoard

if TYPE_CHECKING:
    from oncall_tui.triage.guardrails import Guardrails, Hold, Touched


class Guarded(msgspec.Struct, frozen=True):
    """The guardrails' word on a plan that may go on: what is typed and why (empty: nothing), and whether a reason was
    typed instead, for which rules.
    """

    name: str = ""
    why: str = ""
    overrides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def dress(self, plan: Plan) -> Plan:
        """Return the plan with all of that. A reason for which no rule asks is not one."""
        changed: dict[str, object] = {"overrides": self.overrides}
        if not self.overrides:
            changed["override"] = ""
        elif plan.confirm is Confirm.NONE:
            changed["confirm"] = Confirm.YES
        if self.why:
            changed |= {
                "confirm": Confirm.NAME,
                "confirm_why": self.why,
                "confirm_name": plan.confirm_name or self.name,
            }
        return msgspec.structs.replace(plan, warnings=(*self.warnings, *plan.warnings), **changed)


class Guard:
    """Thread-safe. *triaged* returns the newest triaged board, *service_of* the id of the service that a plan changes.

    *now* is the wall clock (seconds since the epoch): rules are times of day, and a clock that was set counts at once.
    """

    def __init__(
        self,
        rules: Iterable[Guardrail],
        zone: tzinfo,
        triaged: Callable[[], TriagedBoard],
        service_of: Callable[[Plan], str],
        actor: Actor,
        now: Callable[[], float],
    ) -> None:
        self.rules, self._zone = tuple(rules), zone
        self._triaged, self._service_of, self._actor, self._now = triaged, service_of, actor, now
        self._guardrails = Once(self._make)

    @property
    def guardrails(self) -> Guardrails:
        """Return the rules, ready to be asked: imported when they are first needed."""
        return self._guardrails()

    def _make(self) -> Guardrails:
        from oncall_tui.triage.guardrails import Guardrails  # only where a rule may hold

        return Guardrails(self.rules, self._zone)

    def held(self, plan: Plan) -> Guarded:
        """Return what the guardrails ask of a plan. Raises Refused, with every rule that holds, or with what is wrong
        with the reason that was typed.
        """
        holds, now = self._holds(plan), self._now()
        refusing = [hold for hold in holds if hold.refuses]
        if refusing and not (plan.override and all(hold.rule.override for hold in refusing)):
            raise _refusal(holds, now)
        if refusing:
            _checked(plan.override)
        named = [hold for hold in holds if not hold.refuses]
        return Guarded(
            named[0].of.name if named else "",
            "; ".join(_why(hold) for hold in named),
            tuple(hold.rule.name for hold in refusing),
            tuple(f"overrides {hold.words(now)}: {plan.override}" for hold in refusing),
        )

    def may(self, plan: Plan) -> None:
        """Check as it goes out: raise Refused where a rule holds that its plan does not answer."""
        holds = self._holds(plan)
        since = [
            hold
            for hold in holds
            if (hold.refuses and not (hold.rule.override and hold.rule.name in plan.overrides))
            or (not hold.refuses and plan.confirm is not Confirm.NAME)
        ]
        if since:
            raise _refusal(since, self._now(), "; it holds since this was planned: nothing was sent")

    def may_post(self, destination: str) -> None:
        """Raise Refused where a rule that names ``post`` holds: a handover has no plan, and nothing to type."""
        if not self.rules:
            return
        from oncall_tui.triage.guardrails import Touched

        now = self._now()
        holds = self.guardrails.holding(POST, self._actor, [Touched(destination)], now)
        if holds:
            raise Refused("; ".join(hold.words(now) for hold in holds), "nothing was sent")

    def freezes(self) -> tuple[str, ...]:
        """Return the freezes of now in words, for the board."""
        if not any(rule.freeze is not None for rule in self.rules):
            return ()
        return self.guardrails.freezes(self._actor, self._now())

    def about(self, row_id: str) -> tuple[str, ...]:
        """Return the rules that hold for a row now in words, with their actions: for its detail."""
        if not self.rules:
            return ()
        from oncall_tui.triage.guardrails import touched_by

        now = self._now()
        holds = [
            hold
            for touched in touched_by(self._triaged(), (row_id,))
            for hold in self.guardrails.about(touched, self._actor, now)
        ]
        said = ((h, h.words(now).removeprefix("guardrail ")) for h in holds)
        return tuple(f"{', '.join(h.rule.actions) or 'every action'}: {words}" for h, words in said)

    def _holds(self, plan: Plan) -> tuple[Hold, ...]:
        if not self.rules and plan.verb not in FOLLOWED and plan.verb is not Verb.RUN:
            return ()  # protected products alone
        action = action_of(plan)
        holds = self.guardrails.holding(action, plan.actor, self._touched(plan), self._now())
        # What only reads tells its engineer something: only a rule that names it in full holds for it.
        return holds if plan.writes else tuple(hold for hold in holds if action in hold.rule.actions)

    def _touched(self, plan: Plan) -> list[Touched]:
        from oncall_tui.triage.guardrails import touched_by

        return list(touched_by(self._triaged(), (plan.target, self._service_of(plan), *plan.affects)))


def unguarded(triaged: Callable[[], TriagedBoard], service_of: Callable[[Plan], str], actor: Actor) -> Guard:
    """Return the guard of a configuration without guardrails: protected products alone, which hold at any time."""
    return Guard((), UTC, triaged, service_of, actor, lambda: 0.0)


def action_of(plan: Plan) -> str:
    """Return the name of the plan's action, as rules have it: ``roll back``, ``command:NAME``."""
    return f"{COMMAND}{plan.request['command_name']}" if plan.request.get("command_name") else str(plan.verb)


def _why(hold: Hold) -> str:
    from oncall_tui.triage.guardrails import PROTECTED

    return "Protected" if hold.rule.name == PROTECTED else f"Guardrail {hold.rule.name}: {hold.rule.reason}"


def _checked(reason: str) -> None:
    """Raise Refused where it is no reason: whichever surface it was typed on."""
    from oncall_tui.text.typed_reason import typed_reason  # only where a guardrail is overridden

    try:
        typed_reason(reason)
    except ValueError as error:
        raise Refused(str(error), "nothing was sent") from None


def _refusal(holds: Iterable[Hold], now: float, more: str = "") -> Refused:
    """Every rule that holds; a reason overrides them where each that refuses lets it."""
    holds = tuple(holds)
    final = [hold.rule for hold in holds if hold.refuses and not hold.rule.override]
    words = "; ".join(f"{hold.words(now)}{'' if hold.refuses else ': the name has to be typed'}" for hold in holds)
    if final:
        may = sorted({who for rule in final for who in rule.who})
        hint = f"{', '.join(r.name for r in final)} cannot be overridden" + (f": ask {', '.join(may)}" if may else "")
        return Refused(f"{words}{more}", hint)
    return Refused(f"{words}{more}", "", (WayOut.OVERRIDE,))
