"""How many there are, as titles say it: none and "nothing was read" never look alike. Pure."""

from __future__ import annotations

from oncall_tui.domain.board import Board, unread_words
from oncall_tui.domain.reading import SourceStatus
from oncall_tui.triage.triager import TriagedBoard, page_words
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS

NOT_KNOWN = "not known"


def services_unread(board: Board) -> str:
    """`` · not read: prod`` of the sources of services whose rows are not of now, or are not all there; empty: none."""
    words = unread_words([s for s in board.unread if s.provider in SERVICE_PROVIDERS])
    return f" · {words}" if words else ""


def nothing_read(triaged: TriagedBoard) -> frozenset[str]:
    """The lists of which nothing is known (``alerts``, ``services``, ``deploys``): no row, and no reading ever."""
    sources = triaged.board.sources.values()
    services = [s for s in sources if s.provider in SERVICE_PROVIDERS]
    others = [s for s in sources if s.provider not in SERVICE_PROVIDERS]
    found = {
        "services": (services, triaged.services),
        "deploys": (services, triaged.deploys),
        "alerts": (others, triaged.alerts),
    }
    return frozenset(what for what, (of, rows) in found.items() if of and not rows and all(map(_never, of)))


def alerts_title(triaged: TriagedBoard) -> str:
    """``ALERTS 3 · 1 page, unacknowledged``; ``ALERTS 300 so far · …`` while a source's first list still comes;
    ``ALERTS not known`` where no source of alerts was ever read.
    """
    if "alerts" in nothing_read(triaged):
        return f"ALERTS {NOT_KNOWN}"
    so_far = " so far" if _alerts_come(triaged) else ""
    return f"ALERTS {len(triaged.alerts)}{so_far} · {page_words(triaged)}"


def services_title(triaged: TriagedBoard, deploying: bool = False) -> str:
    """``SERVICES 12 · 1 unhealthy``, with what was not read; ``SERVICES not known · not read: prod``."""
    lost = services_unread(triaged.board)
    if "services" in nothing_read(triaged):
        return f"SERVICES {NOT_KNOWN}{lost}"
    sick = sum(s.health.is_fault for s in triaged.services)
    moving = len({d.service_id for d in triaged.deploys if d.state.running})
    more = f" · {moving} deploying" if deploying else ""
    return f"SERVICES {len(triaged.services)} · {sick} unhealthy{more}{lost}"


def deploys_title(triaged: TriagedBoard) -> str:
    """``DEPLOYS 1 running · 4 in the last day``, with what was not read; ``DEPLOYS not known · not read: prod``."""
    lost = services_unread(triaged.board)
    if "deploys" in nothing_read(triaged):
        return f"DEPLOYS {NOT_KNOWN}{lost}"
    running = sum(d.state.running for d in triaged.deploys)
    return f"DEPLOYS {running} running · {len(triaged.deploys)} in the last day{lost}"


def number(triaged: TriagedBoard, what: str, count: int) -> str:
    """*count* of ``alerts``, ``services`` or ``deploys`` for a tab; ``?`` where nothing is known of them, ``2?`` where
    the count is not of now: a tab has no room for which source is not read.
    """
    if what in nothing_read(triaged):
        return "?"
    unsure = _alerts_come(triaged) if what == "alerts" else bool(services_unread(triaged.board))
    return f"{count}?" if unsure else str(count)


def _alerts_come(triaged: TriagedBoard) -> bool:
    """Return whether more alerts of a source that was read in part may still come."""
    sources = triaged.board.sources.values()
    return any(not s.complete for s in sources if s.provider not in SERVICE_PROVIDERS)


def _never(source: SourceStatus) -> bool:
    return source.read_at is None
