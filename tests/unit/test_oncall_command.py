"""``oncall``: "not on call" is said only where every source says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from oncall_tui import bootstrap
from oncall_tui.cli.group import cli
from oncall_tui.domain.on_call import OnCallShift
from oncall_tui.errors import Offline

CONFIG = "sources:\n  - {name: prom, provider: alertmanager, url: http://127.0.0.1:9}\n"


def test_two_policies_of_one_name_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    pager = Pager(False)
    pager.on_call = lambda: tuple(  # type: ignore[method-assign]
        OnCallShift(policy=name, policy_id=policy_id, level=1, person=who, until=4_000_000_000.0)
        for name, policy_id, who in (("Payments", "P1", "Bob"), ("Payments", "P2", "Carol"), ("Shop", "P3", "Dave"))
    )
    monkeypatch.setattr(bootstrap, "on_call_sources", lambda config: {"pager": lambda: pager})
    words = CliRunner().invoke(cli, ["--config", str(path), "oncall"]).stdout
    heads = [line.partition("  ")[0] for line in words.splitlines()[1:] if not line.startswith(" ")]
    assert heads == ["Payments (P1)", "Payments (P2)", "Shop"]
    assert "Oct 2096" in words  # of another year
    told = json.loads(CliRunner().invoke(cli, ["--config", str(path), "oncall", "--json"]).stdout.splitlines()[0])
    assert [shift["policy_id"] for shift in told["on_call"]] == ["P1", "P2", "P3"]


class Pager:
    """Tells whether I am on call, or fails."""

    on_call_lacks = ""

    def __init__(self, mine: bool | Exception | None) -> None:
        self.mine = mine

    def on_call(self) -> tuple[OnCallShift, ...]:
        if isinstance(self.mine, Exception):
            raise self.mine
        return (OnCallShift(policy="Payments", level=1, person="Bob"),)

    def on_call_now(self) -> Any:
        return self.mine


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((True, None), True),
        ((True, Offline("no answer")), True),
        ((False, False), False),
        ((False, None), None),
        ((False, Offline("no answer")), None),
        ((None,), None),
    ],
)
def test_whether_i_am_on_call(
    answers: tuple[Any, ...], said: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    sources = {f"pager-{at}": (lambda mine=mine: Pager(mine)) for at, mine in enumerate(answers)}
    monkeypatch.setattr(bootstrap, "on_call_sources", lambda config: sources)
    result = CliRunner().invoke(cli, ["--config", str(path), "oncall", "--json"])
    failed = any(isinstance(answer, Exception) for answer in answers)
    assert result.exit_code == int(failed), result.output
    told = json.loads(result.stdout.splitlines()[0])
    assert told["me_on_call"] is said
    words = CliRunner().invoke(cli, ["--config", str(path), "oncall"]).stdout
    assert ("You are not on call." in words) is (said is False)
    assert ("You are on call." in words) is (said is True)
