"""The log on screen: its keys, its states, and that nothing of a line reaches the terminal but text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.support.fakes import FakeProvider, alert, deploy, service
from tests.support.inside import Inspected, stopped, task
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.logs import LogDestination, LogLine, LogPage, LogQuery, LogStream
from oncall_tui.errors import Denied, Expired, SourceError, Throttled
from oncall_tui.inspection.logs.insights_link import link, query
from oncall_tui.text.cells import _cleaned
from oncall_tui.tui.commands import own
from oncall_tui.tui.controllers.openers import log_screen
from oncall_tui.tui.screens.logs import words
from oncall_tui.tui.screens.logs.screen import LogScreen
from oncall_tui.tui.screens.logs.tasks import choices
from oncall_tui.tui.screens.logs.view import LogView
from oncall_tui.tui.widgets.text_lines import Lines

TZ = ZoneInfo("Asia/Tokyo")
API = "prod/prod-main/payments-api"
PLACE = LogDestination(
    container="app",
    driver="awslogs",
    where="/ecs/payments-api in eu-west-1",
    readable=True,
    group="/ecs/payments-api",
    region="eu-west-1",
    prefix="ecs/app/",
)
ELSEWHERE = LogDestination(container="app", driver="awsfirelens", where="FireLens → Datadog: host logs.example.com")


class Logging(FakeProvider):
    """A source whose services log *lines*."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lines: list[LogLine] = []
        self.places: tuple[LogDestination, ...] = (PLACE,)
        self.refusal: SourceError | None = None
        self.missing = ""
        self.asked: list[LogQuery] = []

    def log(self, ago: float, text: str, task: str = "a1b2c3d4e5f6") -> None:
        at = self.clock.now() - ago
        self.lines.append(
            LogLine(at, f"{at}/{text[:40]}", text, LogStream(f"ecs/app/{task}", "app", task), words_level(text))
        )

    def log_places(self, service_id: str) -> tuple[LogDestination, ...]:
        return self.places

    def log_page(self, wanted: LogQuery) -> LogPage:
        self.asked.append(wanted)
        if self.refusal:
            raise self.refusal
        if self.missing:
            return LogPage(missing=self.missing)
        until = self.clock.now() if wanted.until is None else wanted.until
        found = [it for it in self.lines if wanted.since <= it.at <= until and wanted.task in ("", it.stream.task)]
        return LogPage(lines=tuple(sorted(found, key=lambda it: it.at)))


def words_level(text: str) -> str:
    from oncall_tui.domain.logs import level_of

    return level_of(text)


@asynccontextmanager
async def log_of(
    folder: Path, provider: Logging, size: tuple[int, int] = (80, 24), pane: str = "2"
) -> AsyncIterator[Rig]:
    """The board with its log open, read as far as it goes."""
    provider.services[API] = service(API)
    rig = Rig(folder, provider)
    async with on_screen(rig, size):
        await rig.press(pane)
        await rig.pilot.press("l")
        await read(rig)
        yield rig


async def read(rig: Rig) -> None:
    """Until nothing is due, or on its way."""
    await rig.pilot.pause()
    screen = rig.pilot.app.screen
    if not isinstance(screen, LogScreen):
        return
    for _ in range(2000):
        screen.tick()
        await rig.pilot.pause()
        if screen._asked is None and not screen.reader.due():
            screen.draw()
            await rig.pilot.pause()
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never comes to rest")


async def press(rig: Rig, *keys: str) -> str:
    await rig.pilot.press(*keys)
    await read(rig)
    return rig.text()


def view(rig: Rig) -> LogView:
    return rig.pilot.app.screen.query_one(LogView)


async def test_live_from_a_service_and_back(tmp_path: Path) -> None:
    provider = Logging("prod")
    rig_lines = [(60, "INFO up"), (30, "WARN slow"), (10, "ERROR it failed")]
    provider.clock.advance(0)
    for ago, text in rig_lines:
        provider.log(ago, text)
    async with log_of(tmp_path, provider) as rig:
        shown = rig.text()
        assert f"LOGS {API} · all tasks" in shown
        assert shown.splitlines()[0].endswith("LIVE")
        assert "3 lines" in shown.splitlines()[1]
        assert "✗" in next(row for row in shown.splitlines() if "it failed" in row)
        assert "! " not in next(row for row in shown.splitlines() if "up" in row)
        provider.log(0, "INFO new")
        rig.clock.advance(3)
        await read(rig)
        assert "INFO new" in rig.text()
        calls = len(provider.asked)
        await press(rig, "q")
        assert "SERVICES" in rig.text() or "services" in rig.text()
        rig.clock.advance(60)
        await rig.pilot.pause(0.6)
        assert len(provider.asked) == calls  # none once it is closed


async def test_a_log_that_was_closed_holds_no_line(tmp_path: Path) -> None:
    """Each of them is megabytes, and a closed screen goes with some later collection of garbage."""
    provider = Logging("prod")
    for number in range(30):
        provider.log(number, f"INFO line {number}")
    async with log_of(tmp_path, provider) as rig:
        screen = rig.pilot.app.screen
        assert isinstance(screen, LogScreen)
        assert screen.view.lines
        await rig.press("escape")
        assert rig.pilot.app.screen is not screen
        assert not screen.reader.kept.lines
        assert not screen.view.lines
        assert not screen.reader.due()


async def test_around_an_alert_with_its_start_marked(tmp_path: Path) -> None:
    provider = Logging("prod")
    for i in range(300):
        provider.log(600 - i * 2, f"INFO line {i}")
    provider.alerts["prod/a1"] = alert(
        "prod/a1", hint=ServiceHint(cluster="prod-main", service="payments-api"), began=provider.clock.now() - 300
    )
    async with log_of(tmp_path, provider, pane="1") as rig:
        shown = rig.text().splitlines()
        mark = next(y for y, row in enumerate(shown) if "the alert began" in row)
        assert not any("deploy" in row for row in shown)
        assert 5 <= mark <= 12
        assert "line 149" in shown[mark - 1]
        assert "▸" in shown[mark + 1]
        assert "line 150" in shown[mark + 1]
        assert "READ" in shown[0]
        assert "LIVE" in (await press(rig, "f")).splitlines()[0]
        assert "the alert began" not in rig.text()
        assert "the alert began" in await press(rig, "a")


async def test_where_the_suspect_began_is_marked_too(tmp_path: Path) -> None:
    provider = Logging("prod")
    for i in range(300):
        provider.log(600 - i * 2, f"INFO line {i}")
    now = provider.clock.now()
    hint = ServiceHint(cluster="prod-main", service="payments-api")
    provider.alerts["prod/a1"] = alert("prod/a1", hint=hint, began=now - 300)
    provider.deploys["prod/d42"] = deploy("prod/d42", API, started=now - 309)
    async with log_of(tmp_path, provider, pane="1") as rig:
        shown = rig.text().splitlines()
        began = [y for y, row in enumerate(shown) if "began ──" in row]
        assert ["deploy :41→:42 began" in shown[began[0]], "the alert began" in shown[began[1]]] == [True, True]
        assert "line 145" in shown[began[0] - 1]
        await press(rig, "f")
        await press(rig, "g", "slash", *"line 146", "enter")
        assert "deploy :41→:42 began" in rig.text()  # live too


async def test_a_row_without_a_service_says_so(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.alerts["prod/a1"] = alert("prod/a1")
    rig = Rig(tmp_path, provider)
    async with on_screen(rig, (80, 24)):
        await rig.press("l")
        assert "no log: no known ECS service for this row" in rig.text()


async def test_search_and_errors(tmp_path: Path) -> None:
    provider = Logging("prod")
    for i in range(100):
        provider.log(200 - i, f"INFO line {i}" if i % 30 else f"ERROR broken {i}")
    async with log_of(tmp_path, provider) as rig:
        await press(rig, "g", "slash")
        await press(rig, *"quit e line 7")  # a text field swallows every key
        assert isinstance(rig.pilot.app.screen, LogScreen)
        await press(rig, "escape")
        assert not view(rig).query_text
        await press(rig, "slash", *"LINE 77", "enter")
        assert view(rig).line is not None
        assert "line 77" in view(rig).line.text
        await press(rig, "e")
        assert "broken 90" in view(rig).line.text
        await press(rig, "E")
        assert "broken 60" in view(rig).line.text
        await press(rig, "G")
        assert "no error below" in await press(rig, "e")
        await press(rig, "escape")
        assert isinstance(rig.pilot.app.screen, LogScreen)  # the search goes first
        await press(rig, "escape")
        assert not isinstance(rig.pilot.app.screen, LogScreen)


async def test_the_cursor_stays_on_its_line_whatever_comes(tmp_path: Path) -> None:
    provider = Logging("prod")
    for i in range(50):
        provider.log(100 - i, f"INFO line {i}")
    async with log_of(tmp_path, provider) as rig:
        await press(rig, "k", "k", "k")
        under = view(rig).line
        provider.log(80.5, "INFO late")
        provider.log(0, "INFO new")
        before = [row for row in rig.text().splitlines() if "▸" in row]
        rig.clock.advance(3)
        await read(rig)
        assert view(rig).line is under
        assert [row for row in rig.text().splitlines() if "▸" in row] == before
        assert "INFO new" in [it.text for it in view(rig).lines]
        assert "INFO new" in await press(rig, "G")
        assert view(rig).follow


async def test_pause_makes_no_call(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.log(1, "INFO one")
    async with log_of(tmp_path, provider) as rig:
        assert "PAUSED" in (await press(rig, "space")).splitlines()[0]
        calls = len(provider.asked)
        provider.log(0, "INFO two")
        rig.clock.advance(30)
        await read(rig)
        assert len(provider.asked) == calls
        await press(rig, "space")
        assert "INFO two" in rig.text()


async def test_one_task(tmp_path: Path) -> None:
    provider = Logging("prod")
    for i in range(20):
        provider.log(50 - i, f"INFO line {i}", task=f"{'abcdef'[i % 2]}" * 32)
    async with log_of(tmp_path, provider) as rig:
        await press(rig, "t")
        await rig.modal()
        assert "10 lines here" in rig.text()
        await press(rig, "j", "enter")
        shown = rig.text()
        assert "task aaaaaaaa " in shown
        assert {it.stream.task for it in view(rig).lines} == {"a" * 32}
        assert provider.asked[-1].task == "a" * 32


async def test_one_task_where_the_streams_do_not_tell_whose_they_are(tmp_path: Path) -> None:
    """Another task's lines must not stand under its name."""
    provider = Logging("prod")
    note = "its streams are named by Docker's ids: a task's lines cannot be picked"
    provider.places = (msgspec.structs.replace(PLACE, prefix="", note=note),)
    provider.log(1, "INFO somebody's")
    async with log_of(tmp_path, provider) as rig:
        assert "somebody's" in rig.text()
        screen = rig.pilot.app.screen
        assert isinstance(screen, LogScreen)
        screen._picked("b" * 32)
        await read(rig)
        assert "a task's lines cannot be picked" in " ".join(rig.text().split())
        assert "somebody's" not in rig.text()


async def test_a_container_that_logs_elsewhere_is_said_beside_one_that_does_not(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.places = (PLACE, msgspec.structs.replace(ELSEWHERE, container="worker"))
    provider.log(1, "INFO one")
    async with log_of(tmp_path, provider) as rig:
        assert "not here: worker, FireLens → Datadog" in rig.text().splitlines()[1]


@pytest.mark.parametrize(
    ("refusal", "word", "hint"),
    [
        (Denied("FilterLogEvents is denied", "needs logs:FilterLogEvents"), "DENIED", "needs logs:FilterLogEvents"),
        (Throttled("FilterLogEvents was throttled"), "THROTTLED", "oncall-tui asks again"),
        (Expired("the login has expired", "aws sso login"), "EXPIRED", "L on the board logs in, or run: aws sso login"),
    ],
)
async def test_a_failing_source_keeps_the_lines_and_says_why(
    tmp_path: Path, refusal: SourceError, word: str, hint: str
) -> None:
    provider = Logging("prod")
    provider.login = ("aws", "sso", "login")
    provider.log(1, "INFO one")
    async with log_of(tmp_path, provider) as rig:
        provider.refusal = refusal
        rig.clock.advance(3)
        await read(rig)
        first, _, third, fourth, *rest = rig.text().splitlines()
        assert word in first
        assert "lines as last read" in first
        assert refusal.message in third
        assert hint in fourth
        assert any("INFO one" in row for row in rest)
        provider.refusal = None
        await press(rig, "r")
        assert "LIVE" in rig.text().splitlines()[0]


async def test_nothing_logged_not_readable_and_elsewhere_differ(tmp_path: Path) -> None:
    provider = Logging("prod")
    async with log_of(tmp_path, provider) as rig:
        assert "No line of any task from" in rig.text()
    for number, (change, expected) in enumerate(
        (
            ({"refusal": Denied("no", "needs x")}, "so its lines are not known"),
            ({"missing": "the log group /x is not there in y"}, "the log group /x is not there in y"),
            ({"places": (ELSEWHERE,)}, "app: FireLens → Datadog: host logs.example.com"),
            ({"places": ()}, "The service is not there any more"),
        )
    ):
        provider = Logging("prod")
        for name, value in change.items():
            setattr(provider, name, value)
        async with log_of(tmp_path / str(number), provider) as rig:
            assert expected in rig.text()
            assert "No line of" not in rig.text()


async def test_a_bug_in_a_provider_is_this_screen_s_state(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.log_page = None  # type: ignore[assignment,method-assign]
    async with log_of(tmp_path, provider) as rig:
        assert "bug: TypeError" in rig.text()


async def test_a_line_whole_and_the_help(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.log(1, json.dumps({"level": "error", "msg": "no [/prod] here", "deep": {"a": [1, 2]}, "time": "x"}))
    async with log_of(tmp_path, provider) as rig:
        assert 'ERROR no [/prod] here deep={"a":[1,2]}' in rig.text()
        await press(rig, "enter")
        await rig.modal()
        assert '"msg": "no [/prod] here"' in rig.text()
        await press(rig, "escape")
        await press(rig, "question_mark")
        await rig.modal()
        assert "wrap long lines" in rig.text()


async def test_a_line_of_the_greatest_length_is_shown_whole_at_once(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.log(1, "決済" * 16_000)
    before = _cleaned.cache_info().misses
    async with log_of(tmp_path, provider) as rig:
        assert "characters more: Enter shows them" not in rig.text()  # out of sight, as the line is cut
        await press(rig, "enter")
        modal = await rig.modal()
        body = modal.query_one("#body", Lines)
        assert sum(len(part) for row in body._lines for part, _ in row if "決済" in part) == 32_000
        assert _cleaned.cache_info().misses - before < 5_000


async def test_one_task_from_another_screen(tmp_path: Path) -> None:
    """As the tasks of the Detail screen open it."""
    provider = Logging("prod")
    provider.log(2, "INFO mine", task="a" * 32)
    provider.log(1, "INFO another's", task="b" * 32)
    provider.services[API] = service(API)
    rig = Rig(tmp_path, provider)
    async with on_screen(rig, (80, 24)):
        rig.pilot.app.push_screen(log_screen(rig.engine, TZ, API, None, "a" * 32))
        await read(rig)
        assert "task aaaaaaaa " in rig.text()
        assert "INFO mine" in rig.text()
        assert "another's" not in rig.text()
        await press(rig, "escape")
        assert rig.pilot.app.screen is rig.board


async def test_what_is_copied(tmp_path: Path) -> None:
    provider = Logging("prod")
    provider.log(2, "first\x1b[31m red")
    provider.log(1, "second")
    copied: list[str] = []
    async with log_of(tmp_path, provider) as rig:
        rig.pilot.app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
        await press(rig, "c")
        await press(rig, "C")
        assert copied[0].endswith("ecs/app/a1b2c3d4e5f6 second")
        assert "first red" in copied[1]
        await press(rig, "i")
        await rig.modal()
        assert copied[2].startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:")
        assert "*2fecs*2fpayments-api" in copied[2]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 8)])
async def test_nothing_but_text_reaches_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    provider = Logging("prod")
    nasty = [
        "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://x\x1b\\link \x9b31m",
        "\x00\x08\x7f bell\x07 \x1b[2J\x1b[H [bold]markup[/] \u202eright to left",
        "決済に失敗しました 🔥 e\u0301\u0301\u0301\u0301\u0301\u0301\u0301 " * 9,
        "\x1bP1;2|stuff\x1b\\ after \x1b(B\x1b7 done\r50%\r100%\ttab",
        "surrogate \ud800 here",
        "{" + "[" * 3000,
    ]
    for n, text in enumerate(nasty):
        provider.log(len(nasty) - n, text, task=f"\x1b[31m{n}\n\u202e")
    async with log_of(tmp_path, provider, size) as rig:
        for _ in range(2):
            for row in rig.text().splitlines():
                assert all(c.isprintable() for c in row), ascii(row)
                assert words.cell_len(row) <= size[0]
            if size[1] >= 24 and not view(rig).wrapped:
                assert "[bold]markup[/]" in rig.text()
                assert "red" in rig.text()
                assert "31m" not in rig.text()
            await press(rig, "w")


def test_pieces_fit_whatever_the_characters() -> None:
    for text in ("x" * 100, "決済" * 50, "a決" * 40, "", "e\u0301" * 60):
        for cells in (10, 11, 37):
            pieces = words.fold(text, cells - 3, cells)
            assert "".join(text[b:e] for b, e in pieces) == text
            assert all(words.cell_len(text[b:e]) <= cells for b, e in pieces)


def test_a_search_finds_what_is_shown_and_what_came() -> None:
    text = '{"level":"error","msg":"no","status":500}'
    assert words.readable(text) == "ERROR no status=500"
    for said in ('"status":500', "status=500", "error no"):
        assert words.matches(text, said)
    assert not words.matches(text, "status=501")
    assert words.matches('{"level":50,"msg":"no"}', "error no")
    assert words.matches('{"msg":"\\u6c7a\\u6e08"}', "決済")
    assert words.matches("\x1b[31mre\x1b[0md", "red")
    assert words.spans("one two one", "one") == [(0, 3), (8, 11)]


def test_a_time_that_a_line_begins_with_is_not_said_twice() -> None:
    assert words.readable("2026-11-23T00:16:01.196Z INFO up") == "INFO up"
    assert words.readable("[2026-11-23 00:16:01,196] INFO up") == "INFO up"
    assert words.readable("2026-11-23T00:16:01Z") == "2026-11-23T00:16:01Z"


def test_the_insights_link() -> None:
    """As a browser copies it from the console: ``$`` for ``%`` outside, ``*`` inside a text."""
    asked = query(["ecs/app/"], 'say "x"')
    assert asked == (
        "fields @timestamp, @logStream, @message\n"
        '| filter @logStream like "ecs/app/"\n| filter @message like "say \\"x\\""\n| sort @timestamp asc\n| limit 1000'
    )
    assert link("us-west-2", ["/aws/x"], 0, 60, "fields @message\n| limit 5") == (
        "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#logsV2:logs-insights$3FqueryDetail$3D"
        "~(end~'1970-01-01T00*3a01*3a00.000Z~start~'1970-01-01T00*3a00*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC"
        "~editorString~'fields*20*40message*0a*7c*20limit*205~source~(~'*2faws*2fx))"
    )
    assert "console.amazonaws.cn" in link("cn-north-1", ["/x"], 0, 1, "x")


def test_every_key_of_the_log_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "keys.md").read_text().partition("\n## The log\n")[2]
    documented = " ".join(re.findall(r"^\| `([^`]+)`", text.partition("\n## ")[0], re.MULTILINE)).split()
    assert documented == [key for keys, _ in own("log") for key in keys.split()]


def test_tasks_that_stopped_for_one_reason_are_one_choice_the_newest() -> None:
    provider = Inspected("prod")
    now = 1_800_000_000.0
    oom = [stopped(n, stopped=now - 100 - n) for n in range(12)]
    other = stopped(40, 1, "", stopped=now - 90)
    within = msgspec.structs.replace(provider.within, tasks=(task(50), *oom, other))
    provider.within = within
    found = choices(provider, API, [], "", TZ, now)
    assert [one.id for one in found] == ["*", task(50).id, oom[0].id, other.id]
    assert found[2].detail.startswith("12 tasks stopped: exit 137 OutOfMemoryError, newest 1m ago · :42 · stopped · ")
    assert "tasks stopped" not in found[3].detail
    chosen = choices(provider, API, [], oom[5].id, TZ, now)
    assert [one.id for one in chosen if one.default] == [oom[5].id]  # what is picked stays there to be seen
    assert "11 tasks stopped" in next(one.detail for one in chosen if one.id == oom[0].id)
