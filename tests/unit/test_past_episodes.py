"""Firings that a source tells of afterwards become the episodes that a board would have seen."""

from __future__ import annotations

import random

import msgspec
import pytest
from tests.support.fakes import alert

from oncall_tui.domain.alert import QUIET_S, Alert, ServiceHint, Severity
from oncall_tui.domain.history import PastEpisode
from oncall_tui.domain.product import Product
from oncall_tui.domain.service import ServiceKey
from oncall_tui.domain.told import ServiceName, ToldFiring
from oncall_tui.triage.past_episodes import EpisodeFolder, HeldEpisode, PastJoiner
from oncall_tui.triage.triager import Rules

MINUTE = 60.0
SERVICE = ServiceName("prod/main/api", "prod", ServiceKey("1", "eu-west-1", "main", "api"))
RULES = Rules(
    pages=({"severity": "critical", "state": "firing"},),
    products=(Product(name="shop", services=("prod/*/api",)), Product(name="mail", alerts={"team": "mail"})),
)


def joiner() -> PastJoiner:
    return PastJoiner(RULES, [SERVICE])


def firing(began: float, ended: float | None, **more: object) -> ToldFiring:
    return ToldFiring(alert=at(began), ended=ended, **more)  # type: ignore[arg-type]


def at(began: float, **more: object) -> Alert:
    return msgspec.structs.replace(alert("a"), began=began, **more)


def folded(*firings: ToldFiring) -> list[tuple[float, float | None, int]]:
    folder = EpisodeFolder(joiner().episode)
    found: list[PastEpisode] = []
    for one in firings:
        folder.take(one)
        found += folder.over(one.alert.began)
    return [(e.began, e.ended, e.firings) for e in (*found, *folder.rest())]


def test_what_fires_again_within_thirty_quiet_minutes_is_one_episode() -> None:
    assert folded(firing(0.0, 60.0), firing(60.0 + QUIET_S, 2000.0)) == [(0.0, 2000.0, 2)]
    assert folded(firing(0.0, 60.0), firing(61.0 + QUIET_S, 2000.0)) == [(0.0, 60.0, 1), (61.0 + QUIET_S, 2000.0, 1)]


def test_what_goes_on_has_no_end_and_fires_on() -> None:
    assert folded(firing(0.0, None)) == [(0.0, None, 1)]
    assert folded(firing(0.0, None), firing(9000.0, None)) == [(0.0, None, 2)]


def test_an_end_that_is_told_alone_ends_what_fires() -> None:
    assert folded(firing(0.0, None), firing(50.0, 50.0, only_end=True), firing(9000.0, 9010.0)) == [
        (0.0, 50.0, 1),
        (9000.0, 9010.0, 1),
    ]


def test_an_episode_that_began_before_what_is_read_is_none_and_swallows_what_belongs_to_it() -> None:
    assert folded(firing(50.0, 50.0, only_end=True), firing(600.0, 700.0), firing(9000.0, 9010.0)) == [
        (9000.0, 9010.0, 1)
    ]


def test_a_firing_that_is_told_twice_is_one() -> None:
    assert folded(firing(0.0, None), firing(0.4, 60.0)) == [(0.0, 60.0, 1)]


def test_what_is_told_newest_first_makes_the_same_episodes() -> None:
    told = [firing(0.0, 60.0), firing(60.0 + QUIET_S, 2000.0), firing(9000.0, 9010.0), firing(9100.0, None)]
    folder, found = EpisodeFolder(joiner().episode), list[PastEpisode]()
    for one in reversed(told):
        folder.take(one)
        found += folder.over(-1.0)
    found += folder.rest()
    said = sorted((e.began, e.ended or 0.0, e.firings, e.id) for e in found)
    assert [one[:3] for one in said] == [(0.0, 2000.0, 2), (9000.0, 0.0, 2)]
    assert [one[3] for one in said] == ["a@0", "a@9000"]


def test_a_firing_that_pages_makes_its_episode_a_page() -> None:
    folder = EpisodeFolder(joiner().episode)
    folder.take(ToldFiring(alert=at(0.0), ended=60.0))
    folder.take(ToldFiring(alert=at(100.0, severity=Severity.CRITICAL), ended=160.0))
    (told,) = folder.rest()
    assert (told.pages, joiner().episode(at(0.0)).pages) == (True, False)


def test_the_first_acknowledgement_counts() -> None:
    folder = EpisodeFolder(joiner().episode)
    folder.take(firing(0.0, 60.0))
    folder.take(firing(100.0, 200.0, acknowledged_at=150.0, acknowledged_by="Bob"))
    folder.take(firing(300.0, 400.0, acknowledged_at=350.0, acknowledged_by="Alice"))
    (told,) = folder.rest()
    assert (told.acknowledged_at, told.acknowledged_by, told.firings) == (150.0, "Bob", 3)


def test_a_service_a_product_and_a_page_are_found_as_on_the_board() -> None:
    hint = ServiceHint(cluster="main", service="api")
    made = joiner().episode(at(5.0, hint=hint))
    assert (made.service, made.product, made.imported) == ("prod/main/api", "shop", True)
    assert joiner().episode(at(5.0, labels=(("team", "mail"),), hint=hint)).product == "mail"
    assert joiner().episode(at(5.0, hint=ServiceHint(cluster="other", service="api"))).service == ""


def test_the_name_elsewhere_is_an_arn_or_the_alert_that_was_paged_for() -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:1:alarm:x"
    made = joiner().episode(at(5.0, provider="pagerduty", keys=("dedup:k", arn)))
    assert (made.alert, made.problem) == ("dedup:k", arn)
    assert joiner().episode(at(5.0, provider="pagerduty", keys=("dedup:alarms/x",))).problem == "alarms/x"


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.everything)])
def test_wherever_it_is_stopped_and_begun_again_the_episodes_are_the_same(seed: int) -> None:
    rng = random.Random(seed)
    now, told = 0.0, []
    for _ in range(60):
        now += rng.choice([5.0, 20.0, 29.0, 31.0, 90.0]) * MINUTE
        length = rng.choice([1.0, 10.0]) * MINUTE
        told.append(firing(now, now + length))
        now += length
    whole = folded(*told)
    for stop in range(len(told)):
        first = EpisodeFolder(joiner().episode)
        found = []
        for one in told[: stop + 1]:
            first.take(one)
            found += first.over(one.alert.began)
        kept = msgspec.json.decode(msgspec.json.encode(first.held), type=tuple[HeldEpisode, ...])
        second = EpisodeFolder(joiner().episode, kept)
        for one in told[stop + 1 :]:
            second.take(one)
        found += second.rest()
        assert [(e.began, e.ended, e.firings) for e in found] == whole, f"seed {seed}, stopped after {stop}"
