"""Worlds and programs that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.terminal import Program
from tests.end_to_end.world import World


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Start a simulated world with these arguments of its command."""
    held: list[World] = []

    def make(*arguments: str) -> World:
        held.append(World(tmp_path, *arguments))
        return held[-1]

    yield make
    for world in held:
        world.close()


@pytest.fixture
def run_program() -> Iterator[Callable[..., Program]]:
    """Start the program in a pseudo-terminal."""
    held: list[Program] = []

    def run(*arguments: str, **more: Any) -> Program:
        held.append(Program(arguments, **more))
        return held[-1]

    yield run
    for program in held:
        program.close()
