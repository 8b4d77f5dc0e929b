"""A deploy's history as JSON, in one form for ``status --json`` and ``deploys --json``."""

from __future__ import annotations

from typing import Any

from oncall_tui.domain.deploy import Deploy
from oncall_tui.text.history_words import back_of, deploy_summary, noun
from oncall_tui.text.time_format import stamp


def history_object(deploy: Deploy) -> dict[str, Any]:
    """Return the fields: what it is, who began it, how it was rolled back (None: it was not), all in one sentence."""
    return {
        "kind": noun(deploy),
        "started_by": deploy.started_by or None,
        "rolled_back": _rolled_back(deploy),
        "says": deploy_summary(deploy),
    }


def _rolled_back(deploy: Deploy) -> dict[str, Any] | None:
    back = back_of(deploy)
    if back is None:
        return None
    return {
        "state": back.state,
        "to": back.to,
        "by": back.by or None,
        "began": stamp(back.began),
        "ended": stamp(back.ended),
        "deploy": back.deploy or None,
        "again": stamp(back.again_at),
        "again_by": back.again_by or None,
    }
