"""What each command really prints with ``--json`` is valid by its schema, and has no key that the schema has not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema

from oncall_tui.cli.schema import output_schema
from tests.end_to_end.test_commands import NOT_DONE, Shell
from tests.end_to_end.world import PAYMENTS, World, until


def closed(name: str) -> jsonschema.Draft202012Validator:
    """The schema, without room for keys that it does not name."""
    found = output_schema(name)
    for one in found["$defs"].values():
        if "properties" in one:
            one["additionalProperties"] = False
    return jsonschema.Draft202012Validator(found, format_checker=jsonschema.FormatChecker())


def valid(name: str, printed: str, *, lines: bool = False) -> list[Any]:
    """What was printed, once it is valid; of an empty list nothing would be shown."""
    found = [json.loads(line) for line in printed.splitlines()]
    assert len(found) == 1 or lines
    for one in found:
        assert [f"{e.json_path}: {e.message}" for e in closed(name).iter_errors(one)] == [], name
    return found


def test_every_output_of_a_night_is_valid(make_world: Callable[..., World]) -> None:
    world = make_world("--scenario", "page-third", "--speed", "8")
    shell = Shell(world)
    until(world.incident, "the page", 30)
    until(lambda: world.service()["task_definition"].endswith(":42"), "the bad deploy")
    until(lambda: '"suspects":[{' in shell("status", "--json").out.replace(" ", ""), "a suspect")
    (status,) = valid("status", shell("status", "--json").out)
    assert status["alerts"]
    assert any(one["assigned"] for one in status["alerts"])
    assert any(one["suspects"] for one in status["alerts"])
    assert valid("check", shell("check", "--json").out)[0]["good"]
    assert valid("oncall", shell("oncall", "--json").out)[0]["on_call"]
    assert valid("deploys", shell("deploys", "--json").out)[0]
    assert "changes" in valid("changes", shell("changes", "--json").out)[0]
    alert = next(one["id"] for one in status["alerts"] if one["pages"])
    shell("ack", alert)
    shell("mark", "noise", alert)
    opened = (
        shell("incident", "new", "The night", "--alert", alert, "--deploy", PAYMENTS).out.strip().rpartition(" ")[2]
    )
    shell("follow-up", "add", "Find out why", "--alert", alert)
    assert valid("incident", shell("incident", "list", "--json").out)[0]["incidents"]
    assert valid("follow-up", shell("follow-up", "list", "--json").out)[0]["follow_ups"]
    assert valid("postmortem", shell("postmortem", opened, "--json").out)[0]["timeline"]
    assert valid("rollback", shell("rollback", PAYMENTS, "--dry-run", "--json").out)[0]["dry_run"]
    assert "refused" in str(valid("rollback", shell("rollback", "nothing", "--json", code=NOT_DONE).out))
    (sent,) = valid("rollback", shell("rollback", PAYMENTS, "--yes", "--confirm", "payments-api", "--json").out)
    assert sent["plan"]["lines"]
    (told,) = valid("handover", shell("handover", "--json").out)
    assert told["fired"] or told["open"]
    assert told["done"]
    assert told["incidents"]
    for by in ("alert", "service", "person"):
        assert f"by_{by}" in valid("stats", shell("stats", "--json", "--by", by).out)[0]
    entries = valid("journal", shell("journal", "--json", "--last", "500").out, lines=True)
    assert {"alert", "deploy", "intent", "outcome", "incident", "follow-up", "mark"} <= {one["kind"] for one in entries}
    assert valid("import", shell("import", "--json", "--source", "pager").out)[0]["sources"]
