"""The command `import` against a simulated world: its scenario's past is in the journal, exactly, and once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.journal import Journal
from oncall_tui.journal.history import History
from tests.end_to_end.world import World, journalled
from tests.support.forked import PIPE, popen

DAY = 86_400.0
API = {"ecs_cluster": "main", "ecs_service": "payments-api"}
SCENARIO: dict[str, Any] = {
    "name": "quarter",
    "sources": [
        {
            "name": "prod",
            "provider": "ecs",
            "account": "111111111111",
            "region": "ap-northeast-1",
            "clusters": ["main"],
        },
        {"name": "alarms", "provider": "cloudwatch", "of": "prod", "severity": {"critical": ["*-critical"]}},
        {"name": "alerts", "provider": "alertmanager"},
        {"name": "errors", "provider": "sentry", "services": {"checkout": "main/payments-api"}},
        {"name": "monitors", "provider": "mackerel", "services": {"Shop": "main/payments-api"}},
        {"name": "pager", "provider": "pagerduty"},
    ],
    "pages": [{"severity": "critical"}, {"provider": "pagerduty", "urgency": "high"}],
    "products": [{"name": "payments", "services": ["prod/*/payments-*"]}],
    "pagerduty": {
        "people": [{"name": "Alice", "email": "alice@example.com"}, {"name": "Bob"}],
        "policies": [{"name": "P", "levels": [{"people": ["Alice"]}]}],
        "services": [{"name": "payments", "policy": "P"}],
    },
    "mackerel": {"monitors": [{"name": "queue", "type": "service", "service": "Shop"}]},
    "services": [
        {
            "at": "prod/main/payments-api",
            "revision": 42,
            "definitions": {39: {}, 40: {}, 41: {}},
            "history": [
                {"revision": 39, "days": 100},
                {"revision": 40, "days": 50},
                {"revision": 41, "days": 20, "status": "ROLLBACK_SUCCESSFUL", "breaker": True},
                {"revision": 42, "days": 5},
            ],
        }
    ],
    "alarms": [{"name": "5xx-critical", "service": "prod/main/payments-api"}],
    "past": [
        {"days": 120, "page": {"key": "old", "title": "too old", "service": "payments", "urgency": "high"}},
        {
            "days": 40,
            "page": {"key": "k1", "title": "5xx", "service": "payments", "urgency": "high", "details": API},
            "acknowledged": {"by": "Bob", "after_minutes": 3},
            "resolved_by": "Bob",
        },
        {"days": 39.98, "minutes": 4, "page": {"key": "k1", "title": "5xx", "service": "payments", "urgency": "high"}},
        {"days": 12, "minutes": 30, "alarm": {"name": "5xx-critical"}},
        {"days": 3, "minutes": 5, "issue": {"key": "e", "title": "KeyError", "project": "checkout"}},
        {"days": 4, "minutes": 5, "open_alert": {"key": "m", "monitor": "queue"}},
    ],
}


def imported(world: World, config: Path, *more: str) -> tuple[int, str, str]:
    program = popen("oncall_tui", "--config", str(config), "import", *more, env=world.env, stderr=PIPE)
    out, told = program.communicate(60)
    return program.returncode, out, told


def known(path: Path) -> tuple[list[PastEpisode], list[PastDeploy]]:
    """What the record derives of the journal."""
    journal = Journal(path, lambda: 0.0)
    history = History(journal, None)
    try:
        history.catch_up()
        return history.episodes(0.0, 1e11), history.deploys(0.0, 1e11)
    finally:
        history.close()
        journal.close()


def test_the_past_of_a_world_is_in_the_journal_once_whatever_stops_the_import(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    (tmp_path / "quarter.yaml").write_text(yaml.safe_dump(SCENARIO))
    world = make_world("--scenario", str(tmp_path / "quarter.yaml"), "--clock", "manual")
    config = world.configure()
    now = world.state["now"]
    world.fault("denied", "errors")
    world.fault("error500", "pager", operation="GET /incidents/{id}/log_entries", skip=1)
    code, out, told = imported(world, config)
    assert code == 1
    assert "errors: read" in told
    assert "denies" in told
    assert "pager: read" in told
    assert "run it again" in told
    assert "alerts: alertmanager keeps no past" in told
    assert "30 days" in told
    world.mend()
    code, out, told = imported(world, config, "--json")
    assert (code, [s["source"] for s in json.loads(out)["sources"] if not s["whole"]]) == (0, [])
    first = journalled(world.journal)
    code, out, told = imported(world, config, "--source", "prod", "--source", "pager", "--since", "41d")
    assert (code, [line.partition(":")[0] for line in out.splitlines()]) == (0, ["prod", "pager"])
    code, out, told = imported(world, config)
    assert (code, journalled(world.journal)) == (0, first)
    assert {e.kind for e in first} == {"episode", "told-deploy"}
    episodes, deploys = known(world.journal)
    assert [(e.title, e.source, e.firings, e.acknowledged_by, e.service, e.product, e.pages) for e in episodes] == [
        ("5xx", "pager", 2, "Bob", "prod/main/payments-api", "payments", True),
        ("5xx-critical", "alarms", 1, "", "prod/main/payments-api", "payments", True),
        ("queue", "monitors", 1, "", "prod/main/payments-api", "payments", True),
        ("KeyError", "errors", 1, "", "prod/main/payments-api", "payments", False),
    ]
    for told_of, days, minutes in zip(episodes, (40, 12, 4, 3), (12 + 60 * 24 * 0.02 - 8, 30, 5, 5), strict=True):
        assert abs(told_of.began - (now - days * DAY)) < 5
        assert told_of.ended is not None
        if told_of.firings == 1:
            assert abs(told_of.ended - told_of.began - 60 * minutes) < 5
    assert [(d.arrow, d.state, d.imported, d.failed) for d in deploys] == [
        (":39→:40", "succeeded", True, False),
        (":40→:41", "rolled back", True, True),
        (":40→:42", "succeeded", True, False),
    ]
    counted(world, config)


def counted(world: World, config: Path) -> None:
    """The rest is of use on the first day: the numbers are those of the scenario's past."""
    program = popen("oncall_tui", "--config", str(config), "stats", "--since", "90d", "--json", env=world.env)
    numbers = json.loads(program.communicate(30)[0])
    assert program.returncode == 0
    assert (numbers["notifications"], numbers["pages"]) == (1, 3)
    assert numbers["by_product"] == [{"product": "payments", "notifications": 1, "pages": 3}]
    assert {(one["title"], one["count"]) for one in numbers["noisiest"]} == {
        *{("5xx", 1), ("5xx-critical", 1), ("queue", 1), ("KeyError", 1)},
    }
    assert (numbers["deploys"], numbers["rollbacks"], round(numbers["change_fail_rate"], 3)) == (3, 1, 0.333)
    assert numbers["acknowledge_s"]["n"] == 1
    assert abs(numbers["acknowledge_s"]["median"] - 180) <= 2
    assert numbers["coverage"] == 0, "nobody watched: each of these was told afterwards"


def test_one_source_alone_and_a_wrong_name(make_world: Callable[..., World], tmp_path: Path) -> None:
    (tmp_path / "quarter.yaml").write_text(yaml.safe_dump(SCENARIO))
    world = make_world("--scenario", str(tmp_path / "quarter.yaml"), "--clock", "manual")
    config = world.configure()
    code, _out, told = imported(world, config, "--source", "pagr")
    assert (code, "did you mean pager?" in told) == (2, True)
    code, _out, told = imported(world, config, "--source", "alerts")
    assert (code, "no source to read" in told) == (1, True)
