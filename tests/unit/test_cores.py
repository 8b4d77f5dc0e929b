"""The tests start as many processes as their container can run, not as its machine could."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.cores import cores


@pytest.fixture(autouse=True)
def _eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, 8.0),
        ({"cpu.max": "max 100000\n"}, 8.0),
        ({"cpu.max": "200000 100000\n"}, 2.0),
        ({"cpu.max": "50000 100000\n"}, 1.0),
        ({"cpu.max": "1600000 100000\n"}, 8.0),
        ({"cpu.max": "odd\n"}, 8.0),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8.0),
        ({"cpu/cpu.cfs_quota_us": "200000\n"}, 8.0),
    ],
)
def test_a_containers_bound_counts(tmp_path: Path, files: dict[str, str], wanted: float) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cores(tmp_path) == wanted


def test_where_fewer_may_be_run_on_those_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3}, raising=False)
    assert cores(tmp_path) == 1.0
