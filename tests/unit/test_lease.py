"""The recorder's lease: one has it, a killed one gives it back at once, and one that hangs loses it within a minute."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from oncall_tui.domain.board import merge
from oncall_tui.engine.engine import Update
from oncall_tui.engine.recorder_watch import NONE, RecorderWatch
from oncall_tui.errors import JournalError
from oncall_tui.journal.lease import LOST_S, RENEWED_S, FileLease
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.triager import Rules, Triager
from oncall_tui.tui.presenters import status_lines as headline
from oncall_tui.tui.screens.detail.pane import source_lines


def lease(folder: Path, clock: FakeClock) -> FileLease:
    return FileLease(folder / "journal.db", clock, pause=lambda _seconds: None)


def test_one_has_it_and_the_other_as_soon_as_it_is_given_back(tmp_path: Path) -> None:
    clock = FakeClock()
    first, second = lease(tmp_path, clock), lease(tmp_path, clock)
    assert first.holder() is None
    assert first.take()
    assert not second.take()
    clock.advance(RENEWED_S)
    assert first.take()
    holder = second.holder()
    assert holder is not None
    assert (holder.pid, holder.since, holder.at) == (os.getpid(), clock.now() - RENEWED_S, clock.now())
    first.release()
    assert second.holder() is None
    assert second.take()
    assert not first.take()
    second.release()


def test_a_killed_recorder_gives_it_back(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from oncall_tui.journal.lease import FileLease;"
        "from oncall_tui.runtime.clock import SystemClock;"
        "print(FileLease(Path(sys.argv[1]), SystemClock()).take(), flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "journal.db")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        other = lease(tmp_path, FakeClock())
        assert not other.take()
        holder = other.holder()
        assert holder is not None
        assert holder.pid == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        assert other.holder() is None
        assert other.take()
        other.release()
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()  # type: ignore[union-attr]


def test_what_hangs_loses_it_within_a_minute_and_finds_that_out(tmp_path: Path) -> None:
    clock = FakeClock()
    hangs, waits = lease(tmp_path, clock), lease(tmp_path, clock)
    assert hangs.take()
    waited = 0.0
    while not waits.take():
        waited += RENEWED_S
        clock.advance(RENEWED_S)
    assert LOST_S <= waited < 60.0
    assert not hangs.take()  # it woke up: it has lost it, and stands by
    assert waits.take()
    assert not hangs.take()
    waits.release()
    assert hangs.take()
    hangs.release()


def test_of_two_that_stand_by_one_takes_it(tmp_path: Path) -> None:
    clock = FakeClock()
    hangs, others = lease(tmp_path, clock), [lease(tmp_path, clock) for _ in range(3)]
    assert hangs.take()
    for _ in range(30):
        clock.advance(RENEWED_S)
        held = [other.take() for other in others]
        assert sum(held) <= 1
    assert sum(other.take() for other in others) == 1
    for other in (hangs, *others):
        other.release()


def test_a_holder_that_renews_keeps_it_whatever_the_wall_clock_says(tmp_path: Path) -> None:
    clock = FakeClock()
    first, second = lease(tmp_path, clock), lease(tmp_path, clock)
    assert first.take()
    for step in range(60):
        clock.advance(RENEWED_S)
        clock.step(-3600.0 if step % 2 else 3600.0)
        assert first.take()
        assert not second.take()
    first.release()


def test_where_there_can_be_no_lease_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "journal.db.recorder").mkdir()
    with pytest.raises(JournalError, match=r"lease .* cannot be taken: Is a directory"):
        lease(tmp_path, FakeClock()).take()


def test_the_board_says_whether_a_recorder_watches_and_since_when(tmp_path: Path) -> None:
    clock, told = FakeClock(), []
    recorder, seen = lease(tmp_path, clock), lease(tmp_path, clock)
    watch = RecorderWatch(seen, clock, lambda: told.append(1))
    watch.read()
    assert watch.words == (NONE,)
    recorder.take()
    watch.read()
    clock.advance(RENEWED_S)
    recorder.take()
    watch.read()
    assert watch.words[0].startswith("watches since 08:00 UTC (")
    assert f"pid {os.getpid()}" in watch.words[0]
    assert len(told) == 2  # nothing is drawn anew because it was renewed
    clock.advance(LOST_S + 1)
    watch.read()
    assert watch.words[0].startswith("did not answer since 08:00 UTC (")
    recorder.release()
    watch.read()
    assert watch.words == (NONE,)
    (tmp_path / "journal.db.recorder").write_text("no JSON {")
    assert recorder.take()  # whatever stood there
    recorder.release()


def test_the_header_says_since_when_where_there_is_room_and_i_says_all() -> None:
    since = 1_800_000_000.0  # 08:00 UTC
    triaged = Triager(Rules()).triage(merge(1, since + 60, (), ()))
    update = Update(triaged=triaged, recorder=("watches since 08:00 UTC", "reads for this board"), recorder_since=since)
    wide, narrow = ("".join(text for text, _ in headline.left(update, "Alice", False, w)) for w in (True, False))
    assert wide.endswith(" · recorder since 08:00")
    assert "recorder" not in narrow
    told = ["".join(text for text, _ in line) for line in source_lines(update, since + 60)]
    assert told[-2:] == [" recorder     watches since 08:00 UTC", " recorder     reads for this board"]
    none = msgspec.structs.replace(update, recorder=(NONE,), recorder_since=None)
    assert "recorder" not in "".join(text for text, _ in headline.left(none, "Alice", False, True))
