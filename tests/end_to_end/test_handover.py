"""A handover by command: what fired, was done and is open, on the real adapters; sent to a channel in one go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.test_commands import NOT_DONE, WRONG, Shell, alert
from tests.end_to_end.test_destinations import API, SCENARIO
from tests.end_to_end.world import World, until, written


@pytest.fixture
def world(make_world: Callable[..., World], tmp_path: Path) -> World:
    made = make_world("--scenario", written(tmp_path, SCENARIO))
    until(lambda: made.state["deployments"][API][0]["task_definition"].endswith(":42"), "the bad deploy begins")
    return made


def test_it_is_printed_and_sent_and_says_what_was_not_watched(world: World) -> None:
    shell = Shell(world)
    row = alert(shell, "burns")["id"]
    shell("ack", row)
    until(lambda: world.service(API)["task_definition"].endswith(":42"), "the deploy")

    told = shell("handover", "--json").json
    (page,) = (f for f in told["fired"] if "burns" in f["title"])
    assert (page["pages"], page["ended"], page["product"], page["service"]) == (True, None, "shop", API)
    (held,) = (o for o in told["open"] if "burns" in o["title"])
    assert (held["state"], held["by"]) == ("acknowledged", "Alice")
    assert [(d["by"], d["state"]) for d in told["done"]] == [("Alice", "done")]
    assert [(d["service"], d["arrow"]) for d in told["deploys"]] == [(API, ":41→:42")]
    assert told["watched_whole"] is False  # commands alone ran: no board was open

    out = shell("handover", "--since", "1h").out
    assert out.startswith("# On call: ")
    assert "no board was open in this time" in out
    assert "<!channel>" not in out
    assert "&lt;\\!channel&gt;" in out

    assert not world.state["told"].get("chat")
    shell("handover", "--to", "chat", code=WRONG)  # it asks first, and nobody is there to answer
    shell("handover", "--to", "nowhere", "--yes", code=WRONG)
    refused = shell("handover", "--to", "page", "--yes", code=NOT_DONE)
    assert "pages people" in refused.err
    assert not world.state["told"].get("chat")
    assert not world.state["told"].get("page")
    sent = shell("handover", "--to", "chat", "--yes")
    assert "sent to chat: delivery is not confirmed" in sent.err
    (message,) = world.state["told"]["chat"]
    assert message["text"].startswith("On call: ")
    assert "Open pages: 1" in json.dumps(message, ensure_ascii=False)


def test_a_source_that_cannot_be_read_is_said_and_the_rest_stays(world: World) -> None:
    shell = Shell(world)
    alert(shell, "burns")
    world.fault("refuse", "prom")
    answer = shell("handover", code=NOT_DONE)
    assert "prom: " in answer.err
    assert "NOT READ prom" in answer.out
    assert "in what was watched and read: see above" in answer.out
    assert "Deploys: 1" in answer.out
