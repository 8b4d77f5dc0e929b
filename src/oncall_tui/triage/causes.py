"""Why a service is not well, as ECS's own events say it: what stands under a row, whole. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re

from oncall_tui.domain.service import Service
from oncall_tui.text.time_format import ago

RECENT_S = 3_600.0
_WRONG = re.compile(
    r"\b(unable to|failed|failing|unhealthy|insufficient|denied|could not|cannot|error)\b", re.IGNORECASE
)
_WELL = "has reached a steady state"
_OWN_NAME = re.compile(r"^\(service [^)]*\)[:,]? *")


def trouble(service: Service, now: float) -> str:
    """The newest event of the last hour that says what went wrong, ``was unable to place a task. Reason: … (2m ago)``;
    empty where there is none, or where the service was steady after it.
    """
    for at, text in service.events:
        if _WELL in text or now - at > RECENT_S:
            return ""
        if _WRONG.search(text):
            return f"{_OWN_NAME.sub('', text).rstrip('. ')} ({ago(now - at)})"
    return ""
