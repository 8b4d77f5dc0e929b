"""Run a bundle where nothing else is: ``python -m release.empty_root dist/oncall-tui-….tar.gz``.

An empty folder becomes the root: in it are the bundle, ``/bin/sh``, what both need of glibc, ``/proc`` (of which the
loader asks where the program lies), ``/tmp``, a home and three devices. No Python, no ``/etc``, no ``/usr``, no name
of the account. The network is loopback alone, in a namespace of its own. In there every module is imported, ``check``
reads two examples, ``demo`` prints its board once, and keys are typed into it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.terminal import Terminal

from release import elf, packages

CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "chroot"
DEVICES = ("null", "tty", "urandom")
ENVIRONMENT = {"HOME": "/home", "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": "/bin"}
# A Python of the machine's own has nothing to say in here.
ENVIRONMENT |= {"PYTHONHOME": "/nowhere", "PYTHONPATH": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true"}
EVERY_MODULE = """
import importlib, pkgutil, oncall_tui
names = [one.name for one in pkgutil.walk_packages(oncall_tui.__path__, "oncall_tui.") if "__main__" not in one.name]
lacking = []
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS: raise
        lacking.append(name)
print(len(names) - len(lacking), "modules, and not", ", ".join(lacking))
"""


def main() -> None:
    """Begin it anew in namespaces of its own, and run what is to be seen there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--inside", type=Path, help="the root: given where this starts itself again")
    asked = parser.parse_args()
    if asked.inside:
        sys.exit(_inside(asked.inside))
    flags = ["--net", "--mount", *(["--map-root-user", "--user"] if os.geteuid() else [])]
    if subprocess.run(["unshare", *flags, "true"], check=False).returncode:
        sys.exit("NOT SHOWN: this machine permits no namespaces (unshare), so the bundle did not run without a network")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        furnish(root, asked.bundle)
        command = ["unshare", *flags, sys.executable, "-m", "release.empty_root", str(asked.bundle), "--inside", folder]
        sys.exit(subprocess.run(command, check=False).returncode)


def furnish(root: Path, bundle: Path) -> None:
    """Unpack the bundle as ``/opt/oncall-tui``, and put beside it what it may count on."""
    for name in ("bin", "dev", "home", "opt", "proc", "tmp"):
        (root / name).mkdir()
    with tarfile.open(bundle) as packed:
        packed.extractall(root / "opt", filter="data")
    next((root / "opt").iterdir()).rename(root / "opt" / "oncall-tui")
    shell = Path("/bin/sh").resolve()
    shutil.copy(shell, root / "bin" / "sh")
    wanted: dict[str, Path] = {}
    for file in (shell, *elf.files(root / "opt")):
        wanted |= {one.name: one for one in _of_glibc(file)}
    for path in wanted.values():
        to = root / path.relative_to("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path.resolve(), to)
    for name in DEVICES:
        (root / "dev" / name).touch()
    sys.stdout.write(f"besides the bundle: /bin/sh, /proc, {', '.join(sorted(wanted))}, /dev/{{{','.join(DEVICES)}}}\n")


def _of_glibc(file: Path) -> list[Path]:
    told = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
    words = [word for line in told.splitlines() for word in line.split() if word.startswith("/")]
    return [Path(word) for word in words if elf.GLIBC.fullmatch(Path(word).name)]


def _inside(root: Path) -> int:
    """In the namespaces. Returns the exit status."""
    _loopback_up()
    for name in DEVICES:
        subprocess.run(["mount", "--bind", f"/dev/{name}", str(root / "dev" / name)], check=True)
    subprocess.run(["mount", "--rbind", "/proc", str(root / "proc")], check=True)
    python = next(f"/{one.relative_to(root)}" for one in (root / "opt/oncall-tui/python/bin").glob("python3.*"))
    program = "/opt/oncall-tui/oncall-tui"
    failed = 0
    shown: list[tuple[str, Callable[[], str]]] = [
        (
            "every module",
            lambda: _run(root, 0, [python, "-I", "-c", f"EXTRAS = {packages.EXTRAS}\n{EVERY_MODULE}"], "modules"),
        ),
        ("version", lambda: _run(root, 0, [program, "--version"], "version")),
        (
            "check",
            lambda: _run(root, 1, [program, "--config", f"{CONFIG}/example.yaml", "check"], "configuration: valid"),
        ),
        ("check", lambda: _run(root, 1, [program, "--config", f"{CONFIG}/minimal.yaml", "check"], "OFFLINE")),
        ("demo, without a terminal", lambda: _run(root, 0, [program, "demo"], "5/5 sources live")),
        ("demo: ?, Esc, q", lambda: _keys(root, [program, "demo"])),
    ]
    for name, does in shown:
        began = time.monotonic()
        try:
            told = does()
        except (AssertionError, RuntimeError, TimeoutError) as error:
            told, failed = f"FAILED\n{error}", 1
        sys.stdout.write(f"{name}: {told} ({time.monotonic() - began:.1f} s)\n")
    return failed


CONFIG = "/opt/oncall-tui/config"


def _loopback_up() -> None:
    """What ``ip link set lo up`` does; and hold that there is no other network."""
    assert [name for _, name in socket.if_nameindex()] == ["lo"], socket.if_nameindex()
    up = struct.pack("16sh", b"lo", 0x1 | 0x40)  # netdevice(7): IFF_UP | IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS


def _run(root: Path, status: int, command: list[str], expected: str) -> str:
    done = subprocess.run(
        [CHROOT, str(root), *command],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if expected in line), None)
    ended = f"ended with {done.returncode}, and not {status}, or without “{expected}”:\n{done.stdout}"
    assert done.returncode == status, ended
    assert line is not None, ended
    assert "Traceback" not in done.stdout, ended
    return line.strip()


def _keys(root: Path, command: list[str]) -> str:
    with Terminal([CHROOT, str(root), *command], ENVIRONMENT, 80, 24) as terminal:
        terminal.wait_text("ALERTS", "help")
        terminal.press("?")
        terminal.wait_screen(lambda text: "this help" in text or "acknowledge the row" in text, 20)
        terminal.press("\x1b")
        terminal.wait_screen(lambda text: "ALERTS" in text and "acknowledge the row" not in text, 20)
        took = terminal.leave()
        terminal.process.wait(10)
        assert terminal.process.returncode == 0, "\n".join(terminal.display())
    return f"help opened and closed, and it ended {took:.1f} s after q"


if __name__ == "__main__":
    main()
