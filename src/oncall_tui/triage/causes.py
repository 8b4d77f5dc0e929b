"""Why a service is not well, as ECS's own events say it: what stands under a row, whole. Pure.

Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import re

from oncall_tui.domain.service import Service
from oncall_tui.text.time_format import ago

RECENT_S = 3_600.0
_WRONG = r"(?i)\b(unable to|failed|failing|unhealthy|insufficient|denied|could not|cannot|error)\b"
_WELL = "has reached a steady state"
_OWN_NAME = r"^\(service [^)]*\)[:,]? *"


def trouble(service: Service, now: float) -> str:
    """The newest event of the last hour that says what went wrong, ``was unable to place a task. Reason: … (2m ago)``;
    empty where there is none, or where the service was steady after it.
    """
    for at, text in service.events:
        if _WELL in text or now - at > RECENT_S:
            return ""
        if re.search(_WRONG, text):
            return f"{re.sub(_OWN_NAME, '', text).rstrip('. ')} ({ago(now - at)})"
    return ""
