"""Log lines in the order of their time, each once, in a bounded store."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from sys import getsizeof

import msgspec

from oncall_tui.domain.logs import LogLine

MOST_LINES = 20_000
MOST_BYTES = 16_000_000
_at = attrgetter("at")
BESIDE = 300  # bytes of a line besides its text: the struct, its time, its id, its places in the list and the set


class BufferedLines(msgspec.Struct, frozen=True):
    """The kept lines, oldest first; a new value with each change. *before* and *after* count the dropped lines.

    *seen* is how many different lines came in all, *bytes* what they take.
    """

    lines: Sequence[LogLine] = ()
    before: int = 0
    after: int = 0
    seen: int = 0
    bytes: int = 0


class LogBuffer:
    """Keeps at most so many lines and bytes. Written by one thread; ``kept`` can be read by any."""

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> None:
        self.most_lines, self.most_bytes = most_lines, most_bytes
        self.kept = BufferedLines()
        self._ids: set[str] = set()

    @property
    def full(self) -> bool:
        """Return whether a tenth more would drop lines."""
        return 10 * len(self.kept.lines) > 9 * self.most_lines or 10 * self.kept.bytes > 9 * self.most_bytes

    def add(self, lines: Sequence[LogLine], newest_stay: bool = True) -> int:
        """Put *lines* (oldest first) where they belong; how many of them are new.

        Lines that have one time stay in the order in which they came. Where there is no room the oldest go, or, where
        older ones are what is wanted, the newest.
        """
        old = self.kept
        fresh = list({it.id: it for it in lines if it.id not in self._ids}.values())
        if old.before and newest_stay:  # what was dropped there may come again in an overlap
            fresh = [it for it in fresh if it.at >= old.lines[0].at]
        if not fresh:
            return 0
        if not old.lines or fresh[0].at >= old.lines[-1].at:
            every = [*old.lines, *fresh]
        else:
            every = sorted([*old.lines, *fresh], key=_at)
        self._ids.update(it.id for it in fresh)
        size = old.bytes + sum(map(_size, fresh))
        dropped = self._surplus(every, size, newest_stay)
        gone = every[:dropped] if newest_stay else every[len(every) - dropped :]
        if gone:
            every = every[dropped:] if newest_stay else every[: len(every) - dropped]
            size -= sum(map(_size, gone))
            self._ids.difference_update(it.id for it in gone)
        self.kept = BufferedLines(
            lines=every,
            before=old.before + (dropped if newest_stay else 0),
            after=old.after + (0 if newest_stay else dropped),
            seen=old.seen + len(fresh),
            bytes=size,
        )
        return len(fresh)

    def _surplus(self, every: Sequence[LogLine], size: int, newest_stay: bool) -> int:
        """How many have to go."""
        count = max(0, len(every) - self.most_lines)
        way = 1 if newest_stay else -1
        ends = every if newest_stay else every[::-1]
        size -= sum(_size(it) for it in ends[:count])
        while size > self.most_bytes and count < len(every) - 1:
            size -= _size(every[count] if way > 0 else every[-1 - count])
            count += 1
        return count


def _size(line: LogLine) -> int:
    return getsizeof(line.text) + BESIDE
