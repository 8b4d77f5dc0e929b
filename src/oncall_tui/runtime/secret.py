"""A secret: where it comes from is configured, its value is read off the UI's thread and never shown."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import threading
from html import entities
from pathlib import Path

from oncall_tui.errors import NoCredentials

COMMAND_TIMEOUT_S = 15.0


class Secret:
    """``{env: NAME}``, ``{file: PATH}`` or ``{command: [ARG, …]}``. Its repr names the place, never the value."""

    __slots__ = ("_lock", "_value", "kind", "where")

    def __init__(self, kind: str, where: tuple[str, ...]) -> None:
        self.kind = kind
        self.where = where
        self._value: str | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<secret from {self.place}>"

    @property
    def place(self) -> str:
        """Return its origin, for messages. A command's arguments may hold secrets, so only its name is told."""
        return {"env": "$" + self.where[0], "file": self.where[0]}.get(self.kind, f"command {self.where[0]}")

    def get(self) -> str:
        """The value, read once. May block for a command's run; raises NoCredentials with what to set."""
        with self._lock:
            if self._value is None:
                self._value = self._read()
                _known.add(self._value)
            return self._value

    def forget(self) -> None:
        """Read it anew next time: the other side refused it."""
        with self._lock:
            self._value = None

    def _read(self) -> str:
        value = {"env": self._from_env, "file": self._from_file, "command": self._from_command}[self.kind]().strip()
        if not value:
            raise NoCredentials(f"the secret from {self.place} is empty", f"set {self.place}")
        if not value.isprintable() or not value.isascii():
            raise NoCredentials(f"the secret from {self.place} has characters that no header can carry")
        return value

    def _from_env(self) -> str:
        return os.environ.get(self.where[0], "")

    def _from_file(self) -> str:
        try:
            return Path(self.where[0]).expanduser().read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise NoCredentials(f"cannot read the secret from {self.place}: {error.__class__.__name__}") from None

    def _from_command(self) -> str:
        try:
            done = subprocess.run(
                self.where,
                capture_output=True,
                text=True,
                timeout=COMMAND_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
            raise NoCredentials(f"the secret's {self.place} did not run: {error.__class__.__name__}") from None
        if done.returncode != 0:  # its stderr may hold the secret or half of it: not shown
            raise NoCredentials(f"the secret's {self.place} ended with status {done.returncode}", "run it by hand")
        return done.stdout


_known: set[str] = set()


def keep_secret(part: str) -> None:
    """Redact *part* too: a piece of a secret that is as good as the whole (a webhook URL's path)."""
    _known.add(part)


def redact(text: str) -> str:
    """*text* with each secret that was read in this process replaced: an error body may echo what was sent."""
    for value in _known:
        if len(value) >= 4:
            text = text.replace(value, "•••")
            if value.endswith("=") or any(mark in text for mark in "%\\&="):
                text = _spelled(value).sub("•••", text)
    return text


@functools.lru_cache(maxsize=64)
def _spelled(value: str) -> re.Pattern[str]:
    """*value* with any of its characters percent-encoded (also twice), or escaped as in JSON or HTML; base64 without
    its padding is base64.
    """
    body = value.rstrip("=")
    return re.compile("".join(map(_spellings, body)) + f"(?:{_spellings('=')})*" * (body != value), re.IGNORECASE)


def _spellings(c: str) -> str:
    code = f"{ord(c):x}"
    named = f"|&{entities.codepoint2name[ord(c)]};" if ord(c) in entities.codepoint2name else ""
    escaped = rf"|\\u0*{code}|\\x0*{code}|\\{re.escape(c)}" if not c.isalnum() else rf"|\\u0*{code}|\\x0*{code}"
    own = re.escape(c) if not c.isalpha() else f"(?-i:{c})"
    return rf"(?:{own}|%(?:25)*0*{code}{escaped}|&#x0*{code};|&#0*{ord(c)};{named})"
