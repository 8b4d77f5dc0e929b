"""Where the journal is configured: a path as ever, or a mapping; each mistake of it is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from oncall_tui import bootstrap, config
from oncall_tui.config.model import JournalOptions, JournalTableOptions
from oncall_tui.errors import ConfigurationError
from oncall_tui.journal.lease import FileLease
from oncall_tui.journal.team_lease import TeamLease
from oncall_tui.providers.registry import options_types
from oncall_tui.runtime.clock import FakeClock


def loaded(text: str) -> config.Config:
    return config.load_text(text, options_types())


def test_a_path_is_as_it_was_and_a_mapping_says_more() -> None:
    assert loaded("journal: /var/lib/j.db").journal_path == "/var/lib/j.db"
    assert loaded("journal: /var/lib/j.db").journal_options == JournalOptions(path="/var/lib/j.db")
    assert loaded("timezone: UTC").journal_options.keep_days == 400
    found = loaded("journal: {keep_days: 90, dynamodb: {table: oncall, region: eu-west-1, role_arn: r}}")
    assert found.journal_path.endswith("oncall-tui/journal.db")
    assert found.journal_options.keep_days == 90
    assert found.journal_options.dynamodb == JournalTableOptions(table="oncall", region="eu-west-1", role_arn="r")
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/oncall"
    assert loaded(f'journal: {{dynamodb: {{table: "{arn}"}}}}').journal_options.dynamodb == JournalTableOptions(
        table=arn
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("journal: {dynamodb: {tabel: x}}", 'found the key "tabel"; did you mean table'),
        ("journal: {dynamodb: {region: x}}", "expected the key table"),
        ("journal: {keep_days: 0}", r"1:22: journal.keep_days: expected a number above 0"),
        ("journal: {keep_days: long}", "journal.keep_days: expected "),
        ("journal: {dynamodb: {table: 'a b'}}", "journal.dynamodb.table: expected a table's name"),
        ("journal: {dynamodb: {table: abc, endpoint_url: nowhere}}", "endpoint_url: expected a URL"),
        ("journal: [a]", "journal: expected a string or a mapping with the keys path, dynamodb, keep_days"),
    ],
)
def test_each_mistake_is_told_with_its_place(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=line):
        loaded(text)


def test_your_own_path_leaves_the_team_s_table(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text("journal: {keep_days: 90, dynamodb: {table: oncall}}")
    own.write_text("journal: /home/alice/j.db")
    found = config.load_files([team, own], options_types()).journal_options
    assert (found.path, found.keep_days) == ("/home/alice/j.db", 90)
    assert found.dynamodb == JournalTableOptions(table="oncall")
    own.write_text("journal: {keep_days: 30}")
    found = config.load_files([team, own], options_types()).journal_options
    assert (found.path, found.keep_days, found.dynamodb) == ("", 30, JournalTableOptions(table="oncall"))
    team.write_text("journal: /srv/j.db")
    assert config.load_files([team, own], options_types()).journal_path == "/srv/j.db"


def test_only_a_team_has_a_lease_that_asks_others(tmp_path: Path) -> None:
    alone = loaded(f"journal: {tmp_path}/j.db")
    team = loaded(f"journal: {{path: {tmp_path}/j.db, dynamodb: {{table: oncall}}}}")
    assert isinstance(bootstrap.make_lease(alone, FakeClock()), FileLease)
    assert isinstance(bootstrap.make_lease(team, FakeClock()), TeamLease)
    journal = bootstrap.open_journal(team, FakeClock())
    assert journal.keep_s == 400 * 86_400.0
    assert bootstrap.make_team(alone, journal, FakeClock(), lambda count: None).exchange is None
    assert bootstrap.make_team(team, journal, FakeClock(), lambda count: None).exchange is not None
    journal.close(5)
