"""ARNs and task ids in the sentences of others, as short as they are told everywhere else: the one place that does."""

from __future__ import annotations

import re

from oncall_tui.domain.service_detail import short_task

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^\s,;)\]'\"]+")
_TASK = re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")
_WITH_ID = ("targetgroup", "loadbalancer", "listener", "listener-rule")  # …/NAME/ID, …/app/NAME/ID


def short_ids(text: str) -> str:
    """*text* with each ARN's name in its place, and task ids of eight characters."""
    if "arn:" in text:
        text = _ARN.sub(lambda found: _name(found[0]), text)
    return _TASK.sub(lambda found: short_task(found[0]), text)


def _name(found: str) -> str:
    """``payments-api`` of ``…:targetgroup/payments-api/73e2d6bc24d8a067``, ``api:42`` of ``…:task-definition/api:42``.

    A name may hold colons and slashes of its own.
    """
    arn = found.rstrip(".:")
    resource, after = arn.split(":", 5)[5], found[len(arn) :]
    kind, slash, path = resource.partition("/")
    if ":" in kind or not slash:  # alarm:NAME, log-group:/ecs/api:*
        rest = resource.partition(":")[2] or resource
        return (rest.partition(":")[0] if kind.startswith("log-group") else rest) + after
    parts = path.split("/")
    if kind in _WITH_ID:
        at = 1 if parts[0] in ("app", "net", "gwy") else 0
        return (parts[at] if at < len(parts) else path) + after
    return parts[-1] + after
