"""The program's and the drill's processes, forked from one that has imported them: half a second of CPU less for each.

A process of its own with its own standard streams, environment, folder and exit status, as ``subprocess.Popen`` makes
it. With ``--everything`` each command, with each set of options, is started afresh by ``Popen`` once. The program in a
pseudo-terminal always is (``tests/end_to_end/terminal.py``). So an import that fails at start-up is found.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import oncall_tui

PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL
afresh: Path | None = None  # set by --everything: what was started afresh already, in any process of the run
WORD, OPTION = re.compile(r"[a-z][a-z-]*"), re.compile(r"--?[a-z-]+")
NOT_IMPORTED = ("oncall_tui.tui", "oncall_tui.__main__", "oncall_tui.simulator.__main__")
_NUMBER = struct.Struct("=i")


def popen(
    module: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int | None = None,
) -> subprocess.Popen[str] | Forked:
    """Start ``python -m module arguments``; the streams are text."""
    if afresh is not None and _first_of_its_kind(afresh, module, arguments):
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, text=True, env=env, cwd=cwd)
    return Forked(module, arguments, dict(os.environ if env is None else env), cwd, (stdin, stdout, stderr))


def _first_of_its_kind(folder: Path, module: str, arguments: Sequence[str]) -> bool:
    """Return whether no such command, with these options, was started in this run yet."""
    command = next(filter(WORD.fullmatch, arguments), "")  # no path, id, number or time
    kind = " ".join((module, command, *sorted({*filter(OPTION.fullmatch, arguments)})))
    try:
        (folder / kind[:200]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Forked:
    """What is used of ``Popen``, over a process that another one forked."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        env: dict[str, str],
        cwd: Path | None,
        streams: tuple[int, int, int | None],
    ) -> None:
        self.returncode: int | None = None
        self._lock = threading.Lock()
        ours: list[IO[str] | None] = []
        theirs: list[int] = []
        for number, wanted in enumerate(streams):
            mine, other = _stream(number, wanted)
            ours.append(mine)
            theirs.append(other)
        self.stdin, self.stdout, self.stderr = ours
        self._status, status = os.pipe()
        asked = {"module": module, "arguments": list(arguments), "env": env, "cwd": str(cwd or Path.cwd())}
        _starter().ask(asked, [*theirs, status])
        for fd in (*theirs, status):
            os.close(fd)
        self.pid = _number(self._status)

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
                self.returncode = os.waitstatus_to_exitcode(_number(self._status))
                os.close(self._status)
            return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ended since, as Popen's would
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return what it writes until it ends."""
        end = None if timeout is None else time.monotonic() + timeout
        texts = ["", ""]

        def read(index: int, stream: IO[str]) -> None:
            texts[index] = stream.read()

        readers = [
            threading.Thread(target=read, args=(index, stream), daemon=True)
            for index, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if end is None else max(0.0, end - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        return texts[0], texts[1]

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def _stream(number: int, wanted: int | None) -> tuple[IO[str] | None, int]:
    """Return this side of one of the three streams, and the other side's descriptor."""
    if wanted == PIPE:
        reader, writer = os.pipe()
        if number == 0:
            return os.fdopen(writer, "w", encoding="utf-8"), reader
        return os.fdopen(reader, encoding="utf-8"), writer
    if wanted == DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    return None, os.dup(number)


def _number(fd: int) -> int:
    data = os.read(fd, _NUMBER.size)
    assert len(data) == _NUMBER.size, "the process that forks has ended"
    return int(_NUMBER.unpack(data)[0])


# --- the process that forks -------------------------------------------------------------------------------------------


class _Starter:
    """It, as a test sees it."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair()
        self._lock = threading.Lock()
        with other:
            command = [sys.executable, "-m", __name__, str(other.fileno())]
            env = {**os.environ, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
            root = str(Path(__file__).parents[2])
            # Its streams are no terminal, and no pipe of pytest's that would stay open.
            self._process = subprocess.Popen(
                command, pass_fds=[other.fileno()], env=env, cwd=root, stdin=DEVNULL, stdout=DEVNULL
            )
        atexit.register(self.close)

    def ask(self, asked: dict[str, Any], fds: list[int]) -> None:
        data = json.dumps(asked).encode() + b"\n"
        with self._lock:
            sent = socket.send_fds(self._socket, [data], fds)
            self._socket.sendall(data[sent:])

    def close(self) -> None:
        """It ends when its socket does."""
        self._socket.close()
        self._process.wait(10)


@functools.cache
def _starter() -> _Starter:
    return _Starter()


def _serve(line: socket.socket) -> dict[str, Any] | None:
    """Fork for each request, until the other side is gone; in a process that was asked for, return the request."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that watch are not waited for
    while True:
        data, fds, _, _ = socket.recv_fds(line, 1 << 20, 4)
        while data and not data.endswith(b"\n"):
            data += line.recv(1 << 20)
        if not data:
            return None
        asked: dict[str, Any] = json.loads(data)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
            line.close()
            *streams, status = fds
            pid = os.fork()
            if pid:
                _watch(pid, streams, status)
            os.close(status)
            for number, fd in enumerate(streams):
                os.dup2(fd, number)
                os.close(fd)
            return asked
        for fd in fds:
            os.close(fd)


def _watch(pid: int, streams: list[int], status: int) -> None:
    """Tell the process's id, and how it ended."""
    for fd in (0, 1, 2, *streams):
        os.close(fd)
    os.write(status, _NUMBER.pack(pid))
    _, ended = os.waitpid(pid, 0)
    try:
        os.write(status, _NUMBER.pack(ended))
    except BrokenPipeError:  # nobody wants to know
        os._exit(0)
    os._exit(0)


def _main() -> None:
    for found in pkgutil.walk_packages(oncall_tui.__path__, "oncall_tui."):
        if not found.name.startswith(NOT_IMPORTED):
            importlib.import_module(found.name)
    gc.collect()
    gc.freeze()
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is None:
        return
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    sys.argv[1:] = asked["arguments"]
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
