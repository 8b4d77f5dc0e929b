"""Edits of alarms, as changes: one DescribeAlarmHistory of ConfigurationUpdate tells of all alarms.

Facts: CloudWatch's API reference (DescribeAlarmHistory: a hundred items a page, kept for 30 days; it names nobody: who
edited an alarm is CloudTrail's to tell). Its guide does not describe HistoryData, which is JSON with *type* (Create,
Update, Delete), *updatedAlarm* and *originalUpdatedFields*; where it says something else, the summary is told. Times
are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from oncall_tui import errors
from oncall_tui.domain.change import KEPT_S, Change, ChangeKind, newest
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.providers.aws.client.client import AwsClient
from oncall_tui.providers.aws.client.errors import NOT_OFFERED
from oncall_tui.providers.aws.client.rate_limit import Priority, RateLimited
from oncall_tui.providers.aws.cloudwatch import schema as w
from oncall_tui.providers.aws.cloudwatch.alarm_types import ask_most
from oncall_tui.providers.lists import UNDECODABLE, Damage
from oncall_tui.providers.paging import Paging
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import decoder

EVERY_S = 300.0
SOON_S = 5.0  # between two readings where an alarm fires anew: its edit may be why
OVERLAP_S = 300.0  # of two readings, for what is told late
DENIED_S = 900.0
AGAIN_S = 60.0  # after what failed
LACKING_S = 600.0  # what fails is a problem of the source once nothing came for so long: a hiccup is none
PAGES, PAGE = 5, 100
SCOPE = "edits of alarms"
TRACKING = "TargetTracking-"  # the alarms that target-tracking scaling makes and edits for itself
_WORDS = {"Create": "creation", "Update": "edit", "Delete": "deletion"}
_SUMMARY = re.compile(r"\b(created|updated|deleted)\b", re.IGNORECASE)
_DONE = {"created": "Create", "updated": "Update", "deleted": "Delete"}
_SHORT = (int, float, bool, str)


class AlarmEdit(msgspec.Struct, gc=False, rename="camel"):
    """The data of a ConfigurationUpdate, which is JSON in text."""

    type: str = ""
    updated_alarm: dict[str, object] = {}
    original_updated_fields: dict[str, object] = {}


class AlarmEdits:
    """The edits of the last day, read when they are due. Used by the poller's thread alone."""

    def __init__(self, source: str, client: AwsClient, clock: Clock, show_target_tracking: bool) -> None:
        self._source, self._client, self._clock = source, client, clock
        self._tracking = show_target_tracking
        self._account = self._region = ""
        self._found: tuple[Change, ...] = ()
        self._read_to = 0.0  # epoch seconds
        self._due = self._asked = 0.0  # monotonic seconds
        self._soon = False
        self._good_at = clock.monotonic()
        self.problems: tuple[PartialFailure, ...] = ()

    @property
    def found(self) -> tuple[Change, ...]:
        """The newest first."""
        return self._found

    def place(self, account: str, region: str) -> None:
        """Say whose alarms these are, since others have alarms of the same names. Empty: not known yet."""
        if (account, region) != (self._account, self._region):
            self._account, self._region = account, region
            self._found = tuple(msgspec.structs.replace(one, account=account, region=region) for one in self._found)

    def again(self) -> None:
        """Be due at once where they were denied, or failed: the login, or its rights, may be others now."""
        if self.problems:
            self._due = 0.0

    def read(self, soon: bool = False) -> None:
        """Read them where that is due; *soon*: an alarm fires that did not.

        What cannot be read is a problem of its own; never raises SourceError."""
        moment = self._clock.monotonic()
        self._soon = (self._soon or soon) and not self.problems
        if moment < self._due and not (self._soon and moment - self._asked >= SOON_S):
            return
        self._asked, self._soon = moment, False
        wait = EVERY_S
        try:
            self._read(self._clock.now())
            self._good_at = moment
        except RateLimited as later:
            wait = later.wait_s
        except errors.SourceError as error:
            denied = isinstance(error, NOT_OFFERED)
            if denied or moment - self._good_at >= LACKING_S:
                hint = "needs cloudwatch:DescribeAlarmHistory on *" if isinstance(error, errors.Denied) else error.hint
                self.problems = (PartialFailure(SourceState(error.state), SCOPE, error.message, hint),)
            wait = DENIED_S if denied else AGAIN_S
        self._due = moment + wait

    def _read(self, now: float) -> None:
        since = max(now - KEPT_S, self._read_to - OVERLAP_S)
        (found, problems), _, _ = ask_most(lambda types: self._pages(types, since))
        made = (self._change(item) for item in found)
        self._found = newest((*self._found, *(one for one in made if one is not None)), now)
        self._read_to, self.problems = now, tuple(problems)

    def _pages(self, types: list[str], since: float) -> tuple[list[w.CloudWatchHistoryItem], list[PartialFailure]]:
        found: list[w.CloudWatchHistoryItem] = []
        damage, paging = Damage(), Paging("", most=PAGES)
        for token in paging:
            page = self._client.read(
                w.DescribeAlarmHistory,
                "DescribeAlarmHistory",
                Priority.ACT if token else Priority.SWEEP,  # what was begun is ended
                damage,
                AlarmTypes=types,
                HistoryItemType="ConfigurationUpdate",
                StartDate=datetime.fromtimestamp(since, UTC),
                MaxRecords=PAGE,
                ScanBy="TimestampDescending",
                **({"NextToken": token} if token else {}),
            )
            found += page.alarm_history_items
            paging.follow(page.next_token)
        return found, [*damage.problems(SCOPE), *paging.problems(SCOPE, len(found))]

    def _change(self, item: w.CloudWatchHistoryItem) -> Change | None:
        at, name = w.seconds(item.timestamp), item.alarm_name
        if at is None or not name or (name.startswith(TRACKING) and not self._tracking):
            return None
        try:
            edit = decoder(AlarmEdit).decode(item.history_data)
        except UNDECODABLE:  # it may be cut off
            edit = AlarmEdit()
        said = _SUMMARY.search(item.history_summary)
        kind = edit.type if edit.type in _WORDS else _DONE[said[1].lower()] if said else "Update"
        fields = differences(edit)
        one = len(fields) == 1
        return Change(
            id=f"{self._source}/edit:{name}:{int(at * 1000)}",
            source=self._source,
            kind=ChangeKind.ALARM,
            what=f"{fields[0]} of alarm {name}" if one else f"{_WORDS[kind]} of alarm {name}",
            resource=name,
            began=at,
            ended=at,
            text=", ".join(fields) if fields and not one else item.history_summary,
            account=self._account,
            region=self._region,
        )


def differences(edit: AlarmEdit) -> list[str]:
    """``threshold 10 → 50``: what an edit changed, as far as that is short."""
    told = []
    for field, old in edit.original_updated_fields.items():
        new = edit.updated_alarm.get(field)
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field).lower()
        if isinstance(old, _SHORT) and isinstance(new, _SHORT) and len(f"{old}{new}") <= 40:
            told.append(f"{name} {_short(old)} → {_short(new)}")
        else:
            told.append(name)
    return told


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
