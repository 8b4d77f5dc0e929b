"""``changes``: what else than deploys was changed lately, newest first.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

import sys
from datetime import tzinfo
from functools import partial
from typing import Any

import click
import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, WRONG_USE
from oncall_tui.cli.common import READ_TIMEOUT_S, fail, running
from oncall_tui.cli.lookup import find_service
from oncall_tui.cli.option_types import Duration
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.change import Change
from oncall_tui.domain.service import Service
from oncall_tui.domain.who import WhoAnswer
from oncall_tui.engine.engine import Engine
from oncall_tui.errors import OncallError
from oncall_tui.inspection import who
from oncall_tui.text.change_words import summary
from oncall_tui.text.json_types import JsonTime, as_plain
from oncall_tui.text.time_format import moment, named_zone, rfc3339, stamp, zone
from oncall_tui.triage.changes import told_once
from oncall_tui.triage.triager import TriagedBoard

WHO_TIMEOUT_S = 60.0  # ten pages at two calls a second, and each of them may take its time


class ChangeOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is no deploy: *what* was done to which *resource*; *ended* is null while it goes on.

    *not_before* is null where *began* is exact; else it began at some time between the two.
    """

    id: str
    source: str
    kind: str
    what: str
    resource: str
    began: JsonTime
    not_before: JsonTime | None
    ended: JsonTime | None
    by: str | None
    service: str | None
    products: tuple[str, ...]
    effect: bool
    text: str
    url: str | None


class ChangesOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The changes from *since* on, the newest first."""

    at: JsonTime
    since: JsonTime
    changes: tuple[ChangeOutput, ...]


@click.command()
@click.option("--since", "back", type=Duration(), default="24h", show_default=True, help="How far back: 90m, 12h.")
@click.option("--product", metavar="NAME", default="", help="Of this product alone.")
@click.option("--service", metavar="SERVICE", default="", help="Of this service alone: its name, or its id.")
@click.option("--who", "audit", is_flag=True, help="Also ask the audit log of AWS who changed the --service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def changes(context: click.Context, back: float, product: str, service: str, audit: bool, as_json: bool) -> None:
    """Print what else than deploys was changed: failovers, scaling, edits. Exits 1 if a source could not be read."""
    config = bootstrap.load_config(context.obj["config"])
    products = [one.name for one in config.products]
    if product and product not in products:
        fail(f"no product {product!r}", f"there are: {', '.join(products) or 'none'}", WRONG_USE)
    if audit and not service:
        fail("--who needs to know of which service", "give --service SERVICE", WRONG_USE)
    with running(context, read_only=True) as engine:
        of = find_service(engine, service) if service else None
        service_id = of.id if of else ""
        triaged, now = engine.first_read(READ_TIMEOUT_S).triaged, engine.clock.now()
        found = wanted(triaged, now - back, product, service_id)
        answer = _ask(engine, triaged, of, now - back, now) if audit and of else None
        if answer is not None:
            found = sorted((*found, *answer.changes), key=lambda c: (-c.began, c.id))
        tz = named_zone(config.timezone)
        if answer is not None:
            say("; ".join((who.words(answer, tz, now), *answer.notes)))
        if as_json:
            told = tuple(change_output(c, triaged) for c in found)
            put_json(ChangesOutput(at=rfc3339(now), since=rfc3339(now - back), changes=told))
        else:
            put(*[line(c, triaged, now, tz) for c in found] or [_none(engine, product or service_id)])
    sys.exit(DONE if all(s.live for s in triaged.board.sources.values()) else NOT_DONE)


def wanted(triaged: TriagedBoard, since: float, product: str, service_id: str) -> list[Change]:
    """Return those that were under way at *since* (seconds since the epoch, UTC) or began later, the newest first."""
    found = [
        c
        for c in triaged.board.changes.values()
        if (c.ended is None or c.ended >= since)
        and (not product or product in triaged.change_owners.get(c.id, ()))
        and (not service_id or c.service_id == service_id)
    ]
    return sorted(told_once(found), key=lambda c: (-c.began, c.id))


def as_object(change: Change, triaged: TriagedBoard) -> dict[str, Any]:
    """One change as the documented object, as plain data; times are RFC 3339 UTC."""
    return as_plain(change_output(change, triaged))


def change_output(change: Change, triaged: TriagedBoard) -> ChangeOutput:
    """Return one change as the documented object."""
    return ChangeOutput(
        id=change.id,
        source=change.source,
        kind=change.kind,
        what=change.what,
        resource=change.resource,
        began=rfc3339(change.began),
        not_before=stamp(change.not_before),
        ended=stamp(change.ended),
        by=change.by or None,
        service=change.service_id or None,
        products=tuple(triaged.change_owners.get(change.id, ())),
        effect=change.effect,
        text=change.text,
        url=change.url or None,
    )


def line(change: Change, triaged: TriagedBoard, now: float, tz: tzinfo) -> str:
    """``02:41:07 JST database  RDS failover of payments-db, over after 45s · payments · prod``."""
    at = f"{moment(change.began, tz, now, seconds=True)} {zone(tz, change.began)}"
    words = [summary(change), ", ".join(triaged.change_owners.get(change.id, ())), change.source]
    return f"{at} {change.kind:<13} {' · '.join(word for word in words if word)}"


def _ask(engine: Engine, triaged: TriagedBoard, service: Service, since: float, until: float) -> WhoAnswer:
    """Ask who changed the service and its alarms. Ends the program where nobody tells."""
    alerts = [row.alert for row in triaged.alerts if row.service is not None and row.service.id == service.id]
    ask = partial(who.ask, service=service, names=who.names_of(alerts), since=since, until=until)
    try:
        return engine.on_demand.ask(service.source, ask, "who").result(WHO_TIMEOUT_S)
    except TimeoutError:
        fail(f"{service.source} did not tell within {WHO_TIMEOUT_S:.0f} s who changed {service.id}", "ask again")
    except OncallError as error:
        fail(error.message, error.hint)


def _none(engine: Engine, of: str) -> str:
    """Say that there is none, of what was read."""
    unread = unread_words(engine.update.board.unread)
    return f"no change{f' of {of}' if of else ''} is known{f' ({unread})' if unread else ''}"
