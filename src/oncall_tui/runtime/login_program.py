"""The command that logs in, as the program on this machine takes it: an older AWS CLI lacks what a newer one wants.

Facts: AWS CLI user guide and changelog. Version 1 has no ``aws sso login`` and no ``aws login``. Since 2.22 ``aws sso
login`` opens a browser on this machine unless ``--use-device-code`` is given; before, it showed a code by itself and
did not know that option. ``aws login`` came with 2.32.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from pathlib import PurePath

from oncall_tui.errors import Refused
from oncall_tui.runtime import programs

DEVICE_CODE = "--use-device-code"
SSO, WITH_DEVICE_CODE, LOGIN = (2, 0), (2, 22), (2, 32)
INSTALL = "install a newer AWS CLI: “Installing or updating to the latest version of the AWS CLI” in its user guide"
_VERSION = rb"aws-cli/(\d+)\.(\d+)"

Command = tuple[str, ...]
Version = tuple[int, int]


def fitted(command: Command) -> tuple[Command, str]:
    """The command to run, and a word on what is different; raises Refused where it cannot work here.

    Blocks for a second: it asks the AWS CLI for its version. What does not tell one is run as it is.
    """
    if shutil.which(command[0]) is None:
        raise Refused(f"{command[0]} is not on this machine", f"log in where it is: {' '.join(command)}")
    if PurePath(command[0]).name != "aws" or not (wanted := _wanted(command)):
        return command, ""
    found = _version(command[0])
    if found is None or found >= wanted:
        return command, ""
    said = f"AWS CLI {_dotted(found)}"
    if wanted == WITH_DEVICE_CODE and found >= SSO:
        return tuple(
            without_device_code(" ".join(command)).split()
        ), f"{said} does not know {DEVICE_CODE}, and shows a code without it"
    needs = _dotted(_least(wanted))
    raise Refused(f"`{' '.join(command[:3])}` needs AWS CLI {needs}, and this machine has {_dotted(found)}", INSTALL)


def shown(command: str) -> str:
    """*command* as a hint shows it: as it works here, or with a word on why it does not.

    Blocks for a second where the AWS CLI was not asked for its version yet: not for the screen's thread.
    """
    words = tuple(command.split())
    if not words or PurePath(words[0]).name != "aws" or not (wanted := _wanted(words)):
        return command
    path = shutil.which(words[0])
    if path is None:
        return f"{command} ({words[0]} is not on this machine)"
    found = _version_of(path, _changed(path))
    if found is None or found >= wanted:
        return command
    if wanted == WITH_DEVICE_CODE and found >= SSO:
        return without_device_code(command)
    return f"{command} (needs AWS CLI {_dotted(_least(wanted))}, and this machine has {_dotted(found)})"


def without_device_code(command: str) -> str:
    """*command* as an AWS CLI before 2.22 takes it."""
    return " ".join(word for word in command.split() if word != DEVICE_CODE)


def _least(wanted: Version) -> Version:
    """The oldest version that can do it in some way."""
    return LOGIN if wanted == LOGIN else SSO


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _changed(path: str) -> int:
    """When the program was installed: a newer one is asked again."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=8)
def _version_of(path: str, _changed_ns: int) -> Version | None:
    return _version(path)


def _wanted(command: Command) -> Version | None:
    """The version that the command needs; None: any."""
    if command[1:2] == ("login",):
        return LOGIN
    if command[1:3] == ("sso", "login"):
        return WITH_DEVICE_CODE if DEVICE_CODE in command else SSO
    return None


def _version(program: str) -> Version | None:
    try:
        said = programs.answer_of((program, "--version"), errors_too=True)
    except programs.NotRun:
        return None
    match = re.search(_VERSION, said)
    return (int(match[1]), int(match[2])) if match else None
