"""glibc gives back what is not used: one arena for all threads, and no free pages between those in use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from oncall_tui.cli import open_board
from oncall_tui.config import Config

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")

_HEAPS = """
import ctypes, os, threading
from oncall_tui.runtime.allocator import give_back, keep_little

def heaps():
    libc, (read, write) = ctypes.CDLL(None), os.pipe()
    libc.fdopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(libc.fdopen(write, b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    return os.read(read, 1 << 20).count(b"<heap ")

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def threads(count):
    kept, over = [], threading.Event()
    for _ in range(count):
        threading.Thread(target=lambda: (kept.append(bytes(4096)), over.wait()), daemon=True).start()
    while len(kept) < count:
        pass
    return over
"""


def _ran(code: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", _HEAPS + code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_all_threads_have_one_arena_where_it_is_called_before_they_start() -> None:
    assert _ran("keep_little(); over = threads(20); print(heaps()); over.set()") == [1]


def test_called_after_many_threads_have_started_it_comes_too_late() -> None:
    """Why the board calls it first of all: once there were eight arenas, their number is no longer asked for."""
    [heaps] = _ran("over = threads(12); keep_little(); more = threads(4); print(heaps()); over.set(); more.set()")
    assert heaps > 12


def test_free_pages_between_blocks_in_use_are_given_back() -> None:
    code = """
keep_little()
blocks = [bytearray(2000) for _ in range(20_000)]
kept = blocks[::100]
full = resident()
del blocks
freed = resident()
give_back()
print(full // 1_000_000, freed // 1_000_000, resident() // 1_000_000)
"""
    full, freed, given_back = _ran(code)
    assert full - freed < 10, "they would come back by themselves"
    assert full - given_back > 25


def test_the_board_sets_it_up_before_it_starts_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def stop(*_: object, **__: object) -> None:
        called.append("engine")
        raise InterruptedError

    monkeypatch.setattr(open_board.gc, "disable", lambda: None)
    monkeypatch.setattr(open_board, "keep_little", lambda: called.append("allocator"))
    monkeypatch.setattr(open_board.bootstrap, "make_engine", stop)
    with pytest.raises(InterruptedError):
        open_board.show(Config(), read_only=True)
    assert called == ["allocator", "engine"]
