"""Commands as they are configured: which mistakes are named, and what a row puts into their arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from oncall_tui import bootstrap
from oncall_tui.domain.own_command import RowKind, filled
from oncall_tui.errors import ConfigurationError

SOURCES = "sources: [{name: prod, provider: ecs, region: ap-northeast-1}]\n"


# --- the configuration ------------------------------------------------------------------------------------------------


def mistakes(commands: str, more: str = "") -> list[str]:
    """The mistakes of a file whose line 2 is ``commands:``."""
    try:
        bootstrap.load_config_text(f"{SOURCES}commands:\n{commands}\n{more}", "x.yaml")
    except ConfigurationError as error:
        return list(error.mistakes)
    return []


def test_a_command_is_loaded_with_what_holds_where_nothing_is_said() -> None:
    config = bootstrap.load_config_text(f"{SOURCES}commands: [{{name: why, argv: [./why, '{{service}}']}}]", "x.yaml")
    (one,) = config.commands
    assert (one.writes, one.timeout_s, one.key, one.folder) == (False, 600.0, "", "")
    assert one.rows == (RowKind.ALERT, RowKind.SERVICE, RowKind.DEPLOY)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{name: x, argv: [a], key: R}", "x.yaml:3:31: commands[x].key: expected a key that nothing else has"),
        ("{name: x, argv: [a], key: R}", "the key of the id rollback"),
        ("{name: x, argv: [a], key: j}", "the key of down"),
        ("{name: x, argv: [a], key: y}", "the key of a yes in a dialog"),
        ("{name: x, argv: [a], key: '5'}", "on the Detail screen"),
        ("{name: x, argv: [a], key: shift+x}", "did you mean X?"),
        ("{name: x, argv: [a], key: 'X,Y'}", "expected one key"),
        ("{name: x, argv: []}", "commands[0].argv: expected a program and its arguments"),
        ("{name: x, argv: ['{service}']}", "a program whose name no row decides"),
        ("{name: x, argv: [a, '{servce}']}", "did you mean {service}?"),
        ("{name: x, argv: [a], rows: []}", "commands[0].rows: expected at least one"),
        ("{name: x, argv: [a], rows: [servise]}", "did you mean service?"),
        ("{name: x, argv: [a], rows: [board], services: [a/b/c]}", "expected none for a command that is for no row"),
        ("{name: '-x', argv: [a]}", "expected a name of letters, digits"),
        ("{name: x y, argv: [a]}", "expected a name of letters, digits"),
        ("{name: x, argv: [a], timeout_s: 0}", "expected a number above 0"),
        ("{name: x, argv: [a], timeout_s: 10m}", "did you mean 600?"),
        ("{name: x, argv: [a], env: {ONCALL_SERVICE: a}}", "a row's own fields have"),
        ("{name: x, argv: [a], secrets: [A-B]}", "the name of an environment variable"),
        ("{name: x, argv: a b}", "one entry is a list too"),
        ("{name: x, argv: [a], shell: true}", "expected one of the keys name, argv"),
    ],
)
def test_a_mistake_is_named_with_its_place(entry: str, said: str) -> None:
    found = mistakes(f"  - {entry}")
    assert any(said in line and line.startswith("x.yaml:3:") for line in found), found


def test_a_key_that_was_moved_away_is_free_and_one_that_was_moved_there_is_not() -> None:
    keys = "screen: {keys: {refresh: f5, note: W}}"
    assert mistakes("  - {name: x, argv: [a], key: r}", keys) == []
    assert "the key of the id note" in mistakes("  - {name: x, argv: [a], key: W}", keys)[0]


def test_two_commands_have_neither_one_name_nor_one_key() -> None:
    two = "  - {name: x, argv: [a], key: W}\n  - {name: x, argv: [b], key: W}"
    found = mistakes(two)
    assert any("each name once" in line for line in found)
    found = mistakes(two.replace("name: x, argv: [b]", "name: z, argv: [b]"))
    assert [line for line in found if "the key of the command x" in line]


def test_your_own_file_lays_a_command_over_the_teams_and_each_folder_is_of_its_file(tmp_path: Path) -> None:
    team, own = tmp_path / "team" / "t.yaml", tmp_path / "own" / "o.yaml"
    for path, text in (
        (team, f"{SOURCES}commands: [{{name: a, argv: [x]}}, {{name: b, argv: [y]}}]"),
        (own, "commands: [{name: b, argv: [z]}]"),
    ):
        path.parent.mkdir()
        path.write_text(text)
    from oncall_tui.config import load_files
    from oncall_tui.providers import registry

    config = load_files([team, own], registry.options_types())
    assert [(one.name, one.argv) for one in config.commands] == [("a", ("x",)), ("b", ("z",))]
    settings = bootstrap.command_settings(config)
    assert settings.folders == {"a": str(team.parent), "b": str(own.parent)}


def test_the_key_of_a_command_that_your_own_file_replaces_is_free(tmp_path: Path) -> None:
    team, own = tmp_path / "t.yaml", tmp_path / "o.yaml"
    team.write_text(f"{SOURCES}commands: [{{name: a, argv: [x], key: W}}]")
    own.write_text("commands: [{name: a, argv: [x]}, {name: b, argv: [y], key: W}]")
    from oncall_tui.config import load_files
    from oncall_tui.providers import registry

    config = load_files([team, own], registry.options_types(), words=bootstrap._screen_words)
    assert [(one.name, one.key) for one in config.commands] == [("a", ""), ("b", "W")]


@pytest.mark.parametrize("mode", [0o622, 0o620])
def test_a_file_that_others_can_write_runs_no_command(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"{SOURCES}commands:\n  - name: x\n    argv: [true]\n".replace("[true]", "['true']"))
    path.chmod(mode)
    with pytest.raises(ConfigurationError) as raised:
        bootstrap.load_config(str(path))
    assert "c.yaml:4:11: commands[0].argv" in str(raised.value)
    assert "because it runs a command" in str(raised.value)
    path.chmod(0o600)
    assert bootstrap.load_config(str(path)).commands[0].name == "x"


# --- names in arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "--force",
        "-rf",
        "a b",
        "a;b",
        "$(id)",
        "`id`",
        "a'b",
        'a"b',
        "a\nb",
        "a|b",
        "*",
        "~root",
        "../x",
        "a/../b",
        "ü",
        "#",
    ],
)
def test_no_value_becomes_another_argument_an_option_or_a_part_of_a_script(value: str) -> None:
    with pytest.raises(ValueError, match="has characters that no argument gets"):
        filled(("run", "{service}"), {"service": value})
    with pytest.raises(ValueError, match="has characters"):
        filled(("sh", "-c", "restart {service}"), {"service": value})


def test_names_are_put_into_their_arguments_and_their_count_stays() -> None:
    fields = {"service": "payments-api", "cluster": "prod", "revision": "payments-api:42", "alert": "pager/P1_x.y"}
    argv = ("run", "--service={service}", "{cluster}/{service}", "{revision}", "{alert}", '{"json": {"a": 1}}', "")
    assert filled(argv, fields) == (
        *("run", "--service=payments-api", "prod/payments-api", "payments-api:42", "pager/P1_x.y"),
        '{"json": {"a": 1}}',
        "",
    )
    with pytest.raises(ValueError, match="this row has no deploy"):
        filled(("run", "{deploy}"), fields)
