"""The command `import` over sources in memory: what it says where, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.fakes import FakeProvider, alert

from oncall_tui import bootstrap
from oncall_tui.cli import group, import_history
from oncall_tui.config import Config
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.told import HistoryPage, HistorySpan, ServicePage, ToldFiring
from oncall_tui.engine.import_state import ImportState, beside
from oncall_tui.engine.past_import import NamesSource, PastSource
from oncall_tui.errors import Denied, Expired, OncallError
from oncall_tui.runtime.clock import Clock

CONFIG = """
me: {name: Alice, email: alice@example.com}
timezone: Asia/Tokyo
sources:
  - {name: prod, provider: ecs, region: eu-west-1}
  - {name: pager, provider: pagerduty, token: {env: NOWHERE}}
  - {name: mon, provider: mackerel, api_key: {env: NOWHERE}}
  - {name: prom, provider: alertmanager, url: "http://127.0.0.1:1"}
"""
LACK = PartialFailure(SourceState.MALFORMED, "1 of 9 incidents", "created_at of PX: expected a text, got null", "look")
FORGOT = PartialFailure(SourceState.OK, "alarms", "it keeps 30 days")


class Past(FakeProvider):
    """A source of one page. *raises* is raised in its place."""

    history_calls_per_s = 1000.0
    pages = 1
    began = 0.0

    def __init__(self, name: str, raises: BaseException | None = None) -> None:
        super().__init__(name)
        self.raises = raises

    def history(self, span: HistorySpan, after: str) -> HistoryPage:
        if self.raises is not None:
            raise self.raises
        if len(after) + 1 < self.pages:
            return HistoryPage(after=after + "x", read_to=span.since)
        began = self.began or span.until - 3600
        fired = ToldFiring(alert=alert(f"{self.source}/a", began=began), ended=began + 1800)
        return HistoryPage(after=None, read_to=span.until, firings=(fired,), problems=(LACK, FORGOT))

    def service_names(self, after: str) -> ServicePage:
        if self.raises is not None:
            raise self.raises
        return ServicePage(after=None)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the command; *raises* by the source's name."""
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG + f"journal: {tmp_path / 'journal.db'}\n")

    def invoke(*arguments: str, **raises: BaseException) -> Result:
        def sources(config: Config, clock: Clock) -> tuple[dict[str, PastSource], dict[str, NamesSource]]:
            past = {n: PastSource(n, n, lambda n=n: Past(n, raises.get(n))) for n in ("pager", "mon")}  # type: ignore[misc]
            return past, {"prod": NamesSource("prod", lambda: Past("prod", raises.get("prod")))}

        monkeypatch.setattr(bootstrap, "past_sources", sources)
        return CliRunner().invoke(group.cli, ["--config", str(file), "import", *arguments])

    return invoke


def test_what_came_is_on_stdout_and_what_is_lacking_on_stderr(run: Run) -> None:
    ended = run()
    assert ended.exit_code == 0
    first, second = ended.stdout.splitlines()
    assert first.startswith("pager: read to the end: 1 episode and 0 deploys written, from ")
    assert second.startswith("mon: read to the end: 1 episode")
    assert "JST" in first
    assert "pager: 1 of 9 incidents: created_at of PX: expected a text, got null (look)" in ended.stderr
    assert "pager: it keeps 30 days" in ended.stderr
    assert "prom: alertmanager keeps no past that can be read" in ended.stderr


def test_with_json_stdout_is_one_object(run: Run) -> None:
    told = json.loads(run("--json").stdout)["sources"]
    assert [(s["source"], s["episodes"], s["whole"], s["failure"]) for s in told] == [
        ("pager", 1, True, None),
        ("mon", 1, True, None),
    ]
    assert told[0]["since"].endswith("Z")
    assert told[0]["problems"][0] == {"scope": "1 of 9 incidents", "message": LACK.message, "hint": "look"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Denied("it denies", "ask for the right"), "it denies (ask for the right)"),
        (KeyError("x"), "a bug in this provider"),
    ],
)
def test_a_source_that_fails_is_named_with_its_hint_and_the_others_go_on(
    run: Run, error: BaseException, words: str
) -> None:
    ended = run(pager=error)
    assert ended.exit_code == 1
    assert words in ended.stderr
    assert "run it again" in ended.stderr
    assert "mon: read to the end: 1 episode" in ended.stdout
    assert "pager: 0 episodes and 0 deploys written, from" in ended.stdout  # it was not read: who knows what is new
    again = run()
    assert (again.exit_code, "pager: read to the end: 1 episode" in again.stdout) == (0, True)


def test_services_that_cannot_be_named_are_said_and_the_import_goes_on(run: Run) -> None:
    ended = run(prod=Expired("the login has run out", "log in"))
    assert ended.exit_code == 1
    assert "prod: its services are not known" in ended.stderr
    assert "log in" in ended.stderr
    assert "mon: read to the end: 1 episode" in ended.stdout


def test_an_interrupt_is_said_and_keeps_what_was_read(run: Run) -> None:
    ended = run(mon=KeyboardInterrupt())
    assert ended.exit_code == 1
    assert "interrupted: what was read is kept" in ended.stderr
    assert run().stdout.startswith("pager: ")


def test_no_more_is_read_than_the_journal_keeps(run: Run) -> None:
    ended = run("--since", "500d", "--json")
    assert "the journal keeps 400 days" in ended.stderr
    since, to = (datetime.fromisoformat(json.loads(ended.stdout)["sources"][0][name]) for name in ("since", "read_to"))
    assert abs((to - since).days - 400) <= 1


def test_two_imports_do_not_run_at_once(run: Run, tmp_path: Path) -> None:
    with ImportState(beside(tmp_path / "journal.db")).alone():
        ended = run()
    assert isinstance(ended.exception, OncallError)
    assert "another import into this journal is under way" in str(ended.exception)
    assert run().exit_code == 0


def test_no_secret_stands_in_the_kept_place(tmp_path: Path) -> None:
    state = ImportState(tmp_path / "x.json", lambda text: text.replace("planted", "•••"))
    state.keep("pager", state.of("pager", "planted"))
    assert "planted" not in (tmp_path / "x.json").read_text()
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o600


def test_how_far_it_is_said_every_few_seconds_and_not_of_what_is_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_history, "TOLD_EVERY_S", 0.0)
    monkeypatch.setattr(Past, "pages", 2)
    told = run().stderr.splitlines()
    assert sum(line.startswith("mon: read to ") for line in told) == 1  # after the first of two pages: then it is whole


def test_a_second_import_says_that_nothing_is_new(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Past, "began", time.time() - 3600)
    assert "pager: read to the end: 1 episode and 0 deploys written, from" in run().stdout
    assert "pager: read to the end: nothing new, from" in run().stdout
