"""Which tests leave files open: ``.venv/bin/python -m pytest -n0 -p tests.support.open_files tests/unit``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

OPEN = Path("/proc/self/fd")
_left: dict[str, Counter[str]] = {}


def _open_files() -> dict[str, str]:
    """Return what each number is a file of."""
    found = {}
    for number in os.listdir(OPEN):
        try:
            found[number] = os.readlink(OPEN / number)
        except FileNotFoundError:  # the listing's own
            continue
    return found


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    before = _open_files()
    try:
        return (yield)
    finally:
        after = _open_files()
        if len(after) > len(before):
            new = (name for number, name in after.items() if before.get(number) != name)
            _left[item.nodeid] = Counter(name.partition(":")[0].rpartition("/")[2] for name in new)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section(f"{len(_open_files())} files are open")
    for test, names in sorted(_left.items(), key=lambda left: -left[1].total()):
        words = ", ".join(f"{name} {count}" for name, count in names.most_common())
        terminalreporter.line(f"{names.total():4} {test}: {words}")
