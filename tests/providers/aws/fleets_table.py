"""The figures of random fleets: ``python -m tests.providers.aws.fleets_table 1000``."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

from tests.providers.aws.fleets import Figures, examine


def table(found: list[Figures]) -> str:
    """Worst first: the greatest age of a row beside its promise, the worst ratios, and the calls."""
    lines = ["row_s  promise  worst  calls/s  over  never  fleet"]
    for one in sorted(found, key=lambda f: f.worst, reverse=True)[:10]:
        lines.append(
            f"{one.rows_s:5.0f}  {one.promised_s:7.0f}  {one.worst:5.2f}  {one.calls_per_s:7.2f}  "
            f"{one.over_budget:4.0f}  {one.never:5}  {one.words}"
        )
    lines.append("")
    for kind in ("rows", "lively", "lingering", "clusters"):
        ratios = [one.ratios[kind] for one in found if kind in one.ratios]
        if ratios:
            lines.append(f"{kind:10} worst age / promise {max(ratios):.2f} ({len(ratios)} fleets)")
    rates = sorted(one.calls_per_s for one in found)
    lines.append(f"calls/s    median {rates[len(rates) // 2]:.2f}, most {rates[-1]:.2f}")
    over, never = max(one.over_budget for one in found), sum(one.never for one in found)
    lines.append(f"calls over the budget: {over:.0f}; services never read: {never}; fleets: {len(found)}")
    return "\n".join(lines)


def main() -> None:
    """Print the table for so many fleets."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with ProcessPoolExecutor(2) as pool:
        sys.stdout.write(table(list(pool.map(examine, range(count), chunksize=4))) + "\n")


if __name__ == "__main__":
    main()
