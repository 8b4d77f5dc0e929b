"""A file, or a folder, that an engineer asks for by name: written whole or not at all, readable by its owner alone."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from oncall_tui.errors import OncallError
from oncall_tui.runtime.secret import redact


class ExportFailed(OncallError):
    """The file could not be written; nothing of it is there."""


def write_new(name: str, text: str) -> Path:
    """Write *text*, without the values of secrets, to the new file *name*, and return its whole path. Blocks.

    Raises ExportFailed where there is one of that name already, or it cannot be written.
    """
    path = Path(name).expanduser().absolute()
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise ExportFailed(f"{path} is there already", "give another name: nothing is overwritten") from None
    except (OSError, ValueError) as error:
        raise _failed(path, error) from None
    try:
        with open(number, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(redact(text))
            stream.flush()
            os.fsync(stream.fileno())
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise _failed(path, error) from None
    return path


def write_folder(name: str, files: Mapping[str, str]) -> Path:
    """Write *files* (text by name) into the new folder *name*, of mode 0700, and return its whole path. Blocks.

    Raises ExportFailed where there is one of that name already, or not all of it can be written: nothing stays then.
    """
    path = Path(name).expanduser().absolute()
    try:
        path.mkdir(0o700)
    except FileExistsError:
        raise ExportFailed(f"{path} is there already", "give another name: nothing is overwritten") from None
    except (OSError, ValueError) as error:
        raise _failed(path, error) from None
    try:
        for file, text in files.items():
            write_new(str(path / file), text)
    except ExportFailed:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return path


def _failed(path: Path, error: OSError | ValueError) -> ExportFailed:
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    return ExportFailed(f"{path} cannot be written: {why}", "give a name in a folder of yours")
