"""One configured source, as an engine takes it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from oncall_tui.providers.base import Provider


class SourceSpec(msgspec.Struct, frozen=True):
    """One configured source: *build* makes its provider (slow imports included) and is called on its own thread.

    *interval_s* is in seconds (None: the provider's own). *on_call*: its provider tells who is on call
    (base.SupportsOnCall). *tells_events*: its polls wait for events.
    """

    name: str
    provider: str
    build: Callable[[], Provider]
    interval_s: float | None = None
    on_call: bool = False
    tells_events: bool = False
