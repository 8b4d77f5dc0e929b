"""When what is read on demand is read again, as a table: what happens at which second, and which readings begin."""

from __future__ import annotations

import pytest

from oncall_tui.inspection.refresh_policy import RefreshPolicy

# (second, what happens): a word is a mark that is seen, "r" the key, "." the end of the reading, "x" closing.
CASES: dict[str, tuple[list[tuple[float, str]], list[float]]] = {
    "once when it is looked at": ([(0, "a"), (1, ".")], [0]),
    "not again while nothing changed, however often the board is drawn": (
        [(0, "a"), (1, "."), *((float(t), "a") for t in range(2, 600, 2))],
        [0],
    ),
    "again where the thing changed": ([(0, "a"), (1, "."), (60, "b"), (61, ".")], [0, 60]),
    "again by the key, though nothing changed": ([(0, "a"), (1, "."), (60, "r"), (61, ".")], [0, 60]),
    "the key while one is under way asks for no second": ([(0, "a"), (10, "r"), (11, "."), (12, "a")], [0]),
    "a change while one is under way is read after it": ([(0, "a"), (4, "b"), (5, ".")], [0, 5]),
    "one at a time, however long it takes": ([(0, "a"), (4, "b"), (8, "c"), (50, "."), (51, ".")], [0, 50]),
    "a storm of changes is a reading every three seconds": (
        [(0, "a"), (0, "."), *((t / 10, f"m{t}") if t % 2 else (t / 10, ".") for t in range(1, 100))],
        [0, 3.0, 6.0, 9.0],
    ),
    "the key held down too": (
        [(0, "a"), (0.5, "."), *((t / 10, "r" if t % 2 else ".") for t in range(6, 71))],
        [0, 3.0, 6.0],
    ),
    "there and back again is a change": ([(0, "a"), (1, "."), (10, "b"), (11, "."), (20, "a")], [0, 10, 20]),
    "nothing after it is closed": ([(0, "a"), (1, "."), (2, "x"), (10, "b"), (20, "r")], [0]),
    "nothing that was put off, either": ([(0, "a"), (1, "."), (2, "b"), (2.5, "x"), (9, "c")], [0]),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_read(name: str) -> None:
    events, wanted = CASES[name]
    rereads = RefreshPolicy()
    begun: list[float] = []
    number = 0
    for now, what in events:
        if what == "r":
            rereads.ask()
        elif what == "x":
            rereads.close()
        elif what == ".":
            rereads.ended(number)
        else:
            rereads.saw(what)
        if rereads.due(now):
            begun.append(now)
            number = rereads.begin(now)
    assert begun == wanted


def test_it_says_when_to_come_back_for_what_was_put_off() -> None:
    rereads = RefreshPolicy()
    assert rereads.wait(0.0) is None
    rereads.saw("a")
    assert rereads.wait(0.0) == 0.0
    number = rereads.begin(0.0)
    rereads.saw("b")
    assert rereads.wait(1.0) is None  # one is under way: its end says when
    assert rereads.ended(number)
    assert rereads.wait(1.0) == 2.0
    assert rereads.wait(5.0) == 0.0
    rereads.close()
    assert rereads.wait(5.0) is None


def test_what_comes_after_it_closed_or_of_an_older_reading_is_dropped() -> None:
    rereads = RefreshPolicy()
    rereads.saw("a")
    first = rereads.begin(0.0)
    assert rereads.under_way
    rereads.close()
    assert not rereads.under_way
    assert not rereads.ended(first)
