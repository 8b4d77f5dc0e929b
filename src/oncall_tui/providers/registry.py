"""Names -> lazy modules. A new provider is one folder and one line here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

import msgspec

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


def options_types() -> OptionsTypes[SourceOptions]:
    """Each provider's options type, by the provider's name. Imports no I/O."""
    return OptionsTypes(SOURCES)


def destination_types() -> OptionsTypes[DestinationOptions]:
    """Each destination's options type, by its provider's name. Imports no I/O."""
    return OptionsTypes(DESTINATIONS)


def build(options: SourceOptions, context: Context) -> Provider:
    """The provider for one configured source. Imports its client library: call it off the UI's thread."""
    with _importing:  # several sources start at once, and big packages do not like to be imported by many threads
        factory: Callable[[SourceOptions, Context], Provider] = _load(SOURCES[options.provider].factory)
    return factory(options, msgspec.structs.replace(context, signer=_signer))


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
