"""The commits between two versions of a repository, read from GitHub's REST API with one call.

``GET /repos/{owner}/{repo}/compare/{base}...{head}`` ("Compare two commits"): without paging it has the newest 250
commits in chronological order, at most 300 files, and counts all commits (``total_commits``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from oncall_tui import errors
from oncall_tui.domain.comparison import Commit, CommitRange
from oncall_tui.providers.http import Http, HttpSettings, NotFound, stamp
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.network.trust import TlsFiles
from oncall_tui.runtime.secret import Secret
from oncall_tui.text.cells import clean
from oncall_tui.text.time_format import age

if TYPE_CHECKING:
    import httpx

MOST_FILES = 300  # of one comparison ("Compare two commits")
LONGEST = 200  # characters of a title, of a name
READ_RIGHT = "read access to the repository's contents (Contents: read)"
VERSION = "2022-11-28"


class _Person(msgspec.Struct):
    name: str | None = None
    date: str | None = None


class _GitCommit(msgspec.Struct):
    message: str = ""
    author: _Person | None = None
    committer: _Person | None = None


class _User(msgspec.Struct):
    login: str = ""


class _CommitItem(msgspec.Struct):
    sha: str
    commit: _GitCommit
    author: _User | None = None


class _ChangedFile(msgspec.Struct):
    pass


class _Compared(msgspec.Struct):
    """The answer; *commits* and *total_commits* have no default: what is no comparison does not decode as one."""

    commits: list[_CommitItem]
    total_commits: int
    behind_by: int = 0
    files: list[_ChangedFile] = []


class GithubCommits:
    """Reads comparisons. Used by one thread at a time; nothing is kept but how long no call may be made."""

    def __init__(
        self,
        clock: Clock,
        token: Secret | None = None,
        api_url: str = "https://api.github.com",
        ca_file: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._not_before = 0.0  # monotonic
        self.http = Http(
            source="github",
            url=api_url,
            clock=clock,
            authorization=(lambda: f"Bearer {token.get()}") if token is not None else None,
            secrets=(token,) if token is not None else (),
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION},
            read_right=READ_RIGHT,
            settings=HttpSettings(files=TlsFiles(ca_file, "", "")),
            transport=transport,
        )

    def between(self, repository: str, base: str, head: str) -> CommitRange:
        """Read the commits that *head* has and *base* has not; *repository* is ``OWNER/NAME``. Raises SourceError."""
        wait = self._not_before - self._clock.monotonic()
        if wait > 0:
            raise errors.Throttled(f"GitHub's limit of calls is used up, again in {age(wait)}", retry_after_s=wait)
        path = f"/repos/{quote(repository, safe='/')}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
        try:
            return _range(self.http.get(path, _Compared))
        except NotFound:
            what = f"{clean(repository)} with both {clean(base)} and {clean(head)}"
            raise NotFound(
                f"GitHub has no {what}, or the token may not read it",
                f"check the token's repositories: it needs {READ_RIGHT}",
            ) from None
        except (errors.Denied, errors.Throttled) as error:
            raise self._limited(error) or error from None
        except errors.Expired as error:
            if "redirects" not in error.message:  # a repository that was renamed is answered with 301
                raise
            hint = "name it anew in compare:, or in the build"
            raise errors.Malformed(f"{clean(repository)} was moved or renamed on GitHub", hint) from None

    def _limited(self, error: errors.SourceError) -> errors.Throttled | None:
        """Return the limit that *error* is about: GitHub answers 403 or 429 ("Rate limits for the REST API")."""
        wait = getattr(error, "retry_after_s", None) or self.http.pause_s
        if wait is None and "rate limit" not in error.message.lower():
            return None
        wait = 60.0 if wait is None else wait  # "wait for at least one minute before retrying"
        self._not_before = self._clock.monotonic() + wait
        return errors.Throttled(f"GitHub's limit of calls is used up, again in {age(wait)}", retry_after_s=wait)


def _range(told: _Compared) -> CommitRange:
    found = tuple(_commit(one) for one in reversed(told.commits))
    return CommitRange(
        commits=found,
        total=max(told.total_commits, len(found)),
        files=len(told.files),
        more_files=len(told.files) >= MOST_FILES,
        behind=max(0, told.behind_by),
    )


def _commit(told: _CommitItem) -> Commit:
    author = told.commit.author or _Person()
    name = author.name or (told.author.login if told.author else "")
    when = (told.commit.committer or author).date or author.date
    title = told.commit.message.strip().partition("\n")[0]
    return Commit(sha=clean(told.sha)[:64], title=clean(title)[:LONGEST], author=clean(name)[:LONGEST], at=stamp(when))
