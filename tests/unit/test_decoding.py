"""Decoders are built one at a time: a type that two threads meet for the first time must not end the process."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "oncall_tui"
DOOR = SRC / "runtime" / "decoding.py"
SIMULATOR = SRC / "simulator"
TYPED = re.compile(r"\bmsgspec(\.\w+)?\.(decode|convert|Decoder)\b|\bfrom msgspec|\bimport msgspec as")

# Threads are switched as often as can be, and the type is large: so the one meets what the other has begun.
MEET = """
import sys, threading
import msgspec
from oncall_tui.runtime.decoding import convert, decoder

sys.setswitchinterval(1e-6)
WAYS = {
    "raw": lambda of: msgspec.json.Decoder(of).decode(b'{"items": [{"f0": [1]}], "more": {"a": {"f29": [2]}}}'),
    "decoder": lambda of: decoder(of).decode(b'{"items": [{"f0": [1]}], "more": {"a": {"f29": [2]}}}'),
    "convert": lambda of: convert({"items": [{"f0": [1]}], "more": {"a": {"f29": [2]}}}, of),
}

def meet(way):
    inner = msgspec.defstruct("Inner", [(f"f{i}", list[int], msgspec.field(default_factory=list)) for i in range(60)])
    outer = msgspec.defstruct("Outer", [("items", list[inner]), ("more", dict[str, inner])])
    start = threading.Barrier(4)
    def work():
        start.wait()
        way(outer)
    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]

for _ in range(int(sys.argv[2])):
    meet(WAYS[sys.argv[1]])
print("alive")
"""
ROUNDS = {"raw": 2000, "decoder": 200, "convert": 200}  # the raw one died within 40 rounds


def _met(way: str) -> tuple[int, str]:
    command = [sys.executable, "-X", "faulthandler=0", "-c", MEET, way, str(ROUNDS[way])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("way", ["decoder", "convert"])
def test_four_threads_that_meet_a_new_type_survive(way: str) -> None:
    assert _met(way) == (0, "alive")


def test_without_the_door_the_process_dies() -> None:
    """The control: where this passes alive, msgspec was mended, and the lock is not needed any more."""
    status, said = _met("raw")
    assert (status < 0, said) == (True, "")


def _typed_decodes() -> Iterator[str]:
    """Yield every use of msgspec that works out a type, with its place."""
    for path in SRC.rglob("*.py"):
        if path == DOOR or SIMULATOR in path.parents:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if TYPED.search(line):
                yield f"{path.relative_to(SRC)}:{number}: {line.strip()}"


def test_everything_is_decoded_through_the_one_door() -> None:
    assert list(_typed_decodes()) == []
