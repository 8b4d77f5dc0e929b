"""A CPython that can be moved: the interpreter, its standard library and the shared libraries that it needs.

Copied is any CPython: one of python-build-standalone as it is, which runs on glibc 2.17; one that was built on this
machine with its libraries beside it, and then the glibc of this machine decides.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from release import elf

# Of the standard library, what is never imported: `release.empty_root` imports every module of the program.
LEFT_OUT = (
    *("__phello__", "curses", "dbm", "distutils", "ensurepip", "idlelib", "lib2to3", "msilib", "pydoc_data", "test"),
    *("tkinter", "turtledemo", "turtle.py", "unittest", "venv", "wsgiref", "xmlrpc", "site-packages", "lib-dynload"),
)
# Of its compiled part too. readline for its licence also (GPL); crypt and nis: not every system has their library.
LEFT_OUT_COMPILED = (
    *("_bz2", "_crypt", "_curses", "_curses_panel", "_dbm", "_gdbm", "_lsprof", "_lzma", "_tkinter", "_uuid", "nis"),
    *("ossaudiodev", "readline", "spwd", "audioop", "xxlimited", "xxlimited_35"),
)
_TOLD = """
import json, os, site, sys, sysconfig
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "full": "%d.%d.%d" % sys.version_info[:3],
    "program": os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
    "library": os.path.realpath(os.path.dirname(os.__file__)),
    "packages": [os.path.basename(at) for at in site.getsitepackages()],
    "compiled": sysconfig.get_config_var("DESTSHARED"),
    "licence": [os.path.join(at, "LICENSE.txt") for at in (os.path.dirname(os.__file__), sys.base_prefix)],
}))
"""


class Interpreter(NamedTuple):
    """Where a CPython lies."""

    version: str
    full: str
    program: Path
    library: Path
    compiled: Path
    licence: Path


def told_by(python: str) -> Interpreter:
    """Ask it. Raises SystemExit where it is older than 3.11, or its licence is not found."""
    told = json.loads(subprocess.run([python, "-I", "-c", _TOLD], capture_output=True, text=True, check=True).stdout)
    if tuple(int(n) for n in told["version"].split(".")) < (3, 11):
        raise SystemExit(f"{python} is Python {told['full']}: 3.11 or later is needed")
    if "site-packages" not in told["packages"]:
        raise SystemExit(
            f"{python} looks for packages in {', '.join(told['packages'])}: take one that is not Debian's own"
        )
    library = Path(told["library"])
    compiled = Path(told["compiled"] or library / "lib-dynload")
    licence = next((Path(one) for one in told["licence"] if Path(one).is_file()), None)
    if licence is None:
        raise SystemExit(f"{python} has no LICENSE.txt: {told['licence']}")
    compiled = compiled if compiled.is_dir() else library / "lib-dynload"
    return Interpreter(told["version"], told["full"], Path(told["program"]), library, compiled, licence)


def copy(it: Interpreter, into: Path) -> list[Path]:
    """Put it there, as ``bin``, ``lib``; the shared libraries that were copied from this machine, as they lay there."""
    program = into / "bin" / f"python{it.version}"
    library = into / "lib" / f"python{it.version}"
    program.parent.mkdir(parents=True)
    shutil.copyfile(it.program, program)
    program.chmod(0o755)
    shutil.copytree(it.library, library, ignore=lambda folder, names: _ignored(Path(folder) == it.library, names))
    _copy_compiled(it.compiled, library / "lib-dynload")
    (library / "site-packages").mkdir()
    carried = _carry_libraries(program, library / "lib-dynload", into / "lib")
    found = elf.files(into)
    elf.strip(found)
    if carried:
        elf.run_from(program, "../lib")
        for file in found:
            if file != program:
                elf.run_from(file, "../.." if file.parent.name == "lib-dynload" else ".")
    return carried


def _ignored(top: bool, names: list[str]) -> set[str]:
    left = {name for name in names if name == "__pycache__" or name.startswith("config-")}
    return left | (set(names) & set(LEFT_OUT)) if top else left


def _copy_compiled(origin: Path, into: Path) -> None:
    into.mkdir()
    for file in sorted(origin.glob("*.so")):
        name = file.name.partition(".")[0]
        if name not in LEFT_OUT_COMPILED and not name.startswith(("_test", "_xx", "_ctypes_test")):
            shutil.copyfile(file, into / file.name)


def _carry_libraries(program: Path, compiled: Path, into: Path) -> list[Path]:
    """Copy what they load; libpython is one of them where the interpreter was built so."""
    found: dict[str, Path] = {}
    for file in (program, *sorted(compiled.glob("*.so"))):
        for library in elf.libraries(file):
            if found.setdefault(library.name, library) == library and not (into / library.name).exists():
                shutil.copyfile(library, into / library.name)
    return sorted(found.values())
