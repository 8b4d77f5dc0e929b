"""The one door through which commands print and ask. Whether something can be printed never changes what happened.

Nothing here raises: a full disk, a closed stream and a reader that went away are kept in ``lost``, and the command goes
on. One argument is one line, and a line break within it is shown as a sign: what comes from outside forges no line.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, TextIO
from weakref import WeakSet

from oncall_tui.text.cells import visible

# For terminals and pipes whose encoding lacks a sign; what is not here becomes a question mark.
_PLAIN = {
    "→": "->",
    "←": "<-",
    "⏎": "\\n",
    "…": "...",
    "·": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "◂": "<",
    "▸": ">",
    "✗": "x",
    "✓": "v",
    "⚠": "!",
    "␛": "^[",
    "•": "*",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
READER_GONE = "its reader closed it"
lost = ""  # why stdout did not take everything, in words; empty: it took all
_abandoned: WeakSet[TextIO] = WeakSet()  # streams that are not written to any more


def put(*lines: str) -> bool:
    """Print what was asked for on stdout, one line each. False where it could not be written."""
    return _out("".join(f"{visible(line)}\n" for line in lines))


def put_text(text: str) -> bool:
    """A text of several lines that this program composed, each cleaned."""
    return put(*text.split("\n"))


def put_fields(*fields: str) -> bool:
    """One line, its fields parted by tabs: no field can bring one of its own."""
    return _out("\t".join(visible(field) for field in fields).rstrip() + "\n")


def put_exactly(text: str) -> bool:
    """A text that another program reads, as it is: whoever composed it let no control character in."""
    return _out(text)


def put_json(value: Any) -> bool:
    """One JSON value or struct on one line; where the stream's encoding lacks characters, they are escaped."""
    import json  # not needed to open the board

    import msgspec

    return _out(json.dumps(msgspec.to_builtins(value), ensure_ascii=not is_utf8(sys.stdout)) + "\n")


def say(*lines: str) -> bool:
    """A word to a person, on stderr: stdout is for what was asked for. False where it could not be written."""
    return not _write(sys.stderr, "".join(f"{visible(line)}\n" for line in lines))


def say_text(text: str) -> bool:
    """The same for a text of several lines."""
    return say(*text.rstrip("\n").split("\n"))


def ask(question: str, *, usual: bool = False) -> bool:
    """A person's yes. False also where the question could not be shown, or nobody answers. *usual*: what Enter says."""
    said = ask_text(f"{question} [{'Y/n' if usual else 'y/N'}]", nothing="\0")
    return said.casefold() in ("y", "yes", *([""] if usual else []))


def ask_text(question: str, *, nothing: str = "") -> str:
    """Read what a person types; *nothing* where the question could not be shown, or nobody answers."""
    if _write(sys.stderr, f"{visible(question)} ") or sys.stdin is None:
        return nothing
    try:
        line = sys.stdin.readline()
    except (OSError, ValueError):
        return nothing
    return line.strip() if line else nothing


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person is at the other end."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False


def settle_streams() -> None:
    """Give a standard stream that is closed a number of its own: else the next file that is opened gets it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def flush() -> None:
    """Write what is left; what cannot be written is given up here, and not complained of by the interpreter's end."""
    _out("")
    _write(sys.stderr, "")


def typed(text: str) -> str | None:
    """A text of the command line, also where the locale could not decode it though it is UTF-8; None: it is no text."""
    if not any("\ud800" <= c <= "\udfff" for c in text):
        return text
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return None


# --- one stream -------------------------------------------------------------------------------------------------------


def _out(text: str) -> bool:
    global lost
    why = _write(sys.stdout, text)
    lost = lost or why
    return not why


def _write(stream: TextIO | None, text: str) -> str:
    """Write, and return why that failed; empty: it did not."""
    if stream is None:
        return "it is closed" if text else ""
    if stream in _abandoned:
        return "it failed before"
    try:
        stream.write(_encodable(text, stream.encoding or "utf-8"))
        stream.flush()
    except (OSError, ValueError) as error:
        _abandon(stream)
        return _why(error)
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return READER_GONE
    return (isinstance(error, OSError) and error.strerror) or "it is closed"


def _abandon(stream: TextIO) -> None:
    """Send what is still buffered nowhere: a flush at the interpreter's end would fail anew."""
    _abandoned.add(stream)
    try:
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
    except (OSError, ValueError):
        pass


def is_utf8(stream: TextIO | None) -> bool:
    """Return whether a stream takes every character."""
    return stream is None or (stream.encoding or "").replace("-", "").replace("_", "").lower() == "utf8"


def _encodable(text: str, encoding: str) -> str:
    """*text* with what *encoding* lacks put into plain letters."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_plain(c, encoding) for c in text)
    except LookupError:
        pass
    return text


def _plain(char: str, encoding: str) -> str:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return _PLAIN.get(char, "?")
    return char
