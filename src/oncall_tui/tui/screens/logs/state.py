"""How the reading of a log stands, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from oncall_tui.domain.logs import LogDestination
from oncall_tui.domain.service_detail import short_task
from oncall_tui.errors import SourceError
from oncall_tui.inspection.logs.query import LogReader
from oncall_tui.text.cells import visible
from oncall_tui.text.time_format import age
from oncall_tui.tui.widgets.footer import Part

Line = tuple[Part, ...]
BEHIND_S = 10.0  # from which on it is said
WAITS_S = 2.0


def trouble(reader: LogReader) -> tuple[str, SourceError] | None:
    """The first thing that went wrong, and of which container (empty: of all)."""
    if reader.trouble is not None:
        return "", reader.trouble
    for place, error in tuple(reader.run.troubles.items()):
        return place.container if len(reader.readable) > 1 else "", error
    return None


def state(reader: LogReader, tz: tzinfo, waits_s: float = 0.0) -> list[Part]:
    """One word for now, and what belongs to it; *waits_s*: how long a call has been on its way."""
    found = _state(reader, tz)
    if waits_s >= WAITS_S:
        found.append((f" · no answer for {waits_s:.0f}s", "warning"))
    return found


def _state(reader: LogReader, tz: tzinfo) -> list[Part]:
    run = reader.run
    if wrong := trouble(reader):
        word = wrong[1].state.replace("_", " ").upper()
        kept = " · lines as last read" if reader.kept.lines else ""
        return [(f"{wrong[0]}: {word}" if wrong[0] else word, "critical"), (kept, "warning")]
    if reader.places is None:
        return [("READING…", "warning")]
    if not reader.places:
        return [("GONE", "critical")]
    if not reader.readable:
        return [("NO TASK'S LINES" if _untold(reader) else "NOT IN CLOUDWATCH", "warning")]
    if run.missing and len(run.missing) == len(reader.readable):
        return [("NO LOG GROUP", "critical")]
    if reader.paused:
        why = "PAUSED: memory is full up to here; space continues" if reader.paused == "memory" else "PAUSED"
        return [(why, "warning")]
    if reader.reading:
        return [("READING…", "warning")]
    if run.live:
        behind = reader.behind_s
        return [("LIVE", "ok"), (f", {age(behind)} behind" if behind >= BEHIND_S else "", "warning")]
    searched = reader.searched
    return [(f"READ {_clock(searched[0], tz)}–{_clock(searched[1], tz)}" if searched else "READ", "bold")]


def place(reader: LogReader) -> list[Part]:
    """Return the lines' origin; first, the containers whose lines are missing."""
    found = reader.readable
    if not found:
        return []
    lost = "; ".join(f"not here: {p.container}, {p.where}" for p in reader.places or () if not p.readable)
    words = " · ".join(dict.fromkeys(p.where for p in found))
    doubt = next((p.note for p in found if p.note), "")
    if lost:
        return [(lost, "warning"), (f" · {found[0].container} in {words}", "dim")]
    return [(words, "dim"), (f"  {doubt}" if doubt else "", "warning")]


def count(reader: LogReader) -> list[Part]:
    """How many lines, and what of them is gone."""
    kept = reader.kept
    gone = kept.before + kept.after
    return [(f"{len(kept.lines):,} lines", ""), (f", {gone:,} dropped" if gone else "", "warning")]


def head(reader: LogReader) -> Line:
    """Return the line before the first one."""
    if reader.kept.before:
        return ((f"── {reader.kept.before:,} older lines were dropped: [ reads them again ──", "warning"),)
    return (("── [ reads earlier lines ──", "dim"),)


def foot(reader: LogReader) -> Line:
    """Return the line after the last one."""
    kept, run = reader.kept, reader.run
    if kept.after:
        return ((f"── {kept.after:,} newer lines were dropped: ] reads on ──", "warning"),)
    if run.live:
        return (("── paused: space continues ──", "warning"),) if reader.paused else ()
    return (("── ] reads later lines · f: live ──", "dim"),)


def empty(reader: LogReader, tz: tzinfo) -> list[Line]:
    """Return the words for an empty view: nothing logged, not readable, elsewhere and not known yet all differ."""
    wrong = trouble(reader)
    if wrong:
        return [_line("The log cannot be read now, so its lines are not known.", "critical")]
    if reader.places is None:
        return [_line("Reading where the service logs…", "dim")]
    if not reader.places:
        return [_line("The service is not there any more; Esc goes back.", "warning")]
    if untold := _untold(reader):
        return [_line(f"One task's lines cannot be picked: {untold}.", "warning"), _line("t picks all of them.")]
    if not reader.readable:
        return [
            _line("This log is not in CloudWatch, so it cannot be shown here.", "warning"),
            _line(""),
            *elsewhere(reader.places),
        ]
    run = reader.run
    if run.missing:
        told = [_line(f"Not readable: {words}.", "critical") for words in run.missing.values()]
        hint = "It is made by the first line, where awslogs-create-group and the task's execution role allow that."
        return [*told, _line(hint), _line("Until then nothing was logged there, or it is lost. r asks again.")]
    if reader.reading:
        return [_line("Reading…", "dim")]
    return [*_nothing(reader, tz), _line(""), *elsewhere(reader.places)]


def _untold(reader: LogReader) -> str:
    """Why one task's lines cannot be told from the others', though the log can be read; empty: they can."""
    if not reader.run.task or reader.readable:
        return ""
    return next((p.note for p in reader.places or () if p.readable), "")


def _nothing(reader: LogReader, tz: tzinfo) -> list[Line]:
    of = f"task {short_task(reader.run.task)}" if reader.run.task else "any task"
    searched = reader.searched
    when = f"from {_clock(searched[0], tz)} to {_clock(searched[1], tz)}" if searched else "in the searched time"
    found = [_line(f"No line of {of} {when}.", "bold")]
    if reader.run.resting:
        found.append(_line("There is more to search: [ and ] read it.", "warning"))
    else:
        found.append(
            _line("A task that never started (its image, its secrets) logs nothing: its service's events tell why.")
        )
    if reader.run.live:
        return [*found, _line("New lines appear here; [ reads further back.")]
    return [*found, _line("[ and ] read further back and on, f goes live.")]


def elsewhere(places: Sequence[LogDestination]) -> list[Line]:
    """Return the destinations of lines that cannot be read here."""
    rest = [p for p in places if not p.readable]
    return [((f"{p.container}: ", "bold"), (visible(p.where), "")) for p in rest]


def _clock(at: float, tz: tzinfo) -> str:
    return datetime.fromtimestamp(at, tz).strftime("%H:%M:%S")


def _line(text: str, style: str = "") -> Line:
    return ((visible(text), style),)
