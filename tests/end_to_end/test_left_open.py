"""What a command sent and did not wait for: the next command reads what came of it, and it blocks nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable

import pytest

from tests.end_to_end.test_commands import UNKNOWN, Answer, Shell
from tests.end_to_end.world import PAYMENTS, World, until

SEND = ("rollback", "payments-api", "--yes", "--confirm", "payments-api")


def deployed(world: World) -> None:
    until(lambda: world.service()["task_definition"].endswith(":42"), "the bad deploy")
    until(lambda: not world.service()["healthy"], "its tasks fail")


def rolled_back(world: World) -> None:
    until(
        lambda: world.service()["healthy"] and world.service()["task_definition"].endswith(":41"),
        "the drill says that the rollback ended",
    )


def states(world: World) -> list[str]:
    (intent,) = (e for e in world.entries("intent") if e.data["plan"]["verb"] == "roll back")
    return [e.data["state"] for e in world.entries("outcome") if e.subject == intent.subject]


def test_a_rollback_that_nobody_waited_for_is_read_by_the_next_command(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", "3")
    shell = Shell(world, steady_s=3)
    deployed(world)
    sent = shell(*SEND)
    assert f"sent, and goes on: follow it with `oncall-tui deploys {PAYMENTS} --watch`" in sent.out
    assert "pending" not in sent.out
    assert states(world) == ["pending"]

    followed = shell("deploys", "payments-api", "--watch")  # exit 0: it is the rollback that is followed
    assert "rolled back to :41 by Alice" in followed.out.splitlines()[-1]
    rolled_back(world)
    over = shell("deploys", "payments-api", "--watch", "--within", "1s")
    assert "last: " in over.err
    assert "waiting 1s for one to begin" in over.err

    def dry_run() -> Answer | None:
        """The answer once it had held for the steady time."""
        answer = Answer(shell.start("rollback", "payments-api", "--dry-run"))
        assert "in progress" not in str(answer)
        return answer if states(world)[-1] == "done" else None

    again = until(dry_run, "it is read to be done", 30)
    assert "rolled back to :41" in again.out, again
    assert "Alice" in again.out
    told = shell("handover").out
    assert "PENDING" not in told.upper()
    lines = [json.loads(line) for line in shell("journal", "--json", "--actions").out.splitlines()]
    assert [e["text"] for e in lines if e["data"].get("state") == "done" and "rolled back from :42 to :41" in e["text"]]
    assert [w["operation"] for w in world.writes("prod")] == ["StopServiceDeployment"]


@pytest.mark.everything
def test_an_interrupted_wait_is_resolved_by_the_handover(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", "3")
    shell = Shell(world, steady_s=3)
    deployed(world)
    process = shell.start(*SEND, "--wait", "--steady", "600")
    until(lambda: world.writes("prod"), "the rollback is sent")
    process.send_signal(signal.SIGINT)
    assert Answer(process).code == UNKNOWN
    rolled_back(world)
    until(lambda: "pending" not in shell("handover").out.casefold(), "the handover says how it ended", 30)
    assert states(world)[-1] == "done"


@pytest.mark.core(1)
@pytest.mark.parametrize("command", [("status",), ("deploys",), ("check",)])
def test_every_command_that_reads_the_sources_resolves_what_was_left_open(
    make_world: Callable[..., World], command: tuple[str, ...]
) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", "3")
    shell = Shell(world, steady_s=0.5)
    deployed(world)
    shell(*SEND)
    assert states(world) == ["pending"]
    rolled_back(world)
    until(lambda: Answer(shell.start(*command)) and states(world)[-1] == "done", "it is read how that ended", 30)


def test_with_json_every_end_is_one_object(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "out-of-memory", "--speed", "3")
    shell = Shell(world, only=("prod",))
    deployed(world)
    named = shell("rollback", "payments-api", "--yes", "--json", "--confirm", "payments", code=2)
    assert named.json["state"] == "refused"
    assert "name does not match" in named.json["message"]
    unasked = shell("rollback", "payments-api", "--json", code=2)
    assert any(words in unasked.json["message"] for words in ("add --yes", "requires --confirm payments-api"))
    nobody = shell("rollback", "nosuch", "--yes", "--json", code=1)
    assert "no service 'nosuch'" in nobody.json["message"]
    for wanted, said in (("42", ":42 is what runs"), (":99", "no such revision: :99")):
        refused = shell("rollback", "payments-api", "--dry-run", "--json", "--to", wanted, code=1)
        assert refused.json["message"] == said
    plan = shell("rollback", "payments-api", "--dry-run")
    assert plan.out.splitlines()[-1] == "nothing was sent"
    assert "from :42 to :41" in plan.out or ":42" in plan.out.splitlines()[0]
    assert world.writes("prod") == []
