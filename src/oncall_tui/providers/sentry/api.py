"""The calls on Sentry that the provider and its actions share."""

from __future__ import annotations

import re
import shlex
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.providers.http import Http, NotFound, reference
from oncall_tui.providers.lists import Items, listing
from oncall_tui.providers.paging import Paging
from oncall_tui.providers.sentry.options import SentryOptions
from oncall_tui.providers.sentry.schema import Comment, SentryIssue, SentryRelease
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import plain

UNRESOLVED = "unresolved"
RESOLVED = "resolved"
UNTIL = "archived_until_condition_met"  # ignored until a time (or a count): what ends by itself
PAGE = 100  # the most that a page may have
PAGES = 100  # so many pages a poll: 10,000 issues
A_SECOND = (
    4  # calls to single issues: each endpoint has its own limit, and theirs is 5 ("Rate Limits", "Update an Issue")
)
RELEASES_RIGHT = "the scope project:releases"
READ_RIGHT = "the scope event:read"
WRITE_RIGHT = "the scope event:write"

ALREADY = "already posted that comment"  # the same text by the same user within an hour (GroupNotesEndpoint)
_BARE = [("collapse", part) for part in ("release", "stats", "tags")]  # what takes the server long, and is not used

_LINK = re.compile(r"<[^>]*>((?:\s*;\s*[a-z]+=\"[^\"]*\")*)")
_PART = re.compile(r"([a-z]+)=\"([^\"]*)\"")


def error_text(status: int, body: bytes) -> str:
    """``{"detail": …}`` or, of a refused field, ``{"field": ["why"]}`` in words; nothing where it is something else."""
    try:
        said = plain(body)
        if isinstance(said, str):  # a comment that is there twice is refused by JSON within a JSON text
            said = plain(said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    if not isinstance(said, dict):
        return ""
    detail = said.get("detail", "")
    if isinstance(detail, dict):
        detail = detail.get("message", "")
    if isinstance(detail, str) and detail:
        return detail
    whys = [f"{name}: {' '.join(map(str, why))}" for name, why in said.items() if isinstance(why, list) and why]
    words = "; ".join(whys)
    if "unknown actor" in words.lower():
        words += ": me.email is not the primary e-mail address of a user of this organization"
    return words


def next_cursor(headers: Mapping[str, str]) -> str:
    """The next page's cursor from the ``Link`` header; empty: this was the last.

    Sentry gives a next link on the last page too: only ``results="true"`` says that something is there ("Pagination").
    """
    for parts in _LINK.findall(headers.get("link", "")):
        link = dict(_PART.findall(parts))
        if link.get("rel") == "next" and link.get("results") == "true":
            return str(link.get("cursor", ""))
    return ""


def search(options: SentryOptions, state: str) -> str:
    """The search that *options* ask for, in Sentry's language. Projects as numbers have a parameter of their own."""
    slugs = [project for project in options.projects if not project.isdecimal()]
    parts = [f"is:{state}", _one_of("project", slugs), _one_of("level", options.levels), options.query.strip()]
    return " ".join(part for part in parts if part)


def _one_of(key: str, values: tuple[str, ...] | list[str]) -> str:
    if len(values) > 1:
        return f"{key}:[{','.join(values)}]"
    return f"{key}:{values[0]}" if values else ""


class _CallPacer:
    """Waits where so many calls were made in the last second: many marked rows at once would run into the limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: deque[float] = deque(maxlen=A_SECOND)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when one more call may be made: within a second."""
        with self._lock:
            if len(self._made) == A_SECOND:
                left = self._made[0] + 1.0 - self._clock.monotonic()
                if left > 0:
                    time.sleep(left)
            self._made.append(self._clock.monotonic())


class SentryApi:
    """Typed calls. Reading raises errors.SourceError, writing errors.ActionError (see ``providers.http``)."""

    def __init__(self, http: Http, options: SentryOptions, clock: Clock) -> None:
        self.http = http
        self._reading, self._writing = _CallPacer(clock), _CallPacer(clock)
        self._options = options
        self._root = f"/api/0/organizations/{quote(options.organization, safe='')}/issues/"

    def issues(
        self, state: str, so_far: Callable[[Items[SentryIssue]], None] | None = None
    ) -> tuple[Items[SentryIssue], Paging[str]]:
        """Every issue of *state* that the options ask for, undecoded, and how the pages ended. *so_far* is given what
        was read after each page: the newest first.

        Sorted by when they were first seen, which never moves: sorted by the last event, an issue that has one between
        two pages would move up, and another be skipped.
        """
        found: list[msgspec.Raw] = []
        paging = Paging("", most=PAGES)
        for cursor in paging:
            params = self._params(state) + ([("cursor", cursor)] if cursor else [])
            page, headers = self._page(params)
            if paging.follow(next_cursor(headers), page):
                found += page
                if so_far is not None:
                    so_far(listing(found))
        return listing(found), paging

    def past_issues(
        self, start: str, end: str, cursor: str, limit: int
    ) -> tuple[Items[SentryIssue], Mapping[str, str]]:
        """Read one page of the issues that are resolved now and were seen from *start* to *end* (RFC 3339)."""
        left_out = ("statsPeriod", "limit")  # a period counts from now: the same page would be another one later
        kept = [(name, value) for name, value in self._params(RESOLVED) if name not in left_out]
        window = [("start", start), ("end", end), ("limit", str(limit)), *([("cursor", cursor)] if cursor else [])]
        return self._page([*kept, *window])

    def _page(self, params: list[tuple[str, str]]) -> tuple[Items[SentryIssue], Mapping[str, str]]:
        try:
            return self.http.page(self._root, Items[SentryIssue], params)
        except NotFound as error:
            hint = "check the source's url and organization: what is kept in the EU is at https://de.sentry.io"
            raise NotFound(error.message, hint) from None

    def releases(self, cursor: str) -> tuple[Items[SentryRelease], Mapping[str, str]]:
        """Read one page of the organization's releases, the newest first. Raises SourceError."""
        path = self._root.removesuffix("issues/") + "releases/"
        numbers = [project for project in self._options.projects if project.isdecimal()]
        params = [
            ("per_page", str(PAGE)),
            *(("project", n) for n in numbers),
            *([("cursor", cursor)] if cursor else []),
        ]
        try:
            return self.http.page(path, Items[SentryRelease], params)
        except errors.Denied as error:
            raise errors.Denied(error.message, f"the token needs {RELEASES_RIGHT}") from None

    def _params(self, state: str) -> list[tuple[str, str]]:
        options = self._options
        numbers = [project for project in options.projects if project.isdecimal()]
        return [
            ("query", search(options, state)),
            ("statsPeriod", options.seen_within),
            ("sort", "new"),
            ("limit", str(PAGE)),
            *(("project", number) for number in numbers or ("-1",)),
            *(("environment", name) for name in options.environments),
        ]

    def issue(self, issue_id: str) -> SentryIssue | None:
        """One issue, None where there is none (deleted, or merged into another)."""
        self._reading.wait()
        try:
            return self.http.get(self._path(issue_id), SentryIssue, _BARE)
        except NotFound:
            return None

    def update(self, issue_id: str, change: dict[str, Any]) -> SentryIssue:
        """PUT one issue.

        Never the list's own PUT: there an id that is out of scope is answered as a success ("If any IDs are out of
        scope, the data won't be mutated but the endpoint will still produce a successful response").
        """
        self._writing.wait()
        return self.http.write("PUT", self._path(issue_id), SentryIssue, change)

    def comment(self, issue_id: str, text: str) -> Comment:
        """POST a comment. Not in the published schema, but what Sentry's own pages use; a user's token is needed."""
        return self.http.write("POST", self._path(issue_id) + "comments/", Comment, {"text": text})

    def command(self, issue_id: str, change: dict[str, Any]) -> str:
        """The same write as a curl command, with a reference to the token, never its value."""
        token = reference(self._options.token)
        data = shlex.quote(msgspec.json.encode(change).decode())
        url = shlex.quote(self.http.url + self._path(issue_id))
        return f'curl -sS -X PUT -H "Authorization: Bearer {token}" --json {data} {url}'

    def _path(self, issue_id: str) -> str:
        return f"{self._root}{quote(issue_id, safe='')}/"
