"""A secret: where it comes from is configured, its value is read off the UI's thread and never shown."""

from __future__ import annotations

import functools
import os
import re
import stat
from pathlib import Path

from oncall_tui.errors import NoCredentials
from oncall_tui.runtime import programs
from oncall_tui.runtime.waiting import SingleFlight, StillWaiting

MOST_BYTES = 64 * 1024


class Secret:
    """``{env: NAME}``, ``{file: PATH}`` or ``{command: [ARG, …]}``. Its repr names the place, never the value."""

    __slots__ = ("_flight", "_value", "kind", "where")

    def __init__(self, kind: str, where: tuple[str, ...]) -> None:
        self.kind = kind
        self.where = where
        self._value: str | None = None
        self._flight: SingleFlight[str] = SingleFlight()
        if kind == "env":
            programs.withhold(where[0])

    def __repr__(self) -> str:
        return f"<secret from {self.place}>"

    @property
    def place(self) -> str:
        """Return its origin, for messages. A command's arguments may hold secrets, so only its name is told."""
        return {"env": "$" + self.where[0], "file": self.where[0]}.get(self.kind, f"command {self.where[0]}")

    def get(self) -> str:
        """The value, read once. May block for a command's run; raises NoCredentials with what to set."""
        value = self._value
        if value is not None:
            return value
        flight = self._flight
        try:
            return flight.get(lambda: self._read_and_keep(flight), self.waited_for)
        except StillWaiting as error:
            raise NoCredentials(
                f"still waiting for {error.what}", "run it by hand" if self.kind == "command" else f"check {self.place}"
            ) from None

    @property
    def waited_for(self) -> str:
        """Return the name of what is waited for while the value is read."""
        return f"the secret's {self.place}" if self.kind == "command" else f"the secret from {self.place}"

    def forget(self) -> None:
        """Read it anew next time: the other side refused it."""
        self._flight = SingleFlight()  # what is being read now is the old one
        self._value = None

    def _read_and_keep(self, flight: SingleFlight[str]) -> str:
        known = self._value
        if known is not None and self._flight is flight:  # another reading ended since the caller looked
            return known
        value = self._read()
        _known.add(value)
        if self._flight is flight:
            self._value = value
        return value

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
            return _text_of(Path(self.where[0]).expanduser())
        except (OSError, RuntimeError, ValueError) as error:
            why = getattr(error, "strerror", None) or _plain(error)
            raise NoCredentials(
                f"cannot read the secret from {self.place}: {why}", "it has to be a file with the secret alone"
            ) from None

    def _from_command(self) -> str:
        try:
            said = programs.answer_of(self.where)
        except programs.NotRun as error:
            hint = "run it by hand to see why; what it prints is not shown, because it may hold the secret"
            raise NoCredentials(f"the secret's {self.place} {error}", hint) from None
        try:
            return said.decode()
        except UnicodeDecodeError:
            raise NoCredentials(f"the secret's {self.place} printed something that is not text") from None


def _text_of(path: Path) -> str:
    """The text of a regular file. A pipe would be waited for, and a device never ends."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is a folder" if stat.S_ISDIR(mode) else "it is a pipe or a device, not a file")
        found = os.read(descriptor, MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(found) > MOST_BYTES:
        raise OSError(0, f"it has more than {MOST_BYTES // 1024} kB")
    return found.decode()


def _plain(error: Exception) -> str:
    """Why, without the bytes that a decoding error carries."""
    return "it is not text" if isinstance(error, UnicodeDecodeError) else error.__class__.__name__


_known: set[str] = set()


def keep_secret(part: str) -> None:
    """Redact *part* too: a piece of a secret that is as good as the whole (a webhook URL's path)."""
    _known.add(part)


def redact(text: str) -> str:
    """*text* with each secret that was read in this process replaced: an error body may echo what was sent."""
    for value in tuple(_known):  # another thread may read one meanwhile
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
    from html import entities  # rarely needed, and never for the first frame

    code = f"{ord(c):x}"
    named = f"|&{entities.codepoint2name[ord(c)]};" if ord(c) in entities.codepoint2name else ""
    escaped = rf"|\\u0*{code}|\\x0*{code}|\\{re.escape(c)}" if not c.isalnum() else rf"|\\u0*{code}|\\x0*{code}"
    own = re.escape(c) if not c.isalpha() else f"(?-i:{c})"
    return rf"(?:{own}|%(?:25)*0*{code}{escaped}|&#x0*{code};|&#0*{ord(c)};{named})"
