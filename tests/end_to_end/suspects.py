"""The incidents that ship: which deploy or change is the first suspect, and in which words.

``python -m tests.end_to_end.suspects`` plays all of them at once and prints what the program says, as a table.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from oncall_tui import bootstrap
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.triage.suspects import Suspect, SuspectChange
from oncall_tui.triage.triager import TriagedAlert
from tests.end_to_end.world import World, shipped, written

SPEED = 4.0


class Told(NamedTuple):
    """What has to be said of one alert, found by its title. *first*: ``service old→new`` of a deploy, a change
    in its own words; empty: no suspect.
    """

    title: str
    first: str
    words: str  # a pattern that the line about it has to hold
    besides: tuple[str, ...] = ()  # further suspects, in order
    innocent: tuple[str, ...] = ()  # those that it says are not the suspect


class Step(NamedTuple):
    """What the scenario would do at its time, and is done once something was read: on a machine under load, too late a
    reading tells another story, which is as true.
    """

    read: Callable[[Update], bool]
    event: str  # of the scenario, which then has none of that kind
    does: Callable[[Any], dict[str, Any]]


class Incident(NamedTuple):
    """One scenario: what has to be said, and when all that matters has been read."""

    told: tuple[Told, ...]
    read: Callable[[Update], bool]
    steps: tuple[Step, ...] = ()


def deploy_name(service_id: str, arrow: str) -> str:
    return f"{service_id.rpartition('/')[2]} {arrow}"


def name_of(one: Suspect | SuspectChange) -> str:
    return one.change.what if isinstance(one, SuspectChange) else deploy_name(one.deploy.service_id, one.deploy.arrow)


def row_of(update: Update, title: str) -> TriagedAlert | None:
    found = [r for r in update.triaged.alerts if title in r.alert.title or any(title in o.title for o in r.others)]
    assert len(found) <= 1, f"{title!r} is {len(found)} rows"
    return found[0] if found else None


def fires(*titles: str) -> Callable[[Update], bool]:
    """All of them are rows that fire, and services were read."""

    def read(update: Update) -> bool:
        rows = [row_of(update, title) for title in titles]
        return bool(update.board.services) and all(r is not None and r.alert.state is AlertState.FIRING for r in rows)

    return read


def fails(title: str, service: str) -> Callable[[Update], bool]:
    """It fires, and why tasks of the service's deploy failed was read."""

    def read(update: Update) -> bool:
        deploys = update.board.deploys.values()
        return fires(title)(update) and any(d.service_id.endswith(service) and d.failures for d in deploys)

    return read


def both(*wanted: Callable[[Update], bool]) -> Callable[[Update], bool]:
    return lambda update: all(it(update) for it in wanted)


def deployed(service: str, within_s: float = 600.0) -> Callable[[Update], bool]:
    return lambda u: any(
        d.service_id.endswith(service) and u.board.at - d.started < within_s for d in u.board.deploys.values()
    )


def changed(*whats: str) -> Callable[[Update], bool]:
    """What these changes are was read."""
    return lambda update: {*whats} <= {c.what for c in update.board.changes.values()}


def stands_beside(what: str, by: str) -> Callable[[Update], bool]:
    """A change of this is told beside every row of its product, with who made it."""

    def read(update: Update) -> bool:
        triaged = update.triaged
        told = [triaged.changes_of(row.service, row.product, row.members) for row in triaged.alerts if row.product]
        return bool(told) and all(any((one.what, one.by) == (what, by) for one in each) for each in told)

    return read


def desired(service: str, count: int) -> Callable[[Update], bool]:
    """So many tasks of the service were wanted when it was read."""
    return lambda update: any(s.name == service and s.desired == count for s in update.board.services.values())


def flapped(title: str) -> Callable[[Update], bool]:
    def read(update: Update) -> bool:
        row = row_of(update, title)
        newest = max((d.started for d in update.board.deploys.values()), default=0.0)
        return row is not None and row.firings >= 3 and row.alert.began > newest

    return read


def three(title: str) -> Callable[[Update], bool]:
    def read(update: Update) -> bool:
        row = row_of(update, title)
        return row is not None and len(row.members) == 3

    return read


NONE = r"^no suspect: no deploy in the hour before; the last started {} ago$"
LATER = r"^no suspect: no deploy in the hour before; the last, {}, started .*after the alert, .*$"
BEGAN = r"^deploy {} of prod/{} started .*before the alert"
MORE = "desired count 3 → 6 of search-api"
INCIDENTS = {
    "bad-image": Incident(
        (
            Told(
                "2 of 4 tasks run",
                "shop-api :41→:42",
                BEGAN.format(":41→:42", "shop-api") + r", \d+ tasks? stopped \(CannotPullContainerError: .*",
            ),
        ),
        fails("2 of 4 tasks run", "shop-api"),
    ),
    "out-of-memory": Incident(
        (
            Told(
                "payments-api: 5xx rate",
                "payments-api :41→:42",
                BEGAN.format(":41→:42", "payments-api") + r", \d+ tasks? stopped \(exit 137 OutOfMemoryError",
            ),
        ),
        both(fails("payments-api: 5xx rate", "payments-api"), three("payments-api: 5xx rate")),
    ),
    "health-check": Incident(
        (
            Told(
                "catalog-api-unhealthy-critical",
                "catalog-api :52→:53",
                BEGAN.format(":52→:53", "catalog-api") + r", \d+ tasks? stopped \(exit 143 Task failed ELB health",
            ),
        ),
        fails("catalog-api-unhealthy-critical", "catalog-api"),
    ),
    "configuration": Incident(
        (
            Told(
                "31 % of orders fail",
                "orders-api :71→:72",
                BEGAN.format(":71→:72", "orders-api") + r", \d+ tasks? stopped \(exit 1 Essential container in",
            ),
        ),
        fails("31 % of orders fail", "orders-api"),
    ),
    "capacity": Incident(
        (Told("search-api-tasks-critical", MORE, rf"^{MORE} .*(before|together with) the alert$"),),
        both(fires("search-api-tasks-critical"), changed(MORE)),
        (
            Step(desired("search-api", 3), "scale", lambda scale: {"scale": scale}),
            Step(changed(MORE), "while_unhealthy", lambda watch: watch["do"][0]),
        ),
    ),
    "dependency": Incident(
        (
            Told("94 % of calls time out", "", r"^no suspect: no deploy of billing in the hour before$"),
            Told("88 % of charges fail", "", NONE.format("2d")),
        ),
        fires("94 % of calls time out", "88 % of charges fail"),
    ),
    "two-deploys": Incident(
        (
            Told(
                "cart-api: 5xx rate",
                "cart-api :45→:46",
                BEGAN.format(":45→:46", "cart-api") + r", \d+ tasks? stopped \(exit 1 Essential container in",
                besides=("cart-web :39→:40",),
            ),
        ),
        both(fails("cart-api: 5xx rate", "cart-api"), deployed("cart-web"), deployed("notify-api")),
    ),
    "older-alert": Incident(
        (
            Told(
                "auth-api: p99",
                "",
                LATER.format(":88→:89"),
                innocent=("auth-api :88→:89",),
            ),
        ),
        both(fires("auth-api: p99"), deployed("auth-api")),
    ),
    "flapping": Incident(
        (
            Told(
                "quotes take 3 s",
                "",
                LATER.format(":36→:37"),
                innocent=("shipping-api :36→:37",),
            ),
        ),
        both(flapped("quotes take 3 s"), deployed("shipping-api")),
    ),
    "expired-login": Incident(
        (
            Told(
                "22 % of uploads fail",
                "media-upload :34→:35",
                BEGAN.format(":34→:35", "media-upload") + r", \d+ tasks? stopped \(exit 137 OutOfMemoryError",
            ),
        ),
        both(
            fails("22 % of uploads fail", "media-upload"),
            lambda u: u.board.sources["prod"].state is SourceState.EXPIRED,
        ),
    ),
}


FAILOVER, CONFIGURATION = "RDS failover of ledger-db", "RDS configuration change of orders-db"
SCHEDULE, SCHEDULE_EDIT = "Schedule Primary: Alice until Monday", "edit of schedule Primary"
EDIT = "threshold 80 → 20 of alarm mail-api-cpu-critical"
SCALE_IN = "desired count 6 → 2 of tickets-api"
OF_CHANGES = {
    "failover": Incident(
        (
            Told(
                "61 % of postings fail",
                FAILOVER,
                rf"^{FAILOVER} began .*before the alert, under way$",
                besides=("ledger-api :57→:58",),
            ),
            Told(
                "900 postings wait",
                FAILOVER,
                rf"^{FAILOVER} began .*before the alert, under way$",
                besides=("ledger-api :57→:58",),
            ),
        ),
        both(fires("61 % of postings fail", "900 postings wait"), changed(FAILOVER)),
    ),
    "parameter": Incident(
        (
            Told(
                "44 % of orders fail",
                CONFIGURATION,
                rf"^{CONFIGURATION} began .*before the alert",
                innocent=("orders-api :71→:72",),
            ),
        ),
        both(fires("44 % of orders fail"), changed(CONFIGURATION), deployed("orders-api")),
    ),
}
OF_CHANGES["scale-in"] = Incident(
    (
        Told(
            "p99 4.1 s is over 1 s",
            SCALE_IN,
            rf"^{SCALE_IN}( by autoscaling)? .*before the alert",
            besides=("tickets-web :18→:19",),
        ),
    ),
    both(fires("p99 4.1 s is over 1 s"), changed(SCALE_IN), deployed("tickets-web")),
)
OF_CHANGES["schedule-edit"] = Incident(
    (
        Told(
            "invoices-api: 5xx rate",
            "invoices-api :27→:28",
            BEGAN.format(":27→:28", "invoices-api") + r", \d+ tasks? stopped \(exit 1 Essential container in",
            besides=(SCHEDULE,),
        ),
    ),
    both(fails("invoices-api: 5xx rate", "invoices-api"), changed(SCHEDULE), stands_beside(SCHEDULE_EDIT, "Bob")),
)
OF_CHANGES["alarm-edit"] = Incident(
    (
        Told("mail-api-cpu-critical", EDIT, rf"^{EDIT} .*before the alert$"),
        Told("40 mails wait", "", NONE.format("12d")),
    ),
    both(fires("mail-api-cpu-critical", "40 mails wait"), changed(EDIT)),
)
INCIDENTS |= OF_CHANGES


class Said(NamedTuple):
    """What was said of one alert at last, and everything that was accused of it at any time."""

    line: str
    suspects: tuple[str, ...]
    innocent: tuple[str, ...]
    accused: frozenset[str]


class Watched:
    """One incident, played: an engine on a world of its own, and what it said."""

    def __init__(self, name: str, folder: Path, stack: ExitStack) -> None:
        self.incident = INCIDENTS[name]
        self.accused: dict[str, set[str]] = {told.title: set() for told in self.incident.told}
        scenario, steps = shipped(name), self.incident.steps
        held = {step.event for step in steps}
        self._steps = [
            (step.read, step.does(event[step.event]))
            for step in steps
            for event in scenario["events"]
            if step.event in event
        ]
        scenario["events"] = [event for event in scenario["events"] if not held & event.keys()]
        self._world = world = World(
            folder, "--scenario", written(folder, scenario) if held else name, "--speed", str(SPEED)
        )
        stack.callback(world.close)
        os.environ.update(world.told["environment"])  # the same for every world
        config = bootstrap.load_config(str(world.configure(0.5)))
        self.engine: Engine = bootstrap.make_engine(config, stays=True)  # as a board does: it takes events off a queue
        self.engine.start()
        stack.callback(self.engine.stop)

    def _look(self, update: Update) -> bool:
        for title, accused in self.accused.items():
            if row := row_of(update, title):
                accused.update(map(name_of, row.suspicion.suspects))
        return self.incident.read(update)

    def said(self, seconds: float) -> dict[str, Said]:
        """By title, once all was read that matters."""
        for step, event in self._steps:
            assert self.engine.wait(step, seconds), f"not read in {seconds:.0f} s: {event} waits for it"
            self._world.do(**event)
        self._steps.clear()
        read = self.engine.wait(self._look, seconds)
        update, now = self.engine.update, self.engine.clock.now()
        found = {}
        for title, accused in self.accused.items():
            row = row_of(update, title)
            assert row is not None, f"{title!r} is not there: {[r.alert.title for r in update.triaged.alerts]}"
            deploys = [(d.service_id, d.arrow, d.state, d.failures[:1]) for d in update.board.deploys.values()]
            assert read, f"not all of it was read in {seconds:.0f} s: {row.alert.state}, {deploys}"
            suspects, innocent = (
                tuple(map(name_of, held)) for held in (row.suspicion.suspects, row.suspicion.innocent)
            )
            found[title] = Said(row.suspicion.words(now), suspects, innocent, frozenset(accused))
        return found


@contextmanager
def played(folder: Path) -> Iterator[dict[str, Watched]]:
    """All of them, side by side."""
    with ExitStack() as stack:
        held = {}
        for name in INCIDENTS:
            (folder / name).mkdir()
            held[name] = Watched(name, folder / name, stack)
        yield held


def right(told: Told, said: Said) -> bool:
    """Whether what was said is what has to be."""
    suspects = ((told.first,) if told.first else ()) + told.besides
    return (
        said.suspects == suspects
        and said.accused <= set(suspects)
        and set(told.innocent) == set(said.innocent)
        and bool(re.search(told.words, said.line))
    )


def main() -> int:
    """Play all and print the table."""
    began, wrong = time.monotonic(), 0
    sys.stdout.write("| scenario | alert | first suspect | words | right |\n|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder, played(Path(folder)) as incidents:
        for name, watched in incidents.items():
            said = watched.said(90.0)
            for told in watched.incident.told:
                it = said[told.title]
                words = "; ".join((it.line, *(f"not the suspect: {deploy}" for deploy in it.innocent)))
                ok = right(told, it)
                wrong += not ok
                first = it.suspects[0] if it.suspects else "no suspect"
                sys.stdout.write(f"| {name} | {told.title} | {first} | {words} | {'yes' if ok else '**no**'} |\n")
    sys.stdout.write(f"\n{wrong} wrong; {time.monotonic() - began:.0f} s\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
