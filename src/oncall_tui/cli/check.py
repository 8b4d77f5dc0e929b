"""``check``: the configuration, then each source: its state and what to do; then what matches nothing that was read."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import click
import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, running
from oncall_tui.cli.output import put, put_json
from oncall_tui.config import Config
from oncall_tui.config.unmatched import unmatched
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.engine.engine import Engine
from oncall_tui.engine.recorder_watch import recorder_words
from oncall_tui.errors import SourceError
from oncall_tui.runtime.clock import Clock
from oncall_tui.runtime.network import proxies, trust
from oncall_tui.text.cells import count
from oncall_tui.text.json_types import JsonTime
from oncall_tui.text.time_format import rfc3339


class CheckedPlace(msgspec.Struct, frozen=True):
    """A source, or the team's table (the provider ``dynamodb``). *hints*: what to do; *banner*: shown on the board."""

    name: str
    provider: str
    state: SourceState
    message: str
    hints: tuple[str, ...]
    banner: str


class CheckedDestination(msgspec.Struct, frozen=True):
    """A notification destination: to ask more of one than whether its secret is there is to send."""

    name: str
    provider: str
    state: str  # not contacted, secret missing, file unusable
    message: str


class CheckedGuardrail(msgspec.Struct, frozen=True):
    """A guardrail: what it *does* to which actions, how it stands now (*state*), and how many *services* and *alerts*
    of those that were read it matches, whatever the action and the time.
    """

    name: str
    reason: str
    does: str
    actions: tuple[str, ...]
    state: str
    services: int
    alerts: int


class CheckOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The object of ``check --json``. *good*: it exits 0. *journal_failure*: why the journal cannot be written."""

    at: JsonTime
    good: bool
    files: tuple[str, ...]
    sources: tuple[CheckedPlace, ...]
    journal_failure: str | None
    recorder: str
    table: CheckedPlace | None
    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    destinations: tuple[CheckedDestination, ...]
    guardrails: tuple[CheckedGuardrail, ...]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Check the configuration, then contact each source. Of destinations only the secrets are read: nothing is sent."""
    sys.exit(run(context, as_json))


def run(context: click.Context, as_json: bool = False) -> int:
    """Check what the command line's configuration has, and print it; the exit code. Raises ConfigurationError."""
    with running(context) as engine:  # not read only: it reads what came of what was sent
        if not as_json:
            put(f"configuration: valid, {count(len(engine.sources), 'source')}")
        found = checked(engine, bootstrap.load_config(context.obj["config"]))
        if as_json:
            put_json(found)
        else:
            put(*_lines(found))
    return DONE if found.good else NOT_DONE


def checked(engine: Engine, config: Config) -> CheckOutput:
    """Read every source once, and whatever else the board stands on."""
    engine.settle_earlier(EARLIER_TIMEOUT_S)
    update = engine.first_read(READ_TIMEOUT_S)
    table, of_table = _table(config, engine.clock)
    unready = bootstrap.unready(config)
    live = all(s.live for s in update.board.sources.values())
    usable = table is None or table.state is SourceState.OK
    return CheckOutput(
        at=rfc3339(engine.clock.now()),
        good=live and usable and not unready and not update.journal_failure,
        files=config.files,
        sources=tuple(_source(status) for status in update.board.sources.values()),
        journal_failure=update.journal_failure or None,
        recorder=recorder_words(bootstrap.make_lease(config, engine.clock), engine.clock.now())[0],
        table=table,
        faults=(*update.skipped, *update.troubles),
        warnings=(
            *of_table,
            *proxies.ProxyRules().mistakes(),
            *trust.mistakes(),
            *bootstrap.providers_not_used(),
            *bootstrap.commands_not_usable(config),
            *unmatched(config, update.board),
        ),
        destinations=tuple(_destinations(config, unready)),
        guardrails=tuple(_guardrails(engine)),
    )


def _source(status: SourceStatus) -> CheckedPlace:
    hints = dict.fromkeys((status.hint, *(problem.hint for problem in status.problems)))
    shown = tuple(hint for hint in hints if hint)
    return CheckedPlace(status.name, status.provider, status.state, status.message, shown, status.banner)


def _table(config: Config, clock: Clock) -> tuple[CheckedPlace | None, tuple[str, ...]]:
    """How the team's table is (None: there is none), and its warnings."""
    if config.journal_options.dynamodb is None:
        return None, ()
    table = bootstrap.make_table(config, clock)
    try:
        warnings = table.check(f"check {socket.gethostname()} {os.getpid()}")
    except SourceError as error:
        return CheckedPlace("journal", "dynamodb", SourceState(error.state), error.message, (error.hint,), ""), ()
    finally:
        table.close()
    return CheckedPlace("journal", "dynamodb", SourceState.OK, table.place, (), table.banner), tuple(warnings)


def _destinations(config: Config, unready: dict[str, str]) -> Iterator[CheckedDestination]:
    for destination in config.escalation:
        said = unready.get(destination.name, "it cannot be checked without sending a message")
        missing = "secret missing" if "secret" in said else "file unusable"
        state = missing if destination.name in unready else "not contacted"
        yield CheckedDestination(destination.name, destination.provider, state, said)


def _guardrails(engine: Engine) -> Iterator[CheckedGuardrail]:
    from oncall_tui.triage.guardrails import matches, touched_by

    if not engine.guard.rules:
        return
    triaged, now, rules = engine.update.triaged, engine.clock.now(), engine.guard.guardrails
    services = tuple(touched_by(triaged, triaged.board.services))
    alerts = tuple(touched_by(triaged, triaged.board.alerts))
    for rule in rules.rules:
        yield CheckedGuardrail(
            rule.name,
            rule.reason,
            rule.does if rule.override else "refuse, without override",
            rule.actions,
            rules.state(rule, now),
            sum(matches(rule, one) for one in services),
            sum(matches(rule, one) for one in alerts),
        )


# --- as text ----------------------------------------------------------------------------------------------------------


def _lines(found: CheckOutput) -> Iterator[str]:
    for source in found.sources:
        yield from _place(source)
    if found.journal_failure:
        yield f"journal: {found.journal_failure}"
    yield f"recorder: {found.recorder}"
    if found.table is not None:
        yield from _place(found.table)
    yield from found.faults
    yield from (f"warning: {words}" for words in found.warnings)
    for one in found.destinations:
        state = one.state if one.state == "not contacted" else one.state.upper()
        yield f"{one.name:<12} {one.provider:<16} {state:<15} {one.message}"
    for rule in found.guardrails:
        of = f"{count(rule.services, 'service')}, {count(rule.alerts, 'alert')}"
        does = f"{rule.does}: {', '.join(rule.actions) or 'every action that does more than tell people'}"
        yield f"guardrail {rule.name}: {rule.reason}: {does}; matches {of}; {rule.state}"


def _place(place: CheckedPlace) -> Iterator[str]:
    yield f"{place.name:<12} {place.provider:<16} {place.state.label:<15} {place.message}"
    yield from (f"{'':<12} {'':<16} → {hint}" for hint in place.hints)
    if place.banner:
        yield f"{'':<12} {'':<16} {place.banner}"
