"""``stats``: its options, its formats and its words."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.year import Year
from tests.unit.test_statistics import KEYS

from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE, group
from oncall_tui.journal.store import Store
from oncall_tui.runtime.clock import SystemClock

CONFIGURATION = """
timezone: Asia/Tokyo
journal: {journal}
sources:
  - {{name: prom, provider: alertmanager, url: "http://127.0.0.1:9"}}
  - {{name: prod, provider: ecs, region: ap-northeast-1}}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Year]:
    """A configuration, and a journal of fifty days that end now."""
    folder = tmp_path_factory.mktemp("stats")
    year = Year(11, SystemClock().now() - 50 * 86_400, 50)
    store = Store(folder / "journal.db")
    store.append(year.entries())
    store.close()
    (folder / "c.yaml").write_text(CONFIGURATION.format(journal=folder / "journal.db"))
    return folder / "c.yaml", year


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group.cli, ["stats", "--config", str(config), *arguments])


def test_json_is_one_object_of_the_documented_keys(world: tuple[Path, Year]) -> None:
    config, year = world
    done = run(config, "--since", "20d", "--json")
    assert done.exit_code == DONE
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert [*found] == [*KEYS, "before"]
    assert [*found["before"]] == KEYS
    assert found["since"].endswith("Z")
    assert found["before"]["until"] == found["since"]
    assert len(found["by_hour"]) == 24
    assert sum(found["by_hour"]) == found["notifications"] + found["pages"]
    assert found["pages"] == sum(p.pages for p in year.problems if p.began >= year.ended - 20 * 86_400)
    assert [*found["noisiest"][0]] == ["title", "source", "count", "share", "acted_on"]
    assert [*found["acknowledge_s"]] == ["n", "median", "p90", "never"]


@pytest.mark.parametrize("by", ["product", "hour", "alert", "service", "person"])
def test_a_table_has_a_line_each_in_every_format(world: tuple[Path, Year], by: str) -> None:
    config, _ = world
    header, *rows = csv.reader(io.StringIO(run(config, "--by", by, "--csv").stdout))
    assert {"product", "hour", "title", "service", "person"} & {header[0]}
    assert len(rows) > 3
    text = run(config, "--by", by).stdout
    assert "Coverage: " in text
    assert all(row[0] in text for row in rows[:3])
    found: dict[str, Any] = json.loads(run(config, "--by", by, "--json").stdout)
    listed = found[f"by_{by}"]
    assert len(listed) == len(rows)
    if by not in ("product", "hour"):
        assert [*listed[0]] == header


def test_the_text_has_every_number_with_its_definition(world: tuple[Path, Year]) -> None:
    config, _ = world
    text = run(config, "--month").stdout
    for word in ("Notifications", "Interruptions", "Never acknowledged", "Change fail rate", "Lead time, rework rate"):
        assert text.count(word) == 2, word
    assert "By hour of the day, JST" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--month", "2026-13"), "expected a month like 2026-10"),
        (("--month", "9000-01"), "still to come"),
        (("--month", "--since", "3d"), "exclude each other"),
        (("--json", "--csv"), "exclude each other"),
        (("--by", "team"), "is not one of"),
        (("--since", "soon"), "soon"),
    ],
)
def test_wrong_use_says_what_would_do(world: tuple[Path, Year], arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(group.cli, ["stats", "--config", str(world[0]), *arguments])
    assert done.exit_code == WRONG_USE
    assert words in done.output


def test_a_journal_that_cannot_be_read_ends_in_words(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    (tmp_path / "c.yaml").write_text(CONFIGURATION.format(journal=tmp_path / "journal.db"))
    done = run(tmp_path / "c.yaml")
    assert done.exit_code == NOT_DONE
    assert "it is a folder" in done.stderr
