"""The simulated world as the other side: a child process, its control API, and the program on it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.terminal import Terminal, environment


class World:
    """One running drill world with a folder of its own. Use it in a ``with``."""

    def __init__(self, scenario: str = "scale", services: int = 0, alerts: int = 0, speed: float = 1.0) -> None:
        command = [sys.executable, "-m", "oncall_tui.simulator", "serve", "--with-parent", "--scenario", scenario]
        command += ["--services", str(services), "--alerts", str(alerts), "--speed", str(speed)]
        self._folder = tempfile.TemporaryDirectory(prefix="oncall-tui-bench-")
        self.folder = Path(self._folder.name)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError("the simulated world did not start")
        told = json.loads(line)
        self.control: str = told["control"]
        self.endpoints: dict[str, str] = told["endpoints"]
        self.config: dict[str, Any] = told["config"]
        self.env = environment(self.folder, told["environment"])

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
        self._folder.cleanup()

    def ask(self, path: str, body: dict[str, Any] | None = None, base: str = "") -> Any:
        """GET, or POST where there is a *body*; of the control API unless *base* says whose."""
        data = None if body is None else json.dumps(body).encode()
        url = f"{base}{path}" if base else f"{self.control}/_drill/{path}"
        request = urllib.request.Request(url, data=data, method="POST" if data else "GET")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.loads(answer.read())

    def do(self, **event: Any) -> None:
        """Let an event happen: ``do(fire={…})``."""
        self.ask("do", {"event": event})

    def calls(self) -> dict[str, dict[str, int]]:
        """Calls so far: source -> operation -> how many."""
        return dict(self.ask("calls")["sources"])

    def write_config(self, name: str = "config.json", **changes: Any) -> Path:
        """The program's configuration as a file; *changes* replace its top-level keys."""
        path = self.folder / name
        journal = str(self.folder / f"{name}.journal.db")
        path.write_text(json.dumps({**self.config, "journal": journal, **changes}))
        return path

    def program(self, path: Path | None = None, env: dict[str, str] | None = None) -> Terminal:
        """The board on this world."""
        return Terminal(command(path or self.write_config()), self.env | (env or {}))


def command(config: Path) -> list[str]:
    """How the program is started."""
    return [sys.executable, "-m", "oncall_tui", "--config", str(config)]
