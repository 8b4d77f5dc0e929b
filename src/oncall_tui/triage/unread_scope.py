"""Places that cannot be read now: "no suspect" is said only of places that were read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import msgspec

from oncall_tui.domain.change import SCOPE, SCOPES
from oncall_tui.domain.product import Product
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.service import Service

SERVICE_PROVIDERS = frozenset({"ecs"})


class UnreadScope(msgspec.Struct, frozen=True):
    """*whole*: sources of which nothing is current, each with the words for it; *holds*: those that may have services
    which are not known, also because their first list still comes. *parts*: the scopes that other sources lack.
    *changes*: sources that may have changes which are not known, each with the words for it.
    """

    whole: Mapping[str, str] = {}
    holds: Mapping[str, str] = {}
    parts: Mapping[str, tuple[str, ...]] = {}
    changes: Mapping[str, str] = {}

    def about(self, service: Service) -> str:
        """Why deploys of this service may be there that are not known; empty: they were read."""
        if words := self.whole.get(service.source):
            return words
        scopes = self.parts.get(service.source, ())
        if any(scope in (f"cluster {service.key.cluster}", "clusters", "services") for scope in scopes):
            return _words(service.source)
        return service.note

    def about_product(self, product: Product) -> str:
        """The same of the sources that the product's globs reach into."""
        wanted = {pattern.partition("/")[0] for pattern in product.services}
        return next((words for s, words in self.holds.items() if any(fnmatchcase(s, one) for one in wanted)), "")

    def about_changes(self, service: Service | None, product: Product | None) -> str:
        """Why changes of this service or product may be there that are not known; empty: what tells of them was read.

        Of the service's own source that is so where its changes alone are missing: else nothing of it is known.
        """
        if not self.changes:
            return ""
        if service is not None and not SCOPES.isdisjoint(self.parts.get(service.source, ())):
            return self.changes[service.source]
        wanted = {pattern.partition("/")[0] for pattern in product.changes} if product is not None else ()
        return next((words for s, words in self.changes.items() if any(fnmatchcase(s, one) for one in wanted)), "")

    def about_any(self) -> str:
        """The same of a service that is not on the board: it may be of any source."""
        return next(iter(self.holds.values()), "")


def blind(sources: Mapping[str, SourceStatus]) -> UnreadScope:
    """Return the unread scope. Equal to the last one where nothing in it changed."""
    whole = {s.name: _words(s.name, s.state) for s in sources.values() if not s.current}
    able = (s for s in sources.values() if s.provider in SERVICE_PROVIDERS)
    holds = {s.name: whole.get(s.name) or f"{s.name} is still being read" for s in able if not s.whole}
    parts = {s.name: tuple(p.scope for p in s.problems) for s in sources.values() if s.current and s.problems}
    changes = {s.name: whole.get(s.name) or _lacking(s) for s in sources.values() if _lacks_changes(s)}
    return UnreadScope(whole, holds, parts, changes)


def _lacks_changes(source: SourceStatus) -> bool:
    """Return whether there may be changes that it does not tell: also where it is live, and says so of its changes."""
    return not (source.live and source.complete) or any(problem.scope in SCOPES for problem in source.problems)


def _lacking(source: SourceStatus) -> str:
    if not source.complete:
        return f"{source.name} is still being read"
    said = next((p.message for p in source.problems if p.scope == SCOPE and p.state is SourceState.OK), "")
    if source.live and said:
        return f"{source.name}: {said}"
    only = all(problem.scope in SCOPES for problem in source.problems)
    return f"the changes of {source.name} cannot be read now" if only else f"{source.name} was read only in part"


def _words(source: str, state: SourceState = SourceState.OFFLINE) -> str:
    return f"{source} has not been read yet" if state is SourceState.WAITING else f"{source} cannot be read now"
