"""RDS's events of DB instances and clusters: DescribeEvents of the service model of 2014-10-31, over Query and XML.

The words are those of the RDS and Aurora user guides ("Amazon RDS event categories and event messages"). Events are
kept for 14 days. Times are seconds since the epoch, UTC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from oncall_tui.simulator.services.aws.endpoint import AwsError

KEPT_S = 14 * 86_400.0
INSTANCE, CLUSTER = "db-instance", "db-cluster"


@dataclass(frozen=True)
class SimulatedDatabaseEvent:
    """One event of one database."""

    at: float
    name: str
    kind: str
    """`db-instance` or `db-cluster`."""
    category: str
    message: str


@dataclass(frozen=True)
class Course:
    """The events of one thing that happens to a database: (category, words) as it begins and as it ends.

    `{name}` in the words is the database's name. `end` may be empty: it takes no time. `api` is what CloudTrail calls
    it where a person does it.
    """

    begin: tuple[str, str]
    end: tuple[str, str] = ("", "")
    api: str = ""


_STORAGE = (
    "The free storage capacity for DB instance: {name} is low at 8% of the provisioned storage [Provisioned Storage: "
    "99.49 GB, Free Storage: 7.96 GB]. You may want to increase the provisioned storage to address this issue."
)
_RECOVERY = "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered."
COURSES = {
    "failover": Course(
        ("failover", "Multi-AZ instance failover started."),
        ("failover", "Multi-AZ instance failover completed"),
        "RebootDBInstance",
    ),
    "restart": Course(
        ("availability", "DB instance shutdown"), ("availability", "DB instance restarted"), "RebootDBInstance"
    ),
    "failure": Course(
        ("failure", "DB instance put into storage-failure. RDS recommends that you initiate a point-in-time-restore.")
    ),
    "recovery": Course(("recovery", _RECOVERY), ("recovery", "Recovery of the DB instance is complete.")),
    "maintenance": Course(
        ("maintenance", "Applying off-line patches to DB instance"),
        ("maintenance", "Finished applying off-line patches to DB instance"),
        "ApplyPendingMaintenanceAction",
    ),
    "configuration": Course(
        ("configuration change", "Applying modification to database instance class"),
        ("configuration change", "Finished applying modification to DB instance class"),
        "ModifyDBInstance",
    ),
    "storage": Course(("low storage", _STORAGE)),
}
OF_CLUSTERS = {
    "failover": Course(
        ("failover", "Started cross AZ failover to DB instance: {name}-2"),
        ("failover", "Completed failover to DB instance: {name}-2"),
        "FailoverDBCluster",
    ),
    "maintenance": Course(
        ("maintenance", "Database cluster engine version upgrade started."),
        ("maintenance", "Database cluster engine version has been upgraded"),
        "ApplyPendingMaintenanceAction",
    ),
}


class Databases:
    """One account's databases in one region: what happened to them."""

    space = "http://rds.amazonaws.com/doc/2014-10-31/"
    permission = "rds"
    operations = frozenset({"DescribeEvents"})

    def __init__(self, number: str, region: str, now: Callable[[], float]) -> None:
        self._base = f"arn:aws:rds:{region}:{number}"
        self._now = now
        self._events: list[SimulatedDatabaseEvent] = []
        self.hears: list[Callable[[float, str, str, str, str], None]] = []
        """Told of each event as it happens: when, the database, its kind, the category, the words."""

    # -- what the world asks for

    def tell(self, at: float, name: str, kind: str, category: str, message: str) -> None:
        """Tell of what happened at *at* (epoch seconds)."""
        told = SimulatedDatabaseEvent(at, name, kind, category, message.format(name=name))
        self._events.append(told)
        for hear in self.hears:
            hear(at, name, kind, category, told.message)
        self._events.sort(key=lambda one: one.at)

    def state(self) -> dict[str, object]:
        """Every event's words, for tests."""
        return {"databases": [f"{told.name}: {told.message}" for told in self._events]}

    # -- the API

    def resource(self, asked: dict[str, str]) -> str:
        """The ARN that a denied call names."""
        return f"{self._base}:es:*"

    def answer(self, operation: str, asked: dict[str, str]) -> str:
        """DescribeEvents's result, or AwsError: the oldest first, of the last hour where no time is asked for."""
        now = self._now()
        start = _time(asked, "StartTime")
        since = now - 60 * float(asked.get("Duration", 60)) if start is None else start
        if since < now - KEPT_S:
            raise AwsError("InvalidParameterValue", "The parameter StartTime must be within the last 14 days.")
        if "SourceIdentifier" in asked and "SourceType" not in asked:
            raise AwsError("InvalidParameterCombination", "SourceType must be given with SourceIdentifier.")
        until = _time(asked, "EndTime")
        until = now if until is None else min(until, now)
        kinds = [value for key, value in asked.items() if key.startswith("EventCategories.")]
        found = [
            told
            for told in self._events
            if since <= told.at <= until
            and asked.get("SourceType", told.kind) == told.kind
            and asked.get("SourceIdentifier", told.name) == told.name
            and (not kinds or told.category in kinds)
        ]
        size = _size(asked)
        first = asked.get("Marker", "drill-0").removeprefix("drill-")
        if not first.isdigit():
            raise AwsError("InvalidParameterValue", "Invalid marker.")
        end = int(first) + size
        marker = f"<Marker>drill-{end}</Marker>" if end < len(found) else ""
        return f"{marker}<Events>{''.join(self._shown(told) for told in found[int(first) : end])}</Events>"

    def _shown(self, told: SimulatedDatabaseEvent) -> str:
        date = datetime.fromtimestamp(told.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        arn = f"{self._base}:{'cluster' if told.kind == CLUSTER else 'db'}:{told.name}"
        return (
            f"<Event><Message>{escape(told.message)}</Message><SourceType>{told.kind}</SourceType>"
            f"<EventCategories><EventCategory>{escape(told.category)}</EventCategory></EventCategories>"
            f"<Date>{date}</Date><SourceIdentifier>{escape(told.name)}</SourceIdentifier>"
            f"<SourceArn>{escape(arn)}</SourceArn></Event>"
        )


def _size(asked: dict[str, str]) -> int:
    size = asked.get("MaxRecords", "100")
    if not size.isdigit() or not 20 <= int(size) <= 100:
        raise AwsError("InvalidParameterValue", "MaxRecords must be between 20 and 100.")
    return int(size)


def _time(asked: dict[str, str], key: str) -> float | None:
    """Return a member's time in epoch seconds; None: it is not given. Raises AwsError."""
    if key not in asked:
        return None
    try:
        at = datetime.fromisoformat(asked[key].replace("Z", "+00:00"))
    except ValueError:
        raise AwsError("InvalidParameterValue", f"{key}: not a time") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
