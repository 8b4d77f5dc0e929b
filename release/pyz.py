"""``make pyz``: one file for machines with a Python of their own, as ``dist/oncall-tui-VERSION-linux-ARCH.pyz``.

msgspec and PyYAML are compiled, so it is for one kind of processor, and has them for each Python in PYTHONS. Nothing is
compiled here: ``--machine`` makes that of another kind too. It unpacks itself once: `release/pyz_start.py`, its first
file, tells how.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import platform
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from oncall_tui import __version__
from release import archive, elf, packages
from release.packages import ROOT

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
START = Path(__file__).with_name("pyz_start.py")
SHEBANG = b"#!/usr/bin/env python3\n"
_MADE = (1980, 1, 1, 0, 0, 0)  # every file's time, so that the same files make the same archive


def main() -> None:
    """Make it, and say how large it is and which glibc it needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help=f"of {', '.join(PYTHONS)}: for these alone")
    parser.add_argument("--machine", default=platform.machine(), help="x86_64 or aarch64")
    parser.add_argument("--glibc", help="fail where it needs a newer one, such as 2.17")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    asked = parser.parse_args()
    asked.into.mkdir(exist_ok=True)
    made = asked.into / f"oncall-tui-{__version__}-linux-{asked.machine}.pyz"
    elf.must_find("objdump")
    with tempfile.TemporaryDirectory() as scratch:
        parts, whole = Path(scratch) / "parts", Path(scratch) / made.name
        parts.mkdir()
        build(parts, asked.python or PYTHONS, asked.machine, whole)
        most = elf.needs(elf.files(parts))
        elf.must_run_on(asked.glibc, most)
        shutil.move(whole, made)
    archive.write_sums(asked.into)
    sys.stdout.write(f"{made.name}: {made.stat().st_size / 1e6:.1f} MB; needs glibc {elf.told(most)}\n")


def build(scratch: Path, pythons: tuple[str, ...], machine: str, made: Path) -> None:
    """Write the archive: ``all/`` for every Python, ``cp311/`` and so on for one, ``LICENSES/``, and what starts it."""
    every = scratch / "all"
    plain = [line for line in packages.locked() if line.partition("==")[0] not in packages.COMPILED]
    packages.install([*plain, *packages.ADDED, str(packages.wheel(scratch))], every, pythons[0], machine)
    packages.prune(every)
    packages.licences(every, scratch / "LICENSES")
    for python in pythons:
        own = scratch / f"cp{python.replace('.', '')}"
        packages.install(packages.locked(packages.COMPILED), own, python, machine)
        packages.licences(own, scratch / "LICENSES")
    content = _zipped(scratch, [file for file in sorted(scratch.rglob("*")) if file.is_file() and _wanted(file)])
    first = start(__version__, hashlib.sha256(content).hexdigest(), machine, pythons)
    with zipfile.ZipFile(io.BytesIO(content)) as parts, made.open("wb") as file:
        file.write(SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
            _write(whole, "__main__.py", first.encode())
            for name in parts.namelist():
                _write(whole, name, parts.read(name))
    made.chmod(0o755)


def start(version: str, digest: str, machine: str, pythons: tuple[str, ...]) -> str:
    """The file that the archive runs first, for this content."""
    text = START.read_text()
    told = {"@VERSION@": version, "@DIGEST@": digest, "@MACHINE@": machine, "@PYTHONS@": " ".join(pythons)}
    for name, value in told.items():
        assert text.count(name) == 1, name
        text = text.replace(name, value)
    return text


def _wanted(file: Path) -> bool:
    return file.suffix != ".whl" and "__pycache__" not in file.parts


def _zipped(root: Path, files: list[Path]) -> bytes:
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_STORED) as archive_of_all:
        for file in files:
            _write(archive_of_all, file.relative_to(root).as_posix(), file.read_bytes())
    return told.getvalue()


def _write(into: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _MADE)
    info.external_attr = 0o644 << 16
    info.compress_type = into.compression
    into.writestr(info, data)


if __name__ == "__main__":
    main()
