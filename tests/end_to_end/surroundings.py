"""Surroundings × commands: what the program says, and how it ends, where the machine around it is hostile.

``python -m tests.end_to_end.surroundings`` plays each row of the table in ``surroundings_rows.py`` with ``status``,
``check``, ``ack`` and the board in a pseudo-terminal, against the simulator, four rows at a time. It prints a line for
each: the exit code, how long it took and the first line that tells something. It exits with 1 where one was WRONG: a
traceback, "bug in this provider", an exit code of no meaning, a hang, or a terminal that was left raw. A word as
argument plays the rows that have it in their name or their kind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import pyte
import yaml

from tests.end_to_end.world import World, until

LIMIT_S = 30.0  # for a command; the longest that the program itself waits for a source is well below
SHOWN_S = 12.0  # for the board to show something of every source
LEAVE_S = 6.0  # for the board to end once it is asked to
AT_ONCE = 4
CODES = frozenset((0, 1, 2, 3))
COMMANDS = ("status", "check", "ack", "board")
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|.)")
NO_SCREEN = re.compile(rb"\x1b\[[<>=?][0-9;]*(?:\$p|u)")  # private modes that pyte does not know
STATES = r"OFFLINE|EXPIRED|DENIED|NO-CREDENTIALS|MALFORMED|THROTTLED|STALE|JOURNAL|not known|not read"
TELLING = re.compile(rf"oncall-tui:|^error|^refused|^failed|^unknown|^warning|{STATES}")
LEFT_ON = {  # what has to be off again when the board is left: switched on, switched off
    "the alternate screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "a hidden cursor": (b"\x1b[?25l", b"\x1b[?25h"),
    "bracketed paste": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "the kitty keyboard": (b"\x1b[>25u", b"\x1b[<u"),
    "no line wrap": (b"\x1b[?7l", b"\x1b[?7h"),
}


class Place:
    """Where one row is played: a folder, a configuration and an alert of its own in a world that others used before."""

    def __init__(self, world: World, folder: Path, sources: Sequence[str]) -> None:
        self.world, self.folder = world, folder
        self.home = folder / "home"
        self.home.mkdir()
        self.journal = folder / "journal.db"
        self.path = folder / "oncall.yaml"
        self.config: dict[str, Any] = {
            **world.told["config"],
            "journal": str(self.journal),
            "steady_s": 2,
            "products": [],
        }
        self.config |= {"products": [], "pages": [{"severity": "critical"}]}
        self.config["sources"] = [{**s, "interval_s": 1} for s in self.config["sources"] if s["name"] in sources]
        self.env: dict[str, str] = {**world.env, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config")}
        self.held: list[Any] = []  # what stays open while the row is played
        self.write()
        self.alert = self._fire()

    def write(self, **changes: Any) -> None:
        """Write the configuration, changed; None takes a key away."""
        self.config = {key: value for key, value in {**self.config, **changes}.items() if value is not None}
        self.path.write_text(yaml.safe_dump(self.config, allow_unicode=True), encoding="utf-8")

    def source(self, name: str, **changes: Any) -> None:
        """Change one source of the configuration."""
        self.write(sources=[{**s, **(changes if s["name"] == name else {})} for s in self.config["sources"]])

    def aws(self, text: str) -> None:
        """Take the keys out of the environment, and put *text* into the AWS configuration instead."""
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            self.env.pop(key, None)
        folder = self.home / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(text, encoding="utf-8")

    def _fire(self) -> str:
        labels = {"alertname": "Surroundings", "severity": "warning", "row": self.folder.name}
        self.world.do(fire={"labels": labels, "annotations": {"summary": f"in {self.folder.name}"}})

        def found() -> list[str]:
            alerts = self.world.state["alerts"]
            return [str(a["fingerprint"]) for a in alerts if a["labels"].get("row") == self.folder.name]

        return f"prom/{until(found, 'the alert is there', 10)[0]}"


class Row(NamedTuple):
    """One hostile surrounding. *env* sets variables, None removes them; *prepare* changes the place before.

    *shell* runs in the shell that starts the command (``ulimit -n 20``), *redirect* is appended to it (``>&-``).
    *keys* is what the terminal sends the board; *leave* how it is left: ``q``, ``close`` (the terminal goes away) or a
    signal's number. *commands* are those that are played.
    """

    kind: str
    name: str
    env: Mapping[str, str | None] = {}
    prepare: Callable[[Place], object] | None = None
    shell: str = ""
    redirect: str = ""
    size: tuple[int, int] = (100, 30)
    keys: bytes = b""
    leave: str | int = "q"
    sources: tuple[str, ...] = ("prom", "prod")
    commands: tuple[str, ...] = COMMANDS


class Seen(NamedTuple):
    """How one command ended in one surrounding: *wrong* says why that is no good end; empty: it is one."""

    code: int | None
    seconds: float
    said: str
    wrong: str
    all: str = ""


def played(row: Row, command: str, world: World) -> Seen:
    """Play one command in one surrounding, in a place of its own."""
    with tempfile.TemporaryDirectory(prefix="around-", ignore_cleanup_errors=True) as folder:
        place = Place(world, Path(folder), row.sources)
        try:
            for key, value in row.env.items():
                place.env.pop(key, None)
                if value is not None:
                    place.env[key] = value.format(**_named(place))
            if row.prepare is not None:
                row.prepare(place)
            return _board(row, place) if command == "board" else _command(row, command, place)
        except Exception as error:  # noqa: BLE001 - one row that cannot be played hides no other
            return Seen(None, 0.0, "", f"it cannot be played: {error!r}")
        finally:
            world.mend()
            for held in place.held:
                held.close()


def _named(place: Place) -> dict[str, str]:
    """What a value of the environment may name."""
    return {"home": str(place.home), "folder": str(place.folder), "prom": place.world.told["endpoints"]["prom"]}


def _line(row: Row, place: Place, arguments: Sequence[str], terminal: str = "") -> list[str]:
    """The command line that starts the program in the row's shell, which opens *terminal* as its controlling one."""
    opened = 'exec <"$TTY" >"$TTY" 2>"$TTY"; ' if terminal else ""
    given = f"TTY={terminal}; " if terminal else ""
    script = f'{given}{opened}{row.shell + "; " if row.shell else ""}exec "$@" {row.redirect}'
    return ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "oncall_tui", "--config", str(place.path), *arguments]


def _command(row: Row, command: str, place: Place) -> Seen:
    arguments = ["ack", place.alert] if command == "ack" else [command]
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            _line(row, place, arguments),
            env=place.env,
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.monotonic() - began
        texts = []
        for stream in (err, out):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    text = "\n".join(texts)
    return Seen(code, seconds, _telling(text), _wrong(code, text), text)


def _telling(text: str) -> str:
    """The first line that tells something: what went wrong, else the first."""
    lines = [" ".join(line.split()) for line in ESCAPES.sub("", text).splitlines() if line.strip()]
    if len(lines) > 1 and "mistake" in lines[0]:
        return _shown_safely(lines[1])
    return _shown_safely(next((line for line in lines if TELLING.search(line)), lines[0] if lines else ""))


def _shown_safely(text: str) -> str:
    """*text* as it may be printed: it may be anything."""
    return "".join(char if char.isprintable() else "·" for char in text)


def _wrong(code: int | None, text: str) -> str:
    if code is None:
        return f"it hangs: not ended after {LIMIT_S:.0f} s"
    if "Traceback" in text or "Exception ignored" in text or "Fatal Python error" in text:
        return "a traceback"
    if re.search(r"bug in this|please report|\bbug:", text):
        return "it says that it is a bug"
    return "" if code in CODES else f"exit code {code}"


# --- the board --------------------------------------------------------------------------------------------------------


class _Terminal:
    """A pseudo-terminal that another process has as its own. It remembers what was written to it."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.master, self.slave = pty.openpty()
        columns, lines = size
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.name = os.ttyname(self.slave)
        self.before = termios.tcgetattr(self.slave)
        self.raw = bytearray()
        self._screen = pyte.Screen(max(1, columns), max(1, lines))
        self._stream = pyte.ByteStream(self._screen)

    def read(self, seconds: float) -> None:
        """Take what comes within *seconds*."""
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                data = os.read(self.master, 65536)
                self.raw += data
                with contextlib.suppress(Exception):  # a size of which pyte can draw nothing
                    self._stream.feed(NO_SCREEN.sub(b"", data))

    @property
    def lines(self) -> list[str]:
        """The lines that are shown."""
        buffer, width = self._screen.buffer, self._screen.columns
        return ["".join(buffer[y][x].data for x in range(width)).rstrip() for y in range(self._screen.lines)]

    def left(self) -> str:
        """What is not as it was before; empty: all is."""
        now = termios.tcgetattr(self.slave)
        if now[:4] != self.before[:4]:
            return "the terminal is left raw"
        still = [what for what, (on, off) in LEFT_ON.items() if self.raw.rfind(on) > self.raw.rfind(off)]
        return f"left on: {', '.join(still)}" if still else ""

    def close(self) -> None:
        """Close both sides, once: another thread may have got the same numbers by then."""
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


def _board(row: Row, place: Place) -> Seen:
    terminal = _Terminal(row.size)
    env = {"TERM": "xterm-256color", **place.env}
    for key in (key for key, value in row.env.items() if value is None):
        env.pop(key, None)
    began = time.monotonic()
    process = subprocess.Popen(
        _line(row, place, [], terminal.name),
        env=env,
        cwd=place.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        shown = _shown(row, process, terminal)
        ended = _left(row, process, terminal)
        seconds = time.monotonic() - began
        code = process.returncode if ended else None
        printed = ESCAPES.sub("", terminal.raw.decode("utf-8", "replace"))
        wrong = _wrong(code, printed) if ended else f"it does not end: {LEAVE_S:.0f} s after {row.leave}"
        if isinstance(row.leave, int) and code in (128 + row.leave, -row.leave):
            wrong = ""
        if not wrong and row.leave != "close":
            wrong = terminal.left()
        return Seen(code, seconds, shown or _telling(printed), wrong, printed)
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        terminal.close()


def _shown(row: Row, process: subprocess.Popen[bytes], terminal: _Terminal) -> str:
    """Wait until the board tells of every source; its first line, and the first one that names what is wrong."""
    end = time.monotonic() + SHOWN_S
    while process.poll() is None and time.monotonic() < end:
        terminal.read(0.1)
        text = "\n".join(terminal.lines)
        live = re.search(r"(\d+)/(\d+) live", text)
        if live and (live[1] == live[2] or re.search(STATES, text)) and "reading" not in text:
            break
    if process.poll() is not None:
        return ""
    if row.keys:
        os.write(terminal.master, row.keys)
    rest = time.monotonic() + 1.0
    while process.poll() is None and time.monotonic() < rest:
        terminal.read(0.1)
    lines = [" ".join(line.split()) for line in terminal.lines if line.strip()]
    first = lines[0] if lines else "(nothing is shown)"
    worse = next((line for line in lines[1:] if TELLING.search(line)), "")
    return f"{first} ¦ {worse}" if worse else first


def _left(row: Row, process: subprocess.Popen[bytes], terminal: _Terminal) -> bool:
    """Leave the board as the row says. Tell whether it ended."""
    if row.leave == "close":
        terminal.close()
    end = time.monotonic() + LEAVE_S
    asked = 0.0
    while process.poll() is None and time.monotonic() < end:
        if time.monotonic() - asked > 1.5 and row.leave != "close":  # the first q may be dropped: it came with keys
            asked = time.monotonic()
            if isinstance(row.leave, int):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, row.leave)
            else:
                os.write(terminal.master, b"q")
        if row.leave == "close":
            time.sleep(0.05)
        else:
            terminal.read(0.05)
    if row.leave != "close":
        terminal.read(0.1)
    return process.poll() is not None


# --- the table --------------------------------------------------------------------------------------------------------


def play(
    rows: Sequence[Row], folder: Path, commands: Sequence[str] = COMMANDS, at_once: int = AT_ONCE
) -> Iterator[tuple[Row, str, Seen]]:
    """Play the rows side by side, each with a simulated world that no other uses meanwhile; in the table's order."""
    worlds: Queue[World] = Queue()
    started = []
    for number in range(min(at_once, max(1, len(rows)))):
        (folder / str(number)).mkdir()
        started.append(World(folder / str(number), "--scenario", "quiet"))
        worlds.put(started[-1])

    def one(row: Row) -> list[tuple[Row, str, Seen]]:
        world = worlds.get()
        try:
            return [(row, c, played(row, c, world)) for c in commands if c in row.commands]
        finally:
            worlds.put(world)

    try:
        with ThreadPoolExecutor(at_once) as pool:
            for result in pool.map(one, rows):
                yield from result
    finally:
        for world in started:
            world.close()


def main(arguments: list[str]) -> int:
    """Print the table; 1 where something was wrong."""
    from tests.end_to_end.surroundings_rows import ROWS

    rows = [row for row in ROWS if not arguments or any(word in f"{row.kind}: {row.name}" for word in arguments)]
    wrong, last = 0, ""
    with tempfile.TemporaryDirectory() as folder:
        for row, command, seen in play(rows, Path(folder)):
            wrong += bool(seen.wrong)
            title = f"{row.kind}: {row.name}"
            if title != last:
                sys.stdout.write(f"\n{title}\n")
                last = title
            code = "-" if seen.code is None else seen.code
            said = seen.said if len(seen.said) <= 150 else f"{seen.said[:149]}…"
            flag = f"WRONG ({seen.wrong})" if seen.wrong else "ok"
            sys.stdout.write(f"  {command:6} {code:>3} {seen.seconds:4.1f} s  {flag}  {said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(rows)} surroundings, {wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
