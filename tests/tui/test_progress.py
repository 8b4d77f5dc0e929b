"""A deploy's row and detail: what matters most is what can be read where there is little room."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support.fakes import Able, deploy, service
from tests.support.screen import Rig, on_screen

from oncall_tui.domain.action import Verb
from oncall_tui.domain.deploy import DeployState, TaskFailure
from oncall_tui.tui.presenters import progress

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = 1_800_000_000.0  # 17:00 in Tokyo, 08:00 UTC
OOM = (TaskFailure("t1", NOW - 60, "OutOfMemoryError", 137),)
PAUSED = "paused at its hook before production traffic, else rollback at 17:41 JST"
BREAKER = "Service deployment rolled back because the circuit breaker threshold was exceeded."
HOT: dict[str, Any] = {"failed_tasks": 2, "failures": OOM, "breaker": "2/3"}
IN = {"desired": 4, "running": 2}


@pytest.mark.parametrize(
    ("fields", "state", "how"),
    [
        (IN, "rolling", "2/4"),
        ({**IN, **HOT}, "rolling", "✗2 · 2/4 · breaker at 2 of 3 failures · exit 137 OutOfMemoryError"),
        ({**IN, "strategy": "canary", "traffic": 10.0}, "canary", "10% · 2/4"),
        ({**IN, "strategy": "canary", "traffic": 0.0}, "canary", "0% · 2/4"),
        (
            {**IN, **HOT, "strategy": "linear", "traffic": 30.0},
            "linear",
            "✗2 · 30% · 2/4 · breaker at 2 of 3 failures · exit 137 OutOfMemoryError",
        ),
        (
            {**IN, "strategy": "blue-green", "traffic": 100.0, "bake_until": NOW + 250},
            "baking",
            "4m left · 100% · 2/4",
        ),
        (
            {**IN, **HOT, "waits": PAUSED},
            "waits",
            "paused at its hook before production traffic, else rollback at 17:41 JST · ✗2 · 2/4"
            " · breaker at 2 of 3 failures · exit 137 OutOfMemoryError",
        ),
        ({**IN, "rollback": "going back to :41"}, "going back", "2/4"),
        (
            {**IN, **HOT, "state": DeployState.ROLLING_BACK, "old_running": 3, "reason": BREAKER},
            "rolling back",
            "to :41 by the circuit breaker · ✗2 · 3/4 · exit 137 OutOfMemoryError",
        ),
        (
            {**IN, **HOT, "state": DeployState.ROLLED_BACK, "reason": BREAKER},
            "failed",
            "rolled back to :41 by the circuit breaker · ✗2 · exit 137 OutOfMemoryError",
        ),
        (
            {**IN, "state": DeployState.ROLLED_BACK, "reason": "alarm checkout-5xx"},
            "failed",
            "rolled back to :41 by an alarm · alarm checkout-5xx",
        ),
        (
            {**IN, "state": DeployState.ROLLED_BACK, "reason": "stopped by bob"},
            "rolled back",
            "to :41 by unknown · stopped by bob",  # the cell beside it says that it was rolled back
        ),
        (
            {**IN, "state": DeployState.ROLLBACK_FAILED, "reason": BREAKER},
            "failed",
            f"the rollback to :41 by the circuit breaker failed · {BREAKER}",
        ),
        ({"state": DeployState.SUCCEEDED, "desired": 4, "running": 4}, "done", "4/4"),
        ({"state": DeployState.SUCCEEDED, "desired": 4, "running": 0}, "done", ""),  # another runs since
        (
            {**IN, "strategy": "blue-green", "bake_until": NOW + 250, "bake_about": True},
            "baking",
            "about 4m left · 2/4",
        ),
        (
            {**IN, "strategy": "code-deploy", "read_from": "CodeDeploy", "bake_until": NOW + 250},
            "code-deploy",
            "old tasks stop in 4m · 2/4",
        ),
        (
            {**IN, "strategy": "code-deploy", "read_from": "CodeDeploy", "stage": "bake time"},
            "baking",
            "2/4",
        ),
        (
            {"state": DeployState.SUCCEEDED, "desired": 4, "running": 4, "bake_until": NOW + 730},
            "done",
            "old tasks stop in 12m · 4/4",
        ),
    ],
)
def test_a_row_says_what_matters_most_first(fields: dict[str, Any], state: str, how: str) -> None:
    row = deploy(**fields)
    assert progress.state_word(row) == state
    assert progress.how(row, TOKYO, NOW)[0] == how


def test_tasks_traffic_and_bake_time_in_words() -> None:
    row = deploy(**IN, strategy="canary", traffic=10.0, bake_until=NOW + 250)
    assert progress.far(row, NOW) == "2/4 tasks · 10% traffic · baking, 4m left"


def test_what_the_breaker_took_back_is_failed_and_what_a_person_took_back_is_not() -> None:
    taken = deploy(**HOT, state=DeployState.ROLLED_BACK, reason=BREAKER)
    assert progress.state_words(taken) == "failed, rolled back to :41 by the circuit breaker · rolling"
    asked = deploy(state=DeployState.ROLLED_BACK, reason="stopped by bob")
    assert progress.state_words(asked) == "rolled back to :41 by unknown · rolling"


def rig(folder: Path, **fields: Any) -> Rig:
    made = Rig(folder, Able("prod"))
    made.provider.services["prod/main/api"] = service(deploy_id="prod/d1")
    made.provider.deploys["prod/d1"] = deploy(**{**IN, **fields})
    return made


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"waits": PAUSED}, "waits paused at its"),
        (HOT, "rolling ✗2 · 2/4"),
        ({"strategy": "canary", "traffic": 10.0}, "canary 10% · 2/4"),
        ({**HOT, "state": DeployState.ROLLED_BACK, "reason": BREAKER}, "failed rolled back"),
    ],
)
async def test_half_of_120_columns_is_enough_for_it(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    async with on_screen(rig(tmp_path, **fields)) as shown:
        assert words in " ".join(shown.text().split())


async def test_the_line_under_the_cursor_and_the_detail_say_it_whole(tmp_path: Path) -> None:
    fields = {**HOT, "waits": PAUSED, "traffic": 10.0, "strategy": "canary", "verbs": frozenset({Verb.CONTINUE})}
    fields |= {"stage": "pre production traffic shift", "alarms": ("checkout-5xx", "checkout-p99")}
    async with on_screen(rig(tmp_path, **fields), (80, 24)) as shown:
        await shown.press("3")
        text = shown.text()
        assert "paused at its hook before production traffic, else rollback at 17:41" in text
        assert "2 tasks stopped: exit 137 OutOfMemoryError · breaker at 2 of 3 failures" in text
        await shown.press("4")
        text = shown.text()
        assert "in progress · canary · stage pre production" in text
        assert "C continues the deploy" in text
        assert "progress  2/4 tasks · 10% traffic" in text
        assert "checkout-5xx, checkout-p99: one that fires makes ECS roll it back" in text


async def test_the_time_that_it_bakes_goes_down(tmp_path: Path) -> None:
    made = rig(tmp_path, strategy="blue-green", bake_until=NOW + 250)
    async with on_screen(made) as shown:
        assert "baking 4m left" in " ".join(shown.text().split())
        shown.clock.advance(120)
        shown.board.tick()
        await shown.settle()
        assert "baking 2m left" in " ".join(shown.text().split())
