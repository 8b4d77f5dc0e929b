"""The one door to other programs: every process that this program starts is started here.

A helper (a secret's command, a ``credential_process``) gets no terminal, so that it can neither ask the engineer a
question nor take keys; it has a bound of time and of output, and none of the secrets that the configuration takes from
the environment. A command of the configuration is run in the same way, and what it prints is read as it comes
(``runtime/program_run.py``). A program that the engineer asked for (a login, a shell) has the terminal, and no bound.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from oncall_tui.runtime.ready import readable

HELPER_S = 15.0
HELPER_BYTES = 64 * 1024
PAUSE_S = 0.05  # between two checks whether a helper that prints nothing has ended

_withheld: set[str] = set()
_running: set[int] = set()  # process groups of helpers
_on_terminal: set[int] = set()  # ids of programs that have the terminal
_hung_up: set[int] = set()
_lock = threading.Lock()


class NotRun(Exception):
    """Why a helper gave no answer, in words that name neither its arguments nor its output: both may hold secrets."""


def withhold(variable: str) -> None:
    """Keep this variable of the environment from every program that is started: it holds a secret of ours."""
    _withheld.add(variable)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This program's environment for another program: without our secrets, with *more*."""
    return {name: value for name, value in os.environ.items() if name not in _withheld} | dict(more or {})


# --- helpers: an answer is wanted, and nobody is there to talk to them ------------------------------------------------


def answer_of(
    command: Sequence[str],
    *,
    timeout_s: float = HELPER_S,
    most_bytes: int = HELPER_BYTES,
    more: Mapping[str, str] | None = None,
    errors_too: bool = False,
) -> bytes:
    """The output of *command*, once it ended with status 0. Raises NotRun, whose words say why there is no answer.

    *errors_too*: with what it prints to its standard error, which is thrown away otherwise.
    """
    if not command or not command[0]:
        raise NotRun("names no program")
    with _helper(command, more, errors_too) as child:
        output = _read(child, timeout_s, most_bytes)
        status = child.wait()
    if status < 0:
        raise NotRun(f"was ended by {signal_name(-status)}")
    if status:
        raise NotRun(f"ended with status {status}")
    return output


@contextlib.contextmanager
def _helper(
    command: Sequence[str], more: Mapping[str, str] | None, errors_too: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it in a session of its own: there ``/dev/tty`` opens no terminal."""
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors_too else subprocess.DEVNULL,
            start_new_session=True,
            env=environment(more),
        )
    except FileNotFoundError:
        raise NotRun("is not on this machine (or not on the PATH)") from None
    except PermissionError:
        raise NotRun("may not be run: it is not executable") from None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", "") or "its command has a character that no command may have"
        raise NotRun(f"cannot be started: {why}") from None
    with _lock:
        _running.add(child.pid)
    try:
        yield child
    finally:
        if child.poll() is None:
            _end(child.pid)
            child.wait()
        with _lock:
            _running.discard(child.pid)
        if child.stdout is not None:
            child.stdout.close()


def _read(child: subprocess.Popen[bytes], timeout_s: float, most_bytes: int) -> bytes:
    """Its output up to its end. What it left running may hold the pipe open: that is not waited for."""
    assert child.stdout is not None
    pipe, found, until = child.stdout.fileno(), bytearray(), time.monotonic() + timeout_s
    while True:
        over = child.poll() is not None  # before the read: what it printed last is there by then
        if readable(pipe, timeout_s=0 if over else PAUSE_S):
            part = os.read(pipe, 65_536)
            found += part
            if len(found) > most_bytes:
                raise NotRun(f"printed more than {most_bytes // 1024} kB")
            if not part and not _ended(child, until):
                raise _too_long(timeout_s)
            if not part:
                return bytes(found)
        elif over:
            return bytes(found)
        if time.monotonic() >= until:
            raise _too_long(timeout_s)


def _ended(child: subprocess.Popen[bytes], until: float) -> bool:
    """Return whether it ended in time, once it said that it prints no more."""
    try:
        child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _too_long(timeout_s: float) -> NotRun:
    return NotRun(f"gave no answer within {timeout_s:.0f} s: does it ask something? It has no terminal here")


def _end(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


@atexit.register
def end_helpers() -> None:
    """End every helper that still runs: none outlives this program."""
    with _lock:
        left = tuple(_running)
    for group in left:
        _end(group)


def signal_name(number: int) -> str:
    """Return a signal's name: ``SIGTERM``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# --- a command of the configuration: it is given something, and its output is read as it comes ------------------------


def started(
    command: Sequence[str], *, folder: str, given: bytes, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start *command* in a session and a process group of its own, without a terminal. *given* is its standard input.

    What it prints, to its standard error too, comes from one pipe. Call ``forget`` once it was waited for. Raises
    NotRun.
    """
    import tempfile  # rarely needed

    try:
        with tempfile.TemporaryFile() as file:  # no pipe: what does not read it holds nothing up
            file.write(given)
            file.seek(0)
            child = subprocess.Popen(
                list(command),
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,
                env=environment(more),
            )
    except PermissionError:
        raise NotRun("may not be run: it is not executable, or its folder may not be entered") from None
    except FileNotFoundError as error:
        missing = (
            "its folder is not there" if error.filename == folder else "it is not on this machine, or not on the PATH"
        )
        raise NotRun(f"cannot be started: {missing}") from None
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = getattr(error, "strerror", "") or "it has a character that no command may have"
        raise NotRun(f"cannot be started: {why}") from None
    with _lock:
        _running.add(child.pid)
    return child


def forget(child: subprocess.Popen[bytes]) -> None:
    """Note that the process that ``started`` returned was waited for: its number may be another's from now on."""
    with _lock:
        _running.discard(child.pid)


# --- programs that have the terminal ----------------------------------------------------------------------------------


def on_terminal(command: Sequence[str], more: Mapping[str, str] | None = None) -> int:
    """Run what the engineer asked for on this terminal, and wait for its end. Its status; negative: a signal's number.

    Raises OSError where it cannot be started.
    """
    child = subprocess.Popen(list(command), env=environment(more))
    _on_terminal.add(child.pid)
    try:
        return child.wait()
    finally:
        _on_terminal.discard(child.pid)


def end_on_terminal(number: signal.Signals = signal.SIGHUP) -> None:
    """Send the signal to the program that has the terminal, and to what it started: this one is told to end.

    It shares this program's group, so each is signalled by its id. May be called by a signal's handler.
    """
    for pid in tuple(_on_terminal):
        _hung_up.add(pid)
        for each in _with_children(pid):
            with contextlib.suppress(OSError):
                os.kill(each, number)


def was_hung_up() -> bool:
    """Return whether a program on the terminal was ended because this one is to end."""
    return bool(_hung_up)


def _with_children(pid: int) -> list[int]:
    """*pid* and its descendants (proc(5), ``children``); *pid* alone where the system does not tell."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError), open(f"/proc/{each}/task/{each}/children", encoding="ascii") as file:
            found += [int(word) for word in file.read().split()]
    return found


# --- a simulated world ------------------------------------------------------------------------------------------------


def companion(command: Sequence[str], said: IO[bytes]) -> subprocess.Popen[str]:
    """Start a program that serves this one and ends with it: it reads a pipe that closes then, and writes another.

    It has no terminal; what it says to its standard error goes to *said*. Raises OSError.
    """
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        start_new_session=True,
        env=environment(),
    )


def first_line(child: subprocess.Popen[str], timeout_s: float) -> str:
    """The first line that a companion prints; empty where it ended before, or printed none in time."""
    assert child.stdout is not None
    return child.stdout.readline() if readable(child.stdout.fileno(), timeout_s=timeout_s) else ""


def ended(child: subprocess.Popen[str], within_s: float) -> int:
    """Its status; it is ended where it does not end by itself in time."""
    try:
        return child.wait(within_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
