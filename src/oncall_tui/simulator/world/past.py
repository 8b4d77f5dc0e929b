"""A scenario's `past`, which was over before the world began, laid into the memory of its sources.

Times are seconds since the epoch, UTC.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from oncall_tui.simulator.scenarios.reader import Table
from oncall_tui.simulator.world.events import ScenarioRunner

DAY, MINUTE = 86_400.0, 60.0


class RemembersPast(Protocol):
    """A peer that tells of what is over. *given* is as of the event that begins it; *by* ended it.

    *acknowledged*: by whom, and when (epoch seconds).
    """

    def past(
        self, given: Table, began: float, ended: float, by: str | None, acknowledged: tuple[str, float] | None
    ) -> None:
        """Lay what is over, from *began* to *ended* (epoch seconds). Raises ValueError."""


def lay_past(entry: Table, story: ScenarioRunner) -> None:
    """Lay one entry of the past. Raises ValueError where it names something that is not there."""
    peers: Mapping[str, Any] = {
        "page": story.pager,
        "alarm": story.alarms,
        "issue": story.issues,
        "open_alert": story.mackerel,
    }
    verbs = [verb for verb in peers if verb in entry]
    if len(verbs) != 1:
        raise ValueError(f"expected exactly one of {', '.join(peers)}")
    peer: RemembersPast | None = peers[verbs[0]]
    if peer is None:
        raise ValueError(f"no source remembers {verbs[0]}")
    began = story.world.timeline.now() - DAY * entry["days"]
    ended = began + MINUTE * entry.get("minutes", 12.0)
    if ended > story.world.timeline.now():
        raise ValueError("days, minutes: it has to be over before the world begins")
    held = entry.get("acknowledged")
    acknowledged = (held["by"], began + MINUTE * held.get("after_minutes", 2.0)) if held else None
    peer.past(entry[verbs[0]], began, ended, entry.get("resolved_by"), acknowledged)
