"""A simulated GitHub: repositories of one line of commits, and the comparison of two of them, as its REST API has it
("Compare two commits", docs.github.com/rest/commits/commits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer

COMMITS, FILES = 250, 300
"""The most of each that one answer has, without paging."""

_PATH = re.compile(r"/repos/([^/]+/[^/]+)/compare/(.+)\.\.\.(.+)")


@dataclass
class SimulatedCommit:
    """One commit; `at` in POSIX seconds, `files` are the names that it changes."""

    sha: str
    title: str
    author: str
    at: float
    files: tuple[str, ...] = ()

    def public(self, repository: str) -> dict[str, Any]:
        """Return it as the API shows it. A person without an account has no `author`."""
        when = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        email = f"{self.author.lower().replace(' ', '.')}@example.com"
        person = {"name": self.author, "email": email, "date": when}
        return {
            "sha": self.sha,
            "html_url": f"https://github.com/{repository}/commit/{self.sha}",
            "commit": {"message": f"{self.title}\n\nThe body.", "author": person, "committer": person},
            "author": None,
        }


class SimulatedGithub:
    """Repositories by `OWNER/NAME`: `spec` is {repositories: [{name*, commits: [{sha*, title*, author*, days, files,
    tag}]}]}, the oldest commit first. Tokens are good that begin with `drill-`; without one everything is public.
    """

    def __init__(self, now: Callable[[], float], spec: Mapping[str, Any] | None = None) -> None:
        self._now = now
        self._commits: dict[str, list[SimulatedCommit]] = {}
        self._refs: dict[str, dict[str, int]] = {}
        for repository in (spec or {}).get("repositories", []):
            for given in repository.get("commits", []):
                at = now() - 86_400 * float(given.get("days", 1.0))
                files = tuple(f"src/{given['sha'][:4]}-{n}.py" for n in range(int(given.get("files", 1))))
                commit = SimulatedCommit(given["sha"], given["title"], given["author"], at, files)
                self.push(repository["name"], commit, given.get("tag", ""))

    def push(self, repository: str, commit: SimulatedCommit, tag: str = "") -> None:
        """Add a commit at the end; *tag* names it too."""
        line = self._commits.setdefault(repository, [])
        line.append(commit)
        refs = self._refs.setdefault(repository, {})
        refs |= {commit.sha: len(line) - 1} | ({tag: len(line) - 1} if tag else {})

    def operation(self, request: Request) -> str:
        """The request's name."""
        found = _PATH.fullmatch(request.path)
        return f"{request.method} /repos/{{owner}}/{{repo}}/compare/{{basehead}}" if found else request.path

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and not token.startswith("drill-"):
            return _refused(401, "Bad credentials")
        found = _PATH.fullmatch(request.path)
        refs = self._refs.get(found[1], {}) if found else {}
        if found is None or request.method != "GET" or found[2] not in refs or found[3] not in refs:
            return _refused(404, "Not Found")
        return json_answer(self._compared(found[1], refs[found[2]], refs[found[3]], request.path.rpartition("/")[2]))

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return GitHub's refusal: a used up limit is a 403 with headers ("Rate limits for the REST API")."""
        if kind == "throttle":
            headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0"}
            headers["x-ratelimit-reset"] = str(int(self._now()) + 120)
            answer = _refused(403, "API rate limit exceeded for user ID 1.")
            return answer._replace(headers=answer.headers | headers)
        told = {
            "expired": (401, "Bad credentials"),
            "unauthorized": (401, "Bad credentials"),
            "denied": (403, "Resource not accessible by personal access token"),
            "error500": (502, "Server Error"),
        }
        return _refused(*told[kind]) if kind in told else None

    def _compared(self, repository: str, base: int, head: int, name: str) -> dict[str, Any]:
        line = self._commits[repository]
        ahead = line[base + 1 : head + 1]
        files = dict.fromkeys(file for commit in ahead for file in commit.files)
        return {
            "html_url": f"https://github.com/{repository}/compare/{quote(name)}",
            "status": "ahead" if ahead else "behind" if head < base else "identical",
            "ahead_by": len(ahead),
            "behind_by": max(0, base - head),
            "total_commits": len(ahead),
            "base_commit": line[base].public(repository),
            "commits": [commit.public(repository) for commit in ahead[-COMMITS:]],
            "files": [{"filename": file, "status": "modified", "patch": "@@ -1 +1 @@"} for file in [*files][:FILES]],
        }


def _refused(status: int, message: str) -> SimulatedAnswer:
    return json_answer({"message": message, "documentation_url": "https://docs.github.com/rest"}, status)
