"""Providers from other distributions: found by their entry point when a configuration names one, and not before.

A distribution offers one under the entry point group ``oncall_tui.providers``: the provider's name, and
``package.module:NAME`` of a ``ProviderManifest`` (packaging.python.org, "Entry points specification").
docs/providers-from-outside.md says how to write one. Installed distributions are only looked through where a name is
not built in, so that a start without such a provider pays nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from oncall_tui.errors import Malformed
from oncall_tui.providers.base import Context, Provider
from oncall_tui.providers.options import SourceOptions

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)
GROUP = "oncall_tui.providers"
API_VERSION = 1  # moves when a provider that was written for the last one cannot work any more


class ProviderManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One provider, as its distribution describes it. *api_version* is the one that it was written for.

    *options* is ``package.module:NAME`` of its options type (a ``SourceOptions``), whose module imports no client
    library; *factory* that of ``build(options, context)``, whose module is imported on the source's own thread.
    *on_call*: it tells who is on call (base.SupportsOnCall); *history*: what its system remembers
    (base.SupportsHistory). Every other capability is asked of the provider itself.
    """

    api_version: int
    options: str
    factory: str
    on_call: bool = False
    history: bool = False


class OutsideProvider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of another distribution; *distribution* is its name and version. *failure* says why it cannot be
    used, and *hint* what to do (both empty: it can be).
    """

    name: str
    distribution: str
    manifest: ProviderManifest | None = None
    options: type[SourceOptions] | None = None
    failure: str = ""
    hint: str = ""

    def factory(self) -> Callable[[SourceOptions, Context], Provider]:
        """Return what builds the provider. Imports its client library. Raises Malformed where it cannot be used."""
        if self.manifest is None or self.failure:
            raise Malformed(self.failure, self.hint)
        try:
            factory: Callable[[SourceOptions, Context], Provider] = load(self.manifest.factory)
        except Exception as error:
            log.exception("provider %s of %s", self.name, self.distribution)
            raise Malformed(*_cannot_load(self.name, self.distribution, error)) from error
        return factory


class UnusableOptions(SourceOptions, frozen=True, kw_only=True):
    """The options of a source whose provider cannot be used: its own settings are not read, because nobody knows
    them. The source stands on the board, and says why.
    """

    takes_any: ClassVar[bool] = True


_found: dict[str, OutsideProvider | None] = {}
_looking = threading.Lock()


def find(name: str) -> OutsideProvider | None:
    """Return the provider of this name that an installed distribution offers; None: none does. Thread-safe."""
    with _looking:
        if name not in _found:
            _found[name] = _search(name)
        return _found[name]


def load(path: str) -> Any:
    """Return what ``package.module:NAME`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def installed() -> tuple[tuple[str, str], ...]:
    """Return the name and the distribution of every provider that is offered. Looks through all distributions."""
    return tuple(sorted((point.name, _distribution(point)) for point in _entry_points()))


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # slow: it reads every installed distribution

    return tuple(entry_points(group=GROUP))


def _search(name: str) -> OutsideProvider | None:
    points = [point for point in _entry_points() if point.name == name]
    if not points:
        return None
    if len(points) > 1:
        both = " and ".join(sorted(_distribution(point) for point in points))
        failure = f"two installed distributions offer a provider {name!r}: {both}"
        return OutsideProvider(name=name, distribution=both, failure=failure, hint="uninstall one of them")
    distribution = _distribution(points[0])
    try:
        manifest = points[0].load()
        return _checked(name, distribution, manifest)
    except Exception as error:
        log.exception("provider %s of %s", name, distribution)
        failure, hint = _cannot_load(name, distribution, error)
        return OutsideProvider(name=name, distribution=distribution, failure=failure, hint=hint)


def _checked(name: str, distribution: str, manifest: object) -> OutsideProvider:
    found = OutsideProvider(name=name, distribution=distribution)
    if not isinstance(manifest, ProviderManifest):
        words = f"the provider {name!r} of {distribution} is not described by a ProviderManifest"
        return msgspec.structs.replace(found, failure=words, hint="report it to whoever maintains that distribution")
    if manifest.api_version != API_VERSION:
        words = (
            f"the provider {name!r} of {distribution} is written for version {manifest.api_version} of the provider "
            f"API, and this oncall-tui has version {API_VERSION}"
        )
        older = manifest.api_version < API_VERSION
        hint = "update that distribution" if older else "update oncall-tui"
        return msgspec.structs.replace(found, failure=words, hint=hint)
    options = load(manifest.options)
    if not (isinstance(options, type) and issubclass(options, SourceOptions)):
        words = f"the provider {name!r} of {distribution} has options that are not SourceOptions"
        return msgspec.structs.replace(found, failure=words, hint="report it to whoever maintains that distribution")
    return msgspec.structs.replace(found, manifest=manifest, options=options)


def _cannot_load(name: str, distribution: str, error: Exception) -> tuple[str, str]:
    why = f"{error.__class__.__name__}: {error}"
    hint = "install that distribution anew beside oncall-tui, or update it; the log has more"
    return f"the provider {name!r} of {distribution} cannot be loaded: {why}", hint


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed distribution"
