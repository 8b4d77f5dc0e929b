"""The environment that the drill wants, and the table of cases, worked out once for all tests of this folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oncall_tui.runtime import secret
from tests.faults.table import FURTHER, SOURCES, Case, observe_all
from tests.faults.world import ENVIRONMENT, SCENARIO, UNWANTED, World


@pytest.fixture(scope="package", autouse=True)
def _environment() -> Iterator[None]:
    """Nothing of this machine's own AWS configuration is seen, and the program's log goes when the tests do."""
    root = logging.getLogger()
    held, level = list(root.handlers), root.level
    with pytest.MonkeyPatch.context() as patch:
        for name in UNWANTED:
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
        yield
    for handler in set(root.handlers) - set(held):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is masked is what this test's own engines have read."""
    monkeypatch.setattr(secret, "_known", set())


@pytest.fixture(scope="package")
def kept(tmp_path_factory: pytest.TempPathFactory, _environment: None) -> Path:
    """Where the engines of the table leave their journals and logs."""
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="package")
def cases(kept: Path, pytestconfig: pytest.Config) -> dict[tuple[str, str], Case]:
    """(fault, source) -> what was seen; the sources in FURTHER with --everything alone."""
    everything = pytestconfig.getoption("everything")
    return observe_all(kept, [name for name in SOURCES if everything or name not in FURTHER])


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Open a simulated world with these arguments; this folder's scenario without any."""
    held: list[World] = []

    def make(*arguments: str) -> World:
        held.append(World(*(arguments or ("--scenario", SCENARIO))))
        return held[-1]

    yield make
    for world in held:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """This folder's scenario."""
    return make_world()
