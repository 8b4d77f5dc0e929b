"""Recorders of two machines with one journal in DynamoDB: one records, and the other takes over when that is killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.shared_readings import ended
from tests.end_to_end.world import World, journalled, until
from tests.support import dynamodb
from tests.support.forked import PIPE, popen

pytestmark = pytest.mark.xdist_group("journal contract")  # they share what moto imports
TAKES_OVER_S = 60.0  # at the most, as docs/record.md says
HASTY = "tests.support.hasty_record"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The configuration of a new table."""
    pytest.importorskip("moto.server")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with dynamodb.server() as url:
        yield {"table": dynamodb.create(url), "region": dynamodb.REGION, "endpoint_url": url}


class Machine:
    """A machine with a journal's file of its own; *module* is what its recorder runs."""

    def __init__(self, world: World, name: str, table: dict[str, str], module: str) -> None:
        self.journal = world.folder / name / "journal.db"
        self.journal.parent.mkdir()
        written = world.configure(intervals=0.5, journal={"path": str(self.journal), "dynamodb": table})
        self._config = written.rename(self.journal.parent / "config.yaml")
        self._env, self._module = world.env, module
        self.program: Any = None

    def start(self) -> None:
        """Start its recorder."""
        command = ("--config", str(self._config), "record")
        self.program = popen(self._module, *command, env=self._env, stderr=PIPE)

    def says(self, words: str) -> str:
        """Wait for a line on stderr that has these *words*."""
        while words not in (line := self.program.stderr.readline()):
            assert line, f"it ended before it said {words!r}"
        return str(line)

    def seen(self, *kinds: str) -> set[tuple[str, str, str, str]]:
        """What its file has of those kinds."""
        found = (e for e in journalled(self.journal, *kinds))
        return {(e.kind, e.subject, e.text, str(e.data.get("new") or e.data.get("state"))) for e in found}

    def starts(self) -> int:
        """How often a recorder began, on any machine, as its file tells."""
        found = (e for e in journalled(self.journal, "watch") if e.subject == "recorder")
        return sum(e.data["state"] == "started" for e in found)

    def close(self) -> None:
        if self.program is not None:
            ended(self.program)


@pytest.mark.parametrize("module", [HASTY, pytest.param("oncall_tui", marks=pytest.mark.everything)])
def test_another_machine_takes_over_when_the_one_that_records_is_killed(
    make_world: Callable[..., World], table: dict[str, str], module: str
) -> None:
    world = make_world("--scenario", "flapping", "--speed", "20")
    first, second = (Machine(world, name, table, module) for name in ("first", "second"))
    try:
        first.start()
        first.says("recording into")
        second.start()
        said = second.says("standing by: another recorder watches since ")
        assert f"pid {first.program.pid})" in said
        until(lambda: first.seen("alert"), "the first one records")
        assert second.starts() == 0

        first.program.kill()
        killed = time.monotonic()
        first.close()
        second.says("recording into")
        took = time.monotonic() - killed
        assert took < TAKES_OVER_S * (0.2 if module == HASTY else 1.0)
        until(lambda: second.starts() == 2, "the second one records, and has what the first one did")
        until(lambda: second.seen("alert") >= first.seen("alert"), "none of it is lost")

        first.start()  # it is back, and has lost its lease
        assert f"pid {second.program.pid})" in first.says("standing by: another recorder watches since ")
        second.program.send_signal(signal.SIGTERM)
        assert second.program.wait(20) == 0
        first.says("recording into")
        until(lambda: first.seen("alert", "watch") >= second.seen("alert", "watch"), "the first one has all of it too")
    finally:
        first.close()
        second.close()
