"""Names -> lazy modules. A new provider is one folder and one line here; others are other distributions' (``outside``).

A name that is built in is never looked for outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

import msgspec

from oncall_tui.errors import Malformed
from oncall_tui.providers import outside
from oncall_tui.providers.base import Context, Destination, Provider, Signer
from oncall_tui.providers.options import DestinationOptions, SourceOptions


class RegistryEntry(msgspec.Struct, frozen=True):
    """The places of a provider's options type and factory: ``module:name``, under this package.

    *on_call*: it tells who is on call (base.SupportsOnCall); *history*: what its system remembers
    (base.SupportsHistory); *names_services*: which services there are (base.SupportsServiceNames). *tells_events*: its
    polls wait for events, and its readings say which services moved.
    """

    options: str
    factory: str
    on_call: bool = False
    history: bool = False
    names_services: bool = False
    tells_events: bool = False


SOURCES: dict[str, RegistryEntry] = {
    "ecs": RegistryEntry("aws.options:EcsOptions", "aws.ecs.provider:build", history=True, names_services=True),
    "cloudwatch": RegistryEntry("aws.options:CloudWatchOptions", "aws.cloudwatch.provider:build", history=True),
    "rds": RegistryEntry("aws.options:RdsOptions", "aws.rds.provider:build"),
    "alertmanager": RegistryEntry("alertmanager.options:AlertmanagerOptions", "alertmanager.provider:build"),
    "pagerduty": RegistryEntry(
        "pagerduty.options:PagerDutyOptions", "pagerduty.provider:build", on_call=True, history=True
    ),
    "sentry": RegistryEntry("sentry.options:SentryOptions", "sentry.provider:build", history=True),
    "datadog": RegistryEntry("datadog.options:DatadogOptions", "datadog.provider:build"),
    "mackerel": RegistryEntry("mackerel.options:MackerelOptions", "mackerel.provider:build", history=True),
    "eventbridge": RegistryEntry("aws.options:EventBridgeOptions", "aws.eventbridge.provider:build", tells_events=True),
}

DESTINATIONS: dict[str, RegistryEntry] = {
    "slack": RegistryEntry("slack.options:SlackOptions", "slack.destination:build"),
    "pagerduty-events": RegistryEntry("pagerduty_events.options:EventsOptions", "pagerduty_events.destination:build"),
    "sns": RegistryEntry("aws.sns.options:SnsOptions", "aws.sns.destination:build"),
}

T = TypeVar("T", bound=msgspec.Struct)
_importing = threading.Lock()


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), name)


class OptionsTypes(Mapping[str, type[T]]):
    """Options types by their providers' names; a type's module is imported once it is asked for."""

    def __init__(self, entries: Mapping[str, RegistryEntry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> type[T]:
        found: type[T] = _load(self._entries[name].options)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class SourceOptionsTypes(OptionsTypes[SourceOptions]):
    """The same of sources, whose providers may be other distributions': the names that it lists are those built in.

    *besides* is the end of a sentence that lists those.
    """

    besides = " (or a provider that another installed distribution offers)"

    def __getitem__(self, name: str) -> type[SourceOptions]:
        if name in self._entries:
            return super().__getitem__(name)
        found = outside.find(name)
        if found is None:
            raise KeyError(name)
        return found.options or outside.UnusableOptions


def options_types() -> SourceOptionsTypes:
    """Each provider's options type, by the provider's name. Imports no I/O."""
    return SourceOptionsTypes(SOURCES)


def entry_of(provider: str) -> RegistryEntry:
    """Return what is said of a provider; of one that cannot be used, that it tells nothing besides alerts."""
    if provider in SOURCES:
        return SOURCES[provider]
    found = outside.find(provider)
    if found is None or found.manifest is None:
        return RegistryEntry("", "")
    manifest = found.manifest
    return RegistryEntry(manifest.options, manifest.factory, on_call=manifest.on_call, history=manifest.history)


def not_used() -> tuple[str, ...]:
    """Say which providers of other distributions are never used: a built-in one has their name, or several do."""
    words, seen = [], set()
    for name, distribution in outside.installed():
        if name in SOURCES:
            words.append(f"the provider {name!r} of {distribution} is never used: oncall-tui has one of that name")
        elif name in seen:
            words.append(f"several installed distributions offer a provider {name!r}: none of them is used")
        seen.add(name)
    return tuple(words)


def destination_types() -> OptionsTypes[DestinationOptions]:
    """Each destination's options type, by its provider's name. Imports no I/O."""
    return OptionsTypes(DESTINATIONS)


def build(options: SourceOptions, context: Context) -> Provider:
    """The provider for one configured source. Imports its client library: call it off the UI's thread."""
    context = msgspec.structs.replace(context, signer=_signer)
    with _importing:  # several sources start at once, and big packages do not like to be imported by many threads
        factory = _factory(options.provider)
    return factory(options, context)


def _factory(provider: str) -> Callable[[SourceOptions, Context], Provider]:
    """Return what builds a provider. Raises Malformed where another distribution's cannot be used."""
    if provider in SOURCES:
        factory: Callable[[SourceOptions, Context], Provider] = _load(SOURCES[provider].factory)
        return factory
    found = outside.find(provider)
    if found is None:  # it was there when the configuration was read
        raise Malformed(f"the provider {provider!r} is not installed any more", "install it, and restart")
    return found.factory()


def _signer(options: Any) -> Signer:
    """The signer of AWS requests for a source of another system. Imports botocore."""
    with _importing:
        make: Callable[[Any], Signer] = _load("aws.client.sigv4:build_signer")
    return make(options)


def build_destination(options: DestinationOptions, context: Context) -> Destination:
    """The adapter for one configured destination. As ``build``."""
    with _importing:
        factory: Callable[[DestinationOptions, Context], Destination] = _load(DESTINATIONS[options.provider].factory)
    return factory(options, context)
