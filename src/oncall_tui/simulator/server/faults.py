"""Faults on purpose: the failing calls of each source, the kind and the frequency."""

import fnmatch
import threading
from dataclasses import dataclass, field

KINDS = (
    "throttle",
    "error500",
    "hang",
    "expired",
    "denied",
    "unauthorized",
    "html",
    "truncated",
    "refuse",
    "redirect",
    "slow",
    "empty",
)
LONGEST_HANG = 120.0  # seconds


@dataclass
class Fault:
    """One rule. `delay_s` is in wall seconds.

    `count` is how many calls it still spoils, None is all of them; `skip` is how many it lets pass before that.
    """

    id: str
    source: str
    operation: str
    kind: str
    count: int | None = None
    writes_only: bool = False
    after_effect: bool = False
    delay_s: float = LONGEST_HANG
    skip: int = 0
    late_s: float | None = None
    """The call takes effect this much later, in the world's unscaled seconds, whatever was answered."""
    gone: threading.Event = field(default_factory=threading.Event)
    renewed: set[str] = field(default_factory=set)
    """Sources whose login was renewed since: a rule for all of them spoils those no more."""

    def spoils(self, source: str, operation: str, is_write: bool) -> bool:
        """Return whether this call is one of those it is for."""
        if self.count == 0 or self.kind == "refuse" or (self.writes_only and not is_write):
            return False
        if source in self.renewed:
            return False
        return self.source in ("*", source) and fnmatch.fnmatchcase(operation, self.operation)

    def hold(self) -> None:
        """Wait as long as it says, or until the rule is taken away."""
        self.gone.wait(min(self.delay_s, LONGEST_HANG))

    def public(self) -> dict[str, object]:
        """Return it as the control API shows it."""
        return {
            "id": self.id,
            "source": self.source,
            "operation": self.operation,
            "kind": self.kind,
            "count": self.count,
            "writes_only": self.writes_only,
            "after_effect": self.after_effect,
            "delay_s": self.delay_s,
            "skip": self.skip,
            "late_s": self.late_s,
        }


class FaultBook:
    """The rules in force, oldest first; the first that matches a call spoils it."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._made = 0

    def add(self, asked: dict[str, object], sources: list[str]) -> Fault:
        """A rule from the control API's JSON, or ValueError with what is wrong with it."""
        known = {"source", "operation", "kind", "count", "writes_only", "after_effect", "delay_s", "skip", "late_s"}
        if unknown := sorted(set(asked) - known):
            raise ValueError(f"unknown key {unknown[0]!r}: expected {', '.join(sorted(known))}")
        kind, source = str(asked.get("kind")), str(asked.get("source", "*"))
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
        if source not in ("*", *sources):
            raise ValueError(f"source {source!r}: expected * or one of {', '.join(sources)}")
        late = asked.get("late_s")
        if late is not None and not isinstance(late, int | float):
            raise ValueError("late_s: expected seconds")
        count, delay, skip = asked.get("count"), asked.get("delay_s"), asked.get("skip", 0)
        if count is not None and (not isinstance(count, int) or count < 1):
            raise ValueError("count: expected null or a number from 1")
        if count is not None and kind == "refuse":
            raise ValueError("count: expected null, as a closed port sees no calls that it could count")
        if not isinstance(skip, int) or skip < 0:
            raise ValueError("skip: expected a number from 0")
        if delay is not None and not isinstance(delay, int | float):
            raise ValueError("delay_s: expected seconds")
        default = 2.0 if kind == "slow" else LONGEST_HANG
        self._made += 1
        fault = Fault(f"fault-{self._made}", source, str(asked.get("operation", "*")), kind, count)
        fault.writes_only, fault.after_effect = bool(asked.get("writes_only")), bool(asked.get("after_effect"))
        fault.skip, fault.late_s = skip, None if late is None else float(late)
        fault.delay_s = default if delay is None else float(delay)
        self._rules.append(fault)
        return fault

    def take(self, source: str, operation: str, is_write: bool) -> Fault | None:
        """The rule that spoils this call, counted down, or None."""
        for fault in self._rules:
            if fault.spoils(source, operation, is_write):
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None

    def renew(self, source: str) -> int:
        """End what has expired at one source; how many rules that were."""
        expired = [rule for rule in self._rules if rule.kind == "expired" and source not in rule.renewed]
        mine = [rule for rule in expired if rule.source == source]
        shared = [rule for rule in expired if rule.source == "*"]
        for rule in mine:
            self.remove(rule.id)
        for rule in shared:
            rule.renewed.add(source)
        return len(mine) + len(shared)

    def remove(self, id: str | None = None) -> int:
        """Take away one rule, or all; how many there were. What hangs on them goes on."""
        going = [rule for rule in self._rules if id in (None, rule.id)]
        for rule in going:
            rule.gone.set()
            self._rules.remove(rule)
        return len(going)

    def refused(self, source: str) -> bool:
        """Return whether this source's port is to be closed."""
        return any(rule.kind == "refuse" and rule.source in ("*", source) for rule in self._rules)

    def public(self) -> list[dict[str, object]]:
        """Every rule, as the control API shows it."""
        return [rule.public() for rule in self._rules]
