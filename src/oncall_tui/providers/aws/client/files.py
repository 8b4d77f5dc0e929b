"""AWS's own files around the program, named as they are here: the configuration, the keys, the cached logins.

Where they are: AWS SDKs and tools reference guide, "Location of the shared config and credentials files".
"""

from __future__ import annotations

import os
import re

from botocore.exceptions import ConfigParseError

from oncall_tui.errors import NoCredentials

CONFIG, KEYS = "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"
_CACHES = {"sso": "~/.aws/sso/cache", "login": "~/.aws/login/cache"}
_CACHE_KEY = re.compile(r"[0-9a-f]{40,64}")


def config_file() -> str:
    """The file of profiles: ``~/.aws/config``, or what AWS_CONFIG_FILE says."""
    return _short(os.environ.get(CONFIG, "")) or "~/.aws/config"


def keys_file() -> str:
    """The file of keys: ``~/.aws/credentials``, or what AWS_SHARED_CREDENTIALS_FILE says."""
    return _short(os.environ.get(KEYS, "")) or "~/.aws/credentials"


def unreadable() -> str:
    """Return the ones of the two that are there and cannot be read: botocore takes such a file for an empty one."""
    there = {file: os.path.expanduser(file) for file in (config_file(), keys_file())}
    return ", ".join(name for name, path in there.items() if os.path.exists(path) and not os.access(path, os.R_OK))


def unparsed(error: ConfigParseError) -> NoCredentials:
    """The state of a source where botocore cannot parse one of the two. No line of it is repeated: it may be a key."""
    path, why = str(error.kwargs.get("path", "")), error.kwargs.get("error")
    file = _short(path)
    line = _line(why)
    if isinstance(why, UnicodeDecodeError):
        said, place = "it is not UTF-8 text", file
    elif line:
        said, place = f"line {line} cannot be parsed", f"line {line} of {file}"
    else:
        said, place = "it cannot be parsed", file
    variable = next((v for v in (CONFIG, KEYS) if os.path.expanduser(os.environ.get(v, "")) == path), "")
    rest = f", or set {variable} to another file" if variable else ", or move the file away"
    return NoCredentials(f"{file} is not a file of AWS settings: {said}", f"correct {place}{rest}")


def cached_login(method: str, error: Exception) -> str:
    """The file, or folder, with the cached login that *error* came of; empty: *method* caches none."""
    folder = _CACHES.get(method, "")
    key = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
    return f"{folder}/{key}.json" if folder and _CACHE_KEY.fullmatch(key) else folder


def _line(why: object) -> int:
    """The line that a parser's error is about; 0: it tells none."""
    several = getattr(why, "errors", None)
    found = several[0][0] if several else getattr(why, "lineno", 0)
    return found if isinstance(found, int) else 0


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if home != "~" and path.startswith(f"{home}/") else path
