"""An account without a name or a home, as a container's user often is: words instead of a traceback."""

from __future__ import annotations

import getpass
import os

import pytest

from oncall_tui import bootstrap
from oncall_tui.cli import main
from oncall_tui.config import Config


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 54321"), OSError("No username set")])
def test_an_account_without_a_name_acts_under_its_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def unknown() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", unknown)
    actor = bootstrap.actor_of(Config(sources=()))
    assert (actor.name, actor.guessed) == (f"uid {os.getuid()}", True)


@pytest.mark.parametrize("command", [[], ["status"], ["check"]])
def test_an_account_without_a_home_is_told_what_to_set(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "no home folder (set HOME" in capsys.readouterr().err
