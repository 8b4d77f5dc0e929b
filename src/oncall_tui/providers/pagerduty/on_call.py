"""The on-call shifts of each policy, now and next (``GET /oncalls``). Times are seconds since the epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from oncall_tui.domain.on_call import OnCallShift
from oncall_tui.providers.http import stamp
from oncall_tui.providers.lists import Damage
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.escalation_levels import is_now
from oncall_tui.providers.pagerduty.schema import PagerDutyOnCall, PagerDutyPolicy

AHEAD_S = 14 * 86_400.0  # so far ahead the next one is looked for; shifts are longer seldom


def shifts(api: PagerDutyApi, now: float) -> tuple[OnCallShift, ...]:
    """Everybody on call now, by policy and level, and who is next there. Raises SourceError."""
    shifts = api.oncalls(until=_rfc3339(now + AHEAD_S))
    services: dict[str, list[str]] = {}
    lost_services, lost_policies = Damage(), Damage()
    for service in api.services(lost_services):
        if service.escalation_policy:
            services.setdefault(service.escalation_policy.id, []).append(service.label)
    policies = {one.id: one for one in api.policies(lost_policies)}
    lacks = (lost_services.said("services", "PagerDuty"), lost_policies.said("escalation policies", "PagerDuty"))
    api.oncalls_lack = "; ".join(words for words in (api.oncalls_lack, *lacks) if words)
    by_level: dict[tuple[str, int], list[PagerDutyOnCall]] = {}
    for shift in shifts:
        if shift.escalation_policy is not None:
            by_level.setdefault((shift.escalation_policy.id, shift.escalation_level), []).append(shift)
    for policy in policies.values():
        for number in range(1, len(policy.escalation_rules) + 1):
            by_level.setdefault((policy.id, number), [])
    found: list[OnCallShift] = []
    for (policy_id, level), there in by_level.items():
        name = _name(policy_id, policies, there)
        found += _at_level((name, policy_id), level, there, tuple(sorted(services.get(policy_id, ()))), now)
    return tuple(sorted(found, key=_place))


def _place(shift: OnCallShift) -> tuple[str, str, int, str]:
    return shift.policy.casefold(), shift.policy_id, shift.level, shift.person.casefold()


def _name(policy_id: str, policies: dict[str, PagerDutyPolicy], there: list[PagerDutyOnCall]) -> str:
    if policy_id in policies:
        return policies[policy_id].label
    return next((one.escalation_policy.label for one in there if one.escalation_policy), policy_id)


def _at_level(
    policy: tuple[str, str], level: int, there: list[PagerDutyOnCall], services: tuple[str, ...], now: float
) -> list[OnCallShift]:
    current = {one.user.id: one for one in there if is_now(one, now)}
    later = sorted((at, one) for one in there if (at := stamp(one.start)) is not None and at > now + 1.0)
    if not current:
        who, at = (later[0][1].user.label, later[0][0]) if later else ("", None)
        name, policy_id = policy
        return [
            OnCallShift(policy=name, policy_id=policy_id, level=level, services=services, next_person=who, next_at=at)
        ]
    return [_shift(policy, level, one, services, later) for one in current.values()]


def _shift(
    policy: tuple[str, str],
    level: int,
    one: PagerDutyOnCall,
    services: tuple[str, ...],
    later: list[tuple[float, PagerDutyOnCall]],
) -> OnCallShift:
    until = stamp(one.end)
    after = [] if until is None else [(at, shift) for at, shift in later if at >= until - 60.0]
    who, at = (after[0][1].user.label, after[0][0]) if after else ("", None)
    return OnCallShift(
        policy=policy[0],
        policy_id=policy[1],
        level=level,
        person=one.user.label,
        email=one.user.email or "",
        since=stamp(one.start),
        until=until,
        services=services,
        next_person=who,
        next_at=at,
    )


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
