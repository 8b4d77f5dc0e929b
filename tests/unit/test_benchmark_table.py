"""The benchmarks' table: the last release's figures stand beside the lines that they belong to."""

from __future__ import annotations

from pathlib import Path

from benchmarks.result import Effort, Result, keep, last_release, markdown, named

LINES = [
    Result("memory", "99 MB", "110 MB", True),
    Result("– processor", "1 %"),
    Result("bytes", "60 B/s", "50 B/s", False),
    Result("– processor", "2 %"),
]


def test_a_line_with_a_dash_is_named_by_the_line_that_it_belongs_to() -> None:
    assert [name for name, _ in named(LINES)] == ["memory", "memory – processor", "bytes", "bytes – processor"]


def test_kept_figures_stand_beside_their_lines_and_those_that_were_not_measured_again_stay(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    assert last_release(kept) is None
    assert "release" not in markdown(LINES, None)
    keep(LINES, Effort("full"), kept)
    keep([Result("bytes", "40 B/s")], Effort("full"), kept)
    release = last_release(kept)
    assert release is not None
    table = markdown([*LINES, Result("new", "1")], release).splitlines()
    assert table[0].endswith(f"| {release.words} |")
    assert [line.rpartition("| ")[2] for line in table[2:]] == [
        "99 MB |",
        "1 % |",
        "40 B/s |",
        "2 % |",
        "not measured |",
    ]
    assert "| **no** |" in table[4]
    assert len({line.count("|") for line in table}) == 1
