"""Sentry's issues that are resolved now: when each came up, came back and was resolved, and who was given it.

Facts: Sentry's API documents and getsentry/sentry (ActivityType). "List an Organization's Issues" takes ``start`` and
``end`` (by when an issue was seen), 90 days at the most; an issue's own answer has its ``activity``, the newest first:
``set_resolved…``, ``set_regression``, ``set_unresolved``, ``assigned``. That is one call an issue, and counts as a view
of it by the token's user. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import msgspec

from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan, ToldFiring
from oncall_tui.providers.http import DecodeCache, Http, stamp
from oncall_tui.providers.lists import Damage, items, listing
from oncall_tui.providers.sentry.api import SentryApi, next_cursor
from oncall_tui.providers.sentry.assignee import given_by_a_rule
from oncall_tui.providers.sentry.mapping import row
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import Activity, SentryIssue
from oncall_tui.text.time_format import rfc3339

ISSUES = 25  # a page of ours: as many calls, so that little is read again after an interruption
KEPT_S = 90 * 86_400.0
_BACK = ("set_regression", "set_unresolved")


class SentryPast:
    """Reads one organization's past, a page of issues at a time, the youngest first (base.SupportsHistory)."""

    def __init__(self, options: SentryOptions, api: SentryApi, http: Http) -> None:
        self._options, self._api, self._http = options, api, http

    def page(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read one page: *after* is Sentry's cursor. Raises errors.SourceError."""
        calls = self._http.calls
        since = max(span.since, span.until - KEPT_S)
        raws, headers = self._api.past_issues(rfc3339(since), rfc3339(span.until), after, ISSUES)
        issues, damage = DecodeCache(SentryIssue, self._with_a_row).take(raws)
        damage.raise_if_all(self._http.host, "issues")
        of_activity = Damage()
        firings: list[ToldFiring] = []
        for issue in issues:
            whole = self._api.issue(issue.id)
            firings += self._firings(issue, whole or issue, of_activity)
        words = "Sentry lists 90 days of issues, and tells nothing of what was before"
        before = [PartialFailure(SourceState.OK, "issues", words)] if since > span.since + 2 * 86_400.0 else []
        youngest = min((f.alert.began for f in firings), default=span.until)
        return HistoryPage(
            after=next_cursor(headers) or None,
            read_to=span.until,
            how_far=f"back to issues of {rfc3339(youngest)[:10]}",
            firings=tuple(firings),
            problems=(*before, *damage.problems("issues"), *of_activity.problems("activities")),
            may_change_from=span.since,  # an older issue that is resolved later is in no list until then
            calls=self._http.calls - calls,
        )

    def _with_a_row(self, issue: SentryIssue) -> SentryIssue:
        row(self._options, issue)
        return issue

    def _firings(self, issue: SentryIssue, whole: SentryIssue, damage: Damage) -> list[ToldFiring]:
        """The times in which it was unresolved, oldest first."""
        alert = row(self._options, issue, read_only=True)
        events: list[tuple[float, Activity]] = []
        for entry in items(whole.activity or listing(()), Activity, damage):
            if (at := stamp(entry.dateCreated)) is None:
                damage.lose(f"{entry.type or 'an entry'} of {issue.shortId or issue.id} without a time")
            else:
                events.append((at, entry))
        events.sort(key=lambda event: event[0])
        found: list[ToldFiring] = []
        now: ToldFiring | None = ToldFiring(alert=alert)
        for at, entry in events:
            if entry.type.startswith("set_resolved") and now is not None and at >= now.alert.began:
                found.append(msgspec.structs.replace(now, ended=at))
                now = None
            elif entry.type in _BACK and now is None:
                now = ToldFiring(alert=msgspec.structs.replace(alert, began=at))
            elif entry.type == "assigned" and now is not None:
                now = _taken(now, at, entry, issue)
        if now is not None:  # it is resolved, and what is told of it does not say since when
            last = stamp(issue.lastSeen)
            found.append(msgspec.structs.replace(now, ended=max(now.alert.began, last or 0.0), end_known=False))
        return found


def _taken(now: ToldFiring, at: float, entry: Activity, issue: SentryIssue) -> ToldFiring:
    """The firing with whom it was assigned to at *at* (epoch seconds), unless a rule did that, or somebody had it."""
    if now.acknowledged_at is not None or given_by_a_rule(entry):
        return now
    return msgspec.structs.replace(now, acknowledged_at=at, acknowledged_by=_given_to(entry, issue))


def _given_to(entry: Activity, issue: SentryIssue) -> str:
    """The name of whom it was assigned to, as far as Sentry tells."""
    data = entry.data if isinstance(entry.data, dict) else {}
    held = issue.assignedTo
    if held is not None and str(held.id) == str(data.get("assignee")):
        return held.label
    return str(data.get("assigneeEmail") or (entry.user.label if entry.user else ""))
