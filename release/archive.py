"""Archives that are the same whenever they are made from the same files, and the sums of what is released."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

from release.packages import ROOT

SUMS = "SHA256SUMS"


def made_at() -> int:
    """The time that files are given, in seconds since the epoch: SOURCE_DATE_EPOCH, or that of the last commit."""
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if told:
        return int(told)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 315532800)


def pack(folder: Path, into: Path) -> None:
    """A ``.tar.gz`` of *folder*, owned by root, in the order of its names. Half of one is never called *into*."""
    at = made_at()

    def plain(item: tarfile.TarInfo) -> tarfile.TarInfo:
        item.uid = item.gid = 0
        item.uname = item.gname = "root"
        item.mtime = at
        item.mode = 0o755 if item.isdir() or item.mode & 0o100 else 0o644
        return item

    unfinished = into.with_name(f".{into.name}.unfinished")
    with (
        unfinished.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=at) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        archive.add(folder, folder.name, filter=plain)
    unfinished.replace(into)


def write_sums(folder: Path) -> Path:
    """``SHA256SUMS`` of what is released in *folder*, as ``sha256sum -c`` reads it."""
    lines = []
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name.endswith((".tar.gz", ".whl", ".pyz")):
            lines.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n")
    sums = folder / SUMS
    sums.write_text("".join(lines))
    return sums
