"""The program's source as trees, parsed once a process: mark who reads all of it with ``ONE_PROCESS``."""

from __future__ import annotations

import ast
from functools import cache

import pytest

ONE_PROCESS = pytest.mark.xdist_group("words")


@cache
def parsed(text: str) -> ast.Module:
    """Return the tree of a module's *text*. It is shared: change nothing of it."""
    return ast.parse(text)
