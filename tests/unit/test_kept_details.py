"""A recorder keeps what ECS and an Alertmanager forget: steps, reasons, labels. A board does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from tests.support.fakes import alert, deploy
from tests.unit.test_triage import board

from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.board import Board
from oncall_tui.domain.deploy import DeployState, TaskFailure
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.engine.kept_details import AGAIN_S
from oncall_tui.engine.recorder import ChangeRecorder
from oncall_tui.journal import Journal
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.triage.episodes import Episodes
from oncall_tui.triage.triager import Rules, Triager


class Bench:
    def __init__(self, folder: Path, details: bool = True) -> None:
        self.clock = FakeClock()
        self.journal = Journal(folder / "journal.db", self.clock.now)
        self.triager, self.board = Triager(Rules()), Board(version=0, at=0.0)
        self.recorder = ChangeRecorder(self.journal, Episodes())
        if details:
            self.recorder.keep_details()
        self.recorder.remember()
        self.recorder.recall()

    def sees(self, *rows: Any) -> None:
        triaged = self.triager.triage(board(*rows))
        self.recorder.record(triaged, self.board, self.clock.now())
        self.board = triaged.board

    def entries(self, kind: EntryKind = EntryKind.DEPLOY) -> list[Entry]:
        self.journal.must()
        return self.journal.recent(1000, (kind,))


def failure(task: str) -> TaskFailure:
    return TaskFailure(task=task, at=100.0, reason="OutOfMemoryError: container killed", exit_code=137)


def test_each_step_of_a_rollout_is_kept_once_and_each_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    one = deploy("prod/d1", state=DeployState.IN_PROGRESS, desired=8, running=0)
    for running in range(9):
        one = msgspec.structs.replace(one, running=running)
        bench.sees(one)
        bench.sees(msgspec.structs.replace(one, pending=1))
    one = msgspec.structs.replace(one, failures=(failure("t1"), failure("t2")), failed_tasks=2)
    bench.sees(one)
    one = msgspec.structs.replace(one, failures=(failure("t3"), *one.failures), failed_tasks=3)
    bench.clock.advance(AGAIN_S)
    bench.sees(one)
    bench.sees(one)
    one = msgspec.structs.replace(one, state=DeployState.ROLLED_BACK, running=0, reason="circuit breaker")
    bench.sees(one)
    bench.sees(one)
    entries = bench.entries()
    assert [(e.data["new"], e.data["step"].get("running")) for e in entries] == [
        *(("in progress", running) for running in (0, 2, 4, 6, 8, 8, 8)),
        ("rolled back", 0),
    ]
    assert entries[1].text.endswith(", in progress: 2/8 running")
    assert entries[6].text.endswith(", in progress: 8/8 running, 3 tasks stopped")
    named = [(f["task"], f["reason"], f["exit_code"]) for e in entries for f in e.data.get("failures", ())]
    assert named == [(t, "OutOfMemoryError: container killed", 137) for t in ("t1", "t2", "t3")]
    bench.journal.close()


def test_a_crash_loop_is_told_once_a_minute_and_each_new_reason_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    one = deploy("prod/d1", state=DeployState.IN_PROGRESS, desired=4)
    for n in range(600):  # for half an hour: its tasks start, and stop
        bench.clock.advance(3.0)
        recent = tuple(failure(f"t{n - back}") for back in range(5) if n >= back)
        one = msgspec.structs.replace(one, running=4 * (n % 2), failures=recent, failed_tasks=n + 1)
        if n == 300:
            one = msgspec.structs.replace(one, failures=(*recent, TaskFailure("x", 1.0, "CannotPullContainerError")))
        bench.sees(one)
    entries = bench.entries()
    assert len(entries) < 40
    reasons = [{f["reason"] for f in e.data.get("failures", ())} for e in entries]
    assert sum("CannotPullContainerError" in told for told in reasons) == 1
    at = next(e.at for e in entries if "CannotPullContainerError" in str(e.data))
    assert at == bench.clock.now() - 299 * 3.0
    bench.journal.close()


def test_a_recorder_that_starts_again_tells_nothing_twice(tmp_path: Path) -> None:
    one = deploy(
        "prod/d1", state=DeployState.IN_PROGRESS, desired=4, running=2, failures=(failure("t1"),), failed_tasks=1
    )
    first = Bench(tmp_path)
    first.sees(one)
    before = len(first.entries())
    first.journal.close()
    second = Bench(tmp_path)
    second.sees(one)
    assert len(second.entries()) == before == 1
    second.clock.advance(AGAIN_S)
    second.sees(msgspec.structs.replace(one, failures=(failure("t2"), *one.failures)))
    assert [f["task"] for f in second.entries()[-1].data["failures"]] == ["t2"]
    second.journal.close()


def test_a_reason_that_is_read_after_the_end_is_kept_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    one = deploy("prod/d1", state=DeployState.FAILED, desired=4, failed_tasks=1)
    bench.sees(one)
    bench.sees(msgspec.structs.replace(one, failures=(failure("t1"),)))
    assert [f["task"] for f in bench.entries()[-1].data["failures"]] == ["t1"]
    bench.journal.close()


def test_an_alertmanagers_alert_keeps_its_labels_and_a_secret_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    long = "x" * 2000
    bench.sees(alert("prom/a", provider="alertmanager", labels=(("job", "api"), ("long", long)), comment="by hand"))
    (entry,) = bench.entries(EntryKind.ALERT)
    detail = entry.data["detail"]
    assert detail["labels"]["job"] == "api"
    assert len(detail["labels"]["long"]) == 500
    assert detail["comment"] == "by hand"
    bench.journal.close()


def test_an_alert_that_a_board_told_first_gets_its_detail_once_for_each_firing(tmp_path: Path) -> None:
    fires = alert("prom/a", provider="alertmanager", labels=(("job", "api"),), began=1_000.0)
    seen = Bench(tmp_path, details=False)
    seen.sees(fires)
    seen.journal.must()
    seen.journal.close()
    for _ in range(2):  # a recorder that starts again
        bench = Bench(tmp_path)
        bench.sees(fires)
        bench.sees(fires)
        assert ["detail" in e.data for e in bench.entries(EntryKind.ALERT)] == [False, True]
        bench.journal.close()
    again = Bench(tmp_path)
    again.sees(msgspec.structs.replace(fires, began=2_000.0))
    last = again.entries(EntryKind.ALERT)[-1]
    assert (last.data["old"], last.data["new"], last.data["began"]) == ("firing", "firing", 2_000.0)
    again.journal.close()


def test_what_a_recorder_journals_a_board_on_the_same_journal_does_not_until_it_is_gone(tmp_path: Path) -> None:
    board_, recorder = Bench(tmp_path, details=False), Bench(tmp_path)
    fires, other = alert("prom/a"), alert("pager/b")

    def told() -> list[tuple[str, str, bool]]:
        board_.entries()
        return [(e.subject, e.data["new"], "detail" in e.data) for e in recorder.entries(EntryKind.ALERT)]

    board_.recorder.leave_to_recorder({"prom"})
    board_.sees(fires, other)
    assert told() == [("pager/b", "firing", False)]
    recorder.sees(fires)
    assert told()[1:] == [("prom/a", "firing", True)]
    seen = msgspec.structs.replace(fires, state=AlertState.SEEN)
    board_.sees(seen, other)  # a mark that this board alone has
    assert told()[2:] == [("prom/a", "seen", False)]
    died = alert("prom/c")  # which the recorder did not get to tell
    board_.sees(seen, died, other)
    assert told()[3:] == []
    board_.recorder.leave_to_recorder(())
    assert board_.recorder.recall()
    board_.sees(seen, died, other)
    assert told()[3:] == [("prom/c", "firing", False)]
    board_.journal.close()
    recorder.journal.close()


def test_a_board_keeps_no_steps(tmp_path: Path) -> None:
    bench = Bench(tmp_path, details=False)
    one = deploy("prod/d1", state=DeployState.IN_PROGRESS, desired=4, running=0)
    bench.sees(one, alert("prom/a"))
    bench.sees(msgspec.structs.replace(one, running=4), alert("prom/a"))
    (entry,) = bench.entries()
    assert "step" not in entry.data
    assert "detail" not in bench.entries(EntryKind.ALERT)[0].data
    bench.journal.close()
