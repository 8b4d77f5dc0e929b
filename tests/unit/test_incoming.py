"""Bytes from the terminal: however they are cut, all text comes through once, and no answer does."""

from __future__ import annotations

import random

from oncall_tui.tui.terminal.incoming import ANSWER, CUT_S, HOLD_S, PASTE_BEGINS, PASTE_ENDS, Incoming


def come(data: bytes, *cuts: int, asked: int = 0) -> tuple[str, Incoming]:
    """Pass *data* on in pieces."""
    incoming, text, begin = Incoming(), "", 0
    for _ in range(asked):
        incoming.asked()
    for end in (*sorted(cuts), len(data)):
        text += incoming.take(data[begin:end], 0.0)
        begin = end
    return text + incoming.due(HOLD_S), incoming


def test_characters_that_are_split_are_whole_and_what_is_no_utf8_is_replaced() -> None:
    data = "見ました→".encode()
    for cut in range(len(data)):
        assert come(data, cut)[0] == "見ました→"
    assert come(b"a\xe1b\xff")[0] == "a\ufffdb\ufffd"


def test_an_answer_is_taken_out_wherever_it_is_cut() -> None:
    data = b"j" + ANSWER + b"k"
    for cut in range(len(data) + 1):
        text, incoming = come(data, cut, asked=1)
        assert (text, incoming.answered) == ("jk", True), cut


def test_the_escape_key_is_not_kept_while_an_answer_is_waited_for() -> None:
    incoming = Incoming()
    incoming.asked()
    assert incoming.take(b"\x1b", 5.0) == ""
    assert incoming.due(5.0 + HOLD_S / 2) == ""
    assert incoming.due(5.0 + 2 * HOLD_S) == "\x1b"
    assert not incoming.answered
    quiet = Incoming()
    assert quiet.take(b"\x1b", 5.0) == "\x1b"  # nothing is asked: at once


def test_answers_are_counted_and_one_that_nobody_asked_for_changes_nothing() -> None:
    incoming = Incoming()
    assert incoming.take(ANSWER, 0.0) == ""
    incoming.asked()
    incoming.asked()
    assert incoming.take(ANSWER, 0.0) == ""
    assert not incoming.answered
    assert not incoming.wait_answered(0.0)
    assert incoming.take(ANSWER, 0.0) == ""
    assert incoming.wait_answered(0.0)


def test_a_paste_that_was_cut_gets_its_end_and_no_other_does() -> None:
    begun = f"{PASTE_BEGINS}half".encode()
    for cut in range(len(begun)):
        text, incoming = come(begun, cut)
        assert text == begun.decode()
        assert incoming.due(CUT_S / 2) == ""
        assert incoming.due(CUT_S) == PASTE_ENDS
        assert incoming.due(10 * CUT_S) == ""
    whole = f"{PASTE_BEGINS}all{PASTE_ENDS}j".encode()
    for cut in range(len(whole)):
        text, incoming = come(whole, cut)
        assert (text, incoming.due(10 * CUT_S)) == (whole.decode(), "")


def test_no_bytes_are_lost_or_doubled_however_they_are_cut() -> None:
    rng = random.Random(5)
    pieces = (b"abc", "→".encode(), b"\x1b[A", b"\x1b", ANSWER, b"\x1b[200~x\x1b[201~", b"\xff", b"\x1b[0")
    for _ in range(300):
        data = b"".join(rng.choice(pieces) for _ in range(8)) + b"."
        cuts = [rng.randrange(len(data)) for _ in range(3)]
        assert come(data, *cuts, asked=99)[0] == data.replace(ANSWER, b"").decode("utf-8", "replace")
