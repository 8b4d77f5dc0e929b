"""Times in ALARM of the past, from the history that CloudWatch keeps of its alarms.

Facts: CloudWatch's API reference. DescribeAlarmHistory without a name lists all alarms' items, a hundred a page, oldest
first where ``ScanBy`` says so; they are kept for 30 days, those of deleted alarms too. An item of the type StateUpdate
has ``oldState`` and ``newState`` in its data, which is JSON in a text of at most 4,095 characters, and names no person.
Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from oncall_tui.domain.alert import Alert, ServiceHint
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan, ToldFiring
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import AwsRefusal
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.cloudwatch import mapping
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ALARM_TYPES, ask_most, unread_words
from oncall_tui.providers.aws.options import CloudWatchOptions
from oncall_tui.providers.lists import UNDECODABLE, Damage
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import decoder

PAGE = 100
KEPT_S = 30 * 86_400.0
ALARM = "ALARM"
_SUMMARY = re.compile(r"from (\w+) to (\w+)")


class CloudWatchPast:
    """Reads one source's past, a page of history items at a time (base.SupportsHistory).

    What an alarm is about is read first, from the alarms as they are now: of a deleted one its name alone is left.
    """

    def __init__(self, options: CloudWatchOptions, client: AwsClient, clock: Clock) -> None:
        self._options, self._client, self._clock = options, client, clock
        self._calls: Counter[str] = client.calls
        self._alarms: dict[str, w.CloudWatchAlarm] = {}
        self._token: str | None = ""  # of the alarms' next page; None: all are read
        self._tokens = {""}
        self._types: tuple[str, ...] = ALARM_TYPES
        self._lacks: dict[PartialFailure, None] = {}
        self._hints: Mapping[str, ServiceHint] = {}

    def page(self, span: HistorySpan, after: str) -> HistoryPage:
        """Read one page: *after* is ``TIME TOKEN``. Raises errors.SourceError."""
        calls = self._calls.total()
        at, _, token = after.partition(" ")
        read_to = float(at) if at else span.since
        try:
            if self._token is not None:
                self._read_alarms()
            if self._token is not None:
                return HistoryPage(after=after, read_to=read_to, calls=self._calls.total() - calls)
            try:
                answer, damage = self._items(span.since, span.until, token)
            except AwsRefusal:
                if not token:
                    raise
                answer, damage = self._items(read_to, span.until, "")  # the token of an earlier run is good no more
        except RateLimited as later:
            return HistoryPage(after=after, read_to=read_to, wait_s=later.wait_s, calls=self._calls.total() - calls)
        damage.total = max(damage.total, len(answer.alarm_history_items))
        firings = [told for item in answer.alarm_history_items if (told := self._firing(item, damage)) is not None]
        damage.raise_if_all("CloudWatch", "history items")
        times = [when for item in answer.alarm_history_items if (when := w.seconds(item.timestamp)) is not None]
        read_to = max((read_to, *times)) if answer.next_token else span.until
        problems = (*self._lacks, *damage.problems("history items"), *self._forgotten(span))
        return HistoryPage(
            after=f"{read_to!r} {answer.next_token}" if answer.next_token else None,
            read_to=read_to,
            firings=tuple(firings),
            problems=problems,
            calls=self._calls.total() - calls,
        )

    def _forgotten(self, span: HistorySpan) -> tuple[PartialFailure, ...]:
        """Say that CloudWatch has forgotten a part of what is asked for."""
        if self._clock.now() - span.since <= KEPT_S + 2 * 86_400.0:
            return ()
        words = "CloudWatch keeps an alarm's history for 30 days, and tells nothing of what was before"
        return (PartialFailure(SourceState.OK, "alarms", words),)

    # --- the alarms ---

    def _read_alarms(self) -> None:
        """Read one page of the alarms. Raises SourceError, RateLimited."""
        more = {"NextToken": self._token} if self._token else {}
        damage = Damage()

        def ask(types: list[str]) -> w.DescribeAlarms:
            return self._client.read(
                w.DescribeAlarms,
                "DescribeAlarms",
                Priority.SWEEP,
                damage,
                AlarmTypes=types,
                MaxRecords=PAGE,
                **more,
            )

        answer, self._types, error = ask_most(ask, self._types)
        if error is not None:
            problem = PartialFailure(SourceState(error.state), unread_words(self._types), error.message, error.hint)
            self._lacks[problem] = None
        self._alarms.update((alarm.alarm_name, alarm) for alarm in answer.alarms)
        self._lacks.update(dict.fromkeys(damage.problems("alarms")))
        if answer.next_token in self._tokens - {""}:
            words = "their pages repeat themselves: what comes after them is not known"
            self._lacks[PartialFailure(SourceState.MALFORMED, "alarms", words)] = None
        self._token = None if answer.next_token in self._tokens else answer.next_token
        self._tokens.add(answer.next_token)
        if self._token is None:
            self._hints = {name: mapping.hint(alarm) for name, alarm in self._alarms.items() if not alarm.alarm_rule}

    # --- their history ---

    def _items(self, since: float, until: float, token: str) -> tuple[w.DescribeAlarmHistory, Damage]:
        """One page of items, and what is wrong with them. Raises SourceError, RateLimited."""
        more = {"NextToken": token} if token else {}
        damage = Damage()

        def ask(types: list[str]) -> w.DescribeAlarmHistory:
            return self._client.read(
                w.DescribeAlarmHistory,
                "DescribeAlarmHistory",
                Priority.SWEEP,
                damage,
                AlarmTypes=types,
                HistoryItemType="StateUpdate",
                StartDate=datetime.fromtimestamp(since, UTC),
                EndDate=datetime.fromtimestamp(until, UTC),
                MaxRecords=PAGE,
                ScanBy="TimestampAscending",
                **more,
            )

        answer, _, _ = ask_most(ask, self._types)
        return answer, damage

    def _firing(self, item: w.CloudWatchHistoryItem, damage: Damage) -> ToldFiring | None:
        """The beginning or the end of a time in ALARM; None where the item is neither, or nobody is to see it."""
        at, (old, new) = w.seconds(item.timestamp), _states(item)
        if at is None or not item.alarm_name or not new:
            why = "without a time" if at is None else "without a state"
            damage.lose(f"an item of {item.alarm_name or 'an alarm without a name'} {why}")
            return None
        if ALARM not in (old, new) or old == new:
            return None
        row = self._row(item.alarm_name, at)
        if row is None or row.hidden:
            return None
        return ToldFiring(alert=row) if new == ALARM else ToldFiring(alert=row, ended=at, only_end=True)

    def _row(self, name: str, began: float) -> Alert | None:
        """The row that the board had of it. *began* in epoch seconds."""
        alarm = self._alarms.get(name) or w.CloudWatchAlarm(alarm_name=name, alarm_arn="", state_value=ALARM)
        fired = msgspec.structs.replace(
            alarm,
            state_value=ALARM,
            evaluation_state="",
            actions_suppressed_by="",
            state_reason="",
            state_updated_timestamp=began,
            state_transitioned_timestamp=began,
        )
        o = self._options
        known = mapping.OtherAlarms(self._hints, {})
        return mapping.alert(o.name, fired, None, o.severity, o.show_target_tracking, False, known)


def _states(item: w.CloudWatchHistoryItem) -> tuple[str, str]:
    """The state that it left, and the one that it went to; empty where that is not told."""
    try:
        data = decoder(w.CloudWatchHistoryData).decode(item.history_data)
    except UNDECODABLE:  # a long reason cuts the JSON off
        data = w.CloudWatchHistoryData()
    if data.new_state.state_value:
        return data.old_state.state_value, data.new_state.state_value
    found = _SUMMARY.search(item.history_summary)
    return (found[1], found[2]) if found else ("", "")
