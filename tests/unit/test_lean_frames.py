"""A lean frame leaves the terminal as the whole frame would, and writes only what differs."""

from __future__ import annotations

import io
import random
from typing import Any

import pyte
import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from oncall_tui.tui.terminal.lean_frames import LeanFrames

WIDTH, HEIGHT = 24, 5
SIZE = Size(WIDTH, HEIGHT)
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=WIDTH)
STYLES = [
    None,
    *map(Style.parse, ("", "bold", "dim red", "bold #ffc473 on #1e1e1e", "#ffc473 on #1e1e1e", "reverse on #000000")),
    *map(Style.parse, ("underline bright_red on color(123)", "#ffc473", "on #1e1e1e", "italic #e0e0e0 on #121212")),
]


class Pair:
    """Two terminals: one is written as Textual writes, the other lean."""

    def __init__(self) -> None:
        self.frames = LeanFrames()
        self.screens = [pyte.Screen(WIDTH, HEIGHT) for _ in range(2)]
        self.streams = [pyte.Stream(screen) for screen in self.screens]
        self.bytes = [0, 0]

    def draw(self, frame: Any, session: object = 0) -> str:
        whole = frame.render_segments(CONSOLE).replace("\n", "")
        lean: Any = self.frames.lean(frame, SIZE, session)
        short = lean.render_segments(CONSOLE)
        for index, text in enumerate((whole, short)):
            self.streams[index].feed(text)
            self.bytes[index] += len(text.encode())
        return str(short)

    def same(self) -> bool:
        one, other = ([[seen(s.buffer[y][x]) for x in range(WIDTH)] for y in range(HEIGHT)] for s in self.screens)
        return one == other


def seen(cell: Any) -> Any:
    """A cell as it is seen: a blank has its background alone, unless it is reversed or has a line."""
    lined = cell.reverse or cell.underscore or cell.strikethrough
    return cell if cell.data != " " or lined else cell._replace(fg="default", bold=False, italics=False)


def line(rng: random.Random, width: int, wide: bool) -> Strip:
    segments, left = [], width
    while left:
        if wide and left > 1 and rng.random() < 0.15:
            text, used = rng.choice("障害対応"), 2
        else:
            used = min(left, rng.randint(1, 8))
            text = "".join(rng.choice("ab ·→") for _ in range(used))
        segments.append(Segment(text, rng.choice(STYLES)))
        left -= used
    return Strip(segments, width)


def layout(rng: random.Random, wide: bool) -> LayoutUpdate:
    cut = rng.randint(1, WIDTH - 1)
    lines = [[line(rng, cut, wide), line(rng, WIDTH - cut, wide)] for _ in range(HEIGHT)]
    return LayoutUpdate(lines, Region(0, 0, WIDTH, HEIGHT))


def chops(rng: random.Random) -> ChopsUpdate:
    cut = rng.randint(1, WIDTH - 1)
    made = [{0: line(rng, cut, False), cut: line(rng, WIDTH - cut, False)} for _ in range(HEIGHT)]
    spans = [(y, *rng.choice([(0, cut), (cut, WIDTH), (0, WIDTH)])) for y in sorted(rng.sample(range(HEIGHT), 2))]
    return ChopsUpdate(made, spans, [[cut, WIDTH]] * HEIGHT)


@pytest.mark.parametrize("seed", range(20))
def test_the_terminal_shows_what_whole_frames_would_show(seed: int) -> None:
    rng, pair = random.Random(seed), Pair()
    frames = [layout(rng, seed % 2 == 1) for _ in range(4)]
    for turn in range(60):
        frame = chops(rng) if seed % 2 == 0 and rng.random() < 0.5 else rng.choice(frames)
        pair.draw(frame, session=turn // 25)
        assert pair.same(), f"seed {seed}, frame {turn}"
    assert pair.bytes[1] < pair.bytes[0]


def test_a_frame_that_changes_nothing_writes_nothing_and_one_cell_writes_one_cell() -> None:
    pair, style = Pair(), Style.parse("#ffc473 on #1e1e1e")
    lines = [[Strip([Segment(letter * WIDTH, style)], WIDTH)] for letter in "abcde"]
    region = Region(0, 0, WIDTH, HEIGHT)
    pair.draw(LayoutUpdate(lines, region))
    assert pair.draw(LayoutUpdate(lines, region)) == ""
    lines[2] = [Strip([Segment("c" * 10 + "X" + "c" * (WIDTH - 11), style)], WIDTH)]
    told = pair.draw(LayoutUpdate(lines, region))
    assert (told.count("X"), told.count("c"), len(told) < 60) == (1, 0, True)
    assert pair.same()
    pair.frames.forget()
    assert pair.draw(LayoutUpdate(lines, region)).count("a") == WIDTH
    assert pair.draw(LayoutUpdate(lines, region), session=1).count("e") == WIDTH  # another program had the screen


def test_what_cannot_be_counted_is_written_whole_each_time() -> None:
    pair = Pair()
    lines = [[Strip([Segment("e\u0301" + " " * (WIDTH - 1))], WIDTH)] for _ in range(HEIGHT)]
    frame = LayoutUpdate(lines, Region(0, 0, WIDTH, HEIGHT))
    pair.draw(frame)
    assert pair.draw(frame) == pair.draw(frame) != ""


def test_only_what_differs_of_the_colours_is_written() -> None:
    pair = Pair()
    styles = [Style.parse(f"{colour} on #1e1e1e") for colour in ("#111111", "#222222")]
    strip = Strip([Segment("ab", styles[0]), Segment("cd", styles[1]), Segment(" " * (WIDTH - 4), styles[1])], WIDTH)
    told = pair.draw(LayoutUpdate([[strip]] * HEIGHT, Region(0, 0, WIDTH, HEIGHT)))
    assert told.count("48;2;30;30;30") == 1, "also from line to line"
    assert told.count("\x1b[38;2;34;34;34m") == HEIGHT
    assert pair.same()


def test_what_an_attribute_takes_away_is_said_alone_and_a_blank_needs_no_colour() -> None:
    pair, ground = Pair(), "on #1e1e1e"
    styles = [Style.parse(f"{name} {ground}") for name in ("bold #111111", "#111111", "#999999", "bold #111111")]
    strip = Strip([*map(Segment, ("ab", "cd", " " * (WIDTH - 6), "ef"), styles)], WIDTH)
    told = pair.draw(LayoutUpdate([[strip]], Region(0, 0, WIDTH, 1)))
    assert "ab\x1b[22mcd" in told
    assert f"cd{' ' * (WIDTH - 6)}\x1b[1mef" in told
    assert pair.same()


def test_the_first_frame_does_not_count_on_what_another_program_left() -> None:
    pair = Pair()
    for stream in pair.streams:
        stream.feed("\x1b[1;31;44m")
    plain = LayoutUpdate([[Strip([Segment("x" * WIDTH)], WIDTH)]], Region(0, 0, WIDTH, 1))
    pair.draw(plain)
    cells = [screen.buffer[0][0] for screen in pair.screens]
    assert cells[1].bold is False
    assert cells[1].bg == "default"


def test_a_span_of_a_line_that_the_screen_does_not_have_yet_is_left_out() -> None:
    """Seen on a loaded machine, on a screen that was just opened: the board ended."""
    frames = LeanFrames()
    early = ChopsUpdate([{0: Strip([Segment("first")], 5)}], [(0, 0, 5), (7, 0, 5)], [[5]])
    assert "first" in frames.written(early, Console(color_system="truecolor"))
    assert frames.written(ChopsUpdate([], [(3, 0, 5)], []), Console(color_system="truecolor")) == ""
