"""`changes --service SERVICE --who`: who changed it by CloudTrail, how late that is, and why it is not known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.test_commands import Shell
from tests.end_to_end.world import PAYMENTS, World, until

SCENARIO = """
name: who
timezone: UTC
sources:
  - {name: prod, provider: ecs, account: "111111111111", region: ap-northeast-1, clusters: [prod-main], trail_late_s: 0}
services:
  - {at: prod/prod-main/payments-api, desired: 4}
  - {at: prod/prod-main/search-api, desired: 2}
"""


@pytest.fixture
def shell(make_world: Callable[..., World], tmp_path: Path) -> Shell:
    scenario = tmp_path / "who.yaml"
    scenario.write_text(SCENARIO)
    world = make_world("--scenario", str(scenario))
    for service, by in ((PAYMENTS, "alice"), ("prod/prod-main/search-api", "bob")):
        world.do(scale={"service": service, "desired": 3, "by": by})
    return Shell(world)


def test_it_names_who_changed_the_service_and_says_how_far_it_was_read(shell: Shell) -> None:
    def told() -> str:
        answer = shell("changes", "--service", "payments-api", "--who", "--since", "1h")
        return answer.out + answer.err if "by alice" in answer.out else ""

    said = until(told, "alice is named")
    assert "desired count set to 3 of service payments-api by alice" in said
    assert "bob" not in said  # that was another service
    assert "CloudTrail from" in said
    assert "CloudTrail may be 15 minutes late: read to" in said


def test_as_json_a_caller_is_in_by_and_the_words_are_on_stderr(shell: Shell) -> None:
    told = until(
        lambda: [
            c for c in shell("changes", "--service", PAYMENTS, "--who", "--json").json["changes"] if c["by"] == "alice"
        ],
        "alice is named",
    )
    assert [(c["service"], c["kind"], c["source"]) for c in told] == [(PAYMENTS, "scaling", "prod")]


def test_where_cloudtrail_may_not_be_read_it_says_which_right_is_missing(shell: Shell) -> None:
    shell.world.fault("denied", "prod", operation="LookupEvents")
    answer = shell("changes", "--service", "payments-api", "--who", code=1)
    assert "cloudtrail:LookupEvents" in answer.err


def test_it_wants_a_service_and_one_that_there_is(shell: Shell) -> None:
    assert "give --service SERVICE" in shell("changes", "--who", code=2).err
    assert "no service 'nobody-knows'" in shell("changes", "--service", "nobody-knows", "--who", code=1).err
