"""Each fault at each source: the right word, words that help, rows that stay, nobody else touched, and well again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oncall_tui.domain.reading import Reading, SourceState
from oncall_tui.engine.engine import Update
from tests.faults.table import FURTHER, RIGHT, SOURCES, Case, Told
from tests.faults.world import SECRETS, Ahead, Rig, World, rows_of, started, words

pytestmark = pytest.mark.xdist_group("fault table")
OK = SourceState.OK
Cases = dict[tuple[str, str], Case]
MORE = {name: pytest.mark.everything if name in FURTHER else () for name in SOURCES}
EVERY = pytest.mark.parametrize(
    ("kind", "source"), [pytest.param(kind, name, marks=MORE[name]) for kind in RIGHT for name in SOURCES]
)
BOTH = pytest.mark.parametrize("start", ["warm", "cold"])


def told(cases: Cases, kind: str, source: str, start: str) -> Told:
    found: Told = getattr(cases[kind, source], start)
    return found


@EVERY
@BOTH
def test_the_right_word_and_it_stays(cases: Cases, kind: str, source: str, start: str) -> None:
    found = told(cases, kind, source, start)
    assert found.status.state in RIGHT[kind], found.words
    assert found.source["state"] == found.status.state
    after = list(found.words)
    if start == "warm" and after[0] is OK:
        after = after[1:]  # from before the first poll under the fault
    assert OK not in after, f"nothing was read, and it said so: {' > '.join(found.words)}"


@EVERY
@BOTH
def test_what_is_wrong_and_what_to_do(cases: Cases, kind: str, source: str, start: str) -> None:
    status = told(cases, kind, source, start).status
    said = status.message + status.hint
    assert status.message
    assert status.hint, f"no hint: {status.message}"
    assert not any(ugly in said for ugly in ("Traceback", "Error(", "<html", "<!DOCTYPE", " object at 0x", "•••"))
    assert said.isprintable()
    shown = told(cases, kind, source, start).source
    assert (shown["name"], shown["message"], shown["hint"]) == (source, status.message, status.hint)


@pytest.mark.parametrize("source", [pytest.param(name, marks=MORE[name]) for name in SOURCES])
def test_what_some_messages_name(cases: Cases, source: str) -> None:
    """A hang says that no answer came; a denied call names its permission; an expired login how it is renewed."""
    hung = cases["hang", source].warm.status
    assert "no answer" in hung.message or "did not answer" in hung.message
    hints = {kind: cases[kind, source].warm.status.hint for kind in ("denied", "expired")}
    rights = {"prod": "ecs:", "alarms": "cloudwatch:DescribeAlarms", "dd": "monitors_read", "errors": "event:read"}
    assert rights.get(source, "right to read") in hints["denied"]
    renews = {"prom": "$FAULTS_PROM_TOKEN", "pager": "$ONCALL_DRILL_TOKEN", "dd": "$ONCALL_DRILL_TOKEN"}
    renews |= dict.fromkeys(("errors", "monitors"), "$ONCALL_DRILL_TOKEN")
    assert renews.get(source, "simulator/__main__.py login") in hints["expired"]
    if source in ("prod", "alarms"):
        assert cases["expired", source].warm.status.login[-1] == source


@EVERY
def test_the_last_good_rows_stay_and_are_marked_old(cases: Cases, kind: str, source: str) -> None:
    case = cases[kind, source]
    assert case.before
    assert case.warm.rows == case.before
    status = case.warm.status
    assert not status.current
    assert status.read_at is not None
    assert case.warm.age_s is not None
    assert case.warm.age_s > 0
    assert case.warm.source["age_s"] == pytest.approx(case.warm.age_s, abs=0.2)
    listed = {row["id"] for part in ("alerts", "services", "deploys") for row in case.warm.object[part]}
    assert set(case.before) <= listed


@EVERY
@BOTH
def test_nobody_else_is_touched(cases: Cases, kind: str, source: str, start: str) -> None:
    found = told(cases, kind, source, start)
    assert len(found.others) == 7
    assert "edge" in found.others
    assert {name: states for name, states in found.others.items() if states != (OK,)} == {}
    assert found.moved == ()


@EVERY
def test_a_cold_start_invents_nothing(cases: Cases, kind: str, source: str) -> None:
    cold = cases[kind, source].cold
    assert cold.rows == {}
    assert cold.status.read_at is None
    assert not cold.status.current
    assert cold.source["age_s"] is None
    assert cold.nothing.startswith("No alert in what could be read. 7/8 sources; not read: ")
    assert f"{source} ({cold.status.state.label}" in cold.nothing


@EVERY
@BOTH
def test_it_is_well_again_once_the_fault_is_gone(cases: Cases, kind: str, source: str, start: str) -> None:
    found = told(cases, kind, source, start)
    assert found.well_in_s is not None
    assert found.after == cases[kind, source].before


def test_no_secret_is_told_or_kept(cases: Cases, kept: Path) -> None:
    """Nor in a message, ``--json``, the log or the journal."""
    shown = json.dumps([t.object for c in cases.values() for t in (c.warm, c.cold)])
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    for secret in SECRETS.values():
        assert secret not in shown
        assert [path for path in files if secret.encode() in path.read_bytes()] == []


# --- apart from the table ---------------------------------------------------------------------------------------------


def test_all_come_back_by_themselves(world: World, tmp_path: Path) -> None:
    """Nobody presses ``r``: the pollers' own back-off finds out."""
    with started(world, tmp_path) as rig:
        known = _rows(rig, rig.all_ok())
        for _ in range(10):  # what rows get after their first reading
            before, known = known, _rows(rig, rig.poll())
            if known == before:
                break
        world.fault("refuse", "*")
        down = rig.poll()
        assert {s.state for s in down.board.sources.values()} == {SourceState.OFFLINE}, words(down)
        assert _rows(rig, down) == known
        world.lift()
        began = time.monotonic()
        rig.all_ok()
        assert time.monotonic() - began < 10


def _rows(rig: Rig, update: Update) -> dict[str, dict[str, object]]:
    """What an update has of each source."""
    return {name: rows_of(update.board, name) for name in rig.engine.sources}


def test_a_hung_source_gets_stale_while_the_others_go_on(world: World, tmp_path: Path) -> None:
    clock = Ahead()
    with started(world, tmp_path, clock) as rig:
        rig.all_ok()
        world.fault("hang", "prom")
        hung = rig.ask(["prom"])
        others = [name for name in rig.engine.sources if name != "prom"]
        rig.poll(others)
        clock.by += 31.0  # the poll hangs on, and three of its intervals are over
        update = rig.poll(others)
        prom = rig.wait(lambda u: u.board.sources["prom"].state is SourceState.STALE, "prom is stale").board.sources[
            "prom"
        ]
        assert "no answer" in prom.message
        assert prom.hint
        assert not prom.current
        assert rows_of(update.board, "prom")
        assert {n: rig.source(n).state for n in others} == dict.fromkeys(others, OK)
        world.lift()
        rig.polled(hung)


def test_a_poll_without_a_call_reads_nothing(world: World, tmp_path: Path) -> None:
    """With the allowance of calls used up a poll may make none: what is shown is no newer than the last that did."""
    with started(world, tmp_path) as rig:
        rig.all_ok()
        poller = rig.engine._pollers["prod"]
        called, inner = {rig.source("prod").read_at}, poller._succeeded

        def noted(reading: Reading, began: float) -> None:
            if reading.calls:
                called.add(reading.at)
            inner(reading, began)

        poller._succeeded = noted  # type: ignore[method-assign]
        for _ in range(12):
            assert rig.poll(["prod"]).board.sources["prod"].read_at in called


def test_the_demo_s_own_hint_can_be_copied(make_world: Callable[..., World], tmp_path: Path) -> None:
    """The drill's token is a common word: masking it must not eat the command that renews the login."""
    world = make_world("--scenario", "quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONCALL_DRILL_TOKEN", world.told["environment"]["ONCALL_DRILL_TOKEN"])
        with started(world, tmp_path) as rig:
            rig.all_ok()
            world.fault("expired", "prod")
            rig.poll(["prod"])
            status = rig.source("prod")
            assert status.hint == " ".join(status.login)
