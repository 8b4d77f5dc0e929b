"""A generated year of a team on call, as the journal has it and as it truly was: for the statistics.

The size is that of the first users: 224 notifications and 4 pages a month, 13 products, 7.2 deploys a month, five
engineers; *scale* times that. Everything follows from the seed. Years of different names share no alert,
service or deploy, so that one journal can hold several, each with its own truth. Times are seconds since the epoch,
UTC.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastEpisode, episode_id

PRODUCTS = 13
ALERTS = 30  # of one product
PEOPLE = ("Alice", "Bob", "Carol", "Dan", "Erin")
NOTIFICATIONS, PAGES, DEPLOYS = 224, 4, 7.2  # a month
MONTH_S = 30.4375 * 86_400
WATCH_S = 300.0
SETTLES_S = 120.0  # after somebody looks again, until it is known what was over before
AFTER_GAP_S = 2000.0  # more than the quiet time between two episodes
GAPS = 5  # times in which nobody watched


class TrueProblem(msgspec.Struct, kw_only=True):
    """One problem as it was. *ended* None: nobody saw when it ended. *acted*: somebody did something about it."""

    alert: str
    title: str
    source: str
    product: str
    service: str
    began: float
    ended: float | None
    over: bool = True
    pages: bool = False
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    acted: bool = False
    mark: str = ""


class TrueDeploy(msgspec.Struct, kw_only=True):
    """One deploy as it was. *within*: ECS took it back by itself. *recovered*: when a failed one was made good."""

    service: str
    started: float
    rollback: bool = False
    within: bool = False
    failed: bool = False
    recovered: float | None = None


class Year:
    """*problems* and *deploys* are the truth; ``entries`` are what a journal would hold, in their order."""

    def __init__(self, seed: int, began: float, days: float = 365.0, scale: int = 1, name: str = "") -> None:
        self.rng = random.Random(seed)
        self.began, self.ended = began, began + days * 86_400
        self.problems: list[TrueProblem] = []
        self.deploys: list[TrueDeploy] = []
        self.gaps: list[tuple[float, float]] = []
        self._entries: list[Entry] = []
        self._name, self._number = name, 0
        self._make_gaps()
        months = days * 86_400 / MONTH_S
        self._make_problems(round(NOTIFICATIONS * months * scale), round(PAGES * months * scale))
        self._make_deploys(round(DEPLOYS * months * scale))
        self._watch()
        self._entries.sort(key=lambda entry: entry.at)

    def entries(self) -> list[Entry]:
        """Return everything that the journal holds, oldest first."""
        return self._entries

    # --- who watched --------------------------------------------------------------------------------------------------

    def _make_gaps(self) -> None:
        for number in range(GAPS):
            slot = (self.ended - self.began) / GAPS
            begin = self.began + slot * (number + self.rng.uniform(0.2, 0.6))
            self.gaps.append((begin, begin + min(slot / 10, self.rng.uniform(3, 30) * 3600)))

    def _watch(self) -> None:
        edges = [self.began, *(t for gap in self.gaps for t in gap), self.ended]
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            self._say(EntryKind.WATCH, begin, "board", state="started", unread=[])
            at = begin + WATCH_S
            while at < end:
                self._say(EntryKind.WATCH, at, "board", state="watching", unread=[])
                at += WATCH_S
            self._say(EntryKind.WATCH, end, "board", state="stopped", unread=[])

    @property
    def watched_s(self) -> float:
        """How long somebody watched."""
        return self.ended - self.began - sum(end - begin for begin, end in self.gaps)

    def _gap(self, at: float) -> tuple[float, float] | None:
        return next((gap for gap in self.gaps if gap[0] - 1 <= at <= gap[1] + 1), None)

    # --- problems -----------------------------------------------------------------------------------------------------

    def _make_problems(self, notifications: int, pages: int) -> None:
        names = [(p, a) for p in range(PRODUCTS) for a in range(ALERTS)]
        weights = [1.0 / (1 + at) ** 0.7 for at in range(len(names))]
        self.rng.shuffle(weights)
        wanted: dict[tuple[int, int], list[bool]] = {}
        for number, name in enumerate(self._drawn(names, weights, notifications + pages)):
            wanted.setdefault(name, []).append(number < pages)
        for (product, number), paging in wanted.items():
            self.rng.shuffle(paging)
            for began, room, page in self._slots(paging):
                self._problem(product, number, began, room, page)

    def _drawn(self, names: list[tuple[int, int]], weights: list[float], count: int) -> Iterator[tuple[int, int]]:
        """Draw alerts; none comes more often than once in two and a half hours."""
        most = int((self.ended - self.began) / 9000)
        drawn: dict[tuple[int, int], int] = {}
        while count:
            for name in self.rng.choices(names, weights, k=count):
                if drawn.get(name, 0) < most:
                    drawn[name] = drawn.get(name, 0) + 1
                    count -= 1
                    yield name

    def _slots(self, paging: list[bool]) -> Iterator[tuple[float, float, bool]]:
        """Yield a begin for each, with the room until more than 30 quiet minutes before the next."""
        slot = (self.ended - self.began - 7200) / len(paging)
        for at, page in enumerate(paging):
            offset = self.rng.uniform(0, slot - 8000) if slot > 8000 else 0.0
            began = round(self.began + at * slot + offset, 3)
            room = min(slot - offset, slot) - 2000 if slot > 8000 else slot - 2000
            yield began, max(80.0, min(room, 6 * 3600)), page

    def _problem(self, product: int, number: int, began: float, room: float, page: bool) -> None:
        rng = self.rng
        lasts = min(room * 0.9, rng.lognormvariate(6.5, 1.0) + 60)
        ended = round(began + lasts, 3)
        if any(begin - 1 <= began <= end + AFTER_GAP_S for begin, end in self.gaps):
            return  # not seen; or soon after one that is found to be over when somebody looks again
        source = "cw" if number % 2 else "prom"
        alert = f"{source}/{self._name}{product}-{number}"
        service = f"prod/main/{self._name}service-{product}-{number % 2}"
        one = TrueProblem(
            alert=alert, title=f"alert {self._name}{number} of product {product}", source=source,
            product=f"product-{product}", service=service, began=began, ended=ended, pages=page,
        )  # fmt: skip
        self.problems.append(one)
        told = {"product": one.product, "service": service, "problem": alert, "pages": page}
        incident = f"pager/{self._name}{self._next()}" if page else ""
        firings = [began]
        if lasts > 300 and rng.random() < 0.1:
            firings.append(began + lasts / 2)  # it flaps
            self._alert(began + lasts / 2 - 60, alert, one.title, "resolved")
        for firing in firings:
            self._alert(firing, alert, one.title, "firing", began=firing, key=alert, **told)
        if page:
            self._alert(
                began + 4, incident, f"incident: {one.title}", "firing", began=began + 4, key=f"dedup:{alert}", **told
            )
        self._acknowledge(one, incident, ended, told)
        self._end(one, alert, incident, ended)
        if rng.random() < 0.2:
            one.mark = rng.choice(["noise", "noise", "actionable"])
            who, subject = rng.choice(PEOPLE), episode_id(alert, began)
            self._say(EntryKind.MARK, ended + 3600, subject, actor=who, mark=one.mark, alert=alert)

    def _acknowledge(self, one: TrueProblem, incident: str, ended: float, told: dict[str, object]) -> None:
        rng = self.rng
        if rng.random() > (0.9 if one.pages else 0.15):
            return
        at, who = one.began + rng.uniform(5, max(6.0, min(ended - one.began - 25, 1800))), rng.choice(PEOPLE)
        if self._gap(at) is not None:
            return
        target, began = (incident, one.began + 4) if one.pages else (one.alert, one.began)
        at = max(at, began + 1)
        key = f"dedup:{one.alert}" if one.pages else one.alert
        if rng.random() < 0.5:
            self._act(at, who, "acknowledge", target)
            self._alert(at + 3, target, one.title, "acknowledged", began=began, key=key, by=[who], by_at=at + 1, **told)
        else:  # in the pager's own app: noticed 20 s later
            self._alert(at + 20, target, one.title, "acknowledged", began=began, key=key, by=[who], by_at=at, **told)
        one.acknowledged_at, one.acknowledged_by, one.acted = at, who, True
        if rng.random() < 0.1:
            self._act(at + 30, who, "note", target, state="refused")

    def _end(self, one: TrueProblem, alert: str, incident: str, ended: float) -> None:
        gap = self._gap(ended) or (self._gap(ended + 5) if incident else None)
        if gap is not None:  # it is found to be over when somebody looks again
            one.ended = None
            ended = gap[1] + 10
        elif any(one.began < again <= ended < again + SETTLES_S for _, again in self.gaps):
            one.ended = None  # nor is it known of what is found to be over just then
        if ended >= self.ended:
            one.ended, one.over = None, False
            return
        self._alert(ended, alert, one.title, "resolved")
        if incident:
            self._alert(ended + 5, incident, one.title, "resolved")
            one.ended = None if one.ended is None else ended + 5

    def _alert(self, at: float, subject: str, title: str, new: str, **data: object) -> None:
        self._say(EntryKind.ALERT, at, subject, title, old="", new=new, **data)

    def _act(self, at: float, who: str, verb: str, target: str, state: str = "done") -> None:
        plan = f"plan-{self._name}{self._next()}"
        told = {
            "id": plan, "verb": verb, "source": target.partition("/")[0], "target": target, "version": "v",
            "actor": {"name": who}, "made_at": at, "title": f"{verb} {target}",
        }  # fmt: skip
        self._say(EntryKind.INTENT, at, plan, verb, actor=who, plan=told)
        self._say(EntryKind.OUTCOME, at + 2, plan, state, actor=who, state=state, verb=verb, target=target)

    # --- deploys ------------------------------------------------------------------------------------------------------

    def _make_deploys(self, count: int) -> None:
        services = [f"prod/main/{self._name}service-{p}-{s}" for p in range(PRODUCTS) for s in range(2)]
        per: dict[str, int] = {}
        for service in self.rng.choices(services, k=count):
            per[service] = per.get(service, 0) + 1
        for service, number in per.items():
            slot = (self.ended - self.began - 7200) / number
            version = 1
            for at in range(number):
                began = round(self.began + slot * (at + self.rng.uniform(0.05, 0.4)), 3)
                version = self._deploy(service, began, version, slot)

    def _deploy(self, service: str, began: float, version: int, slot: float) -> int:
        """One deploy, and its rollback; returns the version that runs then."""
        took = min(self.rng.uniform(120, 600), slot / 10)
        one = TrueDeploy(service=service, started=began)
        self.deploys.append(one)
        arrow, chance = f":{version}→:{version + 1}", self.rng.random()
        if chance < 0.1:  # the circuit breaker
            one.within = one.failed = True
            one.recovered = began + took
            back = {"state": "rolled back", "by": "the circuit breaker", "to": f":{version}", "ended": began + took}
            self._rollout(service, began, took, arrow, "rolled back", rolled_back=back)
            return version
        self._rollout(service, began, took, arrow, "succeeded", by=self.rng.choice(PEOPLE))
        if chance > 0.18:
            return version + 1
        later = began + took + min(self.rng.uniform(300, 3600), slot / 4)
        one.failed, one.recovered = True, later + took
        self.deploys.append(TrueDeploy(service=service, started=later, rollback=True))
        self._rollout(service, later, took, f":{version + 1}→:{version}", "succeeded", kind="rollback", by="Alice")
        return version

    def _rollout(self, service: str, began: float, took: float, arrow: str, state: str, **data: object) -> None:
        name = f"prod/deploy-{self._name}{self._next()}"
        told = {"service": service, "arrow": arrow, "started": began, "kind": "deploy", **data}
        text = f"{service} {arrow}, {state}"
        self._say(EntryKind.DEPLOY, began + 5, name, text, old="", new="in progress", **{**told, "rolled_back": None})
        self._say(
            EntryKind.DEPLOY, began + took + 3, name, text, old="in progress", new=state, ended=began + took, **told
        )

    # --- entries ------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _say(self, _kind: EntryKind, at: float, subject: str, text: str = "", actor: str = "", **data: object) -> None:
        data = {name: value for name, value in data.items() if value is not None}
        self._entries.append(Entry(at=at, kind=_kind, subject=subject, text=text, actor=actor, data=data))


def told_again(year: Year, seed: int) -> list[Entry]:
    """Return what a source tells afterwards of every third problem that was seen: nothing that was not known."""
    rng = random.Random(seed)
    found = []
    for one in year.problems:
        if one.ended is None or one.pages or rng.random() > 0.3:
            continue
        began = one.began + rng.uniform(-20, 20)
        told = PastEpisode(
            id=episode_id(one.alert, began), alert=one.alert, source=one.source, provider=one.source, title=one.title,
            began=began, ended=one.ended + rng.uniform(-5, 5), imported=True,
        )  # fmt: skip
        found.append(Entry(at=began, kind=EntryKind.TOLD_EPISODE, subject=told.id, data=msgspec.to_builtins(told)))
    return found
