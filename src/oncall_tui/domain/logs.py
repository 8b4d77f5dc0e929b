"""Log lines, and where a service's containers write them."""

from __future__ import annotations

import re

import msgspec


class LogDestination(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The place to which one container writes its log. *readable*: in CloudWatch, by *group*, *region* and *prefix*.

    *prefix* is what the names of its streams begin with; what follows it is a task's id (empty: the streams are named
    by Docker, and no task can be told). *where* says in words where the lines go, *note* what is doubtful about that.
    """

    container: str
    driver: str  # the log driver of the task definition; empty: none is configured
    where: str
    readable: bool = False
    group: str = ""
    region: str = ""
    prefix: str = ""
    note: str = ""


class LogStream(msgspec.Struct, frozen=True, gc=False):
    """A stream: the lines of one container of one task. *task* is that task's id, empty where nobody tells."""

    name: str
    container: str = ""
    task: str = ""


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line. *at* is its own time in seconds since the epoch, UTC; *id* is the event's, the same in every answer.

    *level* is ``error``, ``warning``, ``info`` or empty, as the text itself says (``level_of``).
    """

    at: float
    id: str
    text: str
    stream: LogStream
    level: str = ""


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A question for lines of one place. Times are seconds since the epoch, both inclusive; *until* None: no end.

    *task*: of that one alone. *newest*: the newest of the time first, and older ones with each *token*. *limit*: lines
    at the most (0: as many as an answer has room for).
    """

    place: LogDestination
    since: float
    until: float | None = None
    task: str = ""
    newest: bool = False
    limit: int = 0
    token: str = ""


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: *lines* oldest first. A *token* means that there may be more, also where there are no lines here.

    *missing* says that the group is not there, *lacks* that some lines could not be read.
    *wait_s* is above 0 where nothing was asked, because this program's limit on calls is used up: ask again in so many
    seconds.
    """

    lines: tuple[LogLine, ...] = ()
    token: str = ""
    missing: str = ""
    lacks: str = ""
    wait_s: float = 0.0


_HEAD = 400  # characters in which a line says its level
_NAMED = re.compile(r"""["']?(?:log\.)?(?:level|severity|lvl|levelname|loglevel)["']?\s*[=:]\s*["']?([A-Za-z]+|\d+)""")
_WORD = re.compile(
    "(FATAL|CRITICAL|EMERGENCY|EMERG|PANIC|SEVERE|ERROR|ERR)|(WARNING|WARN)|INFO|NOTICE|DEBUG|TRACE"
)  # literals alone: it is asked of every line
_SAYS = re.compile(r"Traceback \(most recent|\bpanic:|(?:Exception|Errors?)\b\s*[:(]|[Ff]atal error\b|OOMKilled")
_LEVELS = {
    "error": "error err fatal critical crit panic alert emerg emergency severe 50 60",
    "warning": "warn warning 40",
    "info": "info information notice debug trace verbose 10 20 30",
}
_WORDS = {word: level for level, words in _LEVELS.items() for word in words.split()}


def level_of(text: str) -> str:
    """``error``, ``warning``, ``info`` or empty: a named level first (JSON, logfmt; pino's numbers), then a word in
    capitals, then what exceptions look like.
    """
    head = text[:_HEAD]
    if "evel" in head or "everity" in head or "lvl" in head:
        named = _NAMED.search(head)
        if named and (found := _WORDS.get(named[1].lower())):
            return found
    for word in _WORD.finditer(head):
        if _stands_alone(head, *word.span()):
            return "error" if word[1] else "warning" if word[2] else "info"
    return "error" if _SAYS.search(head) else ""


def _stands_alone(text: str, begin: int, end: int) -> bool:
    """Return whether it is a separate word. A colour's final ``m`` may stand right before it."""
    before, after = text[begin - 1 : begin], text[end : end + 1]
    return not (before.isupper() or before.isdigit() or before == "_" or after.isalpha() or after == "_")
