"""The record for a command that asks no source: the journal of the configuration, and who acts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oncall_tui import bootstrap
from oncall_tui.cli.output import say

if TYPE_CHECKING:
    import click

    from oncall_tui.engine.memory import RecordMemory

CLOSE_S = 2.0  # for what was read alone: everything that was written is on disk before


@contextmanager
def recorded(context: click.Context) -> Iterator[tuple[RecordMemory, str]]:
    """The record that the command line's configuration names, and the name of whoever acts. Raises JournalError."""
    from oncall_tui.engine import kept_names
    from oncall_tui.engine.memory import RecordMemory
    from oncall_tui.runtime.clock import SystemClock

    options = context.obj
    config, clock = bootstrap.load_config(options["config"]), SystemClock()
    for warning in config.warnings:
        say(f"warning: {warning}")
    journal = bootstrap.open_journal(config, clock)
    try:
        memory = RecordMemory(journal, clock, options["read_only"] or config.read_only)
        yield memory, bootstrap.actor_of(config).name
        with contextlib.suppress(OSError):  # for a shell's completion: it stops nothing
            kept_names.keep(kept_names.path_of(config.files, os.environ), kept_names.of_record(memory))
    finally:
        say(*journal.skipped, *(f"warning: {words}" for words in journal.notices))
        journal.close(CLOSE_S)
