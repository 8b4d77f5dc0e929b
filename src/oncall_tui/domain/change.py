"""A change: something other than a deploy that was done to a product's parts, by a person or by itself: scaling, a
database's failover, an edited configuration, alarm or schedule, maintenance. It may be a suspect; it is never rolled
back from here. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from oncall_tui.domain.alert import Alert, ServiceHint

KEPT_S = 24 * 3600.0  # how long a source's reading keeps a change after its end
KEPT = 500  # and how many of them at most, the newest
AUTOSCALING = "autoscaling"  # in *by*: nobody decided it, a scaling policy did
SCOPE = "changes"  # of a partial failure: the source's changes were not read, while its other rows were
SCOPES = frozenset({SCOPE, "scaling activities", "edits of alarms"})  # and of parts of them
_COUNTS = r"(?<![\d–.-])(\d+) → (\d+)(?![\d–.-])"
NO_HINT = ServiceHint()
_ALARM_ARN = ":cloudwatch:"


def began_later(at: float, alert_began: float) -> bool:
    """Tell whether what began *at* began after the alert did, and so cannot have caused it. Seconds since the epoch.

    PagerDuty and others tell whole seconds, rounded down: what began within that second may have come first.
    """
    return at >= alert_began + 1.0 if alert_began.is_integer() else at > alert_began


class ChangeKind(StrEnum):
    """The kind of thing that was changed; the value is the word in ``--json`` and in the record."""

    SCALING = "scaling"  # a service's desired count, or the bounds that it scales within
    DATABASE = "database"  # a failover, a restart, storage
    CONFIGURATION = "configuration"  # a parameter, a role, a target group, a flag
    ALARM = "alarm"  # an alarm was made, edited or deleted
    SCHEDULE = "schedule"  # an on-call schedule or an override
    MAINTENANCE = "maintenance"  # by the provider of the infrastructure
    RELEASE = "release"  # a release that another system tells of, such as Sentry's
    PLACEMENT = "placement"  # what ECS says of placing a service's tasks
    OTHER = "other"  # what another system calls a change and no more


class Change(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One change as its source tells it.

    *id* is ``SOURCE/NATIVE_ID`` and never changes. *what* names it as a sentence's subject, with the thing that was
    changed: ``RDS failover of payments-db``, ``desired count 4 → 2 of payments-api`` (a scaling has its counts so).
    *resource* is the thing's own name (``payments-db``): products name what is theirs as globs over
    ``SOURCE/RESOURCE``. *service_id* is the ECS service that it was done to, as the board has it; empty: none, or not
    known. *hint* is what a system other than ECS says of that service: the board looks it up, as it does for an alert.

    *began* is when it began. Where *not_before* is given, nobody tells when that was, only that it was between the two
    (a count that two readings saw differ). *ended* is when it was over: the same as *began* for what takes no time,
    None while it is under way. *by* is who did it: a person, ``autoscaling``, ``AWS``; empty: nobody tells. *text* is
    what its source says of it, *url* where it can be read. *account* and *region* are those of AWS where it was done;
    empty: not known.

    *effect*: it is what happened to a service, not what was done to it (ECS cannot place its tasks): told beside the
    alert, never a suspect.
    """

    id: str
    source: str
    kind: ChangeKind
    what: str
    resource: str
    began: float
    ended: float | None = None
    by: str = ""
    text: str = ""
    url: str = ""
    service_id: str = ""
    hint: ServiceHint = NO_HINT
    effect: bool = False
    account: str = ""
    region: str = ""
    not_before: float | None = None

    @property
    def earliest(self) -> float:
        """When it may have begun at the earliest, in seconds since the epoch: *began* where that is exact."""
        return self.began if self.not_before is None else min(self.not_before, self.began)

    @property
    def under_way(self) -> bool:
        """Return whether its end is not told yet."""
        return self.ended is None

    @property
    def counts(self) -> tuple[int, int] | None:
        """The number of tasks before and after a scaling, as *what* has them (``4 → 2``); None: it tells none."""
        found = re.search(_COUNTS, self.what) if self.kind is ChangeKind.SCALING else None
        return (int(found[1]), int(found[2])) if found else None

    @property
    def path(self) -> str:
        """``SOURCE/RESOURCE``: what a product's globs are matched with."""
        return f"{self.source}/{self.resource}"

    @property
    def alarm_keys(self) -> frozenset[str]:
        """Return what names the alarm that was edited, as ``alarm_keys_of`` its alerts; empty: it is no alarm's edit.

        A name alone does not tell which alarm it is: each account and region may have one of that name. A source of
        alarms has no two.
        """
        if self.kind is not ChangeKind.ALARM:
            return frozenset()
        if self.account and self.region:
            return frozenset((self.path, f"{self.region}:{self.account}:alarm:{self.resource}"))
        return frozenset((self.path,))


def alarm_keys_of(alert: Alert) -> frozenset[str]:
    """Return what names the alarms that *alert* is of: its own source's names, and what ARNs of alarms say.

    ``arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME`` (CloudWatch user guide, "Actions, resources, and condition
    keys"): all after ``cloudwatch:``, since the partition follows from the region.
    """
    arns = (key.partition(_ALARM_ARN)[2] for key in alert.keys if key.startswith("arn:"))
    return frozenset((alert.id, f"{alert.source}/{alert.title}", *(rest for rest in arns if ":alarm:" in rest)))


def newest(changes: tuple[Change, ...], now: float) -> tuple[Change, ...]:
    """Return those that a reading keeps, the newest first; each id once, as it was told last."""
    by_id = {one.id: one for one in changes}
    kept = (one for one in by_id.values() if one.ended is None or one.ended >= now - KEPT_S)
    return tuple(sorted(kept, key=lambda one: (-one.began, one.id))[:KEPT])
