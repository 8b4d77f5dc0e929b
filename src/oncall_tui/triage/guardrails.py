"""The guardrails that hold for an action: which of the configuration's rules match it, and how each is said. Pure.

A protected product is such a rule too: its service's name is typed. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.action import FOLLOWED
from oncall_tui.domain.guardrail import COMMAND, TYPE_NAME, Guardrail
from oncall_tui.domain.plan import Actor
from oncall_tui.text.time_format import local_time
from oncall_tui.triage.triager import TriagedBoard

PROTECTED = "protected"
_FOLLOWED = tuple(str(verb) for verb in sorted(FOLLOWED))
_MANY = 3  # things whose rows are looked for one by one


class Touched(msgspec.Struct, frozen=True):
    """One thing that an action touches, by the names that rules ask about. Empty: it has none, or it is not known."""

    source: str = ""
    service: str = ""
    account: str = ""
    product: str = ""
    protected: bool = False

    @property
    def name(self) -> str:
        """Return the name that is typed: of the service, else of the product, else of the source."""
        return self.service.rpartition("/")[2] or self.product or self.source


class Hold(msgspec.Struct, frozen=True):
    """A rule that holds for an action now, for the first thing that it matches; *until* None: its end is not known."""

    rule: Guardrail
    of: Touched
    frozen: bool
    until: float | None

    @property
    def refuses(self) -> bool:
        return self.rule.does != TYPE_NAME

    def words(self, now: float) -> str:
        """``guardrail year-end: year-end sale (freeze until 5 Jan 09:00 JST; alice may)``."""
        known = (self.when(now), f"{', '.join(self.rule.who)} may" if self.rule.who else "")
        told = "; ".join(each for each in known if each)
        return f"guardrail {self.rule.name}: {self.rule.reason}{f' ({told})' if told else ''}"

    def when(self, now: float) -> str:
        """``freeze until 5 Jan 09:00 JST``, ``outside 09:00-18:00, until 09:00 JST``; empty: it holds always."""
        until = f"until {local_time(self.until, now)}" if self.until is not None else ""
        if self.frozen:
            return f"freeze {until}".strip()
        if self.rule.hours:
            return ", ".join(each for each in (f"outside {' or '.join(self.rule.hours)}", until) if each)
        return ""


class Guardrails:
    """The configuration's rules. *zone* is of their times that name none."""

    def __init__(self, rules: Sequence[Guardrail], zone: tzinfo) -> None:
        self.rules, self._zone = tuple(rules), zone

    def holding(self, action: str, actor: Actor, touched: Iterable[Touched], now: float) -> tuple[Hold, ...]:
        """Return every rule that holds: those that refuse first, in the order of the configuration."""
        touched = tuple(touched)
        found = [
            self._hold(rule, of, now)
            for rule in self.rules
            if rule.has_action(action) and not rule.lets(actor.name, actor.email) and rule.at(now, self._zone)
            for of in [next((each for each in touched if matches(rule, each)), None)]
            if of is not None
        ]
        if action in _FOLLOWED or action.startswith(COMMAND):
            protected = next((each for each in touched if each.protected), None)
            found += [Hold(_protecting(protected), protected, False, None)] if protected is not None else []
        return tuple(sorted(found, key=lambda hold: not hold.refuses))

    def _hold(self, rule: Guardrail, of: Touched, now: float) -> Hold:
        return Hold(rule, of, rule.frozen(now, self._zone), rule.until(now, self._zone))

    def freezes(self, actor: Actor, now: float) -> tuple[str, ...]:
        """``freeze until 5 Jan 09:00 JST: year-end sale (roll back of payments)``, for each freeze of now."""
        found = []
        for rule in self.rules:
            if rule.frozen(now, self._zone):
                of = f" ({words})" if (words := scope(rule)) else ""
                mine = "; you may" if rule.lets(actor.name, actor.email) else ""
                found.append(f"{self._hold(rule, Touched(), now).when(now)}: {rule.reason}{of}{mine}")
        return tuple(found)

    def about(self, touched: Touched, actor: Actor, now: float) -> tuple[Hold, ...]:
        """Return the rules that hold for a thing now, whatever the action."""
        found = (r for r in self.rules if matches(r, touched) and not r.lets(actor.name, actor.email))
        return tuple(self._hold(rule, touched, now) for rule in found if rule.at(now, self._zone))

    def state(self, rule: Guardrail, now: float) -> str:
        """Say whether *rule* holds now, until when, or from when: for ``check``."""
        begins, ends = rule.begins(self._zone), rule.ends(self._zone)
        if ends is not None and ends <= now and not rule.hours:
            return f"over since {local_time(ends, now)}"
        if rule.at(now, self._zone):
            return f"holds now: {self._hold(rule, Touched(), now).when(now) or 'always'}"
        return f"from {local_time(begins, now)}" if begins is not None and begins > now else "not now"


def _protecting(of: Touched) -> Guardrail:
    return Guardrail(name=PROTECTED, reason=f"{of.product} is protected", actions=_FOLLOWED, does="type the name")


def scope(rule: Guardrail) -> str:
    """``roll back, restart of payments*``: its actions and its globs; empty: everything."""
    what = ", ".join((*rule.products, *rule.services, *rule.accounts, *rule.sources))
    does = ", ".join(rule.actions)
    return " of ".join(each for each in (does or ("everything" if what else ""), what) if each)


def matches(rule: Guardrail, touched: Touched) -> bool:
    """Tell whether each field that the rule has matches a name of the thing."""
    fields = (
        (rule.products, touched.product),
        (rule.services, touched.service),
        (rule.accounts, touched.account),
        (rule.sources, touched.source),
    )
    return all(not globs or (name and any(fnmatchcase(name, glob) for glob in globs)) for globs, name in fields)


def touched_by(triaged: TriagedBoard, ids: Iterable[str]) -> Iterator[Touched]:
    """Yield the things with these ids: of alerts, services and deploys, also of what is not on the board."""
    wanted = tuple(dict.fromkeys(each for each in ids if each))
    rows = {m.id: row for row in triaged.alerts for m in row.members} if len(wanted) > _MANY else None
    for one in wanted:
        source = one.partition("/")[0]
        row = rows.get(one) if rows is not None else triaged.find(one)
        if row is not None:
            product, service = row.product, row.service
            yield Touched(
                source,
                service.id if service is not None else "",
                service.key.account if service is not None else row.alert.hint.account,
                product.name if product is not None else "",
                product is not None and product.protected,
            )
            continue
        deploy = triaged.board.deploys.get(one)
        service_id = deploy.service_id if deploy is not None else one
        known, owner = triaged.board.services.get(service_id), triaged.products.get(service_id)
        alert = triaged.board.alerts.get(one)
        is_service = known is not None or (alert is None and service_id.count("/") == 2)  # SOURCE/CLUSTER/NAME
        yield Touched(
            source,
            service_id if is_service else "",
            known.key.account if known is not None else alert.hint.account if alert is not None else "",
            owner.name if owner is not None else "",
            owner is not None and owner.protected,
        )
