"""The outcomes of actions until they are dismissed. One request for several rows is shown, and dismissed, as one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

import msgspec

from oncall_tui.domain.outcome import Outcome


class Outcomes:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: dict[str, Outcome] = {}
        self._batches: dict[str, str] = {}  # a plan's id -> its batch's
        self._numbers = itertools.count(1)

    def all(self) -> tuple[Outcome, ...]:
        """Every outcome that was not dismissed, oldest first."""
        with self._lock:
            return tuple(self._shown.values())

    def together(self, plan_ids: Sequence[str], left_out: Sequence[Outcome]) -> None:
        """Group the outcomes of these plans, which one request asked for, with the rows that it left out."""
        ids = [*plan_ids, *(outcome.plan_id for outcome in left_out)]
        if len(ids) > 1:
            batch = f"batch-{next(self._numbers)}"
            with self._lock:
                self._batches.update((plan_id, batch) for plan_id in ids)
        for outcome in left_out:
            self.put(outcome)

    def put(self, outcome: Outcome) -> None:
        """Show it, in the place of what the same plan had."""
        with self._lock:
            batch = self._batches.get(outcome.plan_id, "")
            self._shown[outcome.plan_id] = msgspec.structs.replace(outcome, batch=batch) if batch else outcome

    def dismiss(self, id: str) -> None:
        """Stop showing what came of a plan, or of a batch."""
        with self._lock:
            if self._shown.pop(id, None) is None:
                for outcome in [o for o in self._shown.values() if o.batch == id]:
                    del self._shown[outcome.plan_id]
