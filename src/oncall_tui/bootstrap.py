"""Configuration -> sources, destinations, engine. The only room that knows all the others.

Nothing here imports boto3, httpx or Textual: providers are built by their own pollers' threads.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from oncall_tui import config as configuration
from oncall_tui.config import Config, ScreenWords
from oncall_tui.domain.plan import Actor
from oncall_tui.engine.engine import Engine, SourceSpec
from oncall_tui.errors import SourceError
from oncall_tui.journal import Journal
from oncall_tui.journal.lease import FileLease, Lease
from oncall_tui.notifications.destinations import DestinationSpec
from oncall_tui.providers import registry
from oncall_tui.providers.base import Context, Destination, Provider, SupportsOnCall
from oncall_tui.providers.options import DestinationOptions, HttpDestinationOptions, SourceOptions
from oncall_tui.runtime import log
from oncall_tui.runtime.clock import Clock, SystemClock
from oncall_tui.runtime.secret import Secret, redact
from oncall_tui.text import time_format
from oncall_tui.triage.triager import Rules

if TYPE_CHECKING:
    from oncall_tui.engine.past_import import NamesSource, PastSource


def load_config(path: str = "") -> Config:
    """The configuration. Raises ConfigurationError with every mistake."""
    kinds, destinations = registry.options_types(), registry.destination_types()
    return configuration.load(kinds, path, destinations=destinations, words=_screen_words)


def load_config_text(text: str, name: str) -> Config:
    """The same from a text: the demo's."""
    kinds, destinations = registry.options_types(), registry.destination_types()
    return configuration.load_text(text, kinds, name, destinations, _screen_words)


def _screen_words() -> ScreenWords:
    from oncall_tui.tui.key_names import screen_words  # only where the configuration names keys or a theme

    return screen_words()


def actor_of(config: Config) -> Actor:
    """Return the actor: ``me``, or the Unix account, marked as a guess."""
    if config.me is not None:
        return Actor(config.me.name, config.me.email)
    return Actor(getpass.getuser(), "", guessed=True)


def make_engine(
    config: Config, *, read_only: bool = False, steady_s: float | None = None, clock: Clock | None = None
) -> Engine:
    """An engine over every configured source, not started yet."""
    time_format.set_zone(ZoneInfo(config.timezone))
    clock = clock or SystemClock()
    actor = actor_of(config)
    read_only = read_only or config.read_only
    journal_path = Path(config.journal_path).expanduser()
    log.start(journal_path.parent)
    specs = tuple(_spec(options, actor, clock, read_only) for options in config.sources)
    destinations = tuple(_destination(options, actor, clock) for options in config.escalation)
    return Engine(
        specs,
        triage_rules(config),
        open_journal(config, clock),
        clock,
        actor,
        read_only=read_only,
        steady_s=config.steady_s if steady_s is None else steady_s,
        destinations=destinations,
        lease=make_lease(config, clock),
    )


def open_journal(config: Config, clock: Clock) -> Journal:
    """Return the configured journal; its file is opened when it is first read or written."""
    return Journal(Path(config.journal_path).expanduser(), clock.now, redact)


def make_lease(config: Config, clock: Clock) -> Lease:
    """Return the lease of the configured journal's recorder; nothing is opened yet."""
    return FileLease(Path(config.journal_path).expanduser(), clock)


def on_call_sources(config: Config, clock: Clock | None = None) -> dict[str, Callable[[], SupportsOnCall]]:
    """Return a builder for each source with on-call schedules, by name. It needs no engine, so nothing is polled."""
    clock, actor = clock or SystemClock(), actor_of(config)
    wanted = [options for options in config.sources if registry.SOURCES[options.provider].on_call]
    specs = [_spec(options, actor, clock, True) for options in wanted]
    return {spec.name: _on_call(spec) for spec in specs}


def past_sources(config: Config, clock: Clock) -> tuple[dict[str, PastSource], dict[str, NamesSource]]:
    """Return the sources whose past can be read, and those that name services, by their names. Nothing is built yet."""
    from oncall_tui.engine.past_import import NamesSource, PastSource  # no board needs them

    actor = actor_of(config)
    past: dict[str, PastSource] = {}
    naming: dict[str, NamesSource] = {}
    for options in config.sources:
        entry = registry.SOURCES[options.provider]
        spec = _spec(options, actor, clock, True)
        if entry.history:
            past[spec.name] = PastSource(spec.name, _place(options), spec.build)
        if entry.names_services:
            naming[spec.name] = NamesSource(spec.name, spec.build)
    return past, naming


def triage_rules(config: Config) -> Rules:
    """Return the rules by which the board says which product an alert is of, and whether it pages."""
    return Rules(config.pages, config.products, config.expected, config.look_back_s)


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


def _spec(options: SourceOptions, actor: Actor, clock: Clock, read_only: bool) -> SourceSpec:
    context = Context(
        source=options.name,
        actor_email=actor.email,
        clock=clock,
        read_only=read_only,
    )

    def build() -> Provider:
        return registry.build(options, context)

    tells = registry.SOURCES[options.provider].on_call
    return SourceSpec(options.name, options.provider, build, options.interval_s, tells)


def _on_call(spec: SourceSpec) -> Callable[[], SupportsOnCall]:
    def build() -> SupportsOnCall:
        provider = spec.build()
        if not isinstance(provider, SupportsOnCall):
            raise SourceError(f"{spec.name} does not tell who is on call")
        return provider

    return build


def _destination(options: DestinationOptions, actor: Actor, clock: Clock) -> DestinationSpec:
    context = Context(source=options.name, actor_email=actor.email, clock=clock)

    def build() -> Destination:
        return registry.build_destination(options, context)

    return DestinationSpec(options.name, options.provider, build)
