"""``import``: what the sources remember, read into the journal, so that the record is of use on the first day."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE
from oncall_tui.cli.common import fail
from oncall_tui.cli.option_types import Duration
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.config import Config
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.told import ServiceName
from oncall_tui.engine.import_state import ImportState, beside
from oncall_tui.engine.past_import import ImportResult, NamesSource, PastImport, PastSource, service_names
from oncall_tui.errors import SourceError
from oncall_tui.runtime.clock import Clock, SystemClock
from oncall_tui.runtime.secret import redact
from oncall_tui.text.json_types import JsonTime
from oncall_tui.text.spelling import nearest
from oncall_tui.text.time_format import moment, named_zone, rfc3339, stamp, zone
from oncall_tui.triage.past_episodes import PastJoiner

TOLD_EVERY_S = 5.0  # of what goes on, on stderr


@click.command("import")
@click.option("--since", "back", type=Duration(), default="90d", show_default=True, help="How far back: 12h, 30d.")
@click.option("--source", "only", multiple=True, metavar="NAME", help="This source alone; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def import_history(context: click.Context, back: float, only: tuple[str, ...], as_json: bool) -> None:
    """Read what the sources remember of alerts and deploys into the journal.

    Run it again to go on where it stopped; what is there already is not written twice. Exits 1 where a source could
    not be read to the end.
    """
    config = bootstrap.load_config(context.obj["config"])
    clock = SystemClock()
    past, naming = bootstrap.past_sources(config, clock)
    wanted = _wanted(config, past, only)
    kept = config.journal_options.keep_days * 86_400.0
    if back > kept:
        back = kept
        say(f"the journal keeps {config.journal_options.keep_days:g} days (journal: keep_days): no more is read")
    state = ImportState(beside(Path(config.journal_path).expanduser()), redact)
    if state.notice:
        say(state.notice)
    told = _Told(config, clock, as_json)
    journal = bootstrap.open_journal(config, clock)
    try:
        with state.alone():
            services = _services(naming, told, clock)
            joiner = PastJoiner(bootstrap.triage_rules(config), services)
            job = PastImport(journal, state, joiner, clock, time.sleep, told.progress)
            since = clock.now() - back
            results = [told.ended(job.read(source, since)) for source in wanted]
    except KeyboardInterrupt:
        say("interrupted: what was read is kept; run it again for the rest")
        sys.exit(NOT_DONE)
    finally:
        say(*(f"warning: {words}" for words in journal.notices))
        journal.close(5.0)
    if as_json:
        put_json(ImportOutput(sources=tuple(_output(result) for result in results)))
    sys.exit(DONE if all(result.whole for result in results) and not told.unnamed else NOT_DONE)


def _wanted(config: Config, past: dict[str, PastSource], only: tuple[str, ...]) -> list[PastSource]:
    """The sources to read; the others are named, because nothing of theirs will be there. Ends on a wrong name."""
    names = [options.name for options in config.sources]
    for name in only:
        if name not in names:
            near = nearest(name, names)
            fail(
                f"no source {name!r}", f"did you mean {near}?" if near else f"there are: {', '.join(names)}", WRONG_USE
            )
    for options in config.sources:
        if options.name not in past and (not only or options.name in only):
            say(f"{options.name}: {options.provider} keeps no past that can be read: a recorder sees what comes")
    wanted = [source for name, source in past.items() if not only or name in only]
    if not wanted:
        fail("no source to read", "docs/providers.md says which ones remember")
    return wanted


def _services(naming: dict[str, NamesSource], told: _Told, clock: Clock) -> list[ServiceName]:
    """Every service's name; a source that cannot be read is said, and its alerts are of no service then."""
    found: list[ServiceName] = []
    for source in naming.values():
        try:
            names, problems = service_names(source, clock, time.sleep)
        except SourceError as error:
            told.unnamed = True
            say(f"{source.name}: its services are not known, so that no alert is said to be of one: {error}")
            continue
        found += names
        say(*(f"{source.name}: {problem.scope}: {problem.message}" for problem in problems))
    return found


class _Told:
    """The words of an import: how far it is, on stderr; what came of each source, on stdout."""

    def __init__(self, config: Config, clock: Clock, as_json: bool) -> None:
        self._tz, self._clock = named_zone(config.timezone), clock
        self._put = say if as_json else put
        self._at = clock.monotonic()
        self.unnamed = False  # a source of services could not be read

    def progress(self, result: ImportResult, words: str) -> None:
        """Say how far it is, at most every few seconds; *words* say why it waits, and are said at once."""
        now = self._clock.monotonic()
        if words:
            say(f"{result.source}: {words}")
        elif now - self._at >= TOLD_EVERY_S:
            self._at = now
            say(f"{result.source}: read {self._how_far(result)}: {_counts(result)}")

    def ended(self, result: ImportResult) -> ImportResult:
        """Say what came of it."""
        since = self._moment(result.since)
        whole = "read to the end: " if result.whole else ""
        self._put(f"{result.source}: {whole}{_counts(result)}, from {since} to {self._moment(result.until)}")
        for problem in result.problems:
            words = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
            scope = "" if problem.state is SourceState.OK else f"{problem.scope}: "  # what its system does not have
            say(f"{result.source}: {scope}{words}")
        if result.failure:
            say(f"{result.source}: read {self._how_far(result)}, and no further: {result.failure}; run it again")
        return result

    def _how_far(self, result: ImportResult) -> str:
        return result.how_far or f"to {self._moment(result.read_to or result.since)}"

    def _moment(self, at: float) -> str:
        return f"{moment(at, self._tz, self._clock.now(), day=True)} {zone(self._tz, at)}"


def _counts(result: ImportResult) -> str:
    """``12 episodes and 3 deploys written, 40 were there``; ``nothing new, 40 were there``."""
    new = result.episodes or result.deploys or not result.whole  # of what was not read it is not known
    said = (
        f"{_number(result.episodes, 'episode')} and {_number(result.deploys, 'deploy')} written"
        if new
        else "nothing new"
    )
    return f"{said}, {result.known:,} {'was' if result.known == 1 else 'were'} there" if result.known else said


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


class ImportProblemOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be read of a source's past."""

    scope: str
    message: str
    hint: str


class SourceImportOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The import of one source. *whole*: it was read to the end; *already_there* counts what was known before."""

    source: str
    since: JsonTime
    read_to: JsonTime | None
    how_far: str | None
    episodes: int
    deploys: int
    already_there: int
    whole: bool
    problems: tuple[ImportProblemOutput, ...]
    failure: str | None


class ImportOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The object of ``import --json``."""

    sources: tuple[SourceImportOutput, ...]


def _output(result: ImportResult) -> SourceImportOutput:
    return SourceImportOutput(
        source=result.source,
        since=rfc3339(result.since),
        read_to=stamp(result.read_to) if result.whole or not result.how_far else None,
        how_far=result.how_far or None,
        episodes=result.episodes,
        deploys=result.deploys,
        already_there=result.known,
        whole=result.whole,
        problems=tuple(ImportProblemOutput(scope=p.scope, message=p.message, hint=p.hint) for p in result.problems),
        failure=result.failure or None,
    )
