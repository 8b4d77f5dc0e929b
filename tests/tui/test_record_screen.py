"""The record and the follow-ups on screen: what they list, their keys, and that marks go where they are meant to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import Able, service
from tests.support.screen import Rig, on_screen

from oncall_tui import errors
from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.runtime import secret
from oncall_tui.text.time_format import configured_zone, moment
from oncall_tui.tui.screens.detail.screen import DetailScreen
from oncall_tui.tui.screens.record.follow_ups import FollowUpScreen
from oncall_tui.tui.screens.record.record import RecordScreen

DAY = 86_400.0
HOUR = 3600.0


def fired(rig: Rig, days_ago: float, subject: str = "prod/a", title: str = "5xx rate", **data: Any) -> list[Entry]:
    """One episode of ten minutes, as a board saw it."""
    at = rig.clock.now() - days_ago * DAY
    about = {"key": subject, "provider": "fake", "began": at, **data}
    return [
        Entry(at=at, kind=EntryKind.ALERT, subject=subject, text=title, data={"new": "firing", **about}),
        Entry(at=at + 600, kind=EntryKind.ALERT, subject=subject, text=title, data={"new": "resolved", **about}),
    ]


def world(folder: Path, **more: Any) -> Rig:
    """An alert that fires for the fourth time in a month, and another one."""
    rig = Rig(folder, Able("prod"), **more)
    now = rig.clock.now()
    rig.provider.services["prod/main/api"] = service("prod/main/api")
    rig.provider.add("a", title="5xx rate", hint=ServiceHint(service="api"), began=now - 120)
    rig.provider.add("b", title="queue depth", began=now - 60)
    mine = {"service": "prod/main/api"}
    entries = [e for days in (3, 9, 20) for e in fired(rig, days, **mine)]
    entries += fired(rig, 5, "prod/c", "disk full")
    rig.engine.journal.must(*sorted(entries, key=lambda e: e.at))
    rig.engine.remembers = True
    return rig


async def remembered(rig: Rig) -> None:
    """Have the rows read from the record, and drawn."""
    rig.engine._remember()
    await rig.settle()
    rig.looked()


async def record(rig: Rig) -> RecordScreen:
    await rig.press("t")
    screen = rig.pilot.app.screen
    assert isinstance(screen, RecordScreen)
    return screen


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_row_says_how_often_it_came_and_its_detail_what_was_done(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, size):
        await remembered(rig)
        line = next(row for row in rig.text().splitlines() if "5xx rate" in row)
        assert "×4/30d" in line
        assert "/30d" not in next(row for row in rig.text().splitlines() if "queue depth" in row)
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.press("enter", "6")
        text = " ".join(rig.text().split())
        assert "fired 4 times in 30 days" in text
        assert "for at most 10m: nothing was done; it came back after at least 2d" in text
        assert "never acted on in 4 firings" in text


async def test_the_record_goes_from_the_alert_to_everything_and_lists_what_resolved_long_ago(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        screen = await record(rig)
        assert [e.text for e in screen.listed] == ["5xx rate"] * 4
        assert "alert 5xx rate" in rig.text()
        await rig.press("s")
        assert screen.scope.kind == "service"
        assert len(screen.listed) == 4
        await rig.press("s")
        assert screen.scope.kind == "everything"
        assert {e.text for e in screen.listed} == {"5xx rate", "queue depth", "disk full"}
        await rig.press("slash", *"disk", "enter")
        assert [e.text for e in screen.listed] == ["disk full"]
        await rig.press("escape")
        assert len(screen.listed) == 6
        await rig.press("escape")
        assert rig.pilot.app.screen is rig.board


async def test_what_certainly_fires_now_is_said_to_and_what_is_not_read_is_not(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        screen = await record(rig)
        assert screen.listed[0].state == "still firing"
        assert [e.state for e in screen.listed[1:]] == ["for at most 10m"] * 3
        await rig.press("enter")
        assert "ended    still firing" in rig.text()
        await rig.press("escape", "escape")
        rig.provider.read_raises = [errors.Offline("no route")]
        rig.refresh()
        await remembered(rig)
        screen = await record(rig)
        assert screen.listed[0].state == "still firing, or its end is not known"


async def test_a_jump_lists_what_was_up_to_then_and_a_wrong_time_says_what_would_do(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        screen = await record(rig)
        await rig.press("at")
        await rig.modal()
        await rig.press(*"yesterdayish", "enter")
        assert "expected a time" in " ".join(rig.text().split())
        await rig.press(*["backspace"] * 12, *"8d", "enter")
        assert [round((rig.clock.now() - e.at) / DAY) for e in screen.listed] == [9, 20]
        await rig.press("right_square_bracket")
        assert len(screen.listed) == 4


async def test_one_key_marks_the_episode_that_goes_on_and_steps_on(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.press("v")
        assert "5xx rate: marked as actionable; v again: noise" in rig.text()
        await rig.press("v")
        marks = rig.engine.journal.recent(10, (EntryKind.MARK,))
        assert [m.data["mark"] for m in marks] == ["actionable", "noise"]
        began = int(rig.provider.alerts["prod/a"].began)
        assert {m.subject for m in marks} == {f"prod/a@{began}"}
        assert {m.actor for m in marks} == {"Alice"}
        await remembered(rig)
        assert "×4/30d noise" in next(row for row in rig.text().splitlines() if "5xx rate" in row)
        rig.engine.memory.history.catch_up()
        newest = rig.engine.memory.newest("prod/a")
        assert newest is not None
        assert (newest.mark, newest.marked_by) == ("noise", "Alice")


async def test_marked_rows_are_marked_together_by_one_pick(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        await rig.press("asterisk", "v")
        await rig.modal()
        assert "Mark the episodes of 2 rows as" in rig.text()
        await rig.press("j", "enter")
        await rig.settle()
        marks = rig.engine.journal.recent(10, (EntryKind.MARK,))
        assert {(m.data["alert"], m.data["mark"]) for m in marks} == {("prod/a", "noise"), ("prod/b", "noise")}
        assert "2 rows: marked as noise" in rig.text()


async def test_read_only_marks_nothing(tmp_path: Path) -> None:
    rig = world(tmp_path, read_only=True)
    async with on_screen(rig):
        await remembered(rig)
        await rig.press("v")
        assert "read only" in rig.text()
        assert rig.engine.journal.recent(10, (EntryKind.MARK,)) == []


async def test_many_episodes_of_a_handovers_time_are_marked_at_once(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        await remembered(rig)
        await rig.press("h")
        await rig.modal()
        await rig.press("v")
        screen = rig.pilot.app.screen
        assert isinstance(screen, RecordScreen)
        assert {e.text for e in screen.listed} == {"5xx rate", "queue depth"}
        await rig.press("asterisk", "v")
        marks = rig.engine.journal.recent(10, (EntryKind.MARK,))
        assert {(m.data["alert"], m.data["mark"]) for m in marks} == {
            ("prod/a", "actionable"),
            ("prod/b", "actionable"),
        }
        assert "2 episodes marked actionable" in rig.text()


async def test_a_follow_up_is_opened_from_a_row_and_stands_there_when_it_fires(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig, (80, 24)):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        await rig.press("w")
        screen = rig.pilot.app.screen
        assert isinstance(screen, FollowUpScreen)
        await rig.press("n")
        await rig.modal()
        await rig.press(*"why at night", "enter", "enter")
        await rig.settle()
        (one,) = screen.found
        assert (one.title, one.owner, one.alerts) == ("why at night", "Alice", ("prod/a",))
        await rig.press("s")
        assert screen.found[0].state == "looking"
        await rig.press("escape")
        await remembered(rig)
        since = moment(one.opened_at, configured_zone(), rig.clock.now())
        assert f"follow-up  why at night · looking · owner Alice, since {since}" in rig.text()
        await rig.press("enter", "6")
        assert "why at night · looking" in " ".join(rig.text().split())
        assert isinstance(rig.pilot.app.screen, DetailScreen)


async def test_a_change_of_what_another_session_changed_is_refused_in_words(tmp_path: Path) -> None:
    rig = world(tmp_path)
    async with on_screen(rig):
        made = rig.engine.memory.follow_ups.add("why", "Alice", [], "Alice")
        await rig.press("w")
        other = {**made.data(), "owner": "Bob"}
        entry = Entry(at=rig.clock.now(), kind=EntryKind.FOLLOW_UP, subject=made.id, actor="Bob", data=other)
        rig.engine.journal.must(entry)
        await rig.press("s")
        assert "Bob changed it meanwhile" in rig.text()
        await rig.press("r", "s")
        assert rig.engine.memory.follow_ups.current[made.id].state == "looking"


@pytest.mark.parametrize("suffix", [".md", ".csv", ".jsonl"])
async def test_an_export_is_a_new_file_of_its_owner_and_overwrites_none(tmp_path: Path, suffix: str) -> None:
    rig = world(tmp_path)
    wanted = tmp_path / f"night{suffix}"
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        screen = await record(rig)
        for _ in range(2):
            await rig.press("w")
            form = await rig.modal()
            form.query_one("#file").value = str(wanted)  # type: ignore[attr-defined]
            await rig.press("enter")
            await rig.settle()
        assert f"{wanted} is there already" in " ".join(rig.text().split())
        assert len(screen.listed) == 4
    assert wanted.stat().st_mode & 0o777 == 0o600
    text = wanted.read_text()
    assert text.count("5xx rate") == 4
    if suffix == ".jsonl":
        assert all(json.loads(line)["time"].endswith("Z") for line in text.splitlines())


async def test_an_empty_board_has_a_record_too_and_a_journal_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    rig = Rig(tmp_path, Able("prod"))
    rig.engine.journal.must(*fired(rig, 5, "prod/c", "disk full"))
    async with on_screen(rig):
        screen = await record(rig)
        assert [e.text for e in screen.listed] == ["disk full"]
        await rig.press("escape")
        rig.engine.journal.path.write_bytes(b"no database at all" * 100)
        rig.engine.journal.path.chmod(0)
        rig.engine.journal._with_store = _away  # type: ignore[method-assign]
        await rig.press("t")
        assert "the disk is away" in rig.text()


def _away(*_: object, **__: object) -> object:
    from oncall_tui.errors import JournalError

    raise JournalError("the disk is away", "check the disk")


async def test_an_incident_whose_key_holds_a_secret_is_found_as_the_journal_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "_known", {"pass-of-the-drill"})
    rig = Rig(tmp_path, Able("pager"))
    rig.engine.journal._redact = secret.redact
    rig.engine.remembers = True
    now = rig.clock.now()
    rig.provider.add("Q1", title="5xx", provider="pagerduty", keys=("dedup:pass-of-the-drill/api",), began=now - 60)
    key = "dedup:•••/api"
    rig.engine.journal.must(*fired(rig, 4, "pager/Q0", "5xx", key=key), *fired(rig, 2, "pager/Q9", "5xx", key=key))
    async with on_screen(rig):
        await remembered(rig)
        assert "×3/30d" in rig.text()
        screen = await record(rig)
        assert [e.text for e in screen.listed if e.kind == "alert"] == ["5xx"] * 3
        await rig.press("escape", "v")
        (mark,) = rig.engine.journal.recent(1, (EntryKind.MARK,))
        assert mark.subject == f"{key}@{int(now - 60)}"
        rig.engine.memory.history.catch_up()
        assert [e.mark for e in rig.engine.memory.episodes(0.0, now + 1, alert=key)] == ["", "", "actionable"]


async def test_what_was_done_to_its_incident_was_done_about_the_alert(tmp_path: Path) -> None:
    rig = world(tmp_path)
    at = rig.clock.now() - 2 * DAY
    same = {"problem": "pager/Q7", "service": "prod/main/api"}
    incident = fired(rig, 2, "pager/Q7", "5xx", key="dedup:api", provider="pagerduty", pages=True, problem="pager/Q7")
    plan = {"verb": "acknowledge", "target": "pager/Q7", "source": "pager", "request": {}}
    full = {"id": "p7", "version": "v", "actor": {"name": "Bob"}, "made_at": at, "title": "acknowledge 5xx", **plan}
    acted = [
        Entry(
            at=at + 60, kind=EntryKind.INTENT, subject="p7", actor="Bob", text="acknowledge 5xx", data={"plan": full},
        ),
        Entry(
            at=at + 61, kind=EntryKind.OUTCOME, subject="p7", actor="Bob", text="acknowledged",
            data={"state": "done", "verb": "acknowledge", "target": "pager/Q7", "receipt": None},
        ),
    ]  # fmt: skip
    entries = [*fired(rig, 2, **same), *incident, *acted]
    rig.engine.journal.must(*sorted(entries, key=lambda e: e.at))
    async with on_screen(rig):
        await remembered(rig)
        rig.board.session.tables["alerts"].move_to("prod/a")
        screen = await record(rig)
        assert [e.text for e in screen.listed if e.kind == "action"] == ["acknowledge 5xx"]
        await rig.press("escape", "enter", "6")
        assert "Bob: acknowledge 5xx (done)" in " ".join(rig.text().split())
