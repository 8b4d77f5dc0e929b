"""Sentry's own words, as far as they are used ("List an Organization's Issues", "Retrieve an Issue").

Enumerations stay strings: a value that is not known yet must become a row, not an error. What may be missing or null
has a default.
"""

from __future__ import annotations

from typing import Any

import msgspec


class SentryActor(msgspec.Struct, frozen=True):
    """An issue's assignee: a ``user`` or a ``team``; a team has no e-mail address."""

    type: str = ""
    id: str | int = ""
    name: str | None = None
    email: str | None = None

    @property
    def label(self) -> str:
        return self.name or self.email or str(self.id)

    @property
    def is_person(self) -> bool:
        return self.type != "team"


class Project(msgspec.Struct, frozen=True):
    slug: str | None = None
    name: str | None = None
    platform: str | None = None


class StatusDetails(msgspec.Struct, frozen=True):
    """Why it is resolved or ignored. *ignoreUntil* is null where something else than time ends it."""

    ignoreUntil: str | None = None


class ActivityItem(msgspec.Struct, frozen=True):
    """One entry of an issue's activity. *data* is as the type has it."""

    type: str = ""
    data: Any = None


class Activity(msgspec.Struct, frozen=True):
    """The same, whole: *user* is null where Sentry itself did it."""

    type: str = ""
    user: SentryActor | None = None
    dateCreated: str | None = None
    data: Any = None


class SentryIssue(msgspec.Struct, frozen=True):
    """One issue. *count* is a number as text, of the window that was asked for; in a single issue's answer of all.

    *activity* is in a single issue's answer alone, the newest first.
    """

    id: str
    status: str = ""
    substatus: str | None = None
    statusDetails: StatusDetails | None = None
    title: str | None = None
    shortId: str | None = None
    culprit: str | None = None
    permalink: str | None = None
    level: str | None = None
    priority: str | None = None
    platform: str | None = None
    issueCategory: str | None = None
    project: Project | None = None
    assignedTo: SentryActor | None = None
    count: str | int | None = None
    userCount: int | None = None
    firstSeen: str | None = None
    lastSeen: str | None = None
    activity: list[msgspec.Raw] | None = None

    @property
    def slug(self) -> str:
        return (self.project.slug if self.project else None) or ""


class Comment(msgspec.Struct, frozen=True):
    """The answer to a comment on an issue."""

    id: str | int = ""
