"""The evidence on a service: each part says where it is from, and what is not there is told, with why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fakes import FakeProvider

from oncall_tui.domain.logs import LogDestination, LogLine, LogPage, LogQuery, LogStream
from oncall_tui.domain.metric import Metric, Series
from oncall_tui.errors import Denied, SourceError
from oncall_tui.inspection import evidence as module
from oncall_tui.inspection.evidence import ServiceEvidence
from oncall_tui.inspection.export_file import ExportFailed, write_folder
from oncall_tui.runtime.clock import FakeClock
from oncall_tui.runtime.secret import keep_secret

API = "prod/main/api"
CPU = Metric(name="CPUUtilization", namespace="AWS/ECS")


class LoggingProvider(FakeProvider):
    """Has two metrics, of which one cannot be read, and a log of *pages* pages; nothing of its inside."""

    def __init__(self, pages: int) -> None:
        super().__init__()
        self.pages, self.asked, self.waits = pages, list[LogQuery](), [3.0]

    def service_metrics(self, service_id: str) -> tuple[tuple[str, Metric], ...]:
        return (("cpu %", CPU), ("memory %", CPU))

    def measure(self, wanted: object, since: float, until: float) -> tuple[Series, ...]:
        read = Series(title="cpu %", metric=CPU, points=((until, 91.0),))
        return (read, Series(title="memory %", metric=CPU, unread="no such metric"))

    def log_places(self, service_id: str) -> tuple[LogDestination, ...]:
        app = LogDestination(container="app", driver="awslogs", where="group /api", readable=True, group="/api")
        return (app, app, LogDestination(container="side", driver="splunk", where="splunk"))

    def log_page(self, wanted: LogQuery) -> LogPage:
        if self.waits:
            return LogPage(wait_s=self.waits.pop(), token=wanted.token)
        self.asked.append(wanted)
        number = int(wanted.token or 0)
        line = LogLine(wanted.since + 60 - number, f"id{number}", f"line {number}", LogStream("s", "app", "t1"))
        return LogPage(lines=(line,), token=str(number + 1) if number + 1 < self.pages else "")


def read(provider: FakeProvider, hours: float = 1) -> tuple[ServiceEvidence, list[float]]:
    clock, paused = FakeClock(), list[float]()
    found = ServiceEvidence(API, clock.now() - hours * 3600, clock.now(), clock, paused.append)
    found.read(provider)
    return found, paused


def test_each_part_has_its_source_and_time_and_what_is_not_there_is_told() -> None:
    found, paused = read(LoggingProvider(3))
    parts = {part.name: part for part in found.parts}
    assert {(p.source, p.read_at) for p in found.parts} == {("prod", FakeClock().now())}
    assert [one["title"] for one in parts["metrics"].data] == ["cpu %"]
    assert [line["text"] for line in parts["logs"].data] == ["line 2", "line 1", "line 0"]  # oldest first
    assert paused == [module.LONGEST_WAIT_S]
    assert {one.what: one.why for one in found.left_out} == {
        f"{API}: tasks, targets and events": "its provider does not support reading them",
        f"{API}: metric memory %": "no such metric",
        f"{API}: lines of side": "they go elsewhere: splunk",
    }


def test_a_log_without_an_end_is_read_in_part_and_says_so() -> None:
    provider = LoggingProvider(1_000_000)
    found, _ = read(provider, hours=10)
    assert len(provider.asked) == module.PAGES - 1  # one of its turns was a wait
    why = {one.what: one.why for one in found.left_out}
    assert "older ones than the 9 newest" in why[f"{API}: lines of app"]
    assert "six hours" in why[f"{API}: metrics and log lines"]
    assert provider.asked[0].since == FakeClock().now() - module.MOST_S


def test_one_part_that_is_denied_takes_no_other_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise Denied("cloudwatch:GetMetricData is denied", "ask for it")

    provider = LoggingProvider(1)
    monkeypatch.setattr(provider, "measure", denied)
    found, _ = read(provider)
    assert [part.name for part in found.parts] == ["logs"]
    assert any("GetMetricData is denied" in one.why for one in found.left_out)
    found.cannot(SourceError("no provider"))
    assert found.left_out[-1].why.startswith("no provider")


def test_a_folder_is_whole_redacted_and_its_owners_alone_or_not_there(tmp_path: Path) -> None:
    keep_secret("not-a-real-secret-of-a-test")
    path = write_folder(str(tmp_path / "b"), {"a.json": '{"x": "not-a-real-secret-of-a-test"}', "b.md": "b"})
    assert (path.stat().st_mode & 0o777, (path / "a.json").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (path / "a.json").read_text() == '{"x": "•••"}'
    with pytest.raises(ExportFailed, match="is there already"):
        write_folder(str(path), {})
    with pytest.raises(ExportFailed):
        write_folder(str(tmp_path / "c"), {"a": "a", "no/such/folder": "b"})
    assert not (tmp_path / "c").exists()
    with pytest.raises(ExportFailed):
        write_folder(str(tmp_path / "no" / "d"), {})
