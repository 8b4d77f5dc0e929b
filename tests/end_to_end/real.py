"""A real Alertmanager on loopback, that a test can stop and start again, asked by its own API."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tests.end_to_end.world import until

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
CONFIG = "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n"


class RealAlertmanager:
    """One server with a port of its own, which it keeps when it is started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "alertmanager.yml").write_text(CONFIG, encoding="utf-8")
        self.start()

    def start(self) -> None:
        assert BINARY is not None
        command = [
            BINARY,
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._up, "the Alertmanager answers")

    def _up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the Alertmanager ended"
        try:
            return bool(self._ask("GET", "status"))
        except (URLError, ConnectionError):
            return False

    def stop(self) -> None:
        """End the process that was started here."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(10)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", data=data, headers=headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            return json.loads(answer.read() or b"null")

    def fire(self, *alerts: tuple[dict[str, str], str]) -> None:
        """Post (labels, summary) as Prometheus does."""
        now = datetime.now(UTC).isoformat()
        body = [{"labels": labels, "annotations": {"summary": summary}, "startsAt": now} for labels, summary in alerts]
        self._ask("POST", "alerts", body)

    def alerts(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", f"alerts{query}")
        return found

    def silences(self, state: str = "active") -> list[dict[str, Any]]:
        """Those in this state, as it lists them."""
        return [s for s in self._ask("GET", "silences") if s["status"]["state"] == state]
