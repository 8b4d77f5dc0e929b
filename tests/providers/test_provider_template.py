"""The template of a provider of another distribution: built offline, it passes its suite; a configuration uses it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from tests.end_to_end.world import environment
from tests.support import level

from oncall_tui.testing.server import Server
from oncall_tui.testing.suite import LONG, TOKEN

pytestmark = pytest.mark.xdist_group("provider template")  # one process builds it
TEMPLATE = Path(__file__).parents[2] / "docs" / "provider-template"
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
CONFIG = """
sources:
  - {{name: list, provider: jsonlist, url: "{url}", token: {{env: LIST_TOKEN}}}}
pages: [{{provider: jsonlist, severity: critical}}]
journal: {journal}
"""
Installed = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The template's wheel, unpacked beside this program, and an environment in which Python finds it."""
    folder = tmp_path_factory.mktemp("template")
    copytree(TEMPLATE, folder / "source", ignore=ignore_patterns("__pycache__", "dist"))
    name = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=folder / "source", capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    with zipfile.ZipFile(folder / name) as wheel:
        wheel.extractall(folder / "site")
    (folder / "home").mkdir()
    here = os.pathsep.join(filter(None, (str(folder / "site"), os.environ.get("PYTHONPATH", ""))))
    return folder, environment(folder / "home", PYTHONPATH=here, LIST_TOKEN=TOKEN)


def program(installed: Installed, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=installed[0] / "home", env=installed[1], capture_output=True, text=True)


def test_it_passes_the_contract_that_ships(installed: Installed) -> None:
    tests = str(installed[0] / "source" / "tests")
    short = [] if level.everything else ["-k", f"not ({' or '.join(sorted(LONG))})"]
    said = program(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tests, tests, *short)
    assert said.returncode == 0, said.stdout
    assert f"{31 - len(LONG) * bool(short)} passed" in said.stdout


@pytest.fixture
def served(installed: Installed) -> Iterator[Callable[[], Path]]:
    """Its simulated other side on loopback, with two alerts; a function that writes a configuration for it."""
    at = installed[0] / "source" / "tests" / "test_contract.py"
    spec = importlib.util.spec_from_file_location("template_contract", at)
    assert spec is not None
    assert spec.loader is not None
    sys.path.insert(0, str(installed[0] / "site"))
    try:
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(installed[0] / "site"))
    server = Server(module.SimulatedList(time.time, 2).handle, time.time)

    def configured() -> Path:
        path = installed[0] / "config.yaml"
        path.write_text(CONFIG.format(url=server.url, journal=installed[0] / "journal.db"))
        return path

    yield configured
    server.close()


def test_a_configuration_that_names_it_is_checked_and_read(installed: Installed, served: Callable[[], Path]) -> None:
    config = str(served())
    said = program(installed, "-m", "oncall_tui", "check", "--config", config)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "list         jsonlist         OK" in said.stdout
    said = program(installed, "-m", "oncall_tui", "status", "--json", "--config", config)
    assert said.returncode == 0, said.stdout + said.stderr
    alerts = sorted(json.loads(said.stdout)["alerts"], key=lambda alert: str(alert["id"]))
    assert [(a["id"], a["title"], a["state"], a["pages"]) for a in alerts] == [
        ("list/0", "problem 0", "firing", True),
        ("list/1", "problem 1", "firing", True),
    ]
