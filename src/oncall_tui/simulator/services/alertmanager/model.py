"""The simulated Alertmanager's model: alerts, silences, matchers. Instants are POSIX seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class SimulatedAlertmanagerMatcher:
    """One matcher; a label that is absent has the value ""."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True
    pattern: re.Pattern[str] | None = field(default=None, compare=False)

    def matches(self, value: str) -> bool:
        hit = self.pattern.fullmatch(value) is not None if self.pattern else value == self.value
        return hit is self.equal

    def shown(self) -> dict[str, object]:
        return {"isEqual": self.equal, "isRegex": self.regex, "name": self.name, "value": self.value}


class InhibitRule(NamedTuple):
    """While an alert matches all of `source`, those that match `target` with the same `equal` labels are inhibited."""

    source: tuple[SimulatedAlertmanagerMatcher, ...]
    target: tuple[SimulatedAlertmanagerMatcher, ...]
    equal: tuple[str, ...] = ()


@dataclass
class SimulatedAlertmanagerAlert:
    labels: dict[str, str]
    annotations: dict[str, str]
    generator: str
    starts: float
    ends: float
    updated: float
    resent: bool
    """Whether the client sends it again until it is resolved."""
    fingerprint: str
    fixed: bytes = b""
    """The part of its JSON that does not change with time."""
    encoded: bytes = b""
    """All of its JSON, empty until it is asked for and after a change."""
    silenced_by: tuple[str, ...] | None = None
    """None until it was worked out."""
    inhibited_by: tuple[str, ...] = ()
    tells_muted: bool = False
    """Whether its status has `mutedBy`, which is always empty but in a group (since 0.28)."""

    @property
    def state(self) -> str:
        return "suppressed" if self.silenced_by or self.inhibited_by else "active"


@dataclass(frozen=True)
class SimulatedAlertmanagerSilence:
    id: str
    matchers: tuple[SimulatedAlertmanagerMatcher, ...]
    starts: float
    ends: float
    updated: float
    by: str
    comment: str
    annotations: tuple[tuple[str, str], ...] | None = None
    """None before 0.32, which has no such field and drops what is sent."""

    def state(self, now: float) -> str:
        if now < self.starts:
            return "pending"
        return "active" if now < self.ends else "expired"

    def hides(self, labels: dict[str, str]) -> bool:
        return all(matcher.matches(labels.get(matcher.name, "")) for matcher in self.matchers)


def fingerprint(labels: dict[str, str]) -> str:
    """FNV-1a, 64 bits, over `name 0xFF value 0xFF` in the order of the names (prometheus/common's label sets)."""
    value = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in b"%s\xff%s\xff" % (name.encode(), labels[name].encode()):
            value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def may_change(before: SimulatedAlertmanagerSilence, after: SimulatedAlertmanagerSilence, now: float) -> bool:
    """Return whether a silence may be changed in place; an active one must keep its start, to the second."""
    if before.matchers != after.matchers:
        return False
    state = before.state(now)
    if state == "active":
        return int(before.starts) == int(after.starts)
    return state == "pending" and after.starts >= now


def kept(labels: dict[str, str]) -> dict[str, str]:
    """The labels without empty ones, which mean the same as absent ones."""
    return {name: value for name, value in sorted(labels.items()) if value != ""}


def values_of(alert: SimulatedAlertmanagerAlert, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(alert.labels.get(name, "") for name in names)


def all_match(matchers: Iterable[SimulatedAlertmanagerMatcher], labels: dict[str, str]) -> bool:
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)
