"""The program's log: private, redacted, and nothing of it before its first line."""

from __future__ import annotations

import logging
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oncall_tui.runtime import log
from oncall_tui.runtime.secret import keep_secret


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


def test_a_line_is_private_and_redacted(tmp_path: Path) -> None:
    path = log.start(tmp_path / "state")
    assert path is not None
    assert not path.exists()  # nothing was written yet
    keep_secret("not-a-real-secret")
    logging.getLogger("oncall_tui.test").warning("asked with %s", "not-a-real-secret")
    text = path.read_text()
    assert "WARNING oncall_tui.test: asked with" in text
    assert "not-a-real-secret" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_BYTES", 200)
    path = log.start(tmp_path)
    assert path is not None
    for number in range(12):
        logging.getLogger("oncall_tui.test").warning("line %d, long enough to fill a small file", number)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["oncall-tui.log", "oncall-tui.log.1", "oncall-tui.log.2"]


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert log.start(tmp_path / "file") is None
    logging.getLogger("oncall_tui.test").warning("to nowhere")
    path = log.start(tmp_path)
    assert path is not None
    path.mkdir()  # what is in its place cannot be opened
    logging.getLogger("oncall_tui.test").warning("to nowhere")
    assert list(path.iterdir()) == []


def test_its_module_is_imported_for_the_first_line(tmp_path: Path) -> None:
    code = "import sys, pathlib, logging; from oncall_tui.runtime import log; log.start(pathlib.Path(sys.argv[1]))\n"
    code += "before = 'logging.handlers' in sys.modules; logging.getLogger('x').warning('a'); sys.exit(before)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == 0
    assert "WARNING x: a" in (tmp_path / "oncall-tui.log").read_text()
