"""The options of each source and destination. No I/O is imported: options are read before the first frame."""

from __future__ import annotations

import msgspec


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that every provider shares; each provider's options extend this.

    *interval_s*: seconds between polls (None: the provider's own). *login*: the command that renews an expired login.
    """

    name: str
    provider: str
    interval_s: float | None = None
    login: tuple[str, ...] = ()


class DestinationOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that every destination shares; each one's options extend this."""

    name: str
    provider: str
