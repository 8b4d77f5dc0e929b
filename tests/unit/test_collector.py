"""Garbage is collected while nobody types; and at last also then."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from oncall_tui.tui import collector as module
from oncall_tui.tui.collector import AT_LAST_S, BREATH_S, CLOSED_S, EVERY_S, GROWN, QUIET_S, WHOLE_EVERY, Collector


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    threshold, enabled = gc.get_threshold(), gc.isenabled()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    (gc.enable if enabled else gc.disable)()


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls, in order."""
    calls: list[str] = []
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, 0))
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(module.gc, name, lambda name=name: calls.append(name))
    monkeypatch.setattr(module, "give_back", lambda: calls.append("give back"))
    return calls


def test_it_collects_once_a_minute_and_not_while_somebody_types(collections: list[str]) -> None:
    collector = Collector()
    collector.begin(0.0)
    assert collections == ["collect", "freeze"]
    collections.clear()
    collector.tick(EVERY_S - 1)
    assert collections == []
    collector.pressed(EVERY_S)
    collector.tick(EVERY_S + QUIET_S - 1)
    assert collections == []
    collector.tick(EVERY_S + QUIET_S)
    assert collections == ["collect", "freeze", "give back"]


def test_whoever_types_for_ever_does_not_keep_all_garbage(collections: list[str]) -> None:
    collector = Collector()
    collector.begin(0.0)
    collections.clear()
    for now in range(int(AT_LAST_S)):
        collector.pressed(float(now))
        collector.tick(float(now))
    assert collections == []
    collector.tick(AT_LAST_S)
    assert collections == ["collect", "freeze"]


def test_where_much_has_come_a_pause_between_two_keys_is_enough(
    collections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed screens are circles: 50 of them were 40 MB for whoever opened one after the other."""
    collector = Collector()
    collector.begin(0.0)
    collections.clear()
    collector.pressed(10.0)
    collector.tick(10.0 + BREATH_S)
    assert collections == []
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, GROWN))
    collector.tick(10.0 + BREATH_S / 2)
    assert collections == []
    collector.tick(10.0 + BREATH_S)
    assert collections == ["collect", "freeze"]


def test_what_held_a_screen_that_was_just_closed_is_not_left_alone(
    collections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks that remove it hold it for a moment: with all that it shows it would stay for five collections."""
    collector = Collector()
    collector.begin(0.0)
    collections.clear()
    collector.tick(10.0, alone=False)
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, GROWN))
    collector.pressed(11.0)
    collector.tick(11.0 + 2 * BREATH_S)
    assert collections == ["collect"]
    collector.tick(11.0 + 2 * BREATH_S + CLOSED_S)
    assert collections[:3] == ["collect", "collect", "freeze"]


def test_whoever_types_all_the_time_has_all_objects_looked_at_in_a_longer_pause(
    collections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key each 2.5 s for an hour: what was left alone and died was never looked at, and 25 MB were kept."""
    collector = Collector()
    collector.begin(0.0)
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, GROWN))
    now, unfrozen = 0.0, []
    while now < 60.0:
        collector.pressed(now)
        for _ in range(6):
            now += 0.4
            collector.tick(now)
        if "unfreeze" in collections:
            unfrozen.append(now)
            collections.clear()
    assert len(unfrozen) > 3
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, 3 * GROWN))
    collections.clear()
    collector.pressed(now)
    collector.tick(now + 2 * BREATH_S)
    assert "collect" in collections, "much has come: it waits for no longer pause"


def test_all_objects_are_looked_at_while_nobody_types_alone(
    collections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    collector.begin(0.0)
    collections.clear()
    monkeypatch.setattr(module.gc, "get_count", lambda: (0, 0, GROWN))
    for now in range(WHOLE_EVERY + 5):
        collector.pressed(float(now))
        collector.tick(now + 2 * BREATH_S)
    assert "unfreeze" not in collections
    collections.clear()
    collector.tick(WHOLE_EVERY + 5 + QUIET_S)
    assert collections == ["unfreeze", "collect", "freeze", "give back"]


def test_circles_of_what_was_left_alone_go_too_in_the_end() -> None:
    class Circle:
        """Goes by the collector alone."""

    lost = []
    collector = Collector()
    circle = Circle()
    circle.me = circle  # type: ignore[attr-defined]
    seen = weakref.ref(circle, lambda _: lost.append(1))
    collector.begin(0.0)
    del circle
    for minute in range(1, WHOLE_EVERY):
        collector.tick(minute * EVERY_S)
    assert seen() is not None
    assert not lost
    collector.tick(WHOLE_EVERY * EVERY_S)
    assert lost == [1]


def test_a_screen_that_was_open_meanwhile_goes_with_the_first_collection_after_it_was_closed() -> None:
    class Circle:
        """Goes by the collector alone."""

    lost = []
    collector = Collector()
    collector.begin(0.0)
    screen = Circle()
    screen.me = screen  # type: ignore[attr-defined]
    seen = weakref.ref(screen, lambda _: lost.append(1))
    collector.tick(EVERY_S, alone=False)
    del screen
    assert seen() is not None
    collector.tick(2 * EVERY_S)
    assert lost == [1]


def test_the_oldest_generation_is_never_collected_between_a_key_and_its_answer() -> None:
    Collector().begin(0.0)
    assert gc.isenabled()
    assert gc.get_threshold()[2] == module.NEVER
