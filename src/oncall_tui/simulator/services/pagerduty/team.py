"""The simulated PagerDuty account: people, teams, escalation policies, services, on-call shifts.

A specification is plain data, as YAML gives it. Every key may be left out:

    people: [{name: Alice, email: alice@example.com, token: drill-alice}]
    policies: [{name: Payments, team: Payments, levels: [{people: [Alice], schedule: Primary, after: 300}]}]
                                                  # then: [Bob] in a level: who is on call there next week
    services: [{name: payments, policy: Payments, team: Payments, acknowledge_timeout: 1800, auto_resolve: null}]
                                                  # only: [Alice] there: who may change its incidents
    token: drill-account                          # the account's own key, which belongs to no user
    calls_a_minute: 960                           # then a 429; left out: no end of them

`after`, `acknowledge_timeout` and `auto_resolve` are seconds before they are divided by the drill's speed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

ESCALATION = 300.0
"""Seconds at one level before the next one is paged."""
ACKNOWLEDGED_FOR = 1800.0
"""Seconds after which an acknowledgement lapses: PagerDuty's default for a service."""

_DEFAULT_PEOPLE = ("Alice", "Bob", "Carol", "Dave")
_DEFAULT_LEVELS = (
    {"people": ["Alice"], "schedule": "Primary"},
    {"people": ["Bob"], "schedule": "Secondary"},
    ["Carol"],
)
_DEFAULT_POLICY = {"name": "On call", "team": "Operations", "levels": list(_DEFAULT_LEVELS)}


@dataclass(frozen=True)
class SimulatedPagerDutyPerson:
    id: str
    name: str
    email: str


@dataclass(frozen=True)
class Team:
    id: str
    name: str


@dataclass(frozen=True)
class SimulatedPagerDutyLevel:
    """One rule of a policy; with a schedule its people are on call by weeks, without one always; `then` next week."""

    people: tuple[SimulatedPagerDutyPerson, ...]
    after: float
    schedule: str
    then: tuple[SimulatedPagerDutyPerson, ...] = ()


@dataclass(frozen=True)
class SimulatedPagerDutyPolicy:
    id: str
    name: str
    levels: tuple[SimulatedPagerDutyLevel, ...]
    team: Team | None


@dataclass(frozen=True)
class SimulatedPagerDutyService:
    """`acknowledged_for` and `resolves_after` in seconds of the drill's clock; None means never."""

    id: str
    name: str
    policy: SimulatedPagerDutyPolicy
    team: Team | None
    acknowledged_for: float | None
    resolves_after: float | None
    only: tuple[str, ...] = ()
    """The people who may change its incidents; empty: everybody."""


_Named = TypeVar("_Named", SimulatedPagerDutyPerson, SimulatedPagerDutyPolicy)


class SimulatedPagerDutyAccount:
    """The account, read from its specification; `speed` divides every duration in it."""

    def __init__(self, spec: Mapping[str, Any] | None, speed: float) -> None:
        spec = spec or {}
        self._speed = speed
        self.teams: dict[str, Team] = {}
        self.people: dict[str, SimulatedPagerDutyPerson] = {}
        self.tokens: dict[str, SimulatedPagerDutyPerson | None] = {str(spec.get("token") or "drill-account"): None}
        for item in spec.get("people") or _DEFAULT_PEOPLE:
            self._add_person({"name": item} if isinstance(item, str) else item)
        self.policies = {one.id: one for one in map(self._policy, spec.get("policies") or [self._default_policy()])}
        self.services: dict[str, SimulatedPagerDutyService] = {}
        for item in spec.get("services") or ():
            self._add_service({"name": item} if isinstance(item, str) else item)

    def person(self, who: str) -> SimulatedPagerDutyPerson | None:
        """Find a person by id, name or e-mail address."""
        wanted = who.casefold()
        for one in self.people.values():
            if wanted in (one.id.casefold(), one.name.casefold(), one.email.casefold()):
                return one
        return None

    def service(self, name: str) -> SimulatedPagerDutyService:
        """Find a service by id or name; add one that was not specified, on the first policy."""
        for one in self.services.values():
            if name in (one.id, one.name):
                return one
        return self._add_service({"name": name})

    def _add_person(self, item: Mapping[str, Any]) -> None:
        name = str(item["name"])
        email = str(item.get("email") or f"{name.split()[0].lower()}@example.com")
        person = SimulatedPagerDutyPerson(_id("person", item), name, email)
        self.people[person.id] = person
        self.tokens[str(item.get("token") or f"drill-{name.split()[0].lower()}")] = person

    def _add_service(self, item: Mapping[str, Any]) -> SimulatedPagerDutyService:
        policy = next(iter(self.policies.values()))
        if item.get("policy"):
            policy = _named(self.policies.values(), str(item["policy"]), "policy")
        team = self._team(item.get("team")) or policy.team
        lapse, ends = item.get("acknowledge_timeout", ACKNOWLEDGED_FOR), item.get("auto_resolve")
        service = SimulatedPagerDutyService(
            _id("service", item),
            str(item["name"]),
            policy,
            team,
            self._seconds(lapse),
            self._seconds(ends),
            tuple(item.get("only") or ()),
        )
        self.services[service.id] = service
        return service

    def _default_policy(self) -> Mapping[str, Any]:
        known = [person.name for person in self.people.values()]
        if known[:3] == list(_DEFAULT_PEOPLE[:3]):
            return _DEFAULT_POLICY
        return {**_DEFAULT_POLICY, "levels": [[name] for name in known[:3]]}

    def _policy(self, item: Mapping[str, Any]) -> SimulatedPagerDutyPolicy:
        levels = tuple(map(self._level, item["levels"]))
        if not levels:
            raise ValueError(f"policy {item['name']}: at least one level is needed")
        return SimulatedPagerDutyPolicy(_id("policy", item), str(item["name"]), levels, self._team(item.get("team")))

    def _level(self, item: Mapping[str, Any] | Iterable[str]) -> SimulatedPagerDutyLevel:
        rule: Mapping[str, Any] = item if isinstance(item, Mapping) else {"people": list(item)}
        people = tuple(_named(self.people.values(), str(name), "person") for name in rule.get("people") or ())
        after = float(rule.get("after") or ESCALATION) / self._speed
        then = tuple(_named(self.people.values(), str(name), "person") for name in rule.get("then") or ())
        return SimulatedPagerDutyLevel(people, after, str(rule.get("schedule") or ""), then)

    def _team(self, name: object) -> Team | None:
        if not name:
            return None
        item = name if isinstance(name, Mapping) else {"name": name}
        team = Team(_id("team", item), str(item["name"]))
        return self.teams.setdefault(team.id, team)

    def _seconds(self, value: float | None) -> float | None:
        return None if value is None else float(value) / self._speed


def _named(known: Iterable[_Named], name: str, kind: str) -> _Named:
    """The one of that id or name, else a ValueError that says what is missing."""
    for one in known:
        if name in (one.id, one.name):
            return one
    raise ValueError(f"no {kind} is called {name!r}")


def schedule_id(name: str) -> str:
    """The id of the schedule of that name."""
    return _id("schedule", {"name": name})


def priority_id(name: str) -> str:
    """The id of the priority of that name."""
    return _id("priority", {"name": name})


def _id(kind: str, item: Mapping[str, Any]) -> str:
    """The given id, or one like PagerDuty's (P and six of 0-9A-Z), always the same for the same name."""
    if item.get("id"):
        return str(item["id"])
    number = int.from_bytes(hashlib.blake2b(f"{kind}/{item['name']}".encode(), digest_size=8).digest(), "big")
    return "P" + spelled(number, 6)


def spelled(number: int, digits: int) -> str:
    """`number` in base 36, its last `digits` digits."""
    text = ""
    for _ in range(digits):
        number, rest = divmod(number, 36)
        text = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + text
    return text
