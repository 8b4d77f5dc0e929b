"""RDS's events become changes: the words of the user guides, what begins joined with what ends, pages, cadence."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_world import error, model
from botocore.validate import ParamValidator

from oncall_tui import errors
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.providers import registry
from oncall_tui.providers.aws.options import RdsOptions
from oncall_tui.providers.aws.rds.mapping import CLUSTER, INSTANCE, NOTICED_S, OPEN_S, DatabaseEvent, changes
from oncall_tui.providers.aws.rds.provider import RdsProvider
from oncall_tui.providers.base import Context, ReadRequest
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.simulator.scenarios.reader import parse
from oncall_tui.simulator.start import open_world

NOW = 1_800_000_000.0
WORLD = """
name: databases
sources:
  - {name: prod, provider: ecs, clusters: [main]}
  - {name: db, provider: rds}
"""


def told(message: str, at: float = 0.0, category: str = "failover", name: str = "pay", kind: str = INSTANCE) -> Any:
    return DatabaseEvent(NOW + at, name, kind, (category,), message)


def made(*events: DatabaseEvent, now: float = NOW + 600) -> tuple[Change, ...]:
    return changes("db", events, now, "eu-west-1")


FAILOVERS = [
    ("Multi-AZ instance failover started.", "Multi-AZ instance failover completed", INSTANCE),
    (
        "A Multi-AZ failover that resulted in the promotion of a standby instance has started.",
        "A Multi-AZ failover that resulted in the promotion of a standby instance is complete.",
        INSTANCE,
    ),
    ("Started cross AZ failover to DB instance: pay-2", "Completed failover to DB instance: pay-2", CLUSTER),
    (
        "A failover for the DB cluster has begun across Availability Zones.",
        "A failover for the DB cluster has finished.",
        CLUSTER,
    ),
    (
        "Started same AZ failover to DB instance: pay-2",
        "Cluster failover failed, check the health of your cluster",
        CLUSTER,
    ),
]


@pytest.mark.parametrize(("begin", "end", "kind"), FAILOVERS)
def test_a_failover_is_one_change_from_its_begin_to_its_end(begin: str, end: str, kind: str) -> None:
    (under_way,) = made(told(begin, kind=kind))
    assert (under_way.what, under_way.kind, under_way.under_way) == ("RDS failover of pay", ChangeKind.DATABASE, True)
    (over,) = made(told(begin, kind=kind), told(end, 38, kind=kind))
    assert (over.began, over.ended, over.text, over.by) == (NOW, NOW + 38, end, "")
    assert over.id == under_way.id
    assert over.url.endswith("is-cluster=true" if kind == CLUSTER else "is-cluster=false")


@pytest.mark.parametrize(
    ("category", "message", "what", "under_way"),
    [
        ("availability", "DB instance shutdown", "RDS restart of pay", True),
        ("availability", "DB instance restarted", "RDS restart of pay", False),
        ("recovery", "Recovery of the DB instance has started. Recovery time will vary.", "RDS recovery of pay", True),
        ("failure", "DB instance put into incompatible-network.", "RDS failure of pay", False),
        ("low storage", "Allocated storage has been exhausted.", "RDS low storage of pay", False),
        ("availability", "Free storage capacity for DB instance pay is low at 4%", "RDS low storage of pay", False),
        ("maintenance", "Applying off-line patches to DB instance", "RDS maintenance of pay", True),
        ("maintenance", "Finished applying off-line patches to DB instance", "RDS maintenance of pay", False),
        ("configuration change", "Applying modification to allocated storage", "RDS configuration change of pay", True),
        ("configuration change", "Updated to use DBParameterGroup pay-16", "RDS configuration change of pay", False),
        ("notification", "DB instance stopped", "RDS stop of pay", False),
        ("notification", "The DB instance has been started.", "RDS start of pay", False),
        ("deletion", "DB instance deleted", "RDS deletion of pay", False),
        ("a category of tomorrow", "Something else", "", False),
        ("backup", "Finished DB Instance backup", "", False),
        ("notification", "Patching of the DB instance has been delayed.", "", False),
        ("maintenance", "The DB instance has a DB engine minor version upgrade required.", "", False),
        ("failover", "Abandoning user requested failover since a failover recently occurred.", "", False),
    ],
)
def test_the_words_of_each_category(category: str, message: str, what: str, under_way: bool) -> None:
    found = made(told(message, category=category))
    assert [(one.what, one.under_way) for one in found] == ([(what, under_way)] if what else [])


@pytest.mark.parametrize(
    ("category", "message", "before"),
    [
        ("availability", "DB instance restarted", NOTICED_S),  # its begin is not told: an alert came before this event
        ("failover", "Multi-AZ instance failover completed", NOTICED_S),
        ("failure", "DB instance put into incompatible-network.", NOTICED_S),
        ("notification", "DB instance stopped", NOTICED_S),
        ("maintenance", "Finished applying off-line patches to DB instance", OPEN_S),
        ("maintenance", "Applying off-line patches to DB instance", None),
        ("configuration change", "Updated to use DBParameterGroup pay-16", None),
    ],
)
def test_what_rds_tells_only_afterwards_began_at_some_time_before(
    category: str, message: str, before: float | None
) -> None:
    (found,) = made(told(message, category=category))
    assert found.not_before == (None if before is None else NOW - before)


def test_what_began_and_ended_has_its_own_begin() -> None:
    (over,) = made(told(FAILOVERS[0][0]), told(FAILOVERS[0][1], 38))
    assert (over.began, over.not_before) == (NOW, None)


def test_nobody_is_named_but_aws_and_the_storage_s_autoscaling() -> None:
    patched = made(told("Applying off-line patches to DB instance", category="maintenance"))
    words = "Applying autoscaling-initiated modification to allocated storage."
    grown = made(told(words, category="configuration change"))
    assert (patched[0].by, grown[0].by) == ("AWS", "autoscaling")
    assert patched[0].kind is ChangeKind.MAINTENANCE
    assert grown[0].kind is ChangeKind.CONFIGURATION


def test_a_restart_within_a_failover_is_a_part_of_it_and_one_long_after_is_not() -> None:
    begin, end, _ = FAILOVERS[0]
    restart = "DB instance restarted"
    one = (told(begin), told(restart, 20, "availability"), told(end, 38))
    assert [change.what for change in made(*one)] == ["RDS failover of pay"]
    later = told(restart, 38 + 600, "availability")
    assert [change.what for change in made(*one, later, now=NOW + 900)] == ["RDS failover of pay", "RDS restart of pay"]
    cluster = told("Started cross AZ failover to DB instance: pay-2", kind=CLUSTER)
    named = told(restart, 9, "availability", name="pay-2")
    other = told(restart, 9, "availability", name="else")
    assert [change.what for change in made(cluster, named, other)] == ["RDS failover of pay", "RDS restart of else"]


def test_what_is_not_told_to_have_ended_is_under_way_for_six_hours() -> None:
    begin = told(FAILOVERS[0][0])
    assert made(begin, now=NOW + OPEN_S)[0].under_way
    (over,) = made(begin, now=NOW + OPEN_S + 1)
    assert (over.ended, over.text) == (NOW, "Multi-AZ instance failover started. (its end was not told)")


class Rds:
    """RDS in memory, as a transport that checks each request against botocore's model."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.refuse: Exception | None = None
        self.page = 100

    def add(self, at: float, message: str, name: str = "pay", kind: str = INSTANCE, category: str = "failover") -> None:
        event = {"SourceIdentifier": name, "SourceType": kind, "Message": message, "EventCategories": [category]}
        self.events.append({**event, "Date": datetime.fromtimestamp(at, UTC).isoformat()})

    def __call__(self, operation: str, params: dict[str, Any], acting: bool) -> bytes:
        report = ParamValidator().validate(params, model("rds").operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.asked.append(params)
        if self.refuse is not None:
            raise self.refuse
        since = params["StartTime"]
        found = [one for one in self.events if datetime.fromisoformat(one["Date"]) >= since]
        first = int(params.get("Marker", 0))
        more = {"Marker": str(first + self.page)} if first + self.page < len(found) else {}
        return json.dumps({"Events": found[first : first + self.page], **more}).encode()


@pytest.fixture
def rds() -> Rds:
    return Rds()


def provider(rds: Rds, clock: FakeClock, **options: Any) -> RdsProvider:
    chosen = RdsOptions(name="db", provider="rds", region="eu-west-1", **options)
    return RdsProvider(chosen, Context("db", "alice@example.com", clock), rds)


def test_the_first_reading_goes_a_day_back_and_the_next_ones_minutes(rds: Rds, clock: FakeClock) -> None:
    source = provider(rds, clock)
    rds.page = 2
    began = clock.now() - 23 * 3600
    rds.add(began, FAILOVERS[0][0])
    rds.add(began + 40, FAILOVERS[0][1])
    rds.add(clock.now() - 60, "DB instance restarted", "other", category="availability")
    first = source.read(ReadRequest())
    assert [one.what for one in first.changes] == ["RDS restart of other", "RDS failover of pay"]
    assert (first.calls, first.problems) == (2, ())
    clock.advance(60)
    rds.add(clock.now() - 1, FAILOVERS[0][0])
    second = source.read(ReadRequest())
    assert (second.calls, second.changes[0].under_way, len(second.changes)) == (1, True, 3)
    assert clock.now() - rds.asked[-1]["StartTime"].timestamp() == 60 + 300
    clock.advance(25 * 3600)
    assert [one.under_way for one in source.read(ReadRequest()).changes] == []


def test_only_databases_that_are_asked_for_and_nothing_of_snapshots(rds: Rds, clock: FakeClock) -> None:
    for name, kind in (("pay", INSTANCE), ("other", INSTANCE), ("pay-snap", "db-snapshot")):
        rds.add(clock.now() - 9, FAILOVERS[0][0], name, kind)
    assert [one.resource for one in provider(rds, clock, databases=("pay*",)).read(ReadRequest()).changes] == ["pay"]


def test_one_damaged_event_takes_away_no_other(rds: Rds, clock: FakeClock) -> None:
    rds.add(clock.now() - 9, FAILOVERS[0][0])
    rds.events.append({**rds.events[0], "Message": None})
    reading = provider(rds, clock).read(ReadRequest())
    assert [one.what for one in reading.changes] == ["RDS failover of pay"]
    assert reading.problems[0].scope == "1 of 2 events"


def test_a_denied_call_names_the_permission(rds: Rds, clock: FakeClock) -> None:
    said = "User: x is not authorized to perform: rds:DescribeEvents on resource: *"
    rds.refuse = error("DescribeEvents", "AccessDenied", said, 403)
    with pytest.raises(errors.Denied) as caught:
        provider(rds, clock).read(ReadRequest())
    assert "rds:DescribeEvents" in caught.value.hint


def test_an_hour_costs_sixty_calls(rds: Rds, clock: FakeClock) -> None:
    source = provider(rds, clock)
    for _ in range(60):
        source.read(ReadRequest())
        clock.advance(source.interval_s)
    assert source.calls == Counter(DescribeEvents=60)


def test_a_real_client_reads_the_simulated_database() -> None:
    opened = open_world(parse(WORLD, "test.yaml"), manual=True)
    try:
        world = opened.story.world
        clock = FakeClock(world.timeline.now())
        url = opened.told["endpoints"]["db"]
        options = RdsOptions(name="db", provider="rds", region="eu-west-1", endpoint_url=url)
        source = registry.build(options, Context("db", "alice@example.com", clock))
        with world.lock:
            opened.story.do(
                {"rds": {"name": "pay", "what": "failover", "cluster": True, "minutes_ago": 3, "by": "alice"}}
            )
            opened.story.do({"rds": {"name": "ledger", "what": "maintenance"}})
        found = source.read(ReadRequest()).changes
        source.close()
        assert [(one.what, one.under_way, one.by) for one in found] == [
            ("RDS maintenance of ledger", True, "AWS"),
            ("RDS failover of pay", False, ""),
        ]
        assert found[1].ended == pytest.approx(found[1].began + 40, abs=0.01)
    finally:
        opened.close()
