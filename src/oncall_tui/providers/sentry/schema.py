"""Sentry's own words, as far as they are used ("List an Organization's Issues", "Retrieve an Issue").

Enumerations stay strings: a value that is not known yet must become a row, not an error. What may be missing or null
has a default.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oncall_tui.providers.lists import Items, Spared


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


class Activity(msgspec.Struct, frozen=True):
    """One entry of an issue's activity, *data* as the type has it. *user* is null where Sentry itself did it."""

    type: str = ""
    user: Spared[SentryActor | None] = None
    dateCreated: Spared[str | None] = None
    data: Any = None


class SentryIssue(msgspec.Struct, frozen=True):
    """One issue. *count* is a number as text, of the window that was asked for; in a single issue's answer of all.

    *activity* is in a single issue's answer alone, the newest first.
    """

    id: str
    status: str = ""
    substatus: str | None = None
    statusDetails: Spared[StatusDetails | None] = None
    title: Spared[str | None] = None
    shortId: Spared[str | None] = None
    culprit: Spared[str | None] = None
    permalink: Spared[str | None] = None
    level: Spared[str | None] = None
    priority: Spared[str | None] = None
    platform: Spared[str | None] = None
    issueCategory: Spared[str | None] = None
    project: Spared[Project | None] = None
    assignedTo: Spared[SentryActor | None] = None
    count: Spared[str | int | None] = None
    userCount: Spared[int | None] = None
    firstSeen: Spared[str | None] = None
    lastSeen: Spared[str | None] = None
    activity: Items[Activity] | None = None

    @property
    def slug(self) -> str:
        return (self.project.slug if self.project else None) or ""


class Comment(msgspec.Struct, frozen=True):
    """The answer to a comment on an issue."""

    id: str | int = ""


class ReleaseAuthor(msgspec.Struct, frozen=True):
    """The author of some of a release's commits."""

    name: str | None = None
    email: str | None = None


class ReleaseProject(msgspec.Struct, frozen=True):
    """A project that a release is of."""

    slug: str


class SentryDeploy(msgspec.Struct, frozen=True):
    """The last deploy of a release, as a pipeline told it."""

    id: str | int = ""
    environment: str | None = None
    dateFinished: str | None = None
    dateStarted: str | None = None


class SentryRelease(msgspec.Struct, frozen=True):
    """One of ``GET …/releases/`` ("List an Organization's Releases")."""

    version: str
    dateCreated: str
    shortVersion: Spared[str | None] = None
    dateReleased: Spared[str | None] = None
    url: Spared[str | None] = None
    lastDeploy: Spared[SentryDeploy | None] = None
    authors: Spared[tuple[ReleaseAuthor, ...] | None] = None
    projects: Spared[tuple[ReleaseProject, ...] | None] = None
    commitCount: Spared[int | None] = None
