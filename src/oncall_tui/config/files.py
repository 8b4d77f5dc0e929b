"""The files that the configuration is read from, their text, and whether they may be trusted to name commands."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from oncall_tui.config.diagnostic import Diagnostic
from oncall_tui.config.nodes import MAX_BYTES, Unreadable
from oncall_tui.runtime.folders import CONFIG_VARIABLE
from oncall_tui.runtime.folders import TEAM_FILE as TEAM_FILE
from oncall_tui.runtime.folders import own_file as own_file

ANYBODY = stat.S_IWOTH
GROUP_OR_ANYBODY = stat.S_IWGRP | stat.S_IWOTH
NO_USER = 65_534  # in a container without a user's rights: what belongs to somebody outside, whom nobody here can be


def find(config: str, environ: Mapping[str, str], team_file: Path = TEAM_FILE) -> tuple[Path, ...]:
    """The files to read, the one that wins last; empty where there is none."""
    if chosen := config or environ.get(CONFIG_VARIABLE, ""):
        return (Path(chosen).expanduser(),)
    return tuple(path for path in (team_file, own_file(environ)) if there(path))


def there(path: Path) -> bool:
    """Return whether anything is there. What cannot be read counts: that it is not readable has to be said."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def read(path: Path) -> str:
    """The file's text; raises Unreadable with the one mistake that says why not."""
    try:
        # not blocking: a pipe would hold up the start for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Unreadable(_whole(path, "a file", "a folder" if stat.S_ISDIR(mode) else "no regular file"))
            data = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise Unreadable(_whole(path, "a file", "a folder")) from None
    except FileNotFoundError:
        raise Unreadable(_whole(path, "a file", "none")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise Unreadable(_whole(path, "a file that you can read", reason.lower())) from None
    if len(data) > MAX_BYTES:
        raise Unreadable(_whole(path, f"at most {MAX_BYTES // 1000} kB", "more"))
    return _decode(data, path)


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise Unreadable(
            Diagnostic(
                file=str(path), line=line, column=column, expected="text in UTF-8", found="a byte that is not UTF-8"
            )
        ) from None


def _whole(path: Path, expected: str, found: str) -> Diagnostic:
    return Diagnostic(file=str(path), expected=expected, found=found)


def unsafe(path: Path, writable: int = GROUP_OR_ANYBODY) -> str:
    """The way for others to change what this file says, as ``found, and what to do``; empty: they cannot.

    Every folder on the way to it counts: who may write there can put another file, or folder, in its place (but not
    where the sticky bit is set). *writable*: the rights that are looked for, a group's too or anybody's alone.
    """
    near = (path, path.resolve(), path.absolute().parent, path.resolve().parent)
    above = (*path.absolute().parents, *path.resolve().parents)
    for place in dict.fromkeys((*near, *above)):
        try:
            status = place.stat()
        except OSError:
            return f"{place}, which cannot be read"
        nobody = (NO_USER,) if place not in near else ()
        if status.st_uid not in (0, os.geteuid(), *nobody):
            return f"{place}, which another user owns (chown it)"
        shared = status.st_mode & writable
        if shared and not (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            return f"{place}, which others can write (chmod go-w {place})"
    return ""


def open_to_others(path: str) -> str:
    """The way in which others may use a secret's file, in words; empty: not at all, or it is not known."""
    try:
        mode = Path(path).expanduser().stat().st_mode
    except (OSError, RuntimeError, ValueError):
        return ""
    if mode & GROUP_OR_ANYBODY:
        return "written"
    return "read" if mode & stat.S_IROTH else ""
