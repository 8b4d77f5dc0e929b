"""Sentry's releases as changes: which version of which project, by whom, deployed when."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from oncall_tui.domain.alert import ServiceHint
from oncall_tui.domain.change import Change, ChangeKind
from oncall_tui.providers.http import stamp
from oncall_tui.providers.http.change_feed import PAGES, Told
from oncall_tui.providers.lists import Damage, items
from oncall_tui.providers.paging import Paging
from oncall_tui.providers.sentry.api import SentryApi, next_cursor
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import SentryRelease
from oncall_tui.text.cells import count

AUTHORS = 3


def read(api: SentryApi, options: SentryOptions, since: float) -> Told:
    """Read those since then (seconds since the epoch), a few pages at most. Raises SourceError."""
    found: list[Change] = []
    damage = Damage()
    paging = Paging("", most=PAGES)
    for cursor in paging:
        page, headers = api.releases(cursor)
        newest = 0.0
        for release in items(page, SentryRelease, damage):
            at = _at(release)  # when it was out
            if at is None:
                damage.lose(f"{release.version} without a time")
                continue
            newest = max(newest, at)
            found += _changes(options, release, at) if at >= since else ()
        paging.follow(next_cursor(headers) if newest >= since else None, page)  # the list has the newest first
    return found, (*damage.problems("releases"), *paging.problems("releases", len(found), "narrow it: projects"))


def _at(release: SentryRelease) -> float | None:
    """When it went out: its last deploy, else its release, else when it was made."""
    deploy = release.lastDeploy
    return stamp((deploy.dateFinished if deploy else None) or release.dateReleased or release.dateCreated)


def _changes(options: SentryOptions, release: SentryRelease, at: float) -> Iterator[Change]:
    """Yield one change for each project of the release."""
    deploy = release.lastDeploy
    environment = (deploy.environment if deploy else None) or ""
    if options.environments and environment and environment not in options.environments:
        return
    began = stamp(deploy.dateStarted) if deploy else None  # most pipelines tell only when it was done
    not_before = stamp(release.dateCreated) if deploy and began is None else None
    names = [one.name or one.email or "" for one in release.authors or ()]
    wanted = [slug for slug in options.projects if not slug.isdecimal()]
    pages = f"{options.url.rstrip('/')}/organizations/{options.organization}/releases/"
    for project in release.projects or ():
        if wanted and project.slug not in wanted:
            continue
        cluster, _, service = options.services.get(project.slug, "").partition("/")
        native = f"{release.version}:{project.slug}" + (f":{deploy.id}" if deploy else "")
        parts = (
            f"deployed to {environment}" if environment else "",
            count(release.commitCount, "commit") if release.commitCount else "",
        )
        yield Change(
            id=f"{options.name}/release:{native}",
            source=options.name,
            kind=ChangeKind.RELEASE,
            what=f"Sentry release {release.shortVersion or release.version} of {project.slug}",
            resource=project.slug,
            began=began if began is not None else at,
            not_before=not_before,
            ended=at,
            by=", ".join(name for name in names[:AUTHORS] if name),
            text=", ".join(part for part in parts if part),
            url=pages + quote(release.version, safe="") + "/",
            hint=ServiceHint(cluster=cluster, service=service),
        )
