"""``oncall``: who is on call for which policy and product, now and next."""

from __future__ import annotations

import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import click
import msgspec

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE
from oncall_tui.cli.common import fail
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.config import Config
from oncall_tui.domain.on_call import OnCallShift, policy_titles
from oncall_tui.errors import SourceError
from oncall_tui.runtime.clock import SystemClock
from oncall_tui.text.json_types import JsonTime
from oncall_tui.text.time_format import named_zone, rfc3339, stamp


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are RFC 3339 UTC.")
@click.pass_context
def oncall(context: click.Context, as_json: bool) -> None:
    """Print who is on call, now and next. Exits 1 if an on-call schedule could not be read."""
    config = bootstrap.load_config(context.obj["config"])
    sources = bootstrap.on_call_sources(config)
    if not sources:
        fail("no source reads on-call schedules", "configure a pagerduty source")
    found: list[tuple[str, OnCallShift]] = []
    mine: list[bool | None] = []
    failed: list[tuple[str, SourceError]] = []
    for name, build in sources.items():
        try:
            source = build()
            found += [(name, shift) for shift in source.on_call()]
            if lacks := source.on_call_lacks:
                say(f"{name}: {lacks}")
            mine.append(source.on_call_now())
        except SourceError as error:
            failed.append((name, error))
    not_known = bool(failed) or None in mine
    me = True if True in mine else None if not_known else False
    if as_json:
        put_json(_output(config, found, me, failed))
    else:
        _print(config, found, me)
    for name, why in failed:
        say(f"{name}: {why}")
    sys.exit(NOT_DONE if failed else DONE)


def _products(config: Config, shift: OnCallShift) -> list[str]:
    return [product.name for product in config.products if shift.is_for(product)]


class ShiftOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A person at one level of an escalation policy; *person* is null where nobody is on call there."""

    source: str
    policy: str
    policy_id: str | None
    level: int
    person: str | None
    email: str | None
    since: JsonTime | None
    until: JsonTime | None
    next_person: str | None
    next_at: JsonTime | None
    services: tuple[str, ...]
    products: tuple[str, ...]


class UnreadOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A source that could not be read, why, and what to do."""

    source: str
    message: str
    hint: str


class OnCallOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The shifts that are on call now. *me_on_call* is null where that is not known."""

    at: JsonTime
    me_on_call: bool | None
    on_call: tuple[ShiftOutput, ...]
    unread: tuple[UnreadOutput, ...]


def _output(
    config: Config, found: list[tuple[str, OnCallShift]], me: bool | None, failed: list[tuple[str, SourceError]]
) -> OnCallOutput:
    return OnCallOutput(
        at=rfc3339(SystemClock().now()),
        me_on_call=me,
        on_call=tuple(_shift(config, source, shift) for source, shift in found),
        unread=tuple(UnreadOutput(source=name, message=e.message, hint=e.hint) for name, e in failed),
    )


def _shift(config: Config, source: str, shift: OnCallShift) -> ShiftOutput:
    return ShiftOutput(
        source=source,
        policy=shift.policy,
        policy_id=shift.policy_id or None,
        level=shift.level,
        person=shift.person or None,
        email=shift.email or None,
        since=stamp(shift.since),
        until=stamp(shift.until),
        next_person=shift.next_person or None,
        next_at=stamp(shift.next_at),
        services=shift.services,
        products=tuple(_products(config, shift)),
    )


def _print(config: Config, found: list[tuple[str, OnCallShift]], me: bool | None) -> None:
    """A line a person, under their policy."""
    zone = named_zone(config.timezone)
    if me is not None:
        put("You are on call." if me else "You are not on call.")
    shown = ""
    titles = {source: policy_titles(one for at, one in found if at == source) for source, _ in found}
    for source, shift in found:
        if f"{source}/{shift.policy_key}" != shown:
            shown = f"{source}/{shift.policy_key}"
            products = ", ".join(_products(config, shift))
            for_what = f"products: {products}" if products else f"services: {', '.join(shift.services) or 'none'}"
            put(f"{titles[source][shift.policy_key]}  ({source}; {for_what})")
        until = f"until {_at(shift.until, zone)}" if shift.until is not None else "always" if shift.person else ""
        after = f"then {shift.next_person}" if shift.next_person else ""
        if shift.next_at is not None and shift.next_at != shift.until:
            after += f" from {_at(shift.next_at, zone)}"
        words = "  ".join(part for part in (until, after) if part)
        put(f"  level {shift.level}  {shift.person or 'nobody':<20}  {words}".rstrip())


def _at(at: float, zone: ZoneInfo) -> str:
    there, now = (datetime.fromtimestamp(each, zone) for each in (at, SystemClock().now()))
    return there.strftime(f"%a %d %b {'' if there.year == now.year else '%Y '}%H:%M %Z")
