"""YAML text -> nodes that know their line and column, with a bound on everything that a file could blow up.

Nodes, not values: a value has forgotten where it stood, and whether ``5`` was written with quotes.
"""

from __future__ import annotations

import re
from typing import Any

from oncall_tui.config.diagnostic import Diagnostic
from oncall_tui.config.node import Node, from_yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 24
MAX_NODES = 50_000
WHAT_YAML = "YAML"


# What libyaml and PyYAML say -> the same for whoever wrote the line
_PLAIN = (
    (
        "undefined alias|alias",
        "an alias (*NAME) without its anchor (&NAME) before it; a string that begins with * needs quotes",
    ),
    ("another document", "a second document (---)"),
    (
        "mapping values are not allowed",
        "a second `: ` on one line, or a wrong indent; a string that has `: ` in it needs quotes",
    ),
    (
        "block sequence entries are not allowed",
        "a list's entry (`- `) on the line of a key: begin it on a line of its own",
    ),
    (
        r"expected ('-' indicator|<block end>, but found '\?')",
        "a line among a list's entries that begins with no `- `: check its indent",
    ),
    (
        "expected (key|<block end>|<document start>)",
        "a line that fits in nowhere above it: check its indent, and the quotes before it",
    ),
    ("expected ',' or ('\\]'|'}')", "a [list] or {mapping} that is not closed, or lacks a comma"),
    ("expected ':'", "a key without `: ` after it, or a string over several lines without quotes"),
    ("cannot start any token", "a character that no string begins with: put the string in quotes"),
    ("unexpected end of stream", "a string in quotes that does not end"),
    ("escape character|hexdecimal|hexadecimal", "a \\ in double quotes that begins no escape: use single quotes"),
    ("alphabetic or numeric", "a & or * without a name: a string that begins with it needs quotes"),
    ("(control|special) characters", "control characters"),
)


class Unreadable(Exception):
    """The text has no nodes: the one mistake that says why."""

    def __init__(self, mistake: Diagnostic) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def compose(text: str, file: str) -> Node | None:
    """The document's root node; None where the text holds nothing but comments. Raises Unreadable."""
    import yaml  # a hundredth of a second: not where the nodes of this very text were kept

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _measure(yaml, loader, text, file)
        reader = loader(text)
        try:
            root = reader.get_single_node()
            return None if root is None else from_yaml(root)
        finally:
            reader.dispose()
    except yaml.YAMLError as error:
        raise Unreadable(_explain(error, text, file)) from None
    except (UnicodeError, ValueError, OverflowError):
        raise Unreadable(
            Diagnostic(file=file, expected="text in UTF-8", found="characters that are not UTF-8")
        ) from None


def _measure(yaml: Any, loader: Any, text: str, file: str) -> None:
    """Stop before what is nested too deep or too long: composing is recursive, and ends the process when it is."""
    depth = 0
    for nodes, event in enumerate(yaml.parse(text, loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            limit = f"at most {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"at most {MAX_NODES} entries"
            raise Unreadable(Diagnostic(file=file, line=line, column=column, expected=limit, found="more"))


def _explain(error: Any, text: str, file: str) -> Diagnostic:
    """The parser's complaint in its words, but for what it quotes: that may be half of a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", "") or getattr(error, "reason", "") or "something else")
    line, column = (mark.line + 1, mark.column + 1) if mark else _at(error, text)
    if _has_tab(text, line):
        found = "a tab; YAML indents with spaces"
    else:
        quoted = re.sub(r"\s*(\"[^\"]{2,}\"|'[^']{2,}')", "", problem)
        found = next((plain for said, plain in _PLAIN if re.search(said, problem)), quoted)
    return Diagnostic(file=file, line=line, column=column, expected=WHAT_YAML, found=found)


def _at(error: Any, text: str) -> tuple[int, int]:
    position = getattr(error, "position", None)
    if not isinstance(position, int) or not 0 <= position <= len(text):
        return 0, 0
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def _has_tab(text: str, line: int) -> bool:
    lines = text.split("\n")
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    return "\t" in here[: len(here) - len(here.lstrip())] or here.rstrip("\r").endswith("\t")


def place(node: Node) -> tuple[int, int]:
    """Line and column, from 1."""
    return node.line, node.column


def is_empty(node: Node) -> bool:
    """Return whether it is a key with nothing after it."""
    return bool(node.id == "scalar" and not node.value and not node.style)
