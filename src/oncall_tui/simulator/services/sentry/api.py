"""A simulated Sentry: an organization's issues, as the published schema has them (``getsentry/sentry-api-schema``).

Listed, read, assigned, resolved and ignored; commented on as Sentry's own pages do. What the schema leaves open is
answered strictly, so that a client which passes here asks Sentry for nothing that is undocumented.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from oncall_tui.simulator.server.messages import Request, SimulatedAnswer, json_answer
from oncall_tui.simulator.services.sentry.issue import SimulatedSentryIssue, SimulatedSentryPerson, instant, shown
from oncall_tui.simulator.services.sentry.query import SimulatedSentryRefusal, page
from oncall_tui.simulator.services.sentry.releases import SimulatedSentryRelease

LIMIT = 40
"""Requests of one caller in a window: what the headers tell (docs.sentry.io, "Rate Limits"). Not counted here."""
WINDOW = 1.0
"""Seconds."""

_STATUSES = ("resolved", "unresolved", "ignored", "resolvedInNextRelease")
_PATH = re.compile(r"/api/0/organizations/([^/]+)/issues/(?:([^/]+)/(?:(comments)/)?)?")
_RELEASES = re.compile(r"/api/0/organizations/([^/]+)/releases/")


class SimulatedSentry:
    """One organization. `now` gives POSIX seconds; `spec`: organization, people [{name, email}].

    Tokens are good that begin with `drill-`, or that `spec` names.
    """

    def __init__(self, now: Callable[[], float], spec: Mapping[str, Any] | None = None) -> None:
        spec = spec or {}
        self._now = now
        self._organization = str(spec.get("organization", "example"))
        self._tokens = tuple(spec.get("tokens", ["drill-"]))
        people = spec.get("people") or [{"name": "Alice"}, {"name": "Bob"}]
        self._people = [
            SimulatedSentryPerson(str(100 + n), it["name"], it.get("email", "")) for n, it in enumerate(people)
        ]
        self._projects: dict[str, str] = {}
        self._issues: dict[str, SimulatedSentryIssue] = {}
        self._keys: dict[str, SimulatedSentryIssue] = {}
        self._releases: list[SimulatedSentryRelease] = []

    def operation(self, request: Request) -> str:
        """The request's name, as `PUT issue`."""
        found = _PATH.fullmatch(request.path)
        if _RELEASES.fullmatch(request.path):
            return f"{request.method} releases"
        kind = "other" if found is None else "comments" if found[3] else "issue" if found[2] else "issues"
        return f"{request.method} {kind}"

    def handle(self, request: Request) -> SimulatedAnswer:
        """Answer one request."""
        self._settle()
        try:
            answer = self._handle(request)
        except SimulatedSentryRefusal as refusal:
            answer = json_answer(refusal.value, refusal.status)
        return answer._replace(headers={**answer.headers, **self._limits(LIMIT - 1)})

    def fault(self, kind: str, request: Request) -> SimulatedAnswer | None:
        """Return Sentry's refusal: bodies with `detail`; of its limit only its own headers tell."""
        told = {
            "throttle": (429, "You are attempting to use this endpoint too frequently."),
            "expired": (401, "Token expired"),
            "unauthorized": (401, "Invalid token"),
            "denied": (403, "You do not have permission to perform this action."),
            "error500": (500, "Internal Error"),
        }
        if kind not in told:
            return None
        status, detail = told[kind]
        answer = json_answer({"detail": detail}, status)
        return answer._replace(headers={**answer.headers, **self._limits(0, 2.0)}) if status == 429 else answer

    def _limits(self, remaining: int, reset_in: float = WINDOW) -> dict[str, str]:
        return {
            "X-Sentry-Rate-Limit-Limit": str(LIMIT),
            "X-Sentry-Rate-Limit-Remaining": str(remaining),
            "X-Sentry-Rate-Limit-Reset": f"{self._now() + reset_in:.0f}",
            "X-Sentry-Rate-Limit-ConcurrentLimit": "25",
            "X-Sentry-Rate-Limit-ConcurrentRemaining": "24",
        }

    # What the world does

    def report(self, key: str, title: str, project: str, level: str = "error", **more: Any) -> str:
        """Events of an issue, new or known: `count`, `users`, `culprit`, `environment`, `began` (seconds). Its id."""
        now = self._now()
        issue = self._keys.get(key)
        if issue is None:
            number = self._projects.setdefault(project, str(4501 + len(self._projects)))
            began = float(more.get("began") or now)
            issue = SimulatedSentryIssue(
                str(7001 + len(self._issues)), title, project, number, level, first=began, last=began
            )
            issue.culprit, issue.platform = str(more.get("culprit", "")), str(more.get("platform", "python"))
            issue.substatus = str(more.get("substatus", "new"))
            self._issues[issue.id] = self._keys[key] = issue
        elif issue.status == "resolved":
            issue.settle("unresolved", "regressed")
            issue.note("set_regression", now, None)
        issue.environments.add(str(more.get("environment", "production")))
        issue.count += int(more.get("count", 1))
        issue.users += int(more.get("users", 0))
        issue.last = now
        if "assigned" in more:  # as Sentry's rules do
            issue.assign(self._somebody(str(more["assigned"])), now, None)
        return issue.id

    def release(self, version: str, projects: list[str], author: str = "", environment: str = "production") -> None:
        """Tell of a release, as a pipeline does."""
        number = len(self._releases) + 1
        self._releases.append(SimulatedSentryRelease(number, version, projects, self._now(), author, environment))

    def resolve(self, key: str) -> None:
        """Resolve an issue as somebody else."""
        issue = self._keys.get(key)
        if issue is not None:
            issue.settle("resolved")
            issue.note("set_resolved", self._now(), None)

    def past(
        self,
        given: Mapping[str, Any],
        began: float,
        ended: float,
        by: str | None = None,
        acknowledged: tuple[str, float] | None = None,
    ) -> None:
        """Lay an issue that is resolved. Times in POSIX seconds; *by* nobody: Sentry itself did it."""
        more = {name: value for name, value in given.items() if name != "minutes_ago"}
        issue = self._issues[self.report(**more, began=began)]
        issue.last = ended
        issue.settle("resolved")
        issue.note("set_resolved", ended, self._somebody(by) if by else None)

    def ignore(self, key: str, seconds: float) -> None:
        """Ignore an issue for a time, as somebody else."""
        issue = self._keys.get(key)
        if issue is not None:
            issue.settle("ignored", "archived_until_condition_met")
            issue.ignored_until = self._now() + seconds

    def reopen(self, key: str) -> None:
        """Stop ignoring it, as somebody else."""
        issue = self._keys.get(key)
        if issue is not None:
            issue.settle("unresolved")

    def assign(self, key: str, who: str) -> None:
        """Assign an issue as somebody else; an empty name: to nobody."""
        issue = self._keys.get(key)
        if issue is not None:
            person = self._somebody(who) if who else None
            issue.assign(person, self._now(), person)

    def check(self, who: str) -> None:
        """ValueError where nobody has this name or e-mail address."""
        self._somebody(who)

    def state(self) -> dict[str, Any]:
        """Return the state, for scenarios and tests."""
        self._settle()
        return {"issues": [{**shown(it), "comments": it.comments} for it in self._issues.values()]}

    def _settle(self) -> None:
        """End what was ignored until now."""
        for issue in self._issues.values():
            if issue.ignored_until is not None and issue.ignored_until <= self._now():
                issue.settle("unresolved", "ongoing")

    def _somebody(self, who: str) -> SimulatedSentryPerson:
        for person in self._people:
            if who.casefold() in (person.name.casefold(), person.email.casefold(), person.id, f"user:{person.id}"):
                return person
        raise ValueError(f"nobody is called {who!r}")

    # Answering

    def _handle(self, request: Request) -> SimulatedAnswer:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            raise SimulatedSentryRefusal("Authentication credentials were not provided.", 401)
        if kind != "Bearer" or not token.startswith(self._tokens):
            raise SimulatedSentryRefusal("Invalid token", 401)
        if self.operation(request) == "GET releases" and request.path.split("/")[4] == self._organization:
            return json_answer([one.public() for one in self._releases[::-1]])
        found = _PATH.fullmatch(request.path)
        if found is None or found[1] != self._organization:
            raise SimulatedSentryRefusal("The requested resource does not exist", 404)
        operation = self.operation(request)
        if operation == "GET issues":
            return page(request, list(self._issues.values()), self._now())
        issue = self._issues.get(found[2] or "")
        if issue is None:
            raise SimulatedSentryRefusal("The requested resource does not exist", 404)
        if operation == "GET issue":
            return json_answer({**shown(issue), "activity": issue.activity})
        if operation == "PUT issue":
            return self._put(issue, _body(request))
        if operation == "POST comments":
            return self._comment(issue, _body(request))
        raise SimulatedSentryRefusal(f'Method "{request.method}" not allowed.', 405)

    def _put(self, issue: SimulatedSentryIssue, body: dict[str, Any]) -> SimulatedAnswer:
        """Change what the body names, all of it or nothing."""
        status = body.get("status")
        if status is not None and status not in _STATUSES:
            raise SimulatedSentryRefusal({"status": [f'"{status}" is not a valid choice.']}, 400)
        details = body.get("statusDetails", {})
        minutes = details.get("ignoreDuration") if isinstance(details, dict) else "none"
        if minutes is not None and (not isinstance(minutes, int) or minutes < 1):
            raise SimulatedSentryRefusal({"statusDetails": {"ignoreDuration": ["A valid integer is required."]}}, 400)
        if "assignedTo" in body:
            issue.assign(self._assignee(body["assignedTo"]), self._now(), self._people[0])
        if status == "ignored":
            issue.settle("ignored", "archived_until_condition_met" if minutes else "archived_forever")
            issue.ignored_until = self._now() + 60 * minutes if minutes else None
        elif status is not None:
            issue.settle("resolved" if status == "resolvedInNextRelease" else status)
        return json_answer(shown(issue))

    def _assignee(self, who: object) -> SimulatedSentryPerson | None:
        if not who:
            return None
        try:
            return self._somebody(str(who))
        except ValueError:
            raise SimulatedSentryRefusal({"assignedTo": ["Unknown actor input"]}, 400) from None

    def _comment(self, issue: SimulatedSentryIssue, body: dict[str, Any]) -> SimulatedAnswer:
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise SimulatedSentryRefusal({"text": ["This field is required."]}, 400)
        if issue.commented.get(text, -math.inf) > self._now() - 3600:  # a text with JSON in it, as the real one sends
            return json_answer('{"detail": "You have already posted that comment."}', 400)
        issue.comments.append(text)
        issue.commented[text] = self._now()
        made = {"id": str(len(issue.comments)), "type": "note", "data": {"text": text}}
        return json_answer({**made, "dateCreated": instant(self._now())}, 201)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise SimulatedSentryRefusal("JSON parse error", 400) from None
    if not isinstance(body, dict):
        raise SimulatedSentryRefusal("Invalid data. Expected a dictionary.", 400)
    return body
