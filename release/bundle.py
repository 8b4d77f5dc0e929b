"""``make bundle``: one folder with an interpreter of its own, as ``dist/oncall-tui-VERSION-linux-ARCH.tar.gz``.

``python -m release.bundle [--python PROGRAM]``. The interpreter decides how old a glibc may be: `release.interpreter`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from oncall_tui import __version__
from release import archive, elf, interpreter, packages
from release.packages import ROOT

# -I: a PYTHONPATH or a PYTHONHOME of the machine is for its own Python. A link to this file is followed by hand:
# `readlink -f` is not everywhere.
LAUNCHER = """#!/bin/sh
here=$0
while [ -L "$here" ]; do
    to=$(readlink "$here")
    case $to in /*) here=$to ;; *) here=${{here%/*}}/$to ;; esac
done
case $here in */*) here=${{here%/*}} ;; *) here=. ;; esac
exec "$here/python/bin/python{version}" -I -m oncall_tui "$@"
"""


def main() -> None:
    """Make it, and say what it needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to carry")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    parser.add_argument("--glibc", help="fail where it needs a newer one, such as 2.17")
    asked = parser.parse_args()
    elf.must_find("ldd", "objdump", "patchelf", "readelf", "strip")
    asked.into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = build(asked.python, Path(scratch))
        worst = elf.needs(elf.files(folder))
        elf.must_run_on(asked.glibc, worst)
        size = sum(file.lstat().st_size for file in folder.rglob("*")) / 1e6
        made = asked.into / f"{folder.name}.tar.gz"
        archive.pack(folder, made)
    archive.write_sums(asked.into)
    sys.stdout.write(f"{made.name}: {made.stat().st_size / 1e6:.1f} MB, unpacked {size:.0f} MB; needs glibc ")
    sys.stdout.write(f"{elf.told(worst)}\n")


def build(python: str, scratch: Path) -> Path:
    """The folder, below *scratch*."""
    it = interpreter.told_by(python)
    machine = platform.machine()
    folder = scratch / f"oncall-tui-{__version__}-linux-{machine}"
    root = folder / "python"
    carried = interpreter.copy(it, root)
    site = root / "lib" / f"python{it.version}" / "site-packages"
    wheel = packages.wheel(scratch)
    packages.install([*packages.locked(), *packages.ADDED, str(wheel)], site, it.version, machine)
    packages.prune(site)
    packages.licences(site, folder / "LICENSES")
    copy_licences(it, carried, folder / "LICENSES")
    _compile(root / "bin" / f"python{it.version}", root)
    launcher = folder / "oncall-tui"
    launcher.write_text(LAUNCHER.format(version=it.version))
    launcher.chmod(0o755)
    subprocess.run([str(launcher), "man", "--into", str(folder / "man" / "man1")], check=True)
    shutil.copytree(ROOT / "config", folder / "config")
    shutil.copyfile(ROOT / "docs" / "install.md", folder / "INSTALL.md")
    return folder


def copy_licences(it: interpreter.Interpreter, carried: list[Path], into: Path) -> None:
    """CPython's licence, and those of the libraries that are beside it, or part of it."""
    place = into / f"python-{it.full}"
    place.mkdir(parents=True)
    shutil.copyfile(it.licence, place / "LICENSE.txt")
    others = [library for library in carried if not library.name.startswith("libpython")]
    if not others:
        shutil.copytree(Path(__file__).with_name("licences"), place / "libraries")
    for library in others:
        shutil.copyfile(_debian_licence(library), place / f"{library.name.partition('.so')[0]}.txt")


def _debian_licence(library: Path) -> Path:
    """The text that Debian ships for a library. Raises SystemExit where none is known."""
    for name in (str(library.resolve()), str(library.resolve()).removeprefix("/usr")):
        with contextlib.suppress(FileNotFoundError):  # no dpkg
            done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
            text = Path("/usr/share/doc") / done.stdout.partition(":")[0] / "copyright"
            if done.stdout and text.is_file():
                return text
    raise SystemExit(
        f"no licence text for {library}: a Python of Debian's packages, or python-build-standalone, has one"
    )


def _compile(program: Path, root: Path) -> None:
    """Compile everything, valid whatever time the files get when they are unpacked."""
    command = [str(program), "-I", "-m", "compileall", "-q", "-j", str(os.cpu_count() or 1), "-s", str(root)]
    command += ["-p", "oncall-tui", "--invalidation-mode", "unchecked-hash", str(root / "lib")]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
