"""How large an answer may become, packed and unpacked, and how long an exchange may take."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from functools import partial

import pytest

from oncall_tui.runtime.network.limits import OverTime, TooLarge, Unpackable, time_left, time_limit, unpacked

BODY = b"[" + b'{"a": 1},' * 20_000 + bytes(range(256)) + b"]"


def _bare(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


zipped = partial(gzip.compress, mtime=0)  # the same bytes in every process: they are in the tests' names


@pytest.mark.parametrize("cut", [1, 7, 1_000, 1 << 30])
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", zipped(BODY)),
        (" X-GZip ", zipped(BODY)),
        ("gzip", zipped(BODY[:5]) + zipped(BODY[5:])),
        ("gzip", zipped(BODY) + b"\x00\x00"),
        ("deflate", zlib.compress(BODY)),
        ("deflate", _bare(BODY)),
        ("gzip, gzip", zipped(zipped(BODY))),
        ("deflate, identity, gzip", zipped(zlib.compress(BODY))),
        ("gzip", b""),
    ],
)
def test_unpacked(encoding: str, packed: bytes, cut: int) -> None:
    parts = [packed[at : at + cut] for at in range(0, len(packed), cut)] if packed else []
    assert b"".join(unpacked(parts, encoding)) == (BODY if packed else b"")


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", zipped(BODY)[:-9]),
        ("gzip", b"<html>"),
        ("deflate", zlib.compress(BODY)[:-1]),
        ("br", BODY),
        ("zstd", BODY),
        ("gzip, gzip, gzip", zipped(zipped(zipped(BODY)))),
        ("gzip, gzip", zipped(BODY)),
        ("gzip;q=1", zipped(BODY)),
    ],
)
def test_what_cannot_be_unpacked_is_said(encoding: str, packed: bytes) -> None:
    with pytest.raises(Unpackable):
        b"".join(unpacked([packed], encoding))


def _bomb(levels: int, size: int) -> bytes:
    machine = zlib.compressobj(9, wbits=31)
    piece = bytes(1 << 20)
    data = b"".join(machine.compress(piece) for _ in range(size >> 20)) + machine.flush()
    for _ in range(levels - 1):
        data = zipped(data)
    return data


@pytest.mark.parametrize("levels", [1, 2])
def test_a_bomb_is_given_up_before_it_takes_memory(levels: int) -> None:
    bomb = _bomb(levels, 32 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            for _ in unpacked([bomb], ", ".join(["gzip"] * levels), limit=4 << 20):
                pass
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_what_stands_between_two_encodings_is_bounded_too() -> None:
    """A great deal of gzip that unpacks to nothing."""
    inner = zipped(b"") * 400_000
    with pytest.raises(TooLarge):
        b"".join(unpacked([zipped(inner)], "gzip, gzip", limit=1 << 20))


def test_the_packed_size_is_bounded() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1 << 16)

    with pytest.raises(TooLarge):
        b"".join(unpacked(endless(), "", limit=1 << 20))


def test_the_time_that_is_left() -> None:
    now = [100.0]
    assert time_left(5.0) == 5.0
    assert time_left(None) is None
    with time_limit(30.0, lambda: now[0]):
        assert time_left(5.0) == 5.0
        now[0] = 128.0
        assert time_left(5.0) == 2.0
        assert time_left(None) == 2.0
        with time_limit(60.0, lambda: now[0]):
            assert time_left(None) == 60.0
        now[0] = 130.0
        with pytest.raises(OverTime):
            time_left(5.0)
    assert time_left(None) is None


def test_httpx_does_without_its_command_line() -> None:
    code = (
        "import sys\nfrom oncall_tui.runtime.network.clients import open_client\n"
        "from oncall_tui.runtime.network.trust import NO_FILES\n"
        "open_client('http://127.0.0.1:1', None, NO_FILES).close()\n"
        "print(sorted(m for m in ('click', 'pygments', 'rich.progress', 'httpx') if m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "['httpx']\n"
