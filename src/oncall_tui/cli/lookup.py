"""From what was typed to one alert or service. A service's name will do where one service alone has it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.common import READ_TIMEOUT_S, fail
from oncall_tui.cli.output import say
from oncall_tui.domain.alert import Alert
from oncall_tui.domain.board import Board
from oncall_tui.domain.reading import SourceState
from oncall_tui.domain.service import Service
from oncall_tui.engine.engine import Engine, Update

LISTED = 3
ECS = "ecs"
GOING_ON = (SourceState.WAITING, SourceState.THROTTLED)  # more of it is still to come


def read_source(engine: Engine, name: str) -> Update:
    """Wait for one source to be read well. Ends the program where it cannot be read or does not exist."""
    if name not in engine.sources:
        fail(f"no source {name!r}", f"there are: {', '.join(engine.sources) or 'none'}")

    def read(update: Update) -> bool:
        """Return whether it was read, with the deploys of its services."""
        source = update.board.sources.get(name)
        return source is not None and source.state is not SourceState.WAITING and not source.behind

    engine.wait_for_answers(read, READ_TIMEOUT_S)
    update = engine.update
    status = update.board.sources.get(name)
    if status is None or status.read_at is None:
        fail(f"{name} could not be read: {status.message if status else 'no answer'}", status.hint if status else "")
    return update


def find_alert(engine: Engine, alert_id: str) -> Alert:
    """The alert with exactly this id. Ends the program where there is none: nothing is guessed for a write."""
    name = alert_id.partition("/")[0]
    update = read_source(engine, name) if name in engine.sources else engine.first_read(READ_TIMEOUT_S)
    alert = update.board.alerts.get(alert_id)
    status = update.board.sources.get(name)
    if alert is None and status is not None and not status.complete:
        fail(f"{name} could not be read to the end: {status.message}", status.hint)
    if alert is None:
        near = _near_alerts(update, alert_id) or _near_alerts(engine.first_read(READ_TIMEOUT_S), alert_id)
        if not near and "/" in alert_id and name not in engine.sources:
            fail(f"no source {name!r}", f"there are: {', '.join(engine.sources) or 'none'}")
        fail(f"no alert {alert_id!r}", _meant(near))
    return alert


def _near_alerts(update: Update, wanted: str) -> list[str]:
    """The nearest: by id, by a word of the title, by the service; what is open first."""
    word = wanted.casefold()
    rows = sorted(update.board.alerts.values(), key=lambda a: (not a.state.asks, a.id))
    own = [a.id for a in rows if word in (a.native_id.casefold(), a.hint.service.casefold())]
    spelled = get_close_matches(wanted, update.board.alerts, LISTED, 0.7)
    spelled += [a.id for a in rows if get_close_matches(wanted, [a.native_id], 1, 0.8)]
    titled = [a.id for a in rows if word and word in a.title.casefold()]
    titles = {a.id: f"{a.id} ({a.title})" for a in rows}
    return [titles[i] for i in dict.fromkeys([*own, *spelled, *titled])][:LISTED]


def find_service(engine: Engine, wanted: str, *, for_write: bool = False) -> Service:
    """The service with this id, as soon as it was read, or the only one of this name. Ends the program where there is
    none, or more than one; *for_write* also where a source that may have another of this name cannot be read.
    """
    name = wanted.partition("/")[0]
    if name in engine.sources:
        engine.wait_for_answers(
            lambda u: (
                wanted in u.board.services or (name in u.board.sources and u.board.sources[name].state not in GOING_ON)
            ),
            READ_TIMEOUT_S,
        )
    found = engine.update.board.services.get(wanted)
    return found or _by_name(engine, wanted, for_write)


def _by_name(engine: Engine, wanted: str, for_write: bool) -> Service:
    board = _every_service(engine).board
    if found := board.services.get(wanted):
        return found
    named = [s for s in board.services.values() if s.id.endswith(f"/{wanted}")]
    if not named:
        _no_service(board, wanted)
    unread = [s for s in board.sources.values() if s.provider == ECS and not s.live]
    if len(named) > 1:
        fail(f"{len(named)} services are called {wanted!r}", f"give an id: {', '.join(s.id for s in named)}", WRONG_USE)
    if for_write and unread:
        other = f"{unread[0].name} could not be read, and may have another of this name"
        fail(f"{wanted!r} is not certainly {named[0].id}: {other}", f"give its id: {named[0].id}")
    say(f"{wanted} is {named[0].id}")
    return named[0]


def _no_service(board: Board, wanted: str) -> NoReturn:
    unread = [s for s in board.sources.values() if s.provider == ECS and not s.live]
    asked = [s for s in unread if s.name == wanted.partition("/")[0]] or unread
    if asked:
        fail(f"no service {wanted!r} in what could be read of {asked[0].name}: {asked[0].message}", asked[0].hint)
    fail(f"no service {wanted!r}", _meant(_near_services(board.services.values(), wanted)))


def _every_service(engine: Engine) -> Update:
    """Wait until each ECS source has told of all its services, or cannot."""
    engine.wait_for_answers(
        lambda u: (
            bool(u.board.sources or not engine.sources)
            and all(s.state not in GOING_ON for s in u.board.sources.values() if s.provider == ECS)
        ),
        READ_TIMEOUT_S,
    )
    return engine.update


def _near_services(services: Iterable[Service], wanted: str) -> list[str]:
    """The nearest: by id, by name, by a part of the name."""
    rows = list(services)
    ids = get_close_matches(wanted, [s.id for s in rows], LISTED, 0.6)
    names = get_close_matches(wanted.rpartition("/")[2], [s.key.name for s in rows], LISTED, 0.6)
    part = wanted.casefold()
    close = [s.id for name in names for s in rows if s.key.name == name]
    return list(dict.fromkeys([*close, *ids, *(s.id for s in rows if part and part in s.id.casefold())]))[:LISTED]


def _meant(near: list[str]) -> str:
    return f"did you mean {', '.join(near)}?" if near else "`oncall-tui status` lists them"
