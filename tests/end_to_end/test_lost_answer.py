"""Writes whose answer is lost, and which take effect later than anybody waits for an answer."""

from __future__ import annotations

from collections.abc import Callable

from tests.end_to_end.test_commands import DONE, UNKNOWN, Answer, Shell, alert
from tests.end_to_end.test_left_open import SEND, deployed, states
from tests.end_to_end.world import World


def test_a_rollback_that_takes_effect_long_after_its_time_out_is_done_by_this_engineer(
    make_world: Callable[..., World],
) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", "3")
    shell = Shell(world, steady_s=3)
    deployed(world)
    world.fault("hang", "prod", operation="StopServiceDeployment", count=1, late_s=75)  # 25 s at this speed
    answer = Answer(shell.start(*SEND, "--wait"))
    assert answer.code == DONE, answer
    assert "no effect is seen yet" in answer.err
    assert "rolled back from :42 to :41" in answer.out
    assert states(world) == ["unknown", "done"]
    deploys = shell("deploys", "payments-api").out
    assert "by Alice" in deploys
    assert "unknown user" not in deploys


def test_an_acknowledge_that_never_comes_is_unknown_and_the_next_one_warns(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third")
    shell = Shell(world, only=("prom",))
    queue = alert(shell, "queue depth")["id"]
    world.fault("error500", "prom", writes_only=True, count=1)
    answer = Answer(shell.start("ack", queue))
    assert answer.code == UNKNOWN, answer
    assert "no effect is seen yet" in answer.out
    assert "it may still take effect" in answer.err
    assert [e.data["state"] for e in world.entries("outcome")] == ["unknown"]
