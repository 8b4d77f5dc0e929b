"""The words for an empty list of alerts: "nothing is wrong" and "I don't know" never look alike.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

from oncall_tui.domain.board import Board, unread_words
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.text.time_format import age, ago
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS


def nothing(board: Board, now: float) -> str:
    """Return the words for an empty list of alerts. Names come from outside: clean it before it is shown."""
    total = len(board.sources)
    if not total:
        return "No source is configured: nothing is read."
    sources = f"{total} source{'s' if total > 1 else ''}"
    able = any(s.provider not in SERVICE_PROVIDERS for s in board.sources.values())
    if board.live == total:
        oldest = max((s.age_s(now) or 0.0 for s in board.sources.values()), default=0.0)
        none = "No alert is firing" if able else "No alert source is configured: there are services and deploys alone"
        return f"{none}. {total}/{sources} read within {_rounded(oldest)} s.{_unhealthy(board)}"
    if all(s.state is SourceState.WAITING for s in board.sources.values()):
        found = len(board.services)
        so_far = f"{found} service{'s' if found > 1 else ''} so far" if found else "nothing is known yet"
        return f"Reading {sources}: {so_far}{'' if able else '; no alert source is configured'}."
    missing = unread_words(board.unread, lambda s: f"{s.name} ({s.state.label}{': ' + s.hint if s.hint else ''})")
    return f"No alert in what could be read. {board.live}/{sources}; {missing}.{_unhealthy(board)}"


def _unhealthy(board: Board) -> str:
    """Say how many services are unhealthy: no alert is not the same as all well."""
    count = sum(service.health.is_fault for service in board.services.values())
    return f" {count} service{'s are' if count > 1 else ' is'} unhealthy." if count else ""


def last_read(source: SourceStatus, now: float) -> str:
    """Say when it was read; of a source that cannot be read now, when it was read last."""
    seconds = source.age_s(now)
    if seconds is None:
        return "never read"
    if source.live:
        return f"read {ago(seconds)}"
    if source.current or source.state is SourceState.WAITING:
        return f"read in part {ago(seconds)}"
    return f"last good read {f'{seconds:.0f}s' if seconds < 10 else age(seconds)} ago"


def _rounded(seconds: float) -> int:
    """Round up to the next 15 s: a sentence that changes each second is a repaint each second."""
    return max(15, int(-(-seconds // 15) * 15))
