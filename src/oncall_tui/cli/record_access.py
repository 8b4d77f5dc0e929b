"""The record for a command that asks no source: the journal of the configuration, who acts, what is listed of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.domain.follow_up import FollowUp
from oncall_tui.domain.incident import Incident
from oncall_tui.text.json_types import many, stamped_type
from oncall_tui.text.time_format import named_zone, stamp

if TYPE_CHECKING:
    import click

    from oncall_tui.engine.memory import RecordMemory

T = TypeVar("T", FollowUp, Incident)
TIMES = frozenset({"opened_at", "changed_at"})
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
    memory = RecordMemory(journal, clock, options["read_only"] or config.read_only)
    try:
        yield memory, bootstrap.actor_of(config).name
        with contextlib.suppress(OSError):  # for a shell's completion: it stops nothing
            kept_names.keep(kept_names.path_of(config.files, os.environ), kept_names.of_record(memory))
    finally:
        say(*journal.skipped, *(f"warning: {words}" for words in journal.notices))
        memory.close()
        journal.close(CLOSE_S)


def as_object(one: FollowUp | Incident) -> dict[str, Any]:
    """Return a follow-up or an incident as the documented object; times are RFC 3339 UTC."""
    found: dict[str, Any] = msgspec.to_builtins(one)
    return found | {name: stamp(found[name]) for name in TIMES}


def list_type(kind: type[FollowUp] | type[Incident], name: str) -> Any:
    """Return the type of the object that lists them; *name* is its only key."""
    fields = [(name, many(stamped_type(kind, TIMES)))]
    return msgspec.defstruct(f"{kind.__name__}sOutput", fields, namespace={"__doc__": kind.__doc__})


def put_list(found: Iterable[T], name: str, every: bool, as_json: bool, words: Callable[[T], str]) -> None:
    """Print those that are open, or *every* one: as *words* on a line each, or as one object. *name* is what one is."""
    shown = [one for one in found if every or one.is_open]
    if as_json:
        put_json({f"{name.replace('-', '_')}s": [as_object(one) for one in shown]})
        return
    nothing = f"no {name}" if every else f"no {name} is open"
    put(*([words(one) for one in shown] or [nothing]))


def zone(context: click.Context) -> tzinfo:
    """Return the configured zone."""
    return named_zone(bootstrap.load_config(context.obj["config"]).timezone)
