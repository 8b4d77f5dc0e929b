"""The names that a shell completes: of sources, services, alerts and the like, as the last status had them.

A small file in the state folder, one for each configuration, readable by its owner alone, and written as a whole. A
board, ``status`` and the commands on the record write it, each the names that it knows; a completion only reads it.
Nothing but the standard library is imported at the start: a completion has a tenth of a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oncall_tui.runtime.folders import TEAM_FILE, own_file, state_folder

if TYPE_CHECKING:
    from oncall_tui.domain.follow_up import FollowUp
    from oncall_tui.domain.incident import Incident
    from oncall_tui.engine.engine import Engine
    from oncall_tui.engine.memory import RecordMemory

Names = dict[str, list[tuple[str, str]]]  # what it is (sources, alerts, …) -> its names, each with a word on it

KEPT_EVERY_S = 60.0  # how often a program that goes on writes them
MOST_NAMES = 1_000  # of each kind
MOST_TEXT = 200  # characters of a name: a longer one is left out
MOST_WORDS = 80  # characters of what is said of it
MOST_BYTES = 2_000_000
MOST_FILES = 16  # one for each configuration; the oldest go


def path_of(files: Sequence[Path | str], environ: Mapping[str, str]) -> Path:
    """Return the file of the configuration that *files* are; none, or the usual ones, are the usual configuration."""
    usual = {str(TEAM_FILE), str(own_file(environ))}
    named = [str(Path(file).expanduser().absolute()) for file in files]
    mark = "" if usual.issuperset(named) else f"-{zlib.crc32(os.fsencode(named[-1])):08x}"
    return Path(state_folder(environ)).expanduser() / f"names{mark}.json"


# --- what there is ----------------------------------------------------------------------------------------------------


def of_board(engine: Engine) -> Names:
    """Return the names on the engine's board; until every source was read, alerts and services stay as they were."""
    board, triaged = engine.update.board, engine.update.triaged
    found: Names = {
        "sources": [(source.name, source.provider) for source in board.sources.values()],
        "products": [(product.name, product.owner) for product in engine.rules.products],
        "destinations": [(name, "") for name in engine.destinations],
        "own_commands": [(one.name, one.what) for one in engine.own_commands.commands.values()],
    }
    if all(source.read_at is not None for source in board.sources.values()):
        alerts = (member for row in triaged.alerts for member in row.members)
        found["alerts"] = _sound((alert.id, alert.title) for alert in alerts)  # of thousands: no more than are kept
        found["services"] = [(service.id, str(service.health)) for service in triaged.services]
    return found


def keep_board(files: Sequence[str], engine: Engine) -> None:
    """Keep the names on the engine's board, and those of the record that it has read. Raises OSError.

    Of a configuration that is no file, as the demo's, nothing is kept.
    """
    if not files or not all(Path(file).exists() for file in files):
        return
    memory = engine.record_read
    keep(path_of(files, os.environ), of_board(engine) | (of_record(memory) if memory is not None else {}))


def of_record(memory: RecordMemory) -> Names:
    """Return the names of the incidents and follow-ups that *memory* has read; empty: of none."""
    incidents, follow_ups = memory.incidents.current, memory.follow_ups.current
    found = of_incidents(incidents.values()) if incidents else {}
    return found | (of_follow_ups(follow_ups.values()) if follow_ups else {})


def of_incidents(incidents: Iterable[Incident]) -> Names:
    """Return the ids of the incidents; those that are open come first."""
    ordered = sorted(incidents, key=lambda one: (not one.is_open, -one.opened_at))
    return {"incidents": [(one.id, f"{one.state}: {one.title}") for one in ordered]}


def of_follow_ups(follow_ups: Iterable[FollowUp]) -> Names:
    """Return the ids of the follow-ups; those that are open come first."""
    ordered = sorted(follow_ups, key=lambda one: (not one.is_open, -one.changed_at))
    return {"follow_ups": [(one.id, f"{one.state}: {one.title}") for one in ordered]}


# --- the file ---------------------------------------------------------------------------------------------------------


def read(path: Path) -> Names:
    """Return the kept names; none where there is no such file, or where it is not one of ours."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # what stands there may be a pipe
        with open(number, "rb") as file:
            about = os.fstat(number)
            if not stat.S_ISREG(about.st_mode) or about.st_uid not in (os.getuid(), 0) or about.st_size > MOST_BYTES:
                return {}
            found = json.loads(file.read(MOST_BYTES))
        return {str(kind): _sound(pairs) for kind, pairs in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _sound(pairs: Iterable[Iterable[str]]) -> list[tuple[str, str]]:
    """The names that can be typed. They come from outside: no line break, no control character reaches a shell."""
    sound = []
    for name, words in pairs:
        if isinstance(name, str) and 0 < len(name) <= MOST_TEXT and name.isprintable() and name.strip() == name:
            sound.append((name, "".join(c if c.isprintable() else " " for c in str(words))[:MOST_WORDS]))
        if len(sound) == MOST_NAMES:
            break
    return sound


def keep(path: Path, names: Names) -> bool:
    """Write *names* beside those of other kinds that are kept there; True where the file changed. Raises OSError."""
    from oncall_tui.runtime.secret import redact  # not needed to complete

    kept = read(path)
    told = {
        kind: [(redact(name), redact(words)) for name, words in dict(_sound(pairs)).items()]
        for kind, pairs in names.items()
    }
    new = {**kept, **{kind: _sound(pairs) for kind, pairs in told.items()}}
    if new == kept:
        return False
    import tempfile  # not needed to complete

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with open(number, "w", encoding="utf-8") as file:
            json.dump(new, file, separators=(",", ":"))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _leave_out_the_oldest(path.parent)
    return True


def _leave_out_the_oldest(folder: Path) -> None:
    files = sorted(folder.glob("names-*.json"), key=lambda file: file.lstat().st_mtime)
    for file in files[:-MOST_FILES]:
        file.unlink()
