"""What is kept over a restart: whole or not at all, one's own, and never a reason not to start."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from oncall_tui.tui import saved_view as kept
from oncall_tui.tui.presenters.row_builder import ViewFilter
from oncall_tui.tui.presenters.sorting import Sort
from oncall_tui.tui.saved_view import Keep, SavedView

SHOWN = ViewFilter(
    filter="by:alice",
    faults=True,
    sorts=(Sort("alerts", "age", True), Sort("services", "tasks")),
    product="payments",
    view="mine",
)
FULL = kept.of(SHOWN, False, 1_700_000_000.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return kept.beside(tmp_path / "journal.db")


def test_what_is_written_is_read_again_and_only_its_owner_can(path: Path) -> None:
    os.umask(os.umask(0o000))  # whatever it is
    kept.write(path, FULL)
    assert path.name == "journal.screen.json"
    assert kept.read(path) == (FULL, "")
    assert FULL.shown == SHOWN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    kept.write(path, FULL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_no_file_is_no_mistake(path: Path) -> None:
    assert kept.read(path) == (None, "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}",
        b'{"kept": 2}',
        b'{"kept": 1, "filter": 7}',
        b'{"kept": 1, "sorts": [{"pane": "alerts"}]}',
        b'{"kept": 1, "product": ["x"]}',
        b"[1, 2]",
        b"\xff\xfe\x00",
        b'{"kept": 1, "filter": "\xff"}',
        b"[" * 60_000,
        b'{"kept": 1, "last_key": NaN}',
        b'"' + b"x" * 70_000 + b'"',
    ],
)
def test_what_is_broken_or_not_ours_is_left_aside_with_a_word(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    found, words = kept.read(path)
    assert found is None
    assert words.startswith("the last view is not known (journal.screen.json: ")


def test_what_is_no_file_is_left_aside_and_not_waited_for(path: Path) -> None:
    path.mkdir()
    assert kept.read(path)[0] is None
    assert "journal.screen.json" in kept.read(path)[1]
    path.rmdir()
    os.mkfifo(path)  # reading it would wait for a writer
    assert kept.read(path)[0] is None
    path.unlink()
    path.symlink_to(path)
    assert kept.read(path)[0] is None


def test_what_a_newer_program_wrote_beside_is_left_alone(path: Path) -> None:
    path.write_bytes(b'{"kept": 1, "filter": "a", "more": {"than": "this"}}')
    assert kept.read(path) == (SavedView(kept=1, filter="a"), "")


def test_what_makes_no_sense_any_more_hides_nothing() -> None:
    now = FULL.last_key + 60
    views = {"mine": "by:alice"}
    assert kept.sound(FULL, {"payments"}, views, now) == (FULL, "")
    found, words = kept.sound(FULL, {"search"}, {"mine": "by:bob"}, now)
    assert (found.product, found.filter, found.view) == (None, "by:alice", "")
    assert words == "left out of the last view: the product 'payments' is not configured any more"
    found, words = kept.sound(SavedView(kept=1, filter="~(", view="mine", product=""), (), views, now)
    assert (found.product, found.filter, found.view) == ("", "", "")
    assert "the filter is not valid" in words
    found, _ = kept.sound(SavedView(kept=1, sorts=(Sort("alerts", "nonsense"), Sort("no pane", "age"))), (), {}, now)
    assert found.sorts == ()
    assert kept.sound(FULL, {"payments"}, views, FULL.last_key - 1)[0].last_key == 0.0, "a clock that was set back"


def test_the_newest_is_written_last_and_what_came_between_need_not_be(path: Path) -> None:
    keep = Keep(path)
    for number in range(200):
        keep.put(kept.of(ViewFilter(filter=str(number)), None, 0.0))
    keep.close(5.0)
    found, _ = kept.read(path)
    assert found is not None
    assert found.filter == "199"


def test_two_programs_at_once_leave_one_whole_file(path: Path) -> None:
    stop = threading.Event()
    broken: list[str] = []

    def look() -> None:
        while not stop.is_set():
            found, words = kept.read(path)
            if words or (found is not None and found.filter not in ("a" * 900, "b" * 900)):
                broken.append(words or "torn")

    reader = threading.Thread(target=look)
    reader.start()
    keeps = [Keep(path), Keep(path)]
    for _ in range(50):
        for keep, letter in zip(keeps, "ab", strict=True):
            keep.put(kept.of(ViewFilter(filter=letter * 900), None, 0.0))
    for keep in keeps:
        keep.close(5.0)
    stop.set()
    reader.join()
    assert broken == []
    assert kept.read(path)[0] is not None


def test_a_disk_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep = Keep(tmp_path / "file" / "journal.screen.json")
    keep.put(FULL)
    keep.close(5.0)
    assert not keep.worker.alive
    Keep(tmp_path / "unused").close()  # nothing was put: no thread was begun
