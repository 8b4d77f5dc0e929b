"""``deploys``: rollouts, once or followed in plain lines, for pipelines and logs.

*now* is in seconds since the epoch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, NoReturn

import click

from oncall_tui import bootstrap
from oncall_tui.cli import DONE, NOT_DONE, UNKNOWN, output
from oncall_tui.cli.common import EARLIER_TIMEOUT_S, READ_TIMEOUT_S, running
from oncall_tui.cli.lookup import find_service
from oncall_tui.cli.option_types import Seconds
from oncall_tui.cli.output import put, put_json, say
from oncall_tui.domain.board import unread_words
from oncall_tui.domain.deploy import Deploy, DeployState
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.domain.service_history import ALARM, BREAKER
from oncall_tui.engine.engine import Engine, Update
from oncall_tui.reports.history_json import DeployOutput, deploy_output
from oncall_tui.text.history_words import back_of, began_by, breaker, deploy_status, named, stopped
from oncall_tui.text.json_types import JsonTime, as_plain
from oncall_tui.text.time_format import age, moment, named_zone, span, stamp
from oncall_tui.triage.unread_scope import SERVICE_PROVIDERS

LONGEST_S = 3600.0
PAUSE_S = 0.5


@click.command()
@click.argument("service", required=False, default="")
@click.option("--watch", is_flag=True, help="Print each change; with SERVICE until its deploy has ended.")
@click.option(
    "--within", type=Seconds(), default="30s", metavar="TIME", help="How long a deploy may take to begin (--watch)."
)
@click.option("--json", "as_json", is_flag=True, help="JSON: one array, or with --watch one object a line.")
@click.pass_context
def deploys(context: click.Context, service: str, watch: bool, within: float, as_json: bool) -> None:
    """Deploys of the last day, or of SERVICE (its name, or its id SOURCE/CLUSTER/NAME), newest first.

    With SERVICE and --watch: exits 0 if it ended as meant (the deploy succeeded, or the rollback that is
    followed, and that somebody asked for, is through), 1 if it did not, 3 if its end is not known.
    """
    tz = named_zone(bootstrap.load_config(context.obj["config"]).timezone)
    with running(context) as engine:  # not read only: it reads what came of what was sent
        if service:
            service = find_service(engine, service).id
        else:
            engine.first_read(READ_TIMEOUT_S)
        engine.settle_earlier(EARLIER_TIMEOUT_S, service.partition("/")[0])
        if service and not watch:
            _read_deploys(engine, service)
        if watch:
            try:
                sys.exit(_follow(engine, service, within, as_json, tz) if service else _follow_all(engine, as_json, tz))
            except KeyboardInterrupt:
                say("interrupted: no longer followed, and the deploy goes on" if service else "interrupted")
                sys.exit(UNKNOWN if service else DONE)
        found = _newest_first(engine, service)
        now = engine.clock.now()
        if as_json:
            put_json([as_object(d) for d in found])
        else:
            put(*[line(d, now, tz) for d in found] or [_none(engine, service)])
        _exit_by_sources(engine, service)


class WatchedDeployOutput(DeployOutput, frozen=True, kw_only=True):
    """A line of ``deploys --watch --json``: a deploy as it was *at* that time."""

    at: JsonTime


def as_object(deploy: Deploy) -> dict[str, Any]:
    """One deploy as the documented object, as plain data; times are RFC 3339 UTC."""
    return as_plain(deploy_output(deploy))


def line(deploy: Deploy, now: float, tz: tzinfo) -> str:
    """``prod/prod-main/api :41→:42 in progress · canary scale up · 1/4 tasks · 10% traffic · 09:17, for 12m``."""
    strategy = f"{deploy.strategy} ({deploy.steps})" if deploy.steps else deploy.strategy
    words = [deploy_status(deploy, tz, now), f"{strategy} {deploy.stage}".strip(), f"{deploy.progress} tasks"]
    if deploy.traffic is not None:
        words.append(f"{deploy.traffic:.0f}% traffic")
    if deploy.bake_until is not None and deploy.state.running:
        about = "about " if deploy.bake_about else ""
        left = age(max(0.0, deploy.bake_until - now))
        words.append(f"old tasks stop in {left}" if deploy.keeps_old_tasks else f"baking, {about}{left} left")
    if deploy.failed_tasks:
        why = f": {deploy.failures[0].summary}" if deploy.failures else ""
        words.append(f"{stopped(deploy.failed_tasks)}{why}")
    words += [w for w in (breaker(deploy), deploy.waits, began_by(deploy)) if w]
    if deploy.reason and deploy.state is not DeployState.IN_PROGRESS:
        words.append(deploy.reason)
    took = f"{'took' if deploy.finished else 'for'} {span((deploy.finished or now) - deploy.started)}"
    words.append(f"{moment(deploy.started, tz, now)}, {took}")
    return f"{deploy.service_id} {named(deploy)} {' · '.join(words)}"


# --- following --------------------------------------------------------------------------------------------------------


def _follow(engine: Engine, service: str, within: float, as_json: bool, tz: tzinfo) -> int:
    """One service's deploy to its end. A newer one that takes over is followed instead, and the first did not do it."""
    began, last, first, waits, going_back = time.monotonic(), "", "", False, False
    for now in _ticks(engine, began):
        newest = next(iter(_newest_first(engine, service)), None)
        early = time.monotonic() - began < within
        if newest is None or (not newest.state.running and not last and early):
            if newest is None and not early:
                say("no deploy of this service began, and none ended in the last day")
                return NOT_DONE
            if newest is not None and not waits:
                waits = True
                say(f"last: {line(newest, now, tz)}; waiting {span(within)} for one to begin")
            continue
        if not first:
            first, going_back = newest.id, asked_back(newest)
        last = _tell(newest, now, as_json, last, tz)
        if not newest.state.running and _live(engine, service):
            return DONE if newest.id == first and _as_meant(newest, going_back) else NOT_DONE
    if output.lost != output.READER_GONE:
        say(f"still under way after {LONGEST_S / 60:.0f} minutes: no longer followed")
    return UNKNOWN


def asked_back(deploy: Deploy) -> bool:
    """Tell whether a person asked for the rollback of this deploy; the circuit breaker and an alarm are none."""
    back = back_of(deploy)
    return back is not None and (back.by not in ("", BREAKER, ALARM) or "requested" in deploy.reason.casefold())


def _as_meant(deploy: Deploy, going_back: bool) -> bool:
    """*going_back*: it was being rolled back on request when it was first read, so that is what was followed."""
    return deploy.state is (DeployState.ROLLED_BACK if going_back else DeployState.SUCCEEDED)


def _follow_all(engine: Engine, as_json: bool, tz: tzinfo) -> int:
    """Every deploy's changes, until interrupted."""
    said: dict[str, str] = {}
    for now in _ticks(engine, float("inf")):
        if output.lost:
            return NOT_DONE  # nothing more can be printed, and there is nothing else to do
        for deploy in _newest_first(engine, ""):
            said[deploy.id] = _tell(deploy, now, as_json, said.get(deploy.id, ""), tz)
    return DONE


def _ticks(engine: Engine, began: float) -> Iterator[float]:
    """The time (seconds since the epoch) at each reading; ends after an hour, or when nobody reads what is printed."""
    while time.monotonic() - began < LONGEST_S and output.lost != output.READER_GONE:
        yield engine.clock.now()
        _wait(engine)


def _wait(engine: Engine) -> None:
    """Wait until something changed, or half a second went by."""
    shown = engine.update
    engine.wait(lambda update: update is not shown, PAUSE_S)


def _tell(deploy: Deploy, now: float, as_json: bool, last: str, tz: tzinfo) -> str:
    """Print it where it changed; what was printed, without its age."""
    words = line(deploy, now, tz).rpartition(" · ")[0]
    if words != last:
        if as_json:
            put_json({"at": stamp(now), **as_object(deploy)})
        else:
            put(f"{stamp(now)} {line(deploy, now, tz)}")
    return words


def _read_deploys(engine: Engine, service: str) -> None:
    """Wait until a deploy of it was read, or its source is through: deploys come after the service itself."""
    name = service.partition("/")[0]

    def through(update: Update) -> bool:
        if any(d.service_id == service for d in update.board.deploys.values()):
            return True
        source = update.board.sources[name]
        going_on = source.state in (SourceState.WAITING, SourceState.THROTTLED)
        return not going_on and not (source.live and source.behind)  # it is read, and its deploys are still coming

    engine.wait(through, READ_TIMEOUT_S)
    engine.wait_for_details()


def _none(engine: Engine, service: str) -> str:
    """Say that there is none; where not everything was read, that none is known."""
    of = service.partition("/")[0]
    unread = (s for s in engine.update.board.sources.values() if s.provider in SERVICE_PROVIDERS)
    lost = [s for s in unread if (not s.live or s.behind) and of in ("", s.name)]
    behind = ", ".join(s.name for s in lost if s.live)
    words = "; ".join(part for part in (unread_words(lost), behind and f"still reading: {behind}") if part)
    return f"no deploy in the last day is known; {words}" if lost else "no deploy in the last day"


def _newest_first(engine: Engine, service: str) -> list[Deploy]:
    found = [d for d in engine.update.board.deploys.values() if service in ("", d.service_id)]
    return sorted(found, key=lambda d: -d.started)


def _source(engine: Engine, service: str) -> SourceStatus | None:
    return engine.update.board.sources.get(service.partition("/")[0])


def _live(engine: Engine, service: str) -> bool:
    status = _source(engine, service)
    return status is not None and status.current


def _exit_by_sources(engine: Engine, service: str) -> NoReturn:
    sources = engine.update.board.sources.values()
    lost = [s for s in sources if not s.current and (not service or s.name == service.partition("/")[0])]
    for status in lost:
        say(f"{status.name} could not be read: {status.message}")
    sys.exit(NOT_DONE if lost else DONE)
