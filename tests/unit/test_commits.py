"""Commits are read on demand: once for two versions, bounded, and never waited for long."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from oncall_tui.domain.comparison import Commit, CommitRange, Comparison
from oncall_tui.errors import Denied, Offline, SourceError
from oncall_tui.inspection import commits as module
from oncall_tui.inspection.commits import Commits
from oncall_tui.runtime.clock import FakeClock

OLD, NEW = "6b1f0d4c2a9e8573b0c4d1e6f7a8392b5c6d7e80", "e24c7a15d9b3f6081a5c4e7d2b9f8036c1d5a7e4"
FOUND = CommitRange(commits=(Commit(sha=NEW, title="x", author="Bob"),), total=1, files=1)


class Reader:
    """Answers, and counts."""

    def __init__(self, error: SourceError | None = None) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.error = error

    def between(self, repository: str, base: str, head: str) -> CommitRange:
        self.asked.append((repository, base, head))
        if self.error is not None:
            raise self.error
        return FOUND


def run(name: str, job: Callable[[], CommitRange]) -> Future[CommitRange]:
    future: Future[CommitRange] = Future()
    try:
        future.set_result(job())
    except SourceError as error:
        future.set_exception(error)
    return future


def of(base: str = OLD, head: str = NEW) -> Comparison:
    return Comparison(url="https://github.com/x", host="github.com", repository="example/api", base=base, head=head)


def test_two_hashes_are_read_once_and_names_again_after_a_while() -> None:
    clock = FakeClock()
    reader = Reader()
    found = Commits(lambda: reader, run, clock)
    for _ in range(2):
        assert found.within(of(), 1.0) is FOUND
        assert found.within(of("v1", "main"), 1.0) is FOUND
        clock.advance(3600.0)  # by now main may be another commit
    assert reader.asked == [("example/api", OLD, NEW), *2 * [("example/api", "v1", "main")]]
    assert found.words(of()) == "1 commit by Bob · 1 file changed"


def test_what_is_kept_is_bounded() -> None:
    clock = FakeClock()
    found = Commits(Reader, run, clock)
    for number in range(module.KEPT + 20):
        found.read(of("v1", f"v{number}"))
    assert len(found._kept) == module.KEPT


def test_who_asks_meanwhile_waits_for_the_same_call_and_not_for_long() -> None:
    clock = FakeClock()
    jobs: list[Callable[[], CommitRange]] = []

    def later(name: str, job: Callable[[], CommitRange]) -> Future[CommitRange]:
        jobs.append(job)
        return Future()

    found = Commits(Reader, later, clock)
    assert found.read(of()) is found.read(of())
    with pytest.raises(Offline, match="has not answered"):
        found.within(of(), 0.0)
    assert len(jobs) == 1
    assert found.words(of()) == "commits not read"


def test_a_failure_is_not_kept_and_nobody_configured_is_not_asked() -> None:
    clock = FakeClock()
    reader = Reader(Denied("no"))
    found = Commits(lambda: reader, run, clock)
    found.fetch([of(), of("v1", "v2")], 1.0)
    assert found.words(of()) == "commits not read"
    reader.error = None
    found.fetch([of()], 1.0)
    assert found.known(of()) is FOUND
    assert Commits(None, run, clock).words(of()) == ""


def test_another_host_s_repository_is_not_asked_for() -> None:
    reader = Reader()
    elsewhere = Comparison(
        url="https://git.example.com/x", host="git.example.com", repository="a/b", base="1", head="2"
    )
    found = Commits(lambda: reader, run, FakeClock())
    found.fetch([elsewhere], 1.0)
    assert (found.words(elsewhere), found.can_read(elsewhere), reader.asked) == ("", False, [])
    assert Commits(lambda: reader, run, FakeClock(), "https://git.example.com/api/v3").can_read(elsewhere)
