"""Towns: products, their services, what was deployed, changed and fired when. Nothing here knows of the program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

MINUTE, HOUR = 60.0, 3_600.0
LOOK_BACK, QUIET, WIDE = 60 * MINUTE, 30 * MINUTE, 5 * MINUTE
FIRING = "firing"
STATES = (FIRING,) * 17 + ("acknowledged", "silenced", "resolved")
SOON = 10 * MINUTE
EDGES = (0.0, SOON, QUIET, 0.5 * HOUR, HOUR, 2 * HOUR)  # where a second more or less may decide
CLEAR = 3.0


@dataclass(frozen=True)
class Deployed:
    """One deploy of *service*. *end* is None while it is under way, or where nobody tells (*told* is False)."""

    name: str
    service: str
    start: float
    end: float | None
    told: bool = True
    how: str = "succeeded"
    failed: int = 0  # tasks

    @property
    def going(self) -> bool:
        return self.end is None and self.told


@dataclass(frozen=True)
class Changed:
    """One change. *service* is empty where it is of none; *products* own the thing that was changed.

    *end* is the start for what takes no time, and None while it is under way. *alarm*: the problem whose alarm it is;
    *elsewhere*: an alarm of that name, in another account or region. *since*: nobody tells when it began, only that it
    was between then and *start*; None: it began at *start*.
    """

    name: str
    what: str  # failover, scale-in, scale-out, edit, release, alarm, schedule, effect
    service: str
    products: tuple[str, ...]
    start: float
    end: float | None
    by: str = ""
    alarm: str = ""
    elsewhere: bool = False
    since: float | None = None

    @property
    def first(self) -> float:
        """When it may have begun at the earliest."""
        return self.start if self.since is None else self.since


@dataclass(frozen=True)
class Problem:
    """What fired, from when to when, oldest first; the last firing goes on unless it is resolved.

    *service* and *product* are empty where it does not say. *seen*: who else sees it, and how many seconds later.
    *cause* is the deploy that did it, for the counts: nothing on the wire tells.
    """

    name: str
    service: str
    product: str
    firings: tuple[tuple[float, float | None], ...]
    state: str = FIRING
    seen: tuple[tuple[str, float], ...] = ()
    cause: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Town:
    """*products*: name -> services. A service of none is in *services* alone."""

    name: str
    now: float
    services: tuple[str, ...]
    products: dict[str, tuple[str, ...]]
    deploys: tuple[Deployed, ...]
    problems: tuple[Problem, ...]
    look_back: float = LOOK_BACK
    changes: tuple[Changed, ...] = ()

    def product_of(self, service: str) -> str:
        return next((name for name, services in self.products.items() if service in services), "")

    def __str__(self) -> str:
        """Lines that a person can check by hand: minutes before now."""

        def ago(at: float | None) -> str:
            return "now" if at is None else f"{(self.now - at) / MINUTE:.1f}"

        lines = [f"{self.name}: look-back {self.look_back / MINUTE:.0f}m, {self.products}"]
        lines += [
            f"  deploy {d.name} of {d.service}: {ago(d.start)} to {ago(d.end) if d.told else '?'} {d.how}"
            for d in sorted(self.deploys, key=lambda d: d.start)
        ]
        lines += [
            f"  {c.what} {c.name} of {c.service or '-'}/{','.join(c.products) or '-'} by {c.by or '?'}"
            f"{f' (alarm of {c.alarm})' if c.alarm else ''}{' elsewhere' if c.elsewhere else ''}: "
            f"{f'{ago(c.since)} or later, seen ' if c.since is not None else ''}{ago(c.start)} to {ago(c.end)}"
            for c in sorted(self.changes, key=lambda c: c.start)
        ]
        lines += [
            f"  {p.state} {p.name} of {p.service or '?'}/{p.product or '?'} ({p.kind}): "
            + ", ".join(f"{ago(a)} to {ago(b)}" for a, b in p.firings)
            + "".join(f"; {who} {late:.0f}s later" for who, late in p.seen)
            for p in self.problems
        ]
        return "\n".join(lines)


@dataclass
class _Building:
    rng: Random
    now: float
    services: list[str] = field(default_factory=list)
    products: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deploys: list[Deployed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)

    # --- what is there

    def settle(self) -> None:
        rng = self.rng
        for number in range(rng.randint(1, 6)):
            name = f"p{number}"
            mine = tuple(f"{name}-s{i}" for i in range(rng.choice((1, 1, 2, 2, 3, 4))))
            self.products[name] = mine
            self.services += mine
        self.services += [f"lone-s{i}" for i in range(rng.choice((0, 0, 1, 2)))]

    def product_of(self, service: str) -> str:
        return next((name for name, services in self.products.items() if service in services), "")

    # --- what was deployed

    def deploy(self, service: str, start: float, minutes: float, going: bool = False) -> Deployed:
        rng = self.rng
        end = start + minutes * MINUTE
        going = going or end >= self.now
        how = (
            "in progress"
            if going
            else rng.choices(("succeeded", "failed", "rolled back", "stopped"), (75, 9, 10, 6))[0]
        )
        told = going or rng.random() > 0.06
        failed = rng.choice((0, 1, 2, 5)) if going or how in ("failed", "rolled back") else 0
        made = Deployed(f"d{len(self.deploys)}", service, start, None if going or not told else end, told, how, failed)
        self.deploys.append(made)
        return made

    def history(self, service: str) -> None:
        """A service's deploys, one after the other."""
        rng = self.rng
        at = self.now - rng.uniform(4, 72) * HOUR
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 4))):
            minutes = rng.choice((rng.uniform(0.5, 8), rng.uniform(8, 50), rng.uniform(50, 200)))
            if at > self.now - MINUTE:
                return
            made = self.deploy(service, at, minutes)
            if made.going:
                return
            at += minutes * MINUTE + rng.choice((rng.uniform(2, 90) * MINUTE, rng.uniform(1.5, 30) * HOUR))

    # --- what was changed

    def change(
        self,
        what: str,
        start: float,
        service: str = "",
        products: tuple[str, ...] = (),
        alarm: str = "",
        elsewhere: bool = False,
    ) -> None:
        """One change of a *service*, of a thing that *products* own, or of an alarm's problem."""
        rng = self.rng
        if start > self.now - 5:
            return
        lasts = {"failover": rng.uniform(0.3, 25), "effect": rng.uniform(1, 30)}.get(what, 0.0) * MINUTE
        by = rng.choice(("autoscaling", "autoscaling", "Bob", "")) if what.startswith("scale") else "Bob"
        end = start + lasts
        # a count that nobody tells of was moved between two readings of it; of some failovers only the end is told
        apart = rng.choice((rng.uniform(3, 80), rng.uniform(3, 80), rng.uniform(80, 1200)))
        unseen = (not by) or (what == "failover" and not alarm and rng.random() < 0.25)
        owners = products or ((self.product_of(service),) if self.product_of(service) else ())
        over = None if end >= self.now or (what == "failover" and rng.random() < 0.05) else end
        name = f"c{len(self.changes)}"
        since = start - apart if unseen else None
        self.changes.append(Changed(name, what, service, owners, start, over, by, alarm, elsewhere, since))

    def changed(self) -> None:
        """What was done lately, to databases and to services."""
        rng, now = self.rng, self.now
        names = list(self.products)
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            at = now - rng.choice((rng.uniform(0.2, 100), rng.uniform(0.2, 600))) * MINUTE
            mine = tuple(rng.sample(names, rng.choice((1, 1, 1, min(2, len(names))))))
            self.change(rng.choice(("failover", "failover", "edit")), at, products=mine)
        for service in self.services:
            for _ in range(rng.choice((0, 0, 1, 2))):
                what = rng.choice(("scale-in", "scale-in", "scale-out", "scale-out", "edit", "release", "effect"))
                self.change(what, now - rng.choice((rng.uniform(0.2, 90), rng.uniform(0.2, 900))) * MINUTE, service)
        for _ in range(rng.choice((0, 0, 1))):
            self.change("schedule", now - rng.uniform(0.2, 90) * MINUTE, products=(rng.choice(names),))

    def of_change(self) -> None:
        """What fired about when something was changed: after it, before it, or because its own alarm was edited."""
        rng = self.rng
        near = [c for c in self.changes if c.what != "schedule" and (c.service or c.products)]
        if not near:
            return
        about = rng.choice(near)
        service = about.service or rng.choice(self.products[about.products[0]])
        kind = rng.choice(("change did it", "change did it", "older than the change", "change elsewhere"))
        if about.since is not None and rng.random() < 0.85:
            at = rng.uniform(about.since, about.start)
            self.fire("between the two readings of a change", service, (at, None))
            return
        at = about.start + rng.uniform(0.2, 30) * MINUTE
        if kind == "older than the change":
            at = about.start - rng.uniform(0.1, 50) * MINUTE
        if kind == "change elsewhere":
            service = rng.choice(self.services)
        self.fire(kind, service, (at, None), cause=about.name if kind == "change did it" else "")

    def beside(self) -> None:
        """A deploy and a change, one soon after the other, and what fired after both."""
        rng = self.rng
        deploys = [d for d in self.deploys if d.told]
        if not deploys:
            return
        about = rng.choice(deploys)
        at = about.start + rng.uniform(-25, 25) * MINUTE
        of = self.product_of(about.service)
        if of and rng.random() < 0.6:
            self.change("failover", at, products=(of,))
        else:
            self.change(rng.choice(("scale-in", "edit", "scale-out")), at, about.service)
        fires = max(at, about.start) + rng.uniform(0.2, 25) * MINUTE
        self.fire("change beside a deploy", about.service, (fires, None))

    def edits(self) -> None:
        """Alarms that were edited shortly before or after they fired."""
        rng = self.rng
        for p in list(self.problems):
            if rng.random() < 0.15 and any(who == "alarms" for who, _ in p.seen):
                at = p.firings[-1][0] - rng.choice((-20, 10, 30, 90)) * rng.uniform(0.2, 1) * MINUTE
                self.change("alarm", at, alarm=p.name)
                if rng.random() < 0.4:
                    self.change("alarm", at + rng.uniform(-90, 90), alarm=p.name, elsewhere=True)

    # --- what fired

    def fire(self, kind: str, service: str, *firings: tuple[float, float | None], **more: str) -> None:
        rng = self.rng
        product = more.pop("product", self.product_of(service))
        if not all(a < self.now - 5 and (b is None or b < self.now - 5) for a, b in firings):
            return
        state = more.pop("state", "") or rng.choice(STATES)
        if state == "resolved":
            last = firings[-1]
            firings = (*firings[:-1], (last[0], last[0] + rng.uniform(0.2, 0.9) * (self.now - last[0])))
        seen = tuple(
            (who, rng.uniform(3, 110)) for who, share in (("alarms", 0.25), ("pager", 0.3)) if rng.random() < share
        )
        if len(firings) > 1:
            seen = tuple(s for s in seen if all((b or self.now) - a > 115 for a, b in firings))
        else:
            seen = tuple(s for s in seen if self.now - firings[0][0] > 130)
        name = f"a{len(self.problems)}"
        self.problems.append(Problem(name, service, product, firings, state, seen, kind=kind, **more))

    def flaps(self, begin: float, end: float, quiet: tuple[float, float]) -> list[tuple[float, float | None]]:
        """Firings from *begin* until one that begins about *end* goes on, *quiet* minutes between them."""
        rng, found, at = self.rng, [], begin
        while at < end:
            stop = at + rng.uniform(2, 12) * MINUTE
            found.append((at, stop))
            at = stop + rng.uniform(*quiet) * MINUTE
        return [*found, (at, None)]

    def problem(self) -> None:
        """One more, of some kind."""
        rng, now = self.rng, self.now
        service = rng.choice(self.services)
        mine = [d for d in self.deploys if d.service == service and d.told]
        about = rng.choice(mine) if mine else None
        kind = rng.choice(
            (
                *("the bad version again", "a deploy while it flaps"),
                *("deploy did it", "deploy did it", "older than the deploy", "flaps over the deploy"),
                *("flaps, then quiet", "at the look-back's edge", "no deploy near", "product alone"),
                "nobody knows whose",
            )
        )
        if kind == "product alone" and self.products:
            product = rng.choice(list(self.products))
            near = [d for d in self.deploys if d.service in self.products[product]]
            at = rng.choice(near).start + rng.uniform(1, 90) * MINUTE if near else now - rng.uniform(1, 300) * MINUTE
            return self.fire(kind, "", (at, None), product=product)
        if kind == "nobody knows whose":
            return self.fire(kind, "", (now - rng.uniform(0.5, 600) * MINUTE, None))
        if kind == "the bad version again":
            return self.bad_again(service)
        if kind == "a deploy while it flaps":
            return self.innocent_in_flaps(service)
        if about is None or kind in ("no deploy near", "product alone"):
            return self.fire("no deploy near", service, (now - rng.uniform(0.5, 900) * MINUTE, None))
        return self._of_deploy(kind, about)

    def _of_deploy(self, kind: str, about: Deployed) -> None:
        rng, service = self.rng, about.service
        end = about.end if about.end is not None else self.now
        if kind == "deploy did it":
            at = rng.choice((about.start + rng.uniform(0.2, 20) * MINUTE, end + rng.uniform(0.1, 55) * MINUTE))
            return self.fire(kind, service, (at, None), cause=about.name)
        if kind == "older than the deploy":
            return self.fire(kind, service, (about.start - rng.uniform(0.1, 50) * MINUTE, None))
        if kind == "flaps over the deploy":
            first = about.start - rng.uniform(1, 100) * MINUTE
            return self.fire(kind, service, *self.flaps(first, about.start + rng.uniform(1, 30) * MINUTE, (0.5, 28)))
        if kind == "flaps, then quiet":
            at = about.start + rng.uniform(0.5, 15) * MINUTE
            stop = at - rng.uniform(31, 200) * MINUTE
            early = self.flaps(stop - rng.uniform(5, 90) * MINUTE, stop - 40 * MINUTE, (1, 25))
            firings = [(a, b) for a, b in early if b is not None and b < at - 31 * MINUTE]
            return self.fire(kind, service, *firings, (at, None), cause=about.name)
        return self.fire(
            kind, service, (end + rng.choice((rng.uniform(50, 59.5), rng.uniform(60.5, 75))) * MINUTE, None)
        )

    def bad_again(self, service: str) -> None:
        """A version that does harm is rolled back, and is deployed again before thirty minutes are quiet; or another
        service's deploy, or a change, does it then.
        """
        rng = self.rng
        start = self.now - rng.uniform(20, 120) * MINUTE
        fires = start + rng.uniform(0.3, 8) * MINUTE
        back = fires + rng.uniform(2, 12) * MINUTE
        self.deploys.append(
            Deployed(f"d{len(self.deploys)}", service, start, back, True, "rolled back", rng.choice((0, 2)))
        )
        stop = back + rng.uniform(-1, 5) * MINUTE
        again = max(stop, back) + rng.uniform(0.3, 20) * MINUTE
        firings = [(fires, stop)]
        if stop - fires > 5 * MINUTE and rng.random() < 0.3:  # the bad version's own flap
            middle = rng.uniform(fires + MINUTE, min(stop, back) - 2 * MINUTE)
            firings = [(fires, middle), (middle + rng.uniform(0.2, 1) * MINUTE, stop)]
        refires = again + rng.uniform(0.2, 7) * MINUTE
        if refires >= self.now - 10:
            return
        if rng.random() < 0.2 and (of := self.product_of(service)):
            self.change("failover", again, products=(of,))
            self.fire("the bad version again", service, *firings, (refires, None))
            return
        minutes = rng.choice((rng.uniform(1, 20), 500))
        cause = self.deploy(service, again, minutes)
        self.fire("the bad version again", service, *firings, (refires, None), cause=cause.name)

    def innocent_in_flaps(self, service: str) -> None:
        """A deploy, begun at any time while an alert comes and goes by itself."""
        rng = self.rng
        first = self.now - rng.uniform(40, 150) * MINUTE
        firings = self.flaps(first, first + rng.uniform(15, 90) * MINUTE, (0.5, 20))
        if firings[-1][0] >= self.now - 10:
            return
        number = rng.randrange(1, len(firings))
        stop = firings[number - 1][1] or first
        at = rng.uniform(stop, firings[number][0]) if rng.random() < 0.7 else rng.uniform(first, self.now - MINUTE)
        self.deploy(service, at, rng.uniform(0.5, 30))
        self.fire("a deploy while it flaps", service, *firings)

    def together(self) -> None:
        """Several services at once, or nearly several, or nearly at once."""
        rng = self.rng
        within = rng.choice((3.5, 4.5, 4.5, 9.0, 11.0)) * MINUTE
        begin = self.now - rng.uniform(6, 120) * MINUTE - within
        of = rng.sample(self.services, min(len(self.services), rng.choice((2, 3, 3, 4, 6))))
        if rng.random() < 0.2 and self.products:
            of = list(self.products[rng.choice(list(self.products))])
        for index, service in enumerate(of):
            at = begin + within * index / max(1, len(of) - 1)
            state = FIRING if rng.random() < 0.9 else "acknowledged"
            self.fire("together", service, (at, None), state=state)


def build(seed: int, index: int, now: float) -> Town:
    """The *index*-th town of *seed*: the same one each time. None in which a second more or less decides."""
    for turn in range(50):
        found = _build(Random(f"{seed}/{index}/{turn}"), f"{seed}/{index}", now)
        if clear(found):
            return found
    raise AssertionError("no clear town in fifty")


def _build(rng: Random, name: str, now: float) -> Town:
    it = _Building(rng, now)
    it.settle()
    nothing = rng.random() < 0.12  # nothing was deployed anywhere
    for service in it.services if not nothing else ():
        it.history(service)
    if not nothing and rng.random() < 0.7:
        it.changed()
    for _ in range(rng.choice((1, 2, 3, 4, 6, 9))):
        it.problem()
        if rng.random() < 0.35:
            it.of_change()
        if rng.random() < 0.2:
            it.beside()
    if rng.random() < 0.5:
        it.together()
    it.edits()
    look_back = rng.choice((LOOK_BACK,) * 6 + (0.5 * HOUR, 2 * HOUR))
    problems, changes = tuple(it.problems), tuple(it.changes)
    return Town(name, now, tuple(it.services), it.products, tuple(it.deploys), problems, look_back, changes)


def clear(town: Town) -> bool:
    """Whether nothing hangs on a second or two: what is seen twice is seen as late as two minutes later."""
    for p in town.problems:
        for start, _ in p.firings:
            for d in (*town.deploys, *town.changes):
                gaps = [start - d.start] + ([start - d.end] if d.end is not None else [])
                gaps += [start - d.first] if isinstance(d, Changed) else []
                if any(abs(gap - edge) < CLEAR for gap in gaps for edge in EDGES):
                    return False
        for _, stop in p.firings:
            begun = [t for d in town.deploys for t in (d.start, d.end)] + [
                t for c in town.changes for t in (c.start, c.first)
            ]
            if stop is not None and any(t is not None and abs(stop - t) < CLEAR for t in begun):
                return False
        for (_, stop), (start, _) in zip(p.firings, p.firings[1:], strict=False):
            if stop is None or start <= stop or abs(start - stop - QUIET) < 120 + CLEAR:
                return False
    starts = sorted(start for p in town.problems for start, _ in p.firings)
    return all(abs(b - a - WIDE) > CLEAR for i, a in enumerate(starts) for b in starts[i + 1 :])


def without_deploys(town: Town) -> Town:
    """The same town, where nothing was deployed or changed."""
    return replace(town, deploys=(), changes=())
