"""Words of the configuration that nothing answers to (keys, themes, fields, views), and what matches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import alert, service
from textual.keys import Keys, _character_to_key
from textual.theme import BUILTIN_THEMES

from oncall_tui import bootstrap
from oncall_tui.config import template
from oncall_tui.config.unmatched import unmatched
from oncall_tui.domain.board import Board, merge
from oncall_tui.domain.reading import Reading, SourceState, SourceStatus
from oncall_tui.errors import ConfigurationError
from oncall_tui.tui.commands import configurable
from oncall_tui.tui.key_names import NAMED, TAKEN, THEMES, key_name, keymap

SOURCES = """\
sources:
  - {name: prod, provider: ecs, region: ap-northeast-1}
  - {name: prom, provider: alertmanager, url: "http://127.0.0.1:9093"}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(SOURCES + text, "c.yaml")
    return list(error.value.mistakes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "screen: {keys: {nosuch: x}}",
            '4:25: screen.keys.nosuch: expected the id of an action: ack, .*found "nosuch"',
        ),
        ("screen: {keys: {acknowledge: x}}", "did you mean ack\\?"),
        ("screen: {keys: {rolback: x}}", "did you mean rollback\\?"),
        ("screen: {keys: {ack: F99}}", '4:22: screen.keys.ack: expected a key like .*found "F99"'),
        ("screen: {keys: {ack: shift+x}}", "did you mean X\\?"),
        ("screen: {keys: {ack: ctrl+nosuch}}", "expected a key like"),
        ("screen: {keys: {ack: hello}}", "expected a key like"),
        ("screen: {keys: {ack: 'f7,F99'}}", "expected a key like"),
        ("screen: {keys: {ack: f7, note: f7}}", 'screen.keys.note: .*found "f7", the key of the id ack'),
        ("screen: {keys: {ack: R}}", 'found "R", the key of the id rollback'),
        ("screen: {keys: {ack: '?'}}", 'found "question_mark", the key of the id help'),
        ("screen: {keys: {ack: j}}", 'found "j", the key of down'),
        ("screen: {theme: neon}", '4:17: screen.theme: expected one of the themes ansi-dark, .*found "neon"'),
        ("screen: {theme: Dracula}", "did you mean dracula\\?"),
        (
            "pages: [{sevrity: critical}]",
            r"4:10: pages\[0\]: expected one of the fields severity, .*did you mean severity\?",
        ),
        ("pages: [{team: x, Provider: ecs}]", "did you mean provider\\?"),
        ("expected: [{sorce: prom}]", r"4:13: expected\[0\]: .*did you mean source\?"),
        ("expected: [{severity: hihg}]", r"expected\[0\].severity: expected one of critical"),
        ("expected: [{source: prmo}]", r"expected\[0\].source: expected one of the sources prod, prom, .*mean prom\?"),
        ("pages: [{source: nosuch}]", r"4:18: pages\[0\].source: expected one of the sources"),
        ("screen: {views: {a: 'severty:critical'}}", "screen.views.a: .*did you mean severity:critical\\?"),
        ("screen: {views: {a: 'severity:page'}}", "did you mean page:yes\\?"),
        ("screen: {views: {a: 'source:nosuch'}}", "It is one of prod, prom"),
        ("products: [{name: pay, tell: [nosuch]}]", r"products\[0\].tell\[0\]: expected the name of a destination"),
        ("timezone: Asia/Tokio", "did you mean Asia/Tokyo\\?"),
    ],
)
def test_a_word_that_nothing_answers_to_is_a_mistake_with_its_place(text: str, said: str) -> None:
    found = mistakes(text)
    assert len(found) == 1, found
    assert re.search(said, found[0]), found[0]
    assert found[0].startswith("c.yaml:4:")


@pytest.mark.parametrize(
    "text",
    [
        "screen: {keys: {ack: f7, rollback: ctrl+r, note: f2, quit: 'f8,ctrl+x'}}",
        "screen: {keys: {ack: u, unack: a}}",
        "screen: {keys: {ack: '?', help: f1}}",
        "screen: {keys: {ack: '!', note: ctrl+SPACE}, theme: nord}",
        "pages: [{stage: prod}, {resource: x}, {status: y}, {service: z, env: e}]",
        "screen: {views: {a: 'stage:prod'}}",
    ],
)
def test_what_may_be_meant_is_taken(text: str) -> None:
    assert bootstrap.load_config_text(SOURCES + text, "c.yaml")


def test_two_files_are_looked_at_together(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text(SOURCES + "screen: {keys: {ack: f7}}\n")
    own.write_text("screen:\n  keys: {note: f7}\n")
    from oncall_tui import config
    from oncall_tui.providers.registry import destination_types, options_types
    from oncall_tui.tui.key_names import screen_words

    with pytest.raises(ConfigurationError) as error:
        config.load_files([team, own], options_types(), destination_types(), screen_words)
    (line,) = error.value.mistakes
    assert line.startswith(f"{own}:2:16: screen.keys.note")


def test_the_names_of_keys_and_themes_are_textuals() -> None:
    assert set(THEMES) == set(BUILTIN_THEMES)
    plain = {key.value for key in Keys}
    assert plain >= NAMED
    for sign in "?!/:>*+-_@\\,.;'\"#%&(){}[]^~|<=$`":
        assert key_name(sign) == _character_to_key(sign), sign
        assert key_name(_character_to_key(sign)) == _character_to_key(sign), sign
    for key in configurable():
        assert key_name(key.key) == key.key
    assert all(key_name(key) == key for key in TAKEN)
    assert keymap({"ack": "?", "note": "F2,x"}) == {"ack": "question_mark", "note": "f2,x"}


def test_the_template_and_the_examples_name_what_there_is() -> None:
    active = re.sub(r"^# ", "", template(), flags=re.MULTILINE)
    assert bootstrap.load_config_text(active, "template").screen.keys


# --- what matches nothing that was read -------------------------------------------------------------------------------

LOOSE = """\
pages: [{teem: payments}, {severity: critical, team: x}, {provider: pagerduty}]
expected: [{alertnme: Watchdog}]
products:
  - {name: pay, services: ["prod/main/paymnets-*", "prod/main/api"], alerts: {taem: pay}}
screen: {views: {mine: "taem:pay"}}
"""


def read(live: bool = True, *names: tuple[str, str]) -> Board:
    sources = [
        SourceStatus(name="prod", provider="ecs", state=SourceState.OK if live else SourceState.OFFLINE, read_at=1.0),
        SourceStatus(name="prom", provider="alertmanager", state=SourceState.OK if live else SourceState.STALE),
    ]
    rows: Any = (alert("prom/1", labels=names),) if names else ()
    return merge(1, 1.0, sources, [Reading(source="prom", at=1.0, alerts=rows, services=(service("prod/main/api"),))])


def test_what_matches_nothing_that_was_read_is_a_warning_with_its_place() -> None:
    config = bootstrap.load_config_text(SOURCES + LOOSE, "c.yaml")
    found = unmatched(config, read(True, ("team", "pay"), ("alertname", "X")))
    assert [line.partition(": ")[0] for line in found] == [
        "c.yaml:4:69",
        "c.yaml:4:16",
        "c.yaml:5:23",
        "c.yaml:7:85",
        "c.yaml:7:28",
        "c.yaml:8:24",
    ]
    assert 'no source has the provider "pagerduty": this rule never matches' in found[0]
    assert found[1].endswith('pages[0].teem: no alert field or label seen is called "teem"; did you mean team?')
    assert found[2].endswith('no alert field or label seen is called "alertnme"; did you mean alertname?')
    assert 'products[pay].services[0]: "prod/main/paymnets-*" matches no service' in found[4]


def test_of_what_is_not_read_nothing_is_said() -> None:
    config = bootstrap.load_config_text(SOURCES + LOOSE, "c.yaml")
    assert len(unmatched(config, read(False, ("team", "pay")))) == 1  # the provider that is not configured
    assert not [line for line in unmatched(config, read(True)) if "label" in line]  # no alert, so no label is known


def test_what_nobody_wrote_is_not_complained_of() -> None:
    config = bootstrap.load_config_text(SOURCES, "c.yaml")
    assert unmatched(config, read(True, ("team", "pay"))) == ()


EVERYTHING = """\
sources:
  - {name: prod, provider: ecs, region: ap-northeast-1}
  - {name: prom, provider: alertmanager, url: "http://127.0.0.1:9093", colour: red}
look_back_s: 1h
pages: [{sevrity: critical, source: nosuch}, {source: prmo}]
expected: [{source: prodd}]
screen:
  theme: neon
  colour: red
  keys: {nosuch: x, ack: F99}
  views: {bad: 'x:~(', lost: 'source:nosuch', other: 'severity:page'}
products: [{name: pay, services: [prod]}]
"""
ALL = (
    r"3:\d+: sources\[1\]: .*colour",
    r"4:14: look_back_s: expected a number of seconds",
    r"5:9: pages\[0\]: .*sevrity|5:10: pages\[0\]: .*sevrity",
    r"5:37: pages\[0\].source: expected one of the sources prod, prom",
    r"5:55: pages\[1\].source: .*did you mean prom",
    r"6:21: expected\[0\].source: .*did you mean prod",
    r"8:10: screen.theme",
    r"9:3: screen: .*colour",
    r"10:21: screen.keys.nosuch|10:\d+: screen.keys.nosuch",
    r"10:\d+: screen.keys.ack",
    r"11:\d+: screen.views.bad",
    r"11:\d+: screen.views.lost: .*It is one of prod, prom",
    r"11:\d+: screen.views.other: .*page:yes",
    r"12:\d+: products\[0\].services\[0\]",
)


def test_all_mistakes_come_at_once_whatever_else_is_wrong() -> None:
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(EVERYTHING, "c.yaml")
    found = list(error.value.mistakes)
    for wanted in ALL:
        assert [line for line in found if re.search(wanted, line)], (wanted, found)
    assert len(found) == len(ALL), found


@pytest.mark.parametrize("at", range(len(EVERYTHING.splitlines())))
def test_a_mistake_that_is_mended_hides_and_shows_no_other(at: int) -> None:
    """Whatever line of it is taken away: what is said of the others stays, but for the line's number."""
    lines = EVERYTHING.splitlines()
    if lines[at] in ("sources:", "screen:") or at in (1, 2):
        return  # others stand under it, or name it
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text("\n".join((*lines[:at], *lines[at + 1 :])), "c.yaml")
    said = [re.sub(r"^c.yaml:\d+:\d+: ", "", line) for line in error.value.mistakes]
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(EVERYTHING, "c.yaml")
    whole = [line for line in error.value.mistakes if not line.startswith(f"c.yaml:{at + 1}:")]
    assert said == [re.sub(r"^c.yaml:\d+:\d+: ", "", line) for line in whole]


def test_where_a_sources_name_cannot_be_read_no_rule_is_said_to_name_none() -> None:
    text = "sources: [{name: [x], provider: ecs}]\npages: [{source: prod}]\nscreen: {views: {a: 'source:prod'}}\n"
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(text, "c.yaml")
    assert not [line for line in error.value.mistakes if "pages" in line or "views" in line], error.value.mistakes
