"""Kill a recorder and a board, a program in a terminal, in turn at random moments, while keys acknowledge incidents.

Both write one journal, and the world is the drill's. What is lost is counted: an entry that could be read before a
kill, and an acknowledgement that the pager has and that the journal does not tell as done once a board was opened
again. A key that has no effect although its board lives ends it: ``python -m tests.end_to_end.killed_board 200
[SEED]``.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.end_to_end.shared_readings import ended, recorder
from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World, acknowledgers, journalled, until, written

ENDED = frozenset({"done", "sent", "refused", "failed", "unknown"})  # what was never sent stays unknown
LONGEST_S = 2.5  # from when an incident is on screen, over the key and its effect, until the kill
AT_THE_START = 0.3  # of the boards that are opened so many are killed before they show anything, or just then
SCENARIO = {
    "name": "paged",
    "timezone": "Asia/Tokyo",
    "me": {"name": "Alice", "email": "alice@example.com"},
    "sources": [{"name": "pager", "provider": "pagerduty"}],
    "pagerduty": {
        "people": [{"name": "Alice", "email": "alice@example.com"}],
        "policies": [{"name": "All", "levels": [{"people": ["Alice"], "after": 3000}]}],
        "services": [{"name": "all", "policy": "All"}],
    },
    "events": [{"page": {"key": "first", "title": "the first one", "service": "all", "urgency": "low"}}],
}


class Found(NamedTuple):
    """How it ended."""

    kills: int
    entries: int
    acknowledged: int  # incidents, by the pager
    lost_entries: int
    lost_acknowledgements: int
    damaged: int


class Killer:
    """One recorder and one board over one journal, each started anew when it was killed."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._chance = world, random.Random(seed)
        self._config = world.configure(intervals=0.3)
        self._entries: dict[int, tuple[str, str]] = {}
        self._lost: set[int] = set()
        self._damaged = 0
        self.kills = 0
        self._recorder: Any = recorder(world, self._config)
        self._board = self._opened()

    def _opened(self) -> Program:
        return Program(("--config", str(self._config)), self._world.env)

    def close(self) -> None:
        """End both."""
        self._board.close()
        ended(self._recorder)

    def kill(self, number: int, board: bool) -> None:
        """Kill the *board*, or else the recorder, while the *number*th incident is acknowledged on the board."""
        key, title = f"kill/{number}", f"incident {number:03d}"
        self._world.do(page={"key": key, "title": title, "service": "all", "urgency": "low"})
        self._board.wait("ALERTS")
        until(lambda: self._at_the_top(title), f"{title} is on screen", pause=0.3)
        killed = threading.Event()

        def end() -> None:
            self._note()
            killed.set()
            if board:
                self._board.close()
            else:
                self._recorder.kill()

        timer = threading.Timer(self._chance.uniform(0.0, LONGEST_S), end)
        timer.start()
        try:
            self._board.go_to(title)
            self._board.press("a")
        except (AssertionError, OSError, ValueError):  # its terminal is closed
            if not (board and killed.is_set()):
                raise
        finally:
            timer.join()
        self.kills += 1
        if board:
            self._board = self._opened()
            if self._chance.random() < AT_THE_START:
                time.sleep(self._chance.uniform(0.0, 1.0))
                self._board.close()
                self._board, self.kills = self._opened(), self.kills + 1
        else:
            until(lambda: self._acknowledged(title), f"{title} is acknowledged: the board lives")
            ended(self._recorder)
            self._recorder = recorder(self._world, self._config)
        self._note()
        self._damaged += _unsound(self._world.journal)

    def _at_the_top(self, title: str) -> bool:
        """Tell whether it is on screen: of those that nobody has it is the newest, and stands first."""
        if title not in self._board.text:
            self._board.press("g")
        return title in self._board.text

    def _acknowledged(self, title: str = "") -> list[str]:
        """The targets of the incidents that Alice has, in the pager; of that *title* alone where there is one."""
        found = (i for i in self._world.state["incidents"] if "Alice" in acknowledgers(i))
        return [f"pager/{i['id']}" for i in found if title in i["title"]]

    def _note(self) -> None:
        """Take up what stands in the journal, and what does not any more."""
        now = {e.seq: (e.kind, e.subject) for e in journalled(self._world.journal)}
        self._lost |= {seq for seq, entry in self._entries.items() if now.get(seq) != entry}
        self._entries |= now

    def found(self) -> Found:
        """Wait until the board that lives has resolved what was left open, and count."""
        targets = {e.subject: e.data["plan"]["target"] for e in self._world.entries("intent")}

        def states() -> dict[str, str]:
            return {e.subject: e.data["state"] for e in self._world.entries("outcome")}

        until(lambda: all(states().get(plan) in ENDED for plan in targets), "every intent has its outcome")
        self._note()
        done = {targets[plan] for plan, state in states().items() if state == "done"}
        acknowledged = {*self._acknowledged()}
        return Found(
            self.kills,
            len(self._entries),
            len(acknowledged),
            len(self._lost),
            len(acknowledged ^ done),
            self._damaged + len(list(self._world.folder.glob("*.damaged*"))),
        )


def _unsound(path: Path) -> bool:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        return bool(db.execute("PRAGMA integrity_check").fetchone()[0] != "ok")
    finally:
        db.close()


def kills(folder: Path, count: int, seed: int) -> Found:
    """Kill recorder and board in turn, at least *count* times together."""
    world = World(folder, "--scenario", written(folder, SCENARIO))
    try:
        killer = Killer(world, seed)
        try:
            number = 0
            while killer.kills < count:
                killer.kill(number, board=bool(number % 2))
                number += 1
            return killer.found()
        finally:
            killer.close()
    finally:
        world.close()


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10_000)
    with tempfile.TemporaryDirectory() as folder:
        found = kills(Path(folder), count, seed)
    sys.stdout.write(f"seed {seed}: " + ", ".join(f"{name} {value}" for name, value in found._asdict().items()) + "\n")
    return bool(found.lost_entries or found.lost_acknowledgements or found.damaged)


if __name__ == "__main__":
    sys.exit(main())
