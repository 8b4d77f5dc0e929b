"""When acknowledgements lapse by themselves, and which of them were snoozed.

PagerDuty says neither "snoozed" nor who set an end: a snoozed incident is an acknowledged one whose pending
``unacknowledge`` is at another time than the service's ``acknowledgement_timeout`` after the last acknowledgement (its
OpenAPI file: IncidentAction, Service). The services' time-outs are read seldom.
"""

from __future__ import annotations

from collections.abc import Iterable

from oncall_tui import errors
from oncall_tui.providers.http import stamp
from oncall_tui.providers.pagerduty.api import PagerDutyApi
from oncall_tui.providers.pagerduty.mapping import pending
from oncall_tui.providers.pagerduty.schema import PagerDutyIncident
from oncall_tui.runtime.clock import Clock

KEPT_S = 600.0  # a service's time-out is read again after so long
READ_AT_ONCE = 10  # services in one poll
SLACK_S = 10.0  # between the acknowledgement and what was counted from it
DENIED_S = 300.0


class AckTimeouts:
    """The time-outs of services that hold acknowledged incidents, as far as they are known."""

    def __init__(self, api: PagerDutyApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._known: dict[str, tuple[float, float | None]] = {}
        self._after = 0.0

    def read_missing(self, incidents: Iterable[PagerDutyIncident]) -> None:
        """Read what is missing, a few a call. What cannot be read leaves an incident as acknowledged."""
        now = self._clock.monotonic()
        if now < self._after:
            return
        wanted = {one.service.id for one in incidents if one.service and self._matters(one)}
        missing = [each for each in wanted if now - self._known.get(each, (-KEPT_S, None))[0] >= KEPT_S]
        for service_id in sorted(missing)[:READ_AT_ONCE]:
            try:
                service = self._api.service(service_id)
            except errors.SourceError as error:
                self._after = now + (DENIED_S if isinstance(error, errors.Denied) else 0.0)
                return
            lapse = service.acknowledgement_timeout if service else None
            if service is not None:
                self._known[service_id] = (now, None if lapse is None else float(lapse))

    def snoozed(self, incident: PagerDutyIncident) -> bool:
        """Return whether its end was set by hand. False where it cannot be told."""
        known = self._known.get(incident.service.id) if incident.service else None
        until = pending(incident, "unacknowledge")
        if known is None or until is None or not self._matters(incident):
            return False
        held = max((at for one in incident.acknowledgements or () if (at := stamp(one.at))), default=None)
        lapse = known[1]
        if lapse is None:
            return True
        return held is not None and abs(held + lapse - until) > SLACK_S

    @staticmethod
    def _matters(incident: PagerDutyIncident) -> bool:
        return incident.status == "acknowledged" and pending(incident, "unacknowledge") is not None
