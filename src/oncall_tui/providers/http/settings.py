"""A source's or a destination's settings for every request: further headers, certificates, a signature."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from oncall_tui.providers.base import Signer
from oncall_tui.providers.options import HttpDestinationOptions, HttpSourceOptions
from oncall_tui.runtime.network.trust import NO_FILES, TlsFiles
from oncall_tui.runtime.secret import Secret


class HttpSettings(msgspec.Struct, frozen=True):
    """The additions to each request, and to each connection."""

    headers: Mapping[str, str | Secret] = {}
    files: TlsFiles = NO_FILES
    signer: Signer | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(value for value in self.headers.values() if isinstance(value, Secret))

    def header_values(self) -> dict[str, str]:
        """The headers, secrets read. May block for a secret's command; raises NoCredentials."""
        return {name: value.get() if isinstance(value, Secret) else value for name, value in self.headers.items()}


NO_SETTINGS = HttpSettings()


def http_settings(options: HttpSourceOptions | HttpDestinationOptions, signer: Signer | None = None) -> HttpSettings:
    """Return the settings that *options* hold."""
    files = TlsFiles(options.ca_file, options.client_cert, options.client_key)
    return HttpSettings(options.headers, files, signer)
