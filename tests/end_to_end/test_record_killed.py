"""A recorder, and a board, killed at random moments while both write one journal: nothing is lost."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end import killed_board
from tests.end_to_end.shared_readings import board, ended, recorder, says, set_environment
from tests.end_to_end.world import World, journalled, until


def sound(world: World) -> str:
    db = sqlite3.connect(f"file:{world.journal}?mode=ro", uri=True, timeout=5.0)
    try:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        db.close()


@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.everything)])
def test_what_was_written_is_there_after_every_kill(make_world: Callable[..., World], kills: int) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201
    chance = random.Random(seed)
    world = make_world("--scenario", "flapping", "--speed", "60")
    config = world.configure(intervals=0.2)
    written: dict[int, tuple[str, str]] = {}
    with set_environment(world.env), board(config) as engine:
        for _ in range(kills):
            program = recorder(world, config)
            try:
                time.sleep(chance.uniform(0.0, 0.5))
                written.update((e.seq, (e.kind, e.subject)) for e in journalled(world.journal))
                program.send_signal(signal.SIGKILL)
            finally:
                ended(program)
            now = {e.seq: (e.kind, e.subject) for e in journalled(world.journal)}
            assert {seq: now.get(seq) for seq in written} == written, seed
            assert sound(world) == "ok", seed
        until(lambda: says(engine, "this board reads by itself"), "the board polls again")
        program = recorder(world, config)  # the lease of a killed one holds up nobody
        try:
            until(lambda: says(engine, "reads for this board"), "its readings are taken")
        finally:
            ended(program)
        assert engine.update.journal_failure == ""
    starts = [e for e in journalled(world.journal, "watch") if (e.subject, e.data["state"]) == ("recorder", "started")]
    assert 0 < len(starts) <= kills + 1  # one that is killed at once has not begun
    assert list(world.folder.glob("*.damaged*")) == []


@pytest.mark.pty
@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.everything)])
def test_a_recorder_and_a_board_that_are_killed_in_turn_lose_no_acknowledgement(tmp_path: Path, count: int) -> None:
    found = killed_board.kills(tmp_path, count, seed=count)
    assert found.acknowledged >= count // 2, found
    assert (found.lost_entries, found.lost_acknowledgements, found.damaged) == (0, 0, 0), found
