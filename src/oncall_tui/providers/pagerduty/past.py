"""PagerDuty's incidents of the past: when each began and ended, and who acknowledged it first.

Facts: PagerDuty's OpenAPI file. ``GET /incidents`` takes a window of six months at the most, lists by ``created_at``
and refuses offset + limit over 10,000; a resolved incident does not say who acknowledged it: its log does
(``acknowledge_log_entry``, with its agent). Which ECS service it is of, only its alerts tell. So an incident costs two
calls, of the 960 a minute that a key has. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from oncall_tui import errors
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan, ToldFiring
from oncall_tui.providers.http import DecodeCache, Http, NotFound, stamp
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.pagerduty.api import LAST, PAGE, PagerDutyApi
from oncall_tui.providers.pagerduty.incident_labels import NONE, Details, details
from oncall_tui.providers.pagerduty.mapping import row
from oncall_tui.providers.pagerduty.schema import LogEntry, PagerDutyIncident
from oncall_tui.providers.paging import Paging
from oncall_tui.text.time_format import rfc3339

INCIDENTS = 25  # a page of ours: about fifty calls, so that little is read again after an interruption
WINDOW_S = 7 * 86_400.0  # one list: ten thousand a week can be had
LOG_PAGES = 5  # of one incident; five hundred entries


class PagerDutyPast:
    """Reads one account's past, a page of incidents at a time (base.SupportsHistory)."""

    def __init__(self, source: str, api: PagerDutyApi, http: Http) -> None:
        self._source, self._api, self._http = source, api, http
        self._off: dict[str, PartialFailure] = {}  # what this token may not read, by what it is

    def page(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read one page: *after* is ``WINDOW:OFFSET``. Raises errors.SourceError."""
        calls = self._http.calls
        number, offset = (int(part) for part in (after or "0:0").split(":"))
        since = span.since + number * WINDOW_S
        until = min(since + WINDOW_S, span.until)
        told = self._api.past_incidents(rfc3339(since), rfc3339(until), offset, INCIDENTS)
        logs, alerts = Damage(), Damage()
        incidents, damage = DecodeCache(PagerDutyIncident, self._with_a_row).take(told.incidents)
        damage.raise_if_all(self._http.host, "incidents")
        firings = [self._firing(incident, logs, alerts) for incident in incidents]
        problems = [*self._off.values(), *damage.problems("incidents")]
        problems += [*logs.problems("log entries"), *alerts.problems("incidents' alerts")]
        following, read_to = f"{number}:{offset + INCIDENTS}", until
        if told.more and told.incidents and offset + 2 * INCIDENTS <= LAST:
            read_to = min(until, max((f.alert.began for f in firings), default=since))
        else:
            if told.more and told.incidents:
                words = f"over {LAST:,} began in a week, and the API shows no more than that"
                problems.append(PartialFailure(SourceState.DENIED, "incidents", words, "narrow it: teams, services"))
            following = f"{number + 1}:0"
        return HistoryPage(
            after=None if read_to >= span.until and following.endswith(":0") else following,
            read_to=read_to,
            firings=tuple(firings),
            problems=tuple(problems),
            wait_s=self._api.reset_s if self._api.low else 0.0,
            calls=self._http.calls - calls,
        )

    def _with_a_row(self, incident: PagerDutyIncident) -> PagerDutyIncident:
        """The incident, where a row can be made of it: no call is made for any other. Raises ValueError."""
        row(self._source, incident)
        return incident

    def _firing(self, incident: PagerDutyIncident, logs: Damage, alerts: Damage) -> ToldFiring:
        """One incident with what only its log and its alerts tell. Raises SourceError."""
        known = self._details(incident, alerts)
        alert = row(self._source, incident, known)
        at, by = self._acknowledged(incident.id, logs)
        ended = stamp(incident.resolved_at) or stamp(incident.last_status_change_at)
        return ToldFiring(
            alert=alert,
            ended=ended if incident.status == "resolved" else None,
            acknowledged_at=at,
            acknowledged_by=by,
        )

    def _details(self, incident: PagerDutyIncident, damage: Damage) -> Details:
        if "alerts" in self._off:
            return NONE
        try:
            return details(self._api.alerts(incident.id, damage))
        except (errors.Denied, errors.Malformed) as error:
            self._lacks("alerts", "incidents' alerts", error)
            return NONE

    def _acknowledged(self, incident_id: str, damage: Damage) -> tuple[float | None, str]:
        """When it was acknowledged first, and by whom. Raises SourceError."""
        if "log" in self._off:
            return None, ""
        first: tuple[float, str] | None = None
        paging = Paging(0, most=LOG_PAGES)
        for offset in paging:
            try:
                answer = self._api.past_log(incident_id, offset)
            except NotFound:  # deleted, or merged, between the two reads
                break
            except (errors.Denied, errors.Malformed) as error:
                self._lacks("log", "who acknowledged", error)
                break
            if not paging.follow(offset + PAGE if answer.more else None, answer.log_entries):
                break
            for entry in items(answer.log_entries, LogEntry, damage):
                if entry.type != "acknowledge_log_entry":
                    continue
                at = stamp(entry.created_at)
                if at is None:
                    damage.lose(f"an acknowledgement of {incident_id} without a time")
                elif first is None or at < first[0]:
                    first = at, entry.agent.label if entry.agent else ""
        return first or (None, "")

    def _lacks(self, what: str, scope: str, error: errors.SourceError) -> None:
        self._off[what] = PartialFailure(SourceState(error.state), scope, error.message, error.hint)
