"""``status`` as text: headings, nothing that is cut, and the same words as the board."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from tests.support.fakes import FakeProvider, deploy, revision, service
from tests.support.screen import Rig

from oncall_tui.cli.text_board import text_board
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.domain.service import Health
from oncall_tui.errors import Offline
from oncall_tui.triage.empty_board import nothing

SRC = Path(__file__).parents[2] / "src" / "oncall_tui"

LONG = "p99 latency of checkout is above two seconds for a quarter of an hour " * 3


def test_status_has_headings_and_cuts_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    now = rig.clock.now()
    why = "(service api) was unable to place a task. Reason: Capacity is unavailable at this time."
    rig.provider.services["prod/main/api"] = service(health=Health.DEGRADED, pending=2, events=((now - 70, why),))
    rig.provider.deploys["prod/d1"] = deploy(started=now - 60, started_by="payments-deploy/deploy")
    rig.provider.add("a", title=LONG, severity=Severity.CRITICAL, hint=ServiceHint(service="api"), began=now)
    rig.provider.add(
        "b", severity=Severity.CRITICAL, state=AlertState.ACKNOWLEDGED, by=("christopher",), until=now + 99
    )
    rig.poll()
    text = text_board(rig.engine.update, now)
    rig.engine.stop()
    lines = [line.split() for line in text.splitlines()]
    assert "ALERTS 2 · 2 pages, 1 unacknowledged" in text
    for titles in ("SEV AGE PRODUCT SERVICE ALERT STATE ID", "SERVICE TASKS REV HEALTH DEPLOYED ALERT NOTE"):
        assert titles.split() in lines
    assert "…" not in text
    assert LONG.strip() in text
    assert "acknowledged christopher, 1m30s left" in text
    assert "2/2, 2 pending" in text
    assert "1 alert  was unable to place a task. Reason: Capacity is unavailable at this time (1m ago)" in " ".join(
        text.split("\n")
    )
    assert "payments-deploy/deploy" in text


def test_a_state_that_is_not_known_now_has_the_boards_question_mark(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.provider.services["prod/main/api"] = service()
    rig.provider.deploys["prod/d1"] = deploy(started=rig.clock.now() - 60)
    rig.provider.add("a", began=rig.clock.now())
    rig.poll()
    rig.provider.read_raises = [Offline("no route")]
    rig.clock.advance(60)
    rig.poll()
    text = text_board(rig.engine.update, rig.clock.now())
    rig.engine.stop()
    for words in ("? firing", "? healthy", "? in progress"):
        assert words in text


def test_status_without_alerts_says_what_that_means(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    rig.poll()
    text = text_board(rig.engine.update, rig.clock.now())
    rig.engine.stop()
    assert "ALERTS 0 · no pages" in text
    assert "No alert is firing. 1/1 source read within 15 s." in text
    assert "SEV" not in text


def test_every_page_says_its_suspect_or_why_there_is_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    now = rig.clock.now()
    rig.provider.services["prod/main/api"] = service()
    rig.provider.services["prod/main/web"] = service("prod/main/web")
    rig.provider.deploys["prod/d1"] = deploy(started=now - 60)
    rig.provider.deploys["prod/d2"] = deploy("prod/d2", "prod/main/web", started=now - 60)
    for name, began in (("api", now - 30), ("web", now - 900)):
        rig.provider.add(name, severity=Severity.CRITICAL, hint=ServiceHint(service=name), began=began)
    rig.provider.add("lone", severity=Severity.CRITICAL, began=now)
    rig.poll()
    lines = [line for line in text_board(rig.engine.update, now).splitlines() if line.lstrip().startswith("PAGE")]
    rig.engine.stop()
    assert len(lines) == 3
    assert sum("◂ deploy :41→:42" in line for line in lines) == 1
    assert sum("no suspect: " in line for line in lines) == 2
    assert any("14m after the alert" in line for line in lines)


def _read_in_part(path: Path) -> Rig:
    """Two sources: *prod* was read but for a part just now, *pager* was never read."""
    prod, pager = FakeProvider("prod"), FakeProvider("pager")
    denied = (PartialFailure(SourceState.DENIED, "cluster blue", "ecs:ListServices is denied"),)
    whole = prod.read
    prod.read = lambda request: msgspec.structs.replace(whole(request), problems=denied)  # type: ignore[method-assign]
    pager.read_raises = [Offline("nobody answers")]
    rig = Rig(path, prod, pager)
    rig.poll()
    return rig


def test_a_source_that_was_read_in_part_is_nowhere_called_unread(tmp_path: Path) -> None:
    rig = _read_in_part(tmp_path)
    update, now = rig.engine.update, rig.clock.now()
    rig.engine.stop()
    text = text_board(update, now)
    assert "ALERTS 0 · no page known · not read: pager; read in part: prod" in text
    empty = nothing(update.board, now)
    assert "0/2 sources; not read: pager (OFFLINE" in empty
    assert "; read in part: prod (DENIED" in empty
    only = unread_words([s for s in update.board.unread if s.name == "prod"])
    assert only == "read in part: prod"
    assert unread_words(()) == ""


def test_nothing_words_the_unread_sources_for_itself() -> None:
    """``board.unread`` holds what was read in part too: whoever writes "not read" of it asks ``unread_words``."""
    literal = re.compile(r"\"[^\"\n]*not read: \{[^\"\n]*\"")
    assert [p for p in SRC.rglob("*.py") if p.name != "board.py" and literal.search(p.read_text())] == []


def test_a_service_says_what_its_tasks_run_and_what_they_are_to_run(tmp_path: Path) -> None:
    rig = Rig(tmp_path, FakeProvider("prod"))
    now = rig.clock.now()
    rig.provider.services["prod/main/api"] = service(
        health=Health.DEGRADED, running=2, desired=4, revision=revision(41), meant=revision(42),
        last_deploy=now - 600, went_back_at=now - 120,
    )  # fmt: skip
    rig.poll()
    text = text_board(rig.engine.update, now)
    rig.engine.stop()
    assert "2/4    :41 (:42 0/4)  degraded  2m ago" in text
