"""The program in a pseudo-terminal on a real Alertmanager with 200 alerts, whose own API says what is true."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.real import BINARY, RealAlertmanager
from tests.end_to_end.terminal import ESCAPES, Program
from tests.end_to_end.world import environment, journalled, until

pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.pty,
    pytest.mark.skipif(BINARY is None, reason="no prometheus-alertmanager here"),
]
ROW = re.compile(r"^[▸▹ ] warn ", re.MULTILINE)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealAlertmanager]:
    held = RealAlertmanager(tmp_path)
    yield held
    held.stop()


@pytest.fixture
def config(tmp_path: Path, server: RealAlertmanager) -> Path:
    path = tmp_path / "config.yaml"
    table = {
        "me": {"name": "Alice", "email": "alice@example.com"},
        "timezone": "Asia/Tokyo",
        "sources": [{"name": "prom", "provider": "alertmanager", "url": server.url, "interval_s": 1}],
        "journal": str(tmp_path / "journal.db"),
    }
    path.write_text(yaml.safe_dump(table), encoding="utf-8")
    return path


def labels(number: int, **more: str) -> dict[str, str]:
    return {"alertname": f"Load{number}", "severity": "warning", "instance": f"10.0.0.{number}:9100", **more}


def two_hundred(server: RealAlertmanager) -> None:
    plain = [(labels(n), f"plain {n}") for n in range(160)]
    markup = [(labels(n), f"[/prod] down {n}") for n in range(160, 170)]
    hostile = [(labels(n), f"disk\x1b[31mfull\x07 bell\x1b]0;owned\x07 \x1b[2J\x9b31m {n}") for n in range(170, 180)]
    wide = [(labels(n), f"検索インデックスの遅延 {n}") for n in range(180, 200)]
    server.fire(*plain, *markup, *hostile, *wide)


def rows(program: Program, text: str) -> list[str]:
    return [line for line in program.screen if text in line]


def filtered(program: Program, words: str, count: int) -> list[str]:
    """Filter, and the rows that are shown then."""
    program.press("/")
    program.wait("words, key:value, !inverse, ~regex")
    program.press(f"{words}\r")
    program.wait(lambda screen: f"{count} shown" in screen and len(ROW.findall(screen)) == count)
    return [line for line in program.screen if ROW.match(line)]


def state_column(program: Program, mark: str) -> set[int]:
    """The cells at which the word of the STATE column begins, in the rows that have *mark*."""
    found = set()
    for y, line in enumerate(program.screen):
        if mark not in line or not ROW.match(line):
            continue
        cells = program.cells(y)
        starts = [x for x in range(len(cells) - 5) if "".join(cells[x : x + 6]) == "firing"]
        found.add(starts[0])
    return found


def test_two_hundred_alerts_are_shown_whole(
    server: RealAlertmanager, config: Path, tmp_path: Path, run_program: Callable[..., Program]
) -> None:
    two_hundred(server)
    assert len(server.alerts()) == 200
    program = run_program("--config", str(config), env=environment(tmp_path), size=(160, 60))
    program.wait("ALERTS 200")
    program.wait("1/1 live")

    markup = filtered(program, "[/prod]", 10)
    assert sorted(re.findall(r"\[/prod\] down (\d+)", "\n".join(markup))) == [str(n) for n in range(160, 170)]
    columns = state_column(program, "[/prod]")

    program.press("\x1b")
    program.wait(lambda screen: "· filter" not in screen)
    wide = filtered(program, "検索", 20)
    assert sorted(re.findall(r"検索インデックスの遅延 (\d+)", "\n".join(wide))) == [str(n) for n in range(180, 200)]
    assert state_column(program, "検索") == columns, "wide characters keep the columns straight"

    program.press("\x1b")
    program.wait(lambda screen: "· filter" not in screen)
    hostile = filtered(program, "bell", 10)
    assert all("disk␛[31mfull␇ bell␛]0;owned␇" in line for line in hostile), hostile
    assert state_column(program, "bell") == columns, "control characters keep the columns straight"

    # Nothing of them reached the terminal: every ESC is one of the program's own, and none stands in a text.
    raw = bytes(program.raw)
    own = re.sub(rb"\x1b(\[[0-9;?]*)?$", b"", ESCAPES.sub(b"", raw))  # the last one may still be on its way
    assert b"\x1b" not in own
    assert b"\x07" not in own
    assert b"\x9b" not in own.decode("utf-8", "replace").encode("latin-1", "ignore")
    for word in (b"\x1b[31mfull", b"\x07 bell", b"\x1b]0;owned", b"\x1b[2J\xc2"):
        assert word not in raw
    assert b"owned" in raw


def test_acknowledged_there_and_back(
    server: RealAlertmanager, config: Path, tmp_path: Path, run_program: Callable[..., Program]
) -> None:
    two_hundred(server)
    program = run_program("--config", str(config), env=environment(tmp_path))
    program.wait("ALERTS 200")
    filtered(program, "alertname:Load165", 1)
    program._settle(0.3, 2.0)  # the filter shows rows while it is typed: its line is closed by then
    program.go_to("[/prod] down 165")
    program.press("a")
    (silence,) = until(server.silences, "the silence is there")
    program.wait(lambda screen: "✓ [/prod] down 165: acknowledged" in screen)
    assert silence["comment"].startswith("ACK!")
    assert silence["createdBy"] == "alice@example.com"
    assert {(m["name"], m["value"], m["isRegex"], m["isEqual"]) for m in silence["matchers"]} == {
        (name, value, False, True) for name, value in labels(165).items()
    }
    suppressed = [a["labels"]["alertname"] for a in server.alerts("?active=false")]
    assert suppressed == ["Load165"]
    program.wait(lambda screen: any("[/prod] down 165" in x and "ack Alice 14m left" in x for x in screen.splitlines()))
    ends = datetime.fromisoformat(silence["endsAt"]).astimezone().timestamp()
    tokyo = datetime.fromtimestamp(ends, tz=datetime.fromisoformat("2026-01-01T00:00:00+09:00").tzinfo)
    day = "" if tokyo.date() == datetime.now(tokyo.tzinfo).date() else f"{tokyo:%-d %b} "  # just before midnight
    program.wait(f"until {day}{tokyo:%H:%M}")  # in the detail

    program.press("u")
    until(lambda: not server.silences(), "the silence is ended")
    assert [s["id"] for s in server.silences("expired")] == [silence["id"]]
    program.wait(lambda screen: any("[/prod] down 165" in x and " firing" in x for x in screen.splitlines()))
    until(lambda: outcomes(tmp_path)[-1:] == [("un-acknowledge", "done")], "its outcome is in the journal")
    assert outcomes(tmp_path) == [("acknowledge", "done"), ("un-acknowledge", "done")]


def outcomes(folder: Path) -> list[tuple[Any, Any]]:
    found = journalled(folder / "journal.db", "outcome")
    return [(e.data["verb"], e.data["state"]) for e in found if e.data["state"] != "pending"]


def test_a_server_that_stops_and_comes_back(
    server: RealAlertmanager, config: Path, tmp_path: Path, run_program: Callable[..., Program]
) -> None:
    server.fire((labels(1), "the disk is full"), (labels(2), "the queue is long"))
    program = run_program("--config", str(config), env=environment(tmp_path))
    program.wait(lambda screen: "1/1 live" in screen and "the disk is full" in screen)
    program.press("j")  # a row is chosen: the cursor follows the first one until then
    program.wait(lambda screen: any("▸" in x and "the queue is long" in x for x in screen.splitlines()))
    program.go_to("the disk is full")

    server.stop()
    program.wait(lambda screen: "0/1 live" in screen and "OFFLINE" in screen.splitlines()[0])
    for title in ("▸ warn", "the queue is long"):  # a row of a source that cannot be read says so
        program.wait(lambda screen, title=title: any(title in x and "? firing" in x for x in screen.splitlines()))
    (row,) = rows(program, "▸ warn")
    assert "the disk is full" in row

    program.press("a")
    told = program.wait(lambda screen: bool(re.search(r"acknowledge: (refused|unknown): the disk is full", screen)), 40)
    assert "✓" not in told
    assert "done" not in told
    assert ("acknowledge", "done") not in outcomes(tmp_path)

    with sqlite3.connect(tmp_path / "journal.db") as db:
        resolved = db.execute("SELECT count(*) FROM entry WHERE kind='alert' AND data LIKE '%resolved%'").fetchone()
    assert resolved == (0,), "a source that cannot be read has resolved nothing"

    server.start()
    server.fire((labels(1), "the disk is full"), (labels(2), "the queue is long"))
    program.wait(lambda screen: "1/1 live" in screen, 60)
    program.wait(lambda screen: "OFFLINE" not in screen and "? firing" not in screen)
    program.wait(lambda screen: any("the disk is full" in x and " firing" in x for x in screen.splitlines()))
    assert server.silences() == []
    assert ("acknowledge", "done") not in outcomes(tmp_path)
