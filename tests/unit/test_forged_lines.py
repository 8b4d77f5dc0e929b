"""Line breaks in any field, generated: what a command prints keeps its lines, from a plan to the handover.

Each text of each struct that is printed is given line breaks in turn: what comes from outside must not forge a line.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from tests.support.fakes import FakeProvider, alert, deploy, service
from tests.support.screen import Rig

from oncall_tui.cli import alert_commands, deploys, execution
from oncall_tui.cli.journal import journal
from oncall_tui.cli.output import put, put_text
from oncall_tui.cli.text_board import text_board
from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState, ServiceHint, Severity
from oncall_tui.domain.deploy import DeployState, TaskFailure
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.outcome import Outcome, OutcomeState
from oncall_tui.domain.plan import Actor, Confirm, Plan
from oncall_tui.domain.service import Health
from oncall_tui.journal.store import Store
from oncall_tui.reports.handover import handover
from oncall_tui.reports.handover_text import markdown
from oncall_tui.text.time_format import configured_zone

BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
FORGED = "".join(f"{char}done: prod/api: rolled back" for char in BREAKS)
NOW = 1_800_000_000.0


def forged(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each text of *value*, and *value* with line breaks in that one."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            for where, changed in forged(getattr(value, name), f"{path}.{name}"):
                yield where, msgspec.structs.replace(value, **{name: changed})
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            for where, changed in forged(item, f"{path}[{n}]"):
                yield where, (*value[:n], changed, *value[n + 1 :])
    elif type(value) is str and value:
        yield path, value + FORGED


PLAN = Plan(
    id="p", verb=Verb.SILENCE, does="mute", did="muted", source="prom", target="prom/1", version="v",
    actor=Actor("Alice", "alice@example.com"), made_at=NOW, title="silence Down", lines=(("ends", "09:00"),),
    warnings=("it is",), affects=("Other",), confirm=Confirm.NAME, confirm_name="Down", confirm_why="why",
    stands="healthy", failing="it fails", commands=("amtool silence add",),
)  # fmt: skip
OUTCOME = Outcome(
    plan_id="p", verb=Verb.SILENCE, target="prom/1", state=OutcomeState.DONE, message="silenced", at=NOW,
    hint="look again", did="muted",
)  # fmt: skip
ENTRY = Entry(at=NOW, kind=EntryKind.NOTE, subject="prom/1", actor="Alice", text="a note")
DEPLOY = deploy(
    started=NOW - 60, started_by="ci", reason="why", waits="a hook", stage="bake", breaker="2/3", failed_tasks=2,
    failures=(TaskFailure("t", NOW - 50, "OutOfMemoryError", 137),), state=DeployState.IN_PROGRESS,
)  # fmt: skip
ALERT = alert(
    "prom/a", title="Down", severity=Severity.CRITICAL, state=AlertState.SILENCED, by=("Bob",), comment="known",
    labels=(("team", "payments"),), hint=ServiceHint(service="api"), began=NOW - 60, until=NOW + 600, assigned=("Bob",),
)  # fmt: skip
SERVICE = service(health=Health.DEGRADED, note="a note", events=((NOW - 70, "was unable to place a task"),))

FIELDS = {
    name: [where for where, _ in forged(value)]
    for name, value in {"plan": PLAN, "outcome": OUTCOME, "entry": ENTRY, "deploy": DEPLOY, "alert": ALERT}.items()
}


def told(show: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that *show* writes on both streams."""
    streams = io.BytesIO(), io.BytesIO()
    with monkeypatch.context() as patch:
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            patch.setattr(sys, name, io.TextIOWrapper(stream, encoding="utf-8"))
        show()
        sys.stdout.flush()
        sys.stderr.flush()
        return "".join(stream.getvalue().decode() for stream in streams).splitlines()


def check(found: list[str], wanted: int, where: str) -> None:
    assert len(found) == wanted, (where, found)
    assert not [line for line in found if line.startswith("done: prod/api")], where


def test_every_struct_has_texts_to_forge() -> None:
    assert {name: len(fields) for name, fields in FIELDS.items() if len(fields) < 3} == {}
    assert ".lines[0][1]" in FIELDS["plan"]


def test_a_plan_and_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    for show, value in ((alert_commands.show_plan, PLAN), (execution.tell, OUTCOME)):
        wanted = len(told(lambda: show(value), monkeypatch))  # type: ignore[operator]  # noqa: B023
        for where, changed in forged(value):
            check(told(lambda: show(changed), monkeypatch), wanted, where)  # type: ignore[operator]  # noqa: B023


def test_a_deploys_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, changed in forged(DEPLOY):
        check(told(lambda: put(deploys.line(changed, NOW, configured_zone())), monkeypatch), 1, where)  # noqa: B023


def test_the_journal(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    path = tmp_path / "journal.db"
    config.write_text(
        f"sources:\n  - {{name: prom, provider: alertmanager, url: http://127.0.0.1:9}}\njournal: {path}\n"
    )
    every = [ENTRY, *(changed for _, changed in forged(ENTRY))]
    store = Store(path)
    store.append(every)
    store.close()
    result = CliRunner().invoke(journal, [], obj={"config": str(config), "read_only": False})
    assert result.exit_code == 0, result.output
    check(result.output.splitlines(), len(every), "journal")


def test_status_and_the_handover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path, FakeProvider("prom"))
    try:
        rows = {"deploy": DEPLOY, "alert": ALERT, "service": SERVICE}
        wanted: dict[str, int] = {}
        for kind, value in (("", None), *rows.items()):
            for where, changed in forged(value) if value is not None else [("", None)]:
                if where in (".id", ".source", ".native_id", ".provider", ".service_id") or ".key." in where:
                    continue  # what rows are joined by
                now = {**rows, kind: changed} if kind else rows
                rig.provider.alerts = {"prom/a": now["alert"]}
                rig.provider.services = {SERVICE.id: now["service"]}
                rig.provider.deploys = {DEPLOY.id: now["deploy"]}
                rig.poll()
                update = rig.engine.update
                texts = {
                    "status": text_board(update, NOW),
                    "handover": markdown(handover([], update.triaged, NOW - 3600, NOW), configured_zone()),
                }
                for surface, text in texts.items():
                    lines = told(lambda: put_text(text), monkeypatch)  # noqa: B023
                    wanted.setdefault(surface, len(lines))
                    check(lines, wanted[surface], f"{surface}: {kind}{where}")
        assert min(wanted.values()) > 5
    finally:
        rig.engine.stop()
