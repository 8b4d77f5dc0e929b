"""The oracle's own answers, worked out by hand, and whether the towns are worth asking about."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from oncall_tui.runtime.clock import FakeClock
from tests.oracle_suspects.suspect_oracle import answer, wide
from tests.oracle_suspects.town import MINUTE, Changed, Deployed, Problem, Town, build

NOW = FakeClock().now()
PRODUCTS = {"pay": ("api", "web"), "find": ("search",), "ship": ("labels",)}
SERVICES = ("api", "web", "search", "labels", "lone")


def ago(minutes: float | None) -> float | None:
    return None if minutes is None else NOW - minutes * MINUTE


def deployed(service: str, start: float, end: float | None, told: bool = True) -> Deployed:
    """*start* and *end* are minutes ago; it is named by its service and start: ``api-20``."""
    return Deployed(f"{service}-{start:g}", service, NOW - start * MINUTE, ago(end), told)


def fired(service: str, *firings: tuple[float, float | None], product: str = "", state: str = "firing") -> Problem:
    product = product or next((p for p, services in PRODUCTS.items() if service in services), "")
    spans = tuple((NOW - a * MINUTE, ago(b)) for a, b in firings)
    return Problem(f"of {service or product}", service, product, spans, state)


def changed(
    what: str,
    start: float,
    service: str = "",
    of: str = "pay",
    by: str = "Bob",
    alarm: str = "",
    since: float | None = None,
) -> Changed:
    """It takes no time, *start* minutes ago, and is named by what it is and its start: ``failover-20``."""
    at = NOW - start * MINUTE
    return Changed(f"{what}-{start:g}", what, service, (of,), at, at, by, alarm, since=ago(since))


def town(*told: Deployed | Changed | Problem) -> Town:
    deploys = tuple(it for it in told if isinstance(it, Deployed))
    problems = tuple(it for it in told if isinstance(it, Problem))
    changes = tuple(it for it in told if isinstance(it, Changed))
    return Town("by hand", NOW, SERVICES, PRODUCTS, deploys, problems, changes=changes)


API = deployed("api", 20, 15)
BAD = replace(deployed("api", 50, 35), how="rolled back", failed=2)
BY_HAND = {
    "ended 5 minutes before": (town(API, fired("api", (10, None))), {"api-20"}),
    "under way": (town(deployed("api", 20, None), fired("api", (10, None))), {"api-20"}),
    "under way for hours": (town(deployed("api", 300, None), fired("api", (10, None))), {"api-300"}),
    "ended 59 minutes before": (town(API, fired("web", (10, None)), deployed("web", 80, 69)), {"web-80"}),
    "ended 61 minutes before": (town(deployed("web", 80, 71), fired("web", (10, None))), set()),
    "began after the alert did": (town(API, fired("api", (30, None))), set()),
    "of its product": (town(API, fired("web", (10, None))), {"api-20"}),
    "its own goes first": (town(deployed("web", 90, 60), API, fired("web", (10, None))), {"web-90"}),
    "of another product": (town(API, fired("search", (10, None))), set()),
    "of no product": (town(API, fired("lone", (10, None))), set()),
    "of a product, and no service": (town(API, fired("", (10, None), product="pay")), {"api-20"}),
    "nobody knows whose": (town(API, fired("", (10, None))), set()),
    "nothing was deployed": (town(fired("api", (10, None))), set()),
    "a flap that the deploy began in": (town(API, fired("api", (60, 40), (38, 15), (10, None))), set()),
    "between two flaps": (town(API, fired("api", (60, 40), (38, 25), (10, None))), {"api-20"}),
    "29 quiet minutes end no episode": (town(API, fired("api", (40, 15.5), (10, None))), set()),
    "the bad version again": (town(BAD, API, fired("api", (45, 32), (10, None))), {"api-20"}),
    "the bad version, and again while it fires": (town(BAD, API, fired("api", (45, 15), (10, None))), {"api-50"}),
    "the bad version flapped, and comes again": (
        town(BAD, API, fired("api", (45, 43), (41, 32), (10, None))),
        {"api-20"},
    ),
    "rolled back, it flapped on; another deploy": (
        town(BAD, API, fired("api", (45, 43), (41, 32), (29, 25), (10, None))),
        {"api-50"},
    ),
    "a failover since the rollback": (
        town(BAD, changed("failover", 12), fired("api", (45, 32), (10, None))),
        {"failover-12"},
    ),
    "a failover before what is only possibly it": (
        town(API, changed("failover", 61), fired("api", (60, 40), (38, 25), (10, None))),
        {"failover-61"},
    ),
    "31 do": (town(API, fired("api", (60, 41), (10, None))), {"api-20"}),
    "two deploys: either": (town(API, deployed("api", 45, 40), fired("api", (10, None))), {"api-20", "api-45"}),
    "over, nobody tells since when; it began lately": (
        town(deployed("api", 30, None, told=False), fired("api", (10, None))),
        {"api-30"},
    ),
    "a failover after the deploy": (town(API, changed("failover", 12), fired("api", (10, None))), {"failover-12"}),
    "a failover before the deploy": (town(API, changed("failover", 22), fired("api", (10, None))), {"api-20"}),
    "a failover after a deploy that fails": (
        town(replace(API, failed=2), changed("failover", 12), fired("api", (10, None))),
        {"api-20"},
    ),
    "a failover of another product": (town(changed("failover", 12, of="find"), fired("api", (10, None))), set()),
    "a failover after the alert": (town(changed("failover", 9), fired("api", (10, None))), set()),
    "a failover of an hour ago": (town(changed("failover", 71), fired("api", (10, None))), set()),
    "a scale-in elsewhere": (
        town(API, changed("scale-in", 12, "web"), fired("api", (10, None))),
        {"api-20"},
    ),
    "a scale-in just before": (
        town(API, changed("scale-in", 13, "api", by="autoscaling"), fired("api", (10, None))),
        {"scale-in-13"},
    ),
    "a scale-in long before, with the load": (
        town(deployed("api", 40, 35), changed("scale-in", 25, "api", by="autoscaling"), fired("api", (10, None))),
        {"api-40"},
    ),
    "a scale-in between two readings, both before": (
        town(API, changed("scale-in", 12, "api", by="", since=14), fired("api", (10, None))),
        {"scale-in-12"},
    ),
    "a scale-in between two readings, the deploy between them": (
        town(API, changed("scale-in", 12, "api", by="", since=24), fired("api", (10, None))),
        {"api-20"},
    ),
    "a scale-in between two readings, the alert between them": (
        town(API, changed("scale-in", 8, "api", by="", since=12), fired("api", (10, None))),
        {"api-20"},
    ),
    "the same alone": (town(changed("scale-in", 8, "api", by="", since=12), fired("api", (10, None))), {"scale-in-8"}),
    "a scale-in between two readings, both after": (
        town(changed("scale-in", 6, "api", by="", since=9), fired("api", (10, None))),
        set(),
    ),
    "a scale-out": (town(API, changed("scale-out", 12, "api"), fired("api", (10, None))), {"api-20"}),
    "a scale-out alone": (town(changed("scale-out", 12, "api"), fired("api", (10, None))), {"scale-out-12"}),
    "a schedule": (town(changed("schedule", 12), fired("api", (10, None))), set()),
    "an effect": (town(changed("effect", 12, "api"), fired("api", (10, None))), set()),
    "another alarm's edit": (town(changed("alarm", 12, alarm="of web"), fired("api", (10, None))), set()),
    "over, nobody tells since when; it began days ago": (
        town(deployed("api", 3000, None, told=False), fired("api", (10, None))),
        set(),
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_first_suspect(name: str) -> None:
    told, first = BY_HAND[name]
    assert answer(told, told.problems[0]).first == first


@pytest.mark.parametrize(
    ("minutes", "services", "is_one"),
    [
        ((10, 9, 8), ("api", "web", "search"), True),
        ((10, 9, 8), ("api", "web", "api"), False),  # two services
        ((10, 9), ("api", "search"), False),
        ((10, 8, 4), ("api", "web", "search"), False),  # six minutes
        ((10, 9, 8), ("api", "web", "lone"), False),  # one product
        ((10, 9, 8), ("api", "search", "lone"), None),
    ],
)
def test_a_wide_event(minutes: tuple[float, ...], services: tuple[str, ...], is_one: bool | None) -> None:
    told = town(*(fired(s, (m, None)) for s, m in zip(services, minutes, strict=True)))
    assert wide(told).is_one is is_one


def test_the_deploy_that_began_after_the_alert_is_not_the_suspect() -> None:
    told = town(API, deployed("web", 5, None), fired("api", (30, None)))
    found = answer(told, told.problems[0])
    assert (found.innocent, found.later) == ({"api-20"}, {"api-20", "web-5"})


def test_the_towns_are_worth_it() -> None:
    """Each kind is there, and "the newest deploy of its service" would be wrong in many."""
    counts: Counter[str] = Counter()
    for index in range(200):
        told = build(5, index, NOW)
        assert told == build(5, index, NOW)
        counts[f"wide: {wide(told).is_one}"] += 1
        counts["nothing deployed"] += not told.deploys
        for problem in told.problems:
            found = answer(told, problem)
            mine = sorted((d for d in told.deploys if d.service == problem.service), key=lambda d: d.start)
            counts[problem.kind] += 1
            counts["no suspect"] += not found.first
            counts["of a later firing"] += bool(found.again - found.weak)
            counts["possibly"] += bool(found.again & found.weak)
            counts["flapped"] += found.began != problem.firings[-1][0]
            counts["not the suspect"] += bool(found.innocent)
            counts["the newest would be wrong"] += bool(mine) and mine[-1].name not in found.first
            counts["the product's"] += bool(found.first) and not found.first & found.own
            counts["a change first"] += bool(found.first) and found.first <= found.harm
            counts["a deploy before a change that harms"] += bool(found.harm) and not found.first & found.harm
            counts["a change began later"] += bool(found.later_changes)
            counts["its own alarm was edited"] += any(c.alarm and c.name in found.suspects for c in told.changes)
    least = {"wide: True": 10, "nothing deployed": 10, "no suspect": 200, "flapped": 20, "not the suspect": 80}
    least |= {"the newest would be wrong": 100, "the product's": 50, "wide: False": 100}
    least |= {"a change first": 100, "a deploy before a change that harms": 25, "a change began later": 50}
    least |= {"its own alarm was edited": 5, "change did it": 30, "older than the change": 20, "change elsewhere": 20}
    least |= {"the bad version again": 30, "a deploy while it flaps": 30}
    least |= {"of a later firing": 30, "possibly": 30}
    least |= {"between the two readings of a change": 20}
    for kind in ("deploy did it", "older than the deploy", "flaps over the deploy", "flaps, then quiet"):
        least[kind] = 30
    for kind in ("at the look-back's edge", "no deploy near", "product alone", "nobody knows whose", "together"):
        least[kind] = 30
    assert {kind: counts[kind] for kind in least if counts[kind] < least[kind]} == {}
