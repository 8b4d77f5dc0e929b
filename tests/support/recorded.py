"""The app on a driver that keeps every byte that a terminal would get, and what a hostile source may put into a row."""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Any, TypeVar

import msgspec
from textual.drivers.headless_driver import HeadlessDriver

T = TypeVar("T")
MARK = "Z9"
_CONTROLS = "\x00\x07\x08\x1b\x7f\x85\x9b\x9d\u202e\u2066\u200b\u200d\u2028\ufeff\U000e0041\r\n\t"
HOSTILE = "\x1b]52;c;QUFB\x07\x1b]0;own3d\x07\x1b[2J[/x] [bold]" + "".join(c + MARK for c in _CONTROLS)
_KEEP = frozenset({"id", "source", "provider", "service_id", "deploy_id"})  # what rows are joined by
_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*([@-~])")
_POINTER = re.compile(r"\x1b\]22;[a-z]+\x07")  # Textual's own: the shape of the mouse's pointer
_PAGE = re.compile(r"\x07(?:\x1bPtmux;\x1b)?\x1b\]9;(PAGE [^\x07]*)\x07(?:\x1b\\)?")  # the bell, and what it says
_OSC_52 = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


class Recorder(HeadlessDriver):
    """Writes to memory."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.written: list[str] = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written.append(data)

    def take(self) -> str:
        """What was written since the last time."""
        text = "".join(self.written)
        self.written.clear()
        return text


def poisoned(value: T) -> T:
    """*value* with ``HOSTILE`` in every text of it that is not what rows are joined by."""
    if isinstance(value, msgspec.Struct):
        changed = {name: poisoned(getattr(value, name)) for name in value.__struct_fields__ if name not in _KEEP}
        return msgspec.structs.replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(poisoned(each) for each in value)  # type: ignore[return-value]
    if type(value) is str:
        return (value + HOSTILE) if value else value  # type: ignore[return-value]
    return value


def copied(written: str) -> list[str]:
    """What was put on the clipboard."""
    return [base64.b64decode(found).decode() for found in _OSC_52.findall(written)]


def obeyed(written: str) -> list[str]:
    """What of *written* a terminal would obey or hide, and the program did not mean: the text around each, to show."""
    text = _PAGE.sub(r"\1", _POINTER.sub("", _OSC_52.sub("", written)))
    wrong = [f"CSI {found[0]!r}" for found in _CSI.finditer(text) if found[1] not in "mHhlpu"]
    text = _CSI.sub("", text)
    for at, char in enumerate(text):
        meant = char in "\r\n" and not (text.startswith(MARK, at + 1) and text.endswith(MARK, 0, at))
        if not meant and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            wrong.append(repr(text[max(0, at - 20) : at + 10]))
    return wrong
