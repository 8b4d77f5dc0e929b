"""In which order problems, services and deploys stand, and why each problem stands where it does. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from oncall_tui.domain.alert import Alert, AlertState, Severity
from oncall_tui.domain.deploy import Deploy
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import Service

PageRule = Mapping[str, str]  # field or label → glob; all of one rule have to match
FIELDS = ("severity", "provider", "source", "urgency", "state")  # of an alert; whatever else a rule names is a label
Rank = tuple[int, int, float, int, int, float, str]

ATTENTION = {
    AlertState.FIRING: 0,
    AlertState.UNKNOWN: 0,
    AlertState.NO_DATA: 1,
    AlertState.SEEN: 2,
    AlertState.ACKNOWLEDGED: 2,
    AlertState.SNOOZED: 3,
    AlertState.SILENCED: 4,
    AlertState.INHIBITED: 4,
    AlertState.RESOLVED: 5,
}
NEVER = float("inf")  # of what does not escalate by itself
SILENT = 4  # of ATTENTION: from here on nobody is asked for anything
_NOBODYS = {
    0: "unacknowledged",
    1: "no data",
    2: "acknowledged or seen",
    3: "snoozed",
    4: "silenced or inhibited",
    5: "resolved",
}


def rank_of(
    row_id: str,
    state: AlertState,
    severity: Severity,
    product: Product | None,
    does_page: bool,
    began: float,
    escalates_at: float | None = None,
) -> Rank:
    """Pages first, then what nobody has, of such pages what escalates soonest, then severity, protected products, the
    newest; the id settles ties."""
    protected = 0 if product and product.protected else 1
    goes_on = NEVER if escalates_at is None or not does_page or ATTENTION[state] else escalates_at
    return (not does_page, ATTENTION[state], goes_on, severity.rank, protected, -began, row_id)


def why(rank: Rank, severity: Severity, had: str = "") -> str:
    """Why a row stands where it does, in the order in which it counts; *had*: instead of who has it."""
    words = ["notification" if rank[0] else "page", had or _NOBODYS[rank[1]]]
    words += ["escalates soonest first"] if rank[2] != NEVER else []
    words.append(str(severity))
    if not rank[4]:
        words.append("protected product")
    return ", ".join(words) + "; among such rows the newest first"


def pages(alert: Alert, rules: Sequence[PageRule]) -> bool:
    """Return whether any rule says that this alert pages."""
    return any(matches(alert, rule) for rule in rules)


def matches(alert: Alert, rule: PageRule) -> bool:
    """Return whether all fields and labels of *rule* match."""
    return all(fnmatchcase(_field(alert, k), v) for k, v in rule.items())


def _field(alert: Alert, name: str) -> str:
    if name in FIELDS:
        return str(getattr(alert, name))
    return alert.label(name)


def lead_order(alert: Alert) -> tuple[bool, bool, bool, int, int, float, str]:
    """The alert that leads its problem: the pager's incident, since the key goes there; then what asks most.

    What is hidden never leads what is not, which would be hidden with it.
    """
    is_incident = bool(alert.provider == "pagerduty" and alert.state is not AlertState.RESOLVED)
    return (
        not is_incident,
        alert.state is AlertState.RESOLVED,
        bool(alert.hidden),
        ATTENTION[alert.state],
        alert.severity.rank,
        alert.began,
        alert.id,
    )


def service_order(service: Service) -> tuple[int, str]:
    """Order unhealthy services first, then deploying ones, then by name."""
    return (0 if service.health.is_fault else 1 if service.health == "deploying" else 2, service.id)


def deploy_order(deploy: Deploy) -> tuple[int, float, str]:
    """Order waiting deploys first, then failing ones, others under way, then the newest."""
    bad = deploy.failed_tasks or deploy.state.bad
    place = 3 if not deploy.state.running else 0 if deploy.waits else 1 if bad else 2
    return (place, -deploy.started, deploy.id)


def severity_word(severity: Severity, does_page: bool) -> str:
    """``PAGE``, or the severity in at most four letters: the first column of a row."""
    if does_page:
        return "PAGE"
    return {"critical": "crit", "error": "err", "warning": "warn", "info": "info", "unknown": "?"}[severity]
