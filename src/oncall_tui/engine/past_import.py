"""Reads sources' past into the journal: page by page, once each, and on from where the last run stopped.

A page is written before its place is kept, so that what stops in between is read again and not lost; and what the
journal has already is not written again, so that it is not doubled. Times are seconds since the epoch, UTC.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from oncall_tui.domain.alert import QUIET_S
from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import PastDeploy, PastEpisode
from oncall_tui.domain.reading import PartialFailure
from oncall_tui.domain.told import HistoryPage, HistorySpan, ServiceName
from oncall_tui.engine.import_state import ImportState, SourceProgress
from oncall_tui.errors import JournalError, Malformed, SourceError, Throttled, unexpected
from oncall_tui.journal import Journal
from oncall_tui.providers.base import Provider, SupportsHistory, SupportsServiceNames
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.decoding import convert
from oncall_tui.triage.past_episodes import EpisodeFolder, PastJoiner

log = logging.getLogger(__name__)
P = TypeVar("P")
T = TypeVar("T", bound=PastEpisode | PastDeploy)
LEAD_S = 86_400.0  # read before what is asked for: an episode that began before it is not taken for a new one
THROTTLED_S = 30.0  # without a word of the other side; twice as long each time
THROTTLED_TIMES = 5  # one after the other, before the rest is left for another run
LONGEST_WAIT_S = 300.0
FRESH_S = 7 * 86_400.0  # an import that was stopped longer ago begins anew
CHUNK = 500  # entries in one transaction
PAGES = 1_000_000  # a list that never ends ends here


class PastSource(msgspec.Struct, frozen=True):
    """One source to read: *place* names its provider and where it is, *build* makes the provider."""

    name: str
    place: str
    build: Callable[[], Provider]


class NamesSource(msgspec.Struct, frozen=True):
    """One source that names services: *build* makes the provider."""

    name: str
    build: Callable[[], Provider]


class ImportResult(msgspec.Struct, kw_only=True):
    """The result of one source: how many *episodes* and *deploys* were written; *known*: the journal had them already.

    It was read from *since* to *read_to* (*how_far* says it otherwise); *whole* says that nothing is left for another
    run, else *failure* says why.
    """

    source: str
    since: float
    until: float
    read_to: float | None = None
    how_far: str = ""
    episodes: int = 0
    deploys: int = 0
    known: int = 0
    problems: dict[PartialFailure, None] = msgspec.field(default_factory=dict)
    failure: str = ""
    whole: bool = False


class PastImport:
    """Imports sources one after the other. *wait* sleeps (seconds); *tell* is called after each page.

    Raises errors.JournalError where the journal cannot be written or read: nothing is kept then that is not there.
    """

    def __init__(
        self,
        journal: Journal,
        state: ImportState,
        joiner: PastJoiner,
        clock: Clock,
        wait: Callable[[float], None],
        tell: Callable[[ImportResult, str], None] = lambda result, words: None,
    ) -> None:
        self._journal, self._state, self._joiner = journal, state, joiner
        self._clock, self._wait, self._tell = clock, wait, tell

    def read(self, source: PastSource, since: float) -> ImportResult:
        """Import what began from *since* on (epoch seconds). A source that fails is told of in the result.

        Raises errors.JournalError.
        """
        stopped = self._state.of(source.name, source.place)
        kept = self._begun(stopped, since)
        result = ImportResult(source=source.name, since=kept.asked, until=kept.until or 0.0)
        try:
            self._pages(source, kept, result)
            if kept is stopped:  # what came since that run began
                kept = self._begun(self._state.of(source.name, source.place), since)
                result.until = kept.until or 0.0
                self._pages(source, kept, result)
            result.whole = True
        except SourceError as error:
            result.failure = str(error)
        except JournalError:
            raise
        except Exception as error:
            log.exception("reading the past of %s", source.name)
            result.failure = "; ".join(unexpected(error, "a bug in this provider"))  # of that source alone
        return result

    def _begun(self, kept: SourceProgress, since: float) -> SourceProgress:
        """Return the unfinished import, where it reaches as far back as is asked for; else a new one."""
        fresh = kept.until is not None and self._clock.now() - kept.until < FRESH_S
        if fresh and kept.asked <= since:
            return kept
        goes_on = kept.since is not None and kept.since <= since
        asked = max(since, kept.settled or 0.0) if goes_on else since
        start = max(0.0, asked - LEAD_S)
        now = self._clock.now()
        return msgspec.structs.replace(kept, asked=asked, start=start, until=now, after="", oldest_open=None, held=())

    def _pages(self, source: PastSource, kept: SourceProgress, result: ImportResult) -> None:
        provider = source.build()
        try:
            self._pages_of(provider, source.name, kept, result)
        finally:
            provider.close()

    def _pages_of(self, provider: Provider, name: str, kept: SourceProgress, result: ImportResult) -> None:
        if not isinstance(provider, SupportsHistory):
            raise Malformed(f"{name} tells of no past")
        assert kept.until is not None
        span = HistorySpan(kept.start, kept.until)
        folder = EpisodeFolder(self._joiner.episode, kept.held)
        pace = CallPace(self._clock, self._wait, provider.history_calls_per_s)
        seen: set[str] = set()
        for _ in range(PAGES):
            page = patiently(
                lambda at=kept.after: provider.history(span, at),  # type: ignore[misc]
                self._wait,
                lambda words: self._tell(result, words),
            )
            if page.after is not None and page.after != kept.after and page.after in seen:
                raise Malformed("its pages repeat themselves: what comes after them is not known")
            seen.add(kept.after)
            kept = self._took(name, page, folder, kept, result)
            if page.after is None:
                return
            pace.after(page.calls, page.wait_s)
        raise Malformed("its pages never end")

    def _took(
        self, name: str, page: HistoryPage, folder: EpisodeFolder, kept: SourceProgress, result: ImportResult
    ) -> SourceProgress:
        """Write what the page completes, and keep where the next one is."""
        for firing in page.firings:
            folder.take(firing)
        over = folder.over(page.read_to)
        if page.after is None:
            over += folder.rest()
        told = [one for one in over if one.began >= kept.asked]
        deploys = [self._joiner.deploy(one) for one in page.deploys if one.started >= kept.asked]
        self._write(told, deploys, result)
        unended = [o.began for o in told if _may_go_on(o, result.until)]
        unended += [d.started for d in deploys if d.ended is None]
        unended += [page.may_change_from] if page.may_change_from is not None else []
        oldest = min((*unended, *([kept.oldest_open] if kept.oldest_open is not None else [])), default=None)
        kept = msgspec.structs.replace(kept, after=page.after or "", held=folder.held, oldest_open=oldest)
        if page.after is None:
            kept = _finished(kept)
        self._state.keep(name, kept)
        result.read_to, result.how_far = page.read_to, page.how_far
        result.problems.update(dict.fromkeys(page.problems))
        if page.after is not None:  # else it is whole, and told as that
            self._tell(result, "")
        return kept

    def _write(self, told: Iterable[PastEpisode], deploys: Iterable[PastDeploy], result: ImportResult) -> None:
        entries: list[Entry] = []
        for one in told:
            if (entry := self._entry(EntryKind.TOLD_EPISODE, one.id, one.began, one.title, one)) is None:
                result.known += 1
                continue
            entries.append(entry)
            result.episodes += 1
        for made in deploys:
            words = f"{made.service} {made.arrow}, {made.state}"
            if (entry := self._entry(EntryKind.TOLD_DEPLOY, made.id, made.started, words, made)) is None:
                result.known += 1
                continue
            entries.append(entry)
            result.deploys += 1
        for at in range(0, len(entries), CHUNK):
            self._journal.must(*entries[at : at + CHUNK])

    def _entry(
        self, kind: EntryKind, subject: str, at: float, words: str, told: PastEpisode | PastDeploy
    ) -> Entry | None:
        """The entry to write; None where the journal says the same already. *at* in epoch seconds."""
        before = [entry for entry in self._journal.of(subject) if entry.kind is kind]
        if before:
            old = convert(before[-1].data, type(told))
            told = _completed(told, old)
        entry = Entry(at=at, kind=kind, subject=subject, text=words, data=msgspec.to_builtins(told))
        if before and convert(self._journal.cleaned(entry).data, type(told)) == old:  # as it would be written
            return None
        return entry


def service_names(
    source: NamesSource, clock: Clock, wait: Callable[[float], None]
) -> tuple[list[ServiceName], list[PartialFailure]]:
    """Read the names of all services of *source*, and what could not be read of them. Raises errors.SourceError."""
    found: list[ServiceName] = []
    problems: dict[PartialFailure, None] = {}
    provider = source.build()
    try:
        if not isinstance(provider, SupportsServiceNames):
            raise Malformed(f"{source.name} names no services")
        after: str | None = ""
        seen: set[str] = set()
        pace = CallPace(clock, wait, provider.history_calls_per_s)
        while after is not None:
            page = patiently(lambda at=after: provider.service_names(at), wait)  # type: ignore[misc]
            found += page.services
            problems.update(dict.fromkeys(page.problems))
            if page.after is not None and page.after != after and page.after in seen:
                raise Malformed(f"the pages of {source.name}'s services repeat themselves")
            seen.add(after)
            after = page.after
            if after is not None:
                pace.after(page.calls, page.wait_s)
    finally:
        provider.close()
    return found, list(problems)


def patiently(
    ask: Callable[[], P], wait: Callable[[float], None], tell: Callable[[str], None] = lambda words: None
) -> P:
    """Return the answer of *ask*; where the other side wants fewer calls, wait and ask again, a few times.

    Raises errors.SourceError.
    """
    pause = THROTTLED_S
    for _ in range(THROTTLED_TIMES):
        try:
            return ask()
        except Throttled as error:
            wanted = pause if error.retry_after_s is None else error.retry_after_s
            if wanted > LONGEST_WAIT_S:
                raise
            tell(f"{error.message}; going on in {wanted:.0f} s")
            wait(wanted)
            pause *= 2
    return ask()


class CallPace:
    """Keeps calls to so many a second, over all that is read."""

    def __init__(self, clock: Clock, wait: Callable[[float], None], calls_per_s: float) -> None:
        self._clock, self._wait, self._rate = clock, wait, calls_per_s
        self._next = clock.monotonic()  # when the calls made so far have had their time

    def after(self, calls: int, wait_s: float) -> None:
        """Wait until the next page may be asked for: *wait_s* seconds, or what *calls* cost."""
        now = self._clock.monotonic()
        self._next = max(self._next, now - 1.0) + calls / self._rate  # a slow answer is no credit for a burst
        pause = max(wait_s, self._next - now)
        if pause > 0:
            self._wait(pause)


def _may_go_on(told: PastEpisode, until: float) -> bool:
    return told.ended is None or until - told.ended <= QUIET_S


def _finished(kept: SourceProgress) -> SourceProgress:
    """The import that has read its last page: before *settled* nothing changes any more."""
    assert kept.until is not None
    settled = kept.until if kept.oldest_open is None else min(kept.until, kept.oldest_open)
    since = kept.asked if kept.since is None else min(kept.since, kept.asked)
    return SourceProgress(of=kept.of, since=since, settled=settled)


def _completed(told: T, old: T) -> T:
    """Return *told* with what was known before and could not be read this time."""
    if isinstance(told, PastEpisode) and isinstance(old, PastEpisode):
        changes: dict[str, object] = {}
        if not told.service and old.service:
            changes |= {"service": old.service}
            changes |= {"product": old.product} if not told.product else {}
        if told.acknowledged_at is None and old.acknowledged_at is not None:
            changes |= {"acknowledged_at": old.acknowledged_at, "acknowledged_by": old.acknowledged_by}
        return msgspec.structs.replace(told, **changes)
    return told
