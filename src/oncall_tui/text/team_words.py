"""The one wording of what other engineers do: ``Bob is rolling this back, 10s ago``. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from oncall_tui.domain.shared import OPEN, Held
from oncall_tui.text.time_format import ago


def doing(others: Iterable[Held], subjects: Collection[str], now: float) -> tuple[str, ...]:
    """Return what *others* do with any of *subjects*: what they change first, then what they have open.

    *now* in seconds since the epoch, UTC; ages are by the other side's clock, and never below 0.
    """
    found = sorted((one for one in others if one.subject in subjects), key=lambda one: (one.what == OPEN, one.since))
    told: dict[tuple[str, str], float] = {}
    for one in found:
        told.setdefault((one.who, one.what), one.since)
    return tuple(f"{who} {what}, {ago(max(0.0, now - since))}" for (who, what), since in told.items())
