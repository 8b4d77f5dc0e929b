"""``python -m tests.providers.contract``: the contract as a table, provider × case."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from tests.providers.contract.plugs import PLUGS

from oncall_tui.testing.contract import CASES


class Table:
    """What came of each test."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        name = report.nodeid.partition("[")[2].rstrip("]")
        case, _, plug = name.rpartition("-")
        if case and (report.when == "call" or report.failed):
            self.found[plug, case] = "ok" if report.passed else "FAILED"

    def text(self) -> str:
        names = [plug.name for plug in PLUGS]
        width = max(len(_said(case)) for case in CASES) + 2
        lines = [" " * width + "  ".join(f"{name:<12}" for name in names)]
        for case in CASES:
            cells = (f"{self.found.get((name, case), '-'):<12}" for name in names)
            lines.append(f"{_said(case):<{width}}" + "  ".join(cells))
        return "\n".join(line.rstrip() for line in lines)


def _said(case: str) -> str:
    return CASES[case].words


def main() -> int:
    table = Table()
    code = pytest.main(["tests/providers/contract", "-q", "--no-header", *sys.argv[1:]], plugins=[table])
    sys.stdout.write("\n" + table.text() + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
