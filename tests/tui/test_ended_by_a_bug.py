"""An error that nobody expected ends the board with one line; the log has the rest, and no value of a variable."""

from __future__ import annotations

import errno
import io
import logging
from pathlib import Path

import pytest
from tests.support.screen import Rig

from oncall_tui.config import Config
from oncall_tui.tui.app import OncallApp, ended_by


async def test_a_bug_ends_as_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        local = "the value of a variable"
        raise KeyError(len(local))

    rig = Rig(tmp_path)
    app = OncallApp(rig.engine, Config(timezone="UTC"))
    said = io.StringIO()
    monkeypatch.setattr(app.error_console, "file", said)

    async def run() -> None:
        async with app.run_test() as pilot:
            app.call_later(broken)
            await pilot.pause(0.2)

    with caplog.at_level(logging.CRITICAL), pytest.raises(KeyError):
        await run()
    rig.engine.stop()
    words = " ".join(said.getvalue().split())
    assert words.startswith("oncall-tui: the board ended by a bug: KeyError: 23; please report it")
    assert "Traceback" not in words
    assert app.return_code == 1
    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.exc_info


def test_what_the_machine_lacks_is_no_bug() -> None:
    words = ended_by(OSError(errno.EMFILE, "Too many open files"))
    assert words == "oncall-tui: the board ended: Too many open files (raise the limit of open files: ulimit -n)"
    assert "bug" in ended_by(OSError(errno.EBADF, "Bad file descriptor"))
    assert "\x1b" not in ended_by(ValueError("\x1b[2J"))
