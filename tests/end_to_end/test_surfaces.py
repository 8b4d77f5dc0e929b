"""No two surfaces disagree about the same moment: which way, by whom, when, how it ended, how many tasks stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from oncall_tui.text.time_format import moment
from tests.end_to_end.surfaces import TOKYO, Said, played

pytestmark = pytest.mark.xdist_group("surfaces")  # they read one night

ARROW = re.compile(r"(?:first|:\d+)→(?::\d+|first)")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Said]]:
    with played(Path(tmp_path_factory.mktemp("surfaces"))) as found:
        yield found


ENDS = {
    "during": "in progress",
    "rolled back": "rolled back to :41 by Alice",
    "breaker": "rolled back to :41 by the circuit breaker",
    "undone": "rolled back to :41 by Alice",
}
NOT_ASKED = {"Slack", "suspect"}  # Slack hears of Alice's actions, a suspect is an alert's


def test_an_arrow_is_old_to_new_wherever_it_stands(night: dict[str, Said]) -> None:
    for name, said in night.items():
        for surface, text in said.texts().items():
            assert set(ARROW.findall(text)) <= {":41→:42"}, (name, surface, text)
        assert (said.json["from"][-3:], said.json["to"][-3:]) == (":41", ":42"), name


@pytest.mark.parametrize("name", list(ENDS))
def test_how_it_ended_and_by_whom_is_the_same_everywhere(night: dict[str, Said], name: str) -> None:
    said, words = night[name], ENDS[name]
    for surface, text in said.texts().items():
        if surface in NOT_ASKED or (name == "during" and surface in ("row", "t")):
            continue
        assert words in text, (surface, text)
        others = {"Alice", "the circuit breaker"} - {w for w in ("Alice", "the circuit breaker") if w in words}
        if surface not in ("t", "journal"):
            assert not any(f"to :41 by {who}" in text for who in others), (surface, text)


def test_each_says_when_it_ended_in_the_configured_zone(night: dict[str, Said]) -> None:
    for name in ("rolled back", "breaker", "undone"):
        said = night[name]
        ended = said.deploy.finished
        assert ended is not None
        at = moment(ended, TOKYO, ended)
        for surface in ("row", "detail", "deploys", "handover"):
            assert f"{ENDS[name]} {at}" in said.texts()[surface], (name, surface)
        assert moment(ended, TOKYO, ended, seconds=True) in said.timeline, name


def test_who_began_it_is_the_same_and_a_rollback_is_nobody_elses(night: dict[str, Said]) -> None:
    for name in ENDS:
        said = night[name]
        who = said.json["started_by"]
        assert who == said.deploy.started_by == "ci-deployer/deploy"
        for surface in ("row", "detail", "t", "deploys", "handover"):
            assert who in said.texts()[surface], (name, surface)
    assert night["undoing"].json["started_by"] == "Alice"
    assert "redeploy :41→:42 by Alice" in night["undoing"].handover
    assert "deployed again by Alice" in night["undone"].handover


def test_how_many_tasks_stopped_is_one_number(night: dict[str, Said]) -> None:
    for name in ("during", "rolled back", "breaker"):
        said = night[name]
        words = f"{said.deploy.failed_tasks} tasks stopped"
        assert said.json["failed_tasks"] == said.deploy.failed_tasks >= len(said.deploy.failures)
        for surface in ("row", "detail", "deploys", "handover"):
            found = set(re.findall(r"\d+ tasks? stopped", said.texts()[surface]))
            assert found == {words} or found == {words.replace("1 tasks", "1 task")}, (name, surface, found)


def test_the_timeline_counts_as_the_deploy_does(night: dict[str, Said]) -> None:
    for name in ("rolled back", "breaker"):
        counts = [int(n or 1) for n in re.findall(r"task +(?:(\d+)× )?task :42 stopped", night[name].timeline)]
        assert sum(counts) == night[name].deploy.failed_tasks, (name, night[name].timeline)


def test_slack_hears_what_alice_did_and_that_it_ended(night: dict[str, Said]) -> None:
    assert "Alice is rolling back prod/shop-api from :42 to :41" in night["rolled back"].slack
    assert "Alice rolled back prod/shop-api from :42 to :41: " in night["rolled back"].slack
    assert "shop-web" not in night["breaker"].slack
