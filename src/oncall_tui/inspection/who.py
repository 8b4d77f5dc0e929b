"""Asks who changed a service in the hour before an alert, of its source's audit log, where an engineer wants it.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from oncall_tui.domain.alert import Alert
from oncall_tui.domain.service import Service
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.errors import SourceError
from oncall_tui.providers.base import Provider, SupportsWho, TimelineEvent
from oncall_tui.text.time_format import moment

BEFORE_S = 3600.0  # before the alert began
AFTER_S = 1800.0  # and after it: what was done about it


def span(alerts: Iterable[Alert], now: float) -> tuple[float, float]:
    """Return (since, until): the hour before the first of *alerts*, and a while after; without one the last hour."""
    began = min((alert.began for alert in alerts), default=None)
    if began is None:
        return now - BEFORE_S, now
    return began - BEFORE_S, max(began, min(now, began + AFTER_S))


def names_of(alerts: Iterable[Alert]) -> tuple[str, ...]:
    """Return the names of what *alerts* are of, as an audit log has them: CloudWatch alarms."""
    return tuple(dict.fromkeys(alert.native_id for alert in alerts if alert.provider == "cloudwatch"))


def ask(provider: Provider, service: Service, names: Sequence[str], since: float, until: float) -> WhoAnswer:
    """Ask the service's source. Raises SourceError."""
    if not isinstance(provider, SupportsWho):
        raise SourceError(f"{service.source} has no audit log to read", "see where its changes are kept")
    return provider.who(service.id, names, since, until)


def events(answer: WhoAnswer) -> tuple[TimelineEvent, ...]:
    """Return an answer's changes as a timeline has them."""
    return tuple(TimelineEvent(one.began, one.by or "somebody", one.what, answer.log) for one in answer.changes)


def words(answer: WhoAnswer, tz: tzinfo, now: float) -> str:
    """``CloudTrail from 02:12 to 03:27: 2 changes; it may be 15 minutes late: read to 03:12``."""
    count = len(answer.changes)
    found = f"{count} change{'s' if count != 1 else ''} of it" if count else "no change of it was found"
    said = f"{answer.log} from {moment(answer.since, tz, now)} to {moment(answer.until, tz, now)}: {found}"
    if answer.read_from > answer.since:
        said += f"; what was before {moment(answer.read_from, tz, now)} is not read"
    if answer.read_to < answer.until:
        late = round(answer.late_s / 60)
        said += f"; {answer.log} may be {late} minutes late: read to {moment(answer.read_to, tz, now)}"
    return said
