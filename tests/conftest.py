"""How the suite is run: beside each other in several processes, and which tests only ``--everything`` runs."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import Compositor
from textual._context import active_app, visible_screen_stack

from oncall_tui.text import time_format
from tests.support import forked, level
from tests.support.closing import closed_afterwards
from tests.support.cores import cores
from tests.support.handler_errors import noted_only_where
from tests.support.open_files import OPEN

# Processes a core: most tests wait for another process or for a poll.
WORKERS_A_CORE = 3.5
# Long tests begin first, so that the processes end together.
LONG_FIRST = ("faults", "end_to_end", "races", "oracle_suspects", "oracle", "tui", "simulator", "providers")
DRAWN_ONE_IN = 4
MOST_OPEN = 300  # files of one process: each test's own, and what is open for all of them
FOLDERS = pytest.StashKey[dict[str, tempfile.TemporaryDirectory[str]]]()
STARTED = "ONCALL_TUI_TESTS_STARTED"
_DRAWN = Compositor.render_update


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--everything", action="store_true", help="also run second sizes and seeds, and the tests marked `everything`"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FOLDERS] = {}
    _have_folder(config, "XDG_STATE_HOME")  # names for a shell are kept there: none of a test's
    level.everything = config.getoption("everything")
    if level.everything:
        forked.afresh = _have_folder(config, STARTED)
    # A shell has what it starts in the background ignore these two, and programs would inherit that.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def pytest_unconfigure(config: pytest.Config) -> None:
    for variable, folder in config.stash[FOLDERS].items():
        del os.environ[variable]
        folder.cleanup()


def _have_folder(config: pytest.Config, variable: str) -> Path:
    """Return the folder that a variable names, for all processes of the run; a new one where it names none."""
    if variable not in os.environ:
        config.stash[FOLDERS][variable] = folder = tempfile.TemporaryDirectory(prefix="oncall-tui-tests-")
        os.environ[variable] = folder.name
    return Path(os.environ[variable])


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the number of processes that ``-n auto`` starts."""
    a_core = WORKERS_A_CORE if config.getoption("everything") else WORKERS_A_CORE + 0.5
    return max(4, round(a_core * cores()))


def pytest_collection_finish() -> None:
    """Leave what collecting made out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only ``--everything`` runs, and begin with the folders of long tests."""
    if not config.getoption("everything"):
        first: dict[tuple[str, str], object] = {}
        cases: Counter[str] = Counter()
        kept, left_out = [], []
        for item in items:
            further = item.get_closest_marker("everything") or _further(item, first) or _beyond_core(item, cases)
            (left_out if further else kept).append(item)
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept
    items.sort(key=_order)


def _further(item: pytest.Item, first: dict[tuple[str, str], object]) -> bool:
    """Return whether it is a test's second size or seed: the first that is collected is what ``make test`` runs."""
    found = getattr(item, "callspec", None)
    given = {} if found is None else {name: found.params[name] for name in ("size", "seed") if name in found.params}
    function = item.nodeid.partition("[")[0]
    return any(first.setdefault((function, name), value) != value for name, value in given.items())


def _beyond_core(item: pytest.Item, cases: Counter[str]) -> bool:
    """Return whether it is none of the first cases of a test that is marked ``core``."""
    marker = item.get_closest_marker("core")
    if marker is None:
        return False
    function = item.nodeid.partition("[")[0]
    cases[function] += 1
    return bool(cases[function] > marker.args[0])


@pytest.fixture(autouse=True)
def _times_in_utc() -> Iterator[None]:
    """An engine that a test makes sets the zone of its configuration: the next test has none."""
    time_format.set_zone(UTC)
    yield
    time_format.set_zone(UTC)


@pytest.fixture(autouse=True)
def _nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with closed_afterwards(monkeypatch):
        yield
    if OPEN.is_dir():
        few = len(os.listdir(OPEN)) < MOST_OPEN
        assert few, "tests leave files open: -n0 -p tests.support.open_files says which"


@pytest.fixture(autouse=True)
def _no_handler_fails_unseen(request: pytest.FixtureRequest) -> Iterator[None]:
    with noted_only_where(request.node.get_closest_marker("handler_error") is not None):
        yield


@pytest.fixture(autouse=True)
def _draw_what_is_read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw a screen only where a test reads it, but for tests that are marked ``drawn``, and some of ``--everything``.

    Such a screen has no terminal: Textual throws away what it drew, which is a quarter of the time of these tests. With
    ``--everything`` one test in four draws every frame, whichever its name picks.
    """
    picked = request.config.getoption("everything") and zlib.crc32(request.node.nodeid.encode()) % DRAWN_ONE_IN == 0
    if not picked and request.node.get_closest_marker("drawn") is None:
        monkeypatch.setattr(Compositor, "render_update", _undrawn)


def _undrawn(compositor: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False) -> Any:
    if full or not active_app.get().is_headless:
        return _DRAWN(compositor, full, screen_stack, simplify)
    visible_screen_stack.set(screen_stack or [])
    dirty = bool(compositor._dirty_regions)
    compositor._dirty_regions.clear()
    return "" if dirty else None


def _order(item: pytest.Item) -> int:
    root = Path(__file__).parent
    folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)
