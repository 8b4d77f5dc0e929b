"""The releases of a simulated Sentry ("List an Organization's Releases")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oncall_tui.simulator.services.sentry.issue import instant


@dataclass
class SimulatedSentryRelease:
    """One version of some projects, and its deploy where `environment` is given. `at` in POSIX seconds."""

    number: int
    version: str
    projects: Sequence[str]
    at: float
    author: str = ""
    environment: str = ""

    def public(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        when = instant(self.at)
        deploy = {"id": str(self.number), "environment": self.environment, "dateStarted": None, "dateFinished": when}
        return {
            "id": self.number,
            "version": self.version,
            "shortVersion": self.version[:12],
            "status": "open",
            "ref": None,
            "url": None,
            "dateCreated": when,
            "dateReleased": when,
            "commitCount": 1 if self.author else 0,
            "deployCount": 1 if self.environment else 0,
            "newGroups": 0,
            "data": {},
            "owner": None,
            "lastCommit": None,
            "lastDeploy": deploy if self.environment else None,
            "firstEvent": None,
            "lastEvent": None,
            "authors": [{"name": self.author, "email": None}] if self.author else [],
            "projects": [{"slug": slug, "name": slug} for slug in self.projects],
        }
