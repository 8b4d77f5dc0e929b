"""Who changed a service, as the detail asks for it and words it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support.fakes import FakeProvider, service

from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.errors import SourceError
from oncall_tui.inspection import who
from oncall_tui.inspection.timeline import merge_timeline

NOW = 1_800_000_000.0
TOKYO = ZoneInfo("Asia/Tokyo")
EDIT = Change(
    id="prod/cloudtrail:1",
    source="prod",
    kind=ChangeKind.CONFIGURATION,
    what="edit of target group api",
    resource="api",
    began=NOW - 1200,
    ended=NOW - 1200,
    by="alice",
)


def answer(
    *changes: Change, until: float = NOW, read_to: float = NOW - 900, read_from: float = NOW - 3600
) -> WhoAnswer:
    return WhoAnswer(
        source="prod",
        log="CloudTrail",
        changes=changes,
        since=NOW - 3600,
        until=until,
        read_from=read_from,
        read_to=read_to,
        late_s=900.0,
    )


def test_an_answer_says_how_far_it_was_read() -> None:
    late = "; CloudTrail may be 15 minutes late: read to 16:45"
    assert who.words(answer(EDIT), TOKYO, NOW) == f"CloudTrail from 16:00 to 17:00: 1 change of it{late}"
    cut = who.words(answer(EDIT, EDIT, read_from=NOW - 2400), TOKYO, NOW)
    assert cut == f"CloudTrail from 16:00 to 17:00: 2 changes of it; what was before 16:20 is not read{late}"
    nothing = who.words(answer(until=NOW - 1800, read_to=NOW - 1800), TOKYO, NOW)
    assert nothing == "CloudTrail from 16:00 to 16:30: no change of it was found"


def test_its_changes_stand_in_the_timeline_with_who_and_where() -> None:
    (entry,) = merge_timeline(told={"prod/CloudTrail": who.events(answer(EDIT))})
    assert (entry.at, entry.by, entry.text, entry.where) == (EDIT.began, "alice", EDIT.what, "CloudTrail")


def test_a_source_without_an_audit_log_says_so() -> None:
    provider: Any = FakeProvider("prod")
    with pytest.raises(SourceError, match="prod has no audit log to read"):
        who.ask(provider, service(), (), NOW - 3600, NOW)
