"""One issue of the simulated Sentry, and how its API shows it. Times are seconds since the epoch, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


class SimulatedSentryPerson(NamedTuple):
    """A member of the organization."""

    id: str
    name: str
    email: str


@dataclass
class SimulatedSentryIssue:
    """Times in POSIX seconds; `ignored_until` None: not ignored, or not until a time."""

    id: str
    title: str
    project: str
    project_id: str
    level: str
    first: float
    last: float
    culprit: str = ""
    platform: str = "python"
    status: str = "unresolved"
    substatus: str | None = "new"
    assigned: SimulatedSentryPerson | None = None
    ignored_until: float | None = None
    count: int = 0
    users: int = 0
    environments: set[str] = field(default_factory=set)
    comments: list[str] = field(default_factory=list)
    commented: dict[str, float] = field(default_factory=dict)
    """When each text was last posted (POSIX seconds)."""
    activity: list[dict[str, Any]] = field(default_factory=list)
    """The newest first."""

    def note(self, kind: str, at: float, by: SimulatedSentryPerson | None, **data: Any) -> None:
        """Keep that something happened; by nobody: Sentry itself did it."""
        user = {"id": by.id, "name": by.name, "email": by.email} if by else None
        entry = {"id": str(len(self.activity)), "type": kind, "user": user, "dateCreated": instant(at), "data": data}
        self.activity.insert(0, entry)

    def assign(self, to: SimulatedSentryPerson | None, at: float, by: SimulatedSentryPerson | None) -> None:
        """Give it to somebody; to whom it is assigned already: nothing happens, and nothing is noted."""
        if to != self.assigned:
            rule = {} if by else {"integration": "projectOwnership", "rule": f"path:{self.project}/*"}
            self.note("assigned" if to else "unassigned", at, by, **({"assignee": to.id, **rule} if to else {}))
        self.assigned = to

    def settle(self, status: str, substatus: str | None = None) -> None:
        """Take a status, and what goes with it."""
        self.status = status
        self.substatus = substatus or ("ongoing" if status == "unresolved" else None)
        self.ignored_until = None


def instant(at: float) -> str:
    """A time as Sentry writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(issue: SimulatedSentryIssue) -> dict[str, Any]:
    """The fields of one issue ("List an Organization's Issues") that clients read."""
    assigned = issue.assigned
    actor = {"type": "user", "id": assigned.id, "name": assigned.name, "email": assigned.email} if assigned else None
    details = {"ignoreUntil": instant(issue.ignored_until)} if issue.ignored_until is not None else {}
    short = f"{issue.project.upper()}-{int(issue.id) - 7000}"
    return {
        "id": issue.id,
        "shareId": None,
        "shortId": short,
        "title": issue.title,
        "culprit": issue.culprit,
        "permalink": f"https://sentry.example.com/issues/{issue.id}/",
        "logger": None,
        "level": issue.level,
        "status": issue.status,
        "statusDetails": details,
        "substatus": issue.substatus,
        "isPublic": False,
        "platform": issue.platform,
        "project": {"id": issue.project_id, "name": issue.project, "slug": issue.project, "platform": issue.platform},
        "type": "error",
        "metadata": {"title": issue.title},
        "numComments": len(issue.comments),
        "assignedTo": actor,
        "isBookmarked": False,
        "hasSeen": False,
        "annotations": [],
        "issueType": "error",
        "issueCategory": "error",
        "priority": "high" if issue.level in ("fatal", "error") else "medium",
        "isUnhandled": False,
        "count": str(issue.count),
        "userCount": issue.users,
        "firstSeen": instant(issue.first),
        "lastSeen": instant(issue.last),
    }
