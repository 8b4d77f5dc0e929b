"""Each fault at each source, as the engine and ``status --json`` tell it: what a case was, and how it is printed.

A case has a warm engine, which had a good reading before the fault, and a cold one, which is started under it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from oncall_tui.cli.status import as_object
from oncall_tui.domain.reading import SourceState, SourceStatus
from oncall_tui.engine.engine import Update
from oncall_tui.triage.empty_board import nothing
from tests.faults.world import SCENARIO, Ahead, Rig, World, rows_of, started

SOURCES = {"prod": "ecs", "alarms": "cloudwatch", "prom": "alertmanager", "pager": "pagerduty", "dd": "datadog"} | {
    "errors": "sentry",
    "monitors": "mackerel",
}
FURTHER = ("dd", "errors", "monitors")
"""HTTP like the pager: their failures are held by tests/providers/contract too, and are here with --everything."""
OFFLINE, STALE, EXPIRED = SourceState.OFFLINE, SourceState.STALE, SourceState.EXPIRED
RIGHT: dict[str, tuple[SourceState, ...]] = {
    "throttle": (SourceState.THROTTLED,),
    "error500": (OFFLINE,),
    "hang": (OFFLINE, STALE),
    "expired": (EXPIRED,),
    "denied": (SourceState.DENIED,),
    "html": (SourceState.MALFORMED,),
    "truncated": (SourceState.MALFORMED,),
    "refuse": (OFFLINE,),
    "redirect": (SourceState.MALFORMED, EXPIRED),  # an API never redirects: a proxy's page, or one to log in
}
"""Fault -> the words that are right for it."""
POLLS = 3  # under each fault: what is right at first has to stay right
SLOW_POLLS = 1  # of a hang, each of which takes the read time-out
REFILL_S = 10.0  # of time, and the allowance of calls is whole again
WELL_S = 20.0


class Told(NamedTuple):
    """What one engine showed while a fault was on, and after."""

    status: SourceStatus
    object: Any
    """``status --json``."""
    nothing: str
    """What would stand in an empty list of alerts."""
    words: tuple[SourceState, ...]
    """Every state that the source was in, one after the other, from the fault on."""
    others: Mapping[str, tuple[SourceState, ...]]
    """The same of each other source."""
    rows: Mapping[str, object]
    """The source's rows at the end of it."""
    moved: tuple[str, ...]
    """Other sources' rows that changed, came or went meanwhile."""
    age_s: float | None
    after: Mapping[str, object]
    """The source's rows when it was well again."""
    well_in_s: float | None
    """How long after the fault was gone a call was made and the source was OK. None: not in 20 s."""

    @property
    def source(self) -> Any:
        """The source in ``status --json``."""
        return next(s for s in self.object["sources"] if s["name"] == self.status.name)


class Case(NamedTuple):
    """One fault at one source."""

    source: str
    kind: str
    before: Mapping[str, object]
    """The source's rows before it."""
    warm: Told
    cold: Told


def observe(source: str, folder: Path, kinds: Iterable[str] = tuple(RIGHT)) -> dict[str, Case]:
    """Every fault at one source, one after the other, in a world of its own."""
    world, clock = World("--scenario", SCENARIO), Ahead()
    try:
        with started(world, folder / source, clock) as warm:
            warm.all_ok()
            return {kind: _case(world, clock, warm, source, kind, folder / f"{source}-{kind}") for kind in kinds}
    finally:
        world.close()


def observe_all(folder: Path, sources: Sequence[str] = tuple(SOURCES)) -> dict[tuple[str, str], Case]:
    """Each fault at each source; the sources side by side, since a hang takes its time."""
    with ThreadPoolExecutor(len(sources)) as pool:
        found = dict(zip(sources, pool.map(lambda name: observe(name, folder), sources), strict=True))
    return {(kind, name): cases[kind] for kind in RIGHT for name, cases in found.items()}


def _case(world: World, clock: Ahead, warm: Rig, source: str, kind: str, folder: Path) -> Case:
    others = [name for name in warm.engine.sources if name != source]
    clock.by += REFILL_S
    before = warm.poll()
    clock.by += REFILL_S
    known = rows_of(before.board, source)
    known_others = {name: rows_of(before.board, name) for name in others}
    world.fault(kind, source)
    mark = len(warm.history)
    cold_clock = Ahead(clock.by)  # its own: an allowance of calls belongs to one clock
    with started(world, folder, cold_clock) as cold:
        cold.wait(lambda u: _read(u, known_others), "the others are read, also what rows get after their first reading")
        for _ in range(SLOW_POLLS if kind == "hang" else POLLS):
            targets = warm.ask(), cold.ask([source])
            warm.polled(targets[0])
            cold.polled(targets[1])
        told = [_told(rig, source, others, known_others, at) for rig, at in ((warm, mark), (cold, 0))]
        world.lift()
        clock.by += REFILL_S
        cold_clock.by += REFILL_S
        told = [_recovered(world, rig, source, known, it) for rig, it in zip((warm, cold), told, strict=True)]
    return Case(source, kind, known, *told)


def _told(rig: Rig, source: str, others: list[str], known: Mapping[str, Mapping[str, object]], since: int) -> Told:
    update, now = rig.update, rig.engine.clock.now()
    history = [*rig.history[since:], update]
    first = next(i for i, u in enumerate(history) if _read(u, known))
    read = history[first:]  # a cold start takes a moment
    return Told(
        status=update.board.sources[source],
        object=json.loads(json.dumps(as_object(update, now))),
        nothing=nothing(update.board, now),
        words=_states(history, source),
        others={name: _states(read, name) for name in others},
        rows=rows_of(update.board, source),
        moved=tuple(sorted({i for u in read for n in others for i in _moved(rows_of(u.board, n), known[n])})),
        age_s=update.board.sources[source].age_s(now),
        after={},
        well_in_s=None,
    )


def _read(update: Update, known: Mapping[str, Mapping[str, object]]) -> bool:
    """Each of these sources is OK and has these rows, whole: a deploy's details come after the deploy."""
    board = update.board
    return all(board.sources[name].live and rows_of(board, name) == rows for name, rows in known.items())


def _states(history: Iterable[Update], source: str) -> tuple[SourceState, ...]:
    states: list[SourceState] = []
    for update in history:
        if not states or states[-1] is not update.board.sources[source].state:
            states.append(update.board.sources[source].state)
    return tuple(states)


def _moved(now: Mapping[str, object], before: Mapping[str, object]) -> set[str]:
    return {i for i in now.keys() | before.keys() if now.get(i) != before.get(i)}


def _recovered(world: World, rig: Rig, source: str, known: Mapping[str, object], told: Told) -> Told:
    """Ask again, now that the fault is gone, until a call was answered, the source is OK and its rows are whole."""
    lifted, began = rig.engine.clock.now(), time.monotonic()
    while time.monotonic() - began < WELL_S:
        status = rig.poll([source]).board.sources[source]
        rows = rows_of(rig.update.board, source)
        if status.live and (status.read_at or 0.0) >= lifted and world.calls()[source] and rows == known:
            return told._replace(after=rows, well_in_s=time.monotonic() - began)
        time.sleep(0.5)
    return told._replace(after=rows_of(rig.update.board, source))


# --- for a person -----------------------------------------------------------------------------------------------------


def text(cases: Mapping[tuple[str, str], Case], started_at: float) -> str:
    """The table: fault × source → the state, its message → its hint; a cold start where that said something else."""
    lines = []
    for (kind, source), case in cases.items():
        warm, cold = case.warm, case.cold
        said, said_cold = _said(warm.status), _said(cold.status)
        lines.append(f"{kind:<10} {source + ' ' + SOURCES[source]:<19} {said}")
        lines.append(f"{'':<30} {len(warm.rows)} rows kept, {_age(warm)} old; {_path(warm)}; {_well(warm)}")
        cold_words = "the same" if said_cold == said else said_cold
        lines.append(f"{'':<30} cold: {cold_words}; {len(cold.rows)} rows; {_path(cold)}; {_well(cold)}")
    lines += ["", f"an empty list of alerts says: {cases['refuse', 'prom'].cold.nothing}"]
    lines += [f"{len(cases)} cases in {time.monotonic() - started_at:.0f} s"]
    return "\n".join(lines)


def _said(status: SourceStatus) -> str:
    return f"{status.state.label}: {status.message} → {status.hint or '(NO HINT)'}"


def _age(told: Told) -> str:
    return "?" if told.age_s is None else f"{told.age_s:.1f} s"


def _path(told: Told) -> str:
    return " > ".join(state.label for state in told.words)


def _well(told: Told) -> str:
    return "NOT WELL AGAIN" if told.well_in_s is None else f"well again in {told.well_in_s:.1f} s"
