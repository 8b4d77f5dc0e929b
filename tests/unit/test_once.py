"""What is made when it is first asked for is made once, whoever asks."""

from __future__ import annotations

import threading

import pytest

from oncall_tui.runtime.once import Once


def test_it_is_made_once_though_many_ask_at_once() -> None:
    made: list[object] = []
    begun, goes_on = threading.Event(), threading.Event()

    def make() -> object:
        begun.set()
        goes_on.wait(5)
        made.append(object())
        return made[-1]

    once = Once(make)
    assert once.made is None
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(once())) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    goes_on.set()
    for thread in threads:
        thread.join(5)
    assert len(made) == 1
    assert got == made * 8
    assert once.made is made[0]


def test_an_error_is_the_callers_and_the_next_call_tries_again() -> None:
    answers = iter([ValueError("not yet"), "there"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    once = Once(make)
    with pytest.raises(ValueError, match="not yet"):
        once()
    assert once.made is None
    assert once() == "there"
