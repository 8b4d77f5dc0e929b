"""``check``: the configuration, then each source: its state and what to do; then what matches nothing that was read."""

from __future__ import annotations

import os
import socket
import sys

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, running
from oncall_tui.cli.output import put
from oncall_tui.config import Config
from oncall_tui.config.unmatched import unmatched
from oncall_tui.domain.reading import SourceState
from oncall_tui.engine.recorder_watch import recorder_words
from oncall_tui.errors import SourceError
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.network import proxies, trust
from oncall_tui.text.cells import count


@click.command()
@click.pass_context
def check(context: click.Context) -> None:
    """Check the configuration, then contact each source. Of destinations only the secrets are read: nothing is sent."""
    with running(context) as engine:  # not read only: it reads what came of what was sent
        put(f"configuration: valid, {count(len(engine.sources), 'source')}")
        engine.settle_earlier(EARLIER_TIMEOUT_S)
        update = engine.first_read(READ_TIMEOUT_S)
        for status in update.board.sources.values():
            put(f"{status.name:<12} {status.provider:<16} {status.state.label:<15} {status.message}")
            for hint in dict.fromkeys((status.hint, *(p.hint for p in status.problems))):
                if hint:
                    put(f"{'':<12} {'':<16} → {hint}")
            if status.banner:
                put(f"{'':<12} {'':<16} {status.banner}")
        config = bootstrap.load_config(context.obj["config"])
        if update.journal_failure:
            put(f"journal: {update.journal_failure}")
        put(f"recorder: {recorder_words(bootstrap.make_lease(config, engine.clock), engine.clock.now())[0]}")
        shared = _shared(config, engine.clock)
        for words in (*update.skipped, *update.troubles):
            put(words)
        put(*(f"warning: {words}" for words in (*proxies.ProxyRules().mistakes(), *trust.mistakes())))
        put(*(f"warning: {words}" for words in unmatched(config, update.board)))
        unready = bootstrap.unready(config)
        for destination in config.escalation:
            said = unready.get(destination.name, "it cannot be checked without sending a message")
            missing = "SECRET MISSING" if "secret" in said else "FILE UNUSABLE"
            state = missing if destination.name in unready else "not contacted"
            put(f"{destination.name:<12} {destination.provider:<16} {state:<15} {said}")
        good = not unready and all(s.live for s in update.board.sources.values()) and not update.journal_failure
        good = good and shared
    sys.exit(DONE if good else NOT_DONE)


def _shared(config: Config, clock: Clock) -> bool:
    """Print how the team's table is, as one line like a source's; True where it can be used or there is none."""
    if config.journal_options.dynamodb is None:
        return True
    head = f"{'journal':<12} {'dynamodb':<16}"
    table = bootstrap.make_table(config, clock)
    try:
        warnings = table.check(f"check {socket.gethostname()} {os.getpid()}")
    except SourceError as error:
        put(f"{head} {SourceState(error.state).label:<15} {error.message}", f"{'':<12} {'':<16} → {error.hint}")
        return False
    finally:
        table.close()
    put(f"{head} {SourceState.OK.label:<15} {table.place}")
    if table.banner:
        put(f"{'':<12} {'':<16} {table.banner}")
    put(*(f"warning: {words}" for words in warnings))
    return True
