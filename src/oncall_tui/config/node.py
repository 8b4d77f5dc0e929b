"""A node of a YAML document as the configuration is read from it: what it says, and where it stands."""

from __future__ import annotations

from typing import Any

FLOW = "flow"
NodeRow = tuple[str, str, Any, str, int, int]  # a node's fields in the order of its arguments


class Node:
    """*id* is ``scalar``, ``sequence`` or ``mapping``; *value* its text, its nodes, or its pairs of nodes. *style* is
    how a scalar was quoted (empty: it was not), or that a list or mapping stands in brackets (FLOW). *line* and
    *column* are counted from 1.

    The same node may stand in several places, also within itself: an alias.
    """

    __slots__ = ("column", "id", "line", "style", "tag", "value")

    def __init__(self, kind: str, tag: str, value: Any, style: str, line: int, column: int) -> None:
        self.id, self.tag, self.value, self.style = kind, tag, value, style
        self.line, self.column = line, column


def from_yaml(root: Any) -> Node:
    """Return a document's nodes, as PyYAML composed them, without PyYAML."""
    made: dict[int, Node] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in made:
            continue
        style = (one.style or "") if one.id == "scalar" else FLOW if one.flow_style else ""
        mark = one.start_mark
        made[id(one)] = Node(one.id, one.tag, one.value, style, mark.line + 1, mark.column + 1)
        if one.id == "sequence":
            waiting.extend(one.value)
        elif one.id == "mapping":
            waiting.extend(part for pair in one.value for part in pair)
    for node in made.values():
        if node.id == "sequence":
            node.value = [made[id(part)] for part in node.value]
        elif node.id == "mapping":
            node.value = [(made[id(name)], made[id(value)]) for name, value in node.value]
    return made[id(root)]


def to_rows(root: Node) -> list[NodeRow]:
    """Return the nodes as plain rows, the root first; a node within another is the number of its row."""
    numbers = {id(root): 0}
    order = [root]
    for node in order:  # it grows meanwhile
        parts = (
            () if node.id == "scalar" else node.value if node.id == "sequence" else [p for v in node.value for p in v]
        )
        for part in parts:
            if id(part) not in numbers:
                numbers[id(part)] = len(order)
                order.append(part)
    rows = []
    for node in order:
        value = node.value
        if node.id == "sequence":
            value = [numbers[id(part)] for part in value]
        elif node.id == "mapping":
            value = [(numbers[id(name)], numbers[id(part)]) for name, part in value]
        rows.append((node.id, node.tag, value, node.style, node.line, node.column))
    return rows


def from_rows(rows: list[NodeRow]) -> Node:
    """Return the root of what ``to_rows`` gave. Raises IndexError, TypeError or ValueError for what it never gives."""
    nodes = [Node(*row) for row in rows]
    for node in nodes:
        if node.id == "sequence":
            node.value = [nodes[number] for number in node.value]
        elif node.id == "mapping":
            node.value = [(nodes[name], nodes[value]) for name, value in node.value]
    return nodes[0]
