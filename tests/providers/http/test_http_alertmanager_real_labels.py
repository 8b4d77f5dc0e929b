"""Random labels of a real Alertmanager, through the silence form's text and back: exactly that alert is quiet."""

from __future__ import annotations

import random
import shlex
import shutil
import subprocess

import pytest
from tests.providers.http.conftest import Desk

from oncall_tui.domain.action import Verb
from oncall_tui.domain.alert import AlertState
from oncall_tui.domain.outcome import OutcomeState
from oncall_tui.tui.screens.dialogs import forms

pytestmark = pytest.mark.alertmanager

PIECES = (
    *(
        "a,b,c",
        "=",
        "!=",
        "~",
        '"',
        '""',
        "\\",
        "\\n",
        "\n",
        "\t",
        " ",
        "  lead",
        "trail  ",
        "svc.name/x",
        "{",
        "}",
        "'",
    ),
    *(
        "[/prod]",
        "\x1b]52;c;eA==\x07",
        "\x7f",
        "ウェブ",
        "é",
        "e\u0301",
        "\U0001f525",
        "\u202e",
        "0",
        "true",
        "$HOME",
        "%20",
    ),
    *("\\x", "\\u0041", "*", ".*", "(", "#", "&", "+", ";", "a" * 200),
)
NAMES = ("hosts", "path", "_", "A1", "job", "instance", "le")


def random_labels(rng: random.Random, n: int) -> dict[str, str]:
    """Labels that Alertmanager takes: names of its classic alphabet, and values of any text."""
    names = rng.sample(NAMES, rng.randint(1, 4))
    return {"alertname": f"Odd{n}"} | {name: "".join(rng.choices(PIECES, k=rng.randint(1, 4))) or "x" for name in names}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_forms_own_text_silences_exactly_its_alert(desk: Desk, seed: int) -> None:
    rng = random.Random(seed)
    desk.server.fire(*(random_labels(rng, n) for n in range(24)))
    board = desk.board()
    rows = list(board.alerts.values())
    assert {frozenset(row.labels) for row in rows} == {frozenset(a["labels"].items()) for a in desk.server.alerts()}
    for row in rows:
        text = forms.matchers_text(row.labels)
        matchers = forms.matchers(text)
        assert matchers == row.labels, text
        plan, _, check = desk.act(desk.ask(Verb.SILENCE, row, reason="known", for_s=900.0, matchers=matchers), board)
        assert (check.state, plan.affects, plan.warnings) == (OutcomeState.DONE, (), ())
        board = desk.board()
        quiet = {a.id for a in board.alerts.values() if a.state is AlertState.SILENCED}
        assert row.id in quiet
        assert len(quiet) == rows.index(row) + 1
    assert {a.state for a in desk.board().alerts.values()} == {AlertState.SILENCED}


def test_the_command_to_copy_names_the_same_alert(desk: Desk) -> None:
    if shutil.which("amtool") is None or shutil.which("curl") is None:
        pytest.skip("no amtool and curl here")
    rng = random.Random(5)
    desk.server.fire(*(random_labels(rng, n) for n in range(6)))
    board = desk.board()
    for row in board.alerts.values():
        plan = desk.handler(Verb.SILENCE).plan(desk.ask(Verb.SILENCE, row, reason="known", for_s=900.0), board)
        subprocess.run(shlex.split(plan.commands[0]), check=True, capture_output=True, timeout=10)
        assert desk.board().alerts[row.id].state is AlertState.SILENCED
    assert len(desk.server.silences()) == len(board.alerts)
