"""Decoders are built one at a time: a type that two threads meet for the first time must not end the process."""

from __future__ import annotations

import subprocess
import sys

MEET = """
import threading
import msgspec
from oncall_tui.providers.decoding import decoder

def meet(round):
    inner = msgspec.defstruct("Inner", [(f"f{i}", list[int], msgspec.field(default_factory=list)) for i in range(30)])
    outer = msgspec.defstruct("Outer", [("items", list[inner]), ("more", dict[str, inner])])
    start = threading.Barrier(4)
    def work():
        start.wait()
        decoder(outer).decode(b'{"items": [{"f0": [1]}], "more": {"a": {"f29": [2]}}}')
    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]

for round in range(300):
    meet(round)
print("alive")
"""


def test_four_threads_that_meet_a_new_type_survive() -> None:
    done = subprocess.run([sys.executable, "-c", MEET], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr
