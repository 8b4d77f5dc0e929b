"""Seconds by folder out of pytest's JUnit reports: ``python -m tests.support.times [BEFORE.xml] AFTER.xml``."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as tree
from collections import defaultdict
from pathlib import Path


def by_folder(report: Path) -> dict[str, tuple[int, float]]:
    """Return the number of tests and their seconds for each folder of tests/."""
    found: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for case in tree.parse(report).iter("testcase"):
        parts = case.get("classname", "").split(".")
        folder = parts[1] if len(parts) > 1 else "?"
        count, seconds = found[folder]
        found[folder] = (count + 1, seconds + float(case.get("time", "0")))
    return dict(found)


def main(reports: list[str]) -> int:
    """Print a column for each report; the last column's longest folder first."""
    if not reports:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    columns = [by_folder(Path(report)) for report in reports]
    folders = sorted({f for c in columns for f in c}, key=lambda f: -columns[-1].get(f, (0, 0.0))[1])
    for folder in [*folders, "all"]:
        cells = []
        for column in columns:
            held = column.values() if folder == "all" else [column.get(folder, (0, 0.0))]
            cells.append(f"{sum(n for n, _ in held):6} tests {sum(s for _, s in held):7.1f} s")
        sys.stdout.write(f"{folder:16}{'   '.join(cells)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
