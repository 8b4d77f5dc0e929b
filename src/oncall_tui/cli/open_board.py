"""Open the board: why it cannot be drawn here, or the screen until it is left."""

from __future__ import annotations

import gc

from oncall_tui import bootstrap
from oncall_tui.cli import WRONG_USE
from oncall_tui.cli.common import fail
from oncall_tui.cli.farewell import left_behind
from oncall_tui.cli.output import flush, say
from oncall_tui.cli.terminal_check import settle, why_no_board
from oncall_tui.config import Config
from oncall_tui.runtime.allocator import keep_little


def open_board(config: str, read_only: bool) -> int:
    """Run the board on the configuration file *config* (empty: where it is looked for); the exit code.

    Raises ConfigurationError. Where no board can be drawn on this terminal it says so, and ends the program.
    """
    settle()
    if (why := why_no_board()) is not None:
        fail(*why, WRONG_USE)
    return show(bootstrap.load_config(config), read_only)


def show(config: Config, read_only: bool, *, follow: bool = True) -> int:
    """Run the screen until it is left; returns the exit code. With *follow* it says then what goes on without it."""
    gc.disable()  # until the first frame: it saves 20 ms, and the app switches it on again
    keep_little()
    from oncall_tui.tui.lean_textual import import_app

    import_app()
    from oncall_tui.tui.app import OncallApp
    from oncall_tui.tui.terminal.ending import EndSignals

    engine = bootstrap.make_engine(config, read_only=read_only, takes_readings=True, stays=True)
    app = OncallApp(engine, config)
    left: tuple[str, ...] = ()
    with EndSignals(app.end, app.put_terminal_back):
        try:
            app.run_on_terminal()
            left = left_behind(engine) if follow else ()
        finally:
            engine.stop()
    say(*left)
    code = app.return_code or 0
    flush()
    return code
