"""An alert: something that asks for a person. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from oncall_tui.domain.action import Verb
from oncall_tui.domain.metric import Metric


class AlertState(StrEnum):
    """The states of an alert; the value is the word on screen and in ``--json``."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SEEN = "seen"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    SNOOZED = "snoozed"
    NO_DATA = "no data"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"

    @property
    def asks(self) -> bool:
        """Return whether nobody has the alert yet."""
        return self in (AlertState.FIRING, AlertState.UNKNOWN)


class Severity(StrEnum):
    """How bad the source says it is, worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 is the worst. An unknown severity stands beside a warning: not known is not harmless."""
        return _RANK[self]


QUIET_S = 30 * 60.0  # after which the next firing begins another episode
OURS = "expected"  # the source's name of the alerts that are made here, for what is expected to fire and does not
ASSIGNED_AT_ONCE_S = 5.0  # after it began: so late its first assignment may be stamped
PAGER_PROVIDERS = frozenset({"pagerduty"})  # whose alerts are incidents: made of other sources' alerts
PAGE_KEY = 255  # characters that a pager takes as a key (PagerDuty's Events v2)
_SYSTEMS = {
    "alertmanager": "Alertmanager",
    "cloudwatch": "CloudWatch",
    "datadog": "Datadog",
    "eventbridge": "EventBridge",
    "mackerel": "Mackerel",
    "pagerduty": "PagerDuty",
    "rds": "RDS",
    "sentry": "Sentry",
}
_RANK = {Severity.CRITICAL: 0, Severity.ERROR: 1, Severity.WARNING: 2, Severity.UNKNOWN: 2, Severity.INFO: 3}

Pairs = tuple[tuple[str, str], ...]


class ServiceHint(msgspec.Struct, frozen=True, gc=False):
    """The ECS service that an alert names. An empty string: the alert does not say."""

    cluster: str = ""
    service: str = ""
    account: str = ""
    region: str = ""


class Assignee(msgspec.Struct, frozen=True, gc=False):
    """Somebody whom a pager gave an alert to: since when, and at which level of its policy (0: not known)."""

    name: str
    since: float | None = None
    level: int = 0


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One alert as its source tells it.

    *id* is ``SOURCE/NATIVE_ID`` and never changes while the alert lives. *began* is when this firing began. *keys* are
    strings that the same problem carries in other systems (an alarm's ARN, a dedup key, a fingerprint): two alerts that
    share one are the same problem. *label_sets* are the label sets that an incident says it was made of.

    *changed* is when its source last changed it; *by_at* is when those in *by* acknowledged, silenced, saw or resolved
    it (None: nobody tells): neither *changed* nor *began* is that time.

    *assigned* are those whom its pager notifies, since *assigned_at*, at *level* of its escalation policy (0: not
    known). *had* are those who were assigned before, the first one first, as far as it was seen. *escalates_at*: when
    it goes to the next level by itself.
    """

    id: str
    source: str
    provider: str
    native_id: str
    state: AlertState
    severity: Severity
    title: str
    began: float
    changed: float | None = None
    by: tuple[str, ...] = ()
    by_at: float | None = None
    until: float | None = None
    comment: str = ""
    urgency: str = ""
    escalates_at: float | None = None
    assigned: tuple[str, ...] = ()
    assigned_at: float | None = None
    level: int = 0
    had: tuple[Assignee, ...] = ()
    mine: bool = False  # its source lists it only while whoever uses the program is assigned
    url: str = ""
    labels: Pairs = ()
    annotations: Pairs = ()
    hint: ServiceHint = ServiceHint()
    keys: tuple[str, ...] = ()
    label_sets: tuple[Pairs, ...] = ()
    count: int = 1
    hidden: str = ""  # why it is hidden unless asked for ("target tracking"); empty: shown
    metric: Metric | None = None  # what an alarm watches, where that is one metric
    verbs: frozenset[Verb] = frozenset()
    here: frozenset[Verb] = frozenset()  # those of them that change nothing but this machine's journal

    @property
    def version(self) -> str:
        """Return the part that a re-check compares: identity, state and start; never a count or another stamp."""
        return f"{self.id}|{self.state}|{self.began:.0f}"

    @property
    def system(self) -> str:
        """The name of the system that it is from, as people write it: ``Datadog``."""
        return _SYSTEMS.get(self.provider, self.provider or self.source)

    @property
    def moved(self) -> bool:
        """Return whether it was escalated or assigned to others after it began."""
        return bool(self.had) or (self.assigned_at is not None and self.assigned_at - self.began > ASSIGNED_AT_ONCE_S)

    @property
    def page_key(self) -> str:
        """Return the deduplication key of its page, at most 255 characters: a pager that gets it twice pages once."""
        if len(self.id) <= PAGE_KEY:
            return self.id
        import hashlib  # seldom needed, and slow to load

        return f"{self.id[:190]}-{hashlib.sha256(self.id.encode()).hexdigest()}"

    def label(self, name: str) -> str:
        """The label's value, or an empty string."""
        return next((value for key, value in self.labels if key == name), "")
