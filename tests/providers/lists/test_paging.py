"""Pages are followed to their end, and never round in a circle."""

from __future__ import annotations

import pytest

from oncall_tui.domain.reading import SourceState
from oncall_tui.providers.paging import Paging


def _read(pages: dict[str, tuple[list[bytes], str | None]], most: int = 100) -> tuple[list[bytes], Paging[str]]:
    found: list[bytes] = []
    paging = Paging("", most=most)
    for at in paging:
        told, after = pages[at]
        if paging.follow(after, told):
            found += told
    return found, paging


def test_every_page_is_read_once() -> None:
    found, paging = _read({"": ([b"1"], "a"), "a": ([b"2"], "b"), "b": ([b"3"], None)})
    assert (found, paging.whole, paging.pages) == ([b"1", b"2", b"3"], True, 3)
    assert paging.problems("alerts", 3) == []


@pytest.mark.parametrize(
    ("pages", "calls", "found"),
    [
        ({"": ([b"1"], "")}, 1, [b"1"]),
        ({"": ([b"1"], "a"), "a": ([b"2"], "a")}, 2, [b"1", b"2"]),  # the same token again
        ({"": ([b"1"], "a"), "a": ([b"2"], "b"), "b": ([b"3"], "a")}, 3, [b"1", b"2", b"3"]),  # two, in turn
        ({"": ([b"1"], "a"), "a": ([b"1"], "b")}, 2, [b"1"]),  # the same page under a new token
        ({"": ([b"1"], "a"), "a": ([b"2"], "b"), "b": ([b"1"], "c")}, 3, [b"1", b"2"]),  # an earlier page
    ],
)
def test_what_repeats_itself_is_the_end(
    pages: dict[str, tuple[list[bytes], str | None]], calls: int, found: list[bytes]
) -> None:
    read, paging = _read(pages)
    assert (read, paging.pages) == (found, calls)
    repeats = calls > 1
    assert paging.repeats is repeats
    told = paging.problems("alerts", len(read))
    assert [(one.state, one.scope) for one in told] == ([(SourceState.MALFORMED, "alerts")] if repeats else [])


def test_an_empty_page_with_a_next_one_is_followed() -> None:
    found, paging = _read({"": ([], "a"), "a": ([], "b"), "b": ([b"1"], None)})
    assert (found, paging.whole) == ([b"1"], True)


def test_more_pages_than_the_bound_are_said() -> None:
    endless = {"": ([b"0"], "1"), **{str(n): ([str(n).encode()], str(n + 1)) for n in range(1, 50)}}
    found, paging = _read(endless, most=10)
    assert (len(found), paging.cut, paging.repeats) == (10, True, False)
    (problem,) = paging.problems("alerts", len(found), "narrow it")
    assert (problem.state, problem.message, problem.hint) == (
        SourceState.DENIED,
        "there are more than the 10 that were read",
        "narrow it",
    )
