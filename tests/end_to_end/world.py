"""The other side of these tests: a simulated world in a child process, its truth, and the program's configuration."""

from __future__ import annotations

import json
import os
import sqlite3
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from tests.support.forked import PIPE, popen

T = TypeVar("T")
SCENARIOS = Path(__file__).parents[2] / "src" / "oncall_tui" / "simulator" / "scenarios"
PAYMENTS = "prod/prod-main/payments-api"


def until(found: Callable[[], T], what: str, seconds: float = 60.0, pause: float = 0.02) -> T:
    """Ask again and again, shortly, until *found* gives something true; fail with *what* after *seconds*."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return value


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command runs in: nothing of the account that runs the tests but its PATH."""
    return {
        **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),  # the code that is tested
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


class Journalled(NamedTuple):
    """One line of the journal's file."""

    seq: int
    kind: str
    subject: str
    actor: str
    text: str
    data: dict[str, Any]


def journalled(path: Path, *kinds: str) -> list[Journalled]:
    """What stands in the file, read without the program; nothing while it is not there yet."""
    if not path.exists():
        return []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
    try:
        marks = ",".join("?" * len(kinds))
        where = f"WHERE kind IN ({marks})" if kinds else ""
        rows = db.execute(f"SELECT seq, kind, subject, actor, text, data FROM entry {where} ORDER BY seq", kinds)
        return [Journalled(*row[:5], json.loads(row[5])) for row in rows]
    except sqlite3.OperationalError:  # the file is there, its tables are not yet
        return []
    finally:
        db.close()


class World:
    """A running drill. What it says through ``state`` is the truth that screens and answers are held against."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.journal = folder / "journal.db"
        self._child = popen("oncall_tui.simulator", "serve", "--with-parent", *arguments, stdin=PIPE)
        assert self._child.stdout is not None
        self.told: dict[str, Any] = json.loads(self._child.stdout.readline())
        self.env = environment(folder, **self.told["environment"])

    def close(self) -> None:
        """It ends when its stdin does."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(30)
        finally:
            if self._child.poll() is None:
                self._child.kill()
                self._child.wait(5)
            self._child.stdout.close()

    # --- its control API ----------------------------------------------------------------------------------------------

    def control(self, method: str, path: str, **asked: Any) -> Any:
        """One call of the control API."""
        body = json.dumps(asked).encode() if asked else None
        request = urllib.request.Request(f"{self.told['control']}/_drill/{path}", data=body, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            return json.load(answer)

    def fault(self, kind: str, source: str = "*", **more: Any) -> str:
        return str(self.control("POST", "faults", source=source, kind=kind, **more)["id"])

    def mend(self, fault: str = "") -> None:
        """Take one fault away, or all of them."""
        self.control("DELETE", f"faults/{fault}" if fault else "faults")

    def do(self, **event: Any) -> None:
        self.control("POST", "do", event=event)

    @property
    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = self.control("GET", "state")
        return told

    def service(self, path: str = PAYMENTS) -> dict[str, Any]:
        service: dict[str, Any] = self.state["services"][path]
        return service

    def incident(self, id: str = "") -> dict[str, Any] | None:
        """The incident with this id, or the only one."""
        found = [i for i in self.state["incidents"] if not id or i["id"] == id]
        assert len(found) <= 1
        return found[0] if found else None

    def writes(self, source: str = "") -> list[dict[str, Any]]:
        """Every write that reached it, as it was asked for."""
        return [w for w in self.control("GET", "calls")["writes"] if source in ("", w["source"])]

    def calls(self) -> dict[str, int]:
        """How many calls each source has had."""
        return {name: sum(c.values()) for name, c in self.control("GET", "calls")["sources"].items()}

    # --- the program's side -------------------------------------------------------------------------------------------

    def configure(self, intervals: float | None = None, only: tuple[str, ...] = (), **more: Any) -> Path:
        """Write the configuration that it tells, with a journal in its folder; *intervals*: seconds between polls."""
        config = {**self.told["config"], "journal": str(self.journal), "steady_s": 2, **more}
        config["sources"] = [s for s in config["sources"] if not only or s["name"] in only]
        if intervals is not None:
            config["sources"] = [{**s, "interval_s": intervals} for s in config["sources"]]
        path = self.folder / f"{'-'.join(only) or 'config'}.yaml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        return path

    def entries(self, *kinds: str) -> list[Journalled]:
        return journalled(self.journal, *kinds)


def shipped(name: str) -> dict[str, Any]:
    """A scenario that ships, to be changed and written as one's own."""
    table: dict[str, Any] = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text(encoding="utf-8"))
    return table


def written(folder: Path, scenario: dict[str, Any]) -> str:
    """A scenario as a file of one's own; the argument that names it."""
    path = folder / f"{scenario['name']}.yaml"
    path.write_text(yaml.safe_dump(scenario, allow_unicode=True), encoding="utf-8")
    return str(path)


def acknowledgers(incident: dict[str, Any]) -> list[str]:
    """Who has acknowledged it, by name."""
    return [str(a["acknowledger"]["summary"]) for a in incident["acknowledgements"]]


def assignees(incident: dict[str, Any]) -> list[str]:
    """Who it is assigned to, by name."""
    return [str(a["assignee"]["summary"]) for a in incident["assignments"]]
