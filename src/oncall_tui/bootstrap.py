"""Configuration -> sources, destinations, engine. The only room that knows all the others.

Nothing here imports boto3, httpx or Textual: providers are built by their own pollers' threads.
"""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from oncall_tui import config as configuration
from oncall_tui.config import Config, ScreenWords
from oncall_tui.domain.plan import Actor
from oncall_tui.engine.source_spec import SourceSpec
from oncall_tui.errors import ConfigurationError, JournalError, NoCredentials, SharingError, SourceError
from oncall_tui.journal import Journal
from oncall_tui.providers import registry
from oncall_tui.providers.base import Context, Destination, Provider, ReadRequest, SupportsOnCall
from oncall_tui.providers.options import DestinationOptions, HttpDestinationOptions, SourceOptions
from oncall_tui.runtime import log
from oncall_tui.runtime.clock import Clock, SystemClock
from oncall_tui.runtime.secret import Secret, redact
from oncall_tui.text import time_format
from oncall_tui.text.cells import count
from oncall_tui.triage.triager import Rules

if TYPE_CHECKING:
    from oncall_tui.actions.command_programs import CommandSettings
    from oncall_tui.domain.reading import Reading
    from oncall_tui.engine.board_reader import BoardReader
    from oncall_tui.engine.engine import Engine
    from oncall_tui.engine.past_import import NamesSource, PastSource
    from oncall_tui.engine.read_engine import ReadEngine
    from oncall_tui.engine.recorder_watch import RecorderWatch
    from oncall_tui.inspection.commits import CommitReader
    from oncall_tui.journal.lease import Lease
    from oncall_tui.journal.team import TeamJournal
    from oncall_tui.notifications.destinations import DestinationSpec
    from oncall_tui.providers.aws.dynamodb.table import JournalTable
    from oncall_tui.sharing.server import ReadingServer


def load_config(path: str = "") -> Config:
    """The configuration. Raises ConfigurationError with every mistake."""
    kinds, destinations = registry.options_types(), registry.destination_types()
    kept = configuration.cache_folder(os.environ)
    return configuration.load(kinds, path, destinations=destinations, words=_screen_words, kept=kept)


def load_config_text(text: str, name: str) -> Config:
    """The same from a text: the demo's."""
    kinds, destinations = registry.options_types(), registry.destination_types()
    return configuration.load_text(text, kinds, name, destinations, _screen_words)


def config_schema() -> dict[str, Any]:
    """Return the configuration's JSON Schema (2020-12), with the options of every provider."""
    from oncall_tui.config.schema import schema  # no board needs it

    return schema(registry.options_types(), registry.destination_types())


def _screen_words() -> ScreenWords:
    from oncall_tui.tui.key_names import screen_words  # only where the configuration names keys or a theme

    return screen_words()


def actor_of(config: Config) -> Actor:
    """Return the actor: ``me``, or the Unix account, marked as a guess."""
    if config.me is not None:
        return Actor(config.me.name, config.me.email)
    return Actor(_account(), "", guessed=True)


def _account() -> str:
    """The Unix account's name, or its number where the machine has no name for it: a container's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError from Python 3.13 on
        return f"uid {os.getuid()}"


def make_engine(
    config: Config,
    *,
    read_only: bool = False,
    steady_s: float | None = None,
    clock: Clock | None = None,
    takes_readings: bool = False,
    stays: bool = False,
) -> Engine:
    """An engine over every configured source, not started yet.

    *takes_readings*: a recorder's, where there is one. *stays*: it goes on reading, as a board and a recorder do.
    """
    from oncall_tui.engine.engine import Engine  # a program that only reads never loads what acts

    zone = time_format.named_zone(config.timezone)
    time_format.set_zone(zone)
    clock = clock or SystemClock()
    actor = actor_of(config)
    read_only = read_only or config.read_only
    journal_path = Path(config.journal_path).expanduser()
    log.start(journal_path.parent)
    look_back_s = config.look_back_s
    specs = tuple(_spec(options, actor, clock, read_only, stays, look_back_s) for options in config.sources)
    destinations = tuple(_destination(options, actor, clock) for options in config.escalation)
    journal = open_journal(config, clock)
    return Engine(
        specs,
        triage_rules(config),
        journal,
        clock,
        actor,
        read_only=read_only,
        steady_s=config.steady_s if steady_s is None else steady_s,
        destinations=destinations,
        watch=partial(_watch_recorder, config, read_only) if takes_readings else None,
        team=lambda merged: make_team(config, journal, clock, merged),
        commits=partial(make_commit_reader, config, clock) if config.github is not None else None,
        github_url=config.github.api_url if config.github is not None else "",
        guardrails=config.guardrails,
        zone=zone,
        commands=command_settings(config),
    )


def command_settings(config: Config) -> CommandSettings | None:
    """Return the team's own commands, None: there are none. Their folders are meant from that of the file that each
    stands in.
    """
    if not config.commands:
        return None
    from oncall_tui.actions.command_programs import CommandSettings  # only where there are commands

    found = {}
    for one in config.commands:
        file = Path(config.places.get(f"commands[{one.name}]", "").rsplit(":", 2)[0]).expanduser()
        found[one.name] = str(file.absolute().parent)
    return CommandSettings(config.commands, found, configuration.unsafe)


def commands_not_usable(config: Config) -> Iterator[str]:
    """Say of each command that cannot be run on this machine why, with its place in the configuration."""
    settings = command_settings(config)
    for name, why in settings.unusable() if settings is not None else ():
        place = config.places.get(f"commands[{name}]", "")
        yield f"{f'{place}: ' if place else ''}command {name} cannot be run here: {why}"


def make_commit_reader(config: Config, clock: Clock) -> CommitReader:
    """Return what reads commits from the configured GitHub. Its module is imported when they are first asked for."""
    from oncall_tui.providers.github.commits import GithubCommits

    assert config.github is not None
    return GithubCommits(clock, config.github.token, config.github.api_url, config.github.ca_file)


def make_board_reader(config: Config, clock: Clock | None = None) -> BoardReader:
    """Return the reader for a program that only reads, not started yet. Nothing that acts, tells others or journals is
    made, and this process can write to no source from now on.
    """
    from oncall_tui.engine.board_reader import BoardReader
    from oncall_tui.engine.read_engine import ReadEngine
    from oncall_tui.runtime import write_doors

    write_doors.shut()
    tz = time_format.named_zone(config.timezone)
    time_format.set_zone(tz)
    clock, actor = clock or SystemClock(), actor_of(config)
    log.start(Path(config.journal_path).expanduser().parent)
    specs = tuple(_spec(options, actor, clock, True) for options in config.sources)
    watch = partial(_watch_readings, config)
    engine = ReadEngine(specs, triage_rules(config), open_journal(config, clock), clock, actor, watch)
    kinds = {source.provider for source in config.sources}
    names = frozenset((*(s.name for s in config.sources), *(p.name for p in config.products)))
    return BoardReader(engine, names, tz, alerts=bool(kinds - {"ecs"}), deploys="ecs" in kinds)


def _watch_readings(config: Config, engine: ReadEngine) -> RecorderWatch:
    """As ``_watch_recorder``, for an engine that only reads: it journals nothing that could be left to the recorder."""
    from oncall_tui.engine.recorder_watch import RecorderWatch
    from oncall_tui.sharing.client import ReadingsClient

    readings = ReadingsClient(
        lambda: socket_of(config), engine.pollers, lambda: source_digests(config), engine.clock, engine.rebuild, True
    )
    return RecorderWatch(make_lease(config, engine.clock), engine.clock, engine.rebuild, readings)


def open_journal(config: Config, clock: Clock) -> Journal:
    """Return the configured journal; its file is opened when it is first read or written."""
    return Journal(Path(config.journal_path).expanduser(), clock.now, redact, config.journal_options.keep_days)


def make_team(config: Config, journal: Journal, clock: Clock, merged: Callable[[int], None]) -> TeamJournal:
    """Return what the journal shares: with a team, or with those on this machine. Nothing is read or asked yet."""
    from oncall_tui.journal.lease import FileLease  # no first frame needs them
    from oncall_tui.journal.team import TeamJournal

    table = config.journal_options.dynamodb
    who = actor_of(config).name
    if table is None:
        return TeamJournal(journal, clock, who)
    lease = FileLease(journal.path.with_name(f"{journal.path.name}.exchange"), clock)
    return TeamJournal(journal, clock, who, lambda: make_table(config, clock), merged, lease)


def make_table(config: Config, clock: Clock) -> JournalTable:
    """Return the team's table; boto3 is imported here. Makes no call. Only where one is configured."""
    from oncall_tui.providers.aws.dynamodb.table import JournalTable
    from oncall_tui.providers.aws.options import AwsOptions

    options = config.journal_options
    assert options.dynamodb is not None
    named = msgspec.structs.asdict(options.dynamodb)
    table = named.pop("table")
    return JournalTable(
        AwsOptions(name="journal", provider="dynamodb", **named), table, options.keep_days * 86_400.0, clock
    )


def make_lease(config: Config, clock: Clock) -> Lease:
    """Return the lease of the configured journal's recorder; nothing is opened yet."""
    from oncall_tui.journal.lease import FileLease
    from oncall_tui.journal.team_lease import TeamLease

    if config.journal_options.dynamodb is not None:
        return TeamLease(cache(lambda: make_table(config, clock)), clock)
    return FileLease(Path(config.journal_path).expanduser(), clock)


def _watch_recorder(config: Config, read_only: bool, engine: Engine) -> RecorderWatch:
    """Return *engine*'s view of the recorder, which takes its readings. Imported once the first frame is shown."""
    from oncall_tui.engine.recorder_watch import RecorderWatch
    from oncall_tui.sharing.client import ReadingsClient

    readings = ReadingsClient(
        lambda: socket_of(config),
        engine.pollers,
        lambda: source_digests(config),
        engine.clock,
        engine.rebuild,
        read_only,
        partial(engine.on_call.give, email=engine.actor.email),
        partial(_leave_to_recorder, engine),
    )
    return RecorderWatch(make_lease(config, engine.clock), engine.clock, engine.rebuild, readings)


def _leave_to_recorder(engine: Engine, journal: tuple[int, int] | None, sources: Collection[str]) -> None:
    """Let the recorder journal the changes of *sources* alone, where its journal's file is this one's too."""
    try:
        mine = os.stat(engine.journal.path)
        same = journal == (mine.st_dev, mine.st_ino)
    except OSError:
        same = False
    with contextlib.suppress(JournalError):  # its failure is on screen
        engine.recorder.leave_to_recorder(sources if same else ())


def socket_of(config: Config) -> Path:
    """Return the path of the recorder's socket. Raises SharingError where there can be none."""
    from oncall_tui.sharing.place import socket_path

    return socket_path(config.recorder.socket, Path(config.journal_path).expanduser(), os.environ)


def source_digests(config: Config) -> dict[str, str]:
    """Return a digest of each source's options that its readings depend on; none of a source that is personal.

    A secret is in it by its place (the variable, the file, the command), and its value is not read.
    """
    import hashlib  # slow to load, and not needed for the first frame

    import msgspec

    found = {}
    for options in config.sources:
        if not options.personal:
            told = {n: getattr(options, n) for n in options.__struct_fields__ if n not in options.for_acting}
            text = msgspec.json.encode(told, enc_hook=lambda secret: [secret.kind, *secret.where], order="sorted")
            found[options.name] = hashlib.sha256(text).hexdigest()
    return found


def serve_readings(config: Config, engine: Engine, read_only: bool) -> ReadingServer:
    """Return the server of *engine*'s readings, started. Raises OSError, SharingError."""
    from oncall_tui.sharing.server import ReadingServer

    group: int | None = None
    if config.recorder.group:
        import grp

        try:
            group = grp.getgrnam(config.recorder.group).gr_gid
        except KeyError:
            raise SharingError(f"recorder.group: there is no group {config.recorder.group!r} on this machine") from None
    server = ReadingServer(
        socket_of(config),
        group,
        engine.pollers,
        source_digests(config),
        engine.clock,
        lambda: engine.on_call.rosters,
        read_only or config.read_only,
        engine.journal.path,
    )
    engine.polled.append(server.changed)
    server.start()
    return server


def on_call_sources(config: Config, clock: Clock | None = None) -> dict[str, Callable[[], SupportsOnCall]]:
    """Return a builder for each source with on-call schedules, by name. It needs no engine, so nothing is polled."""
    clock, actor = clock or SystemClock(), actor_of(config)
    wanted = [options for options in config.sources if registry.entry_of(options.provider).on_call]
    specs = [_spec(options, actor, clock, True) for options in wanted]
    return {spec.name: _on_call(spec) for spec in specs}


def past_sources(config: Config, clock: Clock) -> tuple[dict[str, PastSource], dict[str, NamesSource]]:
    """Return the sources whose past can be read, and those that name services, by their names. Nothing is built yet."""
    from oncall_tui.engine.past_import import NamesSource, PastSource  # no board needs them

    actor = actor_of(config)
    past: dict[str, PastSource] = {}
    naming: dict[str, NamesSource] = {}
    for options in config.sources:
        entry = registry.entry_of(options.provider)
        spec = _spec(options, actor, clock, True)
        if entry.history:
            past[spec.name] = PastSource(spec.name, _place(options), spec.build)
        if entry.names_services:
            naming[spec.name] = NamesSource(spec.name, spec.build)
    return past, naming


def providers_not_used() -> tuple[str, ...]:
    """Say which installed providers of other distributions are never used, and why. Looks through all distributions."""
    return registry.not_used()


def triage_rules(config: Config) -> Rules:
    """Return the rules by which the board says which product an alert is of, and whether it pages."""
    return Rules(config.pages, config.products, config.expected, config.look_back_s)


# --- for a first configuration ----------------------------------------------------------------------------------------


class _Enough(Exception):
    """The end of a reading of which a part is enough."""


def found_in() -> Iterator[tuple[str, str, Mapping[str, tuple[str, ...]], frozenset[str]]]:
    """Yield each way in which variables lead to a source or a destination: its section in the file, its provider, the
    variables of each field, and which of the fields are secrets.
    """
    for section, kinds in (("sources", registry.options_types()), ("escalation", registry.destination_types())):
        for provider, kind in kinds.items():
            types = {field.name: field.type for field in msgspec.structs.fields(kind)}
            for way in kind.found_in:
                secret = frozenset(name for name in way if Secret in (types[name], *get_args(types[name])))
                yield section, provider, way, secret


def read_once(section: str, keys: Mapping[str, Any], clock: Clock) -> str:
    """Read what *keys* describe as one poll does, and say what is there. Raises SourceError.

    A destination is not asked, because that would send: what it stands on is looked for.
    """
    import json

    try:
        config = load_config_text(json.dumps({section: [dict(keys)]}), "init")
    except ConfigurationError as error:
        words = "; ".join(line.partition(": ")[2] for line in error.mistakes)
        raise NoCredentials(words or error.message, "add it by hand") from None
    if not config.sources:
        if why := unready(config).get(str(keys["name"])):
            raise NoCredentials(why)
        return "it cannot be checked without sending a message"

    def told(_: Callable[[], Reading]) -> None:
        raise _Enough

    provider = _spec(config.sources[0], actor_of(config), clock, True).build()
    try:
        reading = provider.read(ReadRequest(part=told))
    except _Enough:
        return "alerts, more than one page of them"
    return count(len(reading.alerts), "alert")


def aws_profiles() -> tuple[tuple[str, str], ...]:
    """Return each AWS profile of this machine, with its region. Raises SourceError."""
    from oncall_tui.providers.aws import discovery

    return discovery.profiles()


def aws_clusters(profile: str, region: str, clock: Clock) -> tuple[str, tuple[str, ...]]:
    """Return the account and the names of its ECS clusters. Raises SourceError."""
    from oncall_tui.providers.aws import discovery

    return discovery.clusters(profile, region, clock)


def aws_alarms(profile: str, region: str, clock: Clock) -> None:
    """Ask for one CloudWatch alarm. Raises SourceError."""
    from oncall_tui.providers.aws import discovery

    discovery.alarms(profile, region, clock)


def aws_policy() -> str:
    """Return the policy that reading AWS takes, as JSON."""
    from oncall_tui.providers.aws import discovery

    return discovery.policy()


def _place(options: SourceOptions) -> str:
    """Return a word for what a source reads: another one where its options are others, and no secret in it."""
    import hashlib  # slow to load

    told = msgspec.structs.asdict(options)
    said = {name: repr(value) for name, value in sorted(told.items()) if name not in ("interval_s", "login")}
    return f"{options.provider}-{hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()}"


def unready(config: Config) -> dict[str, str]:
    """Destinations whose secrets or certificates cannot be read, and why: to ask more of one is to send.

    May block for a secret's command.
    """
    from oncall_tui.runtime.network import trust

    found = {}
    for options in config.escalation:
        secrets = [value for name in options.__struct_fields__ if isinstance(value := getattr(options, name), Secret)]
        files = trust.NO_FILES
        if isinstance(options, HttpDestinationOptions):
            secrets += [value for value in options.headers.values() if isinstance(value, Secret)]
            files = trust.TlsFiles(options.ca_file, options.client_cert, options.client_key)
        try:
            for secret in secrets:
                secret.get()
            if files.any:
                trust.tls_context(files)
        except SourceError as error:
            found[options.name] = str(error)
    return found


def _spec(
    options: SourceOptions,
    actor: Actor,
    clock: Clock,
    read_only: bool,
    stays: bool = False,
    look_back_s: float = 3600.0,
) -> SourceSpec:
    context = Context(
        source=options.name,
        actor_email=actor.email,
        clock=clock,
        read_only=read_only,
        stays=stays,
        look_back_s=look_back_s,
    )

    def build() -> Provider:
        return registry.build(options, context)

    entry = registry.entry_of(options.provider)
    return SourceSpec(options.name, options.provider, build, options.interval_s, entry.on_call, entry.tells_events)


def _on_call(spec: SourceSpec) -> Callable[[], SupportsOnCall]:
    def build() -> SupportsOnCall:
        provider = spec.build()
        if not isinstance(provider, SupportsOnCall):
            raise SourceError(f"{spec.name} does not tell who is on call")
        return provider

    return build


def _destination(options: DestinationOptions, actor: Actor, clock: Clock) -> DestinationSpec:
    from oncall_tui.notifications.destinations import DestinationSpec

    context = Context(source=options.name, actor_email=actor.email, clock=clock)

    def build() -> Destination:
        return registry.build_destination(options, context)

    return DestinationSpec(options.name, options.provider, build)
