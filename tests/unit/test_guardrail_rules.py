"""The rules of the guardrails: at which hours and for whom one holds, and how it is written down."""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.fakes import ALICE
from tests.support.guardrails import API, HEAD, NEW_YORK, NOW, SOURCES, TOKYO, YEAR_END, at, in_tokyo, rule

from oncall_tui import bootstrap
from oncall_tui.domain.guardrail import ACTIONS, ONLY_TELL, Freeze, moment, open_at, opens
from oncall_tui.domain.plan import Actor
from oncall_tui.errors import ConfigurationError
from oncall_tui.text import time_format
from oncall_tui.triage.guardrails import Guardrails, Touched

THING = Touched("prod", API, "111111111111", "payments")
BOB = Actor("Bob", "bob@example.com")


@pytest.fixture(autouse=True)
def _in_tokyo() -> Iterator[None]:
    with in_tokyo():
        yield


# --- hours and moments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "now", "open_"),
    [
        ("Mon-Fri 09:00-18:00", "2026-11-30 09:00", True),  # a Monday
        ("Mon-Fri 09:00-18:00", "2026-11-30 08:59", False),
        ("Mon-Fri 09:00-18:00", "2026-11-30 18:00", False),
        ("Mon-Fri 09:00-18:00", "2026-11-29 12:00", False),
        ("09:00-18:00", "2026-11-29 12:00", True),
        ("Sat,Sun 00:00-24:00", "2026-11-29 23:59", True),
        ("Sat,Sun 00:00-24:00", "2026-11-30 00:00", False),
        ("Fri-Mon 10:00-11:00", "2026-11-29 10:30", True),  # over the end of the week
        ("Fri-Mon 10:00-11:00", "2026-12-01 10:30", False),
        ("Fri 22:00-06:00", "2026-11-28 05:59", True),  # of the Friday on which it begins
        ("Fri 22:00-06:00", "2026-11-28 22:30", False),
        ("Fri 22:00-06:00", "2026-11-27 05:00", False),
        ("Mon-Fri 09:00-18:00 UTC", "2026-11-30 18:30", True),  # 09:30 UTC
        ("mon-fri 09:00-18:00", "2026-11-30 12:00", True),
    ],
)
def test_hours_are_what_the_clock_on_the_wall_shows(hours: str, now: str, open_: bool) -> None:
    assert open_at(hours, at(now), TOKYO) is open_


def test_hours_over_a_change_of_the_clock() -> None:
    """2026-03-08 02:00 is 03:00 in New York; 2026-11-01 02:00 is 01:00 again."""
    spring, autumn = at("2026-03-08 00:00", NEW_YORK), at("2026-11-01 00:00", NEW_YORK)
    assert [open_at("02:30-03:30", spring + h * 1800, NEW_YORK) for h in range(8)] == [False] * 4 + [True] + [False] * 3
    assert opens("02:30-03:30", spring, NEW_YORK) == spring + 2 * 3600  # the clock shows 03:00 then
    assert [open_at("01:00-01:30", autumn + h * 1800, NEW_YORK) for h in range(6)] == [
        *(False, False, True, False, True, False)  # the hour comes twice
    ]


@pytest.mark.parametrize(
    ("hours", "now", "next_"),
    [
        ("Mon-Fri 09:00-18:00", "2026-11-28 12:00", "2026-11-30 09:00"),
        ("Mon-Fri 09:00-18:00", "2026-11-30 08:00", "2026-11-30 09:00"),
        ("Mon 09:00-18:00", "2026-11-30 18:00", "2026-12-07 09:00"),
        ("22:00-06:00", "2026-11-30 06:00", "2026-11-30 22:00"),
    ],
)
def test_the_hours_begin_next(hours: str, now: str, next_: str) -> None:
    assert opens(hours, at(now), TOKYO) == at(next_)


def test_a_moment_is_of_its_own_zone_or_of_the_configured_one() -> None:
    assert moment("2026-12-28 18:00", TOKYO) == at("2026-12-28 18:00")
    assert moment("2026-12-28 18:00 UTC", TOKYO) == at("2026-12-29 03:00")
    assert moment("2026-12-28", TOKYO) == at("2026-12-28 00:00")


# --- which rules hold -------------------------------------------------------------------------------------------------


NIGHT = at("2026-11-30 22:00")


@pytest.mark.parametrize(
    ("fields", "action", "actor", "now", "holds"),
    [
        ({}, "roll back", ALICE, NOW, True),  # always, for everybody
        ({}, "acknowledge", ALICE, NOW, False),  # it only tells
        ({"actions": ("*",)}, "acknowledge", ALICE, NOW, False),
        ({"actions": ("ack*",)}, "acknowledge", ALICE, NOW, False),
        ({"actions": ("acknowledge",)}, "acknowledge", ALICE, NOW, True),
        ({"actions": ("roll*", "restart")}, "restart", ALICE, NOW, True),
        ({"actions": ("roll*",)}, "restart", ALICE, NOW, False),
        ({"actions": ("command:db-*",)}, "command:db-failover", ALICE, NOW, True),
        ({"actions": ("command:db-*",)}, "command:cache", ALICE, NOW, False),
        ({"products": ("pay*",)}, "restart", ALICE, NOW, True),
        ({"products": ("search",)}, "restart", ALICE, NOW, False),
        ({"services": ("prod/*/api",)}, "restart", ALICE, NOW, True),
        ({"accounts": ("1111*",)}, "restart", ALICE, NOW, True),
        ({"accounts": ("2222*",)}, "restart", ALICE, NOW, False),
        ({"sources": ("prod",)}, "restart", ALICE, NOW, True),
        ({"products": ("pay*",), "sources": ("other",)}, "restart", ALICE, NOW, False),  # each field has to match
        ({"who": ("alice",)}, "restart", ALICE, NOW, False),  # by name, in any case
        ({"who": ("*@example.com",)}, "restart", BOB, NOW, False),  # by e-mail
        ({"who": ("alice",)}, "restart", BOB, NOW, True),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, "restart", ALICE, NOW, False),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, "restart", ALICE, NIGHT, True),
        ({"hours": ("Mon-Fri 09:00-18:00", "21:00-23:00")}, "restart", ALICE, NIGHT, False),  # one is enough
        ({"freeze": YEAR_END}, "restart", ALICE, NOW, True),
        ({"freeze": YEAR_END}, "restart", ALICE, at("2026-12-07 09:00"), False),
        ({"freeze": YEAR_END}, "restart", ALICE, at("2026-11-28 17:59"), False),
        ({"freeze": Freeze(begins="2026-11-28")}, "restart", ALICE, at("2027-11-28 17:59"), True),  # without an end
        ({"freeze": Freeze(until="2026-11-28")}, "restart", ALICE, NOW, False),
        ({"freeze": YEAR_END, "hours": ("09:00-18:00",)}, "restart", ALICE, at("2026-12-08 20:00"), True),  # either
    ],
)
def test_a_rule_holds(fields: dict[str, Any], action: str, actor: Actor, now: float, holds: bool) -> None:
    found = Guardrails([rule(**fields)], TOKYO).holding(action, actor, [Touched("prom"), THING], now)
    assert bool(found) is holds


def test_what_has_no_name_is_under_no_rule_that_asks_for_one() -> None:
    """An alert of no product is not one of every product."""
    assert not Guardrails([rule(products=("*",))], TOKYO).holding("silence", ALICE, [Touched("prom")], NOW)


@pytest.mark.parametrize(
    ("fields", "now", "until"),
    [
        ({"freeze": YEAR_END}, NOW, "2026-12-07 09:00"),
        ({"hours": ("Mon-Fri 09:00-18:00",)}, NIGHT, "2026-12-01 09:00"),
        ({"freeze": YEAR_END, "hours": ("Mon-Fri 10:00-18:00",)}, NOW, "2026-12-07 10:00"),  # both have to be over
        ({"freeze": Freeze(begins="2026-11-28")}, NOW, None),
        ({}, NOW, None),
    ],
)
def test_until_when_it_holds(fields: dict[str, Any], now: float, until: str | None) -> None:
    assert rule(**fields).until(now, TOKYO) == (None if until is None else at(until))


def test_every_action_that_only_tells_is_an_action() -> None:
    assert {str(each) for each in ONLY_TELL} - {"tell"} < set(ACTIONS)


# --- the configuration ------------------------------------------------------------------------------------------------


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        bootstrap.load_config_text(SOURCES + text, "c.yaml")
    return list(error.value.mistakes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("actions: [rollback]}", "guardrails[0].actions[0]: expected one of the actions acknowledge, "),
        ("actions: [rollback]}", "did you mean roll back?"),
        ("actions: [ack]}", "did you mean acknowledge?"),
        ("actions: [silense]}", "did you mean silence?"),
        ("actions: [ackn*]}", "expected the whole name of an action that only tells people"),
        ("actions: ['zzz*']}", "or a glob"),
        ("hours: [nine to five]}", "expected hours like Mon-Fri 09:00-18:00 Asia/Tokyo"),
        ("hours: ['Mun 09:00-18:00']}", "expected days of Mon, Tue"),
        ("hours: ['Mon 09:00-09:00']}", "(00:00-24:00 is the whole day)"),
        ("hours: ['Mon 09:00-25:00']}", "expected times from 00:00 to 24:00"),
        ("hours: ['Mon 09:00-18:00 Asia/Tokio']}", "did you mean Asia/Tokyo?"),
        ("freeze: {from: 2026-12-28}}", "a date"),  # which YAML reads as one: in quotes
        ("freeze: {from: '28.12.2026'}}", "expected a time like 2026-12-28 18:00"),
        ("freeze: {from: '2026-02-30'}}", "expected a day and a time that there are"),
        ("freeze: {until: '2026-12-28 18:00 Mars/Base'}}", "a time zone like Asia/Tokyo"),
        (
            "freeze: {from: '2026-12-28 18:00', until: '2026-12-28 09:00'}}",
            "guardrails[a].freeze.until: expected a time after from (2026-12-28 18:00)",
        ),
        (
            "freeze: {from: '2026-12-28 18:00 UTC', until: '2026-12-28 20:00 Asia/Tokyo'}}",
            "expected a time after from",
        ),
        ("does: refuse, overide: false}", "did you mean override?"),
        ("does: ask}", "expected one of refuse, type the name"),
        ("does: type the name, override: false}", "guardrails[0].override: expected only where the rule refuses"),
        ("services: [api]}", "expected SOURCE/CLUSTER/SERVICE"),
    ],
)
def test_a_mistake_is_said_with_its_line(text: str, said: str) -> None:
    found = mistakes(HEAD + text)
    assert len(found) == 1, found
    assert found[0].startswith("c.yaml:3:"), found[0]
    assert said in found[0]


def test_two_rules_of_one_name_and_one_without_a_reason_are_mistakes() -> None:
    found = mistakes("guardrails:\n  - {name: a, reason: b}\n  - {name: a, reason: c}\n  - {name: d}")
    assert ["each name once" in words or "the key reason" in words for words in found] == [True, True]


@pytest.fixture
def no_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without time zone data, as a small image is."""
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath([])
    zoneinfo.ZoneInfo.clear_cache()
    time_format.named_zone.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    time_format.named_zone.cache_clear()


@pytest.mark.usefixtures("no_zones")
def test_without_time_zone_data_the_error_says_what_to_install() -> None:
    for text in ("hours: ['Mon 09:00-18:00 Europe/Kyiv']}", "freeze: {until: '2027-01-05 Europe/Kyiv'}}"):
        assert "install the package tzdata, or use the bundle, which has it" in mistakes(HEAD + text)[0]
    assert "install the package tzdata" in mistakes("timezone: Europe/Kyiv")[0]


@pytest.mark.usefixtures("no_zones")
def test_without_time_zone_data_utc_is_there() -> None:
    freeze = "freeze: {from: '2026-12-28 18:00', until: '2027-01-05 09:00 UTC'}, hours: ['09:00-18:00 UTC']}"
    loaded = bootstrap.load_config_text(SOURCES + HEAD + freeze, "c.yaml")
    zone = time_format.named_zone(loaded.timezone)
    assert datetime.fromtimestamp(NOW, zone).strftime("%H:%M %Z") == "03:00 UTC"
    assert loaded.guardrails[0].at(NOW, zone)


def test_your_file_adds_to_the_teams_rules_and_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text(SOURCES + "guardrails: [{name: a, reason: team's}, {name: b, reason: team's}]")
    own.write_text("guardrails: [{name: b, reason: mine}, {name: c, reason: mine}]")
    from oncall_tui.config.load import load_files
    from oncall_tui.providers import registry

    loaded = load_files([team, own], registry.options_types())
    assert [(r.name, r.reason) for r in loaded.guardrails] == [("a", "team's"), ("b", "mine"), ("c", "mine")]
    assert loaded.places["guardrails[a].reason"].startswith(str(team))
    assert loaded.places["guardrails[c].reason"].startswith(str(own))


def test_of_a_rule_that_your_file_replaces_the_teams_freeze_is_no_mistake_of_yours(tmp_path: Path) -> None:
    team, own = tmp_path / "team.yaml", tmp_path / "own.yaml"
    team.write_text(
        SOURCES + "guardrails: [{name: a, reason: sale, freeze: {from: '2026-12-01', until: '2026-12-31'}}]"
    )
    own.write_text("guardrails: [{name: a, reason: mine, freeze: {from: '2027-02-01'}}]")
    from oncall_tui.config.load import load_files
    from oncall_tui.providers import registry

    loaded = load_files([team, own], registry.options_types())
    assert [r.freeze for r in loaded.guardrails] == [Freeze(begins="2027-02-01")]
    assert "guardrails[a].freeze.until" not in loaded.places
